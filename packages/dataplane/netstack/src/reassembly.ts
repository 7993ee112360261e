/**
 * Reassembly of fragments for this host: RFC 791 §3.2 with the ranges of RFC 815, RFC 8200 §4.5. What fragments can make
 * the stack remember is bounded: packets and bytes, in all and per source; the oldest makes room.
 *
 * Invariant: fragments that overlap are never combined. Their packet is given up, with what still arrives of it (RFC 5722;
 * done for IPv4 too). A fragment that repeats known bytes exactly is a duplicate and is ignored. A mark of congestion on any fragment is
 * one on the packet (RFC 3168 §5.3).
 * NOT IMPLEMENTED: parameter problem messages about odd fragments; they are counted and dropped.
 */
import type { Timer } from '@lodestone/host'
import {
  ETHERNET_MIN,
  fixIpv4Checksum,
  HeaderKind,
  Ipv4Flag,
  ipv4Ecn,
  ipv4Flags,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4Identification,
  ipv4Protocol,
  ipv4Src,
  ipv4Dst,
  ipv6DstWord,
  ipv6Ecn,
  ipv6FragmentFragmentOffset,
  ipv6FragmentIdentification,
  IPV6_FRAGMENT_MIN,
  ipv6FragmentMore,
  IPV6_MIN,
  ipv6NextHeader,
  ipv6SrcWord,
  IpProtocol,
  ROW_END,
  ROW_ERROR_HEADER,
  ROW_L3,
  setIpv4Ecn,
  setIpv4Flags,
  setIpv4FragmentOffset,
  setIpv4TotalLength,
  setIpv6Ecn,
  setIpv6PayloadLength,
} from '@lodestone/packet'
import { NS_DROP, type NsDrop } from './drop.ts'
import { ErrorKind } from './error-kind.ts'
import type { Interface } from './interface.ts'
import { deliverReassembled } from './ip-input.ts'
import type { Stack } from './stack.ts'
import { RangeSet } from './tcp/range-set.ts'
import { CONGESTION_EXPERIENCED } from './tcp/segment.ts'

export interface ReassemblyLimits {
  /** Unfinished packets in all, and of one source. */
  readonly packets: number
  readonly packetsPerSource: number
  /** Bytes held for them. */
  readonly bytes: number
  readonly bytesPerSource: number
  /** RFC 1122 §3.3.2, RFC 8200 §4.5. */
  readonly timeoutMs: number
}

export const DEFAULT_REASSEMBLY_LIMITS: ReassemblyLimits = {
  packets: 256,
  packetsPerSource: 64,
  bytes: 1_000_000,
  bytesPerSource: 250_000,
  timeoutMs: 60_000,
}

/** More holes than this in one packet: no honest path makes them. */
const RANGES = 64
const SMALLEST_BUFFER = 2048

interface Unfinished {
  readonly key: string
  readonly source: string
  readonly interface: Interface
  readonly expiresMs: number
  readonly ranges: RangeSet
  /** The headers in front of the first fragment's payload, already without the fragment header; empty until it came. */
  header: Uint8Array
  payload: Uint8Array
  /** Known once the last fragment came; -1 before. */
  length: number
  /** A fragment had met congestion. */
  isMarked: boolean
  /** Given up: what still comes is dropped, too. */
  isDead: boolean
}

interface SourceUse {
  packets: number
  bytes: number
}

export class Reassembly {
  readonly #stack: Stack
  readonly #limits: ReassemblyLimits
  readonly #largest: number
  // In the order in which they began, which is the order in which they expire.
  readonly #unfinished = new Map<string, Unfinished>()
  readonly #sources = new Map<string, SourceUse>()
  #bytes = 0
  #timer: Timer | undefined
  #armedForMs = Infinity

  constructor(stack: Stack, limits: Partial<ReassemblyLimits>) {
    this.#stack = stack
    this.#limits = { ...DEFAULT_REASSEMBLY_LIMITS, ...limits }
    this.#largest = stack.arena.slotBytes - stack.arena.headroomBytes - ETHERNET_MIN
  }

