import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RouteTable } from './route-table.ts'

const operation = fc.record({
  isRemoval: fc.boolean(),
  /** Few values, so that probe runs get long and removals hit. */
  words: fc.tuple(fc.nat(7), fc.nat(3), fc.nat(1), fc.nat(1)),
  length: fc.nat(32),
})

for (const family of [4, 6] as const) {
  test(`an IPv${family} table behaves as a map, and indices are stable`, () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const table = new RouteTable(family)
        const reference = new Map<string, number>()
        for (const { isRemoval, words, length } of operations) {
          const [w0, ...rest] = words
          const [w1, w2, w3] = family === 4 ? [0, 0, 0] : rest
          const key = `${w0} ${w1} ${w2} ${w3} ${length}`
          const known = reference.get(key) ?? -1
          assert.equal(table.find(w0, w1, w2, w3, length), known)
          if (isRemoval) {
            if (known >= 0) table.remove(known)
            reference.delete(key)
          } else {
            const index = table.insert(w0, w1, w2, w3, length)
            if (known >= 0) assert.equal(index, known)
            reference.set(key, index)
          }
          assert.equal(table.size, reference.size)
        }
        for (const [key, index] of reference) {
          const [w0, w1, w2, w3, length] = key.split(' ').map(Number) as [number, number, number, number, number]
          assert.equal(table.find(w0, w1, w2, w3, length), index)
        }
        assert.equal(new Set(reference.values()).size, reference.size, 'no two prefixes share an index')
      }),
      { numRuns: 100 },
    )
  })
}
