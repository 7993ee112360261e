/**
 * The gateway's side of IPv6 neighbour discovery (RFC 4861): router advertisements for solicitations, neighbour
 * advertisements for questions about the gateway's own addresses. The advertisement carries no prefix: the guest's
 * address comes from DHCPv6 (the managed flag), and everything goes through the gateway. A guest that asks whether somebody
 * else has its address (RFC 4862 §5.4.2), or announces it unasked (RFC 4861 §7.2.6), does right: that is consumed.
 */
import type { Arena } from '@lodestone/frame'
import { Ip, type Mac } from '@lodestone/net'
import {
  ETHERNET_MIN,
  EtherType,
  IPV6_MIN,
  Icmpv6Type,
  IpProtocol,
  ipv6HopLimit,
  checkNdpNeighborAdvert,
  checkNdpNeighborSolicit,
  checkNdpRouterSolicit,
  NDP_NEIGHBOR_ADVERT_MIN,
  NDP_NEIGHBOR_SOLICIT_MIN,
  NDP_ROUTER_ADVERT_MIN,
  NDP_ROUTER_SOLICIT_MIN,
  type NdpOption,
  ndpOptionsWireLength,
  readIpv6Src,
  readNdpNeighborAdvertTarget,
  readNdpNeighborSolicitTarget,
  readNdpOptions,
  ROW_END,
  ROW_L3,
  ROW_L4,
  writeNdpNeighborAdvert,
  writeNdpOptions,
  writeNdpRouterAdvert,
} from '@lodestone/packet'
import { Drop } from '../drop-reasons.ts'
import { Verdict, type Walk } from '../walk.ts'
import { GATEWAY_LINK_LOCAL, GATEWAY_MAC } from './gateway-address.ts'
import { finishIpv6, newReply } from './reply-frame.ts'

const ROUTER_LIFETIME_S = 9000
const NDP_HOP_LIMIT = 255
const ALL_NODES = Ip.of('ff02::1')

export interface NeighborSide {
  readonly guest: Mac
  /** The addresses that are the gateway's. */
  readonly gateways: readonly Ip[]
  readonly mtuBytes: number
  /** Whether the guest may say that an address, which is none of the gateway's, is its own. */
  readonly isGuests: (ip: Ip) => boolean
}

export function answerNeighborDiscovery(walk: Walk, arena: Arena, side: NeighborSide): Verdict {
  if (ipv6HopLimit(walk.bytes, walk.row[ROW_L3]!) !== NDP_HOP_LIMIT) {
    // RFC 4861 §6.1, §7.1: a lower hop limit means that it crossed a router, or pretends.
    return walk.deny(Drop.ndpOther, 'neighbour discovery with a hop limit other than 255')
  }
  if (walk.icmpType === Icmpv6Type.routerSolicit) return advertiseRouter(walk, arena, side.guest, side.mtuBytes)
  if (walk.icmpType === Icmpv6Type.neighborSolicit) return advertiseNeighbor(walk, arena, side)
  if (walk.icmpType === Icmpv6Type.neighborAdvert) return takeAnnouncement(walk, side)
  return walk.deny(Drop.ndpOther, `ICMPv6 type ${walk.icmpType} stays with the guest`)
}

function advertiseRouter(walk: Walk, arena: Arena, guest: Mac, mtuBytes: number): Verdict {
  const l4 = walk.row[ROW_L4]!
  const end = walk.row[ROW_END]!
  if (
    checkNdpRouterSolicit(walk.bytes, l4, end) < 0 ||
    readNdpOptions(walk.bytes, l4 + NDP_ROUTER_SOLICIT_MIN, end) === undefined
  ) {
    return walk.deny(Drop.ndpOther, 'malformed router solicitation')
  }
  const options: NdpOption[] = [
    { kind: 'sourceLinkLayer', mac: GATEWAY_MAC.bytes },
    { kind: 'mtu', mtu: mtuBytes },
  ]
  const messageBytes = NDP_ROUTER_ADVERT_MIN + ndpOptionsWireLength(options)
  const slot = newReply(arena, guest, EtherType.ipv6, IPV6_MIN + messageBytes)
  if (slot < 0) return walk.deny(Drop.noBuffer, 'no buffer for the router advertisement')
  const message = arena.start(slot) + ETHERNET_MIN + IPV6_MIN
  writeNdpRouterAdvert(arena.bytes, message, {
    type: Icmpv6Type.routerAdvert,
    hopLimit: NDP_HOP_LIMIT,
    managed: 1,
    routerLifetimeS: ROUTER_LIFETIME_S,
  })
  writeNdpOptions(arena.bytes, message + NDP_ROUTER_ADVERT_MIN, options)
  const asker = readIpv6Src(walk.bytes, walk.row[ROW_L3]!)
  const dst = isUnspecified(asker) ? ALL_NODES.bytes : asker
  finishIpv6(arena, slot, IpProtocol.icmpv6, GATEWAY_LINK_LOCAL.bytes, dst, messageBytes, NDP_HOP_LIMIT)
  walk.hairpin = slot
  walk.detail = 'router advertisement'
  return Verdict.hairpin
}

