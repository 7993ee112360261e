/**
 * ARP: RFC 826, for IPv4 over Ethernet.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { ArpOperation, EtherType, nameOf } from '../constants.ts'
import { formatIpv4, formatMac } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const ARP_MIN = 28
export const ARP_HARDWARE_TYPE = 0
export const ARP_PROTOCOL_TYPE = 2
export const ARP_HARDWARE_LENGTH = 4
export const ARP_PROTOCOL_LENGTH = 5
export const ARP_OPERATION = 6
export const ARP_SENDER_MAC = 8
export const ARP_SENDER_IP = 14
export const ARP_TARGET_MAC = 18
export const ARP_TARGET_IP = 24

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkArp(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 28) return ParseError.truncated
  if (arpHardwareType(bytes, offset) !== 1 || arpProtocolType(bytes, offset) !== 0x0800) return ParseError.unsupported
  if (arpHardwareLength(bytes, offset) !== 6 || arpProtocolLength(bytes, offset) !== 4) return ParseError.badLength
  return 28
}

/** Length in bytes of a header that passed its check. */
export function arpHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 28
}

/** ARP hardwareType, 16 bits. */
export function arpHardwareType(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}
export function setArpHardwareType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value
}

/** ARP protocolType, 16 bits. */
export function arpProtocolType(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setArpProtocolType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** ARP hardwareLength, 8 bits. */
export function arpHardwareLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 4]!
}
export function setArpHardwareLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value
}

/** ARP protocolLength, 8 bits. */
export function arpProtocolLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 5]!
}
export function setArpProtocolLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 5] = value
}

/** ARP operation, 16 bits. */
export function arpOperation(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 6]! << 8) | bytes[offset + 7]!
}
export function setArpOperation(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** ARP senderMac, 6 bytes. */
export function copyArpSenderMac(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  out[outOffset] = bytes[offset + 8]!
  out[outOffset + 1] = bytes[offset + 9]!
  out[outOffset + 2] = bytes[offset + 10]!
  out[outOffset + 3] = bytes[offset + 11]!
  out[outOffset + 4] = bytes[offset + 12]!
  out[outOffset + 5] = bytes[offset + 13]!
}
export function setArpSenderMac(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  bytes[offset + 8] = source[sourceOffset]!
  bytes[offset + 9] = source[sourceOffset + 1]!
  bytes[offset + 10] = source[sourceOffset + 2]!
  bytes[offset + 11] = source[sourceOffset + 3]!
  bytes[offset + 12] = source[sourceOffset + 4]!
  bytes[offset + 13] = source[sourceOffset + 5]!
}
/** A copy of the 6 bytes (allocates). */
export function readArpSenderMac(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 8, offset + 14))
}
/** The MAC as a number below 2^48. */
export function arpSenderMacNumber(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 8]! << 8) | bytes[offset + 9]!) * 0x100000000 +
    (((bytes[offset + 10]! << 24) | (bytes[offset + 11]! << 16) | (bytes[offset + 12]! << 8) | bytes[offset + 13]!) >>>
      0)
  )
}
export function setArpSenderMacNumber(bytes: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / 0x100000000)
  const low = value >>> 0
  bytes[offset + 8] = high >>> 8
  bytes[offset + 9] = high
  bytes[offset + 10] = low >>> 24
  bytes[offset + 11] = low >>> 16
  bytes[offset + 12] = low >>> 8
  bytes[offset + 13] = low
}

/** ARP senderIp, 32 bits. */
export function arpSenderIp(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 14]! << 24) | (bytes[offset + 15]! << 16) | (bytes[offset + 16]! << 8) | bytes[offset + 17]!) >>> 0
  )
}
export function setArpSenderIp(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 14] = value >>> 24
  bytes[offset + 15] = value >>> 16
  bytes[offset + 16] = value >>> 8
  bytes[offset + 17] = value
}

/** ARP targetMac, 6 bytes. */
export function copyArpTargetMac(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  out[outOffset] = bytes[offset + 18]!
  out[outOffset + 1] = bytes[offset + 19]!
  out[outOffset + 2] = bytes[offset + 20]!
  out[outOffset + 3] = bytes[offset + 21]!
  out[outOffset + 4] = bytes[offset + 22]!
  out[outOffset + 5] = bytes[offset + 23]!
}
export function setArpTargetMac(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  bytes[offset + 18] = source[sourceOffset]!
  bytes[offset + 19] = source[sourceOffset + 1]!
  bytes[offset + 20] = source[sourceOffset + 2]!
  bytes[offset + 21] = source[sourceOffset + 3]!
  bytes[offset + 22] = source[sourceOffset + 4]!
  bytes[offset + 23] = source[sourceOffset + 5]!
}
/** A copy of the 6 bytes (allocates). */
export function readArpTargetMac(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 18, offset + 24))
}
/** The MAC as a number below 2^48. */
export function arpTargetMacNumber(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 18]! << 8) | bytes[offset + 19]!) * 0x100000000 +
    (((bytes[offset + 20]! << 24) | (bytes[offset + 21]! << 16) | (bytes[offset + 22]! << 8) | bytes[offset + 23]!) >>>
      0)
  )
}
export function setArpTargetMacNumber(bytes: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / 0x100000000)
  const low = value >>> 0
  bytes[offset + 18] = high >>> 8
  bytes[offset + 19] = high
  bytes[offset + 20] = low >>> 24
  bytes[offset + 21] = low >>> 16
  bytes[offset + 22] = low >>> 8
  bytes[offset + 23] = low
}

