/**
 * DHCP: RFC 2131 §2 with the cookie of RFC 2132 §2; options follow.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { DhcpOperation, nameOf } from '../constants.ts'
import { formatBytes, formatHex, formatIpv4, formatText } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const DHCP_MIN = 240
export const DHCP_OP = 0
export const DHCP_HARDWARE_TYPE = 1
export const DHCP_HARDWARE_LENGTH = 2
export const DHCP_HOPS = 3
export const DHCP_XID = 4
export const DHCP_SECS = 8
export const DHCP_FLAGS = 10
export const DHCP_CIADDR = 12
export const DHCP_YIADDR = 16
export const DHCP_SIADDR = 20
export const DHCP_GIADDR = 24
export const DHCP_CHADDR = 28
export const DHCP_SNAME = 44
export const DHCP_FILE = 108
export const DHCP_COOKIE = 236

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkDhcp(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 240) return ParseError.truncated
  if (dhcpCookie(bytes, offset) !== 0x63825363) return ParseError.unsupported
  return 240
}

/** Length in bytes of a header that passed its check. */
export function dhcpHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 240
}

/** DHCP op, 8 bits. */
export function dhcpOp(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setDhcpOp(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** DHCP hardwareType, 8 bits. */
export function dhcpHardwareType(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setDhcpHardwareType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** DHCP hardwareLength, 8 bits. */
export function dhcpHardwareLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 2]!
}
export function setDhcpHardwareLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value
}

/** DHCP hops, 8 bits. */
export function dhcpHops(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 3]!
}
export function setDhcpHops(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 3] = value
}

/** DHCP xid, 32 bits. */
export function dhcpXid(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!) >>> 0
  )
}
export function setDhcpXid(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value >>> 24
  bytes[offset + 5] = value >>> 16
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** DHCP secs, 16 bits. */
export function dhcpSecs(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 8]! << 8) | bytes[offset + 9]!
}
export function setDhcpSecs(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 8] = value >>> 8
  bytes[offset + 9] = value
}

/** DHCP flags, 16 bits: broadcast is 0x8000. */
export function dhcpFlags(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 10]! << 8) | bytes[offset + 11]!
}
export function setDhcpFlags(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 10] = value >>> 8
  bytes[offset + 11] = value
}

/** DHCP ciaddr, 32 bits: address the client has. */
export function dhcpCiaddr(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 12]! << 24) | (bytes[offset + 13]! << 16) | (bytes[offset + 14]! << 8) | bytes[offset + 15]!) >>> 0
  )
}
export function setDhcpCiaddr(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 12] = value >>> 24
  bytes[offset + 13] = value >>> 16
  bytes[offset + 14] = value >>> 8
  bytes[offset + 15] = value
}

/** DHCP yiaddr, 32 bits: address the client gets. */
export function dhcpYiaddr(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 16]! << 24) | (bytes[offset + 17]! << 16) | (bytes[offset + 18]! << 8) | bytes[offset + 19]!) >>> 0
  )
}
export function setDhcpYiaddr(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 16] = value >>> 24
  bytes[offset + 17] = value >>> 16
  bytes[offset + 18] = value >>> 8
  bytes[offset + 19] = value
}

/** DHCP siaddr, 32 bits. */
export function dhcpSiaddr(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 20]! << 24) | (bytes[offset + 21]! << 16) | (bytes[offset + 22]! << 8) | bytes[offset + 23]!) >>> 0
  )
}
export function setDhcpSiaddr(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 20] = value >>> 24
  bytes[offset + 21] = value >>> 16
  bytes[offset + 22] = value >>> 8
  bytes[offset + 23] = value
}

/** DHCP giaddr, 32 bits. */
export function dhcpGiaddr(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 24]! << 24) | (bytes[offset + 25]! << 16) | (bytes[offset + 26]! << 8) | bytes[offset + 27]!) >>> 0
  )
}
export function setDhcpGiaddr(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 24] = value >>> 24
  bytes[offset + 25] = value >>> 16
  bytes[offset + 26] = value >>> 8
  bytes[offset + 27] = value
}

