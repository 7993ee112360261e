/** The arena against a model: a map from slot to the bytes that a frame must have. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena } from './index.ts'

type Operation =
  | { readonly kind: 'from'; readonly bytes: Uint8Array }
  | { readonly kind: 'free' | 'clone'; readonly pick: number }
  | { readonly kind: 'shift'; readonly pick: number; readonly delta: number }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('from' as const), bytes: fc.uint8Array({ maxLength: 80 }) }),
  fc.record({ kind: fc.constantFrom('free' as const, 'clone' as const), pick: fc.nat() }),
  fc.record({ kind: fc.constant('shift' as const), pick: fc.nat(), delta: fc.integer({ min: -40, max: 40 }) }),
)

test('frames keep their bytes through any sequence of operations on others', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const arena = new Arena({ slots: 6, slotBytes: 128, headroomBytes: 34 })
      const model = new Map<number, Uint8Array>()
      for (const step of operations) {
        if (step.kind === 'from') {
          const slot = arena.from(step.bytes)
          assert.equal(slot < 0, model.size === 6)
          if (slot >= 0) {
            assert.ok(!model.has(slot), 'a slot is given out once')
            model.set(slot, step.bytes)
          }
          continue
        }
        const slot = [...model.keys()][step.pick % Math.max(1, model.size)]
        if (slot === undefined) continue
        const bytes = model.get(slot)!
        if (step.kind === 'free') {
          arena.free(slot)
          model.delete(slot)
        } else if (step.kind === 'clone' && bytes.length <= 128 - 34) {
          const copy = arena.clone(slot)
          assert.equal(copy < 0, model.size === 6)
          if (copy >= 0) model.set(copy, bytes)
        } else if (step.kind === 'shift' && arena.shift(slot, step.delta)) {
          // What a push uncovers is undefined; it becomes the frame's own.
          model.set(slot, step.delta > 0 ? bytes.slice(step.delta) : arena.peek(slot).slice())
        }
      }
      for (const [slot, bytes] of model) assert.deepEqual(arena.peek(slot).slice(), bytes)
      assert.equal(arena.freeSlots, 6 - model.size)
    }),
    { numRuns: 200 },
  )
})
