/**
 * The ICMP errors of a router: which packets may be answered with one, and the bytes of it.
 * RFC 792, RFC 1812 §4.3.2 (IPv4), RFC 4443 §2.4 and §3 (IPv6). An error quotes as much of the packet as fits into 576
 * bytes, 1280 for IPv6; it never answers an error, a multicast or broadcast, or a fragment without its first bytes.
 */
import type { Arena } from '@lodestone/frame'
import { Ip } from '@lodestone/net'
import {
  ETHERNET_MIN,
  EtherType,
  finishChecksum,
  fixIpv4Checksum,
  Fragment,
  GENEVE_MIN,
  geneveHeaderLength,
  Icmpv6Type,
  IcmpType,
  IpProtocol,
  IPV4_DST,
  IPV4_MIN,
  IPV4_SRC,
  IPV6_DST,
  IPV6_MIN,
  IPV6_SRC,
  L3Kind,
  parseIp,
  pseudoSumIpv6,
  ROW_END,
  ROW_ERROR_HEADER,
  ROW_FRAGMENT,
  ROW_L3_KIND,
  ROW_L4,
  ROW_PROTOCOL,
  ROW_SIZE,
  setIcmpChecksum,
  setSidecarCode,
  setSidecarEtherType,
  setEthernetEtherType,
  SIDECAR_MIN,
  sumBytes,
  udpDstPort,
  UdpPort,
  writeIpv4,
  writeIpv6,
  HeaderKind,
  UDP_MIN,
} from '@lodestone/packet'
import { FROM_USER } from './sidecar-frame.ts'

const MOST_V4_BYTES = 576
const MOST_V6_BYTES = 1280
const ICMP_HEADER_BYTES = 8
const HOP_LIMIT = 64
/** Internetwork control, as RFC 1812 §4.3.2.5 wants for errors; a differentiated services code point. */
const CONTROL_DSCP = 48

/** What the error says; the codes of the family of the packet that it is about. */
export interface IcmpErrorKind {
  readonly type: number
  readonly code: number
}

/** The packet that could not be delivered, in its frame. Offsets are absolute. */
export interface Offender {
  readonly family: 4 | 6
  readonly l3: number
  /** One past the last byte of the IP packet. */
  readonly end: number
  readonly source: Ip
}

export type OffenderResult =
  | { readonly ok: true; readonly offender: Offender; readonly isTunnelled: boolean }
  /** Why no error may be sent about it. */
  | { readonly ok: false; readonly reason: string }

/**
 * Finds the packet to complain about and judges whether that is allowed.
 * A packet that this switch itself put into a tunnel (outer source `tunnelSource`) is looked at inside: the error goes
 * to who sent it, not to the switch.
 * @param l3 offset of the IP header.
 */
export function findOffender(
  bytes: Uint8Array,
  frame: number,
  l3: number,
  end: number,
  tunnelSource: Ip,
): OffenderResult {
  // RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e.4): nothing that came by link-layer multicast or broadcast.
  if ((bytes[frame]! & 1) !== 0) return { ok: false, reason: 'it came by multicast or broadcast' }
  const row = new Int32Array(ROW_SIZE)
  parseIp(bytes, l3, end, row)
  const inner = innerPacket(bytes, l3, row, tunnelSource)
  if (inner < 0) return judge(bytes, l3, row)
  parseIp(bytes, inner, row[ROW_END]!, row)
  const judged = judge(bytes, inner, row)
  return judged.ok ? { ...judged, isTunnelled: true } : judged
}

/** The same complaint in the terms of the other family, for a packet inside of a tunnel that could not be delivered. */
export function tunnelledKind(kind: IcmpErrorKind, family: 4 | 6): IcmpErrorKind {
  if (family === 6) return kind
  // An address of the underlay that cannot be reached is a host behind this router that cannot be.
  return { type: IcmpType.unreachable, code: kind.code === 0 ? 0 : 1 }
}

/**
 * Builds the error as a frame for the CPU port of the pipeline, to be routed.
 * @returns its slot, or -1 when the arena is full.
 */
