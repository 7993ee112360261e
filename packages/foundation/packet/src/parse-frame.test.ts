import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as packet from './index.ts'
import { Fragment, HeaderKind, IpProtocol, L3Kind, L4Kind, ParseError } from './index.ts'
import { goldenFrames } from './golden-frames.ts'

type Part = (bytes: Uint8Array, at: number) => number

/** A frame of the given parts; IP lengths are set by the caller or by `sized`. */
function frameOf(...parts: Part[]): Uint8Array {
  const bytes = new Uint8Array(2048)
  let at = 0
  for (const part of parts) at += part(bytes, at)
  return bytes.slice(0, at)
}

const ethernet =
  (etherType: number): Part =>
  (bytes, at) =>
    packet.writeEthernet(bytes, at, { etherType })
const vlan =
  (vid: number, etherType: number): Part =>
  (bytes, at) =>
    packet.writeVlan(bytes, at, { vid, etherType })
const ipv4 =
  (header: Partial<packet.Ipv4Header>): Part =>
  (bytes, at) =>
    packet.writeIpv4(bytes, at, header)
const ipv6 =
  (nextHeader: number, payloadLength: number): Part =>
  (bytes, at) =>
    packet.writeIpv6(bytes, at, { nextHeader, payloadLength })
const extension =
  (nextHeader: number, units = 0): Part =>
  (bytes, at) =>
    packet.writeIpv6Ext(bytes, at, { nextHeader, data: new Uint8Array(6 + 8 * units) })
const fragment =
  (header: Partial<packet.Ipv6FragmentHeader>): Part =>
  (bytes, at) =>
    packet.writeIpv6Fragment(bytes, at, header)
const ddm =
  (nextHeader: number): Part =>
  (bytes, at) =>
    packet.writeDdm(bytes, at, { nextHeader, elements: new Uint8Array(4) })
const tcp: Part = (bytes, at) => packet.writeTcp(bytes, at, { srcPort: 1000, dstPort: 80, flags: 2 })
const udp =
  (length: number): Part =>
  (bytes, at) =>
    packet.writeUdp(bytes, at, { srcPort: 53, dstPort: 5353, length })
const padding =
  (count: number): Part =>
  () =>
    count

/** The row of a frame, with named words. */
function parse(frame: Uint8Array) {
  const row = new Int32Array(packet.ROW_SIZE)
  const error = packet.parseFrame(frame, 0, frame.length, row)
  assert.equal(error, row[packet.ROW_ERROR])
  return {
    error,
    errorHeader: row[packet.ROW_ERROR_HEADER],
    vlan: row[packet.ROW_VLAN],
    etherType: row[packet.ROW_ETHER_TYPE],
    l3: row[packet.ROW_L3],
    l3Kind: row[packet.ROW_L3_KIND],
    l4: row[packet.ROW_L4],
    l4Kind: row[packet.ROW_L4_KIND],
    protocol: row[packet.ROW_PROTOCOL],
    srcPort: row[packet.ROW_SRC_PORT],
    dstPort: row[packet.ROW_DST_PORT],
    payload: row[packet.ROW_PAYLOAD],
    end: row[packet.ROW_END],
    fragment: row[packet.ROW_FRAGMENT],
    ddm: row[packet.ROW_DDM],
  }
}

test('a TCP packet in a VLAN is found behind the tag', () => {
  const frame = frameOf(ethernet(0x8100), vlan(7, 0x0800), ipv4({ protocol: 6, totalLength: 40 }), tcp)
  assert.deepEqual(parse(frame), {
    error: 0,
    errorHeader: HeaderKind.none,
    vlan: 14,
    etherType: 0x0800,
    l3: 18,
    l3Kind: L3Kind.ipv4,
    l4: 38,
    l4Kind: L4Kind.tcp,
    protocol: 6,
    srcPort: 1000,
    dstPort: 80,
    payload: 58,
    end: 58,
    fragment: Fragment.none,
    ddm: -1,
  })
})

test('two tags are walked, a third is not', () => {
  const twice = parse(frameOf(ethernet(0x88a8), vlan(7, 0x8100), vlan(8, 0x0800), ipv4({ protocol: 99 })))
  assert.deepEqual([twice.vlan, twice.l3, twice.l4Kind], [14, 22, L4Kind.other])
  const thrice = parse(frameOf(ethernet(0x8100), vlan(1, 0x8100), vlan(2, 0x8100), vlan(3, 0x0800), ipv4({})))
  assert.deepEqual([thrice.error, thrice.l3, thrice.l3Kind], [0, 22, L3Kind.other])
})