function advertiseNeighbor(walk: Walk, arena: Arena, { guest, gateways, isGuests }: NeighborSide): Verdict {
  const l4 = walk.row[ROW_L4]!
  const end = walk.row[ROW_END]!
  if (
    checkNdpNeighborSolicit(walk.bytes, l4, end) < 0 ||
    readNdpOptions(walk.bytes, l4 + NDP_NEIGHBOR_SOLICIT_MIN, end) === undefined
  ) {
    return walk.deny(Drop.ndpOther, 'malformed neighbour solicitation')
  }
  const target = Ip.fromBytes(readNdpNeighborSolicitTarget(walk.bytes, l4), 0, 16)
  const asker = readIpv6Src(walk.bytes, walk.row[ROW_L3]!)
  // RFC 4861 §7.2.4: a question from the unspecified address (duplicate detection) is answered to everyone.
  const isDuplicateDetection = isUnspecified(asker)
  if (!gateways.some((gateway) => gateway.equals(target))) {
    if (isDuplicateDetection && isGuests(target)) {
      walk.detail = `duplicate address detection for the guest’s own ${target}`
      return Verdict.hairpin
    }
    return walk.deny(Drop.ndpOther, `neighbour solicitation for ${target}; only the gateway is answered`)
  }
  const options: NdpOption[] = [{ kind: 'targetLinkLayer', mac: GATEWAY_MAC.bytes }]
  const messageBytes = NDP_NEIGHBOR_ADVERT_MIN + ndpOptionsWireLength(options)
  const slot = newReply(arena, guest, EtherType.ipv6, IPV6_MIN + messageBytes)
  if (slot < 0) return walk.deny(Drop.noBuffer, 'no buffer for the neighbour advertisement')
  const message = arena.start(slot) + ETHERNET_MIN + IPV6_MIN
  writeNdpNeighborAdvert(arena.bytes, message, {
    type: Icmpv6Type.neighborAdvert,
    router: 1,
    override: 1,
    solicited: isDuplicateDetection ? 0 : 1,
    target: target.bytes,
  })
  writeNdpOptions(arena.bytes, message + NDP_NEIGHBOR_ADVERT_MIN, options)
  const dst = isDuplicateDetection ? ALL_NODES.bytes : asker
  finishIpv6(arena, slot, IpProtocol.icmpv6, target.bytes, dst, messageBytes, NDP_HOP_LIMIT)
  walk.hairpin = slot
  walk.detail = `neighbour advertisement: ${target} is at ${GATEWAY_MAC}`
  return Verdict.hairpin
}

function takeAnnouncement(walk: Walk, { gateways, isGuests }: NeighborSide): Verdict {
  const l4 = walk.row[ROW_L4]!
  const end = walk.row[ROW_END]!
  if (
    checkNdpNeighborAdvert(walk.bytes, l4, end) < 0 ||
    readNdpOptions(walk.bytes, l4 + NDP_NEIGHBOR_ADVERT_MIN, end) === undefined
  ) {
    return walk.deny(Drop.ndpOther, 'malformed neighbour advertisement')
  }
  const target = Ip.fromBytes(readNdpNeighborAdvertTarget(walk.bytes, l4), 0, 16)
  if (gateways.some((gateway) => gateway.equals(target)) || !isGuests(target)) {
    return walk.deny(Drop.spoofIp, `neighbour advertisement for ${target}, which is not an address of this port`)
  }
  walk.detail = `the guest announces its own ${target}`
  return Verdict.hairpin
}

function isUnspecified(address: Uint8Array): boolean {
  return address.every((byte) => byte === 0)
}
