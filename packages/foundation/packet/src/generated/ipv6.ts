/**
 * IPv6: RFC 8200 §3, RFC 2474, RFC 3168.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { IpProtocol, nameOf } from '../constants.ts'
import { formatHex, formatIpv6 } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const IPV6_MIN = 40
export const IPV6_VERSION = 0
export const IPV6_DSCP = 0
export const IPV6_ECN = 1
export const IPV6_FLOW_LABEL = 1
export const IPV6_PAYLOAD_LENGTH = 4
export const IPV6_NEXT_HEADER = 6
export const IPV6_HOP_LIMIT = 7
export const IPV6_SRC = 8
export const IPV6_DST = 24

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkIpv6(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 40) return ParseError.truncated
  if (ipv6Version(bytes, offset) !== 6) return ParseError.badVersion
  if (ipv6PayloadLength(bytes, offset) + 40 > end - offset) return ParseError.truncated
  return 40
}

/** As `checkIpv6`, but the payload may be cut short: for packets quoted in ICMP errors, and first fragments. */
export function checkIpv6Quoted(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 40) return ParseError.truncated
  if (ipv6Version(bytes, offset) !== 6) return ParseError.badVersion
  return 40
}

/** Length in bytes of a header that passed its check. */
export function ipv6HeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 40
}

/** IPv6 version, 4 bits. */
export function ipv6Version(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! >>> 4
}
export function setIpv6Version(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0xf) | ((value << 4) & 0xf0)
}

/** IPv6 dscp, 6 bits. */
export function ipv6Dscp(bytes: Uint8Array, offset: number): number {
  return (((bytes[offset]! << 8) | bytes[offset + 1]!) >>> 6) & 0x3f
}
export function setIpv6Dscp(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0xf0) | ((value >>> 2) & 0xf)
  bytes[offset + 1] = (bytes[offset + 1]! & 0x3f) | ((value << 6) & 0xc0)
}

/** IPv6 ecn, 2 bits. */
export function ipv6Ecn(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 1]! >>> 4) & 0x3
}
export function setIpv6Ecn(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = (bytes[offset + 1]! & 0xcf) | ((value << 4) & 0x30)
}

/** IPv6 flowLabel, 20 bits. */
export function ipv6FlowLabel(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) & 0xfffff
}
export function setIpv6FlowLabel(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = (bytes[offset + 1]! & 0xf0) | ((value >>> 16) & 0xf)
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** IPv6 payloadLength, 16 bits: bytes after this header. */
export function ipv6PayloadLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! << 8) | bytes[offset + 5]!
}
export function setIpv6PayloadLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 8
  bytes[offset + 5] = value
}

/** IPv6 nextHeader, 8 bits. */
export function ipv6NextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 6]!
}
export function setIpv6NextHeader(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = value
}

/** IPv6 hopLimit, 8 bits. */
export function ipv6HopLimit(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 7]!
}
export function setIpv6HopLimit(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 7] = value
}

/** IPv6 src, 16 bytes. */
export function copyIpv6Src(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  out[outOffset] = bytes[offset + 8]!
  out[outOffset + 1] = bytes[offset + 9]!
  out[outOffset + 2] = bytes[offset + 10]!
  out[outOffset + 3] = bytes[offset + 11]!
  out[outOffset + 4] = bytes[offset + 12]!
  out[outOffset + 5] = bytes[offset + 13]!
  out[outOffset + 6] = bytes[offset + 14]!
  out[outOffset + 7] = bytes[offset + 15]!
  out[outOffset + 8] = bytes[offset + 16]!
  out[outOffset + 9] = bytes[offset + 17]!
  out[outOffset + 10] = bytes[offset + 18]!
  out[outOffset + 11] = bytes[offset + 19]!
  out[outOffset + 12] = bytes[offset + 20]!
  out[outOffset + 13] = bytes[offset + 21]!
  out[outOffset + 14] = bytes[offset + 22]!
  out[outOffset + 15] = bytes[offset + 23]!
}
export function setIpv6Src(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  bytes[offset + 8] = source[sourceOffset]!
  bytes[offset + 9] = source[sourceOffset + 1]!
  bytes[offset + 10] = source[sourceOffset + 2]!
  bytes[offset + 11] = source[sourceOffset + 3]!
  bytes[offset + 12] = source[sourceOffset + 4]!
  bytes[offset + 13] = source[sourceOffset + 5]!
  bytes[offset + 14] = source[sourceOffset + 6]!
  bytes[offset + 15] = source[sourceOffset + 7]!
  bytes[offset + 16] = source[sourceOffset + 8]!
  bytes[offset + 17] = source[sourceOffset + 9]!
  bytes[offset + 18] = source[sourceOffset + 10]!
  bytes[offset + 19] = source[sourceOffset + 11]!
  bytes[offset + 20] = source[sourceOffset + 12]!
  bytes[offset + 21] = source[sourceOffset + 13]!
  bytes[offset + 22] = source[sourceOffset + 14]!
  bytes[offset + 23] = source[sourceOffset + 15]!
}
/** A copy of the 16 bytes (allocates). */
export function readIpv6Src(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 8, offset + 24))
}
/** Unsigned 32-bit word `index`, 0 to 3, the first being the most significant. */
export function ipv6SrcWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 8 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

