/**
 * Router advertisement: RFC 4861 §4.2; options follow.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { Icmpv6Type, nameOf } from '../constants.ts'
import { formatHex } from '../format.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const NDP_ROUTER_ADVERT_MIN = 16
export const NDP_ROUTER_ADVERT_TYPE = 0
export const NDP_ROUTER_ADVERT_CODE = 1
export const NDP_ROUTER_ADVERT_CHECKSUM = 2
export const NDP_ROUTER_ADVERT_HOP_LIMIT = 4
export const NDP_ROUTER_ADVERT_MANAGED = 5
export const NDP_ROUTER_ADVERT_OTHER_CONFIG = 5
export const NDP_ROUTER_ADVERT_RESERVED = 5
export const NDP_ROUTER_ADVERT_ROUTER_LIFETIME_S = 6
export const NDP_ROUTER_ADVERT_REACHABLE_TIME_MS = 8
export const NDP_ROUTER_ADVERT_RETRANS_TIMER_MS = 12

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkNdpRouterAdvert(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 16) return ParseError.truncated
  if (ndpRouterAdvertType(bytes, offset) !== 134 || ndpRouterAdvertCode(bytes, offset) !== 0)
    return ParseError.unsupported
  return 16
}

/** Length in bytes of a header that passed its check. */
export function ndpRouterAdvertHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 16
}

/** Router advertisement type, 8 bits. */
export function ndpRouterAdvertType(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!
}
export function setNdpRouterAdvertType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
}

/** Router advertisement code, 8 bits. */
export function ndpRouterAdvertCode(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}
export function setNdpRouterAdvertCode(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 1] = value
}

/** Router advertisement checksum, 16 bits. */
export function ndpRouterAdvertChecksum(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setNdpRouterAdvertChecksum(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

/** Router advertisement hopLimit, 8 bits. */
export function ndpRouterAdvertHopLimit(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 4]!
}
export function setNdpRouterAdvertHopLimit(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 4] = value
}

/** Router advertisement managed, 1 bit. */
export function ndpRouterAdvertManaged(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 5]! >>> 7
}
export function setNdpRouterAdvertManaged(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 5] = (bytes[offset + 5]! & 0x7f) | ((value << 7) & 0x80)
}

/** Router advertisement otherConfig, 1 bit. */
export function ndpRouterAdvertOtherConfig(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 5]! >>> 6) & 0x1
}
export function setNdpRouterAdvertOtherConfig(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 5] = (bytes[offset + 5]! & 0xbf) | ((value << 6) & 0x40)
}

/** Router advertisement reserved, 6 bits. */
export function ndpRouterAdvertReserved(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 5]! & 0x3f
}
export function setNdpRouterAdvertReserved(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 5] = (bytes[offset + 5]! & 0xc0) | (value & 0x3f)
}

/** Router advertisement routerLifetimeS, 16 bits. */
export function ndpRouterAdvertRouterLifetimeS(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 6]! << 8) | bytes[offset + 7]!
}
export function setNdpRouterAdvertRouterLifetimeS(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 6] = value >>> 8
  bytes[offset + 7] = value
}

/** Router advertisement reachableTimeMs, 32 bits. */
export function ndpRouterAdvertReachableTimeMs(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 8]! << 24) | (bytes[offset + 9]! << 16) | (bytes[offset + 10]! << 8) | bytes[offset + 11]!) >>> 0
  )
}
export function setNdpRouterAdvertReachableTimeMs(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 8] = value >>> 24
  bytes[offset + 9] = value >>> 16
  bytes[offset + 10] = value >>> 8
  bytes[offset + 11] = value
}

/** Router advertisement retransTimerMs, 32 bits. */
export function ndpRouterAdvertRetransTimerMs(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 12]! << 24) | (bytes[offset + 13]! << 16) | (bytes[offset + 14]! << 8) | bytes[offset + 15]!) >>> 0
  )
}
export function setNdpRouterAdvertRetransTimerMs(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 12] = value >>> 24
  bytes[offset + 13] = value >>> 16
  bytes[offset + 14] = value >>> 8
  bytes[offset + 15] = value
}

