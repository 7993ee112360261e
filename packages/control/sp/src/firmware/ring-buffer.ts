/** The last entries of a task's log. An entry equal to the one before it is counted instead of repeated. */

export interface RingEntry {
  /** Since the service processor started. */
  readonly atMs: number
  readonly generation: number
  readonly text: string
  count: number
}

export class RingBuffer {
  readonly capacity: number
  #entries: RingEntry[] = []
  /** Entries ever made. */
  total = 0

  constructor(capacity = 64) {
    this.capacity = capacity
  }

  /** The oldest first. */
  get entries(): readonly RingEntry[] {
    return this.#entries
  }

  add(atMs: number, generation: number, text: string): void {
    const last = this.#entries.at(-1)
    if (last !== undefined && last.text === text && last.generation === generation) {
      last.count += 1
      return
    }
    this.total += 1
    this.#entries.push({ atMs, generation, text, count: 1 })
    if (this.#entries.length > this.capacity) this.#entries.shift()
  }

  clear(): void {
    this.#entries = []
  }
}
