import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { Interpreter, RESERVED_DROP } from '@lodestone/p4'
import { createBatch, createPipeline } from './index.ts'
import { Duel } from './testing/duel.ts'
import { ProgramBuilder, state } from './testing/program-builder.ts'

function builder(): ProgramBuilder {
  const b = new ProgramBuilder('endless')
  b.intrinsic('ingress.port', 16)
  b.intrinsic('egress.port', 16)
  b.intrinsic('egress.drop', 1)
  b.intrinsic('egress.dropReason', 8)
  b.intrinsic('parser.error', 16)
  return b
}

test('a loop statement without end drops the packet and says so', () => {
  const b = builder()
  const count = b.slot('meta.count', 32)
  b.control('ingress', [{ kind: 'loop', body: [b.assign(count, 1n)] }])
  const program = b.build()
  const arena = new Arena({ slots: 8, slotBytes: 512 })
  const pipeline = createPipeline(program, { arena, nowMs: () => 0 })
  const batch = createBatch(1)
  batch.slots[0] = arena.alloc(64)
  batch.ports[0] = 1
  batch.count = 1
  pipeline.process(batch)
  const { endlessLoop } = RESERVED_DROP
  assert.deepEqual([...pipeline.drops()], [[endlessLoop, 1]])
  assert.equal(pipeline.dropReason(endlessLoop).code, 'P4_ENDLESS_LOOP')
  assert.equal(arena.freeSlots, arena.slots)
  assert.deepEqual(new Interpreter(program).run(new Uint8Array(64), 1), { kind: 'drop', reason: endlessLoop })
})

test('a parser that goes round without taking anything from the packet gives up', () => {
  const b = builder()
  b.parser('parser', [state('start', [], [], [], 1), state('again', [], [], [], 0)])
  b.control('ingress', [])
  const duel = new Duel(b.build())
  duel.send(new Uint8Array(64), 1)
  assert.deepEqual([...duel.fast.drops()], [[RESERVED_DROP.parserReject, 1]])
})