/** DHCP chaddr, 16 bytes: MAC in the first 6 bytes. */
export function copyDhcpChaddr(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  out[outOffset] = bytes[offset + 28]!
  out[outOffset + 1] = bytes[offset + 29]!
  out[outOffset + 2] = bytes[offset + 30]!
  out[outOffset + 3] = bytes[offset + 31]!
  out[outOffset + 4] = bytes[offset + 32]!
  out[outOffset + 5] = bytes[offset + 33]!
  out[outOffset + 6] = bytes[offset + 34]!
  out[outOffset + 7] = bytes[offset + 35]!
  out[outOffset + 8] = bytes[offset + 36]!
  out[outOffset + 9] = bytes[offset + 37]!
  out[outOffset + 10] = bytes[offset + 38]!
  out[outOffset + 11] = bytes[offset + 39]!
  out[outOffset + 12] = bytes[offset + 40]!
  out[outOffset + 13] = bytes[offset + 41]!
  out[outOffset + 14] = bytes[offset + 42]!
  out[outOffset + 15] = bytes[offset + 43]!
}
export function setDhcpChaddr(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  bytes[offset + 28] = source[sourceOffset]!
  bytes[offset + 29] = source[sourceOffset + 1]!
  bytes[offset + 30] = source[sourceOffset + 2]!
  bytes[offset + 31] = source[sourceOffset + 3]!
  bytes[offset + 32] = source[sourceOffset + 4]!
  bytes[offset + 33] = source[sourceOffset + 5]!
  bytes[offset + 34] = source[sourceOffset + 6]!
  bytes[offset + 35] = source[sourceOffset + 7]!
  bytes[offset + 36] = source[sourceOffset + 8]!
  bytes[offset + 37] = source[sourceOffset + 9]!
  bytes[offset + 38] = source[sourceOffset + 10]!
  bytes[offset + 39] = source[sourceOffset + 11]!
  bytes[offset + 40] = source[sourceOffset + 12]!
  bytes[offset + 41] = source[sourceOffset + 13]!
  bytes[offset + 42] = source[sourceOffset + 14]!
  bytes[offset + 43] = source[sourceOffset + 15]!
}
/** A copy of the 16 bytes (allocates). */
export function readDhcpChaddr(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 28, offset + 44))
}
/** Unsigned 32-bit word `index`, 0 to 3, the first being the most significant. */
export function dhcpChaddrWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 28 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

/** DHCP sname, 64 bytes. */
export function copyDhcpSname(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  for (let i = 0; i < 64; i++) out[outOffset + i] = bytes[offset + 44 + i]!
}
export function setDhcpSname(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  for (let i = 0; i < 64; i++) bytes[offset + 44 + i] = source[sourceOffset + i]!
}
/** A copy of the 64 bytes (allocates). */
export function readDhcpSname(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 44, offset + 108))
}
/** Unsigned 32-bit word `index`, 0 to 15, the first being the most significant. */
export function dhcpSnameWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 44 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

/** DHCP file, 128 bytes. */
export function copyDhcpFile(bytes: Uint8Array, offset: number, out: Uint8Array, outOffset: number): void {
  for (let i = 0; i < 128; i++) out[outOffset + i] = bytes[offset + 108 + i]!
}
export function setDhcpFile(bytes: Uint8Array, offset: number, source: Uint8Array, sourceOffset = 0): void {
  for (let i = 0; i < 128; i++) bytes[offset + 108 + i] = source[sourceOffset + i]!
}
/** A copy of the 128 bytes (allocates). */
export function readDhcpFile(bytes: Uint8Array, offset: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset + 108, offset + 236))
}
/** Unsigned 32-bit word `index`, 0 to 31, the first being the most significant. */
export function dhcpFileWord(bytes: Uint8Array, offset: number, index: number): number {
  const from = offset + 108 + index * 4
  return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0
}

/** DHCP cookie, 32 bits. */
export function dhcpCookie(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 236]! << 24) |
      (bytes[offset + 237]! << 16) |
      (bytes[offset + 238]! << 8) |
      bytes[offset + 239]!) >>>
    0
  )
}
export function setDhcpCookie(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 236] = value >>> 24
  bytes[offset + 237] = value >>> 16
  bytes[offset + 238] = value >>> 8
  bytes[offset + 239] = value
}

