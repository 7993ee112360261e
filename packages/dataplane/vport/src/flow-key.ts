/**
 * The key of a flow: one direction of one connection, as words. Addresses first, then ports, then what the packet is.
 *
 *     IPv4  src | dst | ports | meta                      4 words
 *     IPv6  src × 4 | dst × 4 | ports | meta             10 words
 *     ports source << 16 | destination; for ICMP identifier << 16 | type << 8 | code; 0 for protocols without ports
 *     meta  IP protocol | OUT where the guest sent it | EXTERNAL where it came from outside of the VPC
 *
 * EXTERNAL is part of the key because a frame from a neighbour in the VPC must never use the flow of one from outside.
 */
import {
  Icmpv6Type,
  icmpCode,
  IcmpType,
  icmpType,
  IPV4_DST,
  IPV4_SRC,
  IPV6_DST,
  IPV6_SRC,
  IpProtocol,
  L3Kind,
  L4Kind,
  ROW_DST_PORT,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_L4_KIND,
  ROW_PROTOCOL,
  ROW_SRC_PORT,
} from '@lodestone/packet'

export const KEY_WORDS_4 = 4
export const KEY_WORDS_6 = 10
export const META_OUT = 0x100
export const META_EXTERNAL = 0x200

export type FlowKey = Int32Array

export function newFlowKey(): FlowKey {
  return new Int32Array(KEY_WORDS_6)
}

/** Where the destination address, the ports and the meta word are. The source address is at 0. */
export function dstAt(family: number): number {
  return family === 4 ? 1 : 4
}
export function portsAt(family: number): number {
  return family === 4 ? 2 : 8
}
export function metaAt(family: number): number {
  return family === 4 ? 3 : 9
}

/**
 * Reads the key of a parsed frame.
 * @param bytes and `view` are over the same memory. @param row of a frame that parsed without error; of a
 * later fragment the ports are 0, because they are in the first one.
 * @param flags META_OUT, META_EXTERNAL or 0.
 * @returns 4 or 6, or 0 when the frame is not IP (the key is then undefined).
 */
export function readFlowKey(
  bytes: Uint8Array,
  view: DataView,
  row: Int32Array,
  flags: number,
  key: FlowKey,
): 0 | 4 | 6 {
  const l3Kind = row[ROW_L3_KIND]!
  if (l3Kind !== L3Kind.ipv4 && l3Kind !== L3Kind.ipv6) return 0
  const l4Kind = row[ROW_L4_KIND]!
  const isIcmp = l4Kind === L4Kind.icmp || l4Kind === L4Kind.icmpv6
  const l4 = row[ROW_L4]!
  const ports = isIcmp
    ? (row[ROW_SRC_PORT]! << 16) | (icmpType(bytes, l4) << 8) | icmpCode(bytes, l4)
    : (row[ROW_SRC_PORT]! << 16) | row[ROW_DST_PORT]!
  const meta = row[ROW_PROTOCOL]! | flags
  const l3 = row[ROW_L3]!
  if (l3Kind === L3Kind.ipv4) {
    key[0] = view.getInt32(l3 + IPV4_SRC)
    key[1] = view.getInt32(l3 + IPV4_DST)
    key[2] = ports
    key[3] = meta
    return 4
  }
  key[0] = view.getInt32(l3 + IPV6_SRC)
  key[1] = view.getInt32(l3 + IPV6_SRC + 4)
  key[2] = view.getInt32(l3 + IPV6_SRC + 8)
  key[3] = view.getInt32(l3 + IPV6_SRC + 12)
  key[4] = view.getInt32(l3 + IPV6_DST)
  key[5] = view.getInt32(l3 + IPV6_DST + 4)
  key[6] = view.getInt32(l3 + IPV6_DST + 8)
  key[7] = view.getInt32(l3 + IPV6_DST + 12)
  key[8] = ports
  key[9] = meta
  return 6
}

/**
 * The key of the answers to `key`: addresses and ports swapped, echo request and reply exchanged, the other direction.
 * @param isExternal whether the answers come from outside of the VPC (only asked when they are inbound).
 */
export function mirrorFlowKey(key: FlowKey, family: 4 | 6, isExternal: boolean, out: FlowKey): void {
  const count = family === 4 ? 1 : 4
  for (let i = 0; i < count; i++) {
    const src = key[i]!
    out[i] = key[count + i]!
    out[count + i] = src
  }
  const meta = key[metaAt(family)]!
  const protocol = meta & 0xff
  out[portsAt(family)] = mirrorPorts(key[portsAt(family)]!, protocol)
  const becomesIn = (meta & META_OUT) !== 0
  out[metaAt(family)] = protocol | (becomesIn ? (isExternal ? META_EXTERNAL : 0) : META_OUT)
}

function mirrorPorts(ports: number, protocol: number): number {
  if (protocol !== IpProtocol.icmp && protocol !== IpProtocol.icmpv6) return (ports << 16) | (ports >>> 16)
  const type = (ports >>> 8) & 0xff
  const code = ports & 0xff
  if (code !== 0) return ports
  let mirrored = type
  if (protocol === IpProtocol.icmp) {
    if (type === IcmpType.echoRequest) mirrored = IcmpType.echoReply
    else if (type === IcmpType.echoReply) mirrored = IcmpType.echoRequest
  } else if (type === Icmpv6Type.echoRequest) mirrored = Icmpv6Type.echoReply
  else if (type === Icmpv6Type.echoReply) mirrored = Icmpv6Type.echoRequest
  return (ports & 0xffff0000) | (mirrored << 8)
}

/** Whether packets of a protocol have ports, or an identifier in their place. */
export function hasPorts(protocol: number): boolean {
  return (
    protocol === IpProtocol.tcp ||
    protocol === IpProtocol.udp ||
    protocol === IpProtocol.icmp ||
    protocol === IpProtocol.icmpv6
  )
}

/** @returns where the transport checksum is from the start of the transport header. */
export function checksumAt(protocol: number): number {
  return protocol === IpProtocol.tcp ? 16 : protocol === IpProtocol.udp ? 6 : 2
}
