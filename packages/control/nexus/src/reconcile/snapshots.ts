/** One reading of the store for all loops that were woken by the same change. */
import { readSnapshot, type Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'

export class Snapshots {
  readonly #store: Store
  #reading: Promise<Snapshot> | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** What was committed before this call stays unread by whoever asked earlier, and is read by whoever asks later. */
  invalidate(): void {
    this.#reading = undefined
  }

  read(): Promise<Snapshot> {
    const known = this.#reading
    if (known !== undefined) return known
    const reading = readSnapshot(this.#store)
    this.#reading = reading
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined
    })
    return reading
  }
}
