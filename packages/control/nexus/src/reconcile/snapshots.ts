/**
 * One reading of the store for all loops that were woken by the same change. Under a stream of changes a reading is followed by a rest in
 * proportion to what it took, so that requests get most of the store's time.
 */
import { type Clock, sleep } from '@lodestone/host'
import { readSnapshot, type Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'

/**
 * A reading that nobody was told to be out of date serves the passes of half a period, which push everything again whether or not it
 * changed: each loop has its own time for that, and a reading is eighteen statements.
 */
const FRESH_MS = 15_000
/** How many times as long as a reading the store is left alone after it, at most `MAX_REST_MS`. */
const REST_FACTOR = 3
const MAX_REST_MS = 50

export class Snapshots {
  readonly #store: Store
  readonly #clock: Clock
  #reading: Promise<Snapshot> | undefined
  /** The reading waits for its turn: what is committed meanwhile will be in it. */
  #isWaiting = false
  #readMs = -Infinity
  #notBeforeMs = -Infinity
  /** Resolves when no reading is under way. */
  #ended: Promise<void> = Promise.resolve()

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** What was committed before this call stays unread by whoever asked earlier, and is read by whoever asks later. */
  invalidate(): void {
    if (!this.#isWaiting) this.#reading = undefined
  }

  /** For a pass that is not made because of a change. */
  invalidateOld(): void {
    if (this.#clock.nowMs() - this.#readMs > FRESH_MS) this.invalidate()
  }

  read(): Promise<Snapshot> {
    const known = this.#reading
    if (known !== undefined) return known
    const reading = this.#readInTurn()
    this.#reading = reading
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined
    })
    return reading
  }

  async #readInTurn(): Promise<Snapshot> {
    this.#isWaiting = true
    await this.#ended
    const restMs = this.#notBeforeMs - this.#clock.nowMs()
    if (restMs > 0) await sleep(this.#clock, restMs)
    this.#isWaiting = false
    const beganMs = this.#clock.nowMs()
    this.#readMs = beganMs
    let ended = (): void => {}
    this.#ended = new Promise((resolve) => (ended = resolve))
    try {
      const { changeLog } = this.#store
      const { last } = changeLog
      const snapshot = await readSnapshot(this.#store)
      changeLog.read(snapshot.number, last)
      return snapshot
    } finally {
      const endedMs = this.#clock.nowMs()
      this.#notBeforeMs = endedMs + Math.min(MAX_REST_MS, REST_FACTOR * (endedMs - beganMs))
      ended()
    }
  }
}
