/** The daemon over the real program: `p4/switch.p4`, compiled, with frames on its ports. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ip, Mac, Prefix } from '@lodestone/net'
import {
  fixIpv4Checksum,
  IPV4_SRC,
  IPV4_DST,
  IPV6_DST,
  IPV6_SRC,
  ROW_L4,
  ROW_PAYLOAD,
  SidecarCode,
} from '@lodestone/packet'
import { switchProgram } from './compiled-switch.fixture.ts'
import {
  arp,
  checked,
  FRAME_A,
  FRAME_B,
  FRAME_B_CHECKSUM,
  FRAME_B_SOURCE,
  FRAME_E,
  FRAME_F,
  FRAME_H,
  GUEST_MAC,
  icmp,
  packet,
  punted,
  QSFP0_MAC,
  REAR0_MAC,
  ROUTER_MAC,
  SLED_IP,
  SLED_MAC,
  toHex,
  TUNNEL_SOURCE,
  udp,
} from './frames.fixture.ts'
import { edited, GATEWAY, only, QSFP0, rackOf, REAR0, REAR1, ROUTER, SLED_LINK } from './rack.fixture.ts'
import type { Rig } from './rig.fixture.ts'

const P4 = new URL('../../../../p4/', import.meta.url)
const PROGRAM = switchProgram((path) => {
  const url = new URL(path, P4)
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined
})

const rack = (): Rig => rackOf(PROGRAM)

/** Frame B as this switch makes it: its own tunnel source, and no outer UDP checksum (RFC 6935). */
function frameB(source: Ip): Uint8Array {
  const frame = FRAME_B.slice()
  frame.set(source.bytes, FRAME_B_SOURCE)
  frame.fill(0, FRAME_B_CHECKSUM, FRAME_B_CHECKSUM + 2)
  return frame
}

test('a packet from the world for an instance leaves in a tunnel to its sled (frame A becomes B)', () => {
  const { port, switchd, arena } = rack()
  port('qsfp0').arrive(FRAME_A)
  assert.equal(toHex(only(port('rear0').take())), toHex(frameB(TUNNEL_SOURCE)))
  // Without a tunnel source it is the golden frame, but for the checksum.
  switchd.setTunnelSource(Ip.of('::'))
  port('qsfp0').arrive(FRAME_A)
  assert.equal(toHex(only(port('rear0').take())), toHex(frameB(Ip.of('::'))))
  assert.equal(arena.freeSlots, arena.slots)
})

test('the answer leaves its tunnel for the upstream router (frame E becomes F)', () => {
  const { port } = rack()
  port('rear0').arrive(FRAME_E)
  assert.equal(toHex(only(port('qsfp0').take())), toHex(FRAME_F))
})

test('marks of congestion go into the tunnel and come out of it as RFC 6040 says, IPv4 and IPv6', () => {
  const { port, switchd } = rack()
  const upstream = Ip.of('fe80::1')
  switchd.setRoute(Prefix.of('::/0'), [{ port: QSFP0, nextHop: upstream }])
  switchd.setNeighbor(QSFP0, upstream, ROUTER_MAC)
  /** Outer mark, then what becomes of the inner marks 0 to 3; -1: dropped. */
  const table = [
    [0, 1, 2, 3],
    [0, 1, 1, 3],
    [0, 1, 2, 3],
    [-1, 3, 3, 3],
  ]
  const ipv6 = packet({ src: '2001:db8::1', dst: '2001:db8:ffff::9', payload: udp(53, 53) }).subarray(14)
  const inner = INNER_ETHERTYPE + 2
  for (const [outer, marks] of table.entries()) {
    for (const [mark, wanted] of marks.entries()) {
      port('rear0').arrive(edited(FRAME_E, { 15: outer << 4, [inner + 1]: mark }, inner))
      const [four] = port('qsfp0').take()
      if (four !== undefined) checked(four)
      assert.equal(four === undefined ? -1 : four[15]! & 3, wanted, `IPv4, ${mark} inside of ${outer}`)
      port('rear0').arrive(edited(tunnelled(ipv6), { 15: outer << 4, [inner + 1]: mark << 4 }))
      const [six] = port('qsfp0').take()
      assert.equal(six === undefined ? -1 : (six[15]! >> 4) & 3, wanted, `IPv6, ${mark} inside of ${outer}`)
    }
  }
  for (const mark of [0, 1, 2, 3]) {
    // The two lower bits only: what else is in the traffic class means nothing to the underlay.
    port('qsfp0').arrive(edited(FRAME_A, { 15: 0xb8 | mark }, 14))
    const out = only(port('rear0').take())
    assert.deepEqual([out[14], out[15]], [0x60, mark << 4])
    assert.equal(out[14 + 40 + 8 + 12 + 14 + 1], 0xb8 | mark, 'the packet keeps its own')
  }
})

