/** Fragments of datagrams, and IP protocols without ports. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip } from '@lodestone/net'
import { ETHERNET_MIN, IPV4_MIN, IPV6_MIN } from '@lodestone/packet'
import { DATAGRAMS } from './fragment-table.ts'
import { encapsulated, fragmentOf, fragmentsOf, frame, type FrameFields, innerOf, look } from './frame-fixture.ts'
import { HOLD_MS } from './held-fragments.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import type { FirewallRule, PortConfig } from './port-config.ts'
import { GUEST_MAC, portConfig, SledFixture, toHex } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const ALLOW_ALL: readonly FirewallRule[] = [{ id: 'i', name: 'in', direction: 'in', action: 'allow', priority: 1 }]
const named = (protocol: number): readonly FirewallRule[] =>
  (['in', 'out'] as const).map((direction) => ({
    id: direction,
    name: `gre-${direction}`,
    direction,
    action: 'allow',
    priority: 2,
    protocols: [{ kind: 'other', protocol }],
  }))
const GRE = 47

function config(overrides: Partial<PortConfig> = {}): PortConfig {
  return portConfig({
    firewall: [...ALLOW_ALL, ...named(GRE)],
    externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] },
    ...overrides,
  })
}

function datagram(isV6: boolean, isOut: boolean, fields: Partial<FrameFields>): Uint8Array {
  const [guest, floating, client] = isV6
    ? ['fd12:3456:789a::5', '2001:db8::4', '2001:db8:1::9']
    : ['172.30.0.5', '1.2.3.4', '203.0.113.9']
  return frame({
    ...(isOut ? {} : { etherDst: GUEST_MAC }),
    src: isOut ? guest : client,
    dst: isOut ? client : floating,
    kind: 'udp',
    ...fields,
  })
}

/** What comes out for a frame, from the inner Ethernet header on; undefined where it is dropped. */
function pass(sled: SledFixture, port: VirtualPort, bytes: Uint8Array, isOut: boolean): Uint8Array | undefined {
  if (isOut) {
    const sent = sled.exchange(port, bytes)
    return sent === undefined ? undefined : innerOf(sent)
  }
  sled.receive(encapsulated(bytes, { isExternal: true }))
  return sled.take(port)[0]
}

const reasonOf = (port: VirtualPort): string => port.recentDrops().at(-1)?.reason.code ?? ''

/** As a receiver would put them together; throws on gaps and overlaps. */
function reassembled(fragments: readonly Uint8Array[]): string {
  const pieces = fragments.map((bytes) => {
    const isV4 = bytes[ETHERNET_MIN]! >> 4 === 4
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const field = view.getUint16(ETHERNET_MIN + (isV4 ? 6 : IPV6_MIN + 2))
    return {
      at: isV4 ? (field & 0x1fff) * 8 : field & 0xfff8,
      bytes: bytes.subarray(ETHERNET_MIN + (isV4 ? IPV4_MIN : IPV6_MIN + 8)),
    }
  })
  pieces.sort((a, b) => a.at - b.at)
  let end = 0
  let text = ''
  for (const { at, bytes } of pieces) {
    assert.equal(at, end, 'neither gap nor overlap')
    end += bytes.length
    text += toHex(bytes)
  }
  return text
}

test('fragments put together are what the whole packet would have become, in both directions and families', () => {
  const fields = fc.record({
    isV6: fc.boolean(),
    isOut: fc.boolean(),
    kind: fc.constantFrom('udp' as const, 'tcp' as const, 'icmp' as const, 'other' as const),
    isShared: fc.boolean(),
    units: fc.integer({ min: 3, max: 30 }),
    payload: fc.uint8Array({ minLength: 60, maxLength: 400 }),
    order: fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
  })
  fc.assert(
    fc.property(fields, ({ isV6, isOut, kind, isShared, units, payload, order }) => {
      const snat = { snat: { ip: Ip.of('5.6.7.8'), firstPort: 100, lastPort: 107 }, floating: [] }
      const shared = isShared && isOut && !isV6 && kind !== 'other' ? { externalIps4: snat } : {}
      const sleds = [new SledFixture(), new SledFixture()] as const
      const ports = sleds.map((sled) => sled.addPort(config(shared)))
      const bytes = datagram(isV6, isOut, { kind, payload })
      const whole = pass(sleds[0], ports[0]!, bytes, isOut)
      assert.ok(whole !== undefined, reasonOf(ports[0]!))
      assert.ok(kind === 'other' || look(whole).isChecksumRight)
      const [first, ...rest] = fragmentsOf(bytes, units * 8, 77)
      // Of later fragments any order will do.
      const shuffled = rest.map((each, i) => ({ each, at: order[i % order.length]! })).toSorted((a, b) => a.at - b.at)
      const out = [first!, ...shuffled.map(({ each }) => each)].map((each) => {
        const explained = ports[1]!.explain(
          isOut ? each : encapsulated(each, { isExternal: true }),
          isOut ? 'out' : 'in',
        )
        const passed = pass(sleds[1], ports[1]!, each, isOut)
        assert.equal(explained.reason?.code, undefined)
        return passed!
      })
      const header = ETHERNET_MIN + (isV6 ? IPV6_MIN : IPV4_MIN)
      assert.equal(reassembled(out), toHex(whole.subarray(header)))
      const addresses = (each: Uint8Array): string =>
        toHex(each.subarray(ETHERNET_MIN + (isV6 ? 8 : 12), ETHERNET_MIN + (isV6 ? 40 : 20)))
      for (const each of out) assert.equal(addresses(each), addresses(whole))
      assert.equal(ports[1]!.state.fragments.count, 0, 'a complete datagram is forgotten')
    }),
    fuzzRuns(80),
  )
})

