/**
 * Makes a frame what its walk decided, field by field, with the packet library's setters and incremental checksums. The
 * fast path (`replay.ts`) does the same from a row of words; a property test holds the two together.
 */
import type { Arena } from '@lodestone/frame'
import {
  fixTransportChecksum,
  IPV4_DST,
  IPV4_SRC,
  ipv4Checksum,
  IPV6_DST,
  IPV6_SRC,
  IpProtocol,
  L3Kind,
  ROW_END,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  setEthernetDst,
  setEthernetSrc,
  setIpv4Checksum,
  setIpv6Ecn,
  updateChecksum16,
  updateChecksum32,
  verifyTransportChecksum,
} from '@lodestone/packet'
import { carried, markOf, setMark } from './congestion-mark.ts'
import { encapsulationBytes, writeEncapsulation } from './encapsulation.ts'
import { checksumAt, dstAt, portsAt } from './flow-key.ts'
import { rewriteQuote } from './icmp-quote.ts'
import type { Walk } from './walk.ts'

/** Byte offsets in a transport header, by protocol; ports are at 0 and 2, the ICMP identifier at 4. */
export const ICMP_IDENTIFIER_AT = 4

/**
 * Rewrites the frame in place and puts the encapsulation in front. The frame is cut after its IP packet: Ethernet
 * padding does not travel.
 * @returns false when the slot has no room in front.
 */
export function applyWalk(walk: Walk, arena: Arena, slot: number, underlaySource: Uint8Array): boolean {
  // Inbound, what was around the frame is left behind.
  arena.shift(slot, walk.start - arena.start(slot))
  arena.setLength(slot, walk.row[ROW_END]! - walk.start)
  if (walk.family !== 0) {
    const quote = walk.quote
    const l3 = walk.row[ROW_L3]!
    const l4 = walk.row[ROW_L4]!
    const end = walk.row[ROW_END]!
    // A damaged message must stay recognisably damaged.
    if (quote !== undefined && verifyTransportChecksum(walk.bytes, l3, l4, end)) {
      rewriteAddresses(walk)
      rewriteQuote(walk, quote)
      fixTransportChecksum(walk.bytes, l3, l4, end)
    } else {
      rewriteAddresses(walk)
      rewritePorts(walk)
    }
  }
  if (walk.etherDst !== undefined) setEthernetDst(walk.bytes, walk.start, walk.etherDst)
  if (walk.etherSrc !== undefined) setEthernetSrc(walk.bytes, walk.start, walk.etherSrc)
  const encapsulation = walk.encapsulation
  if (encapsulation === undefined) {
    if (walk.outerIp >= 0 && walk.family !== 0) carryMark(walk, walk.family)
    return true
  }
  const innerBytes = arena.length(slot)
  if (!arena.shift(slot, -encapsulationBytes(encapsulation))) return false
  writeEncapsulation(walk.bytes, arena.start(slot), encapsulation, underlaySource, walk.entropy, innerBytes)
  if (walk.family !== 0) setIpv6Ecn(walk.bytes, arena.start(slot), markOf(walk.bytes, walk.row[ROW_L3]!, walk.family))
  return true
}

/** The underlay's mark, out of the tunnel. */
function carryMark({ bytes, view, outerIp, row }: Walk, family: 4 | 6): void {
  const l3 = row[ROW_L3]!
  const inner = markOf(bytes, l3, family)
  const mark = carried(markOf(bytes, outerIp, 6), inner)
  if (mark !== inner) setMark(view, bytes, l3, family, mark)
}

function rewriteAddresses(walk: Walk): void {
  const family = walk.family as 4 | 6 // because the caller checked
  const count = family === 4 ? 1 : 4
  for (let i = 0; i < count; i++) rewriteWord(walk, i, (family === 4 ? IPV4_SRC : IPV6_SRC) + i * 4)
  const dst = dstAt(family)
  for (let i = 0; i < count; i++) rewriteWord(walk, dst + i, (family === 4 ? IPV4_DST : IPV6_DST) + i * 4)
}

function rewriteWord(walk: Walk, index: number, offset: number): void {
  const before = walk.key[index]!
  const after = walk.current[index]!
  if (before === after) return
  const { bytes, view, row } = walk
  const l3 = row[ROW_L3]!
  view.setInt32(l3 + offset, after)
  if (row[ROW_L3_KIND] === L3Kind.ipv4) {
    setIpv4Checksum(bytes, l3, updateChecksum32(ipv4Checksum(bytes, l3), before, after))
  }
  // The pseudo-header covers addresses, except that ICMP for IPv4 has none.
  if (walk.protocol === IpProtocol.icmp || !walk.hasTransport) return
  const at = row[ROW_L4]! + checksumAt(walk.protocol)
  const checksum = view.getUint16(at)
  if (isUnchecked(walk, checksum)) return
  storeChecksum(walk, at, updateChecksum32(checksum, before, after))
}

function rewritePorts(walk: Walk): void {
  if (!walk.hasTransport) return
  const at = portsAt(walk.family)
  const before = walk.key[at]!
  const after = walk.current[at]!
  if (walk.isIcmp) {
    rewriteHalf(walk, ICMP_IDENTIFIER_AT, before >>> 16, after >>> 16)
  } else {
    rewriteHalf(walk, 0, before >>> 16, after >>> 16)
    rewriteHalf(walk, 2, before & 0xffff, after & 0xffff)
  }
}

function rewriteHalf(walk: Walk, offset: number, before: number, after: number): void {
  if (before === after) return
  const l4 = walk.row[ROW_L4]!
  walk.view.setUint16(l4 + offset, after)
  const at = l4 + checksumAt(walk.protocol)
  const checksum = walk.view.getUint16(at)
  if (!isUnchecked(walk, checksum)) storeChecksum(walk, at, updateChecksum16(checksum, before, after))
}

/** A UDP checksum of 0 means that there is none, and so it stays. */
function isUnchecked(walk: Walk, checksum: number): boolean {
  return walk.protocol === IpProtocol.udp && checksum === 0
}

function storeChecksum(walk: Walk, at: number, checksum: number): void {
  // RFC 768: a UDP checksum that comes out as 0 is sent as 0xffff.
  walk.view.setUint16(at, walk.protocol === IpProtocol.udp && checksum === 0 ? 0xffff : checksum)
}
