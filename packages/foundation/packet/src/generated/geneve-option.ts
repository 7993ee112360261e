/**
 * Geneve option: RFC 8926 §3.5.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { formatBytes, formatHex } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const GENEVE_OPTION_MIN = 4
/** Largest header in bytes. */
export const GENEVE_OPTION_MAX = 128
export const GENEVE_OPTION_OPTION_CLASS = 0
export const GENEVE_OPTION_CRITICAL = 2
export const GENEVE_OPTION_TYPE = 2
export const GENEVE_OPTION_RESERVED = 3
export const GENEVE_OPTION_DATA_WORDS = 3

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkGeneveOption(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 4) return ParseError.truncated
  const length = 4 + geneveOptionDataWords(bytes, offset) * 4
  if (length > end - offset) return ParseError.truncated
  return length
}

/** Length in bytes of a header that passed its check. */
export function geneveOptionHeaderLength(bytes: Uint8Array, offset: number): number {
  return 4 + geneveOptionDataWords(bytes, offset) * 4
}

/** Geneve option optionClass, 16 bits. */
export function geneveOptionOptionClass(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}
export function setGeneveOptionOptionClass(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value
}

/** Geneve option critical, 1 bit. */
export function geneveOptionCritical(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 2]! >>> 7
}
export function setGeneveOptionCritical(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = (bytes[offset + 2]! & 0x7f) | ((value << 7) & 0x80)
}

/** Geneve option type, 7 bits. */
export function geneveOptionType(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 2]! & 0x7f
}
export function setGeneveOptionType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = (bytes[offset + 2]! & 0x80) | (value & 0x7f)
}

/** Geneve option reserved, 3 bits. */
export function geneveOptionReserved(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 3]! >>> 5
}
export function setGeneveOptionReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 3] = (bytes[offset + 3]! & 0x1f) | ((value << 5) & 0xe0)
}

/** Geneve option dataWords, 5 bits: length of the data in 4-byte words. */
export function geneveOptionDataWords(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 3]! & 0x1f
}
export function setGeneveOptionDataWords(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 3] = (bytes[offset + 3]! & 0xe0) | (value & 0x1f)
}

/** Bytes of data after the fixed part. */
export function geneveOptionDataLength(bytes: Uint8Array, offset: number): number {
  return geneveOptionHeaderLength(bytes, offset) - 4
}
/** A copy of the data (allocates). */
export function readGeneveOptionData(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 4, offset + geneveOptionHeaderLength(bytes, offset)))
}

export interface GeneveOptionHeader {
  readonly optionClass: number
  readonly critical: number
  readonly type: number
  readonly reserved: number
  readonly dataWords: number
  readonly data: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readGeneveOption(bytes: Uint8Array, offset: number): GeneveOptionHeader {
  return {
    optionClass: geneveOptionOptionClass(bytes, offset),
    critical: geneveOptionCritical(bytes, offset),
    type: geneveOptionType(bytes, offset),
    reserved: geneveOptionReserved(bytes, offset),
    dataWords: geneveOptionDataWords(bytes, offset),
    data: readGeneveOptionData(bytes, offset),
  }
}
/** Bytes that `writeGeneveOption` writes: the fixed part and the data, padded to 4 bytes. */
export function geneveOptionWireLength(header: Partial<GeneveOptionHeader>): number {
  return Math.ceil((4 + (header.data === undefined ? 0 : header.data.length)) / 4) * 4
}
/**
 * Writes a header; absent fields get their defaults, `dataWords` is derived from the data.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeGeneveOption(bytes: Uint8Array, offset: number, header: Partial<GeneveOptionHeader>): number {
  const length = geneveOptionWireLength(header)
  if (length > 128 || offset + length > bytes.length) throw new RangeError('geneveOption header does not fit')
  setGeneveOptionOptionClass(bytes, offset, header.optionClass ?? 0)
  setGeneveOptionCritical(bytes, offset, header.critical ?? 0)
  setGeneveOptionType(bytes, offset, header.type ?? 0)
  setGeneveOptionReserved(bytes, offset, header.reserved ?? 0)
  setGeneveOptionDataWords(bytes, offset, (length - 4) / 4)
  let at = offset + 4
  if (header.data !== undefined) {
    bytes.set(header.data, at)
    at += header.data.length
  }
  bytes.fill(0, at, offset + length)
  return length
}

/** One line about a header that passed its check. */
export function describeGeneveOption(bytes: Uint8Array, offset: number): string {
  return `Geneve option class ${formatHex(geneveOptionOptionClass(bytes, offset), 4)} type ${geneveOptionType(bytes, offset)} critical ${geneveOptionCritical(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function geneveOptionFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'optionClass', value: formatHex(geneveOptionOptionClass(bytes, offset), 4), bit: 0, bits: 16 },
    { name: 'critical', value: String(geneveOptionCritical(bytes, offset)), bit: 16, bits: 1 },
    { name: 'type', value: String(geneveOptionType(bytes, offset)), bit: 17, bits: 7 },
    { name: 'reserved', value: String(geneveOptionReserved(bytes, offset)), bit: 24, bits: 3 },
    { name: 'dataWords', value: String(geneveOptionDataWords(bytes, offset)), bit: 27, bits: 5 },
    {
      name: 'data',
      value: formatBytes(bytes, offset + 4, geneveOptionDataLength(bytes, offset)),
      bit: 32,
      bits: geneveOptionDataLength(bytes, offset) * 8,
    },
  ]
}