test('what passes of a datagram never overlaps, whatever is sent, and explain knows it before', () => {
  const piece = fc.record({ at: fc.nat({ max: 12 }), units: fc.integer({ min: 1, max: 5 }), isLast: fc.boolean() })
  fc.assert(
    fc.property(fc.boolean(), fc.array(piece, { minLength: 1, maxLength: 12 }), (isV6, pieces) => {
      const sled = new SledFixture()
      const port = sled.addPort(config())
      const bytes = datagram(isV6, true, { payload: new Uint8Array(60) })
      const l4 = ETHERNET_MIN + (isV6 ? IPV6_MIN : IPV4_MIN)
      const covered = new Set<number>()
      let last = Infinity
      for (const { at, units, isLast } of [{ at: 0, units: 1, isLast: false }, ...pieces]) {
        const each = fragmentOf(
          bytes,
          at === 0 ? bytes.subarray(l4, l4 + units * 8) : new Uint8Array(units * 8),
          at * 8,
          !isLast,
          5,
        )
        if (at === 0 && isLast) continue // a whole packet
        const explained = port.explain(each, 'out')
        const passed = pass(sled, port, each, true)
        assert.equal(explained.verdict === 'forwarded', passed !== undefined)
        if (passed === undefined) {
          assert.match(reasonOf(port), /^FRAG_/)
          assert.equal(explained.reason?.code, reasonOf(port))
          continue
        }
        for (let unit = at; unit < at + units; unit++) {
          assert.ok(!covered.has(unit) && unit < last, `unit ${unit} twice`)
          covered.add(unit)
        }
        if (isLast) last = at + units
        // After the last byte of a datagram its identification may be used anew.
        if (port.state.fragments.count === 0) break
      }
      assert.equal(sled.arena.freeSlots, sled.arena.slots)
    }),
    fuzzRuns(150),
  )
})

test('a later fragment without its first one is dropped in time, also when the first one was refused or is too old', async () => {
  for (const isV6 of [false, true]) {
    const sled = new SledFixture()
    const port = sled.addPort(portConfig({ externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] } }))
    const out = fragmentsOf(datagram(isV6, true, { payload: new Uint8Array(64) }), 24)
    assert.equal(pass(sled, port, out[1]!, true), undefined)
    await sled.clock.advance(HOLD_MS)
    assert.equal(reasonOf(port), 'FRAG_NO_FIRST')
    const into = fragmentsOf(datagram(isV6, false, { payload: new Uint8Array(64) }), 24)
    assert.equal(pass(sled, port, into[0]!, false), undefined)
    assert.equal(reasonOf(port), 'FW_DEFAULT_DENY')
    assert.equal(pass(sled, port, into[1]!, false), undefined)
    await sled.clock.advance(HOLD_MS)
    assert.equal(reasonOf(port), 'FRAG_NO_FIRST')
    assert.notEqual(pass(sled, port, out[0]!, true), undefined)
    await sled.clock.advance(31_500)
    assert.equal(pass(sled, port, out[1]!, true), undefined, 'hosts have given up by now')
  }
})

test('after an overlap nothing of the datagram passes; a copy that the network made does not count as one', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const bytes = datagram(false, true, { payload: new Uint8Array(200) })
  const pieces = fragmentsOf(bytes, 48)
  pass(sled, port, pieces[0]!, true)
  assert.notEqual(pass(sled, port, pieces[1]!, true), undefined)
  assert.equal(pass(sled, port, pieces[1]!, true), undefined)
  assert.equal(reasonOf(port), 'FRAG_OVERLAP')
  assert.notEqual(pass(sled, port, pieces[2]!, true), undefined)
  // Over the transport header, as RFC 1858 §3 tells of.
  assert.equal(pass(sled, port, fragmentOf(bytes, new Uint8Array(48), 8, true, 1), true), undefined)
  assert.equal(reasonOf(port), 'FRAG_OVERLAP')
  assert.equal(pass(sled, port, pieces[3]!, true), undefined)
})

