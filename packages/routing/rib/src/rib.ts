/**
 * The one routing information base of a router (RFC 4271 §3.2, for all protocols together).
 *
 * Each protocol opens an `Adjacency` per peer and announces and withdraws paths through it: that is the adj-RIB-in,
 * which keeps refused paths too, with the reason. The decision process turns each prefix's paths into the selected
 * ones: the loc-RIB. Watchers get the changes as they happen; subscribers fetch them when they can.
 *
 * Invariants: after every batch, what is selected of each prefix equals `decide(its usable paths)`; watchers see batches in the
 * order in which they happened, each watcher the same sequence, also when a watcher itself changes the RIB.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { Adjacency, type AdjacencyOptions, type RibAccess } from './adjacency.ts'
import {
  type Candidate,
  decide,
  type DecisionOptions,
  type DecisionStep,
  decisionSteps,
  type DecisionStepName,
  DEFAULT_DECISION,
  describeLoss,
} from './decision.ts'
import { type Oscillation, OscillationWatch } from './oscillation-watch.ts'
import type { Path, Protocol } from './path.ts'
import { PathFlag } from './path-table.ts'
import { loadView, PathView } from './path-view.ts'
import { Outcome, Ranking } from './ranking.ts'
import { maskedWord, RouteStore } from './route-store.ts'
import { RouteFlag, type RouteTable } from './route-table.ts'
import type { Route } from './route.ts'
import { Subscription } from './subscription.ts'

export interface RouteChange {
  readonly prefix: Prefix
  /** The paths used from now on, best first; empty: the prefix is unreachable. */
  readonly selected: readonly Path[]
  readonly previous: readonly Path[]
}

export type RibWatcher = (changes: readonly RouteChange[]) => void

export interface RibOptions {
  readonly nowMs: () => number
  /** How many equal paths are used at once, by protocol; default 1 for BGP and 8 for the others. */
  readonly fanOut?: Partial<Readonly<Record<Protocol, number>>>
  readonly decision?: Partial<DecisionOptions>
}

export interface SubscribeOptions {
  /** First everything that is selected now. */
  readonly replay?: boolean
  /** Also changes of paths that are not selected. */
  readonly allPaths?: boolean
}

export type Verdict = 'best' | 'multipath' | 'lost' | 'unusable'

export interface PathExplanation {
  readonly path: Path
  readonly verdict: Verdict
  /** For a lost path the step that decided against it; for an unusable one its code. */
  readonly step?: DecisionStepName | string
  readonly against?: Path
  readonly sentence: string
}

export interface Explanation {
  readonly prefix: Prefix
  /** Winners first, then the losers in the order of the steps that removed them. */
  readonly paths: readonly PathExplanation[]
}

const DEFAULT_FAN_OUT: Readonly<Record<Protocol, number>> = { connected: 8, static: 8, bgp: 1, ddm: 8 }
const NONE: readonly Path[] = []

export class Rib {
  /** Routes and paths as numbers, for protocols that handle many. */
  readonly store = new RouteStore()
  readonly #nowMs: () => number
  readonly #adjacencies = new Map<string, Adjacency>()
  /** Adjacencies by number; retired ones as long as they have paths. */
  readonly #byId: (Adjacency | undefined)[] = [undefined]
  readonly #watchers = new Set<{ readonly notify: RibWatcher }>()
  readonly #subscriptions = new Set<Subscription>()
  readonly #oscillationWatchers = new Set<(oscillation: Oscillation) => void>()
  readonly #oscillations: OscillationWatch
  /** Routes touched in this batch. */
  #dirty = new Int32Array(256)
  #dirtyCount = 0
  /** What was selected of them before it; only kept for watchers. */
  readonly #previous = new Map<number, readonly Path[]>()
  readonly #outbox: (readonly RouteChange[])[] = []
  readonly #views: PathView[] = []
  readonly #loaded: PathView[] = []
  readonly #access: RibAccess
  #fanOut: Readonly<Record<Protocol, number>>
  #decision: DecisionOptions
  #steps: readonly DecisionStep[]
  #ranking: Ranking
  #batchDepth = 0
  #batchNowMs = 0
  #isDelivering = false
  #selectedCount = 0