export interface NdpRouterAdvertHeader {
  readonly type: number
  readonly code: number
  readonly checksum: number
  readonly hopLimit: number
  readonly managed: number
  readonly otherConfig: number
  readonly reserved: number
  readonly routerLifetimeS: number
  readonly reachableTimeMs: number
  readonly retransTimerMs: number
}
/** The owned form of a header that passed its check (allocates). */
export function readNdpRouterAdvert(bytes: Uint8Array, offset: number): NdpRouterAdvertHeader {
  return {
    type: ndpRouterAdvertType(bytes, offset),
    code: ndpRouterAdvertCode(bytes, offset),
    checksum: ndpRouterAdvertChecksum(bytes, offset),
    hopLimit: ndpRouterAdvertHopLimit(bytes, offset),
    managed: ndpRouterAdvertManaged(bytes, offset),
    otherConfig: ndpRouterAdvertOtherConfig(bytes, offset),
    reserved: ndpRouterAdvertReserved(bytes, offset),
    routerLifetimeS: ndpRouterAdvertRouterLifetimeS(bytes, offset),
    reachableTimeMs: ndpRouterAdvertReachableTimeMs(bytes, offset),
    retransTimerMs: ndpRouterAdvertRetransTimerMs(bytes, offset),
  }
}
/** Bytes that `writeNdpRouterAdvert` writes. */
export function ndpRouterAdvertWireLength(_header: Partial<NdpRouterAdvertHeader>): number {
  return 16
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeNdpRouterAdvert(
  bytes: Uint8Array,
  offset: number,
  header: Partial<NdpRouterAdvertHeader>,
): number {
  const length = ndpRouterAdvertWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('ndpRouterAdvert header does not fit')
  setNdpRouterAdvertType(bytes, offset, header.type ?? 134)
  setNdpRouterAdvertCode(bytes, offset, header.code ?? 0)
  setNdpRouterAdvertChecksum(bytes, offset, header.checksum ?? 0)
  setNdpRouterAdvertHopLimit(bytes, offset, header.hopLimit ?? 0)
  setNdpRouterAdvertManaged(bytes, offset, header.managed ?? 0)
  setNdpRouterAdvertOtherConfig(bytes, offset, header.otherConfig ?? 0)
  setNdpRouterAdvertReserved(bytes, offset, header.reserved ?? 0)
  setNdpRouterAdvertRouterLifetimeS(bytes, offset, header.routerLifetimeS ?? 0)
  setNdpRouterAdvertReachableTimeMs(bytes, offset, header.reachableTimeMs ?? 0)
  setNdpRouterAdvertRetransTimerMs(bytes, offset, header.retransTimerMs ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeNdpRouterAdvert(bytes: Uint8Array, offset: number): string {
  return `Router advertisement router advertisement lifetime ${ndpRouterAdvertRouterLifetimeS(bytes, offset)} s managed ${ndpRouterAdvertManaged(bytes, offset)}`
}
/** Every field with its value as text, in wire order (allocates). */
export function ndpRouterAdvertFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'type', value: nameOf(Icmpv6Type, ndpRouterAdvertType(bytes, offset)), bit: 0, bits: 8 },
    { name: 'code', value: String(ndpRouterAdvertCode(bytes, offset)), bit: 8, bits: 8 },
    { name: 'checksum', value: formatHex(ndpRouterAdvertChecksum(bytes, offset), 4), bit: 16, bits: 16 },
    { name: 'hopLimit', value: String(ndpRouterAdvertHopLimit(bytes, offset)), bit: 32, bits: 8 },
    { name: 'managed', value: String(ndpRouterAdvertManaged(bytes, offset)), bit: 40, bits: 1 },
    { name: 'otherConfig', value: String(ndpRouterAdvertOtherConfig(bytes, offset)), bit: 41, bits: 1 },
    { name: 'reserved', value: String(ndpRouterAdvertReserved(bytes, offset)), bit: 42, bits: 6 },
    { name: 'routerLifetimeS', value: String(ndpRouterAdvertRouterLifetimeS(bytes, offset)), bit: 48, bits: 16 },
    { name: 'reachableTimeMs', value: String(ndpRouterAdvertReachableTimeMs(bytes, offset)), bit: 64, bits: 32 },
    { name: 'retransTimerMs', value: String(ndpRouterAdvertRetransTimerMs(bytes, offset)), bit: 96, bits: 32 },
  ]
}