test('a first fragment must hold the transport header, and nothing may go beyond 65535 bytes', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const tiny = fragmentsOf(datagram(false, true, { kind: 'tcp', payload: new Uint8Array(64) }), 16)[0]!
  assert.equal(pass(sled, port, tiny, true), undefined)
  assert.equal(reasonOf(port), 'FRAG_TINY')
  const bytes = datagram(false, true, { payload: new Uint8Array(64) })
  pass(sled, port, fragmentsOf(bytes, 24)[0]!, true)
  assert.equal(pass(sled, port, fragmentOf(bytes, new Uint8Array(64), 65_528, false, 1), true), undefined)
  assert.equal(reasonOf(port), 'PARSE_BAD_LEN')
  assert.equal(pass(sled, port, fragmentOf(bytes, new Uint8Array(7), 800, true, 1), true), undefined)
  assert.equal(reasonOf(port), 'PARSE_BAD_LEN')
})

test('memory for fragments is bounded: the oldest datagram makes room, and one has so many fragments at most', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const bytes = datagram(false, true, { payload: new Uint8Array(900) })
  const of = (id: number): Uint8Array[] => fragmentsOf(bytes, 24, id)
  for (let id = 1; id <= DATAGRAMS + 40; id++) {
    assert.notEqual(pass(sled, port, of(id)[0]!, true), undefined)
    // Some are completed in between, so that rows and ages get out of step.
    if (id % 3 === 0) for (const each of fragmentsOf(bytes, 480, id + 1000)) pass(sled, port, each, true)
  }
  assert.equal(port.state.fragments.count, DATAGRAMS)
  assert.equal(pass(sled, port, of(1)[1]!, true), undefined)
  assert.equal(port.dump().counters.heldFragments, 1, 'as if its first one had not come yet')
  assert.notEqual(pass(sled, port, of(DATAGRAMS + 40)[1]!, true), undefined)
  const small = fragmentsOf(datagram(false, true, { payload: new Uint8Array(600) }), 8, 9000)
  const passed = small.filter((each) => pass(sled, port, each, true) !== undefined).length
  assert.equal(passed, 64)
  assert.equal(reasonOf(port), 'FRAG_TOO_MANY')
})

test('the gateway puts no fragments together', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const ping = frame({ src: '172.30.0.5', dst: '172.30.0.1', kind: 'icmp', payload: new Uint8Array(64) })
  const [first] = fragmentsOf(ping, 24)
  sled.send(port, first!)
  assert.equal(reasonOf(port), 'PARSE_FRAGMENT')
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('an IP protocol without ports passes only where rules name it, and then as a flow, in the cache too', () => {
  for (const isV6 of [false, true]) {
    const sled = new SledFixture()
    const open = [...ALLOW_ALL, { ...ALLOW_ALL[0]!, id: 'o', direction: 'out' as const }]
    const port = sled.addPort(config({ firewall: open }))
    const out = datagram(isV6, true, { kind: 'other', payload: new Uint8Array(40).fill(7) })
    const into = datagram(isV6, false, { kind: 'other', payload: new Uint8Array(40).fill(7) })
    const explained = port.explain(out, 'out')
    assert.equal(explained.reason?.code, 'FW_PROTO_NEEDS_RULE')
    assert.match(explained.nearest![0]!.failed[0]!.actual, /gre/)
    assert.equal(pass(sled, port, out, true), undefined)
    assert.equal(reasonOf(port), 'FW_PROTO_NEEDS_RULE')
    assert.equal(pass(sled, port, into, false), undefined)
    assert.equal(reasonOf(port), 'FW_DEFAULT_DENY')
    port.apply(config({ generation: 2, firewall: [named(GRE)[1]!] }))
    for (let times = 0; times < 3; times++) {
      const sent = pass(sled, port, out, true)!
      assert.equal(toHex(sent.subarray(sent.length - 40)), '07'.repeat(40), 'the payload is nobody’s business')
      const back = pass(sled, port, into, false)!
      assert.equal(toHex(back.subarray(back.length - 40)), '07'.repeat(40))
    }
    const { counters, flows } = port.dump()
    assert.equal(counters.fastOut, 2)
    assert.equal(counters.fastIn, 2)
    assert.equal(flows[0]!.guest, isV6 ? 'fd12:3456:789a::5' : '172.30.0.5')
    assert.equal(flows[0]!.protocol, 'gre')
  }
})

test('a protocol without ports cannot share an address, and a rule cannot name what is none', () => {
  const sled = new SledFixture()
  const snat = { snat: { ip: Ip.of('5.6.7.8'), firstPort: 100, lastPort: 107 }, floating: [] }
  const port = sled.addPort(config({ externalIps4: snat }))
  assert.equal(pass(sled, port, datagram(false, true, { kind: 'other', payload: new Uint8Array(8) }), true), undefined)
  assert.equal(reasonOf(port), 'NAT_PROTO_UNSUPPORTED')
  for (const protocol of [6, 58, 44, 256, 1.5]) {
    const result = port.apply(config({ generation: 2, firewall: named(protocol) }))
    assert.equal(result.ok, false, String(protocol))
  }
})
