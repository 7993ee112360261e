/**
 * One line about a whole frame, outer and inner, in the manner of tcpdump:
 * `IPv6 fd00::1 > fd00::2 Geneve vni 1855777 | IPv4 203.0.113.9:51514 > 1.2.3.4:80 TCP SYN`.
 * Slow path: allocates. Never throws; a malformed header is named with its error.
 */
import { ArpOperation, EtherType, Icmpv6Type, IcmpType, IpProtocol, nameOf, SidecarCode, UdpPort } from './constants.ts'
import {
  Fragment,
  HeaderKind,
  L3Kind,
  L4Kind,
  ROW_DDM,
  ROW_DST_PORT,
  ROW_END,
  ROW_ERROR_HEADER,
  ROW_ETHER_TYPE,
  ROW_FRAGMENT,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_L4_KIND,
  ROW_PAYLOAD,
  ROW_PROTOCOL,
  ROW_SIZE,
  ROW_SRC_PORT,
  ROW_VLAN,
} from './frame-row.ts'
import { formatHex, formatIpv4, formatIpv6, formatMac, formatTcpFlags } from './format.ts'
import { arpOperation, ARP_SENDER_MAC, arpSenderIp, arpTargetIp } from './generated/arp.ts'
import { ddmAck } from './generated/ddm.ts'
import { ETHERNET_DST, ETHERNET_SRC } from './generated/ethernet.ts'
import { checkGeneve, geneveProtocol, geneveVni } from './generated/geneve.ts'
import { icmpCode, icmpIdentifier, icmpSequence, icmpType } from './generated/icmp.ts'
import { icmpv6Code, icmpv6Identifier, icmpv6Sequence, icmpv6Type } from './generated/icmpv6.ts'
import { ipv4Dst, ipv4FragmentOffset, ipv4Src } from './generated/ipv4.ts'
import { IPV6_DST, IPV6_SRC } from './generated/ipv6.ts'
import { checkNdpNeighborAdvert, NDP_NEIGHBOR_ADVERT_TARGET } from './generated/ndp-neighbor-advert.ts'
import { checkNdpNeighborSolicit, NDP_NEIGHBOR_SOLICIT_TARGET } from './generated/ndp-neighbor-solicit.ts'
import { checkSidecar, sidecarCode, sidecarEgress, sidecarEtherType, sidecarIngress } from './generated/sidecar.ts'
import { tcpFlags } from './generated/tcp.ts'
import { udpLength } from './generated/udp.ts'
import { vlanVid } from './generated/vlan.ts'
import { parseErrorName } from './parse-error.ts'
import { parseFrame, parseIp } from './parse-frame.ts'

/** Tunnels inside tunnels are followed this deep. */
const MAX_DEPTH = 4

/** One line about the Ethernet frame in `bytes` from `start` to `end`. */
export function summarize(bytes: Uint8Array, start: number, end: number): string {
  return frameSummary(bytes, start, end, 0)
}

/** One line about bytes that begin with an IPv4 or IPv6 header. */
export function summarizeIp(bytes: Uint8Array, start: number, end: number): string {
  const row = new Int32Array(ROW_SIZE)
  const error = parseIp(bytes, start, end, row)
  return rowSummary(bytes, row, error, 0)
}

function frameSummary(bytes: Uint8Array, start: number, end: number, depth: number): string {
  const row = new Int32Array(ROW_SIZE)
  const error = parseFrame(bytes, start, end, row)
  const tag = row[ROW_VLAN]! >= 0 && error === 0 ? `vlan ${vlanVid(bytes, row[ROW_VLAN]!)} ` : ''
  if (row[ROW_L3_KIND] === L3Kind.other) return tag + otherSummary(bytes, start, end, row, depth)
  return tag + rowSummary(bytes, row, error, depth)
}