  /** Packets that wait for fragments, and the bytes held for them. */
  get size(): { readonly packets: number; readonly bytes: number } {
    return { packets: this.#unfinished.size, bytes: this.#bytes }
  }

  /** Takes the fragment described in the stack's row; delivers the packet when it was the last one missing. */
  take(iface: Interface, slot: number, addressed: number): void {
    const { arena, row } = this.#stack
    const l3 = row[ROW_L3]!
    if (arena.bytes[l3]! >>> 4 === 4) this.#takeV4(iface, slot, l3, row[ROW_END]!, addressed)
    else this.#takeV6(iface, slot, l3, row[ROW_END]!, addressed)
  }

  #takeV4(iface: Interface, slot: number, l3: number, end: number, addressed: number): void {
    const { bytes } = this.#stack.arena
    const source = `${ipv4Src(bytes, l3)}`
    const key = `${source} ${ipv4Dst(bytes, l3)} ${ipv4Identification(bytes, l3)} ${ipv4Protocol(bytes, l3)}`
    const isLast = (ipv4Flags(bytes, l3) & Ipv4Flag.moreFragments) === 0
    const offset = ipv4FragmentOffset(bytes, l3) * 8
    const payload = l3 + ipv4HeaderLength(bytes, l3)
    this.#add(iface, slot, key, source, offset, isLast, payload, end, payload, addressed)
  }