/** An IPv6 packet of a sled's guest for the world, in frame E's tunnel. */
function tunnelled(ip: Uint8Array): Uint8Array {
  const frame = new Uint8Array(INNER_ETHERTYPE + 2 + ip.length)
  frame.set(FRAME_E.subarray(0, INNER_ETHERTYPE))
  frame.set([0x86, 0xdd], INNER_ETHERTYPE)
  frame.set(ip, INNER_ETHERTYPE + 2)
  const udpBytes = frame.length - 14 - 40
  for (const at of [14 + 4, 14 + 40 + 4]) frame.set([udpBytes >> 8, udpBytes & 0xff], at)
  return frame
}

test('a packet between sleds passes with its hop limit lowered and new MAC addresses only (frame H)', () => {
  const { port } = rack()
  port('rear0').arrive(FRAME_H)
  const expected = FRAME_H.slice()
  expected.set(SLED_MAC.bytes, 0)
  expected.set(Mac.of('a8:40:25:05:00:65').bytes, 6)
  expected[21] = 0x7f
  assert.equal(toHex(only(port('rear1').take())), toHex(expected))
})

test('a guest reaches the external address of another without leaving the rack', () => {
  const { port, switchd } = rack()
  const other = { external: Ip.of('1.2.3.5'), firstPort: 0, lastPort: 65535, innerMac: GUEST_MAC, vni: 9 }
  assert.ok(switchd.nat.put(2, [{ ...other, sled: Ip.of('fd00:1122:3344:101::1') }]).ok)
  const frame = FRAME_E.slice()
  const inner = 14 + 40 + 8 + 8 + 14
  frame.set([1, 2, 3, 5], inner + 16)
  fixIpv4Checksum(frame, inner)
  port('rear0').arrive(frame)
  const out = only(port('rear1').take())
  assert.equal(out.length, FRAME_B.length)
  assert.equal(Ip.fromBytes(out, 14 + IPV6_DST, 16).toString(), 'fd00:1122:3344:101::1')
  assert.equal(toHex(out.subarray(inner + 4)), toHex(frame.subarray(inner)), 'the inner packet is untouched')
})

test('port ranges of one address lead to different sleds; echoes go by their identifier', () => {
  const { port, switchd } = rack()
  const share = (firstPort: number, lastPort: number, sled: string, vni: number) => ({
    external: Ip.of('1.2.3.4'),
    firstPort,
    lastPort,
    sled: Ip.of(sled),
    innerMac: GUEST_MAC,
    vni,
  })
  const ranges = [share(0, 16383, 'fd00:1122:3344:104::1', 1), share(16384, 32767, 'fd00:1122:3344:101::1', 2)]
  assert.ok(switchd.nat.put(2, ranges).ok)
  const ends = { src: '203.0.113.9', dst: '1.2.3.4' }
  for (const [payload, protocol, to] of [
    [udp(53, 16383), 17, 'rear0'],
    [udp(53, 16384), 17, 'rear1'],
    [icmp(0, 0, 8, 0x3fff_0001), 1, 'rear0'],
    [icmp(8, 0, 8, 0x4000_0001), 1, 'rear1'],
  ] as const) {
    port('qsfp0').arrive(packet({ ...ends, payload, protocol }))
    only(port(to).take())
  }
  port('qsfp0').arrive(packet({ ...ends, payload: udp(53, 32768) }))
  assert.deepEqual([port('rear0').take(), port('rear1').take()], [[], []])
})

