import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from './clock.ts'
import { SpareTime } from './spare-time.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A clock on which each piece takes some time. */
class BusyClock extends VirtualClock {
  workedMs = 0

  override nowMs(): number {
    return super.nowMs() + this.workedMs
  }
}

test('pieces that take time are done for a quarter of a millisecond, then others have their turn', async () => {
  const clock = new BusyClock()
  const spare = SpareTime.of(clock)
  const turns: number[] = []
  let pieces = 0
  const work = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) {
      clock.workedMs += 0.05
      pieces++
      await spare.pause()
    }
  }
  const done = work()
  let before = pieces
  while (pieces < 100) {
    await clock.advance(0.25)
    if (pieces > before) turns.push(pieces - before)
    before = pieces
  }
  await clock.run(done)
  assert.ok(turns.length >= 18, String(turns))
  assert.ok(
    turns.every((each) => each <= 6),
    String(turns),
  )
})

test('all who work on one clock share its turns, first come first served, and in virtual time a turn has an end, too', async () => {
  const clock = new VirtualClock()
  const log: string[] = []
  function* pieces(name: string): Generator<undefined, string> {
    for (let i = 0; i < 40; i++) {
      log.push(`${name}${i} at ${clock.nowMs()}`)
      yield
    }
    return name
  }
  const both = Promise.all([SpareTime.of(clock).run(pieces('a')), SpareTime.of(clock).run(pieces('b'))])
  assert.deepEqual(await clock.run(both), ['a', 'b'])
  const inTurn = new Map<string, number>()
  for (const line of log) {
    const at = line.slice(line.indexOf(' '))
    inTurn.set(at, (inTurn.get(at) ?? 0) + 1)
  }
  assert.ok(inTurn.size >= 4, [...inTurn.keys()].join())
  assert.ok(Math.max(...inTurn.values()) <= 40)
  assert.deepEqual(
    log.filter((line) => line.startsWith('b0 ') || line.startsWith('a0 ')),
    ['a0 at 0', 'b0 at 0'],
  )
  const clocks: Clock[] = [clock, new VirtualClock()]
  assert.notEqual(SpareTime.of(clocks[0]!), SpareTime.of(clocks[1]!))
})
