/**
 * Damaged frames of live flows, where the fast path is at stake: bytes changed, inserted or cut anywhere, in either direction,
 * both families, tunnel headers included. An engine that may use its flow table and one that walks the layers each time
 * do the same with each, nothing throws, nothing reaches a guest of another VPC, every buffer is accounted for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip } from '@lodestone/net'
import { TcpFlag } from '@lodestone/packet'
import { encapsulated, frame } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import { GUEST_MAC, PEER_MAC, portConfig, SLED_A, SledFixture, SLED_B, SWITCH_0, toHex } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const ALLOW_ALL = [{ id: 'i', name: 'in', direction: 'in', action: 'allow', priority: 1 }] as const
const OTHER_VNI = 0x00beef

interface Template {
  readonly isOut: boolean
  readonly bytes: Uint8Array
}

function templates(): Template[] {
  const list: Template[] = []
  for (const kind of ['tcp', 'udp', 'icmp'] as const) {
    for (const [guest, client, floating] of [
      ['172.30.0.5', '203.0.113.9', '1.2.3.4'],
      ['fd12:3456:789a::5', '2001:db8:1::9', '2001:db8::4'],
    ] as const) {
      const fields = { kind, flags: TcpFlag.ack, payload: new Uint8Array(9) }
      list.push({ isOut: true, bytes: frame({ ...fields, src: guest, dst: client, srcPort: 7, dstPort: 80 }) })
      const back = { ...fields, etherDst: GUEST_MAC, src: client, dst: floating, srcPort: 80, dstPort: 7 }
      const reply = kind === 'icmp' ? { ...back, type: guest.includes(':') ? 129 : 0 } : back
      list.push({ isOut: false, bytes: encapsulated(frame(reply), { isExternal: true }) })
    }
  }
  const neighbour = {
    kind: 'udp',
    src: '172.30.0.6',
    dst: '172.30.0.5',
    etherDst: GUEST_MAC,
    etherSrc: PEER_MAC,
  } as const
  list.push({ isOut: false, bytes: encapsulated(frame(neighbour)) })
  return list
}

const TEMPLATES = templates()

const mutation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('set' as const), at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), value: fc.nat({ max: 7 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('grow' as const), at: fc.nat(), value: fc.nat({ max: 30 }) }) },
)
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let frame = bytes.slice()
  for (const { kind, at, value } of mutations) {
    if (frame.length === 0) break
    const index = at % frame.length
    if (kind === 'set') frame[index] = value
    else if (kind === 'flip') frame[index] = frame[index]! ^ (1 << value)
    else if (kind === 'cut') frame = frame.slice(0, index)
    else frame = Uint8Array.from([...frame, ...new Uint8Array(value)])
  }
  return frame
}

function setUp(): { sled: SledFixture; ports: readonly VirtualPort[] } {
  const sled = new SledFixture({ slots: 16 })
  sled.engine.setUnderlayPeers({ sleds: [SLED_A, SLED_B], switches: [SWITCH_0] })
  const more = { firewall: ALLOW_ALL, externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] } }
  const ports = [
    sled.addPort(portConfig(more)),
    sled.addPort(portConfig({ ...more, id: 'other', vni: OTHER_VNI, externalIps4: { floating: [] } })),
  ]
  return { sled, ports }
}

function pass(sled: SledFixture, ports: readonly VirtualPort[], isOut: boolean, bytes: Uint8Array): string {
  const dropsBefore = dropsOf(sled)
  if (isOut) sled.send(ports[0]!, bytes)
  else sled.receive(bytes)
  const out = [...sled.takeSent(), ...sled.take(ports[0]!)].map(toHex)
  for (const taint of sled.taints.get(ports[1]!.id)!.splice(0)) assert.ok(taint === 0 || taint === OTHER_VNI)
  const other = sled.take(ports[1]!).map(toHex)
  return `${out.join()} ${other.join()} ${dropsOf(sled) - dropsBefore}`
}

function dropsOf(sled: SledFixture): number {
  const stats = sled.engine.stats()
  const sum = (drops: readonly { count: number }[]): number => drops.reduce((all, { count }) => all + count, 0)
  return sum(stats.drops) + stats.perPort.reduce((all, port) => all + sum(port.drops), 0)
}

test('a damaged frame of a live flow meets the same end on the fast path as in the layers, and always an end', async () => {
  let fast = 0
  const damaged = fc.record({ template: fc.nat(), mutations: fc.array(mutation, { maxLength: 3 }) })
  const property = fc.asyncProperty(fc.array(damaged, { minLength: 1, maxLength: 25 }), async (frames) => {
    const cached = setUp()
    const walked = setUp()
    walked.sled.tracer.listen(() => undefined)
    const send = (isOut: boolean, bytes: Uint8Array): void => {
      const [a, b] = [cached, walked].map(({ sled, ports }) => pass(sled, ports, isOut, bytes))
      assert.equal(a, b)
    }
    for (let i = 0; i < 2; i++) for (const { isOut, bytes } of TEMPLATES) send(isOut, bytes)
    for (const { template, mutations } of frames) {
      const { isOut, bytes } = TEMPLATES[template % TEMPLATES.length]!
      const mutated = mutate(bytes, mutations)
      send(isOut, mutated)
      for (const { sled, ports } of [cached, walked]) {
        await sled.settle()
        for (const port of ports) sled.take(port)
        assert.equal(sled.arena.freeSlots + sled.engine.stats().heldFragments, sled.arena.slots)
      }
    }
    const { counters } = cached.ports[0]!.dump()
    fast += counters.fastIn + counters.fastOut
  })
  await fc.assert(property, fuzzRuns(30))
  assert.ok(fast > 400, `the fast path was taken ${fast} times`)
})
