import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chosenSled } from './placement.ts'

const sledId = fc.constantFrom('a', 'b', 'c', 'd')
const candidates = fc.uniqueArray(fc.record({ sledId, count: fc.nat(5) }), { selector: (each) => each.sledId })
const neighbors = fc.array(
  fc.record({
    kind: fc.constantFrom('affinity' as const, 'anti_affinity' as const),
    policy: fc.constantFrom('allow' as const, 'fail' as const),
    sledId,
  }),
  { maxLength: 6 },
)

test('a group with policy `fail` is never broken, and an instance stays unplaced only when there is no other way', () => {
  fc.assert(
    fc.property(candidates, neighbors, (sleds, others) => {
      const strict = others.filter(({ policy }) => policy === 'fail')
      const isAllowed = (id: string): boolean =>
        strict.every(({ kind, sledId: other }) => (kind === 'affinity' ? other === id : other !== id))
      const chosen = chosenSled(sleds, others)
      if (chosen === undefined) assert.ok(!sleds.some((each) => isAllowed(each.sledId)))
      else assert.ok(isAllowed(chosen) && sleds.some((each) => each.sledId === chosen))
    }),
  )
})

test('without groups the sled with the fewest instances is taken, among equals the first', () => {
  fc.assert(
    fc.property(candidates, (sleds) => {
      const least = Math.min(...sleds.map(({ count }) => count))
      assert.equal(chosenSled(sleds, []), sleds.find(({ count }) => count === least)?.sledId)
    }),
  )
})
