import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WordTable } from './word-table.ts'

for (const keyWords of [3, 4, 10]) {
  test(`a table of ${keyWords}-word keys does what a Map does, through growth and removal`, () => {
    // Few distinct words make collisions and repeated keys likely.
    const key = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: keyWords, maxLength: keyWords })
    const operation = fc.record({
      kind: fc.constantFrom('insert', 'insert', 'remove', 'find'),
      key,
      value: fc.integer(),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
        const table = new WordTable(keyWords, keyWords + 2, 4)
        const model = new Map<string, number>()
        for (const { kind, key, value } of operations) {
          const words = Int32Array.from(key)
          const row = table.find(words)
          const text = key.join()
          assert.equal(row >= 0, model.has(text))
          if (row >= 0) assert.equal(table.rows[row * table.rowWords + keyWords], model.get(text))
          if (kind === 'insert' && row < 0) {
            const added = table.insert(words)
            assert.equal(table.rows[added * table.rowWords + keyWords + 1], 0, 'a new row is zeroed')
            table.rows[added * table.rowWords + keyWords] = value
            table.rows[added * table.rowWords + keyWords + 1] = 1
            model.set(text, value)
          } else if (kind === 'remove' && row >= 0) {
            table.remove(row)
            model.delete(text)
          }
          assert.equal(table.count, model.size)
        }
        const seen = new Set<number>()
        table.forEach((row) => seen.add(row))
        assert.equal(seen.size, model.size)
      }),
      { numRuns: 60 },
    )
  })
}

test('rows keep their numbers while the table grows', () => {
  const table = new WordTable(4, 6)
  const rows = new Map<number, number>()
  for (let i = 0; i < 5000; i++) rows.set(i, table.insert(Int32Array.of(i, ~i, i << 16, 6)))
  for (const [i, row] of rows) assert.equal(table.find(Int32Array.of(i, ~i, i << 16, 6)), row)
})
