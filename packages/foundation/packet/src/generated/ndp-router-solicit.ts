/**
 * Router solicitation: RFC 4861 §4.1; options follow.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { Icmpv6Type, nameOf } from '../constants.ts'
import { formatHex } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const NDP_ROUTER_SOLICIT_MIN = 8
export const NDP_ROUTER_SOLICIT_TYPE = 0
export const NDP_ROUTER_SOLICIT_CODE = 1
export const NDP_ROUTER_SOLICIT_CHECKSUM = 2
export const NDP_ROUTER_SOLICIT_RESERVED = 4

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkNdpRouterSolicit(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  if (ndpRouterSolicitType(bytes, offset) !== 133 || ndpRouterSolicitCode(bytes, offset) !== 0)
    return ParseError.unsupported
  return 8
}

/** Length in bytes of a header that passed its check. */
export function ndpRouterSolicitHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 8
}

/** Router solicitation type, 8 bits. */
export function ndpRouterSolicitType(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setNdpRouterSolicitType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** Router solicitation code, 8 bits. */
export function ndpRouterSolicitCode(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setNdpRouterSolicitCode(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** Router solicitation checksum, 16 bits. */
export function ndpRouterSolicitChecksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setNdpRouterSolicitChecksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** Router solicitation reserved, 32 bits. */
export function ndpRouterSolicitReserved(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) >>> 0
  )
}
export function setNdpRouterSolicitReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 24
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

export interface NdpRouterSolicitHeader {
  readonly type: number
  readonly code: number
  readonly checksum: number
  readonly reserved: number
}
/** The owned form of a header that passed its check (allocates). */
export function readNdpRouterSolicit(bytes: Uint8Array, offset: number): NdpRouterSolicitHeader {
  return {
    type: ndpRouterSolicitType(bytes, offset),
    code: ndpRouterSolicitCode(bytes, offset),
    checksum: ndpRouterSolicitChecksum(bytes, offset),
    reserved: ndpRouterSolicitReserved(bytes, offset),
  }
}
/** Bytes that `writeNdpRouterSolicit` writes. */
export function ndpRouterSolicitWireLength(_header: Partial<NdpRouterSolicitHeader>): number {
  return 8
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeNdpRouterSolicit(
  bytes: Uint8Array,
  offset: number,
  header: Partial<NdpRouterSolicitHeader>,
): number {
  const length = ndpRouterSolicitWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ndpRouterSolicit header does not fit')
  setNdpRouterSolicitType(bytes, offset, header.type ?? 133)
  setNdpRouterSolicitCode(bytes, offset, header.code ?? 0)
  setNdpRouterSolicitChecksum(bytes, offset, header.checksum ?? 0)
  setNdpRouterSolicitReserved(bytes, offset, header.reserved ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeNdpRouterSolicit(_bytes: Uint8Array, _offset: number): string {
  return `Router solicitation router solicitation`
}
/** Every field with its value as text, in wire order (allocates). */
export function ndpRouterSolicitFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'type', value: nameOf(Icmpv6Type, ndpRouterSolicitType(bytes, offset)), bit: 0, bits: 8 },
    { name: 'code', value: String(ndpRouterSolicitCode(bytes, offset)), bit: 8, bits: 8 },
    { name: 'checksum', value: formatHex(ndpRouterSolicitChecksum(bytes, offset), 4), bit: 16, bits: 16 },
    { name: 'reserved', value: formatHex(ndpRouterSolicitReserved(bytes, offset), 8), bit: 32, bits: 32 },
  ]
}
