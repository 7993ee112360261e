/**
 * The header between pipeline and CPU, put on and taken off in place. On the wire of the CPU port a frame is
 *
 *     Ethernet 14 (type 0x0901) | code 1, pad 1, ingress 2, egress 2, ether type 2, payload 16 | the rest of the frame
 *
 * Both directions move the 12 bytes of addresses and nothing else.
 */
import type { Arena } from '@lodestone/frame'
import {
  ETHERNET_MIN,
  EtherType,
  ethernetEtherType,
  setEthernetEtherType,
  setSidecarCode,
  setSidecarEgress,
  setSidecarEtherType,
  setSidecarIngress,
  SIDECAR_MIN,
  sidecarEtherType,
} from '@lodestone/packet'

const ADDRESSES_BYTES = 12

/** Codes from the CPU into the pipeline; those from the pipeline are `SidecarCode`. */
export const FROM_USER = {
  /** Leaves by the egress port of the header, as it is. */
  forward: 0x00,
  /** Is routed like a packet from outside. */
  route: 0x05,
} as const

/** Offset of the sidecar header of a frame, or -1 when it has none or is too short for it. */
export function sidecarOffset(arena: Arena, slot: number): number {
  const start = arena.start(slot)
  if (arena.length(slot) < ETHERNET_MIN + SIDECAR_MIN) return -1
  return ethernetEtherType(arena.bytes, start) === EtherType.sidecar ? start + ETHERNET_MIN : -1
}

/** Takes the header off a frame that has one (`sidecarOffset`). */
export function stripSidecar(arena: Arena, slot: number): void {
  const start = arena.start(slot)
  const etherType = sidecarEtherType(arena.bytes, start + ETHERNET_MIN)
  arena.bytes.copyWithin(start + SIDECAR_MIN, start, start + ADDRESSES_BYTES)
  arena.shift(slot, SIDECAR_MIN)
  setEthernetEtherType(arena.bytes, start + SIDECAR_MIN, etherType)
}

/** Puts a header on an Ethernet frame. @returns false, with nothing changed, when its head room is too small. */
export function pushSidecar(arena: Arena, slot: number, code: number, egress: number): boolean {
  const before = arena.start(slot)
  const etherType = ethernetEtherType(arena.bytes, before)
  if (!arena.shift(slot, -SIDECAR_MIN)) return false
  const start = before - SIDECAR_MIN
  const header = start + ETHERNET_MIN
  arena.bytes.copyWithin(start, before, before + ADDRESSES_BYTES)
  arena.bytes.fill(0, header, header + SIDECAR_MIN)
  setEthernetEtherType(arena.bytes, start, EtherType.sidecar)
  setSidecarCode(arena.bytes, header, code)
  setSidecarIngress(arena.bytes, header, 0)
  setSidecarEgress(arena.bytes, header, egress)
  setSidecarEtherType(arena.bytes, header, etherType)
  return true
}
