/**
 * The flow cache against the layers: for random configurations and packets, an engine that may use its cache and one that
 * must walk the layers each time (because it is watched) send and deliver the same bytes, and drop for the same reasons.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip } from '@lodestone/net'
import { ETHERNET_MIN, setIpv6Ecn } from '@lodestone/packet'
import { encapsulated, fragmentsOf, frame } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import type { FirewallRule, PortConfig } from './port-config.ts'
import { GUEST_MAC, PEER_MAC, portConfig, SledFixture, SWITCH_0, SWITCH_1, toHex } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const port = fc.constantFrom(22, 53, 80, 40000)

const packet = fc.record({
  isOut: fc.boolean(),
  isV6: fc.boolean(),
  kind: fc.constantFrom('tcp' as const, 'tcp' as const, 'udp' as const, 'icmp' as const, 'other' as const),
  remote: fc.constantFrom('peer', 'client', 'router'),
  local: fc.constantFrom('private', 'floating', 'floating', 'ephemeral', 'snat'),
  isExternal: fc.boolean(),
  srcPort: port,
  dstPort: port,
  flags: fc.constantFrom(0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04),
  type: fc.constantFrom('request', 'reply', 'other'),
  payload: fc.uint8Array({ maxLength: 9 }),
  noChecksum: fc.boolean(),
  ecn: fc.integer({ min: 0, max: 3 }),
  outerEcn: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3),
  pauseMs: fc.constantFrom(0, 0, 0, 3000, 70_000),
  cut: fc.constantFrom('whole', 'whole', 'whole', 'first', 'later'),
})
type Packet = typeof packet extends fc.Arbitrary<infer T> ? T : never

const rule: fc.Arbitrary<Omit<FirewallRule, 'id'>> = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'c'),
    direction: fc.constantFrom('in' as const, 'out' as const),
    action: fc.constantFrom('allow' as const, 'allow' as const, 'deny' as const),
    priority: fc.integer({ min: 0, max: 3 }),
    hosts: fc.constantFrom<NonNullable<FirewallRule['hosts']>>(
      [],
      [{ kind: 'vni', vni: 0x1c5121 }],
      [{ kind: 'ip', ip: Ip.of('203.0.113.9') }],
    ),
    protocols: fc.subarray<NonNullable<FirewallRule['protocols']>[number]>([
      { kind: 'tcp' },
      { kind: 'udp' },
      { kind: 'icmp' },
      { kind: 'icmp6' },
      { kind: 'other', protocol: 47 },
    ]),
    ports: fc.constantFrom<NonNullable<FirewallRule['ports']>>([], [{ first: 20, last: 60 }]),
  },
  { requiredKeys: ['name', 'direction', 'action', 'priority'] },
)

/** Twenty packets or so at once, and four a second. */
const SLOW = { bitsPerSecond: 3000, burstBytes: 1514 }

const change = fc.record({
  rules: fc.array(rule, { maxLength: 4 }),
  hasFloating: fc.constantFrom(true, true, false),
  hasEphemeral: fc.boolean(),
  hasSnat: fc.boolean(),
  rateLimits: fc.constantFrom({}, {}, { in: SLOW }, { out: SLOW }, { in: SLOW, out: SLOW }),
  switches: fc.constantFrom([SWITCH_0], [SWITCH_1], [SWITCH_0, SWITCH_1], []),
  at: fc.nat({ max: 60 }),
})
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

const EXTERNAL = {
  4: { floating: '1.2.3.4', ephemeral: '1.2.3.5', snat: '1.2.3.6', private: '172.30.0.5' },
  6: { floating: '2001:db8::4', ephemeral: '2001:db8::5', snat: '2001:db8::6', private: 'fd12:3456:789a::5' },
}
const REMOTE = {
  4: { peer: '172.30.0.6', client: '203.0.113.9', router: '198.51.100.1' },
  6: { peer: 'fd12:3456:789a::6', client: '2001:db8:1::9', router: '2001:db8:2::1' },
}

function configOf(generation: number, { rules, hasFloating, hasEphemeral, hasSnat, rateLimits }: Change): PortConfig {
  const external = (family: 4 | 6): NonNullable<PortConfig['externalIps4']> => ({
    floating: hasFloating ? [{ ip: Ip.of(EXTERNAL[family].floating) }] : [],
    ...(hasEphemeral ? { ephemeral: { ip: Ip.of(EXTERNAL[family].ephemeral) } } : {}),
    ...(hasSnat ? { snat: { ip: Ip.of(EXTERNAL[family].snat), firstPort: 50, lastPort: 57 } } : {}),
  })
  return portConfig({
    generation,
    firewall: rules.map((rule, i) => ({ ...rule, id: String(i) })),
    externalIps4: external(4),
    externalIps6: external(6),
    rateLimits,
  })
}

