/**
 * Packets that this host originates. A packet is a slot that starts at its IP header, checksums done; these functions
 * find the way and take the slot. No allocation when the neighbor is known.
 */
import {
  IPV4_MIN,
  ipv4Dst,
  ipv4Src,
  IPV6_MIN,
  ipv6DstWord,
  ipv6SrcWord,
  setIpv4Checksum,
  setIpv4Dscp,
  setIpv4Dst,
  setIpv4Ecn,
  setIpv4Flags,
  setIpv4FragmentOffset,
  setIpv4Identification,
  setIpv4Ihl,
  setIpv4Protocol,
  setIpv4Src,
  setIpv4TotalLength,
  setIpv4Ttl,
  setIpv4Version,
  fixIpv4Checksum,
  setIpv6Dscp,
  setIpv6Dst,
  setIpv6Ecn,
  setIpv6FlowLabel,
  setIpv6HopLimit,
  setIpv6NextHeader,
  setIpv6PayloadLength,
  setIpv6Src,
  setIpv6Version,
} from '@lodestone/packet'
import type { Ip } from '@lodestone/net'
import { Mac } from '@lodestone/net'
import { MAPPED_WORD } from './address-map.ts'
import { NS_DROP } from './drop.ts'
import { chooseHop } from './flow.ts'
import { ErrorKind } from './error-kind.ts'
import type { Interface } from './interface.ts'
import { ipOf } from './neighbor-cache.ts'
import type { Hop, Route } from './route-table.ts'
import { LOCAL_UNICAST, type Stack } from './stack.ts'

const DONT_FRAGMENT = 2
const destination = new Int32Array(4)
const source = new Int32Array(4)

/** Routes a packet by its destination. Link-local destinations and groups need `outputOn`. */
export function outputIp(stack: Stack, slot: number): void {
  const family = readDestination(stack, slot)
  if (family === 0) return stack.drop(slot, NS_DROP.MALFORMED)
  if (isLinkScoped(family)) return stack.drop(slot, NS_DROP.NO_SCOPE)
  if (stack.localAddresses.get(0, destination) === LOCAL_UNICAST) return toSelf(stack, slot)
  const route = stack.routes.match(family, destination)
  const { arena } = stack
  const start = arena.start(slot)
  if (route === undefined) {
    stack.icmp.failed(slot, ErrorKind.net, 0)
    return stack.drop(slot, NS_DROP.NO_ROUTE)
  }
  const hop = stack.isStrongHost
    ? hopOfSource(stack, route, family, start, arena.end(slot))
    : chooseHop(route, arena.bytes, start, arena.end(slot), stack.hashSeed)
  if (hop === undefined) {
    stack.icmp.failed(slot, ErrorKind.net, 0)
    return stack.drop(slot, NS_DROP.NO_ROUTE)
  }
  if (hop.interface.port === undefined) {
    if (family === 4 && destination[3]! >>> 24 === 127) return toSelf(stack, slot)
    stack.icmp.failed(slot, ErrorKind.net, 0)
    return stack.drop(slot, NS_DROP.NO_ROUTE)
  }
  if (arena.length(slot) > hop.interface.mtuBytes) return tooBig(stack, slot, hop.interface)
  stack.noteSent(slot, hop.interface)
  stack.toHop(hop, destination, slot)
}

/** The way out of the interface whose address the packet's source is; undefined when none leads to its destination. */
function hopOfSource(stack: Stack, route: Route, family: 4 | 6, start: number, end: number): Hop | undefined {
  const { bytes } = stack.arena
  if (family === 4) {
    source[0] = 0
    source[1] = 0
    source[2] = MAPPED_WORD
    source[3] = ipv4Src(bytes, start)
  } else {
    for (let i = 0; i < 4; i++) source[i] = ipv6SrcWord(bytes, start, i)
  }
  const iface = stack.interfaceWith(source)
  const hop = chooseHop(route, bytes, start, end, stack.hashSeed)
  return iface === undefined || hop.interface === iface ? hop : stack.routes.matchOn(family, destination, iface)
}

