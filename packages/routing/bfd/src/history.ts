/** What happened to a session, oldest first; the oldest entries are forgotten. */
import type { Transition } from './session.ts'

export type HistoryEntry = {
  /** Monotonic milliseconds. */
  readonly atMs: number
  readonly wallMs: number
} & (
  | ({ readonly kind: 'transition' } & Transition)
  | { readonly kind: 'timers'; readonly transmitIntervalUs: number; readonly detectionTimeUs: number }
  | { readonly kind: 'poll'; readonly phase: 'started' | 'finished' }
  | { readonly kind: 'stalled'; readonly latenessMs: number }
)

export class History {
  readonly #limit: number
  #entries: HistoryEntry[] = []

  constructor(limit = 64) {
    this.#limit = limit
  }

  add(entry: HistoryEntry): void {
    this.#entries.push(entry)
    // Trimmed in halves, so that adding costs O(1) on average.
    if (this.#entries.length >= this.#limit * 2) this.#entries = this.#entries.slice(-this.#limit)
  }

  list(): readonly HistoryEntry[] {
    return this.#entries.slice(-this.#limit)
  }
}
