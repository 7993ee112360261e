/**
 * The lower half: makes a forwarding table agree with the RIB's selection, and keeps it so.
 *
 * For each prefix there is what should be (`desired`), what the target confirmed (`programmed`, or unknown after a write
 * that failed), and at most one write in flight. Whenever the two differ and nothing is in flight the prefix is queued.
 * Failed writes are tried again with growing pauses, for ever: nothing that failed is forgotten, and `status` names it.
 *
 * Invariant: when nothing is queued, in flight or failing, the target has exactly the desired routes.
 */
import type { Clock, Timer } from '@lodestone/host'
import type { Ip, Prefix } from '@lodestone/net'
import { Counters } from '@lodestone/probe'
import type { LinkHop, Path, Rib, Subscription } from '@lodestone/rib'
import { EntryTable } from './entry-table.ts'
import { type ForeignChange, type ForwardingTarget, type NextHop, nextHopsKey, type WriteResult } from './target.ts'

/** What of a path decides whether and how it is programmed: the same for every prefix that was offered with it. */
export type ForwardingPath = Pick<Path, 'source' | 'nextHop' | 'nextHopInterface'>

export interface LowerHalfOptions {
  readonly rib: Rib
  readonly clock: Clock
  readonly target: ForwardingTarget
  /** Which paths are for this target; default all. */
  readonly accepts?: (path: ForwardingPath) => boolean
  /** The interface of a path that names none, from its next hop; default: such a path cannot be programmed. */
  readonly interfaceOf?: (path: ForwardingPath) => string | undefined
  /**
   * The next hops on links by which a next hop is reached that is on none; `undefined` where it is on one itself, empty where there is
   * no way. Default: all are on links.
   */
  readonly wayTo?: (nextHop: Ip) => readonly LinkHop[] | undefined
  /** Writes in flight at once; default 8. */
  readonly maxInFlight?: number
  /** First pause after a failure; doubles up to `maxRetryMs`. Defaults 100 and 10 000. */
  readonly retryMs?: number
  readonly maxRetryMs?: number
  /**
   * How often a target that can list is compared with what we believe; 0 for never. Default 30 000, and 300 000 where the
   * target tells of changes by others.
   */
  readonly auditMs?: number
  /**
   * Routes that an earlier life of ours left in the target stay at least this long, so that traffic flows on while
   * protocols learn again (RFC 4724 §4.1 calls it preserving the forwarding state); default 0.
   */
  readonly keepOldMs?: number
  /** Routes found in the target that are not ours to touch; default: all are ours. */
  readonly isForeign?: (prefix: Prefix) => boolean
}

export interface FailingRoute {
  readonly prefix: Prefix
  readonly operation: 'set' | 'remove'
  readonly reason: string
  readonly attempts: number
  readonly sinceMs: number
}

/** One prefix in one forwarding plane. */
export interface RouteState {
  readonly target: string
  readonly state: 'programmed' | 'pending' | 'failing' | 'unresolved' | 'absent'
  readonly sentence: string
  readonly nextHops: readonly NextHop[]
}

export interface LowerHalfStatus {
  readonly target: string
  readonly desired: number
  readonly programmed: number
  readonly queued: number
  readonly inFlight: number
  readonly failing: readonly FailingRoute[]
  /** Selected prefixes of which no path has a known interface. */
  readonly unresolved: readonly Prefix[]
  readonly counters: Readonly<Record<LowerHalfCounter, number>>
}

export const LOWER_HALF_COUNTERS = [
  'sets',
  'removes',
  'failures',
  'audits',
  'audit-repairs',
  'audits-failed',
  /** Routes found changed by others, by notification. */
  'foreign-changes',
] as const
export type LowerHalfCounter = (typeof LOWER_HALF_COUNTERS)[number]

/** Pauses between comparisons that are asked for one after the other. */
const MIN_AUDIT_MS = 200
/** Taken entries are dropped from the queue when they are this many and most of it. */
const COMPACT_AT = 1024

/** What the target has for a prefix, as far as we know. */
const NOTHING = ''
const UNKNOWN = '?'

/** Single next hops that are kept to be shared. */
const MAX_SHARED = 1024

/** One object for all the prefixes that go the same way. */
interface NextHopSet {
  readonly nextHops: readonly NextHop[]
  /** `nextHopsKey` of them; `NOTHING` for none. */
  readonly key: string
}

const NO_NEXT_HOPS: NextHopSet = { nextHops: [], key: NOTHING }

