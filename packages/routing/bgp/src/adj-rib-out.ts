/**
 * What one peer has been told (RFC 4271 §3.2), and the queue of what it must be told next.
 *
 * Prefixes are queued when their route changes and looked at only when they are sent, so a route that flaps while
 * the socket is full costs one message. Sending goes in slices and stops while the socket is full.
 *
 * Invariants: a prefix is withdrawn only if it was announced, announced again only if something changed (or the peer
 * asked for a refresh); when the queue is empty, `advertised` equals the export of the loc-RIB.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { PrefixTable } from '@lodestone/rib'
import type { Family } from './address-family.ts'
import type { EncodeContext } from './attribute-encoding.ts'
import type { AttributeSet } from './attribute-set.ts'
import type { ExportedRoute, ExportResult } from './route-export.ts'
import { endOfRib, packAnnouncements, packWithdrawals } from './update-packing.ts'
import type { UpdateMessage } from './update-message.ts'

export interface AdjRibOutOptions {
  readonly families: readonly Family[]
  readonly encoding: EncodeContext
  /** What the peer shall be told about a prefix now. */
  readonly desired: (prefix: Prefix) => ExportResult
  /** @returns false when the socket is full; `flush` is called again when it has drained. */
  readonly send: (update: UpdateMessage) => boolean
  /** A route whose attributes leave no room in a message. */
  readonly onOversized: (prefix: Prefix) => void
}

/** `undefined` inside: the peer has something, but it must be sent again whatever it is. */
interface Advertised {
  readonly prefix: Prefix
  route: ExportedRoute | undefined
}

/** Prefixes handled before the socket is asked again whether it is full. */
const SLICE = 2000

interface Group {
  readonly attributes: AttributeSet
  readonly family: Family
  readonly nextHop: Ip
  readonly prefixes: Prefix[]
}

export class AdjRibOut {
  readonly #options: AdjRibOutOptions
  readonly #advertised = new PrefixTable<Advertised>()
  #queue = new PrefixTable<Prefix>()
  #endOfRibDue: Family[]

  constructor(options: AdjRibOutOptions) {
    this.#options = options
    this.#endOfRibDue = [...options.families]
  }

  enqueue(prefix: Prefix): void {
    this.#queue.set(prefix, prefix)
  }

  /** The peer asked for everything again (RFC 2918); the caller enqueues the routes of the family. */
  forget(family: Family): void {
    for (const entry of this.#advertised.values()) {
      if (entry.prefix.family !== family) continue
      entry.route = undefined
      this.enqueue(entry.prefix)
    }
  }

  get advertisedCount(): number {
    return this.#advertised.size
  }

  get queuedCount(): number {
    return this.#queue.size
  }

  *advertised(): IterableIterator<{ readonly prefix: Prefix } & ExportedRoute> {
    for (const { prefix, route } of this.#advertised.values()) if (route !== undefined) yield { prefix, ...route }
  }

  /** Sends what is queued until done or until the socket is full. @returns whether the queue is empty. */
  flush(): boolean {
    const { send, families } = this.#options
    let hasRoom = true
    while (this.#queue.size > 0 && hasRoom) {
      const withdrawals = new Map<Family, Prefix[]>(families.map((family) => [family, []]))
      const groups = new Map<AttributeSet, Group[]>()
      let count = 0
      for (const prefix of this.#queue.values()) {
        if (count++ >= SLICE) break
        this.#queue.delete(prefix)
        this.#decide(prefix, groups, withdrawals)
      }
      for (const [family, prefixes] of withdrawals) {
        for (const update of packWithdrawals(family, prefixes)) hasRoom = send(update) && hasRoom
      }
      for (const sharing of groups.values()) {
        for (const group of sharing) hasRoom = this.#announce(group) && hasRoom
      }
    }
    if (this.#queue.size > 0) return false
    for (const family of this.#endOfRibDue) send(endOfRib(family))
    this.#endOfRibDue = []
    return true
  }

  #decide(prefix: Prefix, groups: Map<AttributeSet, Group[]>, withdrawals: Map<Family, Prefix[]>): void {
    const desired = this.#options.desired(prefix)
    const entry = this.#advertised.get(prefix)
    if (desired.kind === 'suppress') {
      if (entry === undefined) return
      this.#advertised.delete(prefix)
      withdrawals.get(prefix.family)?.push(prefix)
      return
    }
    const { attributes, nextHop } = desired
    if (entry?.route?.attributes === attributes && entry.route.nextHop.equals(nextHop)) return
    if (entry === undefined) this.#advertised.set(prefix, { prefix, route: { attributes, nextHop } })
    else entry.route = { attributes, nextHop }
    let sharing = groups.get(attributes)
    if (sharing === undefined) groups.set(attributes, (sharing = []))
    const group = sharing.find((other) => other.family === prefix.family && other.nextHop.equals(nextHop))
    if (group === undefined) sharing.push({ attributes, family: prefix.family, nextHop, prefixes: [prefix] })
    else group.prefixes.push(prefix)
  }

  #announce(group: Group): boolean {
    const { send, encoding, onOversized } = this.#options
    const updates = packAnnouncements(group, encoding)
    let hasRoom = true
    if (updates === undefined) {
      // Whatever the peer had before is no longer true, so it goes.
      for (const prefix of group.prefixes) {
        this.#advertised.delete(prefix)
        onOversized(prefix)
      }
      for (const update of packWithdrawals(group.family, group.prefixes)) hasRoom = send(update) && hasRoom
      return hasRoom
    }
    for (const update of updates) hasRoom = send(update) && hasRoom
    return hasRoom
  }
}