test('an ICMP error about a packet of an instance finds the instance by the port that it quotes', () => {
  const { port, switchd } = rack()
  const mapping = { external: Ip.of('1.2.3.4'), innerMac: GUEST_MAC, vni: 1, sled: SLED_IP }
  switchd.nat.put(2, [{ ...mapping, firstPort: 16384, lastPort: 32767 }])
  const quoted = packet({ src: '1.2.3.4', dst: '203.0.113.9', payload: udp(20000, 53) }).subarray(14)
  const error = Uint8Array.of(...icmp(3, 1, 0, 0), ...quoted)
  port('qsfp0').arrive(packet({ src: '203.0.113.1', dst: '1.2.3.4', protocol: 1, payload: error }))
  only(port('rear0').take())
})

test('the switch answers pings to its addresses itself, of both families, with right checksums', () => {
  const { port } = rack()
  for (const [name, dst, src, protocol, type] of [
    ['qsfp0', '192.0.2.2', '203.0.113.9', 1, 8],
    ['rear0', '198.51.100.1', '10.0.0.9', 1, 8],
    ['rear0', TUNNEL_SOURCE.toString(), SLED_IP.toString(), 58, 128],
    ['rear0', REAR0_MAC.linkLocal().toString(), SLED_LINK.toString(), 58, 128],
  ] as const) {
    const request = packet({ src, dst, protocol, payload: icmp(type, 0, 57), srcMac: SLED_MAC, dstMac: REAR0_MAC })
    checked(request)
    port(name).arrive(request)
    const reply = only(port(name).take())
    const row = checked(reply)
    const v4 = protocol === 1
    assert.equal(reply[row[ROW_L4]!], v4 ? 0 : 129)
    const [from, to, length] = v4 ? ([IPV4_SRC, IPV4_DST, 4] as const) : ([IPV6_SRC, IPV6_DST, 16] as const)
    assert.equal(Ip.fromBytes(reply, 14 + from, length).toString(), Ip.of(dst).toString())
    assert.equal(Ip.fromBytes(reply, 14 + to, length).toString(), Ip.of(src).toString())
    assert.equal(reply[14 + (v4 ? 8 : 7)], 255)
    assert.deepEqual(Mac.fromBytes(reply, 0), SLED_MAC)
    assert.equal(toHex(reply.subarray(row[ROW_PAYLOAD])), toHex(request.subarray(row[ROW_PAYLOAD])))
  }
})

test('what else is for the switch reaches its stack on the right interface, and the stack answers there', async () => {
  const { port, listen, sendFrom, settle, arena } = rack()
  const onFront = listen('tfportqsfp0')
  const onRear = listen('tfportrear0')
  const bgp = packet({ src: '192.0.2.1', dst: '192.0.2.2', payload: udp(179, 179) })
  const request = arp(1, ROUTER_MAC, '192.0.2.1', '192.0.2.2')
  port('qsfp0').arrive(bgp, request)
  assert.deepEqual(onFront.map(toHex), [bgp, request].map(toHex))
  const discovery = packet({ src: SLED_LINK.toString(), dst: 'ff02::dd', payload: udp(7, 7) })
  port('rear0').arrive(discovery)
  assert.deepEqual(onRear.map(toHex), [toHex(discovery)])
  const lldp = new Uint8Array(60)
  lldp.set([0x01, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 1, 0x88, 0xcc])
  port('qsfp0').arrive(lldp)
  assert.equal(toHex(onFront[2]!), toHex(lldp))
  const answer = arp(2, QSFP0_MAC, '192.0.2.2', '192.0.2.1')
  sendFrom('tfportqsfp0', answer)
  await settle()
  assert.equal(toHex(only(port('qsfp0').take())), toHex(answer))
  assert.equal(arena.freeSlots, arena.slots)
})