function otherSummary(bytes: Uint8Array, start: number, end: number, row: Int32Array, depth: number): string {
  const etherType = row[ROW_ETHER_TYPE]!
  const at = row[ROW_L3]!
  if (etherType === EtherType.sidecar) {
    const length = checkSidecar(bytes, at, end)
    if (length < 0) return `Sidecar malformed: ${parseErrorName(length)}`
    const code = nameOf(SidecarCode, sidecarCode(bytes, at))
    const head = `Sidecar ${code} ingress ${sidecarIngress(bytes, at)} egress ${sidecarEgress(bytes, at)}`
    const inner = sidecarEtherType(bytes, at)
    if (inner !== EtherType.ipv4 && inner !== EtherType.ipv6) return `${head} ${nameOf(EtherType, inner)}`
    const innerRow = new Int32Array(ROW_SIZE)
    const error = parseIp(bytes, at + length, end, innerRow)
    return `${head} | ${rowSummary(bytes, innerRow, error, depth)}`
  }
  const named = nameOf(EtherType, etherType)
  const type = named === String(etherType) ? formatHex(etherType, 4) : named
  const addresses = `${formatMac(bytes, start + ETHERNET_SRC)} > ${formatMac(bytes, start + ETHERNET_DST)}`
  return `${addresses} ${type} length ${end - start}`
}

function rowSummary(bytes: Uint8Array, row: Int32Array, error: number, depth: number): string {
  const header = row[ROW_ERROR_HEADER]!
  const problem = error === 0 ? '' : ` malformed ${nameOf(HeaderKind, header)}: ${parseErrorName(error)}`
  const l3 = row[ROW_L3]!
  switch (row[ROW_L3_KIND]) {
    case L3Kind.arp:
      return error === 0 ? arpSummary(bytes, l3) : `ARP${problem}`
    case L3Kind.ipv4: {
      if (header === HeaderKind.ipv4) return `IPv4${problem}`
      const src = formatIpv4(ipv4Src(bytes, l3))
      const dst = formatIpv4(ipv4Dst(bytes, l3))
      return `IPv4 ${ipSummary(bytes, row, error, src, dst, depth)}${problem}`
    }
    case L3Kind.ipv6: {
      if (header === HeaderKind.ipv6) return `IPv6${problem}`
      const src = formatIpv6(bytes, l3 + IPV6_SRC)
      const dst = formatIpv6(bytes, l3 + IPV6_DST)
      return `IPv6 ${ipSummary(bytes, row, error, src, dst, depth)}${problem}`
    }
    default:
      return `Ethernet${problem}`
  }
}

function arpSummary(bytes: Uint8Array, at: number): string {
  const sender = formatIpv4(arpSenderIp(bytes, at))
  const target = formatIpv4(arpTargetIp(bytes, at))
  const mac = formatMac(bytes, at + ARP_SENDER_MAC)
  return arpOperation(bytes, at) === ArpOperation.reply
    ? `ARP reply ${sender} is at ${mac}`
    : `ARP ${nameOf(ArpOperation, arpOperation(bytes, at))} who has ${target} tell ${sender}`
}