  #takeV6(iface: Interface, slot: number, l3: number, end: number, addressed: number): void {
    const { arena, row } = this.#stack
    const { bytes } = arena
    const at = fragmentHeader(bytes, l3, end)
    if (at < 0) return this.#stack.drop(slot, NS_DROP.FRAGMENT)
    let source = ''
    let key = `${ipv6FragmentIdentification(bytes, at)}`
    for (let i = 0; i < 4; i++) {
      source += `${ipv6SrcWord(bytes, l3, i)} `
      key += ` ${ipv6DstWord(bytes, l3, i)}`
    }
    const offset = ipv6FragmentFragmentOffset(bytes, at) * 8
    // RFC 7112: the first fragment has all headers.
    if (offset === 0 && row[ROW_ERROR_HEADER] !== HeaderKind.none) return this.#stack.drop(slot, NS_DROP.MALFORMED)
    const isLast = ipv6FragmentMore(bytes, at) === 0
    this.#add(iface, slot, source + key, source, offset, isLast, at + IPV6_FRAGMENT_MIN, end, at, addressed)
  }

  /** @param headerEnd where the headers end that every fragment repeats. */
  #add(
    iface: Interface,
    slot: number,
    key: string,
    source: string,
    offset: number,
    isLast: boolean,
    payload: number,
    end: number,
    headerEnd: number,
    addressed: number,
  ): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const l3 = stack.row[ROW_L3]!
    const length = end - payload
    const until = offset + length
    // RFC 8200 §4.5: all but the last are multiples of 8 bytes long.
    if (length === 0 || (!isLast && (length & 7) !== 0)) return stack.drop(slot, NS_DROP.FRAGMENT)
    const packet = this.#unfinished.get(key) ?? this.#begin(iface, key, source)
    if (packet.isDead) return stack.drop(slot, NS_DROP.FRAGMENT_OVERLAP)
    if (until + headerEnd - l3 > this.#largest) return this.#giveUp(packet, slot, NS_DROP.FRAGMENT_LIMIT)
    const isBeyond = packet.length >= 0 && (until > packet.length || (isLast && until !== packet.length))
    if (isBeyond || (isLast && packet.ranges.highest > until)) return this.#giveUp(packet, slot, NS_DROP.FRAGMENT)
    const missing = packet.ranges.missing(offset, until)
    if (missing === 0 && isSame(packet.payload, offset, bytes, payload, length)) {
      return stack.hold(slot, 'a fragment that is there already')
    }
    if (missing < length) return this.#giveUp(packet, slot, NS_DROP.FRAGMENT_OVERLAP)
    if (packet.ranges.add(offset, until) < 0 || !this.#reserve(packet, until)) {
      return this.#giveUp(packet, slot, NS_DROP.FRAGMENT_LIMIT)
    }
    packet.payload.set(bytes.subarray(payload, end), offset)
    if (isLast) packet.length = until
    const ecn = bytes[l3]! >>> 4 === 4 ? ipv4Ecn(bytes, l3) : ipv6Ecn(bytes, l3)
    if (ecn === CONGESTION_EXPERIENCED) packet.isMarked = true
    if (offset === 0) packet.header = headerOf(bytes, l3, headerEnd)
    stack.hold(slot, stack.tracer.isOn ? `bytes ${offset} to ${until}` : '')
    if (packet.length >= 0 && packet.ranges.reach(0) === packet.length) this.#finish(iface, packet, addressed)
  }

  #begin(iface: Interface, key: string, source: string): Unfinished {
    const limits = this.#limits
    let use = this.#sources.get(source)
    if (use !== undefined && use.packets >= limits.packetsPerSource) this.#evict(source)
    if (this.#unfinished.size >= limits.packets) this.#evict(undefined)
    use = this.#sources.get(source)
    if (use === undefined) this.#sources.set(source, { packets: 1, bytes: 0 })
    else use.packets++
    const expiresMs = this.#stack.nowMs + limits.timeoutMs
    const packet: Unfinished = {
      key,
      source,
      interface: iface,
      expiresMs,
      ranges: new RangeSet(RANGES),
      header: new Uint8Array(0),
      payload: new Uint8Array(0),
      length: -1,
      isMarked: false,
      isDead: false,
    }
    this.#unfinished.set(key, packet)
    this.#arm()
    return packet
  }

  /** Makes room for `size` bytes of payload. @returns false when the limits do not allow it. */
  #reserve(packet: Unfinished, size: number): boolean {
    const old = packet.payload.length
    if (size <= old) return true
    const length = Math.min(this.#largest, Math.max(size, old * 2, SMALLEST_BUFFER))
    const use = this.#sources.get(packet.source)! // because every unfinished packet is counted there
    const more = length - old
    while (use.bytes + more > this.#limits.bytesPerSource) if (!this.#evict(packet.source, packet)) return false
    while (this.#bytes + more > this.#limits.bytes) if (!this.#evict(undefined, packet)) return false
    const grown = new Uint8Array(length)
    grown.set(packet.payload)
    packet.payload = grown
    use.bytes += more
    this.#bytes += more
    return true
  }

  /** Forgets the oldest packet (of `source`, where that is given) but `spared`. */
  #evict(source: string | undefined, spared?: Unfinished): boolean {
    for (const packet of this.#unfinished.values()) {
      if (packet === spared || (source !== undefined && packet.source !== source)) continue
      this.#forget(packet)
      this.#stack.countDrop(NS_DROP.FRAGMENT_LIMIT)
      return true
    }
    return false
  }

  #giveUp(packet: Unfinished, slot: number, reason: NsDrop): void {
    packet.isDead = true
    this.#release(packet)
    this.#stack.drop(slot, reason)
  }

  #finish(iface: Interface, packet: Unfinished, addressed: number): void {
    const slot = this.#build(packet, packet.length)
    this.#forget(packet)
    if (slot >= 0) deliverReassembled(this.#stack, iface, slot, addressed)
  }

  /** The packet with the first `length` bytes of its payload. @returns -1 (counted) when there is no slot. */
  #build(packet: Unfinished, length: number): number {
    const stack = this.#stack
    const { header } = packet
    const slot = stack.allocIp(header.length + length)
    if (slot < 0) return -1
    const { bytes } = stack.arena
    const at = stack.arena.start(slot)
    bytes.set(header, at)
    bytes.set(packet.payload.subarray(0, length), at + header.length)
    if (bytes[at]! >>> 4 === 4) {
      if (packet.isMarked) setIpv4Ecn(bytes, at, CONGESTION_EXPERIENCED)
      setIpv4TotalLength(bytes, at, header.length + length)
      setIpv4Flags(bytes, at, 0)
      setIpv4FragmentOffset(bytes, at, 0)
      fixIpv4Checksum(bytes, at)
    } else {
      if (packet.isMarked) setIpv6Ecn(bytes, at, CONGESTION_EXPERIENCED)
      setIpv6PayloadLength(bytes, at, header.length - IPV6_MIN + length)
    }
    return slot
  }

  #forget(packet: Unfinished): void {
    this.#release(packet)
    this.#unfinished.delete(packet.key)
    const use = this.#sources.get(packet.source)! // because every unfinished packet is counted there
    if (--use.packets === 0) this.#sources.delete(packet.source)
  }

  #release(packet: Unfinished): void {
    const use = this.#sources.get(packet.source)! // because every unfinished packet is counted there
    use.bytes -= packet.payload.length
    this.#bytes -= packet.payload.length
    packet.payload = new Uint8Array(0)
    packet.ranges.clear()
  }

  #arm(): void {
    if (this.#timer !== undefined) return
    const first = this.#unfinished.values().next().value
    if (first === undefined) return
    this.#armedForMs = first.expiresMs
    this.#timer = this.#stack.clock.after(first.expiresMs - this.#stack.nowMs, this.#expire)
  }

  readonly #expire = (): void => {
    this.#timer = undefined
    const stack = this.#stack
    stack.enter()
    const nowMs = Math.max(stack.nowMs, this.#armedForMs) // now + (due - now) may round to just below it
    for (const packet of this.#unfinished.values()) {
      if (packet.expiresMs > nowMs) break
      if (!packet.isDead) this.#timedOut(packet)
      this.#forget(packet)
    }
    this.#arm()
    stack.leave()
  }

  /** RFC 792, RFC 4443 §3.3 code 1: whoever sent the first fragment is told. */
  #timedOut(packet: Unfinished): void {
    this.#stack.countDrop(NS_DROP.FRAGMENT_TIMEOUT)
    if (packet.header.length === 0) return
    const slot = this.#build(packet, packet.ranges.reach(0))
    if (slot < 0) return
    const { arena, icmp } = this.#stack
    icmp.refuse(packet.interface, slot, arena.start(slot), ErrorKind.reassembly)
    arena.free(slot)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const packet of this.#unfinished.values()) this.#forget(packet)
  }
}

