/**
 * The internet checksum: RFC 1071 sums, pseudo-headers (RFC 9293 §3.1, RFC 8200 §8.1), incremental update (RFC 1624).
 *
 * A *sum* is a non-negative number below 2^32 that is congruent to the ones' complement sum of big-endian 16-bit words;
 * a *checksum* is the 16-bit complement that goes on the wire. Parts of a message may be summed apart and added, as long
 * as every part but the last has an even length.
 */
import { IpProtocol } from './constants.ts'
import { ICMPV6_CHECKSUM, ICMPV6_MIN } from './generated/icmpv6.ts'
import { ICMP_CHECKSUM, ICMP_MIN } from './generated/icmp.ts'
import { IPV4_SRC, ipv4HeaderLength, ipv4Protocol, setIpv4Checksum } from './generated/ipv4.ts'
import { IPV6_MIN, IPV6_SRC, ipv6NextHeader } from './generated/ipv6.ts'
import { TCP_CHECKSUM, TCP_MIN } from './generated/tcp.ts'
import { UDP_CHECKSUM, UDP_MIN, udpLength } from './generated/udp.ts'

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Below this many bytes the plain loop wins. */
const WORD_LOOP_BYTES = 64
/** From this many bytes on, making a word view of bytes not seen last time is worth its cost. */
const NEW_VIEW_BYTES = 256

// The word view of the bytes summed last. An arena is one object for its whole life, so this hits nearly always.
let viewedBytes: Uint8Array = new Uint8Array(0)
let words: Uint32Array = new Uint32Array(0)
let viewedOffset = 0

/** Adds the bytes from `start` to `end` to `sum`. An odd last byte counts as if a zero followed. */
export function sumBytes(bytes: Uint8Array, start: number, end: number, sum = 0): number {
  const length = end - start
  if (length >= WORD_LOOP_BYTES && (bytes === viewedBytes || length >= NEW_VIEW_BYTES)) {
    return sum + sumWords(bytes, start, end)
  }
  let total = sum
  let i = start
  for (; i + 1 < end; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  if (i < end) total += bytes[i]! << 8
  return total
}

/** The same, over 32-bit words in the machine's byte order; the sum does not care, up to a swap at the end (RFC 1071 §2B). */
function sumWords(bytes: Uint8Array, start: number, end: number): number {
  if (bytes !== viewedBytes) {
    viewedBytes = bytes
    viewedOffset = bytes.byteOffset
    words = new Uint32Array(bytes.buffer, 0, bytes.buffer.byteLength >>> 2)
  }
  // Sums 16-bit words that are aligned in the buffer, which need not be those aligned to `start`.
  let total = 0
  let i = start
  while (((viewedOffset + i) & 3) !== 0) {
    total += ((viewedOffset + i) & 1) === 0 ? bytes[i]! << 8 : bytes[i]!
    i++
  }
  let word = (viewedOffset + i) >>> 2
  const lastWord = (viewedOffset + end) >>> 2
  // Doubles hold sums of 32-bit words exactly, up to 2^21 words; four of them keep the additions independent.
  let first = 0
  let second = 0
  let third = 0
  let fourth = 0
  for (; word + 4 <= lastWord; word += 4) {
    first += words[word]!
    second += words[word + 1]!
    third += words[word + 2]!
    fourth += words[word + 3]!
  }
  for (; word < lastWord; word++) first += words[word]!
  const all = first + second + third + fourth
  const low = all >>> 0
  const native = fold((low & 0xffff) + (low >>> 16) + Math.floor(all / 4294967296))
  total += isLittleEndian ? swap(native) : native
  for (i = word * 4 - viewedOffset; i < end; i++) {
    total += ((viewedOffset + i) & 1) === 0 ? bytes[i]! << 8 : bytes[i]!
  }
  const folded = fold(total)
  return ((viewedOffset + start) & 1) === 0 ? folded : swap(folded)
}

function fold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return folded
}

function swap(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8)
}

/** The checksum of a sum. */
export function finishChecksum(sum: number): number {
  return ~fold(sum) & 0xffff
}

/** Sum of the IPv4 pseudo-header. `length` is that of the transport header and its payload. */
export function pseudoSumIpv4(bytes: Uint8Array, l3: number, protocol: number, length: number): number {
  return sumBytes(bytes, l3 + IPV4_SRC, l3 + IPV4_SRC + 8, protocol + length)
}

/**
 * Sum of the IPv6 pseudo-header. `protocol` is that of the transport header, whatever extension headers come before it.
 * NOT IMPLEMENTED: the final destination of a routing header (RFC 8200 §8.1); the destination in the header is used.
 */
export function pseudoSumIpv6(bytes: Uint8Array, l3: number, protocol: number, length: number): number {
  return sumBytes(bytes, l3 + IPV6_SRC, l3 + IPV6_SRC + 32, protocol + (length >>> 16) + (length & 0xffff))
}

/**
 * The checksum after a 16-bit word under it changed from `before` to `after` (RFC 1624 equation 3). Equal to a full
 * computation unless everything summed is zero, which a version or protocol number rules out.
 * A UDP checksum of 0 means none: leave it alone; a result of 0 is sent as 0xffff (`nonzeroUdpChecksum`).
 */
export function updateChecksum16(checksum: number, before: number, after: number): number {
  return finishChecksum((~checksum & 0xffff) + (~before & 0xffff) + (after & 0xffff))
}