interface Entry {
  /** The route of the RIB, held while this entry is there: the prefix is in its tables. */
  readonly ref: number
  nextHops: readonly NextHop[]
  /** `nextHopsKey` of `nextHops`; `NOTHING` when the prefix should not be there. */
  desired: string
  programmed: string
  isInFlight: boolean
  isQueued: boolean
  isUnresolved: boolean
  attempts: number
  reason: string
  failingSinceMs: number
  retry: Timer | undefined
}

export class LowerHalf {
  readonly #options: LowerHalfOptions
  /** By route. */
  readonly #entries = new EntryTable<Entry>()
  readonly #shared = new Map<Ip, NextHopSet>()
  readonly #sharedWays = new WeakMap<readonly LinkHop[], NextHopSet>()
  /** From `#head` on. */
  readonly #queue: Entry[] = []
  #head = 0
  readonly #counters = new Counters(LOWER_HALF_COUNTERS)
  readonly #subscription: Subscription
  readonly #unwatchTarget: (() => void) | undefined
  readonly #keyOf: ((nextHop: NextHop) => string) | undefined
  readonly #keepOldUntilMs: number
  #inFlight = 0
  #isPumping = false
  #audit: Timer | undefined
  #keepOld: Timer | undefined
  #isClosed = false

  constructor(options: LowerHalfOptions) {
    this.#options = options
    const { target, clock, keepOldMs = 0 } = options
    this.#keyOf = target.keyOf?.bind(target)
    this.#keepOldUntilMs = clock.nowMs() + keepOldMs
    this.#unwatchTarget = target.watch?.((change) => this.#changedByOthers(change))
    this.#subscription = options.rib.subscribe(() => this.#changed())
    options.rib.enqueueAll(this.#subscription)
    this.#changed()
    this.#scheduleAudit(0)
    // Looked at again when it is over.
    if (keepOldMs > 0) this.#keepOld = clock.after(keepOldMs, () => this.#auditSoon())
  }

  status(): LowerHalfStatus {
    const entries = [...this.#entries.values()]
    return {
      target: this.#options.target.name,
      desired: entries.filter((entry) => entry.desired !== NOTHING).length,
      programmed: entries.filter((entry) => entry.desired !== NOTHING && entry.programmed === entry.desired).length,
      queued: this.#queue.length - this.#head,
      inFlight: this.#inFlight,
      failing: entries
        .filter((entry) => entry.attempts > 0)
        .map(({ ref, desired, reason, attempts, failingSinceMs }) => ({
          prefix: this.#prefix(ref),
          operation: desired === NOTHING ? 'remove' : 'set',
          reason,
          attempts,
          sinceMs: failingSinceMs,
        })),
      unresolved: entries.filter((entry) => entry.isUnresolved).map(({ ref }) => this.#prefix(ref)),
      counters: this.#counters.snapshot(),
    }
  }

  /** Whether the target has what it should, as far as is known. */
  get isSettled(): boolean {
    if (this.#inFlight > 0 || this.#queue.length > this.#head) return false
    for (const entry of this.#entries.values()) if (entry.programmed !== entry.desired) return false
    return true
  }

  /** What has become of one prefix here. */
  explain(prefix: Prefix): RouteState {
    const target = this.#options.target.name
    const entry = this.#find(prefix)
    if (entry === undefined) return { target, state: 'absent', sentence: 'nothing is to be programmed', nextHops: [] }
    const { nextHops, isUnresolved, attempts, reason } = entry
    if (attempts > 0) {
      return { target, state: 'failing', sentence: `failed ${attempts} times, tried again: ${reason}`, nextHops }
    }
    if (isUnresolved) {
      return { target, state: 'unresolved', sentence: 'no next hop is on a known interface', nextHops }
    }
    if (entry.desired !== entry.programmed) {
      const sentence = entry.isInFlight ? 'is being written' : 'waits to be written'
      return { target, state: 'pending', sentence, nextHops }
    }
    return { target, state: 'programmed', sentence: 'is programmed as selected', nextHops }
  }

  /** Looks at every selected route again, after the answers of `accepts` or `interfaceOf` changed. */
  refresh(): void {
    this.#options.rib.enqueueAll(this.#subscription)
    for (const { ref } of this.#entries.values()) this.#subscription.enqueue(ref)
    this.#changed()
  }

  /** Looks again at the selected routes through these next hops, after the answers of `wayTo` changed. */
  nextHopsChanged(nextHops: readonly Ip[]): void {
    const { store } = this.#options.rib
    const isAffected = (slot: number): boolean => {
      const { nextHop } = store.offers.get(store.paths.offer[slot]!)
      return nextHops.some((other) => other === nextHop || other.equals(nextHop))
    }
    for (const { ref } of this.#entries.values()) {
      const best = store.table(ref).best[ref >>> 1]!
      if (best >= 0 && (isAffected(best) || store.others.get(ref)?.some(isAffected) === true)) {
        this.#subscription.enqueue(ref)
      }
    }
    this.#changed()
  }

  /** Stops. What is programmed stays: a restart of the control plane must not stop the traffic. */
  close(): void {
    this.#isClosed = true
    this.#subscription.close()
    this.#unwatchTarget?.()
    this.#audit?.cancel()
    this.#keepOld?.cancel()
    for (const entry of this.#entries.values()) {
      entry.retry?.cancel()
      this.#options.rib.store.release(entry.ref)
    }
    this.#entries.clear()
  }

  #find(prefix: Prefix): Entry | undefined {
    const ref = this.#options.rib.store.find(prefix)
    return ref < 0 ? undefined : this.#entries.get(ref)
  }

  #prefix(ref: number): Prefix {
    return this.#options.rib.store.prefix(ref)
  }

  // --- desired ------------------------------------------------------------------------------------------------

  /** Takes all that waits. A full table comes this way: nothing is made per route but its entry. */
  #changed(): void {
    const subscription = this.#subscription
    for (let ref = subscription.next(); ref >= 0; ref = subscription.next()) {
      this.#want(ref)
      subscription.done(ref)
    }
    this.#pump()
  }

  #want(ref: number): void {
    const { store } = this.#options.rib
    const { accepts } = this.#options
    const best = store.table(ref).best[ref >>> 1]!
    const others = best < 0 ? undefined : store.others.get(ref)
    let hasPaths = false
    let set = NO_NEXT_HOPS
    if (others !== undefined) {
      const paths = [best, ...others].map((slot): ForwardingPath => store.offers.get(store.paths.offer[slot]!))
      const accepted = accepts === undefined ? paths : paths.filter(accepts)
      hasPaths = accepted.length > 0
      set = this.#several(accepted)
    } else if (best >= 0) {
      const offer = store.offers.get(store.paths.offer[best]!)
      hasPaths = accepts === undefined || accepts(offer)
      if (hasPaths) set = this.#single(offer)
    }
    const entry = this.#entries.get(ref)
    if (entry === undefined && !hasPaths) return
    const mine = entry ?? this.#newEntry(ref, NOTHING)
    mine.isUnresolved = hasPaths && set.nextHops.length === 0
    mine.nextHops = set.nextHops
    if (set.key === mine.desired) {
      // One that could not be resolved and is not wanted any more: nothing was ever written for it.
      const isAtRest = !mine.isQueued && !mine.isInFlight && mine.programmed === mine.desired
      if (!hasPaths && isAtRest) this.#settle(mine)
      return
    }
    mine.desired = set.key
    // A new wish is tried at once, however long the old one has been failing.
    mine.retry?.cancel()
    mine.retry = undefined
    this.#enqueue(mine)
  }

  #single(path: ForwardingPath): NextHopSet {
    const way = this.#wayOf(path)
    if (way !== undefined) {
      let set = this.#sharedWays.get(way)
      if (set === undefined) this.#sharedWays.set(way, (set = this.#setOf(this.#hopsOf(path))))
      return set
    }
    const name = this.#interfaceOf(path)
    if (name === undefined) return NO_NEXT_HOPS
    const shared = this.#shared
    const known = shared.get(path.nextHop)
    if (known?.nextHops[0]?.interface === name) return known
    const set = this.#setOf([{ via: path.nextHop, interface: name }])
    if (shared.size >= MAX_SHARED) shared.clear()
    shared.set(path.nextHop, set)
    return set
  }

  #several(paths: readonly ForwardingPath[]): NextHopSet {
    const nextHops: NextHop[] = []
    const seen = new Set<string>()
    for (const hop of paths.flatMap((path) => this.#hopsOf(path))) {
      const key = `${hop.via}%${hop.interface}`
      if (!seen.has(key)) nextHops.push(hop)
      seen.add(key)
    }
    return this.#setOf(nextHops)
  }

  #setOf(nextHops: readonly NextHop[]): NextHopSet {
    if (nextHops.length === 0) return NO_NEXT_HOPS
    const { maxNextHops = Infinity } = this.#options.target
    const some = nextHops.slice(0, maxNextHops)
    return { nextHops: some, key: nextHopsKey(some, this.#keyOf) }
  }

  /** Undefined: the next hop is on a link. */
  #wayOf({ nextHop, nextHopInterface }: ForwardingPath): readonly LinkHop[] | undefined {
    return nextHopInterface === undefined ? this.#options.wayTo?.(nextHop) : undefined
  }

  /** Next hops on links. Several, where the path's own is reached by a route with several. */
  #hopsOf(path: ForwardingPath): readonly NextHop[] {
    const way = this.#wayOf(path)
    if (way === undefined) {
      const name = this.#interfaceOf(path)
      return name === undefined ? [] : [{ via: path.nextHop, interface: name }]
    }
    return way.flatMap(({ via, interface: link }) => {
      const name = this.#interfaceOf({ source: path.source, nextHop: via, nextHopInterface: link })
      return name === undefined ? [] : [{ via, interface: name }]
    })
  }

