/** Packets cut at every length: never an exception, always a frame that is sent or a drop with a reason. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import type { Program } from '@lodestone/p4'
import { createBatch, createPipeline, type Pipeline } from './index.ts'
import { sourceProgram } from './testing/source-program.ts'

const read = (file: string): string => readFileSync(file, 'utf8')

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

const ETHERNET = '02000000aa01 02000000bb02'
const IPV6 = 'fd000000000000000000000000000001 fd000000000001000000000000000002'
const UDP4 = '45000020 00010000 4011 34c2 0a000001 cb007109 1000 0035 000c 0000 deadbeef'
const FRAMES = [
  `${ETHERNET} 8100 0005 0800 ${UDP4}`,
  `${ETHERNET} 0800 45000028 00010000 4006 34c5 0a000001 cb007109 1000 0050 00000001 00000002 50020400 00000000`,
  `${ETHERNET} 0806 0001 0800 06 04 0001 02000000bb02 0a000001 000000000000 0a0000fe`,
  `${ETHERNET} 86dd 60000000 0036 11 40 ${IPV6} c000 17c1 0036 0000 0000 6558 00000700 ${ETHERNET} 0800 ${UDP4}`,
  `${ETHERNET} 86dd 60000000 0008 3a 40 ${IPV6} 8000 1234 00010002`,
  `${ETHERNET} 0901 00 00 0001 0002 0800 00000000000000000000000000000000 ${UDP4}`,
].map(hex)

function everyLength(program: Program, prepare: (pipeline: Pipeline) => void): void {
  const arena = new Arena({ slots: 32, slotBytes: 4096 })
  const pipeline = createPipeline(program, { arena, nowMs: () => 0, ports: [0, 1, 2, 3] })
  prepare(pipeline)
  const batch = createBatch(1, 16)
  let before = 0
  for (const whole of FRAMES) {
    for (let length = 0; length <= whole.length; length++) {
      const frame = whole.subarray(0, length)
      batch.slots[0] = arena.from(frame)
      batch.ports[0] = 1
      batch.count = 1
      pipeline.process(batch)
      let after = 0
      for (const count of pipeline.drops().values()) after += count
      const what = `${length} of ${whole.length} bytes`
      assert.ok(batch.outCount > 0 || after > before, `${what}: sent or dropped`)
      before = after
      const explanation = pipeline.explain(frame, 1)
      assert.deepEqual(explanation.notes, [], what)
      const { outcome } = explanation.runs[0]!
      if (batch.outCount === 0) {
        assert.equal(outcome.kind, 'dropped', what)
        if (outcome.kind === 'dropped') assert.notEqual(outcome.reason.sentence, '', what)
      }
      for (let k = 0; k < batch.outCount; k++) arena.free(batch.outSlots[k]!)
      assert.equal(arena.freeSlots, arena.slots, what)
    }
  }
}

describe('packets cut at every length', () => {
  test('leave the rack switch with a verdict', () => {
    everyLength(sourceProgram('p4/switch.p4', read), () => undefined)
  })

  test('leave a v1model program with a verdict', () => {
    everyLength(sourceProgram('packages/dataplane/p4/testdata/v1model-basic.p4', read), (pipeline) => {
      pipeline.traffic!.replication.setSession(99, { port: 3 })
      const route = { keys: [{ kind: 'lpm', value: 0xcb007100n, length: 24 }], action: 'forward' } as const
      assert.ok(pipeline.addEntry('ipv4_lpm', { ...route, parameters: [2n, 5n] }).ok)
    })
  })
})
