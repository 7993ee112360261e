/**
 * IPv4: RFC 791 §3.1, RFC 2474, RFC 3168.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { IpProtocol, nameOf } from '../constants.ts'
import { formatBytes, formatHex, formatIpv4 } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const IPV4_MIN = 20
/** Largest header in bytes. */
export const IPV4_MAX = 60
export const IPV4_VERSION = 0
export const IPV4_IHL = 0
export const IPV4_DSCP = 1
export const IPV4_ECN = 1
export const IPV4_TOTAL_LENGTH = 2
export const IPV4_IDENTIFICATION = 4
export const IPV4_FLAGS = 6
export const IPV4_FRAGMENT_OFFSET = 6
export const IPV4_TTL = 8
export const IPV4_PROTOCOL = 9
export const IPV4_CHECKSUM = 10
export const IPV4_SRC = 12
export const IPV4_DST = 16

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkIpv4(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 20) return ParseError.truncated
  if (ipv4Version(bytes, offset) !== 4) return ParseError.badVersion
  if (ipv4Ihl(bytes, offset) < 5) return ParseError.badHeaderLength
  const length = ipv4Ihl(bytes, offset) * 4
  if (length > end - offset) return ParseError.truncated
  if (ipv4TotalLength(bytes, offset) < length) return ParseError.badLength
  if (ipv4TotalLength(bytes, offset) > end - offset) return ParseError.truncated
  return length
}

/** As `checkIpv4`, but the payload may be cut short: for packets quoted in ICMP errors, and first fragments. */
export function checkIpv4Quoted(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 20) return ParseError.truncated
  if (ipv4Version(bytes, offset) !== 4) return ParseError.badVersion
  if (ipv4Ihl(bytes, offset) < 5) return ParseError.badHeaderLength
  const length = ipv4Ihl(bytes, offset) * 4
  if (length > end - offset) return ParseError.truncated
  return length
}

/** Length in bytes of a header that passed its check. */
export function ipv4HeaderLength(bytes: Uint8Array, offset: number): number {
  return ipv4Ihl(bytes, offset) * 4
}

/** IPv4 version, 4 bits. */
export function ipv4Version(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! >>> 4
}
export function setIpv4Version(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0xf) | ((value << 4) & 0xf0)
}

/** IPv4 ihl, 4 bits: header length in 4-byte words. */
export function ipv4Ihl(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! & 0xf
}
export function setIpv4Ihl(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0xf0) | (value & 0xf)
}

/** IPv4 dscp, 6 bits. */
export function ipv4Dscp(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]! >>> 2
}
export function setIpv4Dscp(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = (bytes[offset + 1]! & 0x3) | ((value << 2) & 0xfc)
}

/** IPv4 ecn, 2 bits. */
export function ipv4Ecn(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]! & 0x3
}
export function setIpv4Ecn(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = (bytes[offset + 1]! & 0xfc) | (value & 0x3)
}

/** IPv4 totalLength, 16 bits: bytes, header included. */
export function ipv4TotalLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setIpv4TotalLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** IPv4 identification, 16 bits. */
export function ipv4Identification(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! << 8) | bytes[offset + 5]!
}
export function setIpv4Identification(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 8
  bytes[offset + 5] = value
}

/** IPv4 flags, 3 bits: reserved 4, do not fragment 2, more fragments 1. */
export function ipv4Flags(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 6]! >>> 5
}
export function setIpv4Flags(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = (bytes[offset + 6]! & 0x1f) | ((value << 5) & 0xe0)
}

/** IPv4 fragmentOffset, 13 bits: in 8-byte units. */
export function ipv4FragmentOffset(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset + 6]! << 8) | bytes[offset + 7]!) & 0x1fff
}
export function setIpv4FragmentOffset(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = (bytes[offset + 6]! & 0xe0) | ((value >>> 8) & 0x1f)
  bytes[offset + 7] = value
}

/** IPv4 ttl, 8 bits. */
export function ipv4Ttl(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 8]!
}
export function setIpv4Ttl(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 8] = value
}

/** IPv4 protocol, 8 bits. */
export function ipv4Protocol(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 9]!
}
export function setIpv4Protocol(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 9] = value
}

/** IPv4 checksum, 16 bits. */
export function ipv4Checksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 10]! << 8) | bytes[offset + 11]!
}
export function setIpv4Checksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 10] = value >>> 8
  bytes[offset + 11] = value
}

/** IPv4 src, 32 bits. */
export function ipv4Src(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 12]! << 24) | (bytes[offset + 13]! << 16) | (bytes[offset + 14]! << 8) | bytes[offset + 15]!) >>> 0
  )
}
export function setIpv4Src(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 12] = value >>> 24
  bytes[offset + 13] = value >>> 16
  bytes[offset + 14] = value >>> 8
  bytes[offset + 15] = value
}

/** IPv4 dst, 32 bits. */
export function ipv4Dst(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 16]! << 24) | (bytes[offset + 17]! << 16) | (bytes[offset + 18]! << 8) | bytes[offset + 19]!) >>> 0
  )
}
export function setIpv4Dst(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 16] = value >>> 24
  bytes[offset + 17] = value >>> 16
  bytes[offset + 18] = value >>> 8
  bytes[offset + 19] = value
}

