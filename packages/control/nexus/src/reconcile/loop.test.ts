import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, VirtualClock } from '@lodestone/host'
import { type PassResult, ReconcilerLoop } from './loop.ts'

function makeLoop(pass: (isFull: boolean, atMs: number) => Promise<PassResult>): {
  clock: VirtualClock
  loop: ReconcilerLoop
  starts: number[]
} {
  const clock = new VirtualClock()
  const starts: number[] = []
  const loop = new ReconcilerLoop({
    reconciler: 'test',
    target: 'sled0',
    clock,
    periodMs: 30_000,
    pass: (isFull) => {
      starts.push(clock.nowMs())
      return pass(isFull, clock.nowMs())
    },
  })
  return { clock, loop, starts }
}

const fine: PassResult = { items: [{ item: 'x', state: 'applied' }] }

test('runs when activated and once a period; the periodic pass is a full one', async () => {
  const fulls: boolean[] = []
  const { clock, loop, starts } = makeLoop(async (isFull) => {
    fulls.push(isFull)
    return fine
  })
  loop.activate()
  await clock.advance(10_000)
  loop.activate()
  await clock.advance(55_000)
  assert.deepEqual(starts, [0, 10_000, 40_000])
  assert.deepEqual(fulls, [true, false, true])
  loop.activate(true)
  await clock.advance(0)
  assert.equal(fulls.at(-1), true)
  assert.equal(loop.status().state, 'idle')
})

test('never runs twice at a time, and an activation during a pass is answered by another pass', async () => {
  let inside = 0
  const { clock, loop, starts } = makeLoop(async () => {
    assert.equal(++inside, 1)
    await sleep(clock, 100)
    inside--
    return fine
  })
  loop.activate()
  await clock.advance(50)
  loop.activate()
  loop.activate()
  await clock.advance(1_000)
  assert.deepEqual(starts, [0, 100])
})

test('a failure is retried at growing distances of at most five seconds, and reported meanwhile', async () => {
  let isBroken = true
  const { clock, loop, starts } = makeLoop(async () => {
    if (isBroken) throw new Error('the sled is on fire')
    return fine
  })
  loop.activate()
  await clock.advance(4_000)
  assert.deepEqual(starts, [0, 250, 750, 1_750, 3_750])
  assert.equal(loop.status().error, 'the sled is on fire')
  assert.equal(loop.status().state, 'waiting')
  await clock.advance(16_000)
  assert.deepEqual(starts.slice(5), [7_750, 12_750, 17_750])
  isBroken = false
  await clock.advance(10_000)
  assert.equal(loop.status().error, undefined)
  assert.equal(loop.status().state, 'idle')
})

test('closing waits for the pass that is running and starts no other', async () => {
  const { clock, loop, starts } = makeLoop(async () => {
    await sleep(clock, 100)
    return { ...fine, againMs: 10 }
  })
  loop.activate()
  await clock.advance(10)
  await clock.run(loop.close())
  assert.equal(clock.nowMs(), 100)
  loop.activate()
  await clock.advance(100_000)
  assert.deepEqual(starts, [0])
})
