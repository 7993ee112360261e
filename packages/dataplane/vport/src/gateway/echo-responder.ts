/** Answers pings to the gateway: ICMP (RFC 792) and ICMPv6 (RFC 4443 §4.2). */
import type { Arena } from '@lodestone/frame'
import type { Mac } from '@lodestone/net'
import {
  EtherType,
  ETHERNET_MIN,
  Icmpv6Type,
  IcmpType,
  IPV4_MIN,
  ipv4Dst,
  ipv4Src,
  IPV6_MIN,
  IpProtocol,
  readIpv6Dst,
  readIpv6Src,
  ROW_END,
  ROW_L3,
  ROW_L4,
  setIcmpType,
} from '@lodestone/packet'
import { Drop } from '../drop-reasons.ts'
import { Verdict, type Walk } from '../walk.ts'
import { finishIpv4, finishIpv6, newReply } from './reply-frame.ts'

const HOP_LIMIT = 64

export function answerEcho(walk: Walk, arena: Arena, guest: Mac): Verdict {
  const isV4 = walk.family === 4
  const l3 = walk.row[ROW_L3]!
  const l4 = walk.row[ROW_L4]!
  const end = walk.row[ROW_END]!
  const headerBytes = isV4 ? IPV4_MIN : IPV6_MIN
  const slot = newReply(arena, guest, isV4 ? EtherType.ipv4 : EtherType.ipv6, headerBytes + end - l4)
  if (slot < 0) return walk.deny(Drop.noBuffer, 'no buffer for the echo reply')
  const bytes = arena.bytes
  const message = arena.start(slot) + ETHERNET_MIN + headerBytes
  bytes.copyWithin(message, l4, end)
  // Type and checksum are at the same offsets in both protocols.
  setIcmpType(bytes, message, isV4 ? IcmpType.echoReply : Icmpv6Type.echoReply)
  if (isV4) {
    finishIpv4(arena, slot, IpProtocol.icmp, ipv4Dst(walk.bytes, l3), ipv4Src(walk.bytes, l3), end - l4)
  } else {
    const src = readIpv6Dst(walk.bytes, l3)
    const dst = readIpv6Src(walk.bytes, l3)
    finishIpv6(arena, slot, IpProtocol.icmpv6, src, dst, end - l4, HOP_LIMIT)
  }
  walk.hairpin = slot
  walk.detail = 'echo reply from the gateway'
  return Verdict.hairpin
}
