import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { createBatch, createPipeline, type Explanation } from '../index.ts'
import { sourceProgram } from '../testing/source-program.ts'

const PROGRAM = sourceProgram('packages/dataplane/npu/testdata/gateway.p4', (file) => readFileSync(file, 'utf8'))

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

function packet(destination: string): Uint8Array {
  return hex(`020000000001 020000000002 0800
    45000020 00010000 4011 34c2 0a000001 ${destination} 1000 0035 000c 0000 deadbeef`)
}

function setUp() {
  const arena = new Arena({ slots: 512, slotBytes: 2048 })
  const pipeline = createPipeline(PROGRAM, { arena, nowMs: () => 0 })
  const route = { keys: [{ kind: 'lpm', value: 0xcb007100n, length: 24 }], action: 'forward' } as const
  pipeline.addEntry('routes', { ...route, parameters: [2n, 5n] })
  pipeline.addEntry('routes', {
    keys: [{ kind: 'lpm', value: 0xe0000000n, length: 4 }],
    action: 'replicate',
    parameters: [7n],
  })
  pipeline.addEntry('egress.ports', { keys: [{ kind: 'exact', value: 2n }], action: 'source', parameters: [9n] })
  pipeline.setMulticastGroup(7, [2, 5])
  const batch = createBatch(128)
  const send = (frames: readonly Uint8Array[]): void => {
    frames.forEach((frame, k) => {
      batch.slots[k] = arena.from(frame)
      batch.ports[k] = k & 3
    })
    batch.count = frames.length
    pipeline.process(batch)
    for (let k = 0; k < batch.outCount; k++) arena.free(batch.outSlots[k]!)
  }
  return { pipeline, send, arena }
}

/** What two explanations of the same packet must have in common: recordings do not hold payloads. */
function essence({ runs }: Explanation): unknown {
  return runs.map(({ steps, outcome, because, decidedBy, headers }) => ({
    steps,
    because,
    decidedBy,
    headers,
    outcome: outcome.kind === 'sent' ? outcome.port : outcome,
  }))
}

describe('a recording', () => {
  test('tells of each packet what an explanation would have told', () => {
    const { pipeline, send } = setUp()
    const frames = [packet('cb007109'), packet('cb007009'), packet('e0000001'), packet('cb007109').subarray(0, 25)]
    pipeline.recording.start()
    send(frames)
    pipeline.recording.stop()
    const recorded = [...pipeline.recording.packets()]
    assert.deepEqual(
      recorded.map(({ port, length, isDropped }) => [port, length, isDropped]),
      [
        [0, 46, false],
        [1, 46, true],
        [2, 46, true],
        [3, 25, true],
      ],
      'one copy of the third is dropped',
    )
    recorded.forEach((one, k) => {
      const explanation = one.explain()
      assert.deepEqual(explanation.notes, [])
      assert.deepEqual(essence(explanation), essence(pipeline.explain(frames[k]!, k)))
    })
  })

  test('records every packet of a batch until its memory is full, then forgets the oldest', () => {
    const { pipeline, send } = setUp()
    pipeline.recording.start({ bytes: 1 << 22 })
    const frames = Array.from({ length: 100 }, (_, k) => packet(k % 10 === 0 ? 'cb007009' : 'cb007109'))
    send(frames)
    assert.equal([...pipeline.recording.packets()].length, 100)
    for (let k = 0; k < 200; k++) send(frames)
    const recorded = [...pipeline.recording.packets()]
    assert.ok(recorded.length > 2000 && recorded.length < 20_000, String(recorded.length))
    const dropped = recorded.filter(({ isDropped }) => isDropped)
    assert.ok(Math.abs(dropped.length - recorded.length / 10) < 20)
    assert.ok(dropped[0]!.explain().isExact)
  })

  test('names entries that are gone instead of making something up', () => {
    const { pipeline, send } = setUp()
    pipeline.recording.start()
    send([packet('cb007109')])
    const key = { keys: [{ kind: 'lpm', value: 0xcb007100n, length: 24 }] } as const
    assert.ok(pipeline.deleteEntry('routes', key).ok)
    const [only] = pipeline.recording.packets()
    const explanation = only!.explain()
    assert.equal(explanation.isExact, false)
    assert.match(explanation.notes.join(), /the entry of ingress\.routes that matched has been removed since/)
  })
})
