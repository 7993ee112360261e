/** Mistakes that engines of this kind have made, each held down by a test. Slow path and flow cache alike. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac } from '@lodestone/net'
import { ETHERNET_MIN, IPV6_MIN, setUdpChecksum, TcpFlag, udpChecksum } from '@lodestone/packet'
import { encapsulated, frame, type FrameFields, innerOf, look, outerDstOf } from './frame-fixture.ts'
import { HOLD_MS } from './held-fragments.ts'
import { GUEST_MAC, portConfig, SLED_A, SLED_B, SledFixture, SWITCH_0, SWITCH_1, toHex } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const CLIENT = '203.0.113.9'
const ALLOW_ALL = [{ id: 'a', name: 'all', direction: 'in', action: 'allow', priority: 1 }] as const
const { syn, ack, fin, rst } = TcpFlag
const MULTICAST_OPTION = new Uint8Array([0x01, 0x29, 0x01, 0x01, 0x40, 0, 0, 0])

function out(fields: Partial<FrameFields> = {}): Uint8Array {
  return frame({ src: '172.30.0.5', dst: CLIENT, kind: 'udp', dstPort: 53, ...fields })
}

function into(fields: Partial<FrameFields> = {}): Uint8Array {
  const inner = frame({ etherDst: GUEST_MAC, src: CLIENT, dst: '1.2.3.4', kind: 'udp', srcPort: 53, ...fields })
  return encapsulated(inner, { isExternal: true })
}

function reasonOf(port: VirtualPort): string | undefined {
  return port.recentDrops().at(-1)?.reason.code
}

test('UDP without a checksum stays without one', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  for (let i = 0; i < 2; i++) {
    const inner = innerOf(sled.exchange(port, out({ noChecksum: true }))!)
    assert.equal(udpChecksum(inner, ETHERNET_MIN + 20), 0)
    assert.equal(look(inner).src, '1.2.3.4')
  }
})

test('a UDP checksum that comes out as zero is sent as 0xffff', () => {
  // Among all payload words there is one for which the translated datagram sums to zero.
  const sled = new SledFixture({ slots: 8 })
  const port = sled.addPort()
  const original = out({ payload: new Uint8Array(2) })
  const base = innerOf(sled.exchange(port, original)!)
  const checksum = udpChecksum(base, ETHERNET_MIN + 20)
  const payload = new Uint8Array([checksum >> 8, checksum & 0xff])
  for (const srcPort of [40000, 40000]) {
    const inner = innerOf(sled.exchange(port, out({ srcPort, payload }))!)
    assert.equal(udpChecksum(inner, ETHERNET_MIN + 20), 0xffff)
    assert.equal(look(inner).isChecksumRight, true)
  }
  sled.engine.removePort(port.id)
  const fresh = sled.addPort()
  assert.equal(udpChecksum(innerOf(sled.exchange(fresh, out({ payload }))!), ETHERNET_MIN + 20), 0xffff, 'slow path')
})

test('a damaged checksum stays damaged', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const damaged = out()
  const l4 = ETHERNET_MIN + 20
  setUdpChecksum(damaged, l4, (udpChecksum(damaged, l4) + 1) & 0xffff)
  for (let i = 0; i < 2; i++) assert.equal(look(innerOf(sled.exchange(port, damaged)!)).isChecksumRight, false)
})

test('every ECN mark survives', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] } }))
  for (const ecn of [0, 1, 2, 3]) {
    assert.equal(innerOf(sled.exchange(port, out({ ecn }))!)[ETHERNET_MIN + 1]! & 3, ecn)
    const v6 = frame({ src: 'fd12:3456:789a::5', dst: '2001:db8:1::9', kind: 'udp', ecn })
    assert.equal((innerOf(sled.exchange(port, v6)!)[ETHERNET_MIN + 1]! >> 4) & 3, ecn)
  }
})

test('40 bytes of IP options and 40 of TCP options pass, translated', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const options = new Uint8Array(40).fill(1)
  for (let i = 0; i < 2; i++) {
    const view = look(innerOf(sled.exchange(port, out({ kind: 'tcp', ipOptions: options, tcpOptions: options }))!))
    assert.deepEqual([view.src, view.isChecksumRight], ['1.2.3.4', true])
  }
})

test('headers that contradict themselves are dropped with the reason', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const broken = (change: (bytes: Uint8Array) => void, fields: Partial<FrameFields> = {}): string | undefined => {
    const bytes = out(fields)
    change(bytes)
    assert.equal(sled.exchange(port, bytes), undefined)
    return reasonOf(port)
  }
  assert.equal(
    broken((b) => (b[ETHERNET_MIN + 20 + 12] = 0x40), { kind: 'tcp' }),
    'PARSE_BAD_DATA_OFFSET',
  )
  assert.equal(
    broken((b) => (b[ETHERNET_MIN] = 0x44)),
    'PARSE_BAD_IHL',
  )
  assert.equal(
    broken((b) => (b[ETHERNET_MIN] = 0x55)),
    'PARSE_BAD_VERSION',
  )
  assert.equal(
    broken((b) => (b[ETHERNET_MIN + 9] = 58)),
    'PARSE_UNWANTED_PROTO',
  )
  assert.equal(
    broken((b) => (b[ETHERNET_MIN + 6] = 0x20), { kind: 'tcp' }),
    'PARSE_BAD_LEN',
  )
  broken((b) => (b[ETHERNET_MIN + 7] = 9))
  await sled.clock.advance(HOLD_MS)
  assert.equal(reasonOf(port), 'FRAG_NO_FIRST')
  assert.equal(
    broken((b) => (b[12] = 0x88)),
    'GW_NOT_IP',
  )
  const plain = out()
  const tagged = new Uint8Array([...plain.slice(0, 12), 0x81, 0x00, 0, 5, ...plain.slice(12)])
  assert.equal(sled.exchange(port, tagged), undefined)
  assert.equal(reasonOf(port), 'GW_NOT_IP', 'a VLAN tag')
})

test('Ethernet padding does not travel', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const bytes = out()
  const padded = new Uint8Array(60)
  padded.set(bytes)
  const sent = sled.exchange(port, padded)!
  assert.equal(innerOf(sent).length, bytes.length)
  assert.equal(toHex(sled.exchange(port, padded)), toHex(sent))
})

test('a Geneve packet with an unknown critical option is dropped, with an unknown other one it passes', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const inner = frame({ etherDst: GUEST_MAC, src: '172.30.0.6', dst: '172.30.0.5', kind: 'udp' })
  const receive = (...options: number[]): number => {
    sled.receive(encapsulated(inner, { options: Uint8Array.from(options) }))
    return sled.take(port).length
  }
  assert.equal(receive(0x01, 0x29, 0x85, 0), 0)
  assert.equal(receive(0xaa, 0xaa, 0x80, 0), 0)
  assert.equal(receive(0xaa, 0xaa, 0x00, 1, 1, 2, 3, 4, 0x01, 0x29, 2, 1, 0, 0, 0, 0), 1)
  assert.equal(receive(0xaa, 0xaa, 0x00, 9), 0, 'an option longer than the header')
  assert.deepEqual(sled.engine.stats().drops, [{ code: 'PARSE_BAD_TUNNEL_OPT', count: 3 }])
})

test('extension headers in front of the outer UDP are followed', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const plain = encapsulated(frame({ etherDst: GUEST_MAC, src: '172.30.0.6', dst: '172.30.0.5', kind: 'udp' }))
  const extended = new Uint8Array(plain.length + 8)
  const split = ETHERNET_MIN + IPV6_MIN
  extended.set(plain.subarray(0, split))
  extended.set([17, 0, 1, 4, 0, 0, 0, 0], split)
  extended.set(plain.subarray(split), split + 8)
  extended[ETHERNET_MIN + 6] = 0
  const payload = plain.length - split + 8
  extended.set([payload >> 8, payload & 0xff], ETHERNET_MIN + 4)
  sled.receive(extended)
  assert.equal(sled.take(port).length, 1)
})

test('only known peers may send, and a switch’s packets count as from outside only', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL }))
  sled.engine.setUnderlayPeers({ sleds: [Ip.of('fd00:1122:3344:101::1')], switches: [SWITCH_0] })
  const passes = (isExternal: boolean, src: string): boolean => {
    const dst = isExternal ? '1.2.3.4' : '172.30.0.5'
    const from = isExternal ? CLIENT : '172.30.0.6'
    sled.receive(
      encapsulated(frame({ etherDst: GUEST_MAC, src: from, dst, kind: 'udp' }), { isExternal, src: Ip.of(src) }),
    )
    return sled.take(port).length === 1
  }
  assert.equal(passes(true, '::'), true)
  assert.equal(passes(true, SWITCH_0.toString()), true)
  assert.equal(passes(true, 'fd00:1122:3344:101::1'), true, 'a sled that knows the address’s owner')
  assert.equal(passes(true, 'fd00:6666::1'), false)
  assert.equal(passes(false, 'fd00:1122:3344:101::1'), true)
  assert.equal(passes(false, '::'), false)
  assert.equal(passes(false, 'fd00:6666::1'), false)
  const codes = sled.engine.recentDrops().map((drop) => drop.reason.code)
  assert.deepEqual(codes, ['UL_UNKNOWN_SOURCE', 'UL_FORGED_EXTERNAL', 'UL_UNKNOWN_SOURCE'])
})

test('a change of peers reaches live flows, and the sled’s own address is no peer on the wire', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL }))
  const fields = { kind: 'udp', etherDst: GUEST_MAC, src: '172.30.0.6', dst: '172.30.0.5' } as const
  const passes = (source: string): boolean => {
    sled.receive(encapsulated(frame(fields), { src: Ip.of(source) }))
    return sled.take(port).length === 1
  }
  const peer = SLED_B.toString()
  sled.engine.setUnderlayPeers({ sleds: [SLED_B], switches: [SWITCH_0] })
  assert.deepEqual([passes(peer), passes(peer)], [true, true])
  assert.equal(port.dump().counters.fastIn, 1)
  assert.equal(passes('fd00:6666::1'), false, 'another source does not ride on the flow')
  assert.equal(passes(SLED_A.toString()), false)
  sled.engine.setUnderlayPeers({ sleds: [], switches: [SWITCH_0] })
  assert.equal(passes(peer), false)
  sled.engine.setUnderlayPeers({ sleds: [SLED_B], switches: [SWITCH_0] })
  assert.equal(passes(peer), true)
})

test('a port that is removed and added again has none of its old flows', async () => {
  const sled = new SledFixture()
  const config = portConfig()
  const first = sled.addPort(config)
  for (let i = 0; i < 300; i++) sled.exchange(first, out({ kind: 'udp', srcPort: 1000 + i }))
  sled.engine.removePort(config.id)
  const second = sled.addPort(config)
  sled.receive(into({ kind: 'udp', srcPort: 53, dstPort: 1000 }))
  assert.equal(sled.take(second).length, 0, 'nobody of this port has asked')
  sled.exchange(second, out({ kind: 'udp', srcPort: 1000 }))
  assert.equal(second.dump().flows.length, 1)
  await sled.clock.advance(2000)
  assert.equal(second.dump().flows.length, 1)
  assert.notEqual(sled.exchange(second, out({ kind: 'udp', srcPort: 1000 })), undefined)
})

test('a packet too large for the path is answered with its size, IPv4 and IPv6, also from the flow cache', async () => {
  const sled = new SledFixture({ externalMtuBytes: 1400, underlayMtuBytes: 1500 })
  const port = sled.addPort(portConfig({ externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] } }))
  const cases: [string, string, number][] = [
    ['172.30.0.5', CLIENT, 1400],
    ['172.30.0.5', '172.30.0.6', 1500 - 56 - 14],
    ['fd12:3456:789a::5', '2001:db8:1::9', 1400],
  ]
  for (const [src, dst, limit] of cases) {
    const isV4 = !src.includes(':')
    const headers = (isV4 ? 20 : 40) + 8
    assert.notEqual(
      sled.exchange(port, frame({ src, dst, kind: 'udp', payload: new Uint8Array(limit - headers) })),
      undefined,
    )
    const large = frame({ src, dst, kind: 'udp', payload: new Uint8Array(limit - headers + 1) })
    assert.equal(sled.exchange(port, large), undefined)
    assert.equal(reasonOf(port), 'MTU_EXCEEDED')
    await sled.settle()
    const reply = sled.take(port)[0]!
    const view = look(reply)
    assert.deepEqual([view.src, view.dst, view.isChecksumRight], [isV4 ? '172.30.0.1' : 'fd12:3456:789a::1', src, true])
    const icmp = ETHERNET_MIN + (isV4 ? 20 : 40)
    assert.deepEqual([reply[icmp], reply[icmp + 1]], isV4 ? [3, 4] : [2, 0])
    assert.equal((reply[icmp + 6]! << 8) | reply[icmp + 7]!, limit)
    assert.ok(reply.length - ETHERNET_MIN <= (isV4 ? 576 : 1280))
  }
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('a TCP connection is followed to its end in both directions and forgotten', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const guest = (flags: number, sequence: number, acknowledgment: number): void => {
    assert.notEqual(sled.exchange(port, out({ kind: 'tcp', flags, sequence, acknowledgment })), undefined)
  }
  const client = (flags: number, sequence: number, acknowledgment: number): void => {
    sled.receive(into({ kind: 'tcp', dstPort: 40000, flags, sequence, acknowledgment }))
    assert.equal(sled.take(port).length, 1)
  }
  const state = (): string | undefined => port.dump().flows[0]?.tcpState
  guest(syn, 100, 0)
  assert.equal(state(), 'SynSent')
  client(syn | ack, 500, 101)
  assert.equal(state(), 'Established')
  guest(ack, 101, 501)
  guest(fin | ack, 101, 501)
  assert.equal(state(), 'FinWait1')
  client(ack, 501, 101)
  assert.equal(state(), 'FinWait1', 'not yet the acknowledgment of the FIN')
  client(ack, 501, 102)
  assert.equal(state(), 'FinWait2')
  client(fin | ack, 501, 102)
  assert.equal(state(), 'TimeWait')
  guest(ack, 102, 502)
  await sled.clock.advance(119_000)
  assert.equal(state(), 'TimeWait')
  await sled.clock.advance(3000)
  assert.equal(state(), undefined)
})

test('states live as long as they should: half-open 5 s, established 8000 s, RST not at all', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const flows = (): number => port.dump().flows.length
  sled.exchange(port, out({ kind: 'tcp' }))
  await sled.clock.advance(4000)
  assert.equal(flows(), 1)
  await sled.clock.advance(2500)
  assert.equal(flows(), 0)
  sled.exchange(port, out({ kind: 'tcp', flags: ack }))
  await sled.clock.advance(7_990_000)
  assert.equal(flows(), 1)
  sled.receive(into({ kind: 'tcp', dstPort: 40000, flags: rst }))
  assert.equal(sled.take(port).length, 1, 'the reset itself is delivered')
  assert.equal(flows(), 0)
})

test('a SYN on an established connection is judged anew: denied, the old one lives on; allowed, it begins again', () => {
  const sled = new SledFixture()
  const config = portConfig()
  const port = sled.addPort(config)
  sled.exchange(port, out({ kind: 'tcp', flags: ack, srcPort: 443, dstPort: 53 }))
  sled.receive(into({ kind: 'tcp', dstPort: 443, flags: syn }))
  assert.equal(sled.take(port).length, 0)
  assert.equal(port.dump().flows[0]!.tcpState, 'Established')
  port.apply({ ...config, generation: 2, firewall: ALLOW_ALL })
  sled.receive(into({ kind: 'tcp', dstPort: 443, flags: syn }))
  assert.equal(sled.take(port).length, 1)
  assert.deepEqual(
    port.dump().flows.map((flow) => [flow.tcpState, flow.initiator]),
    [['Listen', 'in']],
  )
})

test('a late SYN+ACK on an established connection does not end it', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  sled.exchange(port, out({ kind: 'tcp' }))
  for (let i = 0; i < 2; i++) {
    sled.receive(into({ kind: 'tcp', dstPort: 40000, flags: syn | ack }))
    assert.equal(sled.take(port).length, 1)
    assert.equal(port.dump().flows[0]!.tcpState, 'Established')
  }
})

test('a full table evicts what is idle, never what is established and busy, and says when it cannot', async () => {
  const sled = new SledFixture({ connectionsPerPort: 16 })
  const port = sled.addPort()
  for (let i = 0; i < 40; i++) assert.notEqual(sled.exchange(port, out({ srcPort: 1000 + i })), undefined)
  assert.equal(port.dump().flows.length, 16)
  for (let i = 0; i < 16; i++) sled.exchange(port, out({ kind: 'tcp', flags: ack, srcPort: 2000 + i }))
  assert.ok(port.dump().flows.every((flow) => flow.protocol === 'tcp'))
  assert.equal(sled.exchange(port, out({ kind: 'tcp', srcPort: 3000 })), undefined)
  assert.equal(reasonOf(port), 'TCP_TABLE_FULL')
  assert.equal(sled.exchange(port, out({ srcPort: 3000 })), undefined)
  assert.equal(reasonOf(port), 'FLOW_TABLE_FULL')
  await sled.clock.advance(61_000)
  assert.notEqual(sled.exchange(port, out({ srcPort: 3000 })), undefined, 'a minute of silence makes room')
})

test('a TCP header that says it is shorter than 20 bytes is dropped, outbound and inbound, on a live flow too', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL }))
  const tcp = { kind: 'tcp', dstPort: 80, flags: ack } as const
  for (let i = 0; i < 2; i++) assert.notEqual(sled.exchange(port, out(tcp)), undefined)
  for (const offset of [0, 1, 2, 3, 4]) {
    const sent = out(tcp)
    sent[ETHERNET_MIN + 20 + 12] = offset << 4
    assert.equal(sled.exchange(port, sent), undefined)
    assert.equal(reasonOf(port), 'PARSE_BAD_DATA_OFFSET')
    const received = into({ kind: 'tcp', srcPort: 80, dstPort: 40000, flags: ack })
    received[received.length - 20 + 12] = offset << 4
    sled.receive(received)
    assert.equal(sled.take(port).length, 0)
    assert.equal(reasonOf(port), 'PARSE_BAD_DATA_OFFSET')
  }
})

test('the choices of a floating address, of a switch and of the UDP source port are independent of each other', () => {
  const sled = new SledFixture({ switches: [SWITCH_0, SWITCH_1] })
  const floating = ['1.2.3.4', '1.2.3.5'].map((ip) => ({ ip: Ip.of(ip) }))
  const port = sled.addPort(portConfig({ externalIps4: { floating } }))
  const seen = new Map<string, number>()
  const flows = 2000
  for (let srcPort = 1; srcPort <= flows; srcPort++) {
    const sent = sled.exchange(port, out({ srcPort }))!
    const entropyBit = sent[IPV6_MIN + 1]! & 1
    const choice = `${look(innerOf(sent)).src} ${outerDstOf(sent)} ${entropyBit}`
    seen.set(choice, (seen.get(choice) ?? 0) + 1)
  }
  assert.equal(seen.size, 8, [...seen.keys()].join(', '))
  // An eighth each; 250 ± 60 is four standard deviations.
  for (const [choice, count] of seen) assert.ok(Math.abs(count - flows / 8) < 60, `${choice}: ${count}`)
})

test('replacing all routes takes nothing from groups, which need none', () => {
  const sled = new SledFixture()
  const multicast = [{ group: Ip.of('239.1.2.3'), mode: 'exclude', sources: [] }] as const
  const config = portConfig({ multicast })
  const port = sled.addPort(config)
  sled.engine.setMulticastGroups([{ vni: port.vni, group: Ip.of('239.1.2.3'), sleds: [SLED_B] }])
  const toGroup = (): Uint8Array | undefined =>
    sled.exchange(port, out({ dst: '239.1.2.3', etherDst: Mac.forMulticast(Ip.of('239.1.2.3')) }))
  assert.equal(outerDstOf(toGroup()!), SLED_B.toString())
  for (const [generation, routes] of [[], config.routes].entries()) {
    assert.equal(port.apply({ ...config, generation: generation + 2, routes }).ok, true)
    assert.equal(outerDstOf(toGroup()!), SLED_B.toString())
  }
})

test('a frame for a group is its own VPC’s: in another VNI it reaches nobody, whoever has joined there', () => {
  const sled = new SledFixture()
  const group = Ip.of('239.1.2.3')
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL, multicast: [{ group, mode: 'exclude', sources: [] }] }))
  const inner = frame({ etherDst: Mac.forMulticast(group), src: '172.30.0.6', dst: '239.1.2.3', kind: 'udp' })
  const got = (vni: number): number => {
    sled.receive(encapsulated(inner, { vni, options: MULTICAST_OPTION }))
    return sled.take(port).length
  }
  assert.equal(got(port.vni), 1)
  assert.equal(got(port.vni + 1), 0)
  assert.equal(got(77), 0, 'nor in the one that other stacks keep for all groups')
  assert.deepEqual(
    sled.engine.recentDrops().map((drop) => drop.reason.code),
    ['NOT_OURS_GROUP', 'NOT_OURS_GROUP'],
  )
})
