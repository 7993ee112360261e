import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventQueue, type QueuedEvent } from './event-queue.ts'

test('events come out by due time and, when equal, in the order pushed, whatever is cancelled', () => {
  const operation = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), value: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), value: fc.nat(300) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const), value: fc.nat(20) }) },
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const queue = new EventQueue()
      const handles: QueuedEvent[] = []
      const model: { id: number; dueMs: number }[] = []
      for (const { kind, value } of operations) {
        if (kind === 'push') {
          const id = handles.length
          handles.push(queue.push(value, () => ran.push(id)))
          model.push({ id, dueMs: value })
        } else if (kind === 'cancel') {
          handles[value]?.cancel()
          const at = model.findIndex((entry) => entry.id === value)
          if (at >= 0) model.splice(at, 1)
        } else {
          const ran0 = ran.length
          const run = queue.take(value)
          run?.()
          const expected = model
            .filter((entry) => entry.dueMs <= value)
            .reduce<(typeof model)[0] | undefined>(
              (best, entry) => (best === undefined || entry.dueMs < best.dueMs ? entry : best),
              undefined,
            )
          assert.equal(ran[ran0], expected?.id)
          if (expected !== undefined) model.splice(model.indexOf(expected), 1)
        }
        assert.equal(queue.size, model.length)
      }
      ran.length = 0
    }),
  )
})

const ran: number[] = []

test('a queue whose timers are nearly all cancelled does not grow', () => {
  const queue = new EventQueue()
  queue.push(1e9, () => undefined)
  for (let i = 0; i < 50_000; i++) queue.push(1e6 + i, () => undefined).cancel()
  assert.equal(queue.size, 1)
  assert.equal(queue.peek()!.dueMs, 1e9)
})
