/**
 * Geneve: RFC 8926 §3.4.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { EtherType, nameOf } from '../constants.ts'
import { formatBytes } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const GENEVE_MIN = 8
/** Largest header in bytes. */
export const GENEVE_MAX = 260
export const GENEVE_VERSION = 0
export const GENEVE_OPTION_WORDS = 0
export const GENEVE_CONTROL = 1
export const GENEVE_CRITICAL = 1
export const GENEVE_RESERVED = 1
export const GENEVE_PROTOCOL = 2
export const GENEVE_VNI = 4
export const GENEVE_RESERVED2 = 7

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkGeneve(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  if (geneveVersion(bytes, offset) !== 0) return ParseError.badVersion
  const length = 8 + geneveOptionWords(bytes, offset) * 4
  if (length > end - offset) return ParseError.truncated
  return length
}

/** Length in bytes of a header that passed its check. */
export function geneveHeaderLength(bytes: Uint8Array, offset: number): number {
  return 8 + geneveOptionWords(bytes, offset) * 4
}

/** Geneve version, 2 bits. */
export function geneveVersion(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! >>> 6
}
export function setGeneveVersion(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0x3f) | ((value << 6) & 0xc0)
}

/** Geneve optionWords, 6 bits: length of the options in 4-byte words. */
export function geneveOptionWords(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! & 0x3f
}
export function setGeneveOptionWords(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0xc0) | (value & 0x3f)
}

/** Geneve control, 1 bit. */
export function geneveControl(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]! >>> 7
}
export function setGeneveControl(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = (bytes[offset + 1]! & 0x7f) | ((value << 7) & 0x80)
}

/** Geneve critical, 1 bit: some option is critical. */
export function geneveCritical(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 1]! >>> 6) & 0x1
}
export function setGeneveCritical(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = (bytes[offset + 1]! & 0xbf) | ((value << 6) & 0x40)
}

/** Geneve reserved, 6 bits. */
export function geneveReserved(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]! & 0x3f
}
export function setGeneveReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = (bytes[offset + 1]! & 0xc0) | (value & 0x3f)
}

/** Geneve protocol, 16 bits. */
export function geneveProtocol(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setGeneveProtocol(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** Geneve vni, 24 bits. */
export function geneveVni(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! << 16) | (bytes[offset + 5]! << 8) | bytes[offset + 6]!
}
export function setGeneveVni(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 16
  bytes[offset + 5] = value >>> 8
  bytes[offset + 6] = value
}

/** Geneve reserved2, 8 bits. */
export function geneveReserved2(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 7]!
}
export function setGeneveReserved2(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 7] = value
}

/** Bytes of options after the fixed part. */
export function geneveOptionsLength(bytes: Uint8Array, offset: number): number {
  return geneveHeaderLength(bytes, offset) - 8
}
/** A copy of the options (allocates). */
export function readGeneveOptions(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 8, offset + geneveHeaderLength(bytes, offset)))
}

export interface GeneveHeader {
  readonly version: number
  readonly optionWords: number
  readonly control: number
  readonly critical: number
  readonly reserved: number
  readonly protocol: number
  readonly vni: number
  readonly reserved2: number
  readonly options: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readGeneve(bytes: Uint8Array, offset: number): GeneveHeader {
  return {
    version: geneveVersion(bytes, offset),
    optionWords: geneveOptionWords(bytes, offset),
    control: geneveControl(bytes, offset),
    critical: geneveCritical(bytes, offset),
    reserved: geneveReserved(bytes, offset),
    protocol: geneveProtocol(bytes, offset),
    vni: geneveVni(bytes, offset),
    reserved2: geneveReserved2(bytes, offset),
    options: readGeneveOptions(bytes, offset),
  }
}
/** Bytes that `writeGeneve` writes: the fixed part and the options, padded to 4 bytes. */
export function geneveWireLength(header: Partial<GeneveHeader>): number {
  return Math.ceil((8 + (header.options === undefined ? 0 : header.options.length)) / 4) * 4
}
/**
 * Writes a header; absent fields get their defaults, `optionWords` is derived from the options.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeGeneve(bytes: Uint8Array, offset: number, header: Partial<GeneveHeader>): number {
  const length = geneveWireLength(header)
  if (length > 260 || offset + length > bytes.length) throw new RangeError('geneve header does not fit')
  setGeneveVersion(bytes, offset, header.version ?? 0)
  setGeneveOptionWords(bytes, offset, (length - 8) / 4)
  setGeneveControl(bytes, offset, header.control ?? 0)
  setGeneveCritical(bytes, offset, header.critical ?? 0)
  setGeneveReserved(bytes, offset, header.reserved ?? 0)
  setGeneveProtocol(bytes, offset, header.protocol ?? 25944)
  setGeneveVni(bytes, offset, header.vni ?? 0)
  setGeneveReserved2(bytes, offset, header.reserved2 ?? 0)
  let at = offset + 8
  if (header.options !== undefined) {
    bytes.set(header.options, at)
    at += header.options.length
  }
  bytes.fill(0, at, offset + length)
  return length
}

/** One line about a header that passed its check. */
export function describeGeneve(bytes: Uint8Array, offset: number): string {
  return `Geneve vni ${geneveVni(bytes, offset)} ${nameOf(EtherType, geneveProtocol(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function geneveFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'version', value: String(geneveVersion(bytes, offset)), bit: 0, bits: 2 },
    { name: 'optionWords', value: String(geneveOptionWords(bytes, offset)), bit: 2, bits: 6 },
    { name: 'control', value: String(geneveControl(bytes, offset)), bit: 8, bits: 1 },
    { name: 'critical', value: String(geneveCritical(bytes, offset)), bit: 9, bits: 1 },
    { name: 'reserved', value: String(geneveReserved(bytes, offset)), bit: 10, bits: 6 },
    { name: 'protocol', value: nameOf(EtherType, geneveProtocol(bytes, offset)), bit: 16, bits: 16 },
    { name: 'vni', value: String(geneveVni(bytes, offset)), bit: 32, bits: 24 },
    { name: 'reserved2', value: String(geneveReserved2(bytes, offset)), bit: 56, bits: 8 },
    {
      name: 'options',
      value: formatBytes(bytes, offset + 8, geneveOptionsLength(bytes, offset)),
      bit: 64,
      bits: geneveOptionsLength(bytes, offset) * 8,
    },
  ]
}
