import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PairTable } from './pair-table.ts'

test('a pair table gives the numbers of a map, whatever comes and goes', () => {
  const change = fc.record({ a: fc.nat(40), b: fc.nat(3), isAdded: fc.boolean() })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
      const table = new PairTable()
      const model = new Map<string, number>()
      for (const { a, b, isAdded } of changes) {
        const known = model.get(`${a} ${b}`)
        assert.equal(table.find(a, b), known ?? -1)
        if (isAdded && known === undefined) {
          const id = table.add(a, b)
          assert.ok(![...model.values()].includes(id))
          assert.equal(table.first(id), a)
          model.set(`${a} ${b}`, id)
        } else if (!isAdded && known !== undefined) {
          table.remove(known)
          model.delete(`${a} ${b}`)
        }
        assert.equal(table.size, model.size)
      }
    }),
  )
})
