/**
 * IPv6 extension: RFC 6564 §4: hop-by-hop, routing, destination options and later headers.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { IpProtocol, nameOf } from '../constants.ts'
import { formatBytes } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const IPV6_EXT_MIN = 2
/** Largest header in bytes. */
export const IPV6_EXT_MAX = 2048
export const IPV6_EXT_NEXT_HEADER = 0
export const IPV6_EXT_UNITS = 1

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkIpv6Ext(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  const length = (ipv6ExtUnits(bytes, offset) + 1) * 8
  if (length > end - offset) return ParseError.truncated
  return length
}

/** Length in bytes of a header that passed its check. */
export function ipv6ExtHeaderLength(bytes: Uint8Array, offset: number): number {
  return (ipv6ExtUnits(bytes, offset) + 1) * 8
}

/** IPv6 extension nextHeader, 8 bits. */
export function ipv6ExtNextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setIpv6ExtNextHeader(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** IPv6 extension units, 8 bits: 8-byte units after the first 8 bytes. */
export function ipv6ExtUnits(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setIpv6ExtUnits(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** Bytes of data after the fixed part. */
export function ipv6ExtDataLength(bytes: Uint8Array, offset: number): number {
  return ipv6ExtHeaderLength(bytes, offset) - 2
}
/** A copy of the data (allocates). */
export function readIpv6ExtData(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 2, offset + ipv6ExtHeaderLength(bytes, offset)))
}

export interface Ipv6ExtHeader {
  readonly nextHeader: number
  readonly units: number
  readonly data: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readIpv6Ext(bytes: Uint8Array, offset: number): Ipv6ExtHeader {
  return {
    nextHeader: ipv6ExtNextHeader(bytes, offset),
    units: ipv6ExtUnits(bytes, offset),
    data: readIpv6ExtData(bytes, offset),
  }
}
/** Bytes that `writeIpv6Ext` writes: the fixed part and the data, padded to 8 bytes. */
export function ipv6ExtWireLength(header: Partial<Ipv6ExtHeader>): number {
  return Math.max(8, Math.ceil((2 + (header.data === undefined ? 0 : header.data.length)) / 8) * 8)
}
/**
 * Writes a header; absent fields get their defaults, `units` is derived from the data.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeIpv6Ext(bytes: Uint8Array, offset: number, header: Partial<Ipv6ExtHeader>): number {
  const length = ipv6ExtWireLength(header)
  if (length > 2048 || offset + length > bytes.length) throw new RangeError('ipv6Ext header does not fit')
  setIpv6ExtNextHeader(bytes, offset, header.nextHeader ?? 59)
  setIpv6ExtUnits(bytes, offset, length / 8 - 1)
  let at = offset + 2
  if (header.data !== undefined) {
    bytes.set(header.data, at)
    at += header.data.length
  }
  bytes.fill(0, at, offset + length)
  return length
}

/** One line about a header that passed its check. */
export function describeIpv6Ext(bytes: Uint8Array, offset: number): string {
  return `IPv6 extension next ${nameOf(IpProtocol, ipv6ExtNextHeader(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ipv6ExtFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'nextHeader', value: nameOf(IpProtocol, ipv6ExtNextHeader(bytes, offset)), bit: 0, bits: 8 },
    { name: 'units', value: String(ipv6ExtUnits(bytes, offset)), bit: 8, bits: 8 },
    {
      name: 'data',
      value: formatBytes(bytes, offset + 2, ipv6ExtDataLength(bytes, offset)),
      bit: 16,
      bits: ipv6ExtDataLength(bytes, offset) * 8,
    },
  ]
}