test('Ethernet padding after the IP packet is outside of it', () => {
  const v4 = parse(frameOf(ethernet(0x0800), ipv4({ protocol: 17, totalLength: 28 }), udp(8), padding(18)))
  assert.deepEqual([v4.error, v4.end, v4.payload], [0, 42, 42])
  const v6 = parse(frameOf(ethernet(0x86dd), ipv6(17, 8), udp(8), padding(6)))
  assert.deepEqual([v6.error, v6.end, v6.payload], [0, 62, 62])
})

test('a UDP length beyond the IP packet is an error even when the frame has the bytes', () => {
  const frame = frameOf(ethernet(0x0800), ipv4({ protocol: 17, totalLength: 28 }), udp(9), padding(18))
  const row = parse(frame)
  assert.deepEqual([row.error, row.errorHeader], [ParseError.truncated, HeaderKind.udp])
})

test('ARP ends the parse, and an ARP for other families is unsupported', () => {
  const arp: Part = (bytes, at) => packet.writeArp(bytes, at, {})
  const row = parse(frameOf(ethernet(0x0806), arp, padding(18)))
  assert.deepEqual([row.error, row.l3Kind, row.l4, row.payload], [0, L3Kind.arp, -1, 42])
  const other: Part = (bytes, at) => packet.writeArp(bytes, at, { hardwareType: 6 })
  assert.equal(parse(frameOf(ethernet(0x0806), other)).error, ParseError.unsupported)
})

test('frames that are neither IP nor ARP are described as far as the link layer', () => {
  for (const etherType of [0x88cc, 0x0901, 0x0026]) {
    const row = parse(frameOf(ethernet(etherType), padding(40)))
    assert.deepEqual([row.error, row.l3Kind, row.etherType, row.l3], [0, L3Kind.other, etherType, 14])
  }
})

test('IPv6 extension headers are walked, DDM among them', () => {
  const frame = frameOf(
    ethernet(0x86dd),
    ipv6(IpProtocol.hopByHop, 8 + 8 + 24 + 8 + 20),
    extension(IpProtocol.ddm),
    ddm(IpProtocol.routing),
    extension(IpProtocol.fragment, 2),
    fragment({ nextHeader: IpProtocol.tcp }),
    tcp,
  )
  const row = parse(frame)
  assert.deepEqual([row.error, row.ddm, row.l4, row.protocol, row.dstPort], [0, 62, 102, 6, 80])
  assert.equal(row.fragment, Fragment.none, 'an atomic fragment is whole')
})

test('hop-by-hop options anywhere but first are an error, and so are endless extension headers', () => {
  const misplaced = parse(
    frameOf(ethernet(0x86dd), ipv6(IpProtocol.destinationOptions, 16), extension(0), extension(IpProtocol.none)),
  )
  assert.deepEqual([misplaced.error, misplaced.errorHeader], [ParseError.badExtension, HeaderKind.ipv6Ext])
  const many = (count: number): number => {
    const chain = Array.from({ length: count }, (_, i) => extension(i === count - 1 ? IpProtocol.none : 60))
    return parse(frameOf(ethernet(0x86dd), ipv6(60, 8 * count), ...chain)).error
  }
  assert.equal(many(packet.IPV6_EXT_LIMIT), 0)
  assert.equal(many(packet.IPV6_EXT_LIMIT + 1), ParseError.badExtension)
})

test('an extension header that runs past the IP packet is truncated', () => {
  const row = parse(frameOf(ethernet(0x86dd), ipv6(60, 8), extension(6, 1), tcp))
  assert.deepEqual([row.error, row.errorHeader], [ParseError.truncated, HeaderKind.ipv6Ext])
})

test('first and later fragments are told apart, and later ones have no transport header', () => {
  const v4 = (header: Partial<packet.Ipv4Header>) =>
    parse(frameOf(ethernet(0x0800), ipv4({ protocol: 17, totalLength: 36, ...header }), udp(400), padding(8)))
  const first = v4({ flags: 1 })
  assert.deepEqual([first.error, first.fragment, first.dstPort, first.l4Kind], [0, Fragment.first, 5353, L4Kind.udp])
  const later = v4({ fragmentOffset: 3 })
  assert.deepEqual(
    [later.error, later.fragment, later.l4, later.l4Kind, later.protocol, later.payload, later.srcPort],
    [0, Fragment.later, -1, L4Kind.none, 17, 34, 0],
  )
  const v6 = (header: Partial<packet.Ipv6FragmentHeader>) =>
    parse(frameOf(ethernet(0x86dd), ipv6(44, 24), fragment({ nextHeader: 17, ...header }), udp(400), padding(8)))
  assert.deepEqual([v6({ more: 1 }).fragment, v6({ more: 1 }).l4], [Fragment.first, 62])
  assert.deepEqual([v6({ fragmentOffset: 9 }).fragment, v6({ fragmentOffset: 9 }).l4], [Fragment.later, -1])
})