function bytesOf(packet: Packet): Uint8Array {
  const family = packet.isV6 ? 6 : 4
  const remote = REMOTE[family][packet.remote as 'peer']
  const local = EXTERNAL[family][packet.isOut ? 'private' : (packet.local as 'private')]
  const types = family === 4 ? { request: 8, reply: 0, other: 13 } : { request: 128, reply: 129, other: 140 }
  const bytes = frame({
    ...(packet.isOut ? {} : { etherDst: GUEST_MAC, etherSrc: PEER_MAC }),
    src: packet.isOut ? local : remote,
    dst: packet.isOut ? remote : local,
    kind: packet.kind,
    srcPort: packet.srcPort,
    dstPort: packet.dstPort,
    flags: packet.flags,
    type: types[packet.type as 'request'],
    identifier: packet.srcPort,
    payload: packet.payload,
    noChecksum: packet.noChecksum && packet.kind === 'udp' && family === 4,
    ecn: packet.ecn,
  })
  const [first, later] = packet.cut === 'whole' ? [] : fragmentsOf(bytes, 24, packet.ecn)
  const cut = (packet.cut === 'first' ? first : later) ?? bytes
  if (packet.isOut) return cut
  const whole = encapsulated(cut, { isExternal: packet.isExternal })
  setIpv6Ecn(whole, ETHERNET_MIN, packet.outerEcn)
  return whole
}

function pass(sled: SledFixture, port: VirtualPort, packet: Packet): string {
  const bytes = bytesOf(packet)
  const drops = port.dump().counters.drops
  if (packet.isOut) sled.send(port, bytes)
  else sled.receive(bytes)
  const out = [...sled.takeSent(), ...sled.take(port)].map(toHex)
  const dropped = port.dump().counters.drops > drops ? port.recentDrops().at(-1)!.reason.code : ''
  return `${out.join()} ${dropped}`
}

test('fast path bytes equal slow path bytes for every packet of random traffic under changing rules', async () => {
  let fast = 0
  const property = fc.asyncProperty(
    fc.array(packet, { minLength: 1, maxLength: 20 }),
    fc.array(change, { minLength: 1, maxLength: 3 }),
    async (packets, changes) => {
      const cached = new SledFixture({ slots: 8 })
      const walked = new SledFixture({ slots: 8 })
      walked.tracer.listen(() => undefined)
      const config = configOf(1, changes[0]!)
      const ports = [cached.addPort(config), walked.addPort(config)] as const
      // Each packet twice, and all of it again, so that later ones find flows.
      const twice = packets.flatMap((packet) => [packet, { ...packet, pauseMs: 0 as const }])
      const traffic = [...twice, ...twice]
      for (const [i, packet] of traffic.entries()) {
        for (const [n, change] of changes.entries()) {
          if (n === 0 || change.at !== i) continue
          const next = configOf(ports[0].config.generation + 1, change)
          for (const port of ports) assert.equal(port.apply(next).ok, true)
          for (const sled of [cached, walked]) sled.setSwitches(change.switches)
        }
        if (packet.pauseMs > 0) for (const sled of [cached, walked]) await sled.clock.advance(packet.pauseMs)
        assert.equal(pass(cached, ports[0], packet), pass(walked, ports[1], packet), `packet ${i}`)
        // What the gateway says to the guest comes in an event of its own.
        for (const sled of [cached, walked]) await sled.settle()
        assert.deepEqual(cached.take(ports[0]).map(toHex), walked.take(ports[1]).map(toHex))
      }
      const [a, b] = ports.map((port) => port.dump())
      fast += a!.counters.fastIn + a!.counters.fastOut
      assert.equal(b!.counters.fastIn + b!.counters.fastOut, 0)
      const flows = (dump: typeof a): unknown => dump!.flows.map(({ cached: _, ...flow }) => flow)
      assert.deepEqual(flows(a), flows(b))
      for (const sled of [cached, walked]) assert.equal(sled.arena.freeSlots, sled.arena.slots)
    },
  )
  await fc.assert(property, fuzzRuns(90))
  assert.ok(fast > 100, `the cache was used ${fast} times`)
})

test('explain never disagrees with what then happens', () => {
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 12 }), change, (packets, change) => {
      const sled = new SledFixture({ slots: 8 })
      const port = sled.addPort(configOf(1, change))
      for (const packet of packets) {
        const explanation = port.explain(bytesOf(packet), packet.isOut ? 'out' : 'in')
        const frame = explanation.frame === undefined ? '' : toHex(explanation.frame)
        assert.equal(`${frame} ${explanation.reason?.code ?? ''}`, pass(sled, port, packet))
      }
    }),
    fuzzRuns(60),
  )
})
