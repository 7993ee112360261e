/**
 * The flows of one port, in the engine's table. A connection is entered with both its rows as soon as its first packet is
 * allowed; the row of the other direction says nothing until a packet of that direction has walked the layers.
 */
import {
  AT_CREATED,
  AT_EPOCH,
  AT_FAMILY,
  AT_FIREWALL_RULE,
  AT_GUEST_PORT,
  AT_INITIATOR,
  AT_NAT,
  AT_NAT_PORT,
  AT_NEXT,
  AT_PORT,
  AT_PREVIOUS,
  AT_PROTOCOL,
  AT_REMOTE_VNI,
  AT_TCP_STATE,
  Connection,
} from './connection.ts'
import { evictionScore, REFUSED_SCORE } from './eviction.ts'
import { type FlowKey, metaAt, newFlowKey } from './flow-key.ts'
import type { FlowTable, PortKey } from './flow-table.ts'
import { ROW_BLOCK_4, ROW_BLOCK_6, ROW_LAST_HIT, ROW_PORT } from './kernel/layout.ts'
import { isSameMapping, type NatMapping } from './nat-mapping.ts'
import { RefPool } from './ref-pool.ts'
import type { Walk } from './walk.ts'

/** How far the clock hand moves for one connection that needs room. */
const LOOKS = 64

export interface NewConnection {
  readonly family: 4 | 6
  readonly protocol: number
  readonly initiator: 'in' | 'out'
  readonly createdMs: number
  /** The VNI of the other side; 0 outside. */
  readonly remoteVni: number
  readonly nat: NatMapping | undefined
  /** The leased port, -1 without one. */
  readonly natPort: number
  readonly guestPort: number
  readonly firewallRule: string
  readonly epoch: number
  /** `NO_TCP` for other protocols. */
  readonly tcpState: number
}

/** Told when a connection begins, before it ends, and when a packet is refused. */
export interface FlowListener {
  opened(connection: Connection): void
  closing(connection: Connection, nowMs: number): void
  /** @param bytes of the frame as it came. */
  refused(walk: Walk, bytes: number, nowMs: number): void
}

export class FlowCache {
  readonly table: FlowTable
  readonly limit: number
  /** The port's number, which is also that of its version. */
  readonly number: number
  listener: FlowListener | undefined
  /** Of a shadow: finds what is not here at the port that it shadows, and enters a copy. */
  source: ((key: FlowKey, family: 4 | 6) => Connection | undefined) | undefined
  expirations = 0
  evictions = 0
  isClosing = false
  readonly #port: PortKey
  #count = 0
  /** Any connection of the ring that they form, 0 for none; the clock hand. */
  #hand = 0
  /** What was looked for last and is not there: mostly it is entered next. */
  readonly #missed = newFlowKey()
  #missedHash = 0
  #missedFamily = 0
  readonly #mappings = new RefPool<NatMapping>(isSameMapping)
  readonly #rules = new RefPool<string>()

  /** @param port absent for one whose flows no frame is to find. @param limit how many connections may exist at once. */
  constructor(table: FlowTable, port: PortKey | undefined, limit: number) {
    this.table = table
    this.limit = limit
    this.number = table.versions.take()
    this.#port = port ?? hiddenKey(this.number)
    table.caches[this.number] = this
  }

  get count(): number {
    return this.#count
  }