/** ARP targetIp, 32 bits. */
export function arpTargetIp(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 24]! << 24) | (bytes[offset + 25]! << 16) | (bytes[offset + 26]! << 8) | bytes[offset + 27]!) >>> 0
  )
}
export function setArpTargetIp(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 24] = value >>> 24
  bytes[offset + 25] = value >>> 16
  bytes[offset + 26] = value >>> 8
  bytes[offset + 27] = value
}

export interface ArpHeader {
  readonly hardwareType: number
  readonly protocolType: number
  readonly hardwareLength: number
  readonly protocolLength: number
  readonly operation: number
  readonly senderMac: Uint8Array
  readonly senderIp: number
  readonly targetMac: Uint8Array
  readonly targetIp: number
}
/** The owned form of a header that passed its check (allocates). */
export function readArp(bytes: Uint8Array, offset: number): ArpHeader {
  return {
    hardwareType: arpHardwareType(bytes, offset),
    protocolType: arpProtocolType(bytes, offset),
    hardwareLength: arpHardwareLength(bytes, offset),
    protocolLength: arpProtocolLength(bytes, offset),
    operation: arpOperation(bytes, offset),
    senderMac: readArpSenderMac(bytes, offset),
    senderIp: arpSenderIp(bytes, offset),
    targetMac: readArpTargetMac(bytes, offset),
    targetIp: arpTargetIp(bytes, offset),
  }
}
/** Bytes that `writeArp` writes. */
export function arpWireLength(_header: Partial<ArpHeader>): number {
  return 28
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeArp(bytes: Uint8Array, offset: number, header: Partial<ArpHeader>): number {
  const length = arpWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('arp header does not fit')
  setArpHardwareType(bytes, offset, header.hardwareType ?? 1)
  setArpProtocolType(bytes, offset, header.protocolType ?? 2048)
  setArpHardwareLength(bytes, offset, header.hardwareLength ?? 6)
  setArpProtocolLength(bytes, offset, header.protocolLength ?? 4)
  setArpOperation(bytes, offset, header.operation ?? 1)
  if (header.senderMac === undefined) bytes.fill(0, offset + 8, offset + 14)
  else setArpSenderMac(bytes, offset, header.senderMac)
  setArpSenderIp(bytes, offset, header.senderIp ?? 0)
  if (header.targetMac === undefined) bytes.fill(0, offset + 18, offset + 24)
  else setArpTargetMac(bytes, offset, header.targetMac)
  setArpTargetIp(bytes, offset, header.targetIp ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeArp(bytes: Uint8Array, offset: number): string {
  return `ARP ${nameOf(ArpOperation, arpOperation(bytes, offset))} who has ${formatIpv4(arpTargetIp(bytes, offset))} tell ${formatIpv4(arpSenderIp(bytes, offset))} (${formatMac(bytes, offset + 8)})`
}
/** Every field with its value as text, in wire order (allocates). */
export function arpFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'hardwareType', value: String(arpHardwareType(bytes, offset)), bit: 0, bits: 16 },
    { name: 'protocolType', value: nameOf(EtherType, arpProtocolType(bytes, offset)), bit: 16, bits: 16 },
    { name: 'hardwareLength', value: String(arpHardwareLength(bytes, offset)), bit: 32, bits: 8 },
    { name: 'protocolLength', value: String(arpProtocolLength(bytes, offset)), bit: 40, bits: 8 },
    { name: 'operation', value: nameOf(ArpOperation, arpOperation(bytes, offset)), bit: 48, bits: 16 },
    { name: 'senderMac', value: formatMac(bytes, offset + 8), bit: 64, bits: 48 },
    { name: 'senderIp', value: formatIpv4(arpSenderIp(bytes, offset)), bit: 112, bits: 32 },
    { name: 'targetMac', value: formatMac(bytes, offset + 18), bit: 144, bits: 48 },
    { name: 'targetIp', value: formatIpv4(arpTargetIp(bytes, offset)), bit: 192, bits: 32 },
  ]
}
