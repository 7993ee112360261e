/**
 * ICMPv6: RFC 4443.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { Icmpv6Type, nameOf } from '../constants.ts'
import { formatHex } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const ICMPV6_MIN = 8
export const ICMPV6_TYPE = 0
export const ICMPV6_CODE = 1
export const ICMPV6_CHECKSUM = 2
export const ICMPV6_REST = 4
export const ICMPV6_IDENTIFIER = 4
export const ICMPV6_SEQUENCE = 6

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkIcmpv6(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  return 8
}

/** Length in bytes of a header that passed its check. */
export function icmpv6HeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 8
}

/** ICMPv6 type, 8 bits. */
export function icmpv6Type(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setIcmpv6Type(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** ICMPv6 code, 8 bits. */
export function icmpv6Code(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setIcmpv6Code(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** ICMPv6 checksum, 16 bits. */
export function icmpv6Checksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setIcmpv6Checksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** ICMPv6 rest, 32 bits: by type. */
export function icmpv6Rest(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) >>> 0
  )
}
export function setIcmpv6Rest(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 24
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** ICMPv6 identifier, 16 bits: echo messages. */
export function icmpv6Identifier(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! << 8) | bytes[offset + 5]!
}
export function setIcmpv6Identifier(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 8
  bytes[offset + 5] = value
}

/** ICMPv6 sequence, 16 bits: echo messages. */
export function icmpv6Sequence(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 6]! << 8) | bytes[offset + 7]!
}
export function setIcmpv6Sequence(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

export interface Icmpv6Header {
  readonly type: number
  readonly code: number
  readonly checksum: number
  readonly rest: number
}
/** The owned form of a header that passed its check (allocates). */
export function readIcmpv6(bytes: Uint8Array, offset: number): Icmpv6Header {
  return {
    type: icmpv6Type(bytes, offset),
    code: icmpv6Code(bytes, offset),
    checksum: icmpv6Checksum(bytes, offset),
    rest: icmpv6Rest(bytes, offset),
  }
}
/** Bytes that `writeIcmpv6` writes. */
export function icmpv6WireLength(_header: Partial<Icmpv6Header>): number {
  return 8
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeIcmpv6(bytes: Uint8Array, offset: number, header: Partial<Icmpv6Header>): number {
  const length = icmpv6WireLength(header)
  if (offset + length > bytes.length) throw new RangeError('icmpv6 header does not fit')
  setIcmpv6Type(bytes, offset, header.type ?? 0)
  setIcmpv6Code(bytes, offset, header.code ?? 0)
  setIcmpv6Checksum(bytes, offset, header.checksum ?? 0)
  setIcmpv6Rest(bytes, offset, header.rest ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeIcmpv6(bytes: Uint8Array, offset: number): string {
  return `ICMPv6 ${nameOf(Icmpv6Type, icmpv6Type(bytes, offset))} code ${icmpv6Code(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function icmpv6FieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'type', value: nameOf(Icmpv6Type, icmpv6Type(bytes, offset)), bit: 0, bits: 8 },
    { name: 'code', value: String(icmpv6Code(bytes, offset)), bit: 8, bits: 8 },
    { name: 'checksum', value: formatHex(icmpv6Checksum(bytes, offset), 4), bit: 16, bits: 16 },
    { name: 'rest', value: formatHex(icmpv6Rest(bytes, offset), 8), bit: 32, bits: 32 },
  ]
}