  /** @returns the connection that a flow belongs to. */
  find(key: FlowKey, family: 4 | 6): Connection | undefined {
    const hash = this.table.writeKey(key, family, this.#port)
    const row = this.table.findHashed(hash, family)
    if (row === 0) {
      this.#missed.set(key)
      this.#missedHash = hash
      this.#missedFamily = family
      return this.source?.(key, family)
    }
    const at = this.table.memory.words[(row + (family === 4 ? ROW_BLOCK_4 : ROW_BLOCK_6)) >> 2]!
    return this.#look(at)
  }

  /**
   * Enters a connection and its two empty rows. Whatever connection held one of the keys is over: the newest wins.
   * @returns `undefined` when the table is full and nothing in it may be evicted.
   */
  open(fields: NewConnection, outKey: FlowKey, inKey: FlowKey, nowMs: number): Connection | undefined {
    const { table } = this
    const { family } = fields
    const outHash = this.#retireHolder(outKey, family, nowMs)
    const inHash = this.#retireHolder(inKey, family, nowMs)
    if (this.#count >= this.limit && !this.#evict(nowMs)) return undefined
    const at = table.takeBlock()
    if (at === 0) return undefined
    const connection = this.#look(at)
    this.#fill(at, fields)
    connection.firewallRule = fields.firewallRule
    const blockAt = family === 4 ? ROW_BLOCK_4 : ROW_BLOCK_6
    const stamp = table.stampOf(fields.createdMs)
    for (let direction = 0; direction < 2; direction++) {
      const isOut = direction === 0
      const row = connection.row(isOut)
      if (!table.enter(row, isOut ? outKey : inKey, family, this.#port, isOut ? outHash : inHash)) {
        if (!isOut) table.leave(connection.row(true), family)
        this.#letGo(at)
        return undefined
      }
      const { words } = table.memory
      words[(row + ROW_PORT) >> 2] = this.number
      words[(row + ROW_LAST_HIT) >> 2] = stamp
      words[(row + blockAt) >> 2] = at
    }
    connection.tellRows()
    this.schedule(at, connection.ttlS)
    this.#link(at)
    this.#count++
    this.listener?.opened(connection)
    return connection
  }

  /** Forgets a connection, its rows and its leased port. */
  retire(connection: Connection, nowMs: number): void {
    const { table } = this
    const { at, family, nat, natPort } = connection
    this.listener?.closing(connection, nowMs)
    table.leave(connection.row(true), family)
    table.leave(connection.row(false), family)
    table.wheel.cancel(at)
    this.#unlink(at)
    this.#count--
    this.#letGo(at)
    nat?.pool?.release(natPort, nowMs)
  }

  /** The guest's side of a connection: its outbound key. */
  readOutKey(connection: Connection, out: FlowKey): void {
    this.table.readKey(connection.row(true), connection.family, out)
  }

  /** The wheel's question: seconds that a connection still has; it is gone when there are none. */
  look(at: number, nowMs: number): number {
    const connection = this.#look(at)
    const restS = connection.restS(nowMs)
    if (restS <= 0) {
      this.expirations++
      this.retire(connection, nowMs)
    }
    return restS
  }

  /** Nothing of the port is used from now on; its connections are forgotten in steps (`FlowTable.tend`). */
  close(): void {
    this.isClosing = true
    this.table.versions.bump(this.number)
  }

  /** @returns whether nothing is left. */
  clearSome(nowMs: number, limit: number): boolean {
    for (let i = 0; i < limit && this.#hand !== 0; i++) this.retire(this.#look(this.#hand), nowMs)
    return this.#hand === 0
  }

  forEach(visit: (connection: Connection) => void): void {
    const first = this.#hand
    if (first === 0) return
    let at = first
    do {
      const next = this.table.memory.words[(at + AT_NEXT) >> 2]!
      visit(this.#look(at))
      at = next
    } while (at !== first)
  }

  // For connections

  stampOf(nowMs: number): number {
    return this.table.stampOf(nowMs)
  }

  schedule(at: number, inS: number): void {
    this.table.wheel.schedule(at, inS)
  }

  natOf(number: number): NatMapping | undefined {
    return this.#mappings.of(number)
  }

  ruleOf(number: number): string {
    return this.#rules.of(number) ?? ''
  }

  takeRule(name: string): number {
    return this.#rules.take(name)
  }

  giveRule(number: number): void {
    this.#rules.give(number)
  }

  /** How many names of rules and translations are kept for connections. */
  get namesKept(): number {
    return this.#rules.size + this.#mappings.size
  }

  /** Gives a block back, with what it holds. */
  #letGo(at: number): void {
    const { view } = this.table.memory
    this.#rules.give(view.getUint32(at + AT_FIREWALL_RULE, true))
    this.#mappings.give(view.getUint32(at + AT_NAT, true))
    this.table.giveBlock(at)
  }

  #look(at: number): Connection {
    return new Connection(at, this.table.memory, this)
  }

  #fill(at: number, fields: NewConnection): void {
    const nat = fields.nat === undefined ? 0 : this.#mappings.take(fields.nat)
    const { view } = this.table.memory
    view.setUint8(at + AT_FAMILY, fields.family)
    view.setUint8(at + AT_PROTOCOL, fields.protocol)
    view.setUint8(at + AT_INITIATOR, fields.initiator === 'in' ? 0 : 1)
    view.setInt8(at + AT_TCP_STATE, fields.tcpState)
    view.setUint16(at + AT_NAT_PORT, Math.max(0, fields.natPort), true)
    view.setUint16(at + AT_GUEST_PORT, fields.guestPort, true)
    view.setUint32(at + AT_REMOTE_VNI, fields.remoteVni, true)
    view.setInt32(at + AT_EPOCH, fields.epoch, true)
    view.setFloat64(at + AT_CREATED, fields.createdMs, true)
    view.setUint32(at + AT_PORT, this.number, true)
    view.setUint32(at + AT_NAT, nat, true)
  }

  /**
   * Makes room: the hand goes round and looks at a bounded number of connections from where it stopped last.
   * @returns false when none of them may go.
   */
  #evict(nowMs: number): boolean {
    let best: Connection | undefined
    let bestScore = 0
    for (let looks = 0; looks < LOOKS && looks < this.#count; looks++) {
      const connection = this.#look(this.#hand)
      const idleS = connection.idleMs(nowMs) / 1000
      const score = connection.isRefused ? REFUSED_SCORE + idleS : evictionScore(connection.tcpState, idleS)
      if (score > bestScore) {
        best = connection
        bestScore = score
      }
      this.#hand = this.table.memory.words[(this.#hand + AT_NEXT) >> 2]!
    }
    if (best === undefined) return false
    this.evictions++
    this.retire(best, nowMs)
    return true
  }

  /** @returns the key's hash. */
  #retireHolder(key: FlowKey, family: 4 | 6, nowMs: number): number {
    if (this.#isMissed(key, family)) return this.#missedHash
    const hash = this.table.writeKey(key, family, this.#port)
    const row = this.table.findHashed(hash, family)
    if (row === 0) return hash
    const { words } = this.table.memory
    const at = words[(row + (family === 4 ? ROW_BLOCK_4 : ROW_BLOCK_6)) >> 2]!
    // It may belong to a port of the same identity that is being cleared.
    const cache = this.table.caches[words[(at + AT_PORT) >> 2]!]!
    cache.retire(cache.#look(at), nowMs)
    return hash
  }

  #isMissed(key: FlowKey, family: 4 | 6): boolean {
    if (this.#missedFamily !== family) return false
    const words = metaAt(family) + 1
    for (let i = 0; i < words; i++) if (this.#missed[i] !== key[i]) return false
    // Once it is entered it is not missing any more.
    this.#missedFamily = 0
    return true
  }

  /** Puts a block behind all others: in front of the hand. */
  #link(at: number): void {
    const { words } = this.table.memory
    const hand = this.#hand
    if (hand === 0) {
      words[(at + AT_NEXT) >> 2] = at
      words[(at + AT_PREVIOUS) >> 2] = at
      this.#hand = at
      return
    }
    const last = words[(hand + AT_PREVIOUS) >> 2]!
    words[(at + AT_NEXT) >> 2] = hand
    words[(at + AT_PREVIOUS) >> 2] = last
    words[(last + AT_NEXT) >> 2] = at
    words[(hand + AT_PREVIOUS) >> 2] = at
  }

  #unlink(at: number): void {
    const { words } = this.table.memory
    const next = words[(at + AT_NEXT) >> 2]!
    const previous = words[(at + AT_PREVIOUS) >> 2]!
    words[(previous + AT_NEXT) >> 2] = next
    words[(next + AT_PREVIOUS) >> 2] = previous
    if (this.#hand === at) this.#hand = next === at ? 0 : next
  }
}

/** VNI 0 is no VPC's. */
function hiddenKey(number: number): PortKey {
  const mac = new Uint8Array(6)
  new DataView(mac.buffer).setUint32(2, number)
  return { vni: 0, mac }
}