/** Bytes of options after the fixed part. */
export function ipv4OptionsLength(bytes: Uint8Array, offset: number): number {
  return ipv4HeaderLength(bytes, offset) - 20
}
/** A copy of the options (allocates). */
export function readIpv4Options(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 20, offset + ipv4HeaderLength(bytes, offset)))
}

export interface Ipv4Header {
  readonly version: number
  readonly ihl: number
  readonly dscp: number
  readonly ecn: number
  readonly totalLength: number
  readonly identification: number
  readonly flags: number
  readonly fragmentOffset: number
  readonly ttl: number
  readonly protocol: number
  readonly checksum: number
  readonly src: number
  readonly dst: number
  readonly options: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readIpv4(bytes: Uint8Array, offset: number): Ipv4Header {
  return {
    version: ipv4Version(bytes, offset),
    ihl: ipv4Ihl(bytes, offset),
    dscp: ipv4Dscp(bytes, offset),
    ecn: ipv4Ecn(bytes, offset),
    totalLength: ipv4TotalLength(bytes, offset),
    identification: ipv4Identification(bytes, offset),
    flags: ipv4Flags(bytes, offset),
    fragmentOffset: ipv4FragmentOffset(bytes, offset),
    ttl: ipv4Ttl(bytes, offset),
    protocol: ipv4Protocol(bytes, offset),
    checksum: ipv4Checksum(bytes, offset),
    src: ipv4Src(bytes, offset),
    dst: ipv4Dst(bytes, offset),
    options: readIpv4Options(bytes, offset),
  }
}
/** Bytes that `writeIpv4` writes: the fixed part and the options, padded to 4 bytes. */
export function ipv4WireLength(header: Partial<Ipv4Header>): number {
  return Math.ceil((20 + (header.options === undefined ? 0 : header.options.length)) / 4) * 4
}
/**
 * Writes a header; absent fields get their defaults, `ihl` is derived from the options.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeIpv4(bytes: Uint8Array, offset: number, header: Partial<Ipv4Header>): number {
  const length = ipv4WireLength(header)
  if (length > 60 || offset + length > bytes.length) throw new RangeError('ipv4 header does not fit')
  setIpv4Version(bytes, offset, header.version ?? 4)
  setIpv4Ihl(bytes, offset, length / 4)
  setIpv4Dscp(bytes, offset, header.dscp ?? 0)
  setIpv4Ecn(bytes, offset, header.ecn ?? 0)
  setIpv4TotalLength(bytes, offset, header.totalLength ?? length)
  setIpv4Identification(bytes, offset, header.identification ?? 0)
  setIpv4Flags(bytes, offset, header.flags ?? 0)
  setIpv4FragmentOffset(bytes, offset, header.fragmentOffset ?? 0)
  setIpv4Ttl(bytes, offset, header.ttl ?? 64)
  setIpv4Protocol(bytes, offset, header.protocol ?? 0)
  setIpv4Checksum(bytes, offset, header.checksum ?? 0)
  setIpv4Src(bytes, offset, header.src ?? 0)
  setIpv4Dst(bytes, offset, header.dst ?? 0)
  let at = offset + 20
  if (header.options !== undefined) {
    bytes.set(header.options, at)
    at += header.options.length
  }
  bytes.fill(0, at, offset + length)
  return length
}

/** One line about a header that passed its check. */
export function describeIpv4(bytes: Uint8Array, offset: number): string {
  return `IPv4 ${formatIpv4(ipv4Src(bytes, offset))} > ${formatIpv4(ipv4Dst(bytes, offset))} ${nameOf(IpProtocol, ipv4Protocol(bytes, offset))} ttl ${ipv4Ttl(bytes, offset)} length ${ipv4TotalLength(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ipv4FieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'version', value: String(ipv4Version(bytes, offset)), bit: 0, bits: 4 },
    { name: 'ihl', value: String(ipv4Ihl(bytes, offset)), bit: 4, bits: 4 },
    { name: 'dscp', value: String(ipv4Dscp(bytes, offset)), bit: 8, bits: 6 },
    { name: 'ecn', value: String(ipv4Ecn(bytes, offset)), bit: 14, bits: 2 },
    { name: 'totalLength', value: String(ipv4TotalLength(bytes, offset)), bit: 16, bits: 16 },
    { name: 'identification', value: formatHex(ipv4Identification(bytes, offset), 4), bit: 32, bits: 16 },
    { name: 'flags', value: String(ipv4Flags(bytes, offset)), bit: 48, bits: 3 },
    { name: 'fragmentOffset', value: String(ipv4FragmentOffset(bytes, offset)), bit: 51, bits: 13 },
    { name: 'ttl', value: String(ipv4Ttl(bytes, offset)), bit: 64, bits: 8 },
    { name: 'protocol', value: nameOf(IpProtocol, ipv4Protocol(bytes, offset)), bit: 72, bits: 8 },
    { name: 'checksum', value: formatHex(ipv4Checksum(bytes, offset), 4), bit: 80, bits: 16 },
    { name: 'src', value: formatIpv4(ipv4Src(bytes, offset)), bit: 96, bits: 32 },
    { name: 'dst', value: formatIpv4(ipv4Dst(bytes, offset)), bit: 128, bits: 32 },
    {
      name: 'options',
      value: formatBytes(bytes, offset + 20, ipv4OptionsLength(bytes, offset)),
      bit: 160,
      bits: ipv4OptionsLength(bytes, offset) * 8,
    },
  ]
}
