/**
 * The frame parser of the packet paths: Ethernet, up to two VLAN tags, ARP, IPv4, IPv6 with its extension headers, TCP,
 * UDP, ICMP. It validates what it walks over and writes offsets into a row (`frame-row.ts`); accessors may then be used
 * at those offsets without further checks.
 *
 * Invariant: no allocation, no exception, and no offset in the row lies outside of the frame.
 * Tunnels are not entered: the payload of a Geneve packet is parsed by a second call.
 */
import { EtherType, Icmpv6Type, IcmpType, IpProtocol } from './constants.ts'
import { Fragment, HeaderKind, L3Kind, L4Kind } from './frame-row.ts'
import {
  ROW_DDM,
  ROW_DST_PORT,
  ROW_END,
  ROW_ERROR,
  ROW_ERROR_HEADER,
  ROW_ETHER_TYPE,
  ROW_FRAGMENT,
  ROW_L2,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_L4_KIND,
  ROW_PAYLOAD,
  ROW_PROTOCOL,
  ROW_SRC_PORT,
  ROW_VLAN,
} from './frame-row.ts'
import { ARP_MIN, checkArp } from './generated/arp.ts'
import { checkDdm, ddmNextHeader } from './generated/ddm.ts'
import { checkEthernet, ETHERNET_MIN, ethernetEtherType } from './generated/ethernet.ts'
import { checkIcmp, icmpIdentifier, icmpType } from './generated/icmp.ts'
import { checkIcmpv6, icmpv6Identifier, icmpv6Type } from './generated/icmpv6.ts'
import { checkIpv6Ext, ipv6ExtNextHeader } from './generated/ipv6-ext.ts'
import {
  checkIpv6Fragment,
  ipv6FragmentFragmentOffset,
  ipv6FragmentMore,
  ipv6FragmentNextHeader,
} from './generated/ipv6-fragment.ts'
import {
  checkIpv4,
  checkIpv4Quoted,
  ipv4Flags,
  ipv4FragmentOffset,
  ipv4Protocol,
  ipv4TotalLength,
} from './generated/ipv4.ts'
import { checkIpv6, checkIpv6Quoted, IPV6_MIN, ipv6NextHeader, ipv6PayloadLength } from './generated/ipv6.ts'
import { checkTcp, tcpDstPort, tcpSrcPort } from './generated/tcp.ts'
import { checkUdp, checkUdpQuoted, UDP_MIN, udpDstPort, udpLength, udpSrcPort } from './generated/udp.ts'
import { checkVlan, VLAN_MIN, vlanEtherType } from './generated/vlan.ts'
import { ParseError } from './parse-error.ts'

/** More extension headers than this in one packet are an error: no honest sender needs them. */
export const IPV6_EXT_LIMIT = 8

const WHOLE = 0
const QUOTED = 1

/**
 * Describes the frame in `bytes` from `start` to `end` (without frame check sequence). Bytes after the IP packet are
 * allowed (Ethernet padding).
 * @returns 0, or a `ParseError` that is in the row as well, beside the header that it is about; the row is then filled
 * up to that header.
 */
export function parseFrame(bytes: Uint8Array, start: number, end: number, row: Int32Array): number {
  clearRow(row, end)
  row[ROW_L2] = start
  if (checkEthernet(bytes, start, end) < 0) return fail(row, ParseError.truncated, HeaderKind.ethernet)
  let etherType = ethernetEtherType(bytes, start)
  let at = start + ETHERNET_MIN
  for (let tags = 0; tags < 2 && (etherType === EtherType.vlan || etherType === EtherType.qinq); tags++) {
    if (tags === 0) row[ROW_VLAN] = at
    if (checkVlan(bytes, at, end) < 0) return fail(row, ParseError.truncated, HeaderKind.vlan)
    etherType = vlanEtherType(bytes, at)
    at += VLAN_MIN
  }
  row[ROW_ETHER_TYPE] = etherType
  row[ROW_L3] = at
  row[ROW_PAYLOAD] = at
  if (etherType === EtherType.ipv4) return parseIpv4(bytes, at, end, row, WHOLE)
  if (etherType === EtherType.ipv6) return parseIpv6(bytes, at, end, row, WHOLE)
  if (etherType === EtherType.arp) return parseArp(bytes, at, end, row)
  row[ROW_L3_KIND] = L3Kind.other
  return 0
}

