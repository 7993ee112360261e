/**
 * Neighbor discovery for IPv6 (RFC 4861 §7): solicitations and advertisements, router solicitations.
 * NOT IMPLEMENTED: redirects.
 */
import { Ip, Mac } from '@lodestone/net'
import {
  checkNdpNeighborAdvert,
  checkNdpNeighborSolicit,
  checkNdpOption,
  checkNdpRouterAdvert,
  checkNdpRouterSolicit,
  fixTransportChecksum,
  icmpv6Code,
  Icmpv6Type,
  icmpv6Type,
  IPV6_DST,
  ipv6HopLimit,
  IPV6_MIN,
  IPV6_SRC,
  IpProtocol,
  NDP_NEIGHBOR_ADVERT_MIN,
  NDP_NEIGHBOR_ADVERT_TARGET,
  NDP_NEIGHBOR_SOLICIT_MIN,
  NDP_NEIGHBOR_SOLICIT_TARGET,
  NDP_ROUTER_SOLICIT_MIN,
  ndpNeighborAdvertOverride,
  ndpNeighborAdvertRouter,
  ndpNeighborAdvertSolicited,
  NdpOptionType,
  ndpOptionType,
  writeNdpNeighborAdvert,
  writeNdpNeighborSolicit,
  writeNdpOptions,
  writeNdpRouterSolicit,
} from '@lodestone/packet'
import { keyOf } from './address-map.ts'
import { sendArpAnnouncement } from './arp.ts'
import { NS_DROP } from './drop.ts'
import type { Interface } from './interface.ts'
import { outputOn, writeIpHeader } from './ip-output.ts'
import type { Neighbor } from './neighbor.ts'
import { solicitedNode, type Stack } from './stack.ts'

/** RFC 4861 §11.2: 255 proves that no router forwarded it. */
const HOP_LIMIT = 255
const LINK_LAYER_OPTION = 8
const ALL_NODES = Ip.of('ff02::1')
export const ALL_ROUTERS = Ip.of('ff02::2')
const UNSPECIFIED = Ip.of('::')

export function isNdp(type: number): boolean {
  return type >= Icmpv6Type.routerSolicit && type <= Icmpv6Type.redirect
}

/** A neighbor discovery message at `l4` of the packet at `l3`, whose checksum is right. Frees the slot. */
export function ndpInput(stack: Stack, iface: Interface, slot: number, l3: number, l4: number, end: number): void {
  const { bytes } = stack.arena
  const isValid = ipv6HopLimit(bytes, l3) === HOP_LIMIT && icmpv6Code(bytes, l4) === 0
  if (!isValid || iface.port === undefined) return stack.drop(slot, NS_DROP.NDP_INVALID)
  let isTaken: boolean
  switch (icmpv6Type(bytes, l4)) {
    case Icmpv6Type.neighborSolicit:
      isTaken = onSolicit(stack, iface, bytes, l3, l4, end)
      break
    case Icmpv6Type.neighborAdvert:
      isTaken = onAdvert(stack, iface, bytes, l3, l4, end)
      break
    case Icmpv6Type.routerAdvert:
      isTaken = onRouterAdvert(stack, iface, slot, bytes, l3, l4, end)
      break
    case Icmpv6Type.routerSolicit:
      // They are answered by those that advertise.
      if (iface.icmp6Sockets.length === 0) return stack.drop(slot, NS_DROP.ICMP_UNHANDLED)
      isTaken = onRouterSolicit(stack, iface, bytes, l3, l4, end)
      break
    default:
      // Redirects are not believed.
      return stack.drop(slot, NS_DROP.ICMP_UNHANDLED)
  }
  if (!isTaken) return stack.drop(slot, NS_DROP.NDP_INVALID)
  stack.noteDelivered(slot, l3)
  stack.arena.free(slot)
}

/** RFC 4861 §7.2.3, §7.2.4. */
function onSolicit(stack: Stack, iface: Interface, bytes: Uint8Array, l3: number, l4: number, end: number): boolean {
  if (checkNdpNeighborSolicit(bytes, l4, end) < 0) return false
  const option = linkLayerOption(bytes, l4 + NDP_NEIGHBOR_SOLICIT_MIN, end, NdpOptionType.sourceLinkLayer)
  const target = Ip.fromBytes(bytes, l4 + NDP_NEIGHBOR_SOLICIT_TARGET, 16)
  if (option === MALFORMED || target.isMulticast) return false
  const source = Ip.fromBytes(bytes, l3 + IPV6_SRC, 16)
  const isProbe = source.isUnspecified
  // A probe for duplicates names no MAC and goes to the solicited-node group.
  if (isProbe && (option !== ABSENT || bytes[l3 + IPV6_DST] !== 0xff)) return false
  if (isProbe && stack.duplicates.conflicted(iface, target)) return true // two hosts want the same address
  if (!iface.addresses.some((ip) => ip.equals(target))) return true // somebody else's, or not ours yet
  if (!isProbe) {
    const neighbor = stack.neighbors.obtain(iface, keyOf(source))
    if (neighbor !== undefined && option !== ABSENT) stack.neighbors.heard(neighbor, bytes, option)
  }
  sendNeighborAdvert(stack, iface, target, isProbe ? ALL_NODES : source, !isProbe)
  return true
}

