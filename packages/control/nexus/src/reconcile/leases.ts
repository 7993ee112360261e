/** The leases of one control plane on its reconcilers: each of them is run by one control plane at a time. */
import type { Clock } from '@lodestone/host'
import { releaseLeases, takeLease } from '../store/lease.ts'
import type { Store } from '../store/store.ts'

/** How long a control plane that died keeps others waiting. */
export const LEASE_MS = 30_000
/** How soon another control plane looks whether a lease is over. */
export const STANDBY_POLL_MS = 5_000

export class Leases {
  readonly #store: Store
  readonly #clock: Clock
  readonly #holder: string
  /** By name, on the wall clock. */
  readonly #expiresMs = new Map<string, number>()

  /** @param holder unique to this control plane and this run of it. */
  constructor(store: Store, clock: Clock, holder: string) {
    this.#store = store
    this.#clock = clock
    this.#holder = holder
  }

  /** Holds or renews a lease for at least half its time; `taken` when it was not held before. */
  async take(name: string): Promise<'held' | 'taken' | undefined> {
    const nowMs = Math.floor(this.#clock.wallMs())
    const known = this.#expiresMs.get(name)
    if (known !== undefined && known - nowMs > LEASE_MS / 2) return 'held'
    const expiresMs = nowMs + LEASE_MS
    if (!(await takeLease(this.#store.db, name, this.#holder, nowMs, expiresMs))) {
      this.#expiresMs.delete(name)
      return undefined
    }
    this.#expiresMs.set(name, expiresMs)
    // One that was over may have been somebody else's meanwhile.
    return known !== undefined && known > nowMs ? 'held' : 'taken'
  }

  async release(): Promise<void> {
    this.#expiresMs.clear()
    await releaseLeases(this.#store.db, this.#holder)
  }
}
