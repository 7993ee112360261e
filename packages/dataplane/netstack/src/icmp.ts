/**
 * ICMP (RFC 792, RFC 1812 §4.3) and ICMPv6 (RFC 4443): echo, errors sent (rarely enough, RFC 4443 §2.4 f) and errors
 * received, which go to the socket whose packet they quote.
 */
import { Ip } from '@lodestone/net'
import {
  fixTransportChecksum,
  Fragment,
  ICMP_MIN,
  icmpCode,
  icmpIdentifier,
  icmpRest,
  icmpSequence,
  IcmpType,
  icmpType,
  IcmpUnreachable,
  ICMPV6_MIN,
  icmpv6Code,
  Icmpv6Type,
  icmpv6Type,
  Icmpv6Unreachable,
  IPV4_DST,
  IPV4_SRC,
  ipv4Dst,
  ipv4Protocol,
  IPV6_DST,
  IPV6_SRC,
  ipv6NextHeader,
  IpProtocol,
  L3Kind,
  L4Kind,
  parseQuoted,
  ROW_DST_PORT,
  ROW_END,
  ROW_FRAGMENT,
  ROW_L3,
  ROW_L3_KIND,
  ROW_L4,
  ROW_L4_KIND,
  ROW_SIZE,
  ROW_SRC_PORT,
  setIcmpChecksum,
  setIcmpCode,
  setIcmpRest,
  setIcmpType,
  verifyTransportChecksum,
} from '@lodestone/packet'
import { keyOf } from './address-map.ts'
import { NS_DROP } from './drop.ts'
import { ErrorKind } from './error-kind.ts'
import type { Interface } from './interface.ts'
import { TO_GROUP, TO_UNICAST } from './ip-input.ts'
import { outputDatagram } from './fragment.ts'
import { ipHeaderLength, writeIpHeader } from './ip-output.ts'
import { isNdp, ndpInput } from './ndp.ts'
import { Echo } from './ping.ts'
import { LOCAL_UNICAST, type Stack } from './stack.ts'

/** Type and code per kind. */
const V4_CODES: readonly (readonly [number, number])[] = [
  [IcmpType.unreachable, IcmpUnreachable.net],
  [IcmpType.unreachable, IcmpUnreachable.host],
  [IcmpType.unreachable, IcmpUnreachable.protocol],
  [IcmpType.unreachable, IcmpUnreachable.port],
  [IcmpType.unreachable, IcmpUnreachable.fragmentationNeeded],
  [IcmpType.timeExceeded, 0],
  [IcmpType.unreachable, IcmpUnreachable.administrativelyProhibited],
  [IcmpType.timeExceeded, 1],
]
const V6_CODES: readonly (readonly [number, number])[] = [
  [Icmpv6Type.unreachable, Icmpv6Unreachable.noRoute],
  [Icmpv6Type.unreachable, Icmpv6Unreachable.address],
  [Icmpv6Type.parameterProblem, 1],
  [Icmpv6Type.unreachable, Icmpv6Unreachable.port],
  [Icmpv6Type.packetTooBig, 0],
  [Icmpv6Type.timeExceeded, 0],
  [Icmpv6Type.unreachable, Icmpv6Unreachable.administrativelyProhibited],
  [Icmpv6Type.timeExceeded, 1],
]

/** Offset of the next-header field, which "unrecognized next header" points at (RFC 4443 §3.4). */
const NEXT_HEADER_POINTER = 6
/** Whole ICMP error packets are at most this long (RFC 1812 §4.3.2.3, RFC 4443 §2.4 c). */
const LONGEST_ERROR = { 4: 576, 6: 1280 } as const
const HOP_LIMIT = 64
/** Errors per second, and how many may come at once. */
const ERROR_RATE = 100
const ERROR_BURST = 20

export class Icmp {
  readonly echo: Echo
  /** Errors not sent because of the limit. */
  limited = 0
  readonly #stack: Stack
  readonly #quoted = new Int32Array(ROW_SIZE)
  #tokens = ERROR_BURST
  #tokensAtMs = 0

  constructor(stack: Stack) {
    this.#stack = stack
    this.echo = new Echo(stack)
  }

