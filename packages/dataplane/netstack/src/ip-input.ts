/**
 * Frames and packets coming in: MAC filter, header checks, and the decision between delivery and forwarding
 * (RFC 1122 §3.2.1, RFC 1812 §4.2.2 and §5.2, RFC 8200). Nothing here allocates.
 */
import {
  ETHERNET_MIN,
  Fragment,
  HeaderKind,
  ipv4Dst,
  ipv4Src,
  ipv6DstWord,
  ipv6SrcWord,
  L3Kind,
  L4Kind,
  parseFrame,
  parseIp,
  ROW_DST_PORT,
  ROW_END,
  ROW_ERROR_HEADER,
  ROW_FRAGMENT,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4_KIND,
  ROW_PROTOCOL,
  ROW_VLAN,
  verifyIpv4Checksum,
} from '@lodestone/packet'
import { MAPPED_WORD } from './address-map.ts'
import { arpInput } from './arp.ts'
import { NS_DROP } from './drop.ts'
import { forward } from './forward.ts'
import { ErrorKind } from './error-kind.ts'
import type { Interface } from './interface.ts'
import { LOCAL_UNICAST, type Stack } from './stack.ts'

/** How a packet for this host was addressed. */
export const TO_UNICAST = 0
export const TO_GROUP = 1

/** A frame from a port. */
export function etherInput(stack: Stack, iface: Interface, slot: number): void {
  const { arena, row } = stack
  const start = arena.start(slot)
  const end = arena.end(slot)
  iface.framesIn++
  iface.bytesIn += end - start
  stack.noteReceived()
  if (stack.isClosed) return stack.drop(slot, NS_DROP.CLOSED)
  if (!iface.isUp) return stack.drop(slot, NS_DROP.INTERFACE_DOWN)
  const error = parseFrame(arena.bytes, start, end, row)
  if (end - start < ETHERNET_MIN) return stack.drop(slot, NS_DROP.MALFORMED)
  const isGroupMac = (arena.bytes[start]! & 1) !== 0
  if (!isGroupMac && !isOurMac(arena.bytes, start, iface.mac.bytes)) return stack.drop(slot, NS_DROP.NOT_OUR_MAC)
  if (row[ROW_VLAN]! >= 0) return stack.drop(slot, NS_DROP.VLAN)
  // A transport header is the business of its receiver: a router forwards packets whose TCP it would not take.
  const isBad = error < 0 && !isTransport(row[ROW_ERROR_HEADER]!)
  if (isBad) return stack.drop(slot, row[ROW_L3_KIND] === L3Kind.arp ? NS_DROP.ARP_INVALID : NS_DROP.MALFORMED)
  switch (row[ROW_L3_KIND]) {
    case L3Kind.ipv4:
      return ipv4Input(stack, iface, slot, isGroupMac)
    case L3Kind.ipv6:
      return ipv6Input(stack, iface, slot, isGroupMac)
    case L3Kind.arp:
      return arpInput(stack, iface, slot, row[ROW_L3]!)
    default:
      return stack.drop(slot, NS_DROP.ETHER_TYPE)
  }
}

/** A packet (starting at its IP header) from this host to itself. */
export function loopbackInput(stack: Stack, iface: Interface, slot: number): void {
  const { arena, row } = stack
  stack.noteReceived()
  const error = parseIp(arena.bytes, arena.start(slot), arena.end(slot), row)
  if (error < 0 && !isTransport(row[ROW_ERROR_HEADER]!)) return stack.drop(slot, NS_DROP.MALFORMED)
  deliver(stack, iface, slot, TO_UNICAST)
}

function isTransport(header: number): boolean {
  return header >= HeaderKind.tcp
}

function isOurMac(bytes: Uint8Array, start: number, mac: Uint8Array): boolean {
  for (let i = 5; i >= 0; i--) if (bytes[start + i] !== mac[i]) return false
  return true
}

function ipv4Input(stack: Stack, iface: Interface, slot: number, isGroupMac: boolean): void {
  const { arena, row, key } = stack
  const l3 = row[ROW_L3]!
  if (!verifyIpv4Checksum(arena.bytes, l3)) return stack.drop(slot, NS_DROP.IPV4_CHECKSUM)
  arena.setLength(slot, row[ROW_END]! - arena.start(slot)) // without Ethernet padding
  const source = ipv4Src(arena.bytes, l3)
  const destination = ipv4Dst(arena.bytes, l3)
  // RFC 1122 §3.2.1.3: groups and broadcast are never a source, and loopback addresses stay inside.
  if (source >>> 28 >= 0xe || source >>> 24 === 127 || destination >>> 24 === 127 || destination === 0) {
    return stack.drop(slot, NS_DROP.MARTIAN)
  }
  key[0] = 0
  key[1] = 0
  key[2] = MAPPED_WORD
  key[3] = destination
  const kind = stack.localKind(iface, key)
  if (kind === LOCAL_UNICAST) return toUs(stack, iface, slot)
  if (kind >= 0 || destination === 0xffffffff) return deliver(stack, iface, slot, TO_GROUP)
  if (destination >>> 28 === 0xe) {
    const isAllSystems = destination === 0xe0000001
    if (!isAllSystems && !iface.isMember(key)) return stack.drop(slot, NS_DROP.NOT_MEMBER)
    return deliver(stack, iface, slot, TO_GROUP)
  }
  if (iface.anyAddressPort !== 0 && row[ROW_L4_KIND] === L4Kind.udp && row[ROW_DST_PORT] === iface.anyAddressPort) {
    return deliver(stack, iface, slot, TO_UNICAST)
  }
  if (!stack.isRouter) return stack.drop(slot, NS_DROP.NOT_LOCAL)
  const isLinkLocal = source >>> 16 === 0xa9fe || destination >>> 16 === 0xa9fe
  if (isGroupMac || isLinkLocal) return stack.drop(slot, NS_DROP.NOT_FORWARDABLE)
  forward(stack, iface, slot, l3, 4)
}

