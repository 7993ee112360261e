/** The index against a Map, through growth in steps, collisions of whole hashes, and removal from either half. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FlowIndex } from './flow-index.ts'
import { FlowMemory } from './flow-memory.ts'

const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('insert' as const), hash: fc.integer({ min: -9, max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('find' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), count: fc.nat({ max: 3 }) }) },
)

test('rows are found by their hash whatever else came and went, also while the index grows', () => {
  let grown = 0
  fc.assert(
    fc.property(fc.array(operation, { minLength: 100, maxLength: 300, size: 'max' }), (operations) => {
      const index = new FlowIndex(new FlowMemory(), 64)
      const rows = new Map<number, number>()
      const pickOf = (pick: number): number | undefined => [...rows.keys()][pick % Math.max(1, rows.size)]
      let next = 64
      for (const op of operations) {
        if (op.kind === 'insert') {
          assert.equal(index.insert(op.hash, next), true)
          rows.set(next, op.hash)
          next += 64
        } else if (op.kind === 'move') {
          index.move(op.count)
        } else {
          const row = pickOf(op.pick)
          if (row === undefined) continue
          if (op.kind === 'remove') {
            index.remove(rows.get(row)!, row)
            rows.delete(row)
          } else
            assert.equal(
              index.find(rows.get(row)!, (found) => found === row),
              row,
            )
        }
        if (index.isMoving) grown++
      }
      assert.equal(index.count, rows.size)
      for (const [row, hash] of rows)
        assert.equal(
          index.find(hash, (found) => found === row),
          row,
        )
      assert.equal(
        index.find(0x5eed, () => true),
        0,
      )
    }),
    { numRuns: 100 },
  )
  assert.ok(grown > 100, `growing was seen ${grown} times`)
})