test('an unknown next hop is asked for, and packets leave in order once it answers', async () => {
  const { port, switchd, neighbors, settle, arena } = rack()
  switchd.deleteNeighbor(QSFP0, ROUTER)
  port('rear0').arrive(FRAME_E, FRAME_E)
  assert.deepEqual(neighbors.asked, ['tfportqsfp0 192.0.2.1'])
  assert.deepEqual(port('qsfp0').take(), [])
  neighbors.learn('tfportqsfp0', ROUTER, ROUTER_MAC)
  await settle()
  assert.deepEqual(port('qsfp0').take().map(toHex), [toHex(FRAME_F), toHex(FRAME_F)])
  // From now on the pipeline knows it.
  port('rear0').arrive(FRAME_E)
  assert.equal(toHex(only(port('qsfp0').take())), toHex(FRAME_F))
  neighbors.learn('tfportqsfp0', ROUTER, undefined)
  port('rear0').arrive(FRAME_E)
  assert.equal(switchd.slowPath.waiting, 1)
  switchd.close()
  assert.equal(arena.freeSlots, arena.slots)
})

test('the same for a sled, whose packets already are in their tunnel when they wait', async () => {
  const { port, switchd, neighbors, settle } = rack()
  switchd.deleteNeighbor(REAR0, SLED_LINK)
  port('qsfp0').arrive(FRAME_A)
  assert.deepEqual(neighbors.asked, [`tfportrear0 ${SLED_LINK}`])
  neighbors.learn('tfportrear0', SLED_LINK, SLED_MAC)
  await settle()
  assert.equal(toHex(only(port('rear0').take())), toHex(frameB(TUNNEL_SOURCE)))
})

test("a guest's packet whose time to live ends here is answered into the guest's tunnel", async () => {
  const { port, settle, switchd } = rack()
  const frame = FRAME_E.slice()
  const inner = 14 + 40 + 8 + 8 + 14
  frame[inner + 8] = 1
  fixIpv4Checksum(frame, inner)
  port('rear0').arrive(frame)
  await settle()
  assert.equal(switchd.slowPath.counters.get('icmpSent'), 1)
  const out = only(port('rear0').take())
  assert.equal(Ip.fromBytes(out, 14 + IPV6_DST, 16).toString(), SLED_IP.toString())
  const error = out.subarray(14 + 40 + 8 + 12)
  checked(error)
  assert.deepEqual(Mac.fromBytes(error, 0), GUEST_MAC)
  assert.equal(Ip.fromBytes(error, 14 + IPV4_SRC, 4).toString(), GATEWAY.toString())
  assert.equal(Ip.fromBytes(error, 14 + IPV4_DST, 4).toString(), '1.2.3.4')
  assert.deepEqual([...error.subarray(34, 36)], [11, 0])
})

test('a packet of the world whose time to live ends here is answered to the world', async () => {
  const { port, settle, switchd } = rack()
  switchd.setRoute(Prefix.of('10.0.0.0/8'), [{ port: QSFP0, nextHop: ROUTER }])
  switchd.setLink(QSFP0, { isUplink: false })
  port('qsfp0').arrive(packet({ src: '203.0.113.9', dst: '10.0.0.1', ttl: 1 }))
  await settle()
  const error = only(port('qsfp0').take())
  checked(error)
  assert.deepEqual([...error.subarray(34, 36)], [11, 0])
  assert.equal(Ip.fromBytes(error, 14 + IPV4_SRC, 4).toString(), '192.0.2.2')
  assert.deepEqual(Mac.fromBytes(error, 0), ROUTER_MAC)
})

test('without a route, and at the end of its hop limit, an IPv6 sender is told', async () => {
  const { port, settle } = rack()
  const ends = { src: SLED_IP.toString(), srcMac: SLED_MAC, dstMac: REAR0_MAC }
  port('rear0').arrive(packet({ ...ends, dst: 'fd00:9999::1' }))
  port('rear0').arrive(packet({ ...ends, dst: 'fd00:1122:3344:101::1', ttl: 1 }))
  await settle()
  const errors = port('rear0').take()
  assert.deepEqual(
    errors.map((error) => [...error.subarray(54, 56)]),
    [
      [1, 0],
      [3, 0],
    ],
  )
  for (const error of errors) {
    checked(error)
    assert.equal(Ip.fromBytes(error, 14 + IPV6_SRC, 16).toString(), TUNNEL_SOURCE.toString())
    assert.equal(Ip.fromBytes(error, 14 + IPV6_DST, 16).toString(), SLED_IP.toString())
  }
})

