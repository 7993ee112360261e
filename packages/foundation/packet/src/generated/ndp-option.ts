/**
 * NDP option: RFC 4861 §4.6.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { formatBytes } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const NDP_OPTION_MIN = 2
/** Largest header in bytes. */
export const NDP_OPTION_MAX = 2040
export const NDP_OPTION_TYPE = 0
export const NDP_OPTION_UNITS = 1

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkNdpOption(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  if (ndpOptionUnits(bytes, offset) === 0) return ParseError.badOption
  const length = ndpOptionUnits(bytes, offset) * 8
  if (length > end - offset) return ParseError.truncated
  return length
}

/** Length in bytes of a header that passed its check. */
export function ndpOptionHeaderLength(bytes: Uint8Array, offset: number): number {
  return ndpOptionUnits(bytes, offset) * 8
}

/** NDP option type, 8 bits. */
export function ndpOptionType(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setNdpOptionType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** NDP option units, 8 bits: 8-byte units, these two bytes included. */
export function ndpOptionUnits(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setNdpOptionUnits(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** Bytes of data after the fixed part. */
export function ndpOptionDataLength(bytes: Uint8Array, offset: number): number {
  return ndpOptionHeaderLength(bytes, offset) - 2
}
/** A copy of the data (allocates). */
export function readNdpOptionData(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 2, offset + ndpOptionHeaderLength(bytes, offset)))
}

export interface NdpOptionHeader {
  readonly type: number
  readonly units: number
  readonly data: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readNdpOption(bytes: Uint8Array, offset: number): NdpOptionHeader {
  return {
    type: ndpOptionType(bytes, offset),
    units: ndpOptionUnits(bytes, offset),
    data: readNdpOptionData(bytes, offset),
  }
}
/** Bytes that `writeNdpOption` writes: the fixed part and the data, padded to 8 bytes. */
export function ndpOptionWireLength(header: Partial<NdpOptionHeader>): number {
  return Math.max(8, Math.ceil((2 + (header.data === undefined ? 0 : header.data.length)) / 8) * 8)
}
/**
 * Writes a header; absent fields get their defaults, `units` is derived from the data.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeNdpOption(bytes: Uint8Array, offset: number, header: Partial<NdpOptionHeader>): number {
  const length = ndpOptionWireLength(header)
  if (length > 2040 || offset + length > bytes.length) throw new RangeError('ndpOption header does not fit')
  setNdpOptionType(bytes, offset, header.type ?? 0)
  setNdpOptionUnits(bytes, offset, length / 8)
  let at = offset + 2
  if (header.data !== undefined) {
    bytes.set(header.data, at)
    at += header.data.length
  }
  bytes.fill(0, at, offset + length)
  return length
}

/** One line about a header that passed its check. */
export function describeNdpOption(bytes: Uint8Array, offset: number): string {
  return `NDP option type ${ndpOptionType(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ndpOptionFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'type', value: String(ndpOptionType(bytes, offset)), bit: 0, bits: 8 },
    { name: 'units', value: String(ndpOptionUnits(bytes, offset)), bit: 8, bits: 8 },
    {
      name: 'data',
      value: formatBytes(bytes, offset + 2, ndpOptionDataLength(bytes, offset)),
      bit: 16,
      bits: ndpOptionDataLength(bytes, offset) * 8,
    },
  ]
}
