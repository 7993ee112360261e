/**
 * The connections of one port: what both directions of a conversation share. Numbers that change per packet are in typed
 * arrays indexed by the connection; what only the slow path reads is in a `Connection`.
 *
 * Invariant: a connection in use has an outbound row in the flow table of its family, and an inbound one; the rows hold
 * its number, it holds theirs. They come and go together (`flow-cache.ts`).
 */
import { IpProtocol } from '@lodestone/packet'
import type { NatMapping } from './nat-mapping.ts'
import { TCP_TTL_S, TcpState } from './tcp-state.ts'
import { TimingWheel } from './timing-wheel.ts'

/** Idle seconds after which anything but TCP is forgotten. */
export const IDLE_TTL_S = 60

const NO_TCP = -1

export interface Connection {
  readonly index: number
  readonly family: 4 | 6
  readonly protocol: number
  readonly initiator: 'in' | 'out'
  readonly createdMs: number
  /** The VNI of the other side when it began; 0 outside. */
  readonly remoteVni: number
  readonly nat: NatMapping | undefined
  /** The guest's own port, or the identifier of its echo requests. */
  readonly guestPort: number
  /** The firewall rule (or default) that let it begin. */
  firewallRule: string
  /** The port's epoch in which firewall and NAT last agreed to it. */
  epoch: number
}

export class Connections {
  /** Read on the packet path; replaced when they grow. Index: connection number. */
  tcpState: Int8Array
  /** The acknowledgment number that covers the guest's FIN, once it sent one. */
  finAck: Int32Array
  finSent: Uint8Array
  lastHitMs: Float64Array
  rowIn: Int32Array
  rowOut: Int32Array
  /** packets in, bytes in, packets out, bytes out. */
  counters: Float64Array
  readonly wheel: TimingWheel
  readonly limit: number
  evictions = 0
  #items: (Connection | undefined)[] = []
  #free: number[] = []
  #capacity = 64
  #count = 0
  #hand = 0

  constructor(limit: number, nowMs: number) {
    this.limit = limit
    const capacity = this.#capacity
    this.tcpState = new Int8Array(capacity)
    this.finAck = new Int32Array(capacity)
    this.finSent = new Uint8Array(capacity)
    this.lastHitMs = new Float64Array(capacity)
    this.rowIn = new Int32Array(capacity)
    this.rowOut = new Int32Array(capacity)
    this.counters = new Float64Array(capacity * 4)
    this.wheel = new TimingWheel(nowMs / 1000, capacity)
  }

  get count(): number {
    return this.#count
  }

  get(index: number): Connection | undefined {
    return this.#items[index]
  }

  get isFull(): boolean {
    return this.#count >= this.limit
  }

  /** Takes a number; there must be room (`isFull`, `victim`). */
  add(fields: Omit<Connection, 'index'>, tcpState: number): Connection {
    const index = this.#free.pop() ?? this.#items.length
    if (index >= this.#capacity) this.#grow()
    const connection: Connection = { index, ...fields }
    this.#items[index] = connection
    this.tcpState[index] = fields.protocol === IpProtocol.tcp ? tcpState : NO_TCP
    this.finSent[index] = 0
    this.finAck[index] = 0
    this.lastHitMs[index] = fields.createdMs
    this.counters.fill(0, index * 4, index * 4 + 4)
    this.wheel.schedule(index, this.ttlS(index))
    this.#count++
    return connection
  }

  remove(index: number): void {
    this.wheel.cancel(index)
    this.#items[index] = undefined
    this.#free.push(index)
    this.#count--
  }

  ttlS(index: number): number {
    const state = this.tcpState[index]!
    return state === NO_TCP ? IDLE_TTL_S : TCP_TTL_S[state]!
  }

  /** Sets the TCP state; a shorter life must not wait for the bucket of the longer one. */
  setTcpState(index: number, state: number): void {
    if (this.tcpState[index] === state) return
    this.tcpState[index] = state
    this.wheel.schedule(index, this.ttlS(index))
  }

  /** Seconds of life left. */
  restS(index: number, nowMs: number): number {
    return this.ttlS(index) - (nowMs - this.lastHitMs[index]!) / 1000
  }

  /**
   * Whom to forget when the table is full: the hand goes round and looks at a bounded number of connections from where
   * it stopped last. @returns -1 when none of them may be evicted.
   */
  victim(nowMs: number): number {
    const LOOKS = 64
    let best = -1
    let bestScore = 0
    for (let looks = 0; looks < LOOKS && looks < this.#items.length; looks++) {
      this.#hand = this.#hand + 1 < this.#items.length ? this.#hand + 1 : 0
      if (this.#items[this.#hand] === undefined) continue
      const score = this.#evictionScore(this.#hand, nowMs)
      if (score > bestScore) {
        best = this.#hand
        bestScore = score
      }
    }
    if (best >= 0) this.evictions++
    return best
  }

  /**
   * 0: protected. Established connections go last and only after a minute of silence; closing ones grow evictable from
   * 5 s to 120 s, half-open ones after 2.5 s, anything but TCP always, the longest idle first.
   */
  #evictionScore(index: number, nowMs: number): number {
    const idleS = (nowMs - this.lastHitMs[index]!) / 1000
    const state = this.tcpState[index]!
    if (state === NO_TCP) return 3 + idleS
    if (state === TcpState.established) return idleS >= 60 ? 0.001 : 0
    if (TCP_TTL_S[state] === 5) return idleS >= 2.5 ? 1 + Math.min(1, (idleS - 2.5) / 2.5) : 0
    return idleS >= 5 ? Math.min(1, 0.01 + (idleS - 5) / 115) : 0
  }

  forEach(visit: (connection: Connection) => void): void {
    for (const item of this.#items) if (item !== undefined) visit(item)
  }

  #grow(): void {
    const capacity = this.#capacity * 2
    this.#capacity = capacity
    this.tcpState = enlarge(this.tcpState, new Int8Array(capacity))
    this.finAck = enlarge(this.finAck, new Int32Array(capacity))
    this.finSent = enlarge(this.finSent, new Uint8Array(capacity))
    this.lastHitMs = enlarge(this.lastHitMs, new Float64Array(capacity))
    this.rowIn = enlarge(this.rowIn, new Int32Array(capacity))
    this.rowOut = enlarge(this.rowOut, new Int32Array(capacity))
    this.counters = enlarge(this.counters, new Float64Array(capacity * 4))
    this.wheel.grow(capacity)
  }
}

function enlarge<T extends { set(source: T): void }>(array: T, larger: T): T {
  larger.set(array)
  return larger
}
