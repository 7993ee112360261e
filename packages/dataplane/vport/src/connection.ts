/**
 * What both directions of a conversation share: a cache line of the flow memory, in front of the two rows. Only the slow path
 * reads it. A `Connection` is a way to look at one; it is cheap to make and holds nothing itself.
 *
 *     0 family | 1 protocol | 2 initiator | 3 TCP state | 4 acknowledgment of FIN | 8 FIN sent | 9 refused
 *     12 NAT port | 14 guest port | 16 remote VNI | 20 firewall rule | 24 epoch | 28 wheel | 40 created | 48 list | 56 port | 60 NAT
 *
 * Invariant: a block in use has both rows in the index; they come and go together (`flow-table.ts`).
 */
import type { FlowCache } from './flow-cache.ts'
import type { FlowMemory } from './flow-memory.ts'
import {
  CONNECTION_BYTES,
  FLAG_SETTLED,
  ROW_BYTES,
  ROW_FLAGS,
  ROW_LAST_HIT,
  ROW_PACKETS,
  ROW_SIZE,
} from './kernel/layout.ts'
import type { NatMapping } from './nat-mapping.ts'
import { isSettled, TCP_TTL_S } from './tcp-state.ts'

/** Idle seconds after which anything but TCP is forgotten. */
export const IDLE_TTL_S = 60

/**
 * Of a TCP connection that the rules have turned against: longer than any sender waits between two retransmissions, so that
 * the next segment in its middle does not find it forgotten and begin it anew.
 */
export const REFUSED_TTL_S = 150

export const NO_TCP = -1

export const AT_FAMILY = 0
export const AT_PROTOCOL = 1
export const AT_INITIATOR = 2
export const AT_TCP_STATE = 3
export const AT_FIN_ACK = 4
export const AT_FIN_SENT = 8
export const AT_REFUSED = 9
export const AT_NAT_PORT = 12
export const AT_GUEST_PORT = 14
export const AT_REMOTE_VNI = 16
export const AT_FIREWALL_RULE = 20
export const AT_EPOCH = 24
export const AT_WHEEL = 28
export const AT_CREATED = 40
export const AT_NEXT = 48
export const AT_PREVIOUS = 52
export const AT_PORT = 56
export const AT_NAT = 60

const TWO_32 = 0x1_0000_0000

export class Connection {
  /** Address of its block. */
  readonly at: number
  readonly #memory: FlowMemory
  readonly #cache: FlowCache

  constructor(at: number, memory: FlowMemory, cache: FlowCache) {
    this.at = at
    this.#memory = memory
    this.#cache = cache
  }