/** Sends a packet to a destination on the link of `iface`: a neighbor, a group, everybody. */
export function outputOn(stack: Stack, iface: Interface, slot: number): void {
  const family = readDestination(stack, slot)
  if (family === 0) return stack.drop(slot, NS_DROP.MALFORMED)
  if (stack.localKind(iface, destination) === LOCAL_UNICAST) return toSelf(stack, slot)
  if (iface.port === undefined) return stack.drop(slot, NS_DROP.NO_ROUTE)
  if (stack.arena.length(slot) > iface.mtuBytes) return tooBig(stack, slot, iface)
  stack.noteSent(slot, iface)
  if (isGroup(family)) return stack.transmitIp(iface, groupMac(family), 0, slot)
  const neighbor = stack.neighbors.obtain(iface, destination)
  if (neighbor === undefined) return stack.drop(slot, NS_DROP.NEIGHBOR_TABLE)
  stack.neighbors.output(neighbor, slot)
}

function toSelf(stack: Stack, slot: number): void {
  stack.noteSent(slot, stack.loopback.interface)
  stack.loopback.send(slot)
}

function tooBig(stack: Stack, slot: number, iface: Interface): void {
  stack.icmp.failed(slot, ErrorKind.tooBig, iface.mtuBytes)
  stack.drop(slot, NS_DROP.TOO_BIG)
}

function readDestination(stack: Stack, slot: number): 0 | 4 | 6 {
  const { arena } = stack
  const start = arena.start(slot)
  const length = arena.length(slot)
  if (length < IPV4_MIN) return 0
  const version = arena.bytes[start]! >>> 4
  if (version === 4) {
    destination[0] = 0
    destination[1] = 0
    destination[2] = MAPPED_WORD
    destination[3] = ipv4Dst(arena.bytes, start)
    return 4
  }
  if (version !== 6 || length < IPV6_MIN) return 0
  for (let i = 0; i < 4; i++) destination[i] = ipv6DstWord(arena.bytes, start, i)
  return 6
}

function isGroup(family: 4 | 6): boolean {
  if (family === 6) return destination[0]! >>> 24 === 0xff
  return destination[3]! >>> 28 === 0xe || destination[3] === -1
}

function isLinkScoped(family: 4 | 6): boolean {
  return isGroup(family) || (family === 6 && ((destination[0]! >>> 16) & 0xffc0) === 0xfe80)
}

function groupMac(family: 4 | 6): Uint8Array {
  if (family === 4 && destination[3] === -1) return Mac.broadcast.bytes
  return Mac.forMulticast(ipOf(destination)).bytes
}

/** Bytes of the IP header that `writeIpHeader` writes. */
export function ipHeaderLength(family: 4 | 6): number {
  return family === 4 ? IPV4_MIN : IPV6_MIN
}

/**
 * Writes the IP header at the start of `slot`, whose length is already that of the whole packet.
 * @param ecn the two bits of RFC 3168
 */
export function writeIpHeader(
  stack: Stack,
  slot: number,
  from: Ip,
  to: Ip,
  protocol: number,
  hopLimit: number,
  ecn = 0,
): void {
  const { arena } = stack
  const { bytes } = arena
  const at = arena.start(slot)
  if (to.family === 4) {
    setIpv4Version(bytes, at, 4)
    setIpv4Ihl(bytes, at, 5)
    setIpv4Dscp(bytes, at, 0)
    setIpv4Ecn(bytes, at, ecn)
    setIpv4TotalLength(bytes, at, arena.length(slot))
    setIpv4Identification(bytes, at, 0) // RFC 6864 §4.1: means nothing in a packet that may not be fragmented
    setIpv4Flags(bytes, at, DONT_FRAGMENT)
    setIpv4FragmentOffset(bytes, at, 0)
    setIpv4Ttl(bytes, at, hopLimit)
    setIpv4Protocol(bytes, at, protocol)
    setIpv4Src(bytes, at, from.word(0))
    setIpv4Dst(bytes, at, to.word(0))
    setIpv4Checksum(bytes, at, 0)
    fixIpv4Checksum(bytes, at)
    return
  }
  setIpv6Version(bytes, at, 6)
  setIpv6Dscp(bytes, at, 0)
  setIpv6Ecn(bytes, at, ecn)
  setIpv6FlowLabel(bytes, at, 0)
  setIpv6PayloadLength(bytes, at, arena.length(slot) - IPV6_MIN)
  setIpv6NextHeader(bytes, at, protocol)
  setIpv6HopLimit(bytes, at, hopLimit)
  setIpv6Src(bytes, at, from.bytes)
  setIpv6Dst(bytes, at, to.bytes)
}
