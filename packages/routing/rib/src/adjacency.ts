/**
 * The adj-RIB-in of one peer: what it offered, including what was refused and why (RFC 4271 §3.2, §9).
 *
 * There are two ways in: `announce` and `withdraw` with objects, for protocols with hundreds of routes; and `offer`, `put`
 * and `take` with numbers, for BGP, where the same offer serves every prefix of an UPDATE.
 *
 * Invariant: an adjacency has at most one path per (prefix, path ID); announcing again replaces it (implicit withdraw).
 */
import type { Prefix } from '@lodestone/net'
import { type Announcement, isSameOffer, Offer, type OfferOrigin, type Particulars } from './offer.ts'
import { type BgpPeerFacts, DEFAULT_PREFERENCE, type Path, type PathSource, type Protocol } from './path.ts'
import { PathFlag } from './path-table.ts'
import type { RouteStore } from './route-store.ts'

export interface AdjacencyOptions {
  readonly protocol: Protocol
  /** Names the peer within the protocol. */
  readonly peer: string
  /** Default preference of its paths, lower wins. */
  readonly preference?: number | undefined
  readonly bgp?: BgpPeerFacts | undefined
  /** Told when the last path with an offer has gone. */
  readonly onUnused?: ((offer: Offer) => void) | undefined
}

/** What an adjacency needs of its RIB. */
export interface RibAccess {
  readonly store: RouteStore
  /** Before the path in a slot of the route changes or goes. */
  touch(ref: number, slot: number): void
  /** Before the route gets one path more at the head of its list. */
  grow(ref: number): void
  /** After it: decides at once unless a batch is under way. */
  settle(): void
  batch(fn: () => void): void
  nowMs(): number
}

/** Which of an adjacency's paths: all that are left out count as "any". */
export interface PathFilter {
  readonly family?: 4 | 6 | undefined
  readonly isStale?: boolean | undefined
}

export class Adjacency implements OfferOrigin {
  readonly source: PathSource
  readonly preference: number
  /** Number among the adjacencies that are open or still have paths. */
  readonly id: number
  readonly onUnused: ((offer: Offer) => void) | undefined
  /** @internal */
  lastParticulars: Particulars | undefined
  readonly #rib: RibAccess
  readonly #onClose: () => void
  #pathCount = 0
  #pathCount6 = 0
  #refusedCount = 0
  #staleCount = 0
  #isClosed = false
  #last: Offer | undefined

  constructor(options: AdjacencyOptions, id: number, rib: RibAccess, onClose: () => void) {
    this.source = {
      protocol: options.protocol,
      peer: options.peer,
      ...(options.bgp === undefined ? {} : { bgp: options.bgp }),
    }
    this.preference = options.preference ?? DEFAULT_PREFERENCE[options.protocol]
    this.id = id
    this.onUnused = options.onUnused
    this.#rib = rib
    this.#onClose = onClose
  }

  /** Paths held, usable or not. */
  get pathCount(): number {
    return this.#pathCount
  }

  pathCountOf(family: 4 | 6): number {
    return family === 6 ? this.#pathCount6 : this.#pathCount - this.#pathCount6
  }

  /** Paths that are kept only for the record. */
  get refusedCount(): number {
    return this.#refusedCount
  }

  get staleCount(): number {
    return this.#staleCount
  }

