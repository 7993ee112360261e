/**
 * Fragmentation: RFC 791 §3.2 (by hosts and routers, where the packet allows it) and RFC 8200 §4.5 (by the source only).
 * A slow path: transports that care find the path's MTU out instead.
 */
import {
  fixIpv4Checksum,
  IPV4_MIN,
  Ipv4Flag,
  ipv4Dst,
  ipv4Flags,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4Identification,
  IPV6_FRAGMENT_MIN,
  IPV6_MIN,
  ipv6NextHeader,
  IPV6_DST,
  IpProtocol,
  setIpv4Flags,
  setIpv4FragmentOffset,
  setIpv4Identification,
  setIpv4TotalLength,
  setIpv6NextHeader,
  setIpv6PayloadLength,
  writeIpv6Fragment,
} from '@lodestone/packet'
import { Ip } from '@lodestone/net'
import { NS_DROP } from './drop.ts'
import type { Interface } from './interface.ts'
import { outputIp, outputOn } from './ip-output.ts'
import type { Stack } from './stack.ts'

/** Packets up to this length pass every link (RFC 8200 §5; for IPv4 every link that we know). */
const ALWAYS_FITS = 1280
/** What an IPv4 option says in its first bit: every fragment has it. */
const COPIED = 0x80
const OPTION_END = 0
const OPTION_NOP = 1

/**
 * Sends a packet of this host (starting at its IP header) that is not TCP's: in fragments where it is too long for the way.
 * On `iface` where that is given, else by route. Takes the slot.
 */
export function outputDatagram(stack: Stack, iface: Interface | undefined, slot: number): void {
  const { arena } = stack
  if (arena.length(slot) > ALWAYS_FITS) {
    const mtuBytes = mtuTowards(stack, iface, slot)
    if (arena.length(slot) > mtuBytes) {
      return fragment(stack, slot, mtuBytes, (each) => outputWhole(stack, iface, each))
    }
  }
  outputWhole(stack, iface, slot)
}

function outputWhole(stack: Stack, iface: Interface | undefined, slot: number): void {
  if (iface === undefined) outputIp(stack, slot)
  else outputOn(stack, iface, slot)
}

function mtuTowards(stack: Stack, iface: Interface | undefined, slot: number): number {
  const { bytes } = stack.arena
  const start = stack.arena.start(slot)
  const isV4 = bytes[start]! >>> 4 === 4
  const to = isV4 ? Ip.v4(ipv4Dst(bytes, start)) : Ip.fromBytes(bytes, start + IPV6_DST, 16)
  const out = iface ?? stack.route(to)?.interface
  return Math.min(out?.mtuBytes ?? Infinity, stack.pathMtu.get(to, stack.nowMs))
}

/** Cuts the packet that starts at `slot`'s first byte into fragments of at most `mtuBytes`. Takes the slot. */
export function fragment(stack: Stack, slot: number, mtuBytes: number, send: (slot: number) => void): void {
  const { arena } = stack
  const start = arena.start(slot)
  const isV4 = arena.bytes[start]! >>> 4 === 4
  const header = isV4 ? ipv4HeaderLength(arena.bytes, start) : IPV6_MIN
  const overhead = isV4 ? header : header + IPV6_FRAGMENT_MIN
  const step = (mtuBytes - overhead) & ~7
  if (step <= 0) return stack.drop(slot, NS_DROP.TOO_BIG)
  const length = arena.length(slot) - header
  const identification = identify(stack, slot, isV4)
  for (let from = 0; from < length; from += step) {
    const size = Math.min(step, length - from)
    const piece = stack.allocIp(overhead + size)
    if (piece < 0) break // counted; the receiver will not put it together
    const at = arena.start(piece)
    arena.bytes.copyWithin(at, start, start + header)
    arena.bytes.copyWithin(at + overhead, start + header + from, start + header + from + size)
    if (isV4) finishV4(arena.bytes, at, start, from, size, from + size < length, identification)
    else finishV6(arena.bytes, at, from, size, from + size < length, identification)
    send(piece)
  }
  arena.free(slot)
}

/** A fragment keeps the number it has; a packet of ours gets the next one (RFC 6864 §4). */
function identify(stack: Stack, slot: number, isV4: boolean): number {
  const { bytes } = stack.arena
  const start = stack.arena.start(slot)
  const isOurs = !isV4 || (ipv4Flags(bytes, start) & Ipv4Flag.dontFragment) !== 0
  if (!isOurs) return ipv4Identification(bytes, start)
  stack.fragmentIdentification = (stack.fragmentIdentification + 1) >>> 0
  return stack.fragmentIdentification
}

function finishV4(
  bytes: Uint8Array,
  at: number,
  original: number,
  from: number,
  size: number,
  hasMore: boolean,
  identification: number,
): void {
  const header = ipv4HeaderLength(bytes, at)
  const wasLast = (ipv4Flags(bytes, original) & Ipv4Flag.moreFragments) === 0
  setIpv4TotalLength(bytes, at, header + size)
  setIpv4Identification(bytes, at, identification & 0xffff)
  setIpv4Flags(bytes, at, hasMore || !wasLast ? Ipv4Flag.moreFragments : 0)
  setIpv4FragmentOffset(bytes, at, ipv4FragmentOffset(bytes, original) + from / 8)
  if (from > 0) blankOptions(bytes, at + IPV4_MIN, at + header)
  fixIpv4Checksum(bytes, at)
}

/** Options that belong to the first fragment only become NOPs in the others. */
function blankOptions(bytes: Uint8Array, from: number, end: number): void {
  for (let at = from; at < end;) {
    const kind = bytes[at]!
    if (kind === OPTION_END) return
    const length = kind === OPTION_NOP ? 1 : Math.max(2, bytes[at + 1]!)
    if ((kind & COPIED) === 0) bytes.fill(OPTION_NOP, at, Math.min(end, at + length))
    at += length
  }
}

function finishV6(
  bytes: Uint8Array,
  at: number,
  from: number,
  size: number,
  hasMore: boolean,
  identification: number,
): void {
  writeIpv6Fragment(bytes, at + IPV6_MIN, {
    nextHeader: ipv6NextHeader(bytes, at),
    fragmentOffset: from / 8,
    more: hasMore ? 1 : 0,
    identification,
  })
  setIpv6NextHeader(bytes, at, IpProtocol.fragment)
  setIpv6PayloadLength(bytes, at, IPV6_FRAGMENT_MIN + size)
}
