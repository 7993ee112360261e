/**
 * Sidecar: the header between the switch and its CPU port, ethertype 0x0901.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { EtherType, SidecarCode, nameOf } from '../constants.ts'
import { formatBytes } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const SIDECAR_MIN = 24
export const SIDECAR_CODE = 0
export const SIDECAR_PAD = 1
export const SIDECAR_INGRESS = 2
export const SIDECAR_EGRESS = 4
export const SIDECAR_ETHER_TYPE = 6
export const SIDECAR_PAYLOAD = 8

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkSidecar(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 24) return ParseError.truncated
  return 24
}

/** Length in bytes of a header that passed its check. */
export function sidecarHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 24
}

/** Sidecar code, 8 bits. */
export function sidecarCode(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setSidecarCode(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** Sidecar pad, 8 bits. */
export function sidecarPad(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setSidecarPad(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** Sidecar ingress, 16 bits: port the frame came in on. */
export function sidecarIngress(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setSidecarIngress(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** Sidecar egress, 16 bits: port the frame shall leave by. */
export function sidecarEgress(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! << 8) | bytes[offset + 5]!
}
export function setSidecarEgress(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 8
  bytes[offset + 5] = value
}

/** Sidecar etherType, 16 bits: of the frame without this header. */
export function sidecarEtherType(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 6]! << 8) | bytes[offset + 7]!
}
export function setSidecarEtherType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** Sidecar payload, 16 bytes: by code; a next hop for the NEEDED codes. */
export function copySidecarPayload(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
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
export function setSidecarPayload(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
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
export function readSidecarPayload(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 8, offset + 24))
}
/** Unsigned 32-bit word `index`, 0 to 3, the first being the most significant. */
export function sidecarPayloadWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 8 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

export interface SidecarHeader {
  readonly code: number
  readonly pad: number
  readonly ingress: number
  readonly egress: number
  readonly etherType: number
  readonly payload: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readSidecar(bytes: Uint8Array, offset: number): SidecarHeader {
  return {
    code: sidecarCode(bytes, offset),
    pad: sidecarPad(bytes, offset),
    ingress: sidecarIngress(bytes, offset),
    egress: sidecarEgress(bytes, offset),
    etherType: sidecarEtherType(bytes, offset),
    payload: readSidecarPayload(bytes, offset),
  }
}
/** Bytes that `writeSidecar` writes. */
export function sidecarWireLength(_header: Partial<SidecarHeader>): number {
  return 24
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeSidecar(bytes: Uint8Array, offset: number, header: Partial<SidecarHeader>): number {
  const length = sidecarWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('sidecar header does not fit')
  setSidecarCode(bytes, offset, header.code ?? 0)
  setSidecarPad(bytes, offset, header.pad ?? 0)
  setSidecarIngress(bytes, offset, header.ingress ?? 0)
  setSidecarEgress(bytes, offset, header.egress ?? 0)
  setSidecarEtherType(bytes, offset, header.etherType ?? 0)
  if (header.payload === undefined) bytes.fill(0, offset + 8, offset + 24)
  else setSidecarPayload(bytes, offset, header.payload)
  return length
}

/** One line about a header that passed its check. */
export function describeSidecar(bytes: Uint8Array, offset: number): string {
  return `Sidecar ${nameOf(SidecarCode, sidecarCode(bytes, offset))} ingress ${sidecarIngress(bytes, offset)} egress ${sidecarEgress(bytes, offset)} ${nameOf(EtherType, sidecarEtherType(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function sidecarFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'code', value: nameOf(SidecarCode, sidecarCode(bytes, offset)), bit: 0, bits: 8 },
    { name: 'pad', value: String(sidecarPad(bytes, offset)), bit: 8, bits: 8 },
    { name: 'ingress', value: String(sidecarIngress(bytes, offset)), bit: 16, bits: 16 },
    { name: 'egress', value: String(sidecarEgress(bytes, offset)), bit: 32, bits: 16 },
    { name: 'etherType', value: nameOf(EtherType, sidecarEtherType(bytes, offset)), bit: 48, bits: 16 },
    { name: 'payload', value: formatBytes(bytes, offset + 8, 16), bit: 64, bits: 128 },
  ]
}
