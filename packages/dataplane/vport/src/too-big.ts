/**
 * Tells the guest that a packet is too large for its path: ICMP fragmentation needed (RFC 792, RFC 1191 §4) or ICMPv6
 * packet too big (RFC 4443 §3.2), from the gateway. It is sent for IPv4 packets without "don't fragment" too, because
 * nobody here fragments.
 */
import type { Arena } from '@lodestone/frame'
import {
  ETHERNET_MIN,
  EtherType,
  ICMP_MIN,
  ICMPV6_MIN,
  Icmpv6Type,
  IcmpType,
  IcmpUnreachable,
  IPV4_MIN,
  ipv4Src,
  IPV6_MIN,
  IpProtocol,
  readIpv6Src,
  ROW_END,
  ROW_L3,
  writeIcmp,
  writeIcmpv6,
} from '@lodestone/packet'
import { finishIpv4, finishIpv6, newReply } from './gateway/reply-frame.ts'
import type { PortConfig } from './port-config.ts'
import type { Walk } from './walk.ts'

/** Largest error packet, IP header included: RFC 1812 §4.3.2.3 and RFC 4443 §2.4(c). */
const LARGEST_ERROR4 = 576
const LARGEST_ERROR6 = 1280

/** @returns the slot of a frame for the guest, or -1. */
export function tooBigReply(walk: Walk, arena: Arena, config: PortConfig, limitBytes: number): number {
  const l3 = walk.row[ROW_L3]!
  const quoteEnd = walk.row[ROW_END]!
  const bytes = arena.bytes
  if (walk.family === 4 && config.ip4 !== undefined) {
    const quoted = Math.min(quoteEnd - l3, LARGEST_ERROR4 - IPV4_MIN - ICMP_MIN)
    const slot = newReply(arena, config.mac, EtherType.ipv4, IPV4_MIN + ICMP_MIN + quoted)
    if (slot < 0) return -1
    const message = arena.start(slot) + ETHERNET_MIN + IPV4_MIN
    writeIcmp(bytes, message, {
      type: IcmpType.unreachable,
      code: IcmpUnreachable.fragmentationNeeded,
      rest: limitBytes,
    })
    bytes.copyWithin(message + ICMP_MIN, l3, l3 + quoted)
    const gateway = config.ip4.gateway.word(0)
    finishIpv4(arena, slot, IpProtocol.icmp, gateway, ipv4Src(walk.bytes, l3), ICMP_MIN + quoted)
    return slot
  }
  if (walk.family === 6 && config.ip6 !== undefined) {
    const quoted = Math.min(quoteEnd - l3, LARGEST_ERROR6 - IPV6_MIN - ICMPV6_MIN)
    const slot = newReply(arena, config.mac, EtherType.ipv6, IPV6_MIN + ICMPV6_MIN + quoted)
    if (slot < 0) return -1
    const message = arena.start(slot) + ETHERNET_MIN + IPV6_MIN
    writeIcmpv6(bytes, message, { type: Icmpv6Type.packetTooBig, rest: limitBytes })
    bytes.copyWithin(message + ICMPV6_MIN, l3, l3 + quoted)
    const gateway = config.ip6.gateway.bytes
    finishIpv6(arena, slot, IpProtocol.icmpv6, gateway, readIpv6Src(walk.bytes, l3), ICMPV6_MIN + quoted, 64)
    return slot
  }
  return -1
}
