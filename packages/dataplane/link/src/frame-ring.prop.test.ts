import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameRing } from './frame-ring.ts'

test('a ring gives back what a stable sort by due time would, whatever the pushes and takes', () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), dueMs: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ kind: fc.constant('take' as const), dueMs: fc.integer({ min: 0, max: 50 }), most: fc.nat(20) }),
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const ring = new FrameRing(4)
      const model: { slot: number; dueMs: number }[] = []
      let next = 0
      for (const operation of operations) {
        if (operation.kind === 'push') {
          const slot = next++
          ring.push(slot, operation.dueMs)
          const at = model.findIndex((entry) => entry.dueMs > operation.dueMs)
          model.splice(at < 0 ? model.length : at, 0, { slot, dueMs: operation.dueMs })
        } else {
          const out = new Int32Array(operation.most)
          const count = ring.take(operation.dueMs, out)
          const due = model.filter((entry) => entry.dueMs <= operation.dueMs).slice(0, operation.most)
          assert.deepEqual(
            [...out.subarray(0, count)],
            due.map((entry) => entry.slot),
          )
          model.splice(0, due.length)
        }
        assert.equal(ring.count, model.length)
        assert.equal(ring.firstDueMs, model[0]?.dueMs ?? Infinity)
        assert.equal(ring.lastDueMs, model.at(-1)?.dueMs ?? -Infinity)
      }
    }),
    { numRuns: 200 },
  )
})
