import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Arena } from '@lodestone/frame'
import type { KeySet } from '@lodestone/p4'
import { createBatch, createPipeline, type Pipeline } from './index.ts'
import { Duel } from './testing/duel.ts'
import { exact } from './testing/program-builder.ts'
import { sourceProgram } from './testing/source-program.ts'

const GATEWAY = sourceProgram('packages/dataplane/npu/testdata/gateway.p4', (file) => readFileSync(file, 'utf8'))

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

/** UDP 10.0.0.1:4096 → 203.0.113.9:53. */
const PACKET = hex(`020000000001 020000000002 0800
  45000020 00010000 4011 34c2 0a000001 cb007109 1000 0035 000c 0000 deadbeef`)

function setUp(): { pipeline: Pipeline; send: (frame: Uint8Array) => string[] } {
  const arena = new Arena({ slots: 16, slotBytes: 2048 })
  const pipeline = createPipeline(GATEWAY, { arena, nowMs: () => 0, ports: [1, 2, 3] })
  const write = (table: string, keys: KeySet[], action: string, parameters: bigint[], priority = 0) =>
    assert.deepEqual(pipeline.addEntry(table, { keys, action, parameters, priority }), { ok: true })
  write('routes', [{ kind: 'lpm', value: 0xcb007100n, length: 24 }], 'forward', [2n, 0x0a0b0c0d0e0fn])
  write('routes', [{ kind: 'lpm', value: 0xe0000000n, length: 4 }], 'replicate', [7n])
  write('egress.ports', [exact(1n)], 'source', [0x020000000101n])
  write('egress.ports', [exact(2n)], 'source', [0x020000000102n])
  write('egress.ports', [exact(3n)], 'tag', [9n])
  pipeline.setMulticastGroup(7, [1, 3])
  const batch = createBatch(4)
  const send = (frame: Uint8Array): string[] => {
    batch.slots[0] = arena.from(frame)
    batch.ports[0] = 1
    batch.count = 1
    pipeline.process(batch)
    return Array.from({ length: batch.outCount }, (_, k) => {
      const text = Buffer.from(arena.peek(batch.outSlots[k]!)).toString('hex')
      arena.free(batch.outSlots[k]!)
      return `${batch.outPorts[k]!} ${text}`
    })
  }
  return { pipeline, send }
}

describe('a gateway compiled from source', () => {
  test('routes a packet and counts it', () => {
    const { pipeline, send } = setUp()
    assert.deepEqual(send(PACKET), [
      `2 ${Buffer.from(
        hex(`0a0b0c0d0e0f 020000000102 0800
          45000020 00010000 3f11 35c2 0a000001 cb007109 1000 0035 000c 0000 deadbeef`),
      ).toString('hex')}`,
    ])
    assert.deepEqual(pipeline.counter('ingress.ports')![1], { packets: 1, bytes: PACKET.length })
    assert.equal(pipeline.readRegister('last_source', 0), 0x0a000001n)
  })

  test('runs egress once per copy of a replicated packet', () => {
    const { send } = setUp()
    const multicast = PACKET.slice()
    multicast.set([224, 0, 0, 5], 30)
    const rest = Buffer.from(multicast.subarray(14)).toString('hex')
    assert.deepEqual(send(multicast), [
      `1 0200000000010200000001010800${rest}`,
      `3 02000000000102000000000281000009${'0800'}${rest}`,
    ])
  })

  test('filters by priority and port range', () => {
    const { pipeline, send } = setUp()
    const rule = (low: bigint, high: bigint): KeySet[] => [
      { kind: 'ternary', value: 0x0a000000n, mask: 0xff000000n },
      exact(17n),
      { kind: 'range', low, high },
    ]
    pipeline.addEntry('acl', { keys: rule(0n, 1023n), action: 'drop', parameters: [9n], priority: 1 })
    assert.deepEqual(send(PACKET), [])
    assert.deepEqual([...pipeline.drops()], [[9, 1]])
    pipeline.addEntry('acl', { keys: rule(53n, 53n), action: 'allow', parameters: [], priority: 2 })
    assert.equal(send(PACKET).length, 1)
    const steps = pipeline.story(PACKET, 1)
    const acl = steps.find((step) => step.kind === 'table')
    assert.deepEqual(acl?.entry, '10.0.0.0 &&& 0xff000000, 0x11, 53 → allow()')
  })
})

const frames = fc
  .tuple(
    fc.array(fc.tuple(fc.nat({ max: PACKET.length + 3 }), fc.nat({ max: 255 })), { maxLength: 4 }),
    fc.boolean(),
    fc.nat({ max: PACKET.length }),
    fc.nat({ max: 9 }),
  )
  .map(([changes, isTagged, cut, chance]) => {
    const tag = isTagged ? [0x81, 0x00, 0x20, 0x05] : []
    const frame = Uint8Array.from([...PACKET.subarray(0, 12), ...tag, ...PACKET.subarray(12)])
    for (const [at, value] of changes) if (at < frame.length) frame[at] = value
    return chance === 0 ? frame.subarray(0, cut) : frame
  })

test('the interpreter agrees about the gateway, whatever arrives', () => {
  const duel = new Duel(GATEWAY)
  const index = (name: string): number => GATEWAY.tables.findIndex((table) => table.name.endsWith(name))
  const lpm = (value: bigint, length: number): KeySet => ({ kind: 'lpm', value, length })
  duel.add(index('routes'), [lpm(0xcb007100n, 24)], 0, { action: 0, parameters: [2n, 5n] })
  duel.add(index('routes'), [lpm(0xcb000000n, 8)], 0, { action: 1, parameters: [2n] })
  duel.add(index('routes'), [lpm(0n, 0)], 0, { action: 0, parameters: [1n, 6n] })
  for (const port of [1n, 2n, 5n]) {
    duel.add(index('egress.ports'), [exact(port)], 0, { action: Number(port % 2n), parameters: [port] })
  }
  duel.add(index('acl'), [{ kind: 'any' }, { kind: 'any' }, { kind: 'range', low: 60n, high: 70n }], 1, {
    action: 1,
    parameters: [8n],
  })
  fc.assert(
    fc.property(frames, (frame) => duel.send(frame, 3)),
    { numRuns: 200 },
  )
  duel.compareState()
})
