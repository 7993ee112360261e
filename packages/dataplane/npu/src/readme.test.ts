import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { createBatch, createPipeline } from './index.ts'
import { routerProgram } from './testing/router-program.ts'

test('the example of the README runs', () => {
  const program = routerProgram()
  const frame = new Uint8Array(64)
  const arena = new Arena({ slots: 64, slotBytes: 2048 })
  const pipeline = createPipeline(program, { arena, nowMs: () => 0, ports: [1, 2, 3] })

  const result = pipeline.addEntry('routes', {
    keys: [{ kind: 'lpm', value: 0xcb007100n, length: 24 }],
    action: 'route',
    parameters: [5n],
  })
  if (!result.ok) throw new Error(result.error.kind)

  const batch = createBatch(32)
  batch.slots[0] = arena.from(frame)
  batch.ports[0] = 1
  batch.count = 1
  pipeline.process(batch)
  for (let k = 0; k < batch.outCount; k++) arena.free(batch.outSlots[k]!)

  const explanation = pipeline.explain(frame, 1)
  assert.equal(explanation.runs[0]!.outcome.kind, 'dropped')
  assert.equal(arena.freeSlots, 64)
})