test('a first fragment too short for its transport header is an error', () => {
  const row = parse(frameOf(ethernet(0x0800), ipv4({ protocol: 6, totalLength: 28, flags: 1 }), padding(8)))
  assert.deepEqual([row.error, row.errorHeader], [ParseError.truncated, HeaderKind.tcp])
})

test('the ports of an echo are its identifier, so that the answer has the mirrored key', () => {
  const echo =
    (type: number): Part =>
    (bytes, at) =>
      packet.writeIcmp(bytes, at, { type, rest: 0x12340001 })
  for (const type of [0, 8]) {
    const row = parse(frameOf(ethernet(0x0800), ipv4({ protocol: 1, totalLength: 28 }), echo(type)))
    assert.deepEqual([row.srcPort, row.dstPort, row.l4Kind, row.payload], [0x1234, 0x1234, L4Kind.icmp, 42])
  }
  const unreachable = parse(frameOf(ethernet(0x0800), ipv4({ protocol: 1, totalLength: 28 }), echo(3)))
  assert.deepEqual([unreachable.srcPort, unreachable.dstPort], [0, 0])
})

test('ICMP over IPv6 and ICMPv6 over IPv4 are other protocols', () => {
  assert.equal(parse(frameOf(ethernet(0x86dd), ipv6(1, 8), padding(8))).l4Kind, L4Kind.other)
  const v4 = frameOf(ethernet(0x0800), ipv4({ protocol: 58, totalLength: 28 }), padding(8))
  assert.equal(parse(v4).l4Kind, L4Kind.other)
})

test('a version that contradicts the ethertype is an error of that header', () => {
  const row = parse(frameOf(ethernet(0x86dd), ipv4({ totalLength: 40 }), padding(30)))
  assert.deepEqual([row.error, row.errorHeader], [ParseError.badVersion, HeaderKind.ipv6])
})

test('the quote in an ICMP error yields its ports though it is cut after 8 bytes', () => {
  const quoted = goldenFrames.A.slice(14, 14 + 28)
  const row = new Int32Array(packet.ROW_SIZE)
  assert.equal(packet.parseIp(quoted, 0, 28, row), ParseError.truncated)
  assert.equal(packet.parseQuoted(quoted, 0, 28, row), 0)
  assert.deepEqual(
    [row[packet.ROW_L4_KIND], row[packet.ROW_SRC_PORT], row[packet.ROW_DST_PORT], row[packet.ROW_END]],
    [L4Kind.tcp, 51514, 80, 28],
  )
  assert.equal(packet.parseQuoted(quoted, 0, 23, row), ParseError.truncated)
  assert.equal(packet.parseQuoted(quoted, 0, 0, row), ParseError.truncated)
})

test('random and damaged frames never throw, and leave no offset outside', () => {
  const damaged = fc
    .tuple(fc.constantFrom(...Object.values(goldenFrames)), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
    .map(([frame, changes]) => {
      const bytes = frame.slice()
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes
    })
  const framed = fc
    .tuple(fc.constantFrom(0x0800, 0x86dd, 0x0806, 0x8100, 0x0901), fc.uint8Array({ maxLength: 200 }))
    .map(([etherType, rest]) => frameOf(ethernet(etherType), (bytes, at) => (bytes.set(rest, at), rest.length)))
  const offsets = [packet.ROW_L3, packet.ROW_L4, packet.ROW_PAYLOAD, packet.ROW_END, packet.ROW_VLAN, packet.ROW_DDM]
  const row = new Int32Array(packet.ROW_SIZE)
  fc.assert(
    fc.property(fc.oneof(damaged, framed, fc.uint8Array({ maxLength: 200 })), fc.nat(3), (bytes, start) => {
      const from = Math.min(start, bytes.length)
      assert.ok(packet.parseFrame(bytes, from, bytes.length, row) <= 0)
      for (const word of offsets) assert.ok(row[word]! === -1 || (row[word]! >= from && row[word]! <= bytes.length))
      packet.parseIp(bytes, from, bytes.length, row)
      packet.parseQuoted(bytes, from, bytes.length, row)
      assert.equal(typeof packet.summarize(bytes, from, bytes.length), 'string')
      assert.equal(typeof packet.summarizeIp(bytes, from, bytes.length), 'string')
      let at = from
      for (const layer of packet.dissect(bytes, from, bytes.length)) {
        assert.ok(layer.offset >= from && layer.offset + layer.length <= bytes.length)
        assert.ok(layer.offset >= at || layer.name === 'padding', 'layers are in order')
        at = layer.offset
      }
      packet.dissectIp(bytes, from, bytes.length)
    }),
    { numRuns: 1500 },
  )
})
