/** The last events of a session, bounded. */
export class History<Entry> {
  readonly #limit: number
  #entries: Entry[] = []

  constructor(limit = 256) {
    this.#limit = limit
  }

  add(entry: Entry): void {
    this.#entries.push(entry)
    // Trimmed in halves, so that adding costs O(1) on average.
    if (this.#entries.length >= this.#limit * 2) this.#entries = this.#entries.slice(-this.#limit)
  }

  /** Oldest first, at most `limit`. */
  list(): readonly Entry[] {
    return this.#entries.slice(-this.#limit)
  }
}