export function buildIcmpError(
  arena: Arena,
  offender: Offender,
  kind: IcmpErrorKind,
  source: Ip,
  identification: number,
): number {
  const ipBytes = offender.family === 4 ? IPV4_MIN : IPV6_MIN
  const most = (offender.family === 4 ? MOST_V4_BYTES : MOST_V6_BYTES) - ipBytes - ICMP_HEADER_BYTES
  const quoted = Math.min(offender.end - offender.l3, most)
  const slot = arena.alloc(ETHERNET_MIN + SIDECAR_MIN + ipBytes + ICMP_HEADER_BYTES + quoted)
  if (slot < 0) return -1
  const bytes = arena.bytes
  const start = arena.start(slot)
  const header = start + ETHERNET_MIN
  const l3 = header + SIDECAR_MIN
  const l4 = l3 + ipBytes
  bytes.fill(0, start, l4 + ICMP_HEADER_BYTES)
  setEthernetEtherType(bytes, start, EtherType.sidecar)
  setSidecarCode(bytes, header, FROM_USER.route)
  setSidecarEtherType(bytes, header, offender.family === 4 ? EtherType.ipv4 : EtherType.ipv6)
  bytes.copyWithin(l4 + ICMP_HEADER_BYTES, offender.l3, offender.l3 + quoted)
  bytes[l4] = kind.type
  bytes[l4 + 1] = kind.code
  const icmpBytes = ICMP_HEADER_BYTES + quoted
  let sum = 0
  if (offender.family === 4) {
    writeIpv4(bytes, l3, {
      dscp: CONTROL_DSCP,
      totalLength: IPV4_MIN + icmpBytes,
      identification,
      ttl: HOP_LIMIT,
      protocol: IpProtocol.icmp,
    })
    bytes.set(source.bytes, l3 + IPV4_SRC)
    bytes.set(offender.source.bytes, l3 + IPV4_DST)
    fixIpv4Checksum(bytes, l3)
  } else {
    writeIpv6(bytes, l3, { payloadLength: icmpBytes, nextHeader: IpProtocol.icmpv6, hopLimit: HOP_LIMIT })
    bytes.set(source.bytes, l3 + IPV6_SRC)
    bytes.set(offender.source.bytes, l3 + IPV6_DST)
    sum = pseudoSumIpv6(bytes, l3, IpProtocol.icmpv6, icmpBytes)
  }
  setIcmpChecksum(bytes, l4, finishChecksum(sumBytes(bytes, l4, l4 + icmpBytes, sum)))
  return slot
}

/** @param row what `parseIp` said of the packet at `l3`. */
function judge(bytes: Uint8Array, l3: number, row: Int32Array): OffenderResult {
  const kind = row[ROW_L3_KIND]
  const broken = row[ROW_ERROR_HEADER]!
  if ((kind !== L3Kind.ipv4 && kind !== L3Kind.ipv6) || isIpHeader(broken)) {
    return { ok: false, reason: 'its headers are damaged' }
  }
  const family = kind === L3Kind.ipv4 ? 4 : 6
  if (row[ROW_FRAGMENT] === Fragment.later) return { ok: false, reason: 'it is not the first fragment' }
  if (isIcmpError(bytes, row)) return { ok: false, reason: 'it is an ICMP error itself' }
  const length = family === 4 ? 4 : 16
  const source = Ip.fromBytes(bytes, l3 + (family === 4 ? IPV4_SRC : IPV6_SRC), length)
  const destination = Ip.fromBytes(bytes, l3 + (family === 4 ? IPV4_DST : IPV6_DST), length)
  if (destination.isMulticast || isBroadcast(destination)) {
    return { ok: false, reason: 'its destination is many hosts' }
  }
  if (!isOneHost(source)) return { ok: false, reason: 'its source is not one host that could be answered' }
  return { ok: true, offender: { family, l3, end: row[ROW_END]!, source }, isTunnelled: false }
}

/** Errors in these headers leave no packet to speak of; a cut transport header may be quoted as it is. */
function isIpHeader(header: number): boolean {
  return (
    header === HeaderKind.ipv4 ||
    header === HeaderKind.ipv6 ||
    header === HeaderKind.ipv6Ext ||
    header === HeaderKind.ipv6Fragment ||
    header === HeaderKind.ddm
  )
}

/** Anything but the query messages of ICMPv4; ICMPv6 numbers its errors below 128, and a redirect is as bad. */
function isIcmpError(bytes: Uint8Array, row: Int32Array): boolean {
  const l4 = row[ROW_L4]!
  const protocol = row[ROW_PROTOCOL]
  if (protocol !== IpProtocol.icmp && protocol !== IpProtocol.icmpv6) return false
  if (l4 < 0 || l4 >= row[ROW_END]!) return true
  const type = bytes[l4]!
  if (protocol === IpProtocol.icmpv6) return type < 128 || type === Icmpv6Type.redirect
  return type !== IcmpType.echoReply && type !== IcmpType.echoRequest && (type < 13 || type > 18)
}

function isBroadcast(ip: Ip): boolean {
  return ip.family === 4 && ip.word(0) === 0xffffffff
}

/** RFC 1812 §4.3.2.7: not 0/8, 127/8, multicast or 240/4. For IPv6 neither unspecified, loopback nor multicast. */
function isOneHost(ip: Ip): boolean {
  if (ip.isMulticast || ip.isLoopback || ip.isUnspecified || ip.isLinkLocal) return false
  return ip.family === 6 || (ip.bytes[0] !== 0 && ip.bytes[0]! < 240)
}

/** Offset of the IP packet in a tunnel packet that this switch made, or -1. `row` describes the outer packet. */
function innerPacket(bytes: Uint8Array, l3: number, row: Int32Array, tunnelSource: Ip): number {
  const l4 = row[ROW_L4]!
  const end = row[ROW_END]!
  if (row[ROW_L3_KIND] !== L3Kind.ipv6 || row[ROW_PROTOCOL] !== IpProtocol.udp) return -1
  if (l4 < 0 || end - l4 < UDP_MIN + GENEVE_MIN || udpDstPort(bytes, l4) !== UdpPort.geneve) return -1
  for (let i = 0; i < 16; i++) if (bytes[l3 + IPV6_SRC + i] !== tunnelSource.bytes[i]) return -1
  const geneve = l4 + UDP_MIN
  const inner = geneve + geneveHeaderLength(bytes, geneve) + ETHERNET_MIN
  return inner < end ? inner : -1
}
