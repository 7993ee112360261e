import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, test } from 'node:test'
import { every, sleep } from './clock.ts'
import { RealClock } from './real-clock.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('VirtualClock', () => {
  test('runs events in order at their exact times and stops at the end', async () => {
    const clock = new VirtualClock(1000)
    const log: string[] = []
    clock.after(5, () => log.push(`b ${clock.nowMs()}`))
    clock.after(2.5, () => {
      log.push(`a ${clock.nowMs()}`)
      clock.after(0, () => log.push(`now ${clock.nowMs()}`))
    })
    clock.after(5, () => log.push(`c ${clock.nowMs()}`))
    clock.after(11, () => log.push('late'))
    await clock.advance(10)
    assert.deepEqual(log, ['a 2.5', 'now 2.5', 'b 5', 'c 5'])
    assert.equal(clock.nowMs(), 10)
    assert.equal(clock.wallMs(), 1010)
    assert.equal(clock.eventsRun, 4)
  })

  test('lets promises settle between events', async () => {
    const clock = new VirtualClock()
    const log: string[] = []
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 1)
        await Promise.resolve().then(() => undefined)
        log.push(`${i} at ${clock.nowMs()}`)
      }
    }
    void worker()
    clock.after(1.5, () => log.push('half'))
    await clock.advance(3)
    assert.deepEqual(log, ['0 at 1', 'half', '1 at 2', '2 at 3'])
  })

  test('without the undocumented way to run ticks, events and promises come in the same order', async () => {
    const order = async (Clock: typeof VirtualClock): Promise<string[]> => {
      const clock = new Clock()
      const log: string[] = []
      const worker = async (name: string, everyMs: number): Promise<void> => {
        for (let i = 0; i < 5; i++) {
          await sleep(clock, everyMs)
          process.nextTick(() => log.push(`${name} tick ${clock.nowMs()}`))
          await Promise.resolve().then(() => Promise.resolve())
          log.push(`${name} ${clock.nowMs()}`)
        }
      }
      await clock.run(Promise.all([worker('a', 1), worker('b', 1), worker('c', 2.5)]))
      return log
    }
    const owner = process as { _tickCallback?: () => void }
    const runTicks = owner._tickCallback
    delete owner._tickCallback
    try {
      assert.equal(owner._tickCallback, undefined)
      // The module looks for it when it is loaded: under another name it is loaded once more.
      const name: string = './virtual-clock.ts?without-ticks'
      const { VirtualClock: Plain } = (await import(name)) as { readonly VirtualClock: typeof VirtualClock }
      assert.notEqual(Plain, VirtualClock)
      assert.deepEqual(await order(Plain), await order(VirtualClock))
    } finally {
      if (runTicks !== undefined) owner._tickCallback = runTicks
    }
  })

  test('run gives the value, the rejection, or says that nothing happened', async () => {
    const clock = new VirtualClock()
    assert.equal(await clock.run(sleep(clock, 100).then(() => 7)), 7)
    assert.equal(clock.nowMs(), 100)
    await assert.rejects(clock.run(Promise.reject(new Error('no'))), /no/)
    await assert.rejects(clock.run(new Promise(() => undefined), 50), /within 50 ms/)
    assert.equal(clock.nowMs(), 150)
  })

  test('until stops as soon as the condition holds, and never moves back', async () => {
    const clock = new VirtualClock()
    let count = 0
    const timer = every(clock, 10, () => {
      if (++count === 5) timer.cancel()
    })
    assert.equal(await clock.until(() => count === 3, 1000), true)
    assert.equal(clock.nowMs(), 30)
    assert.equal(await clock.until(() => count === 9, 1000), false)
    assert.equal(count, 5)
    await Promise.all([clock.advance(10), clock.advance(200)])
    assert.equal(clock.nowMs(), 1230)
  })

  test('stands while anything of the real world is under way that it was told of, until it is told that this has ended', async () => {
    const clock = new VirtualClock()
    const isBusy = [true, true]
    const [, unwatch] = isBusy.map((_, i) => clock.waitAlsoFor(() => isBusy[i] === false))
    let atMs: number | undefined
    clock.after(5, () => (atMs = clock.nowMs()))
    const turns = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    }
    const done = clock.advance(10)
    await turns()
    isBusy[0] = false
    await turns()
    assert.equal(atMs, undefined, 'the other one is still busy')
    unwatch!()
    await done
    assert.deepEqual([atMs, clock.nowMs()], [5, 10])
    isBusy[0] = true
    let isOver = false
    const more = clock.advance(10).then(() => (isOver = true))
    await turns()
    assert.equal(isOver, false, 'the first is asked again')
    isBusy[0] = false
    await more
  })

  test('a cancelled timer does not run, and cancelling twice or too late is harmless', async () => {
    const clock = new VirtualClock()
    let ran = 0
    const early = clock.after(1, () => ran++)
    const never = clock.after(2, () => ran++)
    await clock.advance(1)
    early.cancel()
    never.cancel()
    never.cancel()
    await clock.advance(10)
    assert.equal(ran, 1)
  })
})

describe('RealClock', () => {
  test('runs timers in order, none before its time, with better than a millisecond to spare', async () => {
    const clock = new RealClock()
    const ran: { name: string; atMs: number; dueMs: readonly [number, number] }[] = []
    await new Promise<void>((resolve) => {
      // A process that others hold up between two calls asks for the second one later: when each is due is known within bounds.
      const ask = (name: string, delayMs: number): void => {
        const fromMs = clock.nowMs()
        clock.after(delayMs, () => {
          ran.push({ name, atMs: clock.nowMs(), dueMs: [fromMs + delayMs, toMs + delayMs] })
          if (ran.length === 4) resolve()
        })
        const toMs = clock.nowMs()
      }
      ask('last', 12)
      ask('c', 3)
      ask('a', 0.2)
      ask('b', 1)
      clock.after(2, () => assert.fail('it was cancelled')).cancel()
    })
    ran.forEach(({ name, atMs, dueMs }, i) => {
      assert.ok(atMs >= dueMs[0], `${name} ran at ${atMs} ms, ${dueMs[0] - atMs} ms early`)
      for (const later of ran.slice(i + 1)) assert.ok(dueMs[0] <= later.dueMs[1], `${name} ran before ${later.name}`)
    })
    const [from, at, to] = [Date.now(), clock.wallMs(), Date.now()]
    assert.ok(from <= at && at <= to, `${at} is not in ${from} … ${to}`)
  })

  test('a timer that throws does not stop those after it', async () => {
    const clock = new RealClock()
    const thrown = new Promise<unknown>((resolve) => {
      // node:test has listeners of its own, which would fail the test
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', (error) => {
        for (const other of others) process.on('uncaughtException', other)
        resolve(error)
      })
    })
    clock.after(0, () => {
      throw new Error('from a timer')
    })
    const next = sleep(clock, 1)
    assert.match(String(await thrown), /from a timer/)
    await next
    await sleep(clock, 0.1)
  })

  test('sleeps no longer when everything it would wake up for is cancelled, and wakes up for what comes later', async () => {
    const sleeping = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
    const before = sleeping()
    const clock = new RealClock()
    const timers = [clock.after(60_000, assert.fail), clock.after(90_000, assert.fail)]
    assert.equal(sleeping(), before + 1)
    for (const timer of timers) timer.cancel()
    assert.equal(sleeping(), before, 'the process may end')
    await sleep(clock, 5)
  })
})