/** As `parseFrame` for bytes that begin with an IPv4 or IPv6 header. */
export function parseIp(bytes: Uint8Array, start: number, end: number, row: Int32Array): number {
  return parseAnyIp(bytes, start, end, row, WHOLE)
}

/**
 * As `parseIp` for the packet quoted in an ICMP error, which may be cut after 8 bytes of its transport header (RFC 792).
 * `ROW_END` is then where the quote ends, and only ports and identifiers may be read at `ROW_L4`.
 */
export function parseQuoted(bytes: Uint8Array, start: number, end: number, row: Int32Array): number {
  return parseAnyIp(bytes, start, end, row, QUOTED)
}

function parseAnyIp(bytes: Uint8Array, start: number, end: number, row: Int32Array, mode: number): number {
  clearRow(row, end)
  row[ROW_L3] = start
  row[ROW_PAYLOAD] = start
  const version = start < end ? bytes[start]! >>> 4 : 4
  if (version === 4) return parseIpv4(bytes, start, end, row, mode)
  if (version === 6) return parseIpv6(bytes, start, end, row, mode)
  return fail(row, ParseError.badVersion, HeaderKind.ipv4)
}

function clearRow(row: Int32Array, end: number): void {
  row[ROW_L2] = -1
  row[ROW_VLAN] = -1
  row[ROW_ETHER_TYPE] = 0
  row[ROW_L3] = -1
  row[ROW_L3_KIND] = L3Kind.none
  row[ROW_L4] = -1
  row[ROW_L4_KIND] = L4Kind.none
  row[ROW_PROTOCOL] = 0
  row[ROW_SRC_PORT] = 0
  row[ROW_DST_PORT] = 0
  row[ROW_PAYLOAD] = -1
  row[ROW_END] = end
  row[ROW_FRAGMENT] = Fragment.none
  row[ROW_DDM] = -1
  row[ROW_ERROR] = 0
  row[ROW_ERROR_HEADER] = HeaderKind.none
}

function fail(row: Int32Array, error: number, header: number): number {
  row[ROW_ERROR] = error
  row[ROW_ERROR_HEADER] = header
  return error
}

function parseArp(bytes: Uint8Array, at: number, end: number, row: Int32Array): number {
  row[ROW_L3_KIND] = L3Kind.arp
  const length = checkArp(bytes, at, end)
  if (length < 0) return fail(row, length, HeaderKind.arp)
  row[ROW_PAYLOAD] = at + ARP_MIN
  return 0
}

function parseIpv4(bytes: Uint8Array, at: number, end: number, row: Int32Array, mode: number): number {
  row[ROW_L3_KIND] = L3Kind.ipv4
  const length = mode === WHOLE ? checkIpv4(bytes, at, end) : checkIpv4Quoted(bytes, at, end)
  if (length < 0) return fail(row, length, HeaderKind.ipv4)
  const total = ipv4TotalLength(bytes, at)
  const packetEnd = total < length || total > end - at ? end : at + total
  row[ROW_END] = packetEnd
  const protocol = ipv4Protocol(bytes, at)
  row[ROW_PROTOCOL] = protocol
  if (ipv4FragmentOffset(bytes, at) !== 0) row[ROW_FRAGMENT] = Fragment.later
  else if ((ipv4Flags(bytes, at) & 1) !== 0) row[ROW_FRAGMENT] = Fragment.first
  return parseTransport(bytes, at + length, packetEnd, row, protocol, mode)
}