/** Addresses, ports and what the transport says; an inner frame behind a bar. */
function ipSummary(bytes: Uint8Array, row: Int32Array, error: number, src: string, dst: string, depth: number): string {
  const ddm = row[ROW_DDM]! < 0 ? '' : ddmAck(bytes, row[ROW_DDM]!) === 1 ? ' DDM ack' : ' DDM'
  const plain = `${src} > ${dst}${ddm}`
  if (row[ROW_FRAGMENT] === Fragment.later) return `${plain} ${protocolName(row)} fragment${fragmentOffset(bytes, row)}`
  if (error !== 0) return plain
  const more = row[ROW_FRAGMENT] === Fragment.first ? ' first fragment' : ''
  const l4 = row[ROW_L4]!
  const withPorts = `${endpoint(src, row[ROW_SRC_PORT]!)} > ${endpoint(dst, row[ROW_DST_PORT]!)}${ddm}`
  switch (row[ROW_L4_KIND]) {
    case L4Kind.tcp: {
      const length = row[ROW_END]! - row[ROW_PAYLOAD]!
      return `${withPorts} TCP ${formatTcpFlags(tcpFlags(bytes, l4))}${length > 0 ? ` length ${length}` : ''}${more}`
    }
    case L4Kind.udp:
      return more === '' ? udpSummary(bytes, row, plain, withPorts, depth) : `${withPorts} UDP${more}`
    case L4Kind.icmp:
      return `${plain} ICMP ${icmpSummary(bytes, l4)}${more}`
    case L4Kind.icmpv6:
      return `${plain} ICMPv6 ${icmpv6Summary(bytes, l4, row[ROW_END]!)}${more}`
    default:
      return `${plain} ${protocolName(row)}${more}`
  }
}

function udpSummary(bytes: Uint8Array, row: Int32Array, plain: string, withPorts: string, depth: number): string {
  const l4 = row[ROW_L4]!
  const end = l4 + udpLength(bytes, l4)
  if (row[ROW_DST_PORT] === UdpPort.geneve && depth < MAX_DEPTH) {
    const at = row[ROW_PAYLOAD]!
    const length = checkGeneve(bytes, at, end)
    if (length < 0) return `${plain} Geneve malformed: ${parseErrorName(length)}`
    const head = `${plain} Geneve vni ${geneveVni(bytes, at)}`
    if (geneveProtocol(bytes, at) !== EtherType.teb) return `${head} ${formatHex(geneveProtocol(bytes, at), 4)}`
    return `${head} | ${frameSummary(bytes, at + length, end, depth + 1)}`
  }
  return `${withPorts} UDP length ${end - row[ROW_PAYLOAD]!}`
}

function icmpSummary(bytes: Uint8Array, l4: number): string {
  const type = icmpType(bytes, l4)
  const name = nameOf(IcmpType, type)
  if (type !== IcmpType.echoRequest && type !== IcmpType.echoReply) return `${name} code ${icmpCode(bytes, l4)}`
  return `${name} id ${icmpIdentifier(bytes, l4)} seq ${icmpSequence(bytes, l4)}`
}

function icmpv6Summary(bytes: Uint8Array, l4: number, end: number): string {
  const type = icmpv6Type(bytes, l4)
  const name = nameOf(Icmpv6Type, type)
  if (type === Icmpv6Type.neighborSolicit && checkNdpNeighborSolicit(bytes, l4, end) > 0) {
    return `${name} who has ${formatIpv6(bytes, l4 + NDP_NEIGHBOR_SOLICIT_TARGET)}`
  }
  if (type === Icmpv6Type.neighborAdvert && checkNdpNeighborAdvert(bytes, l4, end) > 0) {
    return `${name} ${formatIpv6(bytes, l4 + NDP_NEIGHBOR_ADVERT_TARGET)}`
  }
  if (type === Icmpv6Type.routerSolicit || type === Icmpv6Type.routerAdvert) return name
  if (type !== Icmpv6Type.echoRequest && type !== Icmpv6Type.echoReply) return `${name} code ${icmpv6Code(bytes, l4)}`
  return `${name} id ${icmpv6Identifier(bytes, l4)} seq ${icmpv6Sequence(bytes, l4)}`
}

function fragmentOffset(bytes: Uint8Array, row: Int32Array): string {
  return row[ROW_L3_KIND] === L3Kind.ipv4 ? ` at ${ipv4FragmentOffset(bytes, row[ROW_L3]!) * 8}` : ''
}

function protocolName(row: Int32Array): string {
  const protocol = row[ROW_PROTOCOL]!
  const name = nameOf(IpProtocol, protocol)
  return name === String(protocol) ? `protocol ${name}` : name.toUpperCase()
}

function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
