/**
 * What a router tells the sender of a packet that it cannot carry: too large for the path (RFC 792, RFC 1191 §4, RFC 4443
 * §3.2), or no way there (RFC 792, RFC 4443 §3.1). A guest hears it from its gateway; a sender elsewhere hears it from
 * the address that it wrote to, through the overlay. Too big is said for IPv4 packets without "don't fragment" too, because
 * nobody here fragments.
 *
 * The overlay counts as one link, so time to live is not decremented here, and nothing is said about it.
 */
import type { Arena } from '@lodestone/frame'
import {
  ETHERNET_MIN,
  EtherType,
  Fragment,
  ICMP_MIN,
  ICMPV6_MIN,
  Icmpv6Type,
  Icmpv6Unreachable,
  IcmpType,
  IcmpUnreachable,
  IPV4_MIN,
  ipv4Dst,
  ipv4Src,
  IPV6_MIN,
  IpProtocol,
  readIpv6Dst,
  readIpv6Src,
  ROW_END,
  ROW_L3,
  setEthernetDst,
  setEthernetSrc,
  writeIcmp,
  writeIcmpv6,
} from '@lodestone/packet'
import { Drop } from './drop-reasons.ts'
import { encapsulationBytes, writeEncapsulation } from './encapsulation.ts'
import { BOUNDARY_MAC } from './gateway/gateway-address.ts'
import { finishIpv4, finishIpv6, newReply } from './gateway/reply-frame.ts'
import type { LayerContext } from './layers/layer-context.ts'
import type { PortConfig } from './port-config.ts'
import { TunnelEndpoints } from './tunnel-endpoints.ts'
import type { Encapsulation, Walk } from './walk.ts'

/** Largest error packet, IP header included: RFC 1812 §4.3.2.3 and RFC 4443 §2.4(c). */
const LARGEST_ERROR4 = 576
const LARGEST_ERROR6 = 1280
const HOP_LIMIT = 64

export interface IcmpError {
  readonly type4: number
  readonly code4: number
  readonly type6: number
  readonly code6: number
  /** Second half of the ICMP header: the size that would pass. */
  readonly rest: number
}

export function tooBig(limitBytes: number): IcmpError {
  return {
    type4: IcmpType.unreachable,
    code4: IcmpUnreachable.fragmentationNeeded,
    type6: Icmpv6Type.packetTooBig,
    code6: 0,
    rest: limitBytes,
  }
}

const NO_ROUTE: IcmpError = {
  type4: IcmpType.unreachable,
  code4: IcmpUnreachable.net,
  type6: Icmpv6Type.unreachable,
  code6: Icmpv6Unreachable.noRoute,
  rest: 0,
}
const NO_HOST: IcmpError = { ...NO_ROUTE, code4: IcmpUnreachable.host, code6: Icmpv6Unreachable.address }

/** What a guest is told about a drop, beyond too big; a rule or route that says drop stays silent. */
export function errorOfDrop(reason: number): IcmpError | undefined {
  if (reason === Drop.noRoute || reason === Drop.noV2b || reason === Drop.noTunnelEndpoint) return NO_ROUTE
  return reason === Drop.noV2p ? NO_HOST : undefined
}

/** RFC 1122 §3.2.2, RFC 4443 §2.4(e): never about an error, nor about any fragment but the first, nor to a group. */
export function mayTell(walk: Walk): boolean {
  const isSubject = walk.family !== 0 && !walk.isIcmpError && !walk.isMulticast
  return isSubject && !walk.isDryRun && walk.fragment !== Fragment.later
}

/** @returns the slot of a frame for the guest that sent the packet, or -1. */
export function tellGuest(walk: Walk, arena: Arena, config: PortConfig, error: IcmpError): number {
  const { bytes, row, family } = walk
  const l3 = row[ROW_L3]!
  if (family === 4 && config.ip4 !== undefined) {
    const quoted = Math.min(row[ROW_END]! - l3, LARGEST_ERROR4 - IPV4_MIN - ICMP_MIN)
    return error4(walk, arena, config, error, config.ip4.gateway.word(0), ipv4Src(bytes, l3), quoted)
  }
  if (family === 6 && config.ip6 !== undefined) {
    const quoted = Math.min(row[ROW_END]! - l3, LARGEST_ERROR6 - IPV6_MIN - ICMPV6_MIN)
    return error6(walk, arena, config, error, config.ip6.gateway.bytes, readIpv6Src(bytes, l3), quoted)
  }
  return -1
}