  inputV4(iface: Interface, slot: number, addressed: number): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const l3 = stack.row[ROW_L3]!
    const l4 = stack.row[ROW_L4]!
    const end = stack.row[ROW_END]!
    if (!verifyTransportChecksum(bytes, l3, l4, end)) return stack.drop(slot, NS_DROP.TRANSPORT_CHECKSUM)
    const type = icmpType(bytes, l4)
    if (type === IcmpType.echoRequest && addressed === TO_UNICAST) {
      stack.noteDelivered(slot, l3)
      this.#answerEcho(iface, slot, l3, l4, end, 4)
    } else if (type === IcmpType.echoReply) {
      stack.noteDelivered(slot, l3)
      this.echo.replied(bytes, l3, l4)
    } else {
      const kind = kindOf(V4_CODES, type, icmpCode(bytes, l4))
      if (kind === undefined) return stack.drop(slot, NS_DROP.ICMP_UNHANDLED)
      stack.noteDelivered(slot, l3)
      this.#dispatch(kind, icmpRest(bytes, l4) & 0xffff, l4 + ICMP_MIN, end, Ip.fromBytes(bytes, l3 + IPV4_SRC, 4))
    }
    stack.arena.free(slot)
  }

  inputV6(iface: Interface, slot: number, addressed: number): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const l3 = stack.row[ROW_L3]!
    const l4 = stack.row[ROW_L4]!
    const end = stack.row[ROW_END]!
    if (!verifyTransportChecksum(bytes, l3, l4, end)) return stack.drop(slot, NS_DROP.TRANSPORT_CHECKSUM)
    const type = icmpv6Type(bytes, l4)
    if (isNdp(type)) return ndpInput(stack, iface, slot, l3, l4, end)
    if (type === Icmpv6Type.listenerQuery) return stack.listeners.input(iface, slot, l3, l4, end)
    if (type === Icmpv6Type.echoRequest) {
      stack.noteDelivered(slot, l3)
      this.#answerEcho(iface, slot, l3, l4, end, 6, addressed === TO_GROUP)
    } else if (type === Icmpv6Type.echoReply) {
      stack.noteDelivered(slot, l3)
      this.echo.replied(bytes, l3, l4)
    } else {
      const kind = kindOf(V6_CODES, type, icmpv6Code(bytes, l4))
      if (kind === undefined) return stack.drop(slot, NS_DROP.ICMP_UNHANDLED)
      stack.noteDelivered(slot, l3)
      this.#dispatch(kind, icmpRest(bytes, l4), l4 + ICMPV6_MIN, end, Ip.fromBytes(bytes, l3 + IPV6_SRC, 16))
    }
    stack.arena.free(slot)
  }

  /** The same bytes back to the sender, in a packet of its own. */
  #answerEcho(
    iface: Interface,
    slot: number,
    l3: number,
    l4: number,
    end: number,
    family: 4 | 6,
    isToGroup = false,
  ): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const to = sourceOf(bytes, l3, family)
    const asked = destinationOf(bytes, l3, family)
    const from = isToGroup ? stack.sourceFor(to, iface) : asked
    if (from === undefined || to.isUnspecified || to.isMulticast) return
    const header = ipHeaderLength(family)
    const reply = stack.allocIp(header + end - l4)
    if (reply < 0) return
    const at = stack.arena.start(reply)
    const protocol = family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6
    writeIpHeader(stack, reply, from, to, protocol, HOP_LIMIT)
    bytes.copyWithin(at + header, l4, end)
    setIcmpType(bytes, at + header, family === 4 ? IcmpType.echoReply : Icmpv6Type.echoReply)
    fixTransportChecksum(bytes, at, at + header, stack.arena.end(reply))
    this.#send(iface, reply, to)
  }

  /**
   * Tells the sender of the packet at `l3` of `slot` why it went no further. The slot stays the caller's.
   * @param info the MTU, for `tooBig`.
   */
  refuse(iface: Interface, slot: number, l3: number, kind: ErrorKind, info = 0): void {
    const stack = this.#stack
    const { arena } = stack
    const { bytes } = arena
    const end = arena.end(slot)
    const family = bytes[l3]! >>> 4 === 4 ? 4 : 6
    const to = sourceOf(bytes, l3, family)
    if (!this.#mayRefuse(bytes, l3, end, to, family, kind) || !this.#takeToken()) return
    const asked = destinationOf(bytes, l3, family)
    const isOwn = stack.localKind(iface, keyOf(asked)) === LOCAL_UNICAST
    const from = isOwn ? asked : stack.sourceFor(to, iface)
    if (from === undefined) return
    const header = ipHeaderLength(family)
    const quoted = Math.min(end - l3, LONGEST_ERROR[family] - header - ICMP_MIN)
    const error = stack.allocIp(header + ICMP_MIN + quoted)
    if (error < 0) return
    const at = arena.start(error)
    const l4 = at + header
    const [type, code] = (family === 4 ? V4_CODES : V6_CODES)[kind]!
    writeIpHeader(stack, error, from, to, family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6, HOP_LIMIT)
    setIcmpType(bytes, l4, type)
    setIcmpCode(bytes, l4, code)
    setIcmpChecksum(bytes, l4, 0)
    setIcmpRest(bytes, l4, kind === ErrorKind.protocol && family === 6 ? NEXT_HEADER_POINTER : info)
    bytes.copyWithin(l4 + ICMP_MIN, l3, l3 + quoted)
    fixTransportChecksum(bytes, at, l4, arena.end(error))
    this.#send(iface, error, to)
  }

  /**
   * A packet of this host (or one it forwards), starting at its IP header, cannot be sent: the socket hears of it at
   * once, another host by ICMP. The slot stays the caller's.
   */
  failed(slot: number, kind: ErrorKind, info: number): void {
    const stack = this.#stack
    const { arena } = stack
    const start = arena.start(slot)
    const family = arena.bytes[start]! >>> 4 === 4 ? 4 : 6
    const source = sourceOf(arena.bytes, start, family)
    if (stack.localAddresses.get(0, keyOf(source)) === LOCAL_UNICAST || (family === 6 && source.isLinkLocal)) {
      this.#dispatch(kind, info, start, arena.end(slot), source)
    } else {
      this.refuse(stack.loopback.interface, slot, start, kind, info)
    }
  }

  #send(iface: Interface, slot: number, to: Ip): void {
    outputDatagram(this.#stack, to.family === 6 && to.isLinkLocal ? iface : undefined, slot)
  }

  /** RFC 1812 §4.3.2.7, RFC 4443 §2.4 e. */
  #mayRefuse(bytes: Uint8Array, l3: number, end: number, to: Ip, family: 4 | 6, kind: ErrorKind): boolean {
    const quoted = this.#quoted
    if (to.isUnspecified || to.isMulticast || (family === 4 && to.word(0) === 0xffffffff)) return false
    const asked = destinationOf(bytes, l3, family)
    const isGroup = asked.isMulticast || (family === 4 && ipv4Dst(bytes, l3) === 0xffffffff)
    if (isGroup && !(family === 6 && kind === ErrorKind.tooBig)) return false
    parseQuoted(bytes, l3, end, quoted)
    if (quoted[ROW_FRAGMENT] === Fragment.later) return false
    const l4 = quoted[ROW_L4]!
    if (l4 < 0 || l4 >= end) return true
    if (quoted[ROW_L4_KIND] === L4Kind.icmp) {
      const type = icmpType(bytes, l4)
      return type === IcmpType.echoRequest || type === IcmpType.echoReply
    }
    if (quoted[ROW_L4_KIND] === L4Kind.icmpv6) return icmpv6Type(bytes, l4) >= 128 && !isNdp(icmpv6Type(bytes, l4))
    return true
  }

  #takeToken(): boolean {
    const nowMs = this.#stack.nowMs
    this.#tokens = Math.min(ERROR_BURST, this.#tokens + ((nowMs - this.#tokensAtMs) * ERROR_RATE) / 1000)
    this.#tokensAtMs = nowMs
    if (this.#tokens < 1) {
      this.limited++
      return false
    }
    this.#tokens--
    return true
  }

  /**
   * An error about the packet quoted from `at` to `end`: finds whose it was. `by` reported it. Anybody can make one up, so what it says of
   * the path's MTU counts only where a socket may have sent that packet (RFC 5927 §7, RFC 8201 §4).
   */
  #dispatch(kind: ErrorKind, info: number, at: number, end: number, by: Ip): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const quoted = this.#quoted
    if (parseQuoted(bytes, at, end, quoted) < 0 || quoted[ROW_FRAGMENT] === Fragment.later) return
    const family = quoted[ROW_L3_KIND] === L3Kind.ipv4 ? 4 : 6
    const to = destinationOf(bytes, at, family)
    const l4 = quoted[ROW_L4]!
    const protocol = family === 4 ? ipv4Protocol(bytes, at) : ipv6NextHeader(bytes, at)
    const from = sourceOf(bytes, at, family)
    if (quoted[ROW_L4_KIND] === L4Kind.tcp && end - l4 >= 8) {
      stack.tcp.onError(kind, info, from, quoted[ROW_SRC_PORT]!, to, quoted[ROW_DST_PORT]!, wordAt(bytes, l4 + 4))
    } else if (protocol === IpProtocol.icmp || protocol === IpProtocol.icmpv6) {
      if (end - l4 < 8) return
      const isAwaited = this.echo.failed(kind, icmpIdentifier(bytes, l4), icmpSequence(bytes, l4), by)
      if (isAwaited && kind === ErrorKind.tooBig) stack.pathMtu.learn(to, info, stack.nowMs)
    } else if (kind === ErrorKind.tooBig && quoted[ROW_L4_KIND] === L4Kind.udp) {
      if (stack.udp.isBound(quoted[ROW_SRC_PORT]!)) stack.pathMtu.learn(to, info, stack.nowMs)
    }
  }
}

function kindOf(codes: readonly (readonly [number, number])[], type: number, code: number): ErrorKind | undefined {
  for (let kind = 0; kind < codes.length; kind++) {
    // because the tables are indexed by kind
    if (codes[kind]![0] === type && codes[kind]![1] === code) return kind as ErrorKind
  }
  if (type === codes[ErrorKind.net]![0]) return ErrorKind.prohibited
  return type === codes[ErrorKind.timeExceeded]![0] ? ErrorKind.timeExceeded : undefined
}

function sourceOf(bytes: Uint8Array, l3: number, family: 4 | 6): Ip {
  return family === 4 ? Ip.fromBytes(bytes, l3 + IPV4_SRC, 4) : Ip.fromBytes(bytes, l3 + IPV6_SRC, 16)
}

function destinationOf(bytes: Uint8Array, l3: number, family: 4 | 6): Ip {
  return family === 4 ? Ip.fromBytes(bytes, l3 + IPV4_DST, 4) : Ip.fromBytes(bytes, l3 + IPV6_DST, 16)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
