/**
 * What happens to a peer's routes when its session ends: they go, in slices, or they stay while the peer restarts (RFC 4724 §4.2, the
 * receiving speaker).
 *
 * Invariant: every path of an ended session is removed in the end: by its sweep, by the peer's end-of-RIB marker, or by a timer.
 */
import type { Clock, Timer } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { Adjacency, PathFilter, Rib, Sweeper } from '@lodestone/rib'
import { FAMILIES } from './address-family.ts'
import type { NegotiatedSession } from './negotiation.ts'
import { DEFAULT_STALE_PATHS_S, type GracefulRestart } from './peer-config.ts'

export interface RestartKeeperOptions {
  readonly clock: Clock
  readonly rib: Rib
  readonly onRemoved: (count: number) => void
  /** Nothing is kept any more. */
  readonly onDone: () => void
}

/** Paths removed in one turn. */
const SLICE = 8192

export class RestartKeeper {
  readonly #options: RestartKeeperOptions
  readonly #sweeps = new Set<Sweeper>()
  #kept: { readonly adjacency: Adjacency; readonly timer: Timer; readonly untilMs: number } | undefined
  #staleTimer: { readonly timer: Timer; readonly untilMs: number } | undefined

  constructor(options: RestartKeeperOptions) {
    this.#options = options
  }

  /** The peer is away and its routes are still used. */
  get isKeeping(): boolean {
    return this.#kept !== undefined
  }

  get keptAdjacency(): Adjacency | undefined {
    return this.#kept?.adjacency
  }

  get restartUntilMs(): number | undefined {
    return this.#kept?.untilMs
  }

  get staleUntilMs(): number | undefined {
    return this.#staleTimer?.untilMs
  }

  /** Keeps the routes of a lost session if its peer promised to come back. @returns false: it did not. */
  keep(adjacency: Adjacency, { restart, families }: NegotiatedSession): boolean {
    this.#cancelStale()
    if (restart === undefined || restart.families.length === 0 || restart.restartTimeS === 0) return false
    const kept = restart.families.map(({ family }) => family)
    for (const family of FAMILIES) {
      // RFC 4724 §4.2: what was stale already had its chance.
      this.sweep(adjacency, { family, isStale: true })
      if (kept.includes(family) && families.includes(family)) adjacency.markStale(family)
      else this.sweep(adjacency, { family })
    }
    const { clock } = this.#options
    const waitMs = restart.restartTimeS * 1000
    const timer = clock.after(waitMs, () => {
      this.#kept = undefined
      this.drop(adjacency)
      this.#options.onDone()
    })
    this.#kept = { adjacency, timer, untilMs: clock.nowMs() + waitMs }
    return true
  }

  /** The kept routes for the peer's new session, if it is the same peer. Otherwise they go now. */
  claim(negotiated: NegotiatedSession, remoteAddress: Ip): Adjacency | undefined {
    this.#finishSweeps()
    const kept = this.#kept
    if (kept === undefined) return undefined
    kept.timer.cancel()
    this.#kept = undefined
    const { bgp } = kept.adjacency.source
    const isSame =
      bgp !== undefined &&
      bgp.isExternal === negotiated.isExternal &&
      bgp.routerId === negotiated.peerId &&
      bgp.peerAddress.equals(remoteAddress)
    if (isSame) return kept.adjacency
    this.drop(kept.adjacency)
    this.#finishSweeps()
    return undefined
  }

  /** The peer is back: families that it does not promise lose their routes, the rest has until the end-of-RIB marker. */
  returned(adjacency: Adjacency, negotiated: NegotiatedSession, config: GracefulRestart | undefined): void {
    if (adjacency.staleCount === 0) return
    for (const family of FAMILIES) {
      const promised = negotiated.restart?.families.find((entry) => entry.family === family)
      // RFC 4724 §4.2: without the capability, the family or its F bit the stale routes go at once.
      if (promised?.isForwardingPreserved !== true) this.sweep(adjacency, { family, isStale: true })
    }
    const { clock } = this.#options
    const waitMs = (config?.stalePathsS ?? DEFAULT_STALE_PATHS_S) * 1000
    const timer = clock.after(waitMs, () => {
      this.#staleTimer = undefined
      for (const family of FAMILIES) this.sweep(adjacency, { family, isStale: true })
    })
    this.#staleTimer = { timer, untilMs: clock.nowMs() + waitMs }
  }

  /** The session is over for good: the name is free at once, the routes go in slices. */
  drop(adjacency: Adjacency): void {
    this.#cancelStale()
    adjacency.retire()
    this.#run(adjacency.sweeper({}))
  }

  /** Removes some of the routes in slices, the first now. */
  sweep(adjacency: Adjacency, filter: PathFilter): void {
    if (filter.isStale === true && adjacency.staleCount === 0) return
    this.#run(adjacency.sweeper(filter), filter.isStale === true)
  }

  /** Lets go of everything at once. */
  forget(): void {
    this.#cancelStale()
    const kept = this.#kept
    if (kept === undefined) return
    kept.timer.cancel()
    this.#kept = undefined
    this.drop(kept.adjacency)
  }

  #run(sweeper: Sweeper, isCounted = false): void {
    const count = sweeper.sweep(SLICE)
    if (isCounted) this.#options.onRemoved(count)
    if (count < SLICE) {
      this.#sweeps.delete(sweeper)
      return
    }
    this.#sweeps.add(sweeper)
    this.#options.clock.after(0, () => {
      if (this.#sweeps.has(sweeper)) this.#run(sweeper, isCounted)
    })
  }

  /** A new session begins with a clean table. */
  #finishSweeps(): void {
    for (const sweeper of this.#sweeps) while (sweeper.sweep(SLICE) === SLICE);
    this.#sweeps.clear()
  }

  #cancelStale(): void {
    this.#staleTimer?.timer.cancel()
    this.#staleTimer = undefined
  }
}