function parseIpv6(bytes: Uint8Array, at: number, end: number, row: Int32Array, mode: number): number {
  row[ROW_L3_KIND] = L3Kind.ipv6
  const length = mode === WHOLE ? checkIpv6(bytes, at, end) : checkIpv6Quoted(bytes, at, end)
  if (length < 0) return fail(row, length, HeaderKind.ipv6)
  const total = ipv6PayloadLength(bytes, at) + IPV6_MIN
  const packetEnd = total > end - at ? end : at + total
  row[ROW_END] = packetEnd
  let next = at + IPV6_MIN
  let protocol = ipv6NextHeader(bytes, at)
  for (let count = 0; isExtension(protocol); count++) {
    // RFC 8200 §4.1: hop-by-hop options come right after the IPv6 header, or not at all.
    const isMisplaced = protocol === IpProtocol.hopByHop && count > 0
    if (count === IPV6_EXT_LIMIT || isMisplaced) return fail(row, ParseError.badExtension, HeaderKind.ipv6Ext)
    let used: number
    if (protocol === IpProtocol.fragment) {
      used = checkIpv6Fragment(bytes, next, packetEnd)
      if (used < 0) return fail(row, used, HeaderKind.ipv6Fragment)
      // An atomic fragment (RFC 6946) is a whole packet.
      if (ipv6FragmentFragmentOffset(bytes, next) !== 0) row[ROW_FRAGMENT] = Fragment.later
      else if (ipv6FragmentMore(bytes, next) !== 0) row[ROW_FRAGMENT] = Fragment.first
      protocol = ipv6FragmentNextHeader(bytes, next)
    } else if (protocol === IpProtocol.ddm) {
      used = checkDdm(bytes, next, packetEnd)
      if (used < 0) return fail(row, used, HeaderKind.ddm)
      row[ROW_DDM] = next
      protocol = ddmNextHeader(bytes, next)
    } else {
      used = checkIpv6Ext(bytes, next, packetEnd)
      if (used < 0) return fail(row, used, HeaderKind.ipv6Ext)
      protocol = ipv6ExtNextHeader(bytes, next)
    }
    next += used
    if (row[ROW_FRAGMENT] === Fragment.later) break
  }
  row[ROW_PROTOCOL] = protocol
  return parseTransport(bytes, next, packetEnd, row, protocol, mode)
}

/** The extension headers that share the RFC 6564 shape, the fragment header and DDM's. AH and ESP end the walk. */
function isExtension(protocol: number): boolean {
  switch (protocol) {
    case IpProtocol.hopByHop:
    case IpProtocol.routing:
    case IpProtocol.fragment:
    case IpProtocol.destinationOptions:
    case IpProtocol.ddm:
    case 135:
    case 139:
    case 140:
    case 253:
    case 254:
      return true
    default:
      return false
  }
}

