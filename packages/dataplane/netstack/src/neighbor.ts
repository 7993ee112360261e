/**
 * Neighbor unreachability detection (RFC 4861 §7.3) as a pure state machine, used for NDP and ARP alike.
 *
 *     incomplete ──answer──▶ reachable ──30 s──▶ stale ──used──▶ delay ──5 s──▶ probe ──no answer──▶ gone
 *         └──no answer──▶ gone     ▲────────────── answer ──────────┴────────────┘
 */
import type { Ip } from '@lodestone/net'
import type { AddressKey } from './address-map.ts'
import type { Interface } from './interface.ts'

export type NeighborState = 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe' | 'permanent' | 'gone'

export const REACHABLE_MS = 30_000
export const DELAY_MS = 5000
export const RETRANSMIT_MS = 1000
export const MAX_SOLICITS = 3
/** Packets that may wait for one neighbor. */
export const QUEUE_LENGTH = 16

export interface Neighbor {
  readonly ip: Ip
  readonly key: AddressKey
  readonly interface: Interface
  /** Six bytes; valid unless incomplete or gone. */
  readonly mac: Uint8Array<ArrayBuffer>
  state: NeighborState
  isRouter: boolean
  solicits: number
  /** When `onDue` has something to do; Infinity when never. */
  dueMs: number
  confirmedMs: number
  usedMs: number
  /** Packets that wait, each starting at its IP header. */
  readonly queue: Int32Array<ArrayBuffer>
  queued: number
}

export type NeighborAction = 'none' | 'solicit' | 'probe' | 'fail'

export function hasMac(neighbor: Neighbor): boolean {
  return neighbor.state !== 'incomplete' && neighbor.state !== 'gone'
}

/** A packet is about to be sent to it. */
export function onUse(neighbor: Neighbor, nowMs: number): void {
  neighbor.usedMs = nowMs
  if (neighbor.state === 'reachable' && nowMs - neighbor.confirmedMs > REACHABLE_MS) neighbor.state = 'stale'
  if (neighbor.state === 'stale') {
    neighbor.state = 'delay'
    neighbor.dueMs = nowMs + DELAY_MS
  }
}

/** A packet waits for an address that is not known: what to send first. */
export function onResolve(neighbor: Neighbor, nowMs: number): NeighborAction {
  if (neighbor.dueMs !== Infinity) return 'none'
  neighbor.solicits = 1
  neighbor.dueMs = nowMs + RETRANSMIT_MS
  return 'solicit'
}

/** `dueMs` has come. */
export function onDue(neighbor: Neighbor, nowMs: number): NeighborAction {
  switch (neighbor.state) {
    case 'delay':
      neighbor.state = 'probe'
      neighbor.solicits = 1
      neighbor.dueMs = nowMs + RETRANSMIT_MS
      return 'probe'
    case 'incomplete':
    case 'probe':
      if (neighbor.solicits >= MAX_SOLICITS) {
        neighbor.state = 'gone'
        neighbor.dueMs = Infinity
        return 'fail'
      }
      neighbor.solicits++
      neighbor.dueMs = nowMs + RETRANSMIT_MS
      return neighbor.state === 'probe' ? 'probe' : 'solicit'
    default:
      neighbor.dueMs = Infinity
      return 'none'
  }
}

/** It said its MAC address in answer to us (RFC 4861 §7.2.5 with the solicited flag; an ARP reply). */
export function onAnswer(neighbor: Neighbor, mac: Uint8Array, at: number, isOverride: boolean, nowMs: number): void {
  if (neighbor.state === 'permanent') return
  const isOther = hasMac(neighbor) && !sameMac(neighbor.mac, mac, at)
  if (isOther && !isOverride) {
    if (neighbor.state === 'reachable') neighbor.state = 'stale'
    return
  }
  copyMac(neighbor.mac, mac, at)
  neighbor.state = 'reachable'
  neighbor.confirmedMs = nowMs
  neighbor.dueMs = Infinity
}

/** It was heard without being asked (a request of its own, an unsolicited announcement): no proof that it hears us. */
export function onHeard(neighbor: Neighbor, mac: Uint8Array, at: number): void {
  if (neighbor.state === 'permanent') return
  if (hasMac(neighbor) && sameMac(neighbor.mac, mac, at)) return
  copyMac(neighbor.mac, mac, at)
  neighbor.state = 'stale'
  neighbor.dueMs = Infinity
}

function sameMac(mac: Uint8Array, other: Uint8Array, at: number): boolean {
  for (let i = 0; i < 6; i++) if (mac[i] !== other[at + i]) return false
  return true
}

function copyMac(mac: Uint8Array, other: Uint8Array, at: number): void {
  for (let i = 0; i < 6; i++) mac[i] = other[at + i]!
}
