import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '@lodestone/host'
import { FlowMemory } from './flow-memory.ts'
import { TimingWheel } from './timing-wheel.ts'

/** A wheel over `count` items of 16 bytes, and the address of each. */
function wheelOf(count: number): { wheel: TimingWheel; at: (item: number) => number; item: (at: number) => number } {
  const memory = new FlowMemory()
  const base = memory.take(count * 16, true)
  return {
    wheel: new TimingWheel(0, memory, 4),
    at: (item) => base + item * 16,
    item: (at) => (at - base) / 16,
  }
}

test('items are looked at when their second comes, later ones later, cancelled ones never', () => {
  const { wheel, at, item } = wheelOf(8)
  const looked: [number, number][] = []
  for (const [number, inS] of [
    [0, 5],
    [1, 0.2],
    [2, 60],
    [3, 5],
    [4, 7],
  ] as const) {
    wheel.schedule(at(number), inS)
  }
  wheel.cancel(at(3))
  for (let nowS = 1; nowS <= 60; nowS++) wheel.advance(nowS, (address) => (looked.push([item(address), nowS]), 0))
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
  const { wheel, at, item } = wheelOf(200)
  dueS.forEach((due, number) => wheel.schedule(at(number), due))
  const expired = new Map<number, number>()
  for (let nowS = 0; nowS <= 9100; nowS += 1 + random.below(4)) {
    wheel.advance(nowS, (address) => {
      const rest = dueS[item(address)]! - nowS
      if (rest <= 0) expired.set(item(address), nowS)
      return rest
    })
  }
  assert.equal(expired.size, 200)
  for (const [item, atS] of expired) assert.ok(atS >= dueS[item]! && atS <= dueS[item]! + 5, `item ${item}`)
})

test('after a long pause one call reaches everything', () => {
  const { wheel, at } = wheelOf(100)
  for (let item = 0; item < 100; item++) wheel.schedule(at(item), item * 3)
  let count = 0
  wheel.advance(1_000_000, () => (count++, 0))
  assert.equal(count, 100)
})

test('a second in which everything ends is worked off in steps, and nothing is forgotten', () => {
  const { wheel, at } = wheelOf(100)
  for (let item = 0; item < 100; item++) wheel.schedule(at(item), 5)
  let count = 0
  const look = (): number => (count++, 0)
  assert.equal(wheel.advance(10, look, 40), false)
  assert.equal(count, 40)
  wheel.schedule(at(0), 1)
  assert.equal(wheel.advance(10, look, 40), false)
  assert.equal(wheel.advance(10, look, 40), true)
  assert.equal(count, 100, 'the last of the 40 was put back before it was its turn')
})
