/**
 * Delay telemetry in the bytes of a frame: the DDM extension header between IPv6 and its payload. On the way there it holds our
 * element, with those of the switches before it; the answer is a packet of its own with no payload, in which the receiver has put
 * its clock before our element, last but one.
 *
 * Nothing here allocates but the slot of an answer.
 */
import type { Arena } from '@lodestone/frame'
import {
  checkDdm,
  DDM_ELEMENT_MIN,
  DDM_MIN,
  ddmAck,
  ddmElementId,
  ddmElementTimestamp,
  ddmHeaderLength,
  ddmNextHeader,
  ETHERNET_MIN,
  EtherType,
  IPV6_DST,
  IPV6_MIN,
  IPV6_SRC,
  IpProtocol,
  ipv6NextHeader,
  ipv6PayloadLength,
  setDdmAck,
  setDdmElementId,
  setDdmElementTimestamp,
  setDdmNextHeader,
  setDdmReserved,
  setDdmRestLength,
  setDdmVersion,
  setIpv6HopLimit,
  setIpv6NextHeader,
  setIpv6PayloadLength,
} from '@lodestone/packet'

/** What the header with our own element adds to a packet, and what the switch's adds to it. */
export const TELEMETRY_BYTES: number = DDM_MIN + DDM_ELEMENT_MIN
export const SWITCH_ELEMENT_BYTES: number = DDM_ELEMENT_MIN
/** A packet that is nothing but telemetry, from its IPv6 header on. */
export const PROBE_BYTES: number = IPV6_MIN + TELEMETRY_BYTES

/** Id of the receiver's element. The sender takes any. */
const RECEIVER_ID = 0xff
const HOP_LIMIT = 64
const VERSION = 1
/** Our element, and the receiver's. */
const ANSWER_ELEMENTS = 2

/** Puts the header into a packet that starts at IPv6. @returns false when the slot has no room in front. */
export function insertTelemetry(arena: Arena, slot: number, id: number, stamp: number): boolean {
  if (!arena.shift(slot, -TELEMETRY_BYTES)) return false
  const { bytes } = arena
  const start = arena.start(slot)
  bytes.copyWithin(start, start + TELEMETRY_BYTES, start + TELEMETRY_BYTES + IPV6_MIN)
  setIpv6PayloadLength(bytes, start, ipv6PayloadLength(bytes, start) + TELEMETRY_BYTES)
  writeHeader(bytes, start + IPV6_MIN, ipv6NextHeader(bytes, start), TELEMETRY_BYTES, 0)
  writeElement(bytes, start + IPV6_MIN + DDM_MIN, id, stamp)
  setIpv6NextHeader(bytes, start, IpProtocol.ddm)
  return true
}

/** Makes a packet of `PROBE_BYTES` telemetry only. The slot has that length, and its IPv6 header all but lengths and next header. */
export function writeProbe(arena: Arena, slot: number, id: number, stamp: number): void {
  const { bytes } = arena
  const start = arena.start(slot)
  setIpv6PayloadLength(bytes, start, TELEMETRY_BYTES)
  setIpv6NextHeader(bytes, start, IpProtocol.ddm)
  setIpv6HopLimit(bytes, start, HOP_LIMIT)
  writeHeader(bytes, start + IPV6_MIN, IpProtocol.none, TELEMETRY_BYTES, 0)
  writeElement(bytes, start + IPV6_MIN + DDM_MIN, id, stamp)
}

/** Length of the telemetry header of an untagged Ethernet frame; 0 when it has none, negative when it is malformed. */
export function telemetryLength(arena: Arena, slot: number): number {
  const { bytes } = arena
  const start = arena.start(slot)
  if (arena.length(slot) < ETHERNET_MIN + IPV6_MIN + DDM_MIN) return 0
  if (bytes[start + ETHERNET_MIN + 6] !== IpProtocol.ddm) return 0
  if (bytes[start + 12] !== EtherType.ipv6 >> 8 || bytes[start + 13] !== (EtherType.ipv6 & 0xff)) return 0
  const payload = start + ETHERNET_MIN + IPV6_MIN
  return checkDdm(bytes, payload, Math.min(arena.end(slot), payload + ipv6PayloadLength(bytes, start + ETHERNET_MIN)))
}

export function isAnswer(arena: Arena, slot: number): boolean {
  return ddmAck(arena.bytes, headerAt(arena, slot)) === 1
}

/** Whether the packet holds anything besides telemetry. */
export function hasPayload(arena: Arena, slot: number): boolean {
  return ddmNextHeader(arena.bytes, headerAt(arena, slot)) !== IpProtocol.none
}

/** The id of the sender's element, which is the last; -1 when there is none. */
export function senderId(arena: Arena, slot: number): number {
  const at = headerAt(arena, slot)
  const length = ddmHeaderLength(arena.bytes, at)
  return length < TELEMETRY_BYTES ? -1 : ddmElementId(arena.bytes, at + length - DDM_ELEMENT_MIN)
}