/** RFC 4861 §7.2.5. */
function onAdvert(stack: Stack, iface: Interface, bytes: Uint8Array, l3: number, l4: number, end: number): boolean {
  if (checkNdpNeighborAdvert(bytes, l4, end) < 0) return false
  const option = linkLayerOption(bytes, l4 + NDP_NEIGHBOR_ADVERT_MIN, end, NdpOptionType.targetLinkLayer)
  const target = Ip.fromBytes(bytes, l4 + NDP_NEIGHBOR_ADVERT_TARGET, 16)
  const isSolicited = ndpNeighborAdvertSolicited(bytes, l4) === 1
  const isToGroup = bytes[l3 + IPV6_DST] === 0xff
  if (option === MALFORMED || target.isMulticast || (isSolicited && isToGroup)) return false
  if (stack.duplicates.conflicted(iface, target)) return true
  const neighbor = stack.neighbors.find(iface, keyOf(target))
  if (neighbor === undefined) return true // nobody asked
  neighbor.isRouter = ndpNeighborAdvertRouter(bytes, l4) === 1
  if (option === ABSENT) return true
  if (isSolicited) stack.neighbors.answered(neighbor, bytes, option, ndpNeighborAdvertOverride(bytes, l4) === 1)
  else if (ndpNeighborAdvertOverride(bytes, l4) === 1) stack.neighbors.heard(neighbor, bytes, option)
  return true
}

/** RFC 4861 §6.1.2; what it says is for whoever configures the interface. */
function onRouterAdvert(
  stack: Stack,
  iface: Interface,
  slot: number,
  bytes: Uint8Array,
  l3: number,
  l4: number,
  end: number,
): boolean {
  if (checkNdpRouterAdvert(bytes, l4, end) < 0) return false
  const source = Ip.fromBytes(bytes, l3 + IPV6_SRC, 16)
  const option = linkLayerOption(bytes, l4 + 16, end, NdpOptionType.sourceLinkLayer)
  if (!source.isLinkLocal || option === MALFORMED) return false
  const neighbor = stack.neighbors.obtain(iface, keyOf(source))
  if (neighbor !== undefined) {
    neighbor.isRouter = true
    if (option !== ABSENT) stack.neighbors.heard(neighbor, bytes, option)
  }
  iface.onRouterAdvert?.(slot, l3, l4, end)
  tellSockets(iface, bytes, source, l4, end)
  return true
}

/** RFC 4861 §6.1.1, §6.2.6. */
function onRouterSolicit(
  stack: Stack,
  iface: Interface,
  bytes: Uint8Array,
  l3: number,
  l4: number,
  end: number,
): boolean {
  if (checkNdpRouterSolicit(bytes, l4, end) < 0) return false
  const source = Ip.fromBytes(bytes, l3 + IPV6_SRC, 16)
  const option = linkLayerOption(bytes, l4 + NDP_ROUTER_SOLICIT_MIN, end, NdpOptionType.sourceLinkLayer)
  if (option === MALFORMED || (source.isUnspecified && option !== ABSENT)) return false
  if (option !== ABSENT) {
    const neighbor = stack.neighbors.obtain(iface, keyOf(source))
    if (neighbor !== undefined) stack.neighbors.heard(neighbor, bytes, option)
  }
  tellSockets(iface, bytes, source, l4, end)
  return true
}

function tellSockets(iface: Interface, bytes: Uint8Array, source: Ip, l4: number, end: number): void {
  if (iface.icmp6Sockets.length === 0) return
  const type = icmpv6Type(bytes, l4)
  for (const socket of [...iface.icmp6Sockets]) {
    if (socket.types.includes(type)) socket.onMessage(bytes.subarray(l4, end), source)
  }
}

const ABSENT = -1
const MALFORMED = -2

/** Where the MAC of the first such option is, `ABSENT`, or `MALFORMED` when some option is. */
function linkLayerOption(bytes: Uint8Array, from: number, end: number, type: number): number {
  let found = ABSENT
  for (let at = from; at < end;) {
    const length = checkNdpOption(bytes, at, end)
    if (length < 0) return MALFORMED
    if (found === ABSENT && ndpOptionType(bytes, at) === type && length === LINK_LAYER_OPTION) found = at + 2
    at += length
  }
  return found
}