test('when the sled of an instance cannot be reached, the sender in the world is told', async () => {
  const { port, settle, switchd } = rack()
  assert.ok(switchd.deleteRoute(Prefix.of('fd00:1122:3344:104::/64')).ok)
  port('qsfp0').arrive(FRAME_A)
  await settle()
  const error = only(port('qsfp0').take())
  checked(error)
  assert.deepEqual([...error.subarray(34, 36)], [3, 0])
  assert.equal(Ip.fromBytes(error, 14 + IPV4_DST, 4).toString(), '203.0.113.9')
  assert.equal(toHex(error.subarray(42)), toHex(FRAME_A.subarray(14)))
})

test('flows spread over the paths of a route, and stay on theirs', () => {
  const { port, switchd } = rack()
  switchd.setNeighbor(34, ROUTER, ROUTER_MAC)
  switchd.setRoute(Prefix.of('203.0.113.0/24'), [
    { port: QSFP0, nextHop: ROUTER },
    { port: 34, nextHop: ROUTER },
  ])
  const inner = 14 + 40 + 8 + 8 + 14
  const flow = (source: number): Uint8Array => {
    const frame = FRAME_E.slice()
    frame[inner + 20] = source >> 8
    frame[inner + 21] = source & 0xff
    return frame
  }
  for (let source = 0; source < 200; source++) port('rear0').arrive(flow(source))
  const counts = [port('qsfp0').take().length, port('qsfp1').take().length]
  assert.equal(counts[0]! + counts[1]!, 200)
  assert.ok(Math.min(...counts) > 60, `200 flows went ${counts}`)
  for (let i = 0; i < 20; i++) port('rear0').arrive(flow(7))
  assert.equal(Math.max(port('qsfp0').take().length, port('qsfp1').take().length), 20)
  switchd.setRoute(Prefix.of('203.0.113.0/24'), [{ port: 34, nextHop: ROUTER }])
  for (let source = 0; source < 20; source++) port('rear0').arrive(flow(source))
  assert.equal(port('qsfp1').take().length, 20)
})

test('a tagged path tags, whether its next hop was known or asked for', async () => {
  const { port, switchd, neighbors, settle } = rack()
  switchd.setRoute(Prefix.of('0.0.0.0/0'), [{ port: QSFP0, nextHop: ROUTER, vlanId: 7 }])
  const tagged = toHex(FRAME_F).replace(/^(.{24})0800/, '$181000007' + '0800')
  port('rear0').arrive(FRAME_E)
  assert.equal(toHex(only(port('qsfp0').take())), tagged)
  switchd.deleteNeighbor(QSFP0, ROUTER)
  port('rear0').arrive(FRAME_E)
  neighbors.learn('tfportqsfp0', ROUTER, ROUTER_MAC)
  await settle()
  assert.equal(toHex(only(port('qsfp0').take())), tagged)
})

interface DropCase {
  readonly number: number
  readonly port: string
  readonly frame: () => Uint8Array
  readonly before?: (rig: Rig) => void
}

const SLED_TO_SWITCH = { src: SLED_IP.toString(), srcMac: SLED_MAC, dstMac: REAR0_MAC }

const WORLD = packet({ src: '203.0.113.9', dst: '1.2.3.4' })
const GENEVE = 14 + 40 + 8
const INNER_ETHERTYPE = GENEVE + 8 + 12