export function senderStamp(arena: Arena, slot: number): number {
  const at = headerAt(arena, slot)
  return ddmElementTimestamp(arena.bytes, at + ddmHeaderLength(arena.bytes, at) - DDM_ELEMENT_MIN)
}

/** What the receiver's clock said, of an answer; -1 when it holds our element alone, -2 when it holds what is neither's. */
export function receiverStamp(arena: Arena, slot: number): number {
  const at = headerAt(arena, slot)
  const length = ddmHeaderLength(arena.bytes, at)
  if (length === TELEMETRY_BYTES) return -1
  const isTwo = length === DDM_MIN + ANSWER_ELEMENTS * DDM_ELEMENT_MIN
  return isTwo && ddmElementId(arena.bytes, at + DDM_MIN) === RECEIVER_ID
    ? ddmElementTimestamp(arena.bytes, at + DDM_MIN)
    : -2
}

/** Of a packet of ours that a switch turned round: what its clock said, when its element alone lies before ours; else -1. */
export function switchStamp(arena: Arena, slot: number): number {
  const at = headerAt(arena, slot)
  const isTwo = ddmHeaderLength(arena.bytes, at) === TELEMETRY_BYTES + SWITCH_ELEMENT_BYTES
  return isTwo ? ddmElementTimestamp(arena.bytes, at + DDM_MIN) : -1
}

/**
 * A frame that answers `slot`, for the link that it came by: back to where it came from, its elements, and the time of its arrival.
 * @returns the slot; -1 when there is none, or when the elements leave no room for ours.
 */
export function makeAnswer(arena: Arena, slot: number, stamp: number): number {
  const { bytes } = arena
  const length = ddmHeaderLength(bytes, headerAt(arena, slot))
  if (length + DDM_ELEMENT_MIN > DDM_MIN + 16 * DDM_ELEMENT_MIN) return -1
  const answerLength = length + DDM_ELEMENT_MIN
  const answer = arena.alloc(ETHERNET_MIN + IPV6_MIN + answerLength)
  if (answer < 0) return -1
  const from = arena.start(slot)
  const to = arena.start(answer)
  bytes.copyWithin(to, from, from + ETHERNET_MIN + IPV6_MIN)
  bytes.copyWithin(to, from + 6, from + 12)
  bytes.copyWithin(to + 6, from, from + 6)
  const ip = to + ETHERNET_MIN
  bytes.copyWithin(ip + IPV6_SRC, from + ETHERNET_MIN + IPV6_DST, from + ETHERNET_MIN + IPV6_DST + 16)
  bytes.copyWithin(ip + IPV6_DST, from + ETHERNET_MIN + IPV6_SRC, from + ETHERNET_MIN + IPV6_SRC + 16)
  setIpv6PayloadLength(bytes, ip, answerLength)
  setIpv6HopLimit(bytes, ip, HOP_LIMIT)
  const header = ip + IPV6_MIN
  const received = headerAt(arena, slot)
  const last = length - DDM_ELEMENT_MIN
  writeHeader(bytes, header, IpProtocol.none, answerLength, 1)
  bytes.copyWithin(header + DDM_MIN, received + DDM_MIN, received + last)
  writeElement(bytes, header + last, RECEIVER_ID, stamp)
  bytes.copyWithin(header + length, received + last, received + length)
  return answer
}

/** Takes the header out of a frame. */
export function stripTelemetry(arena: Arena, slot: number): void {
  const { bytes } = arena
  const at = headerAt(arena, slot)
  const start = arena.start(slot)
  const length = ddmHeaderLength(bytes, at)
  const nextHeader = ddmNextHeader(bytes, at)
  bytes.copyWithin(start + length, start, start + ETHERNET_MIN + IPV6_MIN)
  arena.shift(slot, length)
  const ip = start + length + ETHERNET_MIN
  setIpv6PayloadLength(bytes, ip, ipv6PayloadLength(bytes, ip) - length)
  setIpv6NextHeader(bytes, ip, nextHeader)
}

function headerAt(arena: Arena, slot: number): number {
  return arena.start(slot) + ETHERNET_MIN + IPV6_MIN
}

function writeHeader(bytes: Uint8Array, at: number, nextHeader: number, length: number, ack: number): void {
  setDdmNextHeader(bytes, at, nextHeader)
  setDdmRestLength(bytes, at, length - 1)
  setDdmVersion(bytes, at, VERSION)
  setDdmReserved(bytes, at, 0)
  setDdmAck(bytes, at, ack)
}

function writeElement(bytes: Uint8Array, at: number, id: number, stamp: number): void {
  setDdmElementId(bytes, at, id)
  setDdmElementTimestamp(bytes, at, stamp)
}