export function sendNeighborSolicit(stack: Stack, neighbor: Neighbor, isUnicast: boolean): void {
  const iface = neighbor.interface
  const source = stack.sourceFor(neighbor.ip, iface)
  if (source === undefined) return
  const to = isUnicast ? neighbor.ip : solicitedNode(neighbor.ip)
  const slot = begin(stack, NDP_NEIGHBOR_SOLICIT_MIN + LINK_LAYER_OPTION, source, to)
  if (slot < 0) return
  const { bytes } = stack.arena
  const l4 = stack.arena.start(slot) + IPV6_MIN
  writeNdpNeighborSolicit(bytes, l4, { type: Icmpv6Type.neighborSolicit, target: neighbor.ip.bytes })
  writeNdpOptions(bytes, l4 + NDP_NEIGHBOR_SOLICIT_MIN, [{ kind: 'sourceLinkLayer', mac: iface.mac.bytes }])
  if (!isUnicast) return send(stack, iface, slot, Mac.forMulticast(to).bytes)
  send(stack, iface, slot, neighbor.mac)
}

/** RFC 4862 §5.4.2: from the unspecified address, so without a MAC address to learn. */
export function sendDuplicateProbe(stack: Stack, iface: Interface, target: Ip): void {
  const to = solicitedNode(target)
  const slot = begin(stack, NDP_NEIGHBOR_SOLICIT_MIN, UNSPECIFIED, to)
  if (slot < 0) return
  const l4 = stack.arena.start(slot) + IPV6_MIN
  writeNdpNeighborSolicit(stack.arena.bytes, l4, { type: Icmpv6Type.neighborSolicit, target: target.bytes })
  send(stack, iface, slot, Mac.forMulticast(to).bytes)
}

function sendNeighborAdvert(stack: Stack, iface: Interface, target: Ip, to: Ip, isSolicited: boolean): void {
  const slot = begin(stack, NDP_NEIGHBOR_ADVERT_MIN + LINK_LAYER_OPTION, target, to)
  if (slot < 0) return
  const { bytes } = stack.arena
  const l4 = stack.arena.start(slot) + IPV6_MIN
  writeNdpNeighborAdvert(bytes, l4, {
    type: Icmpv6Type.neighborAdvert,
    router: stack.isRouter ? 1 : 0,
    solicited: isSolicited ? 1 : 0,
    override: 1,
    target: target.bytes,
  })
  writeNdpOptions(bytes, l4 + NDP_NEIGHBOR_ADVERT_MIN, [{ kind: 'targetLinkLayer', mac: iface.mac.bytes }])
  if (to.isMulticast) return send(stack, iface, slot, Mac.forMulticast(to).bytes)
  finish(stack, slot)
  outputOn(stack, iface, slot)
}

/** Tells the link about an address that it did not have before (RFC 4861 §7.2.6, RFC 5227 §3). */
export function announce(stack: Stack, iface: Interface, ip: Ip): void {
  if (iface.port === undefined) return
  if (ip.family === 4) sendArpAnnouncement(stack, iface, ip)
  else sendNeighborAdvert(stack, iface, ip, ALL_NODES, false)
}

/** RFC 4861 §6.3.7: asks for a router advertisement. */
export function sendRouterSolicit(stack: Stack, iface: Interface): void {
  const source = iface.linkLocal ?? UNSPECIFIED
  const hasMac = !source.isUnspecified
  const slot = begin(stack, NDP_ROUTER_SOLICIT_MIN + (hasMac ? LINK_LAYER_OPTION : 0), source, ALL_ROUTERS)
  if (slot < 0) return
  const { bytes } = stack.arena
  const l4 = stack.arena.start(slot) + IPV6_MIN
  writeNdpRouterSolicit(bytes, l4, { type: Icmpv6Type.routerSolicit })
  if (hasMac) writeNdpOptions(bytes, l4 + NDP_ROUTER_SOLICIT_MIN, [{ kind: 'sourceLinkLayer', mac: iface.mac.bytes }])
  send(stack, iface, slot, Mac.forMulticast(ALL_ROUTERS).bytes)
}

/** A whole message from its type on, whose checksum is filled in. @param to a group of the link, or a neighbour. */
export function sendNdpMessage(stack: Stack, iface: Interface, message: Uint8Array, to: Ip): void {
  const slot = begin(stack, message.length, iface.linkLocal ?? UNSPECIFIED, to)
  if (slot < 0) return
  stack.arena.bytes.set(message, stack.arena.start(slot) + IPV6_MIN)
  if (to.isMulticast) return send(stack, iface, slot, Mac.forMulticast(to).bytes)
  finish(stack, slot)
  outputOn(stack, iface, slot)
}

function begin(stack: Stack, length: number, source: Ip, to: Ip): number {
  const slot = stack.allocIp(IPV6_MIN + length)
  if (slot >= 0) writeIpHeader(stack, slot, source, to, IpProtocol.icmpv6, HOP_LIMIT)
  return slot
}

function finish(stack: Stack, slot: number): void {
  const start = stack.arena.start(slot)
  fixTransportChecksum(stack.arena.bytes, start, start + IPV6_MIN, stack.arena.end(slot))
}

function send(stack: Stack, iface: Interface, slot: number, mac: Uint8Array): void {
  finish(stack, slot)
  if (!iface.isUp) return stack.drop(slot, NS_DROP.INTERFACE_DOWN)
  stack.noteSent(slot, iface)
  stack.transmitIp(iface, mac, 0, slot)
}