  /** As the target names it; undefined: the path cannot be programmed. */
  #interfaceOf(path: ForwardingPath): string | undefined {
    const { interfaceOf, target } = this.#options
    const name = path.nextHopInterface ?? interfaceOf?.(path) ?? (target.resolvesInterfaces === true ? '' : undefined)
    return name === undefined ? undefined : (target.canonicalInterface?.(name) ?? name)
  }

  #newEntry(ref: number, programmed: string): Entry {
    const entry: Entry = {
      ref,
      nextHops: [],
      desired: NOTHING,
      programmed,
      isInFlight: false,
      isQueued: false,
      isUnresolved: false,
      attempts: 0,
      reason: '',
      failingSinceMs: 0,
      retry: undefined,
    }
    this.#options.rib.store.hold(ref)
    this.#entries.set(ref, entry)
    return entry
  }

  // --- programmed ---------------------------------------------------------------------------------------------

  #enqueue(entry: Entry): void {
    if (entry.isQueued || entry.isInFlight) return
    entry.isQueued = true
    this.#queue.push(entry)
  }

  #pump(): void {
    if (this.#isPumping || this.#isClosed) return
    this.#isPumping = true
    const { target, maxInFlight = 8 } = this.#options
    if (target.writeBatch === undefined) {
      for (let entry = this.#next(maxInFlight); entry !== undefined; entry = this.#next(maxInFlight)) {
        void this.#write(entry, entry.desired)
      }
    } else if (this.#inFlight === 0) {
      const batch: Entry[] = []
      const limit = target.batchSize ?? Infinity
      for (let entry = this.#next(limit); entry !== undefined; entry = this.#next(limit)) batch.push(entry)
      if (batch.length > 0) void this.#writeBatch(batch)
    }
    this.#isPumping = false
  }

  /** The next entry that has to be written, as in flight; none while `limit` are. */
  #next(limit: number): Entry | undefined {
    const queue = this.#queue
    while (this.#inFlight < limit && this.#head < queue.length) {
      const entry = queue[this.#head++]!
      if (this.#head === queue.length || (this.#head >= COMPACT_AT && this.#head * 2 > queue.length)) {
        queue.splice(0, this.#head)
        this.#head = 0
      }
      entry.isQueued = false
      if (entry.programmed === entry.desired) {
        this.#settle(entry)
        continue
      }
      entry.isInFlight = true
      this.#inFlight++
      return entry
    }
    return undefined
  }

  async #write(entry: Entry, desired: string): Promise<void> {
    const { target } = this.#options
    this.#counters.add(desired === NOTHING ? 'removes' : 'sets')
    // Until it is confirmed, anything may be there: also when the write fails after having been applied.
    entry.programmed = UNKNOWN
    const prefix = this.#prefix(entry.ref)
    const result =
      desired === NOTHING ? await target.removeRoute(prefix) : await target.setRoute(prefix, entry.nextHops)
    this.#inFlight--
    entry.isInFlight = false
    if (!this.#isClosed) this.#written(entry, desired, result)
    this.#pump()
  }

  async #writeBatch(batch: readonly Entry[]): Promise<void> {
    const desired = batch.map((entry) => entry.desired)
    const writes = batch.map((entry, i) => {
      this.#counters.add(desired[i] === NOTHING ? 'removes' : 'sets')
      entry.programmed = UNKNOWN
      return { prefix: this.#prefix(entry.ref), nextHops: desired[i] === NOTHING ? [] : entry.nextHops }
    })
    const results = (await this.#options.target.writeBatch?.(writes)) ?? []
    this.#inFlight -= batch.length
    batch.forEach((entry, i) => {
      entry.isInFlight = false
      if (!this.#isClosed) this.#written(entry, desired[i]!, results[i] ?? { ok: false, reason: 'no answer' })
    })
    this.#pump()
  }

  #written(entry: Entry, desired: string, result: WriteResult): void {
    if (result.ok) {
      entry.programmed = desired
      if (entry.desired === desired) this.#settle(entry)
      else this.#enqueue(entry)
      return
    }
    const { clock, retryMs = 100, maxRetryMs = 10_000 } = this.#options
    this.#counters.add('failures')
    if (entry.attempts === 0) entry.failingSinceMs = clock.nowMs()
    entry.attempts++
    entry.reason = result.reason
    if (entry.desired !== desired) {
      this.#enqueue(entry)
      return
    }
    entry.retry = clock.after(Math.min(maxRetryMs, retryMs * 2 ** Math.min(20, entry.attempts - 1)), () => {
      entry.retry = undefined
      this.#enqueue(entry)
      this.#pump()
    })
  }

  #settle(entry: Entry): void {
    entry.attempts = 0
    entry.reason = ''
    entry.retry?.cancel()
    entry.retry = undefined
    if (entry.desired !== NOTHING || entry.isUnresolved || !this.#entries.delete(entry.ref)) return
    this.#options.rib.store.release(entry.ref)
  }

  // --- audit --------------------------------------------------------------------------------------------------

  #scheduleAudit(delayMs: number): void {
    const { clock, target } = this.#options
    const { auditMs = target.auditMs ?? (target.watch === undefined ? 30_000 : 300_000) } = this.#options
    if (target.list === undefined || auditMs === 0 || this.#isClosed) return
    this.#audit = clock.after(delayMs, () => {
      this.#audit = undefined
      void this.#compare().then(() => this.#scheduleAudit(auditMs))
    })
  }

  /** Before its time, unless one is under way. */
  #auditSoon(): void {
    if (this.#audit === undefined) return
    this.#audit.cancel()
    this.#scheduleAudit(MIN_AUDIT_MS)
  }

  #changedByOthers(change: ForeignChange): void {
    if (this.#isClosed) return
    if (change === 'anything') {
      for (const entry of this.#entries.values()) {
        if (entry.retry === undefined) continue
        entry.retry.cancel()
        entry.retry = undefined
        this.#enqueue(entry)
      }
      this.#auditSoon()
      return this.#pump()
    }
    for (const { prefix, nextHops } of change) {
      const entry = this.#find(prefix)
      // What is being written is written after the change; what is not ours was never touched.
      if (entry === undefined || entry.isInFlight || entry.programmed === UNKNOWN) continue
      const found = nextHops.length === 0 ? NOTHING : nextHopsKey(nextHops, this.#keyOf)
      if (found === entry.programmed) continue
      this.#counters.add('foreign-changes')
      // Somebody else's route may hide ours without having removed it: ours is written again either way.
      entry.programmed = UNKNOWN
      this.#enqueue(entry)
    }
    this.#pump()
  }

  /** Repairs what others changed, and removes what an earlier life of ours left behind. */
  async #compare(): Promise<void> {
    const { target, clock, isForeign } = this.#options
    const keepsOld = clock.nowMs() < this.#keepOldUntilMs
    // Only what is quiet before and after reading can be judged by what was read.
    const before = new Map<Entry, string>()
    for (const entry of this.#entries.values()) if (!entry.isInFlight) before.set(entry, entry.programmed)
    const listed = await target.list?.()
    if (this.#isClosed) return
    this.#counters.add(listed === undefined ? 'audits-failed' : 'audits')
    if (listed === undefined) return
    const { store } = this.#options.rib
    const found = new Map<Entry, string>()
    for (const { prefix, nextHops } of listed) {
      const key = nextHopsKey(nextHops, this.#keyOf)
      const entry = this.#find(prefix)
      if (entry !== undefined) found.set(entry, key)
      if (keepsOld || entry !== undefined || isForeign?.(prefix) === true) continue
      this.#counters.add('audit-repairs')
      this.#enqueue(this.#newEntry(store.insert(prefix), key))
    }
    for (const [entry, programmed] of before) {
      if (entry.isInFlight || entry.programmed !== programmed || programmed === UNKNOWN) continue
      const actual = found.get(entry) ?? NOTHING
      if (actual === programmed || this.#entries.get(entry.ref) !== entry) continue
      this.#counters.add('audit-repairs')
      entry.programmed = actual
      this.#enqueue(entry)
    }
    this.#pump()
  }
}
