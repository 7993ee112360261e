import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import {
  createBatch,
  createPipeline,
  type DropReport,
  dropReportText,
  type Explanation,
  type Pipeline,
  type PipelineOptions,
} from '../index.ts'
import { compilerOf, sourceProgram } from '../testing/source-program.ts'
import { lineOf, v1modelSource } from '../testing/v1model-program.ts'

const read = (file: string): string => readFileSync(file, 'utf8')
const compileText = compilerOf(read)

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

function packet(destination: string): Uint8Array {
  return hex(`020000000001 020000000002 0800
    45000020 00010000 4011 34c2 0a000001 ${destination} 1000 0035 000c 0000 deadbeef`)
}

const HIT = packet('cb007109')
const MISS = packet('cb007009')

interface Setting {
  readonly pipeline: Pipeline
  readonly arena: Arena
  /** Sends frames as one batch and gives what came out. */
  readonly send: (frames: readonly Uint8Array[], port?: number) => string[]
  readonly clock: { ms: number }
}

function settingOf(program: Parameters<typeof createPipeline>[0], options: Partial<PipelineOptions> = {}): Setting {
  const arena = new Arena({ slots: 256, slotBytes: 2048 })
  const clock = { ms: 0 }
  const pipeline = createPipeline(program, { arena, nowMs: () => clock.ms, ...options })
  const batch = createBatch(64)
  const send = (frames: readonly Uint8Array[], port = 1): string[] => {
    frames.forEach((frame, k) => {
      batch.slots[k] = arena.from(frame)
      batch.ports[k] = port
    })
    batch.count = frames.length
    pipeline.process(batch)
    return Array.from({ length: batch.outCount }, (_, k) => {
      const text = `${batch.outPorts[k]!} ${Buffer.from(arena.peek(batch.outSlots[k]!)).toString('hex')}`
      arena.free(batch.outSlots[k]!)
      return text
    })
  }
  return { pipeline, arena, send, clock }
}

function gateway(options: Partial<PipelineOptions> = {}): Setting {
  const setting = settingOf(sourceProgram('packages/dataplane/npu/testdata/gateway.p4', read), options)
  const { pipeline } = setting
  const route = { keys: [{ kind: 'lpm', value: 0xcb007100n, length: 24 }], action: 'forward' } as const
  pipeline.addEntry('routes', { ...route, parameters: [2n, 5n] })
  pipeline.addEntry('egress.ports', { keys: [{ kind: 'exact', value: 2n }], action: 'source', parameters: [9n] })
  return setting
}

function v1model(ingress: string, declarations = ''): Setting & { readonly source: string } {
  const source = v1modelSource({ ingress, declarations })
  const program = compileText(source)
  if (typeof program === 'string') throw new Error(program)
  return { ...settingOf(program), source }
}

function exemplarsOf(report: DropReport): Explanation[] {
  return report.groups.flatMap(({ exemplars }) => exemplars.map(({ explanation }) => explanation))
}

