/** RankList against a sorted array, with enough distinct ranks that blocks split and vanish. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RankList } from './rank-list.ts'

test('the highest rank is that of a sorted array, whatever was added and removed before', () => {
  const operation = fc.record({ rank: fc.integer({ min: -3000, max: 3000 }), isRemoval: fc.boolean() })
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 6000, size: 'max' }), (operations) => {
      const list = new RankList()
      const model: number[] = []
      for (const { rank, isRemoval } of operations) {
        if (isRemoval && model.length > 0) {
          const at = Math.abs(rank) % model.length
          list.remove(model[at]!)
          model.splice(at, 1)
        } else {
          list.add(rank)
          const at = model.findIndex((one) => one >= rank)
          model.splice(at < 0 ? model.length : at, 0, rank)
        }
        assert.equal(list.max(), model.at(-1))
      }
    }),
    { numRuns: 10 },
  )
})

test('removing highest first gives every rank back in descending order, over many blocks', () => {
  const list = new RankList()
  const ranks = Array.from({ length: 20_000 }, (_, k) => Math.imul(k, 0x9e3779b1))
  for (const rank of ranks) {
    list.add(rank)
    list.add(rank)
  }
  const sorted = ranks.flatMap((rank) => [rank, rank]).sort((a, b) => b - a)
  for (const rank of sorted) {
    assert.equal(list.max(), rank)
    list.remove(rank)
  }
  assert.equal(list.max(), undefined)
})
