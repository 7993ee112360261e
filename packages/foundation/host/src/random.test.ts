import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OsRandom } from './os-random.ts'
import type { Random } from './random.ts'
import { SeededRandom } from './seeded-random.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

for (const [name, make] of [
  ['SeededRandom', () => new SeededRandom(7)],
  ['OsRandom', () => new OsRandom()],
] as const) {
  test(`${name}: values lie in their ranges and spread over them`, () => {
    const random: Random = make()
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 5000; i++) {
      const float = random.float()
      assert.ok(float >= 0 && float < 1)
      counts[random.below(10)]!++
      const word = random.u32()
      assert.ok(Number.isInteger(word) && word >= 0 && word <= 0xffffffff)
    }
    assert.ok(
      counts.every((count) => count > 350 && count < 650),
      counts.join(),
    )
    assert.equal(random.bytes(33).length, 33)
    assert.match(random.uuid(), UUID)
    assert.notEqual(random.uuid(), random.uuid())
  })
}

test('the same seed repeats, another does not, and a fork depends on seed and label only', () => {
  const take = (random: Random): number[] => Array.from({ length: 8 }, () => random.u32())
  assert.deepEqual(take(new SeededRandom(1)), take(new SeededRandom(1)))
  assert.notDeepEqual(take(new SeededRandom(1)), take(new SeededRandom(2)))
  const used = new SeededRandom(1)
  used.u32()
  assert.deepEqual(take(used.fork('link')), take(new SeededRandom(1).fork('link')))
  assert.notDeepEqual(take(used.fork('link')), take(used.fork('other')))
  assert.notDeepEqual(take(used.fork('link')), take(new SeededRandom(2).fork('link')))
})
