/**
 * DDM: delay-driven multipath, IPv6 next header 221. Two public codes disagree about the acknowledgment bit and the element layout; this is the layout of the switch program: high bit of byte 3, id before a big-endian timestamp.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { IpProtocol, nameOf } from '../constants.ts'
import { formatBytes } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const DDM_MIN = 4
/** Largest header in bytes. */
export const DDM_MAX = 68
export const DDM_NEXT_HEADER = 0
export const DDM_REST_LENGTH = 1
export const DDM_VERSION = 2
export const DDM_ACK = 3
export const DDM_RESERVED = 3

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkDdm(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 4) return ParseError.truncated
  if (ddmVersion(bytes, offset) !== 1) return ParseError.badVersion
  if (ddmRestLength(bytes, offset) < 3 || ddmRestLength(bytes, offset) > 67 || (ddmRestLength(bytes, offset) & 3) !== 3)
    return ParseError.badHeaderLength
  const length = ddmRestLength(bytes, offset) + 1
  if (length > end - offset) return ParseError.truncated
  return length
}

/** Length in bytes of a header that passed its check. */
export function ddmHeaderLength(bytes: Uint8Array, offset: number): number {
  return ddmRestLength(bytes, offset) + 1
}

/** DDM nextHeader, 8 bits. */
export function ddmNextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setDdmNextHeader(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** DDM restLength, 8 bits: bytes after the first byte: 3 + 4 per element. */
export function ddmRestLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setDdmRestLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** DDM version, 8 bits. */
export function ddmVersion(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 2]!
}
export function setDdmVersion(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value
}

/** DDM ack, 1 bit. */
export function ddmAck(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 3]! >>> 7
}
export function setDdmAck(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 3] = (bytes[offset + 3]! & 0x7f) | ((value << 7) & 0x80)
}

/** DDM reserved, 7 bits. */
export function ddmReserved(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 3]! & 0x7f
}
export function setDdmReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 3] = (bytes[offset + 3]! & 0x80) | (value & 0x7f)
}

/** Bytes of elements after the fixed part. */
export function ddmElementsLength(bytes: Uint8Array, offset: number): number {
  return ddmHeaderLength(bytes, offset) - 4
}
/** A copy of the elements (allocates). */
export function readDdmElements(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 4, offset + ddmHeaderLength(bytes, offset)))
}

export interface DdmHeader {
  readonly nextHeader: number
  readonly restLength: number
  readonly version: number
  readonly ack: number
  readonly reserved: number
  readonly elements: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readDdm(bytes: Uint8Array, offset: number): DdmHeader {
  return {
    nextHeader: ddmNextHeader(bytes, offset),
    restLength: ddmRestLength(bytes, offset),
    version: ddmVersion(bytes, offset),
    ack: ddmAck(bytes, offset),
    reserved: ddmReserved(bytes, offset),
    elements: readDdmElements(bytes, offset),
  }
}
/** Bytes that `writeDdm` writes: the fixed part and the elements, padded to 4 bytes. */
export function ddmWireLength(header: Partial<DdmHeader>): number {
  return Math.ceil((4 + (header.elements === undefined ? 0 : header.elements.length)) / 4) * 4
}
/**
 * Writes a header; absent fields get their defaults, `restLength` is derived from the elements.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeDdm(bytes: Uint8Array, offset: number, header: Partial<DdmHeader>): number {
  const length = ddmWireLength(header)
  if (length > 68 || offset + length > bytes.length) throw new RangeError('ddm header does not fit')
  setDdmNextHeader(bytes, offset, header.nextHeader ?? 59)
  setDdmRestLength(bytes, offset, length - 1)
  setDdmVersion(bytes, offset, header.version ?? 1)
  setDdmAck(bytes, offset, header.ack ?? 0)
  setDdmReserved(bytes, offset, header.reserved ?? 0)
  let at = offset + 4
  if (header.elements !== undefined) {
    bytes.set(header.elements, at)
    at += header.elements.length
  }
  bytes.fill(0, at, offset + length)
  return length
}

/** One line about a header that passed its check. */
export function describeDdm(bytes: Uint8Array, offset: number): string {
  return `DDM ack ${ddmAck(bytes, offset)} next ${nameOf(IpProtocol, ddmNextHeader(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ddmFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'nextHeader', value: nameOf(IpProtocol, ddmNextHeader(bytes, offset)), bit: 0, bits: 8 },
    { name: 'restLength', value: String(ddmRestLength(bytes, offset)), bit: 8, bits: 8 },
    { name: 'version', value: String(ddmVersion(bytes, offset)), bit: 16, bits: 8 },
    { name: 'ack', value: String(ddmAck(bytes, offset)), bit: 24, bits: 1 },
    { name: 'reserved', value: String(ddmReserved(bytes, offset)), bit: 25, bits: 7 },
    {
      name: 'elements',
      value: formatBytes(bytes, offset + 4, ddmElementsLength(bytes, offset)),
      bit: 32,
      bits: ddmElementsLength(bytes, offset) * 8,
    },
  ]
}
