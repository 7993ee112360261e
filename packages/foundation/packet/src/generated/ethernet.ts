/**
 * Ethernet: IEEE 802.3 §3.1.1, Ethernet II framing.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { EtherType, nameOf } from '../constants.ts'
import { formatMac } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const ETHERNET_MIN = 14
export const ETHERNET_DST = 0
export const ETHERNET_SRC = 6
export const ETHERNET_ETHER_TYPE = 12

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkEthernet(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 14) return ParseError.truncated
  return 14
}

/** Length in bytes of a header that passed its check. */
export function ethernetHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 14
}

/** Ethernet dst, 6 bytes. */
export function copyEthernetDst(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  out[outOffset] = bytes[offset]!
  out[outOffset + 1] = bytes[offset + 1]!
  out[outOffset + 2] = bytes[offset + 2]!
  out[outOffset + 3] = bytes[offset + 3]!
  out[outOffset + 4] = bytes[offset + 4]!
  out[outOffset + 5] = bytes[offset + 5]!
}
export function setEthernetDst(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  bytes[offset] = source[sourceOffset]!
  bytes[offset + 1] = source[sourceOffset + 1]!
  bytes[offset + 2] = source[sourceOffset + 2]!
  bytes[offset + 3] = source[sourceOffset + 3]!
  bytes[offset + 4] = source[sourceOffset + 4]!
  bytes[offset + 5] = source[sourceOffset + 5]!
}
/** A copy of the 6 bytes (allocates). */
export function readEthernetDst(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset, offset + 6))
}
/** The MAC as a number below 2^48. */
export function ethernetDstNumber(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 8) | bytes[offset + 1]!) * 0x100000000 +
    (((bytes[offset + 2]! << 24) | (bytes[offset + 3]! << 16) | (bytes[offset + 4]! << 8) | bytes[offset + 5]!) >>> 0)
  )
}
export function setEthernetDstNumber(bytes: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / 0x100000000)
  const low = value >>> 0
  bytes[offset] = high >>> 8
  bytes[offset + 1] = high
  bytes[offset + 2] = low >>> 24
  bytes[offset + 3] = low >>> 16
  bytes[offset + 4] = low >>> 8
  bytes[offset + 5] = low
}

/** Ethernet src, 6 bytes. */
export function copyEthernetSrc(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  out[outOffset] = bytes[offset + 6]!
  out[outOffset + 1] = bytes[offset + 7]!
  out[outOffset + 2] = bytes[offset + 8]!
  out[outOffset + 3] = bytes[offset + 9]!
  out[outOffset + 4] = bytes[offset + 10]!
  out[outOffset + 5] = bytes[offset + 11]!
}
export function setEthernetSrc(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  bytes[offset + 6] = source[sourceOffset]!
  bytes[offset + 7] = source[sourceOffset + 1]!
  bytes[offset + 8] = source[sourceOffset + 2]!
  bytes[offset + 9] = source[sourceOffset + 3]!
  bytes[offset + 10] = source[sourceOffset + 4]!
  bytes[offset + 11] = source[sourceOffset + 5]!
}
/** A copy of the 6 bytes (allocates). */
export function readEthernetSrc(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 6, offset + 12))
}
/** The MAC as a number below 2^48. */
export function ethernetSrcNumber(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 6]! << 8) | bytes[offset + 7]!) * 0x100000000 +
    (((bytes[offset + 8]! << 24) | (bytes[offset + 9]! << 16) | (bytes[offset + 10]! << 8) | bytes[offset + 11]!) >>> 0)
  )
}
export function setEthernetSrcNumber(bytes: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / 0x100000000)
  const low = value >>> 0
  bytes[offset + 6] = high >>> 8
  bytes[offset + 7] = high
  bytes[offset + 8] = low >>> 24
  bytes[offset + 9] = low >>> 16
  bytes[offset + 10] = low >>> 8
  bytes[offset + 11] = low
}

/** Ethernet etherType, 16 bits. */
export function ethernetEtherType(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 12]! << 8) | bytes[offset + 13]!
}
export function setEthernetEtherType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 12] = value >>> 8
  bytes[offset + 13] = value
}

export interface EthernetHeader {
  readonly dst: Uint8Array
  readonly src: Uint8Array
  readonly etherType: number
}
/** The owned form of a header that passed its check (allocates). */
export function readEthernet(bytes: Uint8Array, offset: number): EthernetHeader {
  return {
    dst: readEthernetDst(bytes, offset),
    src: readEthernetSrc(bytes, offset),
    etherType: ethernetEtherType(bytes, offset),
  }
}
/** Bytes that `writeEthernet` writes. */
export function ethernetWireLength(_header: Partial<EthernetHeader>): number {
  return 14
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeEthernet(bytes: Uint8Array, offset: number, header: Partial<EthernetHeader>): number {
  const length = ethernetWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ethernet header does not fit')
  if (header.dst === undefined) bytes.fill(0, offset, offset + 6)
  else setEthernetDst(bytes, offset, header.dst)
  if (header.src === undefined) bytes.fill(0, offset + 6, offset + 12)
  else setEthernetSrc(bytes, offset, header.src)
  setEthernetEtherType(bytes, offset, header.etherType ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeEthernet(bytes: Uint8Array, offset: number): string {
  return `Ethernet ${formatMac(bytes, offset + 6)} > ${formatMac(bytes, offset)} ${nameOf(EtherType, ethernetEtherType(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ethernetFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'dst', value: formatMac(bytes, offset), bit: 0, bits: 48 },
    { name: 'src', value: formatMac(bytes, offset + 6), bit: 48, bits: 48 },
    { name: 'etherType', value: nameOf(EtherType, ethernetEtherType(bytes, offset)), bit: 96, bits: 16 },
  ]
}