/** Offset of the fragment header behind the headers that every fragment repeats; -1 when there is none. */
function fragmentHeader(bytes: Uint8Array, l3: number, end: number): number {
  let protocol = ipv6NextHeader(bytes, l3)
  let at = l3 + IPV6_MIN
  while (at + IPV6_FRAGMENT_MIN <= end) {
    if (protocol === IpProtocol.fragment) return at
    const length = protocol === IpProtocol.ddm ? bytes[at + 1]! + 1 : (bytes[at + 1]! + 1) * 8
    protocol = bytes[at]!
    at += length
  }
  return -1
}

/** A copy of the headers up to `headerEnd`; in IPv6 the last one then names what the fragment header named. */
function headerOf(bytes: Uint8Array, l3: number, headerEnd: number): Uint8Array {
  const header = bytes.slice(l3, headerEnd)
  if (header[0]! >>> 4 === 4) return header
  const next = bytes[headerEnd]!
  let at = IPV6_MIN
  let field = 6
  let protocol = header[field]!
  while (protocol !== IpProtocol.fragment) {
    field = at
    at += protocol === IpProtocol.ddm ? header[at + 1]! + 1 : (header[at + 1]! + 1) * 8
    protocol = header[field]!
  }
  header[field] = next
  return header
}

function isSame(known: Uint8Array, offset: number, bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (known[offset + i] !== bytes[at + i]) return false
  return true
}