  constructor(options: RibOptions) {
    this.#nowMs = options.nowMs
    this.#fanOut = { ...DEFAULT_FAN_OUT, ...options.fanOut }
    this.#decision = { ...DEFAULT_DECISION, ...options.decision }
    this.#steps = decisionSteps(this.#decision)
    this.#ranking = this.#newRanking()
    this.#oscillations = new OscillationWatch(
      { prefix: (ref) => this.store.prefix(ref), selection: (ref) => this.#selectionText(ref) },
      (oscillation) => {
        for (const notify of this.#oscillationWatchers) notify(oscillation)
      },
    )
    this.#access = {
      store: this.store,
      touch: (ref, slot) => this.#touch(ref, slot),
      grow: (ref) => this.#grow(ref),
      settle: () => {
        if (this.#batchDepth === 0) this.#flush()
      },
      batch: (fn) => this.batch(fn),
      nowMs: () => (this.#batchDepth > 0 ? this.#batchNowMs : this.#nowMs()),
    }
  }

  /** Opens the adj-RIB-in of one peer. Opening one that is open already is a bug. */
  adjacency(options: AdjacencyOptions): Adjacency {
    const key = `${options.protocol} ${options.peer}`
    if (this.#adjacencies.has(key)) throw new Error(`the RIB has an adjacency for ${key} already`)
    const id = this.#freeId()
    const adjacency = new Adjacency(options, id, this.#access, () => this.#adjacencies.delete(key))
    this.#byId[id] = adjacency
    this.#adjacencies.set(key, adjacency)
    return adjacency
  }

  get adjacencies(): Iterable<Adjacency> {
    return this.#adjacencies.values()
  }

  /** Makes everything that `fn` changes one batch for the watchers. Batches nest; the outermost one counts. */
  batch<Result>(fn: () => Result): Result {
    // One time for everything that arrives together.
    if (this.#batchDepth++ === 0) this.#batchNowMs = this.#nowMs()
    try {
      return fn()
    } finally {
      if (--this.#batchDepth === 0) this.#flush()
    }
  }

  /**
   * Registers for changes. Called synchronously at the end of each batch, with objects: for consumers of few routes.
   * @param replay first hand over everything selected now, as one batch.
   * @returns unsubscribe.
   */
  watch(notify: RibWatcher, replay = false): () => void {
    const entry = { notify }
    if (replay) {
      const snapshot = this.snapshot()
      if (snapshot.length > 0) notify(snapshot)
    }
    this.#watchers.add(entry)
    return () => void this.#watchers.delete(entry)
  }

  /**
   * Registers for changes that are fetched: `onReady` is called when the first one waits, and must not change the RIB. What
   * waits is bounded by the size of the table however slow the subscriber is.
   */
  subscribe(onReady: () => void, options: SubscribeOptions = {}): Subscription {
    const subscription: Subscription = new Subscription(this.store, options.allPaths ?? false, onReady, () =>
      this.#subscriptions.delete(subscription),
    )
    this.#subscriptions.add(subscription)
    if (options.replay === true) {
      this.enqueueAll(subscription)
      subscription.tell()
    }
    return subscription
  }

  /** Prefixes whose best path takes turns, and has not come to rest. */
  oscillations(): readonly Oscillation[] {
    return this.#oscillations.list(this.#nowMs())
  }

  /** Called when a prefix is found to oscillate, from within a change: it must not change the RIB. @returns unsubscribe. */
  onOscillation(notify: (oscillation: Oscillation) => void): () => void {
    this.#oscillationWatchers.add(notify)
    return () => void this.#oscillationWatchers.delete(notify)
  }

  /** Puts every selected route (or every one with a path) in the queue of a subscriber that starts over. */
  enqueueAll(subscription: Subscription, family?: 4 | 6): void {
    for (const table of [this.store.v4, this.store.v6]) {
      if (family !== undefined && table.family !== family) continue
      const bit = table.family === 6 ? 1 : 0
      const heads = subscription.wantsAllPaths ? table.firstPath : table.best
      for (let index = 0; index < table.end; index++) {
        if (table.flags[index] !== 0 && heads[index]! >= 0) subscription.enqueue(index * 2 + bit)
      }
    }
  }

  /** Everything selected, for a watcher that lost track and starts over. */
  snapshot(): readonly RouteChange[] {
    const out: RouteChange[] = []
    for (const ref of this.#refs()) {
      const prefix = this.store.prefix(ref)
      const selected = this.store.selected(ref, prefix)
      if (selected.length > 0) out.push({ prefix, selected, previous: NONE })
    }
    return out
  }

  get(prefix: Prefix): Route | undefined {
    const ref = this.store.find(prefix)
    return ref < 0 || !this.#hasPaths(ref) ? undefined : this.store.route(ref)
  }

  /** Every prefix with at least one path, usable or not. */
  *routes(): IterableIterator<Route> {
    for (const ref of this.#refs()) yield this.store.route(ref)
  }

  /** The most specific selected route that covers `ip`. */
  longestMatch(ip: Ip): Route | undefined {
    for (const route of this.matches(ip)) return route
    return undefined
  }

  /** The selected routes that cover `ip`, the most specific first. */
  *matches(ip: Ip): IterableIterator<Route> {
    const table = ip.family === 4 ? this.store.v4 : this.store.v6
    for (let length = table.lengthCounts.length - 1; length >= 0; length--) {
      if (table.lengthCounts[length] === 0) continue
      const index = findMasked(table, ip, length)
      if (index >= 0 && table.best[index]! >= 0) yield this.store.route(index * 2 + (ip.family === 6 ? 1 : 0))
    }
  }

  /** Prefixes with at least one path. */
  get routeCount(): number {
    let count = 0
    for (const { firstPath, flags, end } of [this.store.v4, this.store.v6]) {
      for (let index = 0; index < end; index++) if (flags[index] !== 0 && firstPath[index]! >= 0) count++
    }
    return count
  }

  get pathCount(): number {
    return this.store.paths.size
  }

  get selectedCount(): number {
    return this.#selectedCount
  }

  get fanOut(): Readonly<Record<Protocol, number>> {
    return this.#fanOut
  }

  get decision(): DecisionOptions {
    return this.#decision
  }

  /** Changes fan-out or decision options and decides every prefix again. */
  configure(options: { fanOut?: Partial<Record<Protocol, number>>; decision?: Partial<DecisionOptions> }): void {
    const fanOut = { ...this.#fanOut, ...options.fanOut }
    const decision = { ...this.#decision, ...options.decision }
    if (isEqual(fanOut, this.#fanOut) && isEqual(decision, this.#decision)) return
    this.batch(() => {
      this.#fanOut = fanOut
      this.#decision = decision
      this.#steps = decisionSteps(decision)
      this.store.offers.ranks.clear()
      this.#ranking = this.#newRanking()
      for (const ref of this.#refs()) this.#touch(ref, -1)
    })
  }

  /** Why each path of `prefix` is used or not; `undefined` when no path is known. */
  explain(prefix: Prefix): Explanation | undefined {
    const route = this.get(prefix)
    if (route === undefined) return undefined
    const losers: PathExplanation[] = []
    const usable = route.paths.filter((path) => path.unusable === undefined)
    const selected = decide(usable, this.#steps, this.#decision, this.#fanOutOf, (path, step, against) =>
      losers.push({
        path,
        verdict: 'lost',
        step: typeof step === 'string' ? step : step.name,
        against,
        sentence: describeLoss(path, step, against),
      }),
    )
    const winners = selected.map((path, i): PathExplanation => {
      if (i > 0) return { path, verdict: 'multipath', sentence: 'equal to the best path; traffic is spread over both' }
      return { path, verdict: 'best', sentence: losers.length === 0 ? 'the only choice' : 'won every comparison' }
    })
    const unusable = route.paths.flatMap((path): PathExplanation[] =>
      path.unusable === undefined
        ? []
        : [{ path, verdict: 'unusable', step: path.unusable.code, sentence: path.unusable.sentence }],
    )
    return { prefix: route.prefix, paths: [...winners, ...losers, ...unusable] }
  }

  /** The slots of the usable paths of a route, best first, at most `max` (RFC 7911 senders). */
  ranked(ref: number, max: number): readonly number[] {
    const views = this.#load(ref).slice()
    const out: number[] = []
    while (out.length < max && views.length > 0) {
      const best = decide(views, this.#steps, this.#decision, () => 1)[0]!
      out.push(best.slot)
      views.splice(views.indexOf(best), 1)
    }
    return out
  }

  #newRanking(): Ranking {
    return new Ranking(this.store, this.#steps, this.#fanOutOf, this.#decision.multipathNeedsSameAsPath)
  }

  readonly #fanOutOf = (best: Candidate): number => this.#fanOut[best.source.protocol]

  #freeId(): number {
    for (let id = 1; id < this.#byId.length; id++) {
      const adjacency = this.#byId[id]!
      if (adjacency.isRetired && adjacency.pathCount === 0) return id
    }
    if (this.#byId.length > 0xffff) throw new Error('the RIB has 65535 adjacencies already')
    return this.#byId.length
  }

  #hasPaths(ref: number): boolean {
    return this.store.table(ref).firstPath[ref >>> 1]! >= 0
  }

  *#refs(): IterableIterator<number> {
    for (const table of [this.store.v4, this.store.v6]) {
      const bit = table.family === 6 ? 1 : 0
      for (let index = 0; index < table.end; index++) {
        if (table.flags[index] !== 0 && table.firstPath[index]! >= 0) yield index * 2 + bit
      }
    }
  }

  // --- decision -------------------------------------------------------------------------------------------------

  #touch(ref: number, slot: number): void {
    const { flags } = this.store.table(ref)
    const index = ref >>> 1
    if (slot >= 0 && (this.store.paths.flags[slot]! & PathFlag.selected) !== 0) {
      flags[index] = flags[index]! | RouteFlag.changed
    }
    if ((flags[index]! & RouteFlag.dirty) === 0) this.#soil(ref)
    else flags[index] = flags[index]! & ~RouteFlag.grown
  }

  /** A route gets one path more, at the head of its list: the usual change, which is decided by one comparison. */
  #grow(ref: number): void {
    const { flags } = this.store.table(ref)
    const index = ref >>> 1
    if ((flags[index]! & RouteFlag.dirty) !== 0) flags[index] = flags[index]! & ~RouteFlag.grown
    else {
      flags[index] = flags[index]! | RouteFlag.grown
      this.#soil(ref)
    }
  }

  #soil(ref: number): void {
    const { flags } = this.store.table(ref)
    flags[ref >>> 1] = flags[ref >>> 1]! | RouteFlag.dirty
    if (this.#dirtyCount === this.#dirty.length) {
      const larger = new Int32Array(this.#dirty.length * 2)
      larger.set(this.#dirty)
      this.#dirty = larger
    }
    this.#dirty[this.#dirtyCount++] = ref
    if (this.#watchers.size > 0) this.#previous.set(ref, this.store.selected(ref, this.store.prefix(ref)))
  }

  #flush(): void {
    const changes: RouteChange[] = []
    const isWatched = this.#watchers.size > 0
    for (let i = 0; i < this.#dirtyCount; i++) {
      const ref = this.#dirty[i]!
      const isChanged = this.#decide(ref)
      if (isChanged && isWatched) {
        const prefix = this.store.prefix(ref)
        const selected = this.store.selected(ref, prefix)
        const previous = this.#previous.get(ref) ?? NONE
        if (!isSame(selected, previous)) changes.push({ prefix, selected, previous })
      }
      for (const subscription of this.#subscriptions) {
        if (isChanged || subscription.wantsAllPaths) subscription.enqueue(ref)
      }
      this.store.collect(ref)
    }
    this.#dirtyCount = 0
    if (this.#dirty.length > 65_536) this.#dirty = new Int32Array(256)
    this.#previous.clear()
    if (changes.length > 0) this.#outbox.push(changes)
    for (const subscription of this.#subscriptions) subscription.tell()
    this.#deliver()
  }

  #deliver(): void {
    // A watcher that changes the RIB queues its batch behind the one being delivered: order is kept for everyone.
    if (this.#isDelivering) return
    this.#isDelivering = true
    try {
      for (let batch = this.#outbox.shift(); batch !== undefined; batch = this.#outbox.shift()) {
        for (const watcher of [...this.#watchers]) if (this.#watchers.has(watcher)) watcher.notify(batch)
      }
    } finally {
      this.#isDelivering = false
    }
  }

  /** Selects again from the paths of a route. @returns whether the selection is another one. */
  #decide(ref: number): boolean {
    const { store } = this
    const { paths } = store
    const table = store.table(ref)
    const index = ref >>> 1
    const before = table.flags[index]!
    table.flags[index] = before & ~(RouteFlag.dirty | RouteFlag.changed | RouteFlag.grown)
    const oldBest = table.best[index]!
    const wasMultipath = (before & RouteFlag.multipath) !== 0
    const first = table.firstPath[index]!
    let best: number
    let others: readonly number[] | undefined
    if (first < 0) best = -1
    else {
      best = (before & RouteFlag.grown) !== 0 ? this.#ranking.challenge(first, oldBest) : this.#ranking.choose(first)
      if (best === Outcome.unchanged) return false
      if (best === Outcome.undecided || best === Outcome.several) {
        const selected =
          (best === Outcome.several ? this.#ranking.chooseSeveral(first) : undefined) ?? this.#decideByViews(ref)
        best = selected.length > 0 ? selected[0]! : -1
        if (selected.length > 1) others = selected.slice(1)
      }
    }
    const isChanged =
      (before & RouteFlag.changed) !== 0 ||
      best !== oldBest ||
      (wasMultipath || others !== undefined ? !isSameList(others, store.others.get(ref)) : false)
    if (!isChanged) return false
    // A slot that went away may belong to another route by now; its flag was cleared when it was given out again.
    if (oldBest >= 0 && paths.route[oldBest] === ref && paths.source[oldBest] !== 0) {
      paths.flags[oldBest] = paths.flags[oldBest]! & ~PathFlag.selected
    }
    if (wasMultipath) {
      for (const slot of store.others.get(ref) ?? []) {
        if (paths.route[slot] === ref) paths.flags[slot] = paths.flags[slot]! & ~PathFlag.selected
      }
      store.others.delete(ref)
      table.flags[index] = table.flags[index]! & ~RouteFlag.multipath
    }
    this.#selectedCount += Number(best >= 0) - Number(oldBest >= 0)
    table.best[index] = best
    if (best >= 0) paths.flags[best] = paths.flags[best]! | PathFlag.selected
    if (others !== undefined) {
      for (const slot of others) paths.flags[slot] = paths.flags[slot]! | PathFlag.selected
      store.others.set(ref, others)
      table.flags[index] = table.flags[index]! | RouteFlag.multipath
    }
    if (oldBest < 0) {
      if (this.#oscillations.hasSuspects) this.#oscillations.appeared(ref, this.#access.nowMs())
    } else if (best !== oldBest || (before & RouteFlag.changed) !== 0) {
      this.#oscillations.changed(ref, this.#access.nowMs())
    }
    return true
  }

  #selectionText(ref: number): string | undefined {
    const best = this.store.table(ref).best[ref >>> 1]!
    if (best < 0) return undefined
    const { source, nextHop, attributes } = this.store.offers.get(this.store.paths.offer[best]!)
    const from = source.peer === '' ? source.protocol : `${source.protocol} ${source.peer}`
    const path =
      attributes === undefined
        ? ''
        : attributes.asPathText === ''
          ? ', empty AS_PATH'
          : `, AS_PATH ${attributes.asPathText}`
    return `${from} via ${nextHop}${path}`
  }

  /** The slots that the decision process selects, best first, where numbers do not tell. */
  #decideByViews(ref: number): readonly number[] {
    return decide(this.#load(ref), this.#steps, this.#decision, this.#fanOutOf).map(({ slot }) => slot)
  }

  /** The usable paths of a route as views, valid until the next call. */
  #load(ref: number): PathView[] {
    const { paths } = this.store
    const views = this.#loaded
    views.length = 0
    for (let slot = this.store.table(ref).firstPath[ref >>> 1]!; slot >= 0; slot = paths.next[slot]!) {
      if ((paths.flags[slot]! & PathFlag.unusable) !== 0) continue
      const view = (this.#views[views.length] ??= new PathView())
      loadView(view, this.store, slot)
      views.push(view)
    }
    return views
  }
}

function findMasked(table: RouteTable, ip: Ip, length: number): number {
  if (table.words === 1) return table.find(maskedWord(ip, length, 0), 0, 0, 0, length)
  return table.find(
    maskedWord(ip, length, 0),
    maskedWord(ip, length, 1),
    maskedWord(ip, length, 2),
    maskedWord(ip, length, 3),
    length,
  )
}

function isSameList(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((slot, i) => slot === b[i])
}

function isEqual<Fields extends object>(a: Fields, b: Fields): boolean {
  return (Object.keys(a) as (keyof Fields)[]).every((key) => a[key] === b[key])
}

/** Whether a batch ended where it began: the same paths, offered at the same times. */
function isSame(a: readonly Path[], b: readonly Path[]): boolean {
  return (
    a.length === b.length &&
    a.every((path, i) => {
      const other = b[i]!
      return (
        path.source === other.source &&
        path.pathId === other.pathId &&
        path.attributes === other.attributes &&
        path.preference === other.preference &&
        path.metric === other.metric &&
        path.nextHopInterface === other.nextHopInterface &&
        path.nextHop.equals(other.nextHop)
      )
    })
  )
}
