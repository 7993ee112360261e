/** One reading of the store for all loops that were woken by the same change. */
import type { Clock } from '@lodestone/host'
import { readSnapshot, type Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'

const FRESH_MS = 1000

export class Snapshots {
  readonly #store: Store
  readonly #clock: Clock
  #reading: Promise<Snapshot> | undefined
  #readMs = -Infinity

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** What was committed before this call stays unread by whoever asked earlier, and is read by whoever asks later. */
  invalidate(): void {
    this.#reading = undefined
  }

  /** Loops that push everything again do so at the same time, and one reading is enough for them. */
  invalidateOld(): void {
    if (this.#clock.nowMs() - this.#readMs > FRESH_MS) this.invalidate()
  }

  read(): Promise<Snapshot> {
    const known = this.#reading
    if (known !== undefined) return known
    const reading = readSnapshot(this.#store)
    this.#reading = reading
    this.#readMs = this.#clock.nowMs()
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined
    })
    return reading
  }
}
