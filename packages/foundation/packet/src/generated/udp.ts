/**
 * UDP: RFC 768.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { formatHex } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const UDP_MIN = 8
export const UDP_SRC_PORT = 0
export const UDP_DST_PORT = 2
export const UDP_LENGTH = 4
export const UDP_CHECKSUM = 6

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkUdp(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  if (udpLength(bytes, offset) < 8) return ParseError.badLength
  if (udpLength(bytes, offset) > end - offset) return ParseError.truncated
  return 8
}

/** As `checkUdp`, but the payload may be cut short: for packets quoted in ICMP errors, and first fragments. */
export function checkUdpQuoted(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ParseError.truncated
  return 8
}

/** Length in bytes of a header that passed its check. */
export function udpHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 8
}

/** UDP srcPort, 16 bits. */
export function udpSrcPort(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}
export function setUdpSrcPort(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value
}

/** UDP dstPort, 16 bits. */
export function udpDstPort(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setUdpDstPort(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** UDP length, 16 bits: bytes, header included. */
export function udpLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4]! << 8) | bytes[offset + 5]!
}
export function setUdpLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 8
  bytes[offset + 5] = value
}

/** UDP checksum, 16 bits: 0: none. */
export function udpChecksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 6]! << 8) | bytes[offset + 7]!
}
export function setUdpChecksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

export interface UdpHeader {
  readonly srcPort: number
  readonly dstPort: number
  readonly length: number
  readonly checksum: number
}
/** The owned form of a header that passed its check (allocates). */
export function readUdp(bytes: Uint8Array, offset: number): UdpHeader {
  return {
    srcPort: udpSrcPort(bytes, offset),
    dstPort: udpDstPort(bytes, offset),
    length: udpLength(bytes, offset),
    checksum: udpChecksum(bytes, offset),
  }
}
/** Bytes that `writeUdp` writes. */
export function udpWireLength(_header: Partial<UdpHeader>): number {
  return 8
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeUdp(bytes: Uint8Array, offset: number, header: Partial<UdpHeader>): number {
  const length = udpWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('udp header does not fit')
  setUdpSrcPort(bytes, offset, header.srcPort ?? 0)
  setUdpDstPort(bytes, offset, header.dstPort ?? 0)
  setUdpLength(bytes, offset, header.length ?? 8)
  setUdpChecksum(bytes, offset, header.checksum ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeUdp(bytes: Uint8Array, offset: number): string {
  return `UDP ${udpSrcPort(bytes, offset)} > ${udpDstPort(bytes, offset)} length ${udpLength(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function udpFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'srcPort', value: String(udpSrcPort(bytes, offset)), bit: 0, bits: 16 },
    { name: 'dstPort', value: String(udpDstPort(bytes, offset)), bit: 16, bits: 16 },
    { name: 'length', value: String(udpLength(bytes, offset)), bit: 32, bits: 16 },
    { name: 'checksum', value: formatHex(udpChecksum(bytes, offset), 4), bit: 48, bits: 16 },
  ]
}
