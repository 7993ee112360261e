/**
 * TCP: RFC 9293 §3.1.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { formatBytes, formatHex, formatTcpFlags } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const TCP_MIN = 20
/** Largest header in bytes. */
export const TCP_MAX = 60
export const TCP_SRC_PORT = 0
export const TCP_DST_PORT = 2
export const TCP_SEQUENCE = 4
export const TCP_ACKNOWLEDGMENT = 8
export const TCP_DATA_OFFSET = 12
export const TCP_RESERVED = 12
export const TCP_FLAGS = 13
export const TCP_WINDOW = 14
export const TCP_CHECKSUM = 16
export const TCP_URGENT = 18

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkTcp(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 20) return ParseError.truncated
  if (tcpDataOffset(bytes, offset) < 5) return ParseError.badDataOffset
  const length = tcpDataOffset(bytes, offset) * 4
  if (length > end - offset) return ParseError.truncated
  return length
}

/** Length in bytes of a header that passed its check. */
export function tcpHeaderLength(bytes: Uint8Array, offset: number): number {
  return tcpDataOffset(bytes, offset) * 4
}

/** TCP srcPort, 16 bits. */
export function tcpSrcPort(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}
export function setTcpSrcPort(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value
}

/** TCP dstPort, 16 bits. */
export function tcpDstPort(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setTcpDstPort(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** TCP sequence, 32 bits. */
export function tcpSequence(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) >>> 0
  )
}
export function setTcpSequence(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 24
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** TCP acknowledgment, 32 bits. */
export function tcpAcknowledgment(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 8]! << 24) | (bytes[offset + 9]! << 16) | (bytes[offset + 10]! << 8) | bytes[offset + 11]!) >>> 0
  )
}
export function setTcpAcknowledgment(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 8] = value >>> 24
  bytes[offset + 9] = value >>> 16
  bytes[offset + 10] = value >>> 8
  bytes[offset + 11] = value
}

/** TCP dataOffset, 4 bits: header length in 4-byte words. */
export function tcpDataOffset(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 12]! >>> 4
}
export function setTcpDataOffset(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 12] = (bytes[offset + 12]! & 0xf) | ((value << 4) & 0xf0)
}

/** TCP reserved, 4 bits. */
export function tcpReserved(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 12]! & 0xf
}
export function setTcpReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 12] = (bytes[offset + 12]! & 0xf0) | (value & 0xf)
}

/** TCP flags, 8 bits: see TcpFlag. */
export function tcpFlags(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 13]!
}
export function setTcpFlags(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 13] = value
}

/** TCP window, 16 bits. */
export function tcpWindow(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 14]! << 8) | bytes[offset + 15]!
}
export function setTcpWindow(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 14] = value >>> 8
  bytes[offset + 15] = value
}

/** TCP checksum, 16 bits. */
export function tcpChecksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 16]! << 8) | bytes[offset + 17]!
}
export function setTcpChecksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 16] = value >>> 8
  bytes[offset + 17] = value
}

/** TCP urgent, 16 bits. */
export function tcpUrgent(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 18]! << 8) | bytes[offset + 19]!
}
export function setTcpUrgent(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 18] = value >>> 8
  bytes[offset + 19] = value
}

/** Bytes of options after the fixed part. */
export function tcpOptionsLength(bytes: Uint8Array, offset: number): number {
  return tcpHeaderLength(bytes, offset) - 20
}
/** A copy of the options (allocates). */
export function readTcpOptions(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 20, offset + tcpHeaderLength(bytes, offset)))
}

