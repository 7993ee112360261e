import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { createPipeline, type ExplainedStep, type Explanation, explanationText, type Pipeline } from '../index.ts'
import { compilerOf, sourceProgram } from '../testing/source-program.ts'
import { lineOf, v1modelSource } from '../testing/v1model-program.ts'

const read = (file: string): string => readFileSync(file, 'utf8')
const compileText = compilerOf(read)
const GATEWAY = 'packages/dataplane/npu/testdata/gateway.p4'

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

/** UDP 10.0.0.1:4096 → destination:53. */
function packet(destination: string): Uint8Array {
  return hex(`020000000001 020000000002 0800
    45000020 00010000 4011 34c2 0a000001 ${destination} 1000 0035 000c 0000 deadbeef`)
}

function gateway(): Pipeline {
  const program = sourceProgram(GATEWAY, read)
  const pipeline = createPipeline(program, { arena: new Arena({ slots: 16, slotBytes: 2048 }), nowMs: () => 0 })
  const routes = { keys: [{ kind: 'lpm', value: 0xcb007100n, length: 24 }], action: 'forward' } as const
  assert.ok(pipeline.addEntry('routes', { ...routes, parameters: [2n, 0x0a0b0c0d0e0fn] }).ok)
  const port = { keys: [{ kind: 'exact', value: 2n }], action: 'source', parameters: [9n] } as const
  assert.ok(pipeline.addEntry('egress.ports', port).ok)
  return pipeline
}

function v1model(source: string): Pipeline {
  const program = compileText(source)
  if (typeof program === 'string') throw new Error(program)
  return createPipeline(program, { arena: new Arena({ slots: 64, slotBytes: 2048 }), nowMs: () => 0 })
}

function stepsOf<Kind extends ExplainedStep['kind']>(explanation: Explanation, kind: Kind, run = 0) {
  const steps = explanation.runs[run]!.steps
  return steps.filter((step): step is Extract<ExplainedStep, { kind: Kind }> => step.kind === kind)
}

function decisive(explanation: Explanation, run = 0): ExplainedStep | undefined {
  const ref = explanation.runs[run]!.decisive
  return ref === undefined ? undefined : explanation.runs[ref.run]!.steps[ref.step]
}