describe('drop forensics', () => {
  test('counts every drop, and tells where the program decided, with the entries that were met', () => {
    const { pipeline, send, arena } = gateway()
    pipeline.forensics.enable()
    assert.equal(send([HIT, MISS, HIT, MISS, MISS.subarray(0, 30)]).length, 2)
    const report = pipeline.forensics.report()
    assert.deepEqual([report.dropped, report.replayed, report.approximate, report.ungrouped], [3, 3, 0, 0])
    const [missed, short] = report.groups
    const line = lineOf(read('packages/dataplane/npu/testdata/gateway.p4'), 'egress.drop = true')
    assert.deepEqual([missed!.number, missed!.packets, missed!.port, missed!.at?.line], [1, 2, 1, line])
    assert.match(missed!.decidedBy ?? '', /action drop of table ingress\.routes \(miss\)/)
    const [exemplar] = missed!.exemplars
    assert.ok(exemplar!.explanation.isExact)
    assert.deepEqual(
      exemplar!.entries.map(({ table, action }) => [table, action.slice(action.lastIndexOf('.') + 1)]),
      [
        ['ingress.acl', 'allow'],
        ['ingress.routes', 'drop'],
      ],
    )
    assert.deepEqual([short!.category, short!.packets], ['parser', 1])
    const text = dropReportText(report)
    assert.match(text, /2 packets from port 1: P4_DROP_1 \(program\)/)
    assert.match(text, /differs in bit 24 of 32/)
    assert.match(text, /PacketTooShort at byte 14, 16 bytes left/)
    assert.equal(arena.freeSlots, arena.slots)
  })

  test('changes nothing about what is sent and counted', () => {
    const plain = gateway()
    const watched = gateway()
    watched.pipeline.forensics.enable({ replaysPerSecond: 1000 })
    for (let round = 0; round < 5; round++) {
      const frames = Array.from({ length: 20 }, (_, k) => [HIT, MISS, HIT.subarray(0, 20 + k), HIT][k % 4]!)
      assert.deepEqual(watched.send(frames, round), plain.send(frames, round))
    }
    for (const table of ['ingress.acl', 'ingress.routes', 'egress.ports']) {
      assert.deepEqual(watched.pipeline.usage(table), plain.pipeline.usage(table))
    }
    assert.deepEqual(watched.pipeline.counter('ingress.ports'), plain.pipeline.counter('ingress.ports'))
    assert.deepEqual([...watched.pipeline.drops()], [...plain.pipeline.drops()])
  })

  test('replays with the registers that the packet saw, though later packets have changed them', () => {
    const { pipeline, send, source } = v1model(
      `    std.egress_spec = 2;
    seen.read(meta.count, 0);
    seen.write(0, meta.count + 1);
    if (meta.count % 3 == 2) {
      mark_to_drop(std);
    }`,
      '  register<bit<32>>(4) seen;',
    )
    pipeline.forensics.enable({ exemplarsMax: 10 })
    assert.equal(send(Array.from({ length: 12 }, () => HIT)).length, 8)
    assert.equal(pipeline.readRegister('seen', 0), 12n, 'replays leave the registers alone')
    const report = pipeline.forensics.report()
    assert.deepEqual([report.dropped, report.replayed, report.approximate], [4, 4, 0])
    assert.equal(report.groups[0]!.at?.line, lineOf(source, 'mark_to_drop(std)'))
    const seen = exemplarsOf(report).map((explanation) =>
      explanation.runs[0]!.steps.flatMap((step) =>
        step.kind === 'extern' && step.source.startsWith('register') ? [step.value] : [],
      ),
    )
    assert.deepEqual(seen, [['2'], ['5'], ['8'], ['11']])
  })

  test('replays with the random numbers that the packet drew', () => {
    const { pipeline, send } = v1model(`    bit<32> drawn;
    std.egress_spec = 2;
    random(drawn, 0, 1000000);
    meta.count = drawn;
    if (drawn % 2 == 0) { mark_to_drop(std); }`)
    pipeline.forensics.enable({ exemplarsMax: 100 })
    const sent = send(Array.from({ length: 40 }, () => HIT)).length
    const report = pipeline.forensics.report()
    assert.equal(report.dropped, 40 - sent)
    assert.ok(sent > 0 && sent < 40)
    assert.equal(report.approximate, 0)
    for (const { isExact, runs } of exemplarsOf(report)) {
      assert.ok(isExact)
      assert.equal(runs[0]!.outcome.kind, 'dropped')
    }
  })

  test('replays with the tokens that a meter had', () => {
    const { pipeline, send, clock } = v1model(
      `    bit<2> colour;
    std.egress_spec = 2;
    rate.execute_meter(0, colour);
    if (colour == 2) { mark_to_drop(std); }`,
      '  meter(2, MeterType.packets) rate;',
    )
    pipeline.setMeter('rate', 0, { committedRate: 1, committedBurst: 2, peakRate: 1, peakBurst: 3 })
    pipeline.forensics.enable()
    assert.equal(send(Array.from({ length: 5 }, () => HIT)).length, 3)
    clock.ms += 1000
    assert.equal(send([HIT, HIT]).length, 1, 'replays take no tokens')
    const report = pipeline.forensics.report()
    assert.deepEqual([report.dropped, report.approximate], [3, 0])
    assert.equal(report.groups.length, 1)
  })

  test('says of a packet that was rewritten before it was dropped that it is told as it left, and keeps frames from then on', () => {
    const { pipeline, send } = gateway({ ports: [1, 3] })
    pipeline.forensics.enable({ exemplarsMax: 2 })
    send([HIT])
    send([MISS, HIT])
    const report = pipeline.forensics.report()
    const group = report.groups.find(({ category }) => category === 'port')!
    const [first, second] = group.exemplars
    assert.equal(first!.explanation.isExact, false)
    assert.match(first!.explanation.notes.join(), /may have rewritten its headers/)
    assert.ok(second!.explanation.isExact, second!.explanation.notes.join())
    assert.equal(second!.explanation.packet.bytes, Buffer.from(HIT).toString('hex'))
    assert.deepEqual([report.dropped, report.approximate], [3, 1])
  })

  test('rations replays by the pipeline’s clock and counts the rest', () => {
    const { pipeline, send, clock } = gateway()
    pipeline.forensics.enable({ replaysPerSecond: 10, burst: 5 })
    send(Array.from({ length: 60 }, () => MISS))
    assert.deepEqual([pipeline.forensics.report().dropped, pipeline.forensics.report().replayed], [60, 5])
    clock.ms += 300
    send(Array.from({ length: 60 }, () => MISS))
    const report = pipeline.forensics.report()
    assert.deepEqual([report.dropped, report.replayed], [120, 8])
    assert.equal(report.groups[0]!.packets, 120, 'what the sample stands for')
    assert.deepEqual([...pipeline.drops()], [[1, 120]])
  })

  test('replays no more than burst and rate allow, whatever comes when, and loses count of nothing', () => {
    const { pipeline, send, clock } = gateway()
    const plain = gateway()
    const rate = 20
    const burst = 7
    pipeline.forensics.enable({ replaysPerSecond: rate, burst })
    let dropped = 0
    let seed = 12345
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 8) % below
    }
    for (let round = 0; round < 200; round++) {
      // Floods, trickles and pauses of up to two seconds.
      clock.ms += [0, 0.1, 13, 40, 2000][next(5)]!
      const frames = Array.from({ length: 1 + next(60) }, () => [MISS, HIT, MISS.subarray(0, 30)][next(3)]!)
      const port = 1 + next(3)
      assert.deepEqual(send(frames, port), plain.send(frames, port))
      dropped += frames.filter((frame) => frame !== HIT).length
      const report = pipeline.forensics.report()
      assert.ok(report.replayed <= burst + (rate * clock.ms) / 1000, `${report.replayed} by ${clock.ms} ms`)
    }
    const { replayed, reasons, groups, ...report } = pipeline.forensics.report()
    assert.ok(replayed > 200, 'and it does replay')
    assert.equal(report.dropped, dropped)
    assert.equal(
      reasons.reduce((sum, { packets }) => sum + packets, 0),
      dropped,
    )
    assert.equal(
      groups.reduce((sum, group) => sum + group.replayed, 0),
      replayed,
    )
    assert.deepEqual([...pipeline.drops()], [...plain.pipeline.drops()])
    assert.equal(
      [...pipeline.drops().values()].reduce((sum, packets) => sum + packets, 0),
      dropped,
    )
  })

  test('a packet that loses many copies is replayed no more often than the ration says', () => {
    const { pipeline, send } = v1model('    std.mcast_grp = 1;')
    pipeline.setPorts([1])
    pipeline.setMulticastGroup(
      1,
      Array.from({ length: 100 }, (_, k) => k + 2),
    )
    pipeline.forensics.enable({ replaysPerSecond: 10, burst: 3 })
    assert.deepEqual(send([HIT]), [])
    const { dropped, replayed, reasons } = pipeline.forensics.report()
    assert.deepEqual([dropped, replayed], [100, 3])
    assert.equal(
      reasons.reduce((sum, { packets }) => sum + packets, 0),
      100,
    )
  })

  test('keeps a bounded number of groups and explained packets', () => {
    const { pipeline, send } = gateway()
    pipeline.forensics.enable({ replaysPerSecond: 1000, groupsMax: 4, exemplarsMax: 2 })
    for (let port = 0; port < 10; port++) send([MISS, MISS, MISS, MISS], port)
    const report = pipeline.forensics.report()
    assert.equal(report.groups.length, 4)
    assert.equal(report.ungrouped, 24)
    assert.ok(report.groups.every(({ exemplars, replayed }) => exemplars.length === 2 && replayed === 4))
    assert.equal(report.reasons.length, 10, 'reasons and ports are counted exactly all the same')
    pipeline.forensics.reset()
    assert.equal(pipeline.forensics.report().dropped, 0)
  })
})
