import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Arena, DESCRIPTOR_LENGTH, DESCRIPTOR_START, DESCRIPTOR_WORDS } from '@lodestone/frame'
import type { Statement } from '@lodestone/p4'
import { createBatch, createPipeline, type Pipeline } from './index.ts'
import { constant, exact, ProgramBuilder } from './testing/program-builder.ts'

/** A program of one control; `send` runs one 100-byte frame through it. */
function run(b: ProgramBuilder, body: Statement[], nowMs = () => 0): { pipeline: Pipeline; send: () => number } {
  b.intrinsic('egress.port', 16)
  b.control('ingress', body)
  const arena = new Arena({ slots: 4, slotBytes: 1024 })
  const pipeline = createPipeline(b.build(), { arena, nowMs })
  const batch = createBatch(2)
  return {
    pipeline,
    send: () => {
      batch.slots[0] = arena.from(new Uint8Array(100))
      batch.count = 1
      pipeline.process(batch)
      arena.free(batch.outSlots[0]!)
      return batch.outPorts[0]!
    },
  }
}

describe('externs', () => {
  test('a meter colours by its two token buckets as time passes', () => {
    let now = 0
    const c = new ProgramBuilder('meter')
    c.externs.push({ kind: 'meter', name: 'ingress.limit', size: 2, unit: 'packets' })
    c.externs.push({ kind: 'register', name: 'seen', size: 1, width: 2 })
    const slot = c.slot('colour', 2)
    const metered = run(
      c,
      [
        { kind: 'meter', meter: 0, index: constant(8, 1n), slot },
        { kind: 'registerWrite', register: 1, index: constant(1, 0n), value: c.load(slot) },
      ],
      () => now,
    )
    const colourOf = (): bigint => {
      metered.send()
      return metered.pipeline.readRegister('seen', 0)!
    }
    assert.equal(colourOf(), 0n, 'not configured')
    const config = { committedRate: 10, committedBurst: 1, peakRate: 20, peakBurst: 3 }
    assert.ok(metered.pipeline.setMeter('limit', 1, config))
    assert.deepEqual([colourOf(), colourOf(), colourOf(), colourOf()], [0n, 1n, 1n, 2n])
    now = 100
    assert.deepEqual([colourOf(), colourOf(), colourOf()], [0n, 1n, 2n])
    metered.pipeline.explain(new Uint8Array(100), 0)
    now = 150
    assert.deepEqual([colourOf(), colourOf()], [1n, 2n])
  })

  test('digests, log lines and target calls reach the host', () => {
    const b = new ProgramBuilder('events')
    b.externs.push({
      kind: 'digest',
      name: 'learn',
      fields: [
        { name: 'mac', width: 48 },
        { name: 'address', width: 128 },
      ],
    })
    const { pipeline, send } = run(b, [
      { kind: 'digest', digest: 0, values: [constant(48, 0xaabbn), constant(128, (1n << 127n) | 5n)] },
      { kind: 'log', message: 'seen {}', values: [constant(8, 3n)] },
      { kind: 'target', name: 'clone', inputs: [constant(32, 7n)], outputs: [] },
    ])
    send()
    pipeline.explain(new Uint8Array(100), 0)
    assert.deepEqual(pipeline.takeEvents(), [
      { kind: 'digest', name: 'learn', values: [0xaabbn, (1n << 127n) | 5n] },
      { kind: 'log', name: 'seen {}', values: [3n] },
      { kind: 'target', name: 'clone', values: [7n] },
    ])
    assert.deepEqual(pipeline.takeEvents(), [])
  })

  test('registers are read and written by name, counters reset, explanations leave both alone', () => {
    const b = new ProgramBuilder('state')
    b.externs.push({ kind: 'register', name: 'ingress.total', size: 2, width: 100 })
    b.externs.push({ kind: 'counter', name: 'ingress.all', size: 1, counts: 'both' })
    const total = b.slot('total', 100)
    const { pipeline, send } = run(b, [
      { kind: 'registerRead', register: 0, index: constant(1, 1n), slot: total },
      {
        kind: 'registerWrite',
        register: 0,
        index: constant(1, 1n),
        value: { op: 'add', width: 100, left: b.load(total), right: constant(100, 1n << 90n) },
      },
      { kind: 'count', counter: 1, index: constant(1, 0n) },
    ])
    pipeline.writeRegister('total', 1, 7n)
    send()
    pipeline.explain(new Uint8Array(100), 0)
    assert.equal(pipeline.readRegister('ingress.total', 1), (1n << 90n) | 7n)
    assert.equal(pipeline.readRegister('ingress.total', 2), undefined)
    assert.deepEqual(pipeline.counter('all'), [{ packets: 1, bytes: 100 }])
    pipeline.resetCounter('all')
    assert.deepEqual(pipeline.counter('all'), [{ packets: 0, bytes: 0 }])
    assert.equal(pipeline.counter('none'), undefined)
  })

  test('a direct counter counts per entry where its statement runs', () => {
    const b = new ProgramBuilder('direct')
    const counter = b.externs.push({ kind: 'directCounter', name: 'ingress.perEntry', counts: 'both' }) - 1
    const key = b.slot('key', 8)
    const count = b.action('count', {}, () => [{ kind: 'count', counter }])
    const pass = b.action('pass', {}, () => [])
    const table = b.table('table', [{ name: 'key', match: 'exact', expression: b.load(key) }], [count, pass], {
      directCounter: counter,
    })
    const { pipeline, send } = run(b, [{ kind: 'apply', table }])
    pipeline.addEntry('table', { keys: [exact(1n)], action: 'count', parameters: [] })
    pipeline.addEntry('table', { keys: [exact(0n)], action: 'count', parameters: [] })
    send()
    send()
    assert.deepEqual(pipeline.counter('perEntry'), [
      { packets: 0, bytes: 0 },
      { packets: 2, bytes: 200 },
    ])
    pipeline.modifyEntry('table', { keys: [exact(0n)], action: 'pass', parameters: [] })
    send()
    assert.equal(pipeline.counter('perEntry')![1]!.packets, 2)
    assert.equal(pipeline.entries('table')![1]!.hits.packets, 3)
  })
})

test('the generated code reads descriptors where the arena keeps them', () => {
  assert.deepEqual([DESCRIPTOR_START, DESCRIPTOR_LENGTH, DESCRIPTOR_WORDS], [0, 1, 4])
})
