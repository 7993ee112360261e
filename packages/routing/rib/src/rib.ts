/**
 * The one routing information base of a router (RFC 4271 §3.2, for all protocols together).
 *
 * Each protocol opens an `Adjacency` per peer and announces and withdraws paths through it: that is the adj-RIB-in,
 * which keeps refused paths too, with the reason. The decision process turns each prefix's paths into the selected
 * ones: the loc-RIB. Watchers get the changes.
 *
 * Invariants: after every batch, `selected` of each prefix equals `decide(all its paths)`; watchers see batches in the
 * order in which they happened, each watcher the same sequence, also when a watcher itself changes the RIB.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { Adjacency, type AdjacencyOptions } from './adjacency.ts'
import {
  decide,
  type DecisionOptions,
  type DecisionStep,
  decisionSteps,
  type DecisionStepName,
  DEFAULT_DECISION,
  describeLoss,
} from './decision.ts'
import type { Path, Protocol } from './path.ts'
import { PrefixTable } from './prefix-table.ts'
import type { MutableRoute, Route } from './route.ts'

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
  readonly #nowMs: () => number
  readonly #routes = new PrefixTable<MutableRoute>()
  readonly #adjacencies = new Map<string, Adjacency>()
  readonly #watchers = new Set<{ readonly notify: RibWatcher }>()
  /** Routes touched in this batch, with what was selected before it. */
  readonly #dirty = new Map<MutableRoute, readonly Path[]>()
  readonly #outbox: (readonly RouteChange[])[] = []
  #fanOut: Readonly<Record<Protocol, number>>
  #decision: DecisionOptions
  #steps: readonly DecisionStep[]
  #batchDepth = 0
  #isDelivering = false
  #selectedCount = 0

  constructor(options: RibOptions) {
    this.#nowMs = options.nowMs
    this.#fanOut = { ...DEFAULT_FAN_OUT, ...options.fanOut }
    this.#decision = { ...DEFAULT_DECISION, ...options.decision }
    this.#steps = decisionSteps(this.#decision)
  }

  /** Opens the adj-RIB-in of one peer. Opening one that is open already is a bug. */
  adjacency(options: AdjacencyOptions): Adjacency {
    const key = `${options.protocol} ${options.peer}`
    if (this.#adjacencies.has(key)) throw new Error(`the RIB has an adjacency for ${key} already`)
    const adjacency = new Adjacency(
      options,
      {
        route: (prefix) => this.#route(prefix),
        known: (prefix) => this.#routes.get(prefix),
        touch: (route) => this.#touch(route),
        batch: (fn) => this.batch(fn),
        nowMs: this.#nowMs,
      },
      () => this.#adjacencies.delete(key),
    )
    this.#adjacencies.set(key, adjacency)
    return adjacency
  }

  get adjacencies(): Iterable<Adjacency> {
    return this.#adjacencies.values()
  }

  /** Makes everything that `fn` changes one batch for the watchers. Batches nest; the outermost one counts. */
  batch<Result>(fn: () => Result): Result {
    this.#batchDepth++
    try {
      return fn()
    } finally {
      if (--this.#batchDepth === 0) this.#flush()
    }
  }

  /**
   * Registers for changes. Called synchronously at the end of each batch.
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

  /** Everything selected, for a watcher that lost track and starts over. */
  snapshot(): readonly RouteChange[] {
    const out: RouteChange[] = []
    for (const route of this.#routes.values()) {
      if (route.selected.length > 0) out.push({ prefix: route.prefix, selected: route.selected, previous: NONE })
    }
    return out
  }

  get(prefix: Prefix): Route | undefined {
    return this.#routes.get(prefix)
  }

  /** Every prefix with at least one path, usable or not. */
  routes(): Iterable<Route> {
    return this.#routes.values()
  }

  /** The most specific selected route that covers `ip`. */
  longestMatch(ip: Ip): Route | undefined {
    return this.#routes.longestMatch(ip, (route) => route.selected.length > 0)
  }

  get routeCount(): number {
    return this.#routes.size
  }

  get selectedCount(): number {
    return this.#selectedCount
  }

  get fanOut(): Readonly<Record<Protocol, number>> {
    return this.#fanOut
  }

  /** Changes fan-out or decision options and decides every prefix again. */
  configure(options: { fanOut?: Partial<Record<Protocol, number>>; decision?: Partial<DecisionOptions> }): void {
    this.batch(() => {
      this.#fanOut = { ...this.#fanOut, ...options.fanOut }
      this.#decision = { ...this.#decision, ...options.decision }
      this.#steps = decisionSteps(this.#decision)
      for (const route of this.#routes.values()) this.#touch(route)
    })
  }

  /** Why each path of `prefix` is used or not; `undefined` when no path is known. */
  explain(prefix: Prefix): Explanation | undefined {
    const route = this.#routes.get(prefix)
    if (route === undefined) return undefined
    const losers: PathExplanation[] = []
    const selected = decide(route.paths, this.#steps, this.#decision, this.#fanOutOf, (path, step, against) =>
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

  readonly #fanOutOf = (best: Path): number => this.#fanOut[best.source.protocol]

  #route(prefix: Prefix): MutableRoute {
    const known = this.#routes.get(prefix)
    if (known !== undefined) return known
    const route: MutableRoute = { prefix, paths: [], selected: NONE }
    this.#routes.set(prefix, route)
    return route
  }

  #touch(route: MutableRoute): void {
    if (!this.#dirty.has(route)) this.#dirty.set(route, route.selected)
    if (this.#batchDepth === 0) this.#flush()
  }

  #flush(): void {
    if (this.#dirty.size > 0) {
      const changes: RouteChange[] = []
      for (const [route, previous] of this.#dirty) {
        const selected = decide(route.paths, this.#steps, this.#decision, this.#fanOutOf)
        if (route.paths.length === 0) this.#routes.delete(route.prefix)
        if (isSame(selected, previous)) continue
        route.selected = selected
        this.#selectedCount += Number(selected.length > 0) - Number(previous.length > 0)
        changes.push({ prefix: route.prefix, selected, previous })
      }
      this.#dirty.clear()
      if (changes.length > 0) this.#outbox.push(changes)
    }
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
}

function isSame(a: readonly Path[], b: readonly Path[]): boolean {
  return a.length === b.length && a.every((path, i) => path === b[i])
}