  /** Adds a path or replaces the one of the same prefix and path ID. */
  announce(prefix: Prefix, announcement: Announcement): void {
    const offer = this.offer(announcement)
    // Protocols that announce one prefix after the other with the same offer share it.
    const last = this.#last
    const shared = last !== undefined && last.id >= 0 && isSameOffer(last, offer) ? last : offer
    this.#last = shared
    this.put(this.#rib.store.insert(prefix), announcement.pathId ?? 0, shared)
  }

  /** @returns false when there was no such path. */
  withdraw(prefix: Prefix, pathId = 0): boolean {
    const ref = this.#rib.store.find(prefix)
    return ref >= 0 && this.take(ref, pathId)
  }

  /** What paths can share. It lives as long as paths use it. @param tag for the caller's own use. */
  offer(announcement: Announcement, tag = -1): Offer {
    return new Offer(this, announcement, tag)
  }

  /** Adds a path or replaces the one of the same route and path ID. */
  put(ref: number, pathId: number, offer: Offer): void {
    if (this.#isClosed) throw new Error(`adjacency ${this.source.protocol} ${this.source.peer} is closed`)
    const { store } = this.#rib
    const { paths, offers } = store
    const slot = store.findPath(ref, this.id, pathId)
    if (slot < 0) {
      this.#rib.grow(ref)
      this.#add(ref, pathId, offer)
      this.#rib.settle()
      return
    }
    const flags = paths.flags[slot]!
    if ((flags & PathFlag.stale) !== 0) {
      paths.flags[slot] = flags & ~PathFlag.stale
      this.#staleCount--
    }
    const old = offers.get(paths.offer[slot]!)
    // A path announced again unchanged is the same path: it keeps its age and nobody is told.
    if (isSameOffer(old, offer)) return
    this.#rib.touch(ref, slot)
    paths.offer[slot] = offers.retain(offer)
    paths.receivedAtMs[slot] = this.#rib.nowMs()
    this.#setUnusable(slot, offer.unusable !== undefined)
    if (offers.release(old)) this.onUnused?.(old)
    this.#rib.settle()
  }

  /** @returns false when there was no such path. */
  take(ref: number, pathId: number): boolean {
    const slot = this.#rib.store.findPath(ref, this.id, pathId)
    if (slot < 0) return false
    this.remove(slot)
    return true
  }

  /** Withdraws the path in a slot, which is one of ours. */
  remove(slot: number): void {
    const { store } = this.#rib
    const { paths, offers } = store
    const ref = paths.route[slot]!
    this.#rib.touch(ref, slot)
    const { firstPath } = store.table(ref)
    const index = ref >>> 1
    if (firstPath[index] === slot) firstPath[index] = paths.next[slot]!
    else {
      let before = firstPath[index]!
      while (paths.next[before] !== slot) before = paths.next[before]!
      paths.next[before] = paths.next[slot]!
    }
    this.#pathCount--
    if ((ref & 1) === 1) this.#pathCount6--
    if ((paths.flags[slot]! & PathFlag.stale) !== 0) this.#staleCount--
    if ((paths.flags[slot]! & PathFlag.unusable) !== 0) this.#refusedCount--
    const offer = offers.get(paths.offer[slot]!)
    paths.release(slot)
    if (offers.release(offer)) this.onUnused?.(offer)
    this.#rib.settle()
  }

  /** Marks every path of the family as stale (RFC 4724 §4.2, RFC 7313 §4). */
  markStale(family: 4 | 6): void {
    const { paths } = this.#rib.store
    for (let slot = this.#nextSlot(0, { family, isStale: false }); slot >= 0;) {
      paths.flags[slot] = paths.flags[slot]! | PathFlag.stale
      this.#staleCount++
      slot = this.#nextSlot(slot + 1, { family, isStale: false })
    }
  }

  /** A path that was put again by ourselves, not by the peer, is as stale as it was. */
  restoreStale(slot: number): void {
    const { flags } = this.#rib.store.paths
    if ((flags[slot]! & PathFlag.stale) !== 0) return
    flags[slot] = flags[slot]! | PathFlag.stale
    this.#staleCount++
  }

  /** Withdraws everything, or the paths that `condition` holds for, as one batch. */
  clear(condition: (path: Path) => boolean = () => true): void {
    const { store, batch } = this.#rib
    batch(() => {
      for (let slot = this.#nextSlot(0, {}); slot >= 0; slot = this.#nextSlot(slot + 1, {})) {
        if (condition(store.path(slot, store.prefix(store.paths.route[slot]!)))) this.remove(slot)
      }
    })
  }

  /** Withdraws the paths of the filter in slices, so that a large table does not keep everybody waiting. */
  sweeper(filter: PathFilter): Sweeper {
    return new Sweeper(this, this.#rib, (from) => this.#nextSlot(from, filter))
  }

  /** Slots of the paths of the filter, in ascending order, as they are when they are reached. */
  *slots(filter: PathFilter = {}): IterableIterator<number> {
    for (let slot = this.#nextSlot(0, filter); slot >= 0; slot = this.#nextSlot(slot + 1, filter)) yield slot
  }

  /** This adjacency's paths, usable or not. */
  *paths(): IterableIterator<Path> {
    const { store } = this.#rib
    for (const slot of this.slots()) yield store.path(slot, store.prefix(store.paths.route[slot]!))
  }

  /** Withdraws everything and gives the name back. */
  close(): void {
    if (this.#isClosed) return
    this.#rib.batch(() => {
      for (let slot = this.#nextSlot(0, {}); slot >= 0; slot = this.#nextSlot(slot + 1, {})) this.remove(slot)
    })
    this.retire()
  }

  /** Gives the name back at once; its paths remain until a sweeper has removed them. Nothing is announced any more. */
  retire(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose()
  }

  get isRetired(): boolean {
    return this.#isClosed
  }

  #add(ref: number, pathId: number, offer: Offer): void {
    const { store } = this.#rib
    const { paths } = store
    const { firstPath } = store.table(ref)
    const slot = paths.allocate()
    paths.route[slot] = ref
    paths.next[slot] = firstPath[ref >>> 1]!
    paths.source[slot] = this.id
    paths.offer[slot] = store.offers.retain(offer)
    paths.setPathId(slot, pathId)
    paths.flags[slot] = 0
    paths.receivedAtMs[slot] = this.#rib.nowMs()
    firstPath[ref >>> 1] = slot
    this.#pathCount++
    if ((ref & 1) === 1) this.#pathCount6++
    this.#setUnusable(slot, offer.unusable !== undefined)
  }

  #setUnusable(slot: number, isUnusable: boolean): void {
    const { flags } = this.#rib.store.paths
    if (isUnusable === ((flags[slot]! & PathFlag.unusable) !== 0)) return
    flags[slot] = flags[slot]! ^ PathFlag.unusable
    this.#refusedCount += isUnusable ? 1 : -1
  }

  /** The first of our slots at `from` or after it that passes the filter, -1 when there is none. */
  #nextSlot(from: number, { family, isStale }: PathFilter): number {
    const { source, route, flags, end } = this.#rib.store.paths
    const { id } = this
    if (this.#pathCount === 0) return -1
    for (let slot = from; slot < end; slot++) {
      if (source[slot] !== id) continue
      if (family !== undefined && ((route[slot]! & 1) === 1) !== (family === 6)) continue
      if (isStale !== undefined && ((flags[slot]! & PathFlag.stale) !== 0) !== isStale) continue
      return slot
    }
    return -1
  }
}

/** A withdrawal of many paths, a slice at a time. */
export class Sweeper {
  readonly #adjacency: Adjacency
  readonly #rib: RibAccess
  readonly #next: (from: number) => number
  #from = 0

  constructor(adjacency: Adjacency, rib: RibAccess, next: (from: number) => number) {
    this.#adjacency = adjacency
    this.#rib = rib
    this.#next = next
  }

  /** Withdraws up to `max` paths. @returns how many; less than `max` when it is done. */
  sweep(max: number): number {
    let count = 0
    this.#rib.batch(() => {
      while (count < max) {
        const slot = this.#next(this.#from)
        if (slot < 0) break
        this.#from = slot + 1
        this.#adjacency.remove(slot)
        count++
      }
    })
    return count
  }
}