/**
 * The same for whoever sent an inbound packet, encapsulated. The frame must still be as it came.
 * @returns the slot of a frame from its outer IPv6 header on, or -1.
 */
export function tellSender(
  walk: Walk,
  context: LayerContext,
  config: PortConfig,
  error: IcmpError,
  underlaySource: Uint8Array,
): number {
  const { arena } = context
  const { bytes, row, family } = walk
  if (family === 0) return -1
  const back = wayBack(walk, context, config)
  if (back === undefined) return -1
  const l3 = row[ROW_L3]!
  const rest = row[ROW_END]! - l3
  const slot =
    family === 4
      ? error4(
          walk,
          arena,
          config,
          error,
          ipv4Dst(bytes, l3),
          ipv4Src(bytes, l3),
          Math.min(rest, LARGEST_ERROR4 - IPV4_MIN - ICMP_MIN),
        )
      : error6(
          walk,
          arena,
          config,
          error,
          readIpv6Dst(bytes, l3),
          readIpv6Src(bytes, l3),
          Math.min(rest, LARGEST_ERROR6 - IPV6_MIN - ICMPV6_MIN),
        )
  if (slot < 0) return -1
  const start = arena.start(slot)
  setEthernetDst(bytes, start, back.etherDst)
  setEthernetSrc(bytes, start, config.mac.bytes)
  const innerBytes = arena.length(slot)
  if (!arena.shift(slot, -encapsulationBytes(back.encapsulation))) {
    arena.free(slot)
    return -1
  }
  writeEncapsulation(bytes, arena.start(slot), back.encapsulation, underlaySource, walk.flowHash, innerBytes)
  arena.setTaint(slot, config.vni)
  return slot
}

interface WayBack {
  readonly encapsulation: Encapsulation
  readonly etherDst: Uint8Array
}

/** To a switch for a sender outside, to the sled of an instance otherwise. */
function wayBack(walk: Walk, context: LayerContext, config: PortConfig): WayBack | undefined {
  const family = walk.family as 4 | 6 // because the caller checked
  if (walk.isExternal) {
    const entry = context.tunnelEndpoints.find(walk.key, 0, family)
    const endpoint = entry === undefined ? undefined : TunnelEndpoints.choose(entry, walk.flowHash)
    if (endpoint === undefined) return undefined
    const encapsulation: Encapsulation = { destination: endpoint.address.bytes, vni: endpoint.vni, option: 'none' }
    return { encapsulation, etherDst: BOUNDARY_MAC.bytes }
  }
  const entry = context.virtualToPhysical.find(config.vni, walk.key, 0, family)
  if (entry === undefined) return undefined
  const { sled, mac } = entry.mapping
  return {
    encapsulation: { destination: sled.bytes, vni: config.vni, option: 'none' },
    etherDst: mac.bytes,
  }
}

function error4(
  walk: Walk,
  arena: Arena,
  config: PortConfig,
  error: IcmpError,
  src: number,
  dst: number,
  quoted: number,
): number {
  const slot = newReply(arena, config.mac, EtherType.ipv4, IPV4_MIN + ICMP_MIN + quoted)
  if (slot < 0) return -1
  const { bytes } = arena
  const l3 = walk.row[ROW_L3]!
  const message = arena.start(slot) + ETHERNET_MIN + IPV4_MIN
  writeIcmp(bytes, message, { type: error.type4, code: error.code4, rest: error.rest })
  bytes.copyWithin(message + ICMP_MIN, l3, l3 + quoted)
  finishIpv4(arena, slot, IpProtocol.icmp, src, dst, ICMP_MIN + quoted)
  return slot
}

function error6(
  walk: Walk,
  arena: Arena,
  config: PortConfig,
  error: IcmpError,
  src: Uint8Array,
  dst: Uint8Array,
  quoted: number,
): number {
  const slot = newReply(arena, config.mac, EtherType.ipv6, IPV6_MIN + ICMPV6_MIN + quoted)
  if (slot < 0) return -1
  const { bytes } = arena
  const l3 = walk.row[ROW_L3]!
  const message = arena.start(slot) + ETHERNET_MIN + IPV6_MIN
  writeIcmpv6(bytes, message, { type: error.type6, code: error.code6, rest: error.rest })
  bytes.copyWithin(message + ICMPV6_MIN, l3, l3 + quoted)
  finishIpv6(arena, slot, IpProtocol.icmpv6, src, dst, ICMPV6_MIN + quoted, HOP_LIMIT)
  return slot
}