function ipv6Input(stack: Stack, iface: Interface, slot: number, isGroupMac: boolean): void {
  const { arena, row, key } = stack
  const l3 = row[ROW_L3]!
  arena.setLength(slot, row[ROW_END]! - arena.start(slot))
  for (let i = 0; i < 4; i++) key[i] = ipv6DstWord(arena.bytes, l3, i)
  const sourceTop = ipv6SrcWord(arena.bytes, l3, 0)
  if (sourceTop >>> 24 === 0xff || isNeverOnWire(arena.bytes, l3, key)) return stack.drop(slot, NS_DROP.MARTIAN)
  const top = key[0]! >>> 16
  if (top >>> 8 === 0xff) {
    // All nodes, and for a router all routers, are joined by nature (RFC 4291 §2.8).
    const isKnown = key[0] === ALL_NODES_TOP && key[1] === 0 && key[2] === 0
    const isImplicit = isKnown && (key[3] === 1 || (key[3] === 2 && stack.isRouter))
    if (!isImplicit && !iface.isMember(key)) return stack.drop(slot, NS_DROP.NOT_MEMBER)
    return deliver(stack, iface, slot, TO_GROUP)
  }
  if (stack.localKind(iface, key) === LOCAL_UNICAST) return toUs(stack, iface, slot)
  if (!stack.isRouter) return stack.drop(slot, NS_DROP.NOT_LOCAL)
  const isLinkLocal = (top & 0xffc0) === 0xfe80 || ((sourceTop >>> 16) & 0xffc0) === 0xfe80
  const isUnspecified = sourceTop === 0 && isZeroSource(arena.bytes, l3)
  if (isGroupMac || isLinkLocal || isUnspecified) return stack.drop(slot, NS_DROP.NOT_FORWARDABLE)
  forward(stack, iface, slot, l3, 6)
}

/** A packet from a link to the address in the stack's key, which is ours. */
function toUs(stack: Stack, iface: Interface, slot: number): void {
  if (stack.isStrongHost && !stack.isAddressOf(iface, stack.key)) return stack.drop(slot, NS_DROP.WEAK_HOST)
  deliver(stack, iface, slot, TO_UNICAST)
}

const ALL_NODES_TOP = 0xff020000 | 0

/** The unspecified address as destination, ::1, and IPv4-mapped addresses (RFC 4291 §2.5.3, RFC 6890). */
function isNeverOnWire(bytes: Uint8Array, l3: number, destination: Int32Array): boolean {
  const isLow = destination[0] === 0 && destination[1] === 0
  if (isLow && (destination[2] === MAPPED_WORD || (destination[2] === 0 && destination[3]! >>> 0 <= 1))) return true
  if (ipv6SrcWord(bytes, l3, 0) !== 0 || ipv6SrcWord(bytes, l3, 1) !== 0) return false
  const third = ipv6SrcWord(bytes, l3, 2)
  return third === MAPPED_WORD || (third === 0 && ipv6SrcWord(bytes, l3, 3) === 1)
}

function isZeroSource(bytes: Uint8Array, l3: number): boolean {
  for (let i = 1; i < 4; i++) if (ipv6SrcWord(bytes, l3, i) !== 0) return false
  return true
}

/** A packet put together from fragments, which starts at its IP header. */
export function deliverReassembled(stack: Stack, iface: Interface, slot: number, addressed: number): void {
  const { arena, row } = stack
  const error = parseIp(arena.bytes, arena.start(slot), arena.end(slot), row)
  if ((error < 0 && !isTransport(row[ROW_ERROR_HEADER]!)) || row[ROW_FRAGMENT] !== Fragment.none) {
    return stack.drop(slot, NS_DROP.MALFORMED)
  }
  deliver(stack, iface, slot, addressed)
}

/** A packet for this host, described in the stack's row. */
function deliver(stack: Stack, iface: Interface, slot: number, addressed: number): void {
  const { row } = stack
  if (row[ROW_FRAGMENT] !== Fragment.none) return stack.reassembly.take(iface, slot, addressed)
  if (row[ROW_ERROR_HEADER] !== HeaderKind.none) return stack.drop(slot, NS_DROP.MALFORMED)
  switch (row[ROW_L4_KIND]) {
    case L4Kind.tcp:
      return stack.tcp.input(iface, slot, addressed)
    case L4Kind.udp:
      return stack.udp.input(iface, slot, addressed)
    case L4Kind.icmp:
      return stack.icmp.inputV4(iface, slot, addressed)
    case L4Kind.icmpv6:
      return stack.icmp.inputV6(iface, slot, addressed)
    default:
      if (addressed === TO_UNICAST && row[ROW_PROTOCOL] !== 59) {
        stack.icmp.refuse(iface, slot, row[ROW_L3]!, ErrorKind.protocol)
      }
      return stack.drop(slot, NS_DROP.PROTOCOL)
  }
}