/** The same for a 32-bit word at an even offset of the message. */
export function updateChecksum32(checksum: number, before: number, after: number): number {
  return finishChecksum(
    (~checksum & 0xffff) +
      (~before & 0xffff) +
      ((~before >>> 16) & 0xffff) +
      (after & 0xffff) +
      ((after >>> 16) & 0xffff),
  )
}

/** What UDP sends for a computed checksum: 0 would mean that there is none (RFC 768, RFC 8200 §8.1). */
export function nonzeroUdpChecksum(computed: number): number {
  return computed === 0 ? 0xffff : computed
}

/** Computes and stores the IPv4 header checksum. */
export function fixIpv4Checksum(bytes: Uint8Array, l3: number): void {
  setIpv4Checksum(bytes, l3, 0)
  setIpv4Checksum(bytes, l3, finishChecksum(sumBytes(bytes, l3, l3 + ipv4HeaderLength(bytes, l3))))
}

export function verifyIpv4Checksum(bytes: Uint8Array, l3: number): boolean {
  return finishChecksum(sumBytes(bytes, l3, l3 + ipv4HeaderLength(bytes, l3))) === 0
}

/**
 * Computes and stores the checksum of the TCP, UDP, ICMP or ICMPv6 message at `l4` of the checked IP packet at `l3`,
 * which ends at `end`.
 * @returns false, with nothing changed, when the protocol is none of these or the message is too short.
 */
export function fixTransportChecksum(bytes: Uint8Array, l3: number, l4: number, end: number): boolean {
  const protocol = transportProtocol(bytes, l3, l4)
  const at = checksumOffset(protocol, bytes[l3]! >>> 4, end - l4)
  if (at < 0) return false
  bytes[l4 + at] = 0
  bytes[l4 + at + 1] = 0
  const checksum = finishChecksum(transportSum(bytes, l3, l4, end, protocol))
  const sent = protocol === IpProtocol.udp ? nonzeroUdpChecksum(checksum) : checksum
  bytes[l4 + at] = sent >>> 8
  bytes[l4 + at + 1] = sent
  return true
}

/**
 * Whether the checksum of the message at `l4` is right. A UDP checksum of 0 is right over IPv4 and wrong over IPv6 (a
 * tunnel that allows it, RFC 6935, does not ask). Protocols without a known checksum are right.
 */
export function verifyTransportChecksum(bytes: Uint8Array, l3: number, l4: number, end: number): boolean {
  const protocol = transportProtocol(bytes, l3, l4)
  const version = bytes[l3]! >>> 4
  const at = checksumOffset(protocol, version, end - l4)
  if (at === UNKNOWN_PROTOCOL) return true
  if (at < 0) return false
  if (protocol === IpProtocol.udp && bytes[l4 + at] === 0 && bytes[l4 + at + 1] === 0) return version === 4
  return finishChecksum(transportSum(bytes, l3, l4, end, protocol)) === 0
}

const UNKNOWN_PROTOCOL = -1
const MESSAGE_TOO_SHORT = -2

/** Byte offset of the checksum in the transport header, or why there is none. */
function checksumOffset(protocol: number, version: number, length: number): number {
  switch (protocol) {
    case IpProtocol.tcp:
      return length < TCP_MIN ? MESSAGE_TOO_SHORT : TCP_CHECKSUM
    case IpProtocol.udp:
      return length < UDP_MIN ? MESSAGE_TOO_SHORT : UDP_CHECKSUM
    case IpProtocol.icmp:
      return version !== 4 ? UNKNOWN_PROTOCOL : length < ICMP_MIN ? MESSAGE_TOO_SHORT : ICMP_CHECKSUM
    case IpProtocol.icmpv6:
      return version !== 6 ? UNKNOWN_PROTOCOL : length < ICMPV6_MIN ? MESSAGE_TOO_SHORT : ICMPV6_CHECKSUM
    default:
      return UNKNOWN_PROTOCOL
  }
}

function transportSum(bytes: Uint8Array, l3: number, l4: number, end: number, protocol: number): number {
  let length = end - l4
  if (protocol === IpProtocol.udp) {
    // The UDP length rules what is covered; bytes after it belong to the IP packet only.
    const claimed = udpLength(bytes, l4)
    if (claimed >= UDP_MIN && claimed < length) length = claimed
  }
  const pseudo =
    protocol === IpProtocol.icmp
      ? 0
      : bytes[l3]! >>> 4 === 4
        ? pseudoSumIpv4(bytes, l3, protocol, length)
        : pseudoSumIpv6(bytes, l3, protocol, length)
  return sumBytes(bytes, l4, l4 + length, pseudo)
}

/** The protocol of the header at `l4`: the IP header's, or that of the last extension header before `l4`. */
function transportProtocol(bytes: Uint8Array, l3: number, l4: number): number {
  if (bytes[l3]! >>> 4 === 4) return ipv4Protocol(bytes, l3)
  let protocol = ipv6NextHeader(bytes, l3)
  let at = l3 + IPV6_MIN
  while (at < l4) {
    const length =
      protocol === IpProtocol.fragment ? 8 : protocol === IpProtocol.ddm ? bytes[at + 1]! + 1 : (bytes[at + 1]! + 1) * 8
    protocol = bytes[at]!
    at += length
  }
  return at === l4 ? protocol : -1
}