export interface TcpHeader {
  readonly srcPort: number
  readonly dstPort: number
  readonly sequence: number
  readonly acknowledgment: number
  readonly dataOffset: number
  readonly reserved: number
  readonly flags: number
  readonly window: number
  readonly checksum: number
  readonly urgent: number
  readonly options: Uint8Array
}
/** The owned form of a header that passed its check (allocates). */
export function readTcp(bytes: Uint8Array, offset: number): TcpHeader {
  return {
    srcPort: tcpSrcPort(bytes, offset),
    dstPort: tcpDstPort(bytes, offset),
    sequence: tcpSequence(bytes, offset),
    acknowledgment: tcpAcknowledgment(bytes, offset),
    dataOffset: tcpDataOffset(bytes, offset),
    reserved: tcpReserved(bytes, offset),
    flags: tcpFlags(bytes, offset),
    window: tcpWindow(bytes, offset),
    checksum: tcpChecksum(bytes, offset),
    urgent: tcpUrgent(bytes, offset),
    options: readTcpOptions(bytes, offset),
  }
}
/** Bytes that `writeTcp` writes: the fixed part and the options, padded to 4 bytes. */
export function tcpWireLength(header: Partial<TcpHeader>): number {
  return Math.ceil((20 + (header.options === undefined ? 0 : header.options.length)) / 4) * 4
}
/**
 * Writes a header; absent fields get their defaults, `dataOffset` is derived from the options.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeTcp(bytes: Uint8Array, offset: number, header: Partial<TcpHeader>): number {
  const length = tcpWireLength(header)
  if (length > 60 || offset + length > bytes.length) throw new RangeError('tcp header does not fit')
  setTcpSrcPort(bytes, offset, header.srcPort ?? 0)
  setTcpDstPort(bytes, offset, header.dstPort ?? 0)
  setTcpSequence(bytes, offset, header.sequence ?? 0)
  setTcpAcknowledgment(bytes, offset, header.acknowledgment ?? 0)
  setTcpDataOffset(bytes, offset, length / 4)
  setTcpReserved(bytes, offset, header.reserved ?? 0)
  setTcpFlags(bytes, offset, header.flags ?? 0)
  setTcpWindow(bytes, offset, header.window ?? 0)
  setTcpChecksum(bytes, offset, header.checksum ?? 0)
  setTcpUrgent(bytes, offset, header.urgent ?? 0)
  let at = offset + 20
  if (header.options !== undefined) {
    bytes.set(header.options, at)
    at += header.options.length
  }
  bytes.fill(0, at, offset + length)
  return length
}

/** One line about a header that passed its check. */
export function describeTcp(bytes: Uint8Array, offset: number): string {
  return `TCP ${tcpSrcPort(bytes, offset)} > ${tcpDstPort(bytes, offset)} ${formatTcpFlags(tcpFlags(bytes, offset))} seq ${tcpSequence(bytes, offset)} ack ${tcpAcknowledgment(bytes, offset)} win ${tcpWindow(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function tcpFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'srcPort', value: String(tcpSrcPort(bytes, offset)), bit: 0, bits: 16 },
    { name: 'dstPort', value: String(tcpDstPort(bytes, offset)), bit: 16, bits: 16 },
    { name: 'sequence', value: String(tcpSequence(bytes, offset)), bit: 32, bits: 32 },
    { name: 'acknowledgment', value: String(tcpAcknowledgment(bytes, offset)), bit: 64, bits: 32 },
    { name: 'dataOffset', value: String(tcpDataOffset(bytes, offset)), bit: 96, bits: 4 },
    { name: 'reserved', value: String(tcpReserved(bytes, offset)), bit: 100, bits: 4 },
    { name: 'flags', value: formatTcpFlags(tcpFlags(bytes, offset)), bit: 104, bits: 8 },
    { name: 'window', value: String(tcpWindow(bytes, offset)), bit: 112, bits: 16 },
    { name: 'checksum', value: formatHex(tcpChecksum(bytes, offset), 4), bit: 128, bits: 16 },
    { name: 'urgent', value: String(tcpUrgent(bytes, offset)), bit: 144, bits: 16 },
    {
      name: 'options',
      value: formatBytes(bytes, offset + 20, tcpOptionsLength(bytes, offset)),
      bit: 160,
      bits: tcpOptionsLength(bytes, offset) * 8,
    },
  ]
}
