import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { type StoryEvent, Tracer } from '@lodestone/probe'
import { RESERVED_DROP } from '@lodestone/p4'
import { createBatch, createPipeline, type Pipeline, type PipelineOptions } from './index.ts'
import { ROUTER_DROP, routerProgram } from './testing/router-program.ts'

const A = 0x020000000001n
const B = 0x020000000002n

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

/** Ethernet, IPv4 10.0.0.1 → 203.0.113.9, TTL 64, correct checksum, 4 bytes of payload. */
const PACKET = hex(`020000000001 020000000002 0800
  45000018 00010000 4001 34da 0a000001 cb007109 deadbeef`)

function setUp(options: Partial<PipelineOptions> = {}): {
  arena: Arena
  pipeline: Pipeline
  send: (frame: Uint8Array, port?: number) => { port: number; frame: Uint8Array }[]
} {
  const arena = new Arena({ slots: 16, slotBytes: 2048 })
  const pipeline = createPipeline(routerProgram(), { arena, nowMs: () => 0, ...options })
  const batch = createBatch(4)
  const send = (frame: Uint8Array, port = 7) => {
    batch.slots[0] = arena.from(frame)
    batch.ports[0] = port
    batch.count = 1
    pipeline.process(batch)
    return Array.from({ length: batch.outCount }, (_, k) => {
      const sent = { port: batch.outPorts[k]!, frame: arena.peek(batch.outSlots[k]!).slice() }
      arena.free(batch.outSlots[k]!)
      return sent
    })
  }
  return { arena, pipeline, send }
}

function addRoute(pipeline: Pipeline): void {
  const lpm = { kind: 'lpm', value: 0xcb007100n, length: 24 } as const
  assert.deepEqual(pipeline.addEntry('routes', { keys: [lpm], action: 'route', parameters: [5n] }), { ok: true })
  const hop = { keys: [{ kind: 'exact', value: 5n }], action: 'forward', parameters: [A, B, 3n] } as const
  assert.deepEqual(pipeline.addEntry('nextHops', hop), { ok: true })
}

describe('a router pipeline', () => {
  test('forwards by route and next hop, with TTL and checksum updated', () => {
    const { pipeline, send, arena } = setUp()
    addRoute(pipeline)
    const free = arena.freeSlots
    const [sent, ...others] = send(PACKET)
    assert.equal(others.length, 0)
    assert.equal(sent!.port, 3)
    assert.equal(
      Buffer.from(sent!.frame).toString('hex'),
      Buffer.from(
        hex(`020000000002 020000000001 0800 45000018 00010000 3f01 35da 0a000001 cb007109 deadbeef`),
      ).toString('hex'),
    )
    assert.equal(arena.freeSlots, free)
    assert.deepEqual(pipeline.usage('routes'), { size: 1 << 20, entries: 1, hits: 1, misses: 0 })
    assert.deepEqual(pipeline.entries('routes'), [
      {
        keys: [{ kind: 'lpm', value: 0xcb007100n, length: 24 }],
        action: 'ingress.route',
        parameters: [5n],
        hits: { packets: 1, bytes: PACKET.length },
      },
    ])
  })

  test('drops with the reason that the program sets, and with reserved reasons of its own', () => {
    const { pipeline, send, arena } = setUp({ ports: [1, 2] })
    assert.deepEqual(send(PACKET), [])
    addRoute(pipeline)
    assert.deepEqual(send(PACKET), [], 'port 3 does not exist')
    assert.deepEqual(send(PACKET.subarray(0, 20)), [], 'too short')
    const badVersion = PACKET.slice()
    badVersion[14] = 0x65
    assert.deepEqual(send(badVersion), [])
    assert.deepEqual(
      [...pipeline.drops()],
      [
        [ROUTER_DROP.noRoute, 1],
        [RESERVED_DROP.parserReject, 2],
        [RESERVED_DROP.unknownPort, 1],
      ],
    )
    assert.equal(arena.freeSlots, 16)
  })

  test('broadcasts to all ports but the ingress port', () => {
    const { send, arena } = setUp({ ports: [1, 2, 7, 9] })
    const frame = PACKET.slice()
    frame.fill(0xff, 0, 6)
    const sent = send(frame)
    assert.deepEqual(
      sent.map(({ port }) => port),
      [1, 2, 9],
    )
    for (const one of sent) assert.deepEqual(one.frame, frame)
    assert.equal(arena.freeSlots, 16)
  })

  test('explains without sending or counting', () => {
    const { pipeline, arena } = setUp({ portName: (port) => `rear${port}` })
    addRoute(pipeline)
    const steps = pipeline.story(PACKET, 7)
    assert.deepEqual(steps, [
      { kind: 'ingress', port: 'rear7', summary: 'IPv4 10.0.0.1 > 203.0.113.9 malformed icmp: truncated' },
      { kind: 'parser', states: ['start', 'ipv4'] },
      {
        kind: 'table',
        table: 'ingress.routes',
        keys: [{ name: 'dst', value: '203.0.113.9' }],
        hit: true,
        entry: '203.0.113.0/24 → route(next_hop=5)',
        action: 'ingress.route',
        parameters: [{ name: 'next_hop', value: '5' }],
      },
      { kind: 'rewrite', field: 'hdr.ipv4.ttl', from: '64', to: '63' },
      {
        kind: 'table',
        table: 'ingress.nextHops',
        keys: [{ name: 'next_hop', value: '5' }],
        hit: true,
        entry: `5 → forward(src=${A}, dst=${B}, port=3)`,
        action: 'ingress.forward',
        parameters: [
          { name: 'src', value: `${A}` },
          { name: 'dst', value: `${B}` },
          { name: 'port', value: '3' },
        ],
      },
      { kind: 'rewrite', field: 'hdr.ethernet.src', from: '02:00:00:00:00:02', to: '02:00:00:00:00:01' },
      { kind: 'rewrite', field: 'hdr.ethernet.dst', from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' },
      { kind: 'egress', port: 'rear3' },
    ])
    assert.equal(pipeline.usage('routes')!.hits, 0)
    assert.equal(arena.freeSlots, 16)
    const short = pipeline.story(PACKET.subarray(0, 16), 7)
    assert.deepEqual(short.slice(1), [
      { kind: 'parser', states: ['start', 'ipv4'], error: 'PacketTooShort' },
      { kind: 'dropped', reason: { code: 'P4_PARSER_REJECT', sentence: 'The parser rejected the packet.' } },
    ])
  })

  test('tells the story of live packets while the tracer is on, with the same outcome', () => {
    const tracer = new Tracer(() => 42)
    const { pipeline, send } = setUp({ tracer, node: 'switch0' })
    addRoute(pipeline)
    const quiet = send(PACKET)
    const events: StoryEvent[] = []
    const stop = tracer.listen((event) => events.push(event))
    const loud = send(PACKET)
    stop()
    assert.deepEqual(loud, quiet)
    assert.ok(events.every(({ node, packet }) => node === 'switch0' && packet === 2))
    assert.equal(events[0]!.step.kind, 'ingress')
    assert.equal(events.at(-1)!.step.kind, 'egress')
    assert.equal(pipeline.usage('routes')!.hits, 2)
  })
})