export interface DhcpHeader {
  readonly op: number
  readonly hardwareType: number
  readonly hardwareLength: number
  readonly hops: number
  readonly xid: number
  readonly secs: number
  readonly flags: number
  readonly ciaddr: number
  readonly yiaddr: number
  readonly siaddr: number
  readonly giaddr: number
  readonly chaddr: Uint8Array
  readonly sname: Uint8Array
  readonly file: Uint8Array
  readonly cookie: number
}
/** The owned form of a header that passed its check (allocates). */
export function readDhcp(bytes: Uint8Array, offset: number): DhcpHeader {
  return {
    op: dhcpOp(bytes, offset),
    hardwareType: dhcpHardwareType(bytes, offset),
    hardwareLength: dhcpHardwareLength(bytes, offset),
    hops: dhcpHops(bytes, offset),
    xid: dhcpXid(bytes, offset),
    secs: dhcpSecs(bytes, offset),
    flags: dhcpFlags(bytes, offset),
    ciaddr: dhcpCiaddr(bytes, offset),
    yiaddr: dhcpYiaddr(bytes, offset),
    siaddr: dhcpSiaddr(bytes, offset),
    giaddr: dhcpGiaddr(bytes, offset),
    chaddr: readDhcpChaddr(bytes, offset),
    sname: readDhcpSname(bytes, offset),
    file: readDhcpFile(bytes, offset),
    cookie: dhcpCookie(bytes, offset),
  }
}
/** Bytes that `writeDhcp` writes. */
export function dhcpWireLength(_header: Partial<DhcpHeader>): number {
  return 240
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeDhcp(bytes: Uint8Array, offset: number, header: Partial<DhcpHeader>): number {
  const length = dhcpWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('dhcp header does not fit')
  setDhcpOp(bytes, offset, header.op ?? 1)
  setDhcpHardwareType(bytes, offset, header.hardwareType ?? 1)
  setDhcpHardwareLength(bytes, offset, header.hardwareLength ?? 6)
  setDhcpHops(bytes, offset, header.hops ?? 0)
  setDhcpXid(bytes, offset, header.xid ?? 0)
  setDhcpSecs(bytes, offset, header.secs ?? 0)
  setDhcpFlags(bytes, offset, header.flags ?? 0)
  setDhcpCiaddr(bytes, offset, header.ciaddr ?? 0)
  setDhcpYiaddr(bytes, offset, header.yiaddr ?? 0)
  setDhcpSiaddr(bytes, offset, header.siaddr ?? 0)
  setDhcpGiaddr(bytes, offset, header.giaddr ?? 0)
  if (header.chaddr === undefined) bytes.fill(0, offset + 28, offset + 44)
  else setDhcpChaddr(bytes, offset, header.chaddr)
  if (header.sname === undefined) bytes.fill(0, offset + 44, offset + 108)
  else setDhcpSname(bytes, offset, header.sname)
  if (header.file === undefined) bytes.fill(0, offset + 108, offset + 236)
  else setDhcpFile(bytes, offset, header.file)
  setDhcpCookie(bytes, offset, header.cookie ?? 1669485411)
  return length
}

/** One line about a header that passed its check. */
export function describeDhcp(bytes: Uint8Array, offset: number): string {
  return `DHCP ${nameOf(DhcpOperation, dhcpOp(bytes, offset))} xid ${formatHex(dhcpXid(bytes, offset), 8)} ciaddr ${formatIpv4(dhcpCiaddr(bytes, offset))} yiaddr ${formatIpv4(dhcpYiaddr(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function dhcpFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'op', value: nameOf(DhcpOperation, dhcpOp(bytes, offset)), bit: 0, bits: 8 },
    { name: 'hardwareType', value: String(dhcpHardwareType(bytes, offset)), bit: 8, bits: 8 },
    { name: 'hardwareLength', value: String(dhcpHardwareLength(bytes, offset)), bit: 16, bits: 8 },
    { name: 'hops', value: String(dhcpHops(bytes, offset)), bit: 24, bits: 8 },
    { name: 'xid', value: formatHex(dhcpXid(bytes, offset), 8), bit: 32, bits: 32 },
    { name: 'secs', value: String(dhcpSecs(bytes, offset)), bit: 64, bits: 16 },
    { name: 'flags', value: formatHex(dhcpFlags(bytes, offset), 4), bit: 80, bits: 16 },
    { name: 'ciaddr', value: formatIpv4(dhcpCiaddr(bytes, offset)), bit: 96, bits: 32 },
    { name: 'yiaddr', value: formatIpv4(dhcpYiaddr(bytes, offset)), bit: 128, bits: 32 },
    { name: 'siaddr', value: formatIpv4(dhcpSiaddr(bytes, offset)), bit: 160, bits: 32 },
    { name: 'giaddr', value: formatIpv4(dhcpGiaddr(bytes, offset)), bit: 192, bits: 32 },
    { name: 'chaddr', value: formatBytes(bytes, offset + 28, 16), bit: 224, bits: 128 },
    { name: 'sname', value: formatText(bytes, offset + 44, 64), bit: 352, bits: 512 },
    { name: 'file', value: formatText(bytes, offset + 108, 128), bit: 864, bits: 1024 },
    { name: 'cookie', value: formatHex(dhcpCookie(bytes, offset), 8), bit: 1888, bits: 32 },
  ]
}
