/**
 * DDM element: one element of the DDM header.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const DDM_ELEMENT_MIN = 4
export const DDM_ELEMENT_ID = 0
export const DDM_ELEMENT_TIMESTAMP = 1

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkDdmElement(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 4) return ParseError.truncated
  return 4
}

/** Length in bytes of a header that passed its check. */
export function ddmElementHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 4
}

/** DDM element id, 8 bits. */
export function ddmElementId(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setDdmElementId(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** DDM element timestamp, 24 bits: microseconds modulo 2^24. */
export function ddmElementTimestamp(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setDdmElementTimestamp(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

export interface DdmElementHeader {
  readonly id: number
  readonly timestamp: number
}
/** The owned form of a header that passed its check (allocates). */
export function readDdmElement(bytes: Uint8Array, offset: number): DdmElementHeader {
  return {
    id: ddmElementId(bytes, offset),
    timestamp: ddmElementTimestamp(bytes, offset),
  }
}
/** Bytes that `writeDdmElement` writes. */
export function ddmElementWireLength(_header: Partial<DdmElementHeader>): number {
  return 4
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeDdmElement(bytes: Uint8Array, offset: number, header: Partial<DdmElementHeader>): number {
  const length = ddmElementWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ddmElement header does not fit')
  setDdmElementId(bytes, offset, header.id ?? 0)
  setDdmElementTimestamp(bytes, offset, header.timestamp ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeDdmElement(bytes: Uint8Array, offset: number): string {
  return `DDM element id ${ddmElementId(bytes, offset)} timestamp ${ddmElementTimestamp(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ddmElementFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'id', value: String(ddmElementId(bytes, offset)), bit: 0, bits: 8 },
    { name: 'timestamp', value: String(ddmElementTimestamp(bytes, offset)), bit: 8, bits: 24 },
  ]
}