  get #view(): DataView {
    return this.#memory.view
  }

  get family(): 4 | 6 {
    return this.#view.getUint8(this.at + AT_FAMILY) === 4 ? 4 : 6
  }

  get protocol(): number {
    return this.#view.getUint8(this.at + AT_PROTOCOL)
  }

  get initiator(): 'in' | 'out' {
    return this.#view.getUint8(this.at + AT_INITIATOR) === 0 ? 'in' : 'out'
  }

  get createdMs(): number {
    return this.#view.getFloat64(this.at + AT_CREATED, true)
  }

  /** The VNI of the other side when it began; 0 outside. */
  get remoteVni(): number {
    return this.#view.getUint32(this.at + AT_REMOTE_VNI, true)
  }

  get nat(): NatMapping | undefined {
    return this.#cache.natOf(this.#view.getUint32(this.at + AT_NAT, true))
  }

  /** The leased port or identifier of source NAT; -1 for other translations. */
  get natPort(): number {
    return this.nat?.pool === undefined ? -1 : this.#view.getUint16(this.at + AT_NAT_PORT, true)
  }

  /** The guest's own port, or the identifier of its echo requests. */
  get guestPort(): number {
    return this.#view.getUint16(this.at + AT_GUEST_PORT, true)
  }

  /** The firewall rule (or default) that let it begin. */
  get firewallRule(): string {
    return this.#cache.ruleOf(this.#view.getUint32(this.at + AT_FIREWALL_RULE, true))
  }

  set firewallRule(name: string) {
    const before = this.#view.getUint32(this.at + AT_FIREWALL_RULE, true)
    if (this.#cache.ruleOf(before) === name) return
    this.#view.setUint32(this.at + AT_FIREWALL_RULE, this.#cache.takeRule(name), true)
    this.#cache.giveRule(before)
  }

  /** The port's epoch in which firewall and NAT last agreed to it. */
  get epoch(): number {
    return this.#view.getInt32(this.at + AT_EPOCH, true)
  }

  set epoch(epoch: number) {
    this.#view.setInt32(this.at + AT_EPOCH, epoch, true)
  }

  /** `NO_TCP` for other protocols. */
  get tcpState(): number {
    return this.#view.getInt8(this.at + AT_TCP_STATE)
  }

  /** A shorter life must not wait for the bucket of the longer one. */
  set tcpState(state: number) {
    if (this.tcpState === state) return
    this.#view.setInt8(this.at + AT_TCP_STATE, state)
    this.tellRows()
    this.#cache.schedule(this.at, this.ttlS)
  }

  /** The acknowledgment number that covers the guest's FIN; only once it sent one. */
  get finAck(): number | undefined {
    return this.#view.getUint8(this.at + AT_FIN_SENT) === 0
      ? undefined
      : this.#view.getInt32(this.at + AT_FIN_ACK, true)
  }

  set finAck(number: number | undefined) {
    this.#view.setUint8(this.at + AT_FIN_SENT, number === undefined ? 0 : 1)
    this.#view.setInt32(this.at + AT_FIN_ACK, number ?? 0, true)
  }

  /** The rules have changed and no longer allow it. */
  get isRefused(): boolean {
    return this.#view.getUint8(this.at + AT_REFUSED) === 1
  }

  set isRefused(isRefused: boolean) {
    if (this.isRefused === isRefused) return
    this.#view.setUint8(this.at + AT_REFUSED, isRefused ? 1 : 0)
    this.#cache.schedule(this.at, this.ttlS)
  }

  /** Address of a direction's row. */
  row(isOut: boolean): number {
    return this.at + CONNECTION_BYTES + (isOut ? 0 : ROW_SIZE)
  }

  get ttlS(): number {
    const state = this.tcpState
    if (state === NO_TCP) return IDLE_TTL_S
    return this.isRefused ? Math.min(REFUSED_TTL_S, TCP_TTL_S[state]!) : TCP_TTL_S[state]!
  }

  idleMs(nowMs: number): number {
    const now = this.#cache.stampOf(nowMs)
    const sinceOut = (now - this.#view.getUint32(this.row(true) + ROW_LAST_HIT, true)) >>> 0
    const sinceIn = (now - this.#view.getUint32(this.row(false) + ROW_LAST_HIT, true)) >>> 0
    return Math.min(sinceOut, sinceIn)
  }

  /** Seconds of life left. */
  restS(nowMs: number): number {
    return this.ttlS - this.idleMs(nowMs) / 1000
  }

  count(isOut: boolean, bytes: number, nowMs: number): void {
    const row = this.row(isOut)
    this.#view.setUint32(row + ROW_LAST_HIT, this.#cache.stampOf(nowMs), true)
    addTo(this.#view, row + ROW_PACKETS, 1)
    addTo(this.#view, row + ROW_BYTES, bytes)
  }

  /** Says when it was last used. */
  touch(nowMs: number): void {
    const stamp = this.#cache.stampOf(nowMs)
    for (const isOut of [false, true]) this.#view.setUint32(this.row(isOut) + ROW_LAST_HIT, stamp, true)
  }

  packets(isOut: boolean): number {
    return read64(this.#view, this.row(isOut) + ROW_PACKETS)
  }

  bytes(isOut: boolean): number {
    return read64(this.#view, this.row(isOut) + ROW_BYTES)
  }

  /** Lets the rows know whether plain segments can change the TCP state. */
  tellRows(): void {
    const state = this.tcpState
    this.#tellRow(false, state !== NO_TCP && isSettled(state, false))
    this.#tellRow(true, state !== NO_TCP && isSettled(state, true))
  }

  #tellRow(isOut: boolean, isSettledNow: boolean): void {
    const at = this.row(isOut) + ROW_FLAGS
    const flags = this.#view.getUint8(at) & ~FLAG_SETTLED
    this.#view.setUint8(at, isSettledNow ? flags | FLAG_SETTLED : flags)
  }
}

/** Exact to 2^53. */
function read64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_32
}

function addTo(view: DataView, at: number, by: number): void {
  const sum = read64(view, at) + by
  view.setUint32(at, sum % TWO_32, true)
  view.setUint32(at + 4, Math.floor(sum / TWO_32), true)
}