const DROPS: readonly DropCase[] = [
  { number: 0x01, port: 'qsfp0', frame: () => arp(1, ROUTER_MAC, '192.0.2.1', '192.0.2.77') },
  { number: 0x01, port: 'qsfp1', frame: () => packet({ src: '203.0.113.9', dst: '192.0.2.2' }) },
  { number: 0x02, port: 'rear0', frame: () => packet({ ...SLED_TO_SWITCH, dst: QSFP0_MAC.linkLocal().toString() }) },
  {
    number: 0x03,
    port: 'qsfp0',
    frame: () => packet({ src: '203.0.113.9', dst: '192.0.2.2', protocol: 1, payload: icmp(8, 1) }),
  },
  {
    number: 0x04,
    port: 'rear0',
    frame: () => edited(FRAME_E, { [INNER_ETHERTYPE]: 0x88, [INNER_ETHERTYPE + 1]: 0x09 }),
  },
  { number: 0x09, port: 'rear0', frame: () => packet({ src: SLED_IP.toString(), dst: 'ff01::1' }) },
  { number: 0x0a, port: 'qsfp0', frame: () => edited(WORLD, { 24: 0, 25: 0 }) },
  { number: 0x0b, port: 'qsfp0', frame: () => packet({ src: '203.0.113.9', dst: '1.2.3.4', ttl: 0 }) },
  { number: 0x0d, port: 'rear0', frame: () => packet({ ...SLED_TO_SWITCH, dst: 'fd00::1', ttl: 0 }) },
  { number: 0x11, port: 'qsfp0', frame: () => packet({ src: '203.0.113.9', dst: '1.2.3.99' }) },
  {
    number: 0x12,
    port: 'rear0',
    frame: () => FRAME_E,
    before: ({ switchd }) => {
      switchd.setRoute(Prefix.of('203.0.113.0/24'), [{ port: REAR1, nextHop: ROUTER }])
      switchd.setNeighbor(REAR1, ROUTER, ROUTER_MAC)
    },
  },
  { number: 0x13, port: 'qsfp0', frame: () => packet({ src: '203.0.113.9', dst: '239.1.2.3' }) },
  { number: 0x13, port: 'rear0', frame: () => packet({ src: SLED_IP.toString(), dst: 'ff0e::1' }) },
  { number: 0x14, port: 'qsfp0', frame: () => packet({ src: '203.0.113.9', dst: '239.1.2.3', dstMac: QSFP0_MAC }) },
  { number: 0x14, port: 'rear0', frame: () => packet({ src: SLED_IP.toString(), dst: 'ff02::1', dstMac: REAR0_MAC }) },
  { number: 0x1a, port: 'rear0', frame: () => edited(FRAME_E, { [GENEVE + 1]: 0x40 }) },
  { number: 0x1b, port: 'qsfp0', frame: () => packet({ src: '203.0.113.9', dst: '1.2.3.4', protocol: 132 }) },
  { number: 0x1b, port: 'rear0', frame: () => packet({ ...SLED_TO_SWITCH, dst: 'fd00::1', protocol: 132 }) },
  { number: 0x40, port: 'qsfp0', frame: () => edited(WORLD, { 16: 0xff }, 14) },
  { number: 0x40, port: 'qsfp0', frame: () => edited(WORLD, { 14: 0x55 }) },
  { number: 0x41, port: 'rear0', frame: () => edited(FRAME_H, { 18: 0xff }) },
  { number: 0x42, port: 'qsfp0', frame: () => edited(WORLD, { 12: 0x88, 13: 0x88 }) },
  { number: 0x43, port: 'qsfp0', frame: () => punted(FRAME_A, { code: SidecarCode.forwardToUser, ingress: 1 }) },
  { number: 0x44, port: 'int0', frame: () => FRAME_A },
  { number: 0x45, port: 'rear0', frame: () => packet({ ...SLED_TO_SWITCH, dst: 'fe80::1234' }) },
  { number: 0x46, port: 'qsfp0', frame: () => packet({ src: '203.0.113.9', dst: '255.255.255.255' }) },
  {
    number: 0x47,
    port: 'rear0',
    frame: () => packet({ ...SLED_TO_SWITCH, dst: 'fd00:1122:3344:101::1' }),
    before: ({ switchd }) => {
      switchd.setPort(REAR1, undefined)
      switchd.setNeighbor(REAR1, SLED_LINK, SLED_MAC)
    },
  },
  { number: 0x48, port: 'rear0', frame: () => edited(FRAME_E, { 15: 0x30 }) },
  { number: 0xf0, port: 'qsfp0', frame: () => FRAME_A.slice(0, 33) },
  {
    number: 0xf2,
    port: 'int0',
    frame: () => punted(FRAME_A, { code: 0, ingress: 0, egress: 60 }),
  },
]

// Making a switch takes a while, so cases that change nothing about it share one.
let shared: Rig | undefined

