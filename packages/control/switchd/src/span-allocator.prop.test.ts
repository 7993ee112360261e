import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SpanAllocator } from './span-allocator.ts'

const SIZE = 64
const step = fc.oneof(
  fc.record({ kind: fc.constant('allocate' as const), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('free' as const), pick: fc.nat(), part: fc.nat() }),
)

test('spans never overlap, free ones merge, and a run that exists is found', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const allocator = new SpanAllocator(SIZE)
      const used = new Uint8Array(SIZE)
      const live: { first: number; count: number }[] = []
      for (const each of steps) {
        if (each.kind === 'allocate') {
          const first = allocator.allocate(each.count)
          assert.equal(first >= 0, longestRun(used) >= each.count)
          if (first < 0) continue
          for (let i = first; i < first + each.count; i++) {
            assert.equal(used[i], 0, `index ${i} was in use`)
            used[i] = 1
          }
          live.push({ first, count: each.count })
        } else if (live.length > 0) {
          // The tail of a span may be given back before its head.
          const span = live[each.pick % live.length]!
          const keep = each.part % span.count
          allocator.free(span.first + keep, span.count - keep)
          used.fill(0, span.first + keep, span.first + span.count)
          span.count = keep
          if (keep === 0) live.splice(live.indexOf(span), 1)
        }
        assert.equal(
          allocator.freeCount,
          used.reduce((sum, n) => sum + (1 - n), 0),
        )
      }
      for (const { first, count } of live) allocator.free(first, count)
      assert.equal(allocator.allocate(SIZE), 0)
    }),
    { numRuns: 300 },
  )
})

test('giving back what is free throws', () => {
  const allocator = new SpanAllocator(8)
  assert.equal(allocator.allocate(4), 0)
  allocator.free(0, 2)
  assert.throws(() => allocator.free(1, 2), /free already/)
  assert.throws(() => allocator.free(5, 1), /free already/)
})

function longestRun(used: Uint8Array): number {
  let best = 0
  let run = 0
  for (const each of used) {
    run = each === 0 ? run + 1 : 0
    best = Math.max(best, run)
  }
  return best
}
