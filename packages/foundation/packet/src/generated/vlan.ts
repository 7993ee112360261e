/**
 * 802.1Q: IEEE 802.1Q §9.6; starts after the tag protocol identifier.
 * GENERATED from src/headers by `node tools/generate.ts`; do not edit.
 */
import { EtherType, nameOf } from '../constants.ts'
import type { FieldValue } from '../header-row.ts'
import { ParseError } from '../parse-error.ts'

/** Length of the fixed part in bytes. */
export const VLAN_MIN = 4
export const VLAN_PCP = 0
export const VLAN_DEI = 0
export const VLAN_VID = 0
export const VLAN_ETHER_TYPE = 2

/** Validates the header at `offset`, of bytes that end at `end`. @returns its length in bytes, or a `ParseError`. */
export function checkVlan(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 4) return ParseError.truncated
  return 4
}

/** Length in bytes of a header that passed its check. */
export function vlanHeaderLength(_bytes: Uint8Array, _offset: number): number {
  return 4
}

/** 802.1Q pcp, 3 bits: priority code point. */
export function vlanPcp(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! >>> 5
}
export function setVlanPcp(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0x1f) | ((value << 5) & 0xe0)
}

/** 802.1Q dei, 1 bit: drop eligible. */
export function vlanDei(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! >>> 4) & 0x1
}
export function setVlanDei(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0xef) | ((value << 4) & 0x10)
}

/** 802.1Q vid, 12 bits: VLAN identifier. */
export function vlanVid(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 8) | bytes[offset + 1]!) & 0xfff
}
export function setVlanVid(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = (bytes[offset]! & 0xf0) | ((value >>> 8) & 0xf)
  bytes[offset + 1] = value
}

/** 802.1Q etherType, 16 bits. */
export function vlanEtherType(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!
}
export function setVlanEtherType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

export interface VlanHeader {
  readonly pcp: number
  readonly dei: number
  readonly vid: number
  readonly etherType: number
}
/** The owned form of a header that passed its check (allocates). */
export function readVlan(bytes: Uint8Array, offset: number): VlanHeader {
  return {
    pcp: vlanPcp(bytes, offset),
    dei: vlanDei(bytes, offset),
    vid: vlanVid(bytes, offset),
    etherType: vlanEtherType(bytes, offset),
  }
}
/** Bytes that `writeVlan` writes. */
export function vlanWireLength(_header: Partial<VlanHeader>): number {
  return 4
}
/**
 * Writes a header; absent fields get their defaults.
 * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.
 */
export function writeVlan(bytes: Uint8Array, offset: number, header: Partial<VlanHeader>): number {
  const length = vlanWireLength(header)
  if (offset + length > bytes.length) throw new RangeError('vlan header does not fit')
  setVlanPcp(bytes, offset, header.pcp ?? 0)
  setVlanDei(bytes, offset, header.dei ?? 0)
  setVlanVid(bytes, offset, header.vid ?? 0)
  setVlanEtherType(bytes, offset, header.etherType ?? 0)
  return length
}

/** One line about a header that passed its check. */
export function describeVlan(bytes: Uint8Array, offset: number): string {
  return `802.1Q vid ${vlanVid(bytes, offset)} pcp ${vlanPcp(bytes, offset)} ${nameOf(EtherType, vlanEtherType(bytes, offset))}`
}
/** Every field with its value as text, in wire order (allocates). */
export function vlanFieldValues(bytes: Uint8Array, offset: number): FieldValue[] {
  return [
    { name: 'pcp', value: String(vlanPcp(bytes, offset)), bit: 0, bits: 3 },
    { name: 'dei', value: String(vlanDei(bytes, offset)), bit: 3, bits: 1 },
    { name: 'vid', value: String(vlanVid(bytes, offset)), bit: 4, bits: 12 },
    { name: 'etherType', value: nameOf(EtherType, vlanEtherType(bytes, offset)), bit: 16, bits: 16 },
  ]
}
