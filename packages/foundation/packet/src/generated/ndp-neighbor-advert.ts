/**
 * Neighbor advertisement: RFC 4861 §4.4; options follow.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { Icmpv6Type, nameOf } from '../constants.ts'
import { formatHex, formatIpv6 } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const NDP_NEIGHBOR_ADVERT_MIN = 24
export const NDP_NEIGHBOR_ADVERT_TYPE = 0
export const NDP_NEIGHBOR_ADVERT_CODE = 1
export const NDP_NEIGHBOR_ADVERT_CHECKSUM = 2
export const NDP_NEIGHBOR_ADVERT_ROUTER = 4
export const NDP_NEIGHBOR_ADVERT_SOLICITED = 4
export const NDP_NEIGHBOR_ADVERT_OVERRIDE = 4
export const NDP_NEIGHBOR_ADVERT_RESERVED = 4
export const NDP_NEIGHBOR_ADVERT_TARGET = 8

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkNdpNeighborAdvert(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 24) return ParseError.truncated
  if (ndpNeighborAdvertType(bytes, offset) !== 136 || ndpNeighborAdvertCode(bytes, offset) !== 0)
    return ParseError.unsupported
  return 24
}

/** Length in bytes of a header that passed its check. */
export function ndpNeighborAdvertHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 24
}

/** Neighbor advertisement type, 8 bits. */
export function ndpNeighborAdvertType(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setNdpNeighborAdvertType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** Neighbor advertisement code, 8 bits. */
export function ndpNeighborAdvertCode(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setNdpNeighborAdvertCode(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** Neighbor advertisement checksum, 16 bits. */
export function ndpNeighborAdvertChecksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setNdpNeighborAdvertChecksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** Neighbor advertisement router, 1 bit. */
export function ndpNeighborAdvertRouter(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 4]! >>> 7
}
export function setNdpNeighborAdvertRouter(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = (bytes[offset + 4]! & 0x7f) | ((value << 7) & 0x80)
}

/** Neighbor advertisement solicited, 1 bit. */
export function ndpNeighborAdvertSolicited(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! >>> 6) & 0x1
}
export function setNdpNeighborAdvertSolicited(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = (bytes[offset + 4]! & 0xbf) | ((value << 6) & 0x40)
}

/** Neighbor advertisement override, 1 bit. */
export function ndpNeighborAdvertOverride(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! >>> 5) & 0x1
}
export function setNdpNeighborAdvertOverride(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = (bytes[offset + 4]! & 0xdf) | ((value << 5) & 0x20)
}

/** Neighbor advertisement reserved, 29 bits. */
export function ndpNeighborAdvertReserved(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) &
    0x1fffffff
  )
}
export function setNdpNeighborAdvertReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = (bytes[offset + 4]! & 0xe0) | ((value >>> 24) & 0x1f)
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** Neighbor advertisement target, 16 bytes. */
export function copyNdpNeighborAdvertTarget(
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
export function setNdpNeighborAdvertTarget(
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
export function readNdpNeighborAdvertTarget(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 8, offset + 24))
}
/** Unsigned 32-bit word `index`, 0 to 3, the first being the most significant. */
export function ndpNeighborAdvertTargetWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 8 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

export interface NdpNeighborAdvertHeader {
  readonly type: number
  readonly code: number
  readonly checksum: number
  readonly router: number
  readonly solicited: number
  readonly override: number
  readonly reserved: number
  readonly target: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readNdpNeighborAdvert(bytes: Uint8Array, offset: number): NdpNeighborAdvertHeader {
  return {
    type: ndpNeighborAdvertType(bytes, offset),
    code: ndpNeighborAdvertCode(bytes, offset),
    checksum: ndpNeighborAdvertChecksum(bytes, offset),
    router: ndpNeighborAdvertRouter(bytes, offset),
    solicited: ndpNeighborAdvertSolicited(bytes, offset),
    override: ndpNeighborAdvertOverride(bytes, offset),
    reserved: ndpNeighborAdvertReserved(bytes, offset),
    target: readNdpNeighborAdvertTarget(bytes, offset),
  }
}
/** Bytes that `writeNdpNeighborAdvert` writes. */
export function ndpNeighborAdvertWireLength(_header: Partial<NdpNeighborAdvertHeader>): number {
  return 24
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeNdpNeighborAdvert(
  bytes: Uint8Array,
  offset: number,
  header: Partial<NdpNeighborAdvertHeader>,
): number {
  const length = ndpNeighborAdvertWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ndpNeighborAdvert header does not fit')
  setNdpNeighborAdvertType(bytes, offset, header.type ?? 136)
  setNdpNeighborAdvertCode(bytes, offset, header.code ?? 0)
  setNdpNeighborAdvertChecksum(bytes, offset, header.checksum ?? 0)
  setNdpNeighborAdvertRouter(bytes, offset, header.router ?? 0)
  setNdpNeighborAdvertSolicited(bytes, offset, header.solicited ?? 0)
  setNdpNeighborAdvertOverride(bytes, offset, header.override ?? 0)
  setNdpNeighborAdvertReserved(bytes, offset, header.reserved ?? 0)
  if (header.target === undefined) bytes.fill(0, offset + 8, offset + 24)
  else setNdpNeighborAdvertTarget(bytes, offset, header.target)
  return length
}

/** One line about a header that passed its check. */
export function describeNdpNeighborAdvert(bytes: Uint8Array, offset: number): string {
  return `Neighbor advertisement ${formatIpv6(bytes, offset + 8)} is here; router ${ndpNeighborAdvertRouter(bytes, offset)} solicited ${ndpNeighborAdvertSolicited(bytes, offset)} override ${ndpNeighborAdvertOverride(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ndpNeighborAdvertFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'type', value: nameOf(Icmpv6Type, ndpNeighborAdvertType(bytes, offset)), bit: 0, bits: 8 },
    { name: 'code', value: String(ndpNeighborAdvertCode(bytes, offset)), bit: 8, bits: 8 },
    { name: 'checksum', value: formatHex(ndpNeighborAdvertChecksum(bytes, offset), 4), bit: 16, bits: 16 },
    { name: 'router', value: String(ndpNeighborAdvertRouter(bytes, offset)), bit: 32, bits: 1 },
    { name: 'solicited', value: String(ndpNeighborAdvertSolicited(bytes, offset)), bit: 33, bits: 1 },
    { name: 'override', value: String(ndpNeighborAdvertOverride(bytes, offset)), bit: 34, bits: 1 },
    { name: 'reserved', value: formatHex(ndpNeighborAdvertReserved(bytes, offset), 8), bit: 35, bits: 29 },
    { name: 'target', value: formatIpv6(bytes, offset + 8), bit: 64, bits: 128 },
  ]
}
