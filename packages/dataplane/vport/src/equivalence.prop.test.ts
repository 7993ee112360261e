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
import { HOLD_MS } from './held-fragments.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import type { FirewallRule, PortConfig } from './port-config.ts'
import { GUEST_MAC, PEER_MAC, portConfig, SledFixture, SWITCH_0, SWITCH_1, toHex } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'
import type { Explanation } from './walk.ts'

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

/** What came out, and why the packet was dropped. */
function pass(sled: SledFixture, port: VirtualPort, packet: Packet): string {
  const bytes = bytesOf(packet)
  const drops = port.dump().counters.drops
  if (packet.isOut) sled.send(port, bytes)
  else sled.receive(bytes)
  const out = [...sled.takeSent(), ...sled.take(port)].map(toHex)
  const dropped = port.dump().counters.drops - drops
  return `${out.join()} ${dropped === 0 ? '' : port.recentDrops().at(-dropped)!.reason.code}`
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
      for (const sled of [cached, walked]) {
        await sled.clock.advance(HOLD_MS)
        assert.equal(sled.arena.freeSlots, sled.arena.slots)
      }
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
        assert.equal(said(explanation), firstOf(pass(sled, port, packet)))
        assertSound(explanation)
      }
    }),
    fuzzRuns(60),
  )
})

/** Of what `pass` says, the part about the packet itself: fragments that have waited for it come after it. */
function firstOf(passed: string): string {
  const [frame] = passed.split(/[ ,]/)
  return frame === '' ? passed : `${frame} `
}

const said = ({ frame, reason }: Explanation): string =>
  `${frame === undefined ? '' : toHex(frame)} ${reason?.code ?? ''}`

/** A recorded row always says what the layers say. */
function assertSound({ steps }: Explanation): void {
  for (const step of steps) if (step.kind === 'flow') assert.notEqual(step.agrees, false, step.detail)
}

/** All that a port and its engine show of themselves. */
const stateOf = (sled: SledFixture, port: VirtualPort): string =>
  JSON.stringify([port.dump(), port.recentDrops(), sled.engine.stats(), port.saveFlows(), sled.arena.freeSlots])

// Carried packets take nothing from rate limits, and their fragments are not remembered.
const plain = (each: Packet): Packet => ({ ...each, cut: 'whole' })
const withoutLimits = (each: Change): Change => ({ ...each, rateLimits: {} })

test('a shadow that carries packets says of the next one what the port does after them, and leaves no trace', () => {
  let carried = 0
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 8 }),
      fc.array(packet, { minLength: 1, maxLength: 8 }),
      change,
      (before, packets, change) => {
        const sled = new SledFixture({ slots: 8 })
        const port = sled.addPort(configOf(1, withoutLimits(change)))
        for (const packet of before.map(plain)) pass(sled, port, packet)
        const was = stateOf(sled, port)
        const shadow = sled.engine.shadow()
        const told = packets.map(plain).map((packet) => {
          const explained = shadow.port(port.id)!.explain(bytesOf(packet), packet.isOut ? 'out' : 'in')
          const done = shadow.port(port.id)!.carry(bytesOf(packet), packet.isOut ? 'out' : 'in')
          assert.equal(said(done), said(explained))
          assertSound(explained)
          return said(explained)
        })
        shadow.close()
        assert.equal(stateOf(sled, port), was)
        for (const [i, packet] of packets.map(plain).entries()) assert.equal(pass(sled, port, packet), told[i])
        carried += port.dump().flows.length
      },
    ),
    fuzzRuns(60),
  )
  assert.ok(carried > 30, `${carried} connections`)
})

test('a shadow with another configuration says what the port does once it is configured so', () => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 8 }), packet, change, change, (before, next, change, proposed) => {
      const sled = new SledFixture({ slots: 8 })
      const port = sled.addPort(configOf(1, withoutLimits(change)))
      for (const packet of before.map(plain)) pass(sled, port, packet)
      const was = stateOf(sled, port)
      const config = configOf(2, withoutLimits(proposed))
      const shadow = sled.engine.shadow(new Map([[port.id, config]]))
      const told = shadow.port(port.id)!.explain(bytesOf(plain(next)), next.isOut ? 'out' : 'in')
      shadow.close()
      assert.equal(stateOf(sled, port), was)
      assert.equal(port.apply(config).ok, true)
      assert.equal(pass(sled, port, plain(next)), said(told))
    }),
    fuzzRuns(60),
  )
})

test('a shadow of an earlier time says what a shadow said then, whatever was configured since', async () => {
  const property = fc.asyncProperty(
    fc.array(packet, { minLength: 1, maxLength: 3 }),
    fc.array(change, { minLength: 2, maxLength: 5 }),
    async (packets, changes) => {
      const sled = new SledFixture({ slots: 8 })
      const port = sled.addPort(configOf(1, changes[0]!))
      const ask = (atMs: number): string => {
        const shadow = sled.engine.shadowAt(atMs)!
        const told = packets.map((each) =>
          said(shadow.port(port.id)!.explain(bytesOf(each), each.isOut ? 'out' : 'in')),
        )
        shadow.close()
        return told.join(' | ')
      }
      const answers: [number, string][] = []
      for (const [i, change] of changes.entries()) {
        assert.equal(port.apply(configOf(2 + i, change)).ok, true)
        sled.setSwitches(change.switches)
        sled.engine.setVirtualToPhysical(change.hasSnat ? [] : sled.mappings)
        answers.push([sled.clock.nowMs(), ask(sled.clock.nowMs())])
        await sled.clock.advance(1000)
      }
      sled.engine.removePort(port.id)
      assert.equal(sled.engine.shadowAt(sled.clock.nowMs())!.port(port.id), undefined)
      await sled.clock.advance(1000)
      for (const [atMs, answer] of answers) assert.equal(ask(atMs), answer)
    },
  )
  await fc.assert(property, fuzzRuns(25))
})
