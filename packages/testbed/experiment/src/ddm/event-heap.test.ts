import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventHeap } from './event-heap.ts'

test('events come in order of time, and of insertion where times are equal, whatever is pushed and replaced', () => {
  const step = fc.record({ kind: fc.constantFrom('push', 'pop', 'replace'), time: fc.nat({ max: 20 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
      const heap = new EventHeap()
      let model: { time: number; order: number }[] = []
      for (const [order, { kind, time }] of steps.entries()) {
        if (kind !== 'push' && heap.size > 0) {
          const first = model.reduce((a, b) => (b.time < a.time || (b.time === a.time && b.order < a.order) ? b : a))
          assert.deepEqual([heap.time, heap.value], [first.time, first.order])
          model = model.filter((each) => each !== first)
          if (kind === 'pop') heap.pop()
        }
        if (kind === 'push') heap.push(time, order)
        else if (kind === 'replace') {
          if (heap.size > model.length) heap.replace(time, order)
          else heap.push(time, order)
        }
        if (kind !== 'pop') model.push({ time, order })
        assert.equal(heap.size, model.length)
      }
    }),
    { numRuns: 50 },
  )
})
