/**
 * Neighbor solicitation: RFC 4861 §4.3; options follow.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { Icmpv6Type, nameOf } from '../constants.ts'
import { formatHex, formatIpv6 } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const NDP_NEIGHBOR_SOLICIT_MIN = 24
export const NDP_NEIGHBOR_SOLICIT_TYPE = 0
export const NDP_NEIGHBOR_SOLICIT_CODE = 1
export const NDP_NEIGHBOR_SOLICIT_CHECKSUM = 2
export const NDP_NEIGHBOR_SOLICIT_RESERVED = 4
export const NDP_NEIGHBOR_SOLICIT_TARGET = 8

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkNdpNeighborSolicit(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 24) return ParseError.truncated
  if (ndpNeighborSolicitType(bytes, offset) !== 135 || ndpNeighborSolicitCode(bytes, offset) !== 0)
    return ParseError.unsupported
  return 24
}

/** Length in bytes of a header that passed its check. */
export function ndpNeighborSolicitHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 24
}

/** Neighbor solicitation type, 8 bits. */
export function ndpNeighborSolicitType(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setNdpNeighborSolicitType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** Neighbor solicitation code, 8 bits. */
export function ndpNeighborSolicitCode(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setNdpNeighborSolicitCode(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** Neighbor solicitation checksum, 16 bits. */
export function ndpNeighborSolicitChecksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setNdpNeighborSolicitChecksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** Neighbor solicitation reserved, 32 bits. */
export function ndpNeighborSolicitReserved(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) >>> 0
  )
}
export function setNdpNeighborSolicitReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 24
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** Neighbor solicitation target, 16 bytes. */
export function copyNdpNeighborSolicitTarget(
  bytes: Uint8Array,
  offset: number,
  out: Uint8Array,
  outOffset: number,
): void {
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
export function setNdpNeighborSolicitTarget(
  bytes: Uint8Array,
  offset: number,
  source: Uint8Array,
  sourceOffset = 0,
): void {
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
export function readNdpNeighborSolicitTarget(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 8, offset + 24))
}
/** Unsigned 32-bit word `index`, 0 to 3, the first being the most significant. */
export function ndpNeighborSolicitTargetWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 8 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

export interface NdpNeighborSolicitHeader {
  readonly type: number
  readonly code: number
  readonly checksum: number
  readonly reserved: number
  readonly target: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readNdpNeighborSolicit(bytes: Uint8Array, offset: number): NdpNeighborSolicitHeader {
  return {
    type: ndpNeighborSolicitType(bytes, offset),
    code: ndpNeighborSolicitCode(bytes, offset),
    checksum: ndpNeighborSolicitChecksum(bytes, offset),
    reserved: ndpNeighborSolicitReserved(bytes, offset),
    target: readNdpNeighborSolicitTarget(bytes, offset),
  }
}
/** Bytes that `writeNdpNeighborSolicit` writes. */
export function ndpNeighborSolicitWireLength(_header: Partial<NdpNeighborSolicitHeader>): number {
  return 24
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeNdpNeighborSolicit(
  bytes: Uint8Array,
  offset: number,
  header: Partial<NdpNeighborSolicitHeader>,
): number {
  const length = ndpNeighborSolicitWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ndpNeighborSolicit header does not fit')
  setNdpNeighborSolicitType(bytes, offset, header.type ?? 135)
  setNdpNeighborSolicitCode(bytes, offset, header.code ?? 0)
  setNdpNeighborSolicitChecksum(bytes, offset, header.checksum ?? 0)
  setNdpNeighborSolicitReserved(bytes, offset, header.reserved ?? 0)
  if (header.target === undefined) bytes.fill(0, offset + 8, offset + 24)
  else setNdpNeighborSolicitTarget(bytes, offset, header.target)
  return length
}

/** One line about a header that passed its check. */
export function describeNdpNeighborSolicit(bytes: Uint8Array, offset: number): string {
  return `Neighbor solicitation who has ${formatIpv6(bytes, offset + 8)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ndpNeighborSolicitFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'type', value: nameOf(Icmpv6Type, ndpNeighborSolicitType(bytes, offset)), bit: 0, bits: 8 },
    { name: 'code', value: String(ndpNeighborSolicitCode(bytes, offset)), bit: 8, bits: 8 },
    { name: 'checksum', value: formatHex(ndpNeighborSolicitChecksum(bytes, offset), 4), bit: 16, bits: 16 },
    { name: 'reserved', value: formatHex(ndpNeighborSolicitReserved(bytes, offset), 8), bit: 32, bits: 32 },
    { name: 'target', value: formatIpv6(bytes, offset + 8), bit: 64, bits: 128 },
  ]
}
