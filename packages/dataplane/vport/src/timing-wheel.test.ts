import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '@lodestone/host'
import { SnatPool, SNAT_QUARANTINE_MS } from './snat-pool.ts'
import { TimingWheel } from './timing-wheel.ts'

test('items are looked at when their second comes, later ones later, cancelled ones never', () => {
  const wheel = new TimingWheel(0, 8)
  const looked: [number, number][] = []
  for (const [item, inS] of [
    [0, 5],
    [1, 0.2],
    [2, 60],
    [3, 5],
    [4, 7],
  ] as const) {
    wheel.schedule(item, inS)
  }
  wheel.cancel(3)
  for (let nowS = 1; nowS <= 60; nowS++) wheel.advance(nowS, (item) => (looked.push([item, nowS]), 0))
  assert.deepEqual(looked, [
    [1, 1],
    [0, 5],
    [4, 7],
    [2, 60],
  ])
})

test('an item that was used meanwhile is put off, and one beyond the horizon waits', () => {
  const random = new SeededRandom(7)
  const dueS = Array.from({ length: 200 }, () => 1 + random.below(9000))
  const wheel = new TimingWheel(0, 200)
  dueS.forEach((due, item) => wheel.schedule(item, due))
  const expired = new Map<number, number>()
  for (let nowS = 0; nowS <= 9100; nowS += 1 + random.below(4)) {
    wheel.advance(nowS, (item) => {
      const rest = dueS[item]! - nowS
      if (rest <= 0) expired.set(item, nowS)
      return rest
    })
  }
  assert.equal(expired.size, 200)
  for (const [item, atS] of expired) assert.ok(atS >= dueS[item]! && atS <= dueS[item]! + 5, `item ${item}`)
})

test('after a long pause one call reaches everything', () => {
  const wheel = new TimingWheel(0, 100)
  for (let item = 0; item < 100; item++) wheel.schedule(item, item * 3)
  let count = 0
  wheel.advance(1_000_000, () => (count++, 0))
  assert.equal(count, 100)
})

test('source ports go out in the order they came back, after their quarantine', () => {
  const pool = new SnatPool(100, 103)
  assert.deepEqual(
    [pool.lease(0), pool.lease(0), pool.lease(0), pool.lease(0), pool.lease(0)],
    [100, 101, 102, 103, -1],
  )
  pool.release(102, 1000)
  pool.release(100, 2000)
  assert.equal(pool.lease(2000), -1)
  assert.equal(pool.lease(1000 + SNAT_QUARANTINE_MS), 102)
  assert.equal(pool.lease(1000 + SNAT_QUARANTINE_MS), -1)
  assert.equal(pool.lease(2000 + SNAT_QUARANTINE_MS), 100)
  assert.throws(() => pool.release(50, 0))
})
