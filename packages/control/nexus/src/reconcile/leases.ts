/**
 * The leases of one control plane on its reconcilers: each of them is run by one control plane at a time. A heartbeat renews all that
 * are held and reads who holds the others, in two statements, so that a short lease costs little.
 *
 * A control plane that stood still may go on with a pass after its lease was over. That is harmless: what it pushes has a generation, and
 * content of an older snapshot never gets one after that of a newer.
 */
import { type Clock, every, type Timer } from '@lodestone/host'
import { leasesOfOthers, releaseLeases, renewLeases, takeLeases } from '../store/lease.ts'
import type { Store } from '../store/store.ts'

/** How long a control plane that died keeps others waiting. */
export const LEASE_MS = 9_000
const HEARTBEAT_MS = 2_000
/** How soon another control plane looks whether a lease is over. */
export const STANDBY_POLL_MS = 1_000

export class Leases {
  readonly #store: Store
  readonly #clock: Clock
  readonly #holder: string
  readonly #heartbeat: Timer
  /** By name, on the wall clock. */
  readonly #expiresMs = new Map<string, number>()
  /** Of other control planes, when that was last read. */
  #othersMs: ReadonlyMap<string, number> = new Map()
  /** When a lease of another control plane was first seen to end at this time, on the monotonic clock: each renewal changes that time. */
  #seenMs: ReadonlyMap<number, number> = new Map()
  #beating: Promise<void> | undefined
  /** Asked for while others are being taken: the next statement takes them all. */
  readonly #asked = new Set<string>()
  #taking: Promise<void> = Promise.resolve()

  /** @param holder unique to this control plane and this run of it. */
  constructor(store: Store, clock: Clock, holder: string) {
    this.#store = store
    this.#clock = clock
    this.#holder = holder
    this.#heartbeat = every(clock, HEARTBEAT_MS, () => {
      this.#beating ??= this.#beat().finally(() => (this.#beating = undefined))
    })
  }

  /** Holds or takes a lease; `taken` when it was not held before. */
  async take(name: string): Promise<'held' | 'taken' | undefined> {
    const nowMs = Math.floor(this.#clock.wallMs())
    if (this.#isHeld(name, nowMs)) return 'held'
    const othersMs = this.#othersMs.get(name) ?? 0
    if (othersMs > nowMs && !this.#isStale(othersMs)) return undefined
    this.#asked.add(name)
    // A failure is of who made the statement; who comes next tries anew.
    this.#taking = this.#taking.catch(() => {}).then(() => this.#takeAsked())
    await this.#taking
    return this.#isHeld(name, nowMs) ? 'taken' : undefined
  }

  #isHeld(name: string, nowMs: number): boolean {
    return (this.#expiresMs.get(name) ?? 0) > nowMs
  }

  /**
   * Not renewed for as long as a lease lasts. It is over, however far ahead it is dated: the clock of its holder may have been wrong, and
   * its holder dead since.
   */
  #isStale(expiresMs: number): boolean {
    const seenMs = this.#seenMs.get(expiresMs)
    return seenMs !== undefined && this.#clock.nowMs() - seenMs >= LEASE_MS
  }

  /** A start takes every lease there is at once: a hundred statements would be a hundred commits. */
  async #takeAsked(): Promise<void> {
    const names = [...this.#asked]
    this.#asked.clear()
    if (names.length === 0) return
    const nowMs = Math.floor(this.#clock.wallMs())
    const expiresMs = nowMs + LEASE_MS
    try {
      const staleMs = [...this.#seenMs.keys()].filter((each) => this.#isStale(each))
      const taken = await takeLeases(this.#store.db, names, this.#holder, nowMs, expiresMs, staleMs)
      for (const name of taken) this.#expiresMs.set(name, expiresMs)
    } catch (error) {
      for (const name of names) this.#asked.add(name) // whoever waits for its turn may have asked for some of them
      throw error
    }
  }

  async release(): Promise<void> {
    this.#heartbeat.cancel()
    await this.#beating
    this.#expiresMs.clear()
    await releaseLeases(this.#store.db, this.#holder)
  }

  /** What cannot be renewed now is over soon enough, and taken again by whoever can. */
  async #beat(): Promise<void> {
    const nowMs = Math.floor(this.#clock.wallMs())
    const expiresMs = nowMs + LEASE_MS
    try {
      const kept = await renewLeases(this.#store.db, this.#holder, nowMs, expiresMs)
      for (const name of this.#expiresMs.keys()) if (!kept.has(name)) this.#expiresMs.delete(name)
      for (const name of kept) this.#expiresMs.set(name, expiresMs)
      this.#othersMs = await leasesOfOthers(this.#store.db, this.#holder)
      const [before, seenMs] = [this.#seenMs, this.#clock.nowMs()]
      this.#seenMs = new Map([...this.#othersMs.values()].map((each) => [each, before.get(each) ?? seenMs]))
    } catch {
      // The database is away or the process is on its way out; passes say so.
    }
  }
}
