/**
 * ICMP: RFC 792.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { IcmpType, nameOf } from '../constants.ts'
import { formatHex } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const ICMP_MIN = 8
export const ICMP_TYPE = 0
export const ICMP_CODE = 1
export const ICMP_CHECKSUM = 2
export const ICMP_REST = 4
export const ICMP_IDENTIFIER = 4
export const ICMP_SEQUENCE = 6

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkIcmp(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  return 8
}

/** Length in bytes of a header that passed its check. */
export function icmpHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 8
}

/** ICMP type, 8 bits. */
export function icmpType(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setIcmpType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** ICMP code, 8 bits. */
export function icmpCode(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setIcmpCode(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** ICMP checksum, 16 bits. */
export function icmpChecksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setIcmpChecksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** ICMP rest, 32 bits: by type. */
export function icmpRest(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) >>> 0
  )
}
export function setIcmpRest(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 24
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** ICMP identifier, 16 bits: echo messages. */
export function icmpIdentifier(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! << 8) | bytes[offset + 5]!
}
export function setIcmpIdentifier(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 8
  bytes[offset + 5] = value
}

/** ICMP sequence, 16 bits: echo messages. */
export function icmpSequence(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 6]! << 8) | bytes[offset + 7]!
}
export function setIcmpSequence(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

export interface IcmpHeader {
  readonly type: number
  readonly code: number
  readonly checksum: number
  readonly rest: number
}
/** The owned form of a header that passed its check (allocates). */
export function readIcmp(bytes: Uint8Array, offset: number): IcmpHeader {
  return {
    type: icmpType(bytes, offset),
    code: icmpCode(bytes, offset),
    checksum: icmpChecksum(bytes, offset),
    rest: icmpRest(bytes, offset),
  }
}
/** Bytes that `writeIcmp` writes. */
export function icmpWireLength(_header: Partial<IcmpHeader>): number {
  return 8
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeIcmp(bytes: Uint8Array, offset: number, header: Partial<IcmpHeader>): number {
  const length = icmpWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('icmp header does not fit')
  setIcmpType(bytes, offset, header.type ?? 0)
  setIcmpCode(bytes, offset, header.code ?? 0)
  setIcmpChecksum(bytes, offset, header.checksum ?? 0)
  setIcmpRest(bytes, offset, header.rest ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeIcmp(bytes: Uint8Array, offset: number): string {
  return `ICMP ${nameOf(IcmpType, icmpType(bytes, offset))} code ${icmpCode(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function icmpFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'type', value: nameOf(IcmpType, icmpType(bytes, offset)), bit: 0, bits: 8 },
    { name: 'code', value: String(icmpCode(bytes, offset)), bit: 8, bits: 8 },
    { name: 'checksum', value: formatHex(icmpChecksum(bytes, offset), 4), bit: 16, bits: 16 },
    { name: 'rest', value: formatHex(icmpRest(bytes, offset), 8), bit: 32, bits: 32 },
  ]
}