for (const { number, port: name, frame, before } of DROPS) {
  test(`drop reason 0x${number.toString(16).padStart(2, '0')} by ${name}, counted once`, async () => {
    const rig = before === undefined ? (shared ??= rack()) : rack()
    before?.(rig)
    const earlier = rig.node.drops()
    if (name === 'int0') rig.node.inject(rig.arena.from(frame()))
    else rig.port(name).arrive(frame())
    await rig.settle()
    const counted = [...rig.node.drops()].filter(([reason, count]) => count !== (earlier.get(reason) ?? 0))
    assert.deepEqual(counted, [[number, (earlier.get(number) ?? 0) + 1]])
    for (const each of ['rear0', 'rear1', 'qsfp0', 'qsfp1']) assert.deepEqual(rig.port(each).sent, [])
    assert.equal(rig.arena.freeSlots, rig.arena.slots)
  })
}

test('every drop reason of the program has a frame above', () => {
  const source = readFileSync(new URL('drop-reasons.p4', P4), 'utf8')
  const numbers = [...source.matchAll(/= (0x[0-9a-f]+);/g)].map(([, number]) => Number(number))
  const missing = numbers.filter((number) => !DROPS.some((each) => each.number === number))
  assert.deepEqual(missing, [])
})

test('the story of a packet names tables, ports and the reason why it was dropped', () => {
  const { port, stories } = rack()
  const events = stories()
  port('qsfp0').arrive(packet({ src: '203.0.113.9', dst: '1.2.3.99' }))
  const steps = events.map(({ step }) => step)
  assert.equal(steps[0]?.kind === 'ingress' && steps[0].port, 'qsfp0')
  assert.ok(steps.some((step) => step.kind === 'table' && step.table.endsWith('ingress_ipv4') && !step.hit))
  const last = steps.at(-1)
  assert.equal(last?.kind === 'dropped' && last.reason.code, 'SW_NAT_MISS')
})

test('truncated frames are counted on every port, and nothing is thrown or leaked', async () => {
  const rig = rack()
  for (const whole of [FRAME_A, FRAME_E, FRAME_H, arp(1, ROUTER_MAC, '192.0.2.1', '192.0.2.2')]) {
    for (let length = 14; length <= whole.length; length++) {
      for (const name of ['rear0', 'qsfp0']) rig.port(name).arrive(whole.slice(0, length))
    }
  }
  await rig.settle()
  rig.switchd.close()
  assertAccounted(rig)
})

test('random and damaged frames are counted on every port, and nothing is thrown or leaked', async () => {
  const rig = rack()
  const random = rig.host.random.fork('frames')
  const models = [FRAME_A, FRAME_E, FRAME_H, frameB(TUNNEL_SOURCE), punted(FRAME_A, { code: 3, ingress: 1 })]
  for (let i = 0; i < 3000; i++) {
    let frame: Uint8Array
    if (i % 3 === 0) frame = random.bytes(14 + random.below(200))
    else {
      frame = models[random.below(models.length)]!.slice()
      for (let k = random.below(6); k >= 0; k--) frame[random.below(frame.length)] = random.below(256)
    }
    if (i % 7 === 0) frame = frame.slice(0, 14 + random.below(frame.length - 13))
    if (i % 5 === 0) rig.node.inject(rig.arena.from(frame))
    else rig.port(['rear0', 'rear1', 'qsfp0', 'qsfp1'][random.below(4)]!).arrive(frame)
    if (i % 64 === 0) await rig.settle()
  }
  await rig.settle()
  rig.switchd.close()
  assertAccounted(rig)
})

/** Every frame that entered the pipeline left by a port or was counted as dropped, and no slot is lost. */
function assertAccounted({ node, arena }: Rig): void {
  const counters = node.portCounters()
  const total = (pick: (each: (typeof counters)[number]) => number): number =>
    counters.reduce((sum, each) => sum + pick(each), 0)
  const dropped = [...node.pipeline.drops().values()].reduce((sum, count) => sum + count, 0)
  assert.equal(
    total((each) => each.rxPackets),
    total((each) => each.txPackets + each.txDrops) + dropped,
  )
  assert.equal(arena.freeSlots, arena.slots)
}