/** IPv6 dst, 16 bytes. */
export function copyIpv6Dst(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  out[outOffset] = bytes[offset + 24]!
  out[outOffset + 1] = bytes[offset + 25]!
  out[outOffset + 2] = bytes[offset + 26]!
  out[outOffset + 3] = bytes[offset + 27]!
  out[outOffset + 4] = bytes[offset + 28]!
  out[outOffset + 5] = bytes[offset + 29]!
  out[outOffset + 6] = bytes[offset + 30]!
  out[outOffset + 7] = bytes[offset + 31]!
  out[outOffset + 8] = bytes[offset + 32]!
  out[outOffset + 9] = bytes[offset + 33]!
  out[outOffset + 10] = bytes[offset + 34]!
  out[outOffset + 11] = bytes[offset + 35]!
  out[outOffset + 12] = bytes[offset + 36]!
  out[outOffset + 13] = bytes[offset + 37]!
  out[outOffset + 14] = bytes[offset + 38]!
  out[outOffset + 15] = bytes[offset + 39]!
}
export function setIpv6Dst(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  bytes[offset + 24] = source[sourceOffset]!
  bytes[offset + 25] = source[sourceOffset + 1]!
  bytes[offset + 26] = source[sourceOffset + 2]!
  bytes[offset + 27] = source[sourceOffset + 3]!
  bytes[offset + 28] = source[sourceOffset + 4]!
  bytes[offset + 29] = source[sourceOffset + 5]!
  bytes[offset + 30] = source[sourceOffset + 6]!
  bytes[offset + 31] = source[sourceOffset + 7]!
  bytes[offset + 32] = source[sourceOffset + 8]!
  bytes[offset + 33] = source[sourceOffset + 9]!
  bytes[offset + 34] = source[sourceOffset + 10]!
  bytes[offset + 35] = source[sourceOffset + 11]!
  bytes[offset + 36] = source[sourceOffset + 12]!
  bytes[offset + 37] = source[sourceOffset + 13]!
  bytes[offset + 38] = source[sourceOffset + 14]!
  bytes[offset + 39] = source[sourceOffset + 15]!
}
/** A copy of the 16 bytes (allocates). */
export function readIpv6Dst(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 24, offset + 40))
}
/** Unsigned 32-bit word `index`, 0 to 3, the first being the most significant. */
export function ipv6DstWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 24 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

export interface Ipv6Header {
  readonly version: number
  readonly dscp: number
  readonly ecn: number
  readonly flowLabel: number
  readonly payloadLength: number
  readonly nextHeader: number
  readonly hopLimit: number
  readonly src: Uint8Array
  readonly dst: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readIpv6(bytes: Uint8Array, offset: number): Ipv6Header {
  return {
    version: ipv6Version(bytes, offset),
    dscp: ipv6Dscp(bytes, offset),
    ecn: ipv6Ecn(bytes, offset),
    flowLabel: ipv6FlowLabel(bytes, offset),
    payloadLength: ipv6PayloadLength(bytes, offset),
    nextHeader: ipv6NextHeader(bytes, offset),
    hopLimit: ipv6HopLimit(bytes, offset),
    src: readIpv6Src(bytes, offset),
    dst: readIpv6Dst(bytes, offset),
  }
}
/** Bytes that `writeIpv6` writes. */
export function ipv6WireLength(_header: Partial<Ipv6Header>): number {
  return 40
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeIpv6(bytes: Uint8Array, offset: number, header: Partial<Ipv6Header>): number {
  const length = ipv6WireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ipv6 header does not fit')
  setIpv6Version(bytes, offset, header.version ?? 6)
  setIpv6Dscp(bytes, offset, header.dscp ?? 0)
  setIpv6Ecn(bytes, offset, header.ecn ?? 0)
  setIpv6FlowLabel(bytes, offset, header.flowLabel ?? 0)
  setIpv6PayloadLength(bytes, offset, header.payloadLength ?? 0)
  setIpv6NextHeader(bytes, offset, header.nextHeader ?? 59)
  setIpv6HopLimit(bytes, offset, header.hopLimit ?? 64)
  if (header.src === undefined) bytes.fill(0, offset + 8, offset + 24)
  else setIpv6Src(bytes, offset, header.src)
  if (header.dst === undefined) bytes.fill(0, offset + 24, offset + 40)
  else setIpv6Dst(bytes, offset, header.dst)
  return length
}

/** One line about a header that passed its check. */
export function describeIpv6(bytes: Uint8Array, offset: number): string {
  return `IPv6 ${formatIpv6(bytes, offset + 8)} > ${formatIpv6(bytes, offset + 24)} ${nameOf(IpProtocol, ipv6NextHeader(bytes, offset))} hop limit ${ipv6HopLimit(bytes, offset)} length ${ipv6PayloadLength(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ipv6FieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'version', value: String(ipv6Version(bytes, offset)), bit: 0, bits: 4 },
    { name: 'dscp', value: String(ipv6Dscp(bytes, offset)), bit: 4, bits: 6 },
    { name: 'ecn', value: String(ipv6Ecn(bytes, offset)), bit: 10, bits: 2 },
    { name: 'flowLabel', value: formatHex(ipv6FlowLabel(bytes, offset), 5), bit: 12, bits: 20 },
    { name: 'payloadLength', value: String(ipv6PayloadLength(bytes, offset)), bit: 32, bits: 16 },
    { name: 'nextHeader', value: nameOf(IpProtocol, ipv6NextHeader(bytes, offset)), bit: 48, bits: 8 },
    { name: 'hopLimit', value: String(ipv6HopLimit(bytes, offset)), bit: 56, bits: 8 },
    { name: 'src', value: formatIpv6(bytes, offset + 8), bit: 64, bits: 128 },
    { name: 'dst', value: formatIpv6(bytes, offset + 24), bit: 192, bits: 128 },
  ]
}