describe('an explanation', () => {
  test('of a packet that misses in a table that was emptied is whole', () => {
    const pipeline = gateway()
    const before = pipeline.story(packet('08080808'), 1)
    assert.ok(pipeline.clearTable('routes').ok)
    assert.ok(pipeline.explain(packet('cb007109'), 1).isExact)
    // But for the nearest entry, of which there is none now.
    const plain = (steps: typeof before): unknown =>
      JSON.parse(JSON.stringify(steps, (key, value) => (key === 'nearest' ? undefined : value)))
    assert.deepEqual(plain(pipeline.story(packet('08080808'), 1)), plain(before))
  })

  test('of a packet that is sent names states, selects, entries and changed fields with their places', () => {
    const source = read(GATEWAY)
    const explanation = gateway().explain(packet('cb007109'), 1)
    assert.ok(explanation.isExact, explanation.notes.join())
    assert.deepEqual(
      stepsOf(explanation, 'state').map(({ state }) => state),
      ['start', 'ipv4', 'udp'],
    )
    const [first] = stepsOf(explanation, 'select')
    assert.deepEqual(
      [first!.keys, first!.chosen, first!.next],
      [[{ name: 'hdr.ethernet.type', value: '0x0800' }], '0x0800', 'ipv4'],
    )
    const [, ipv4] = stepsOf(explanation, 'extract')
    assert.deepEqual([ipv4!.header, ipv4!.offset, ipv4!.length], ['hdr.ipv4', 14, 20])
    assert.deepEqual(ipv4!.fields.at(-1), { name: 'dst', value: '203.0.113.9' })
    const routes = stepsOf(explanation, 'table').find((step) => step.table === 'ingress.routes')
    assert.equal(routes?.entry, '203.0.113.0/24 → forward(port=2, dst=0a:0b:0c:0d:0e:0f)')
    assert.equal(routes.at?.line, lineOf(source, 'routes.apply()'))
    const { outcome, headers, decidedBy } = explanation.runs[0]!
    assert.equal(outcome.kind, 'sent')
    assert.equal(decidedBy, 'action forward of table ingress.routes')
    const changed = headers!.flatMap(({ header, fields }) =>
      fields.map((one) => `${header}.${one.name} ${one.from} ${one.to}`),
    )
    assert.ok(changed.includes('hdr.ipv4.ttl 64 63'), changed.join())
    assert.ok(changed.includes('hdr.ethernet.dst 02:00:00:00:00:01 0a:0b:0c:0d:0e:0f'))
    assert.ok(headers!.every(({ fields }) => fields.every(({ by }) => by?.file.endsWith('gateway.p4'))))
  })

  test('of a miss by one bit names the entry and the bit', () => {
    const explanation = gateway().explain(packet('cb007009'), 1)
    const routes = stepsOf(explanation, 'table').find((step) => step.table === 'ingress.routes')
    assert.equal(routes?.hit, false)
    assert.equal(routes.nearest?.entry, '203.0.113.0/24 → forward(port=2, dst=0a:0b:0c:0d:0e:0f)')
    assert.deepEqual(routes.nearest.failed, [
      {
        key: 'hdr.ipv4.dst',
        match: 'lpm',
        width: 32,
        wanted: '203.0.113.0/24',
        value: '203.0.112.9',
        differingBits: [24],
      },
    ])
    assert.match(
      explanationText(explanation),
      /differs in bit 24 of 32: wanted 203\.0\.113\.0\/24, packet has 203\.0\.112\.9/,
    )
    assert.deepEqual(explanation.runs[0]!.outcome, {
      kind: 'dropped',
      category: 'program',
      reason: { code: 'P4_DROP_1', sentence: 'The program dropped it with reason 1.' },
      number: 1,
    })
    assert.match(explanation.runs[0]!.decidedBy ?? '', /^action drop of table ingress\.routes \(miss\)$/)
    const step = decisive(explanation)
    assert.ok(step?.kind === 'assign' && step.field === 'egress.drop' && step.matters)
  })

  test('of a packet that is too short gives the error and the byte', () => {
    const explanation = gateway().explain(packet('cb007109').subarray(0, 20), 1)
    const [error] = stepsOf(explanation, 'parserError')
    assert.deepEqual([error!.error, error!.offset, error!.available], ['PacketTooShort', 14, 6])
    const { outcome } = explanation.runs[0]!
    assert.ok(outcome.kind === 'dropped' && outcome.category === 'parser')
    assert.equal(decisive(explanation), error)
  })

  test('tells a packet sent nowhere that the port, not the program, stopped it', () => {
    const pipeline = gateway()
    pipeline.setPorts([1, 3])
    const { outcome, decidedBy } = pipeline.explain(packet('cb007109'), 1).runs[0]!
    assert.ok(outcome.kind === 'dropped' && outcome.category === 'port')
    assert.equal(decidedBy, 'action forward of table ingress.routes')
  })

  test('of replication is a tree, with an explanation for each copy', () => {
    const pipeline = gateway()
    pipeline.setMulticastGroup(7, [2, 5])
    const group = {
      keys: [{ kind: 'lpm', value: 0xe0000000n, length: 4 }],
      action: 'replicate',
      parameters: [7n],
    } as const
    pipeline.addEntry('routes', group)
    const explanation = pipeline.explain(packet('e0000005'), 1)
    assert.deepEqual(
      explanation.runs.map(({ cause, parent, outcome }) => [cause, parent, outcome.kind]),
      [
        ['received', undefined, 'continued'],
        ['multicast', 0, 'sent'],
        ['multicast', 0, 'dropped'],
      ],
    )
  })

  test('says where a drop was undone by a later assignment', () => {
    const ingress = `    mark_to_drop(std);
    if (hdr.ipv4.isValid()) {
      std.egress_spec = 4;
    }`
    const source = v1modelSource({ ingress })
    const explanation = v1model(source).explain(packet('cb007109'), 1)
    const [run] = explanation.runs
    assert.ok(run!.outcome.kind === 'sent' && run!.outcome.port === 4)
    const lines = run!.undoneDrops.map(({ dropped, undone }) =>
      [dropped, undone].map((ref) => explanation.runs[ref.run]!.steps[ref.step]!.at?.line),
    )
    assert.deepEqual(lines, [[lineOf(source, 'mark_to_drop(std)'), lineOf(source, 'std.egress_spec = 4')]])
    assert.match(explanationText(explanation), /the drop at random\.p4:\d+:\d+ was undone at random\.p4:\d+:\d+/)
    const dropped = v1model(source).explain(hex('020000000001 020000000002 86dd'), 1)
    assert.equal(dropped.runs[0]!.outcome.kind, 'dropped')
    assert.deepEqual(dropped.runs[0]!.undoneDrops, [])
    assert.equal(decisive(dropped)?.at?.line, lineOf(source, 'mark_to_drop(std)'))
  })

  test('follows clones, resubmitted and recirculated packets of v1model', () => {
    const ingress = `    std.egress_spec = 2;
    if (meta.round == 0) {
      meta.round = 1;
      resubmit_preserving_field_list(1);
    } else {
      clone_preserving_field_list(CloneType.I2E, 5, 1);
    }`
    const egress = `    if (std.instance_type == 0 && hdr.ipv4.ttl > 63) {
      hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
      meta.round = 2;
      recirculate_preserving_field_list(1);
    }`
    const pipeline = v1model(v1modelSource({ ingress, egress }))
    pipeline.traffic!.replication.setSession(5, { port: 9 })
    const explanation = pipeline.explain(packet('cb007109'), 1)
    assert.deepEqual(explanation.notes, [])
    const causes = explanation.runs.map(({ cause }) => cause)
    for (const cause of ['received', 'resubmitted', 'ingress clone', 'recirculated'] as const) {
      assert.ok(causes.includes(cause), `${cause} in ${causes.join()}`)
    }
    const sent = explanation.runs.flatMap(({ outcome }) => (outcome.kind === 'sent' ? [outcome.port] : []))
    assert.deepEqual(sent.toSorted(), [2, 9, 9])
    explanation.runs.forEach(({ parent }, index) => assert.ok(index === 0 ? parent === undefined : parent! < index))
  })

  test('marks what had a part in the verdict, and leaves out what had none', () => {
    const ingress = `    meta.count = 7;
    bit<9> port = 3;
    if (hdr.ipv4.ttl > 5) { port = port + 1; }
    std.egress_spec = port;`
    const source = v1modelSource({ ingress })
    const explanation = v1model(source).explain(packet('cb007109'), 1)
    const matters = new Map(stepsOf(explanation, 'assign').map((step) => [step.at?.line, step.matters]))
    assert.equal(matters.get(lineOf(source, 'meta.count = 7')), false)
    assert.equal(matters.get(lineOf(source, 'port = port + 1')), true)
    assert.equal(matters.get(lineOf(source, 'std.egress_spec = port')), true)
    const [branch] = stepsOf(explanation, 'branch')
    assert.deepEqual([branch!.condition, branch!.value, branch!.matters], ['hdr.ipv4.ttl > 5', 'true', true])
  })

  test('counts a branch that might have ended the block among the causes of what follows', () => {
    const ingress = `    if (!hdr.ipv4.isValid()) {
      mark_to_drop(std);
      return;
    }
    std.egress_spec = 2;`
    const explanation = v1model(v1modelSource({ ingress })).explain(packet('cb007109'), 1)
    const [branch] = stepsOf(explanation, 'branch')
    assert.deepEqual([branch!.value, branch!.matters], ['false', true])
  })

  test('is plain JSON', () => {
    const explanation = gateway().explain(packet('cb007009'), 1)
    assert.deepEqual(JSON.parse(JSON.stringify(explanation)), explanation)
    assert.equal(explanation.version, 1)
  })
})
