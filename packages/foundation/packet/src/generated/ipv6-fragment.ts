/**
 * IPv6 fragment: RFC 8200 §4.5.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { IpProtocol, nameOf } from '../constants.ts'
import { formatHex } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const IPV6_FRAGMENT_MIN = 8
export const IPV6_FRAGMENT_NEXT_HEADER = 0
export const IPV6_FRAGMENT_RESERVED = 1
export const IPV6_FRAGMENT_FRAGMENT_OFFSET = 2
export const IPV6_FRAGMENT_RESERVED2 = 3
export const IPV6_FRAGMENT_MORE = 3
export const IPV6_FRAGMENT_IDENTIFICATION = 4

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkIpv6Fragment(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  return 8
}

/** Length in bytes of a header that passed its check. */
export function ipv6FragmentHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 8
}

/** IPv6 fragment nextHeader, 8 bits. */
export function ipv6FragmentNextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setIpv6FragmentNextHeader(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** IPv6 fragment reserved, 8 bits. */
export function ipv6FragmentReserved(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setIpv6FragmentReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** IPv6 fragment fragmentOffset, 13 bits: in 8-byte units. */
export function ipv6FragmentFragmentOffset(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 3
}
export function setIpv6FragmentFragmentOffset(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 5
  bytes[offset + 3] = (bytes[offset + 3]! & 0x7) | ((value << 3) & 0xf8)
}

/** IPv6 fragment reserved2, 2 bits. */
export function ipv6FragmentReserved2(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 3]! >>> 1) & 0x3
}
export function setIpv6FragmentReserved2(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 3] = (bytes[offset + 3]! & 0xf9) | ((value << 1) & 0x6)
}

/** IPv6 fragment more, 1 bit. */
export function ipv6FragmentMore(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 3]! & 0x1
}
export function setIpv6FragmentMore(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 3] = (bytes[offset + 3]! & 0xfe) | (value & 0x1)
}

/** IPv6 fragment identification, 32 bits. */
export function ipv6FragmentIdentification(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) >>> 0
  )
}
export function setIpv6FragmentIdentification(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 24
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

export interface Ipv6FragmentHeader {
  readonly nextHeader: number
  readonly reserved: number
  readonly fragmentOffset: number
  readonly reserved2: number
  readonly more: number
  readonly identification: number
}
/** The owned form of a header that passed its check (allocates). */
export function readIpv6Fragment(bytes: Uint8Array, offset: number): Ipv6FragmentHeader {
  return {
    nextHeader: ipv6FragmentNextHeader(bytes, offset),
    reserved: ipv6FragmentReserved(bytes, offset),
    fragmentOffset: ipv6FragmentFragmentOffset(bytes, offset),
    reserved2: ipv6FragmentReserved2(bytes, offset),
    more: ipv6FragmentMore(bytes, offset),
    identification: ipv6FragmentIdentification(bytes, offset),
  }
}
/** Bytes that `writeIpv6Fragment` writes. */
export function ipv6FragmentWireLength(_header: Partial<Ipv6FragmentHeader>): number {
  return 8
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeIpv6Fragment(bytes: Uint8Array, offset: number, header: Partial<Ipv6FragmentHeader>): number {
  const length = ipv6FragmentWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ipv6Fragment header does not fit')
  setIpv6FragmentNextHeader(bytes, offset, header.nextHeader ?? 59)
  setIpv6FragmentReserved(bytes, offset, header.reserved ?? 0)
  setIpv6FragmentFragmentOffset(bytes, offset, header.fragmentOffset ?? 0)
  setIpv6FragmentReserved2(bytes, offset, header.reserved2 ?? 0)
  setIpv6FragmentMore(bytes, offset, header.more ?? 0)
  setIpv6FragmentIdentification(bytes, offset, header.identification ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeIpv6Fragment(bytes: Uint8Array, offset: number): string {
  return `IPv6 fragment id ${formatHex(ipv6FragmentIdentification(bytes, offset), 8)} offset ${ipv6FragmentFragmentOffset(bytes, offset)} more ${ipv6FragmentMore(bytes, offset)} next ${nameOf(IpProtocol, ipv6FragmentNextHeader(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ipv6FragmentFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'nextHeader', value: nameOf(IpProtocol, ipv6FragmentNextHeader(bytes, offset)), bit: 0, bits: 8 },
    { name: 'reserved', value: String(ipv6FragmentReserved(bytes, offset)), bit: 8, bits: 8 },
    { name: 'fragmentOffset', value: String(ipv6FragmentFragmentOffset(bytes, offset)), bit: 16, bits: 13 },
    { name: 'reserved2', value: String(ipv6FragmentReserved2(bytes, offset)), bit: 29, bits: 2 },
    { name: 'more', value: String(ipv6FragmentMore(bytes, offset)), bit: 31, bits: 1 },
    { name: 'identification', value: formatHex(ipv6FragmentIdentification(bytes, offset), 8), bit: 32, bits: 32 },
  ]
}