function parseTransport(
  bytes: Uint8Array,
  at: number,
  end: number,
  row: Int32Array,
  protocol: number,
  mode: number,
): number {
  row[ROW_PAYLOAD] = at
  if (row[ROW_FRAGMENT] === Fragment.later || protocol === IpProtocol.none) return 0
  row[ROW_L4] = at
  if (mode === QUOTED) return parseQuotedTransport(bytes, at, end, row, protocol)
  switch (protocol) {
    case IpProtocol.tcp: {
      row[ROW_L4_KIND] = L4Kind.tcp
      const length = checkTcp(bytes, at, end)
      if (length < 0) return fail(row, length, HeaderKind.tcp)
      row[ROW_SRC_PORT] = tcpSrcPort(bytes, at)
      row[ROW_DST_PORT] = tcpDstPort(bytes, at)
      row[ROW_PAYLOAD] = at + length
      return 0
    }
    case IpProtocol.udp: {
      row[ROW_L4_KIND] = L4Kind.udp
      // The UDP length of a first fragment is that of the whole datagram.
      const isCut = row[ROW_FRAGMENT] === Fragment.first
      const length = isCut ? checkUdpQuoted(bytes, at, end) : checkUdp(bytes, at, end)
      if (length < 0) return fail(row, length, HeaderKind.udp)
      if (isCut && udpLength(bytes, at) < UDP_MIN) return fail(row, ParseError.badLength, HeaderKind.udp)
      row[ROW_SRC_PORT] = udpSrcPort(bytes, at)
      row[ROW_DST_PORT] = udpDstPort(bytes, at)
      row[ROW_PAYLOAD] = at + UDP_MIN
      return 0
    }
    case IpProtocol.icmp: {
      if (row[ROW_L3_KIND] !== L3Kind.ipv4) break
      row[ROW_L4_KIND] = L4Kind.icmp
      const length = checkIcmp(bytes, at, end)
      if (length < 0) return fail(row, length, HeaderKind.icmp)
      row[ROW_PAYLOAD] = at + length
      setIcmpPorts(bytes, at, row)
      return 0
    }
    case IpProtocol.icmpv6: {
      if (row[ROW_L3_KIND] !== L3Kind.ipv6) break
      row[ROW_L4_KIND] = L4Kind.icmpv6
      const length = checkIcmpv6(bytes, at, end)
      if (length < 0) return fail(row, length, HeaderKind.icmpv6)
      row[ROW_PAYLOAD] = at + length
      setIcmpv6Ports(bytes, at, row)
      return 0
    }
  }
  row[ROW_L4_KIND] = L4Kind.other
  return 0
}

/** What is left of a transport header in a quote: ports when 4 bytes are there, the identifier when 8 are. */
function parseQuotedTransport(bytes: Uint8Array, at: number, end: number, row: Int32Array, protocol: number): number {
  const length = end - at
  row[ROW_PAYLOAD] = end
  row[ROW_L4_KIND] = L4Kind.other
  if (protocol === IpProtocol.tcp || protocol === IpProtocol.udp) {
    row[ROW_L4_KIND] = protocol
    if (length < 4)
      return fail(row, ParseError.truncated, protocol === IpProtocol.tcp ? HeaderKind.tcp : HeaderKind.udp)
    row[ROW_SRC_PORT] = udpSrcPort(bytes, at)
    row[ROW_DST_PORT] = udpDstPort(bytes, at)
  } else if (protocol === IpProtocol.icmp && row[ROW_L3_KIND] === L3Kind.ipv4) {
    row[ROW_L4_KIND] = L4Kind.icmp
    if (length < 8) return fail(row, ParseError.truncated, HeaderKind.icmp)
    setIcmpPorts(bytes, at, row)
  } else if (protocol === IpProtocol.icmpv6 && row[ROW_L3_KIND] === L3Kind.ipv6) {
    row[ROW_L4_KIND] = L4Kind.icmpv6
    if (length < 8) return fail(row, ParseError.truncated, HeaderKind.icmpv6)
    setIcmpv6Ports(bytes, at, row)
  }
  return 0
}

// RFC 5508 §3: to a NAT the identifier of an echo is what a port is to the others.
function setIcmpPorts(bytes: Uint8Array, at: number, row: Int32Array): void {
  const type = icmpType(bytes, at)
  if (type !== IcmpType.echoRequest && type !== IcmpType.echoReply) return
  row[ROW_SRC_PORT] = icmpIdentifier(bytes, at)
  row[ROW_DST_PORT] = icmpIdentifier(bytes, at)
}

function setIcmpv6Ports(bytes: Uint8Array, at: number, row: Int32Array): void {
  const type = icmpv6Type(bytes, at)
  if (type !== Icmpv6Type.echoRequest && type !== Icmpv6Type.echoReply) return
  row[ROW_SRC_PORT] = icmpv6Identifier(bytes, at)
  row[ROW_DST_PORT] = icmpv6Identifier(bytes, at)
}
