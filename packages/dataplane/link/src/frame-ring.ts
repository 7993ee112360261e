/**
 * Frames waiting for their time: a ring of (slot, due time) ordered by due time, equal times in the order pushed.
 * Two typed arrays that double when full; a push in order costs two stores, a push out of order moves what it overtakes.
 */
import type { FidelityMeter } from './fidelity.ts'

export class FrameRing {
  #slots: Int32Array<ArrayBuffer>
  #dueMs: Float64Array<ArrayBuffer>
  #mask: number
  #head = 0
  #count = 0

  /** @param capacity a power of two; doubles when needed. */
  constructor(capacity = 64) {
    this.#slots = new Int32Array(capacity)
    this.#dueMs = new Float64Array(capacity)
    this.#mask = capacity - 1
  }

  get count(): number {
    return this.#count
  }

  /** Due time of the first frame; Infinity when empty. */
  get firstDueMs(): number {
    return this.#count === 0 ? Infinity : this.#dueMs[this.#head]!
  }

  /** Due time of the last frame; -Infinity when empty. */
  get lastDueMs(): number {
    return this.#count === 0 ? -Infinity : this.#dueMs[(this.#head + this.#count - 1) & this.#mask]!
  }

  push(slot: number, dueMs: number): void {
    if (this.#count > this.#mask) this.#grow()
    let at = this.#count++
    while (at > 0 && this.#dueMs[(this.#head + at - 1) & this.#mask]! > dueMs) {
      const to = (this.#head + at) & this.#mask
      const from = (this.#head + at - 1) & this.#mask
      this.#slots[to] = this.#slots[from]!
      this.#dueMs[to] = this.#dueMs[from]!
      at--
    }
    const index = (this.#head + at) & this.#mask
    this.#slots[index] = slot
    this.#dueMs[index] = dueMs
  }

  /** Moves frames due at `nowMs` or before into `out`; `meter` learns how late each one is. @returns how many. */
  take(nowMs: number, out: Int32Array, meter?: FidelityMeter): number {
    let taken = 0
    while (taken < out.length && taken < this.#count) {
      const index = (this.#head + taken) & this.#mask
      const dueMs = this.#dueMs[index]!
      if (dueMs > nowMs) break
      if (meter !== undefined) meter.record(nowMs - dueMs)
      out[taken++] = this.#slots[index]!
    }
    this.#head = (this.#head + taken) & this.#mask
    this.#count -= taken
    return taken
  }

  #grow(): void {
    const capacity = (this.#mask + 1) * 2
    const slots = new Int32Array(capacity)
    const dueMs = new Float64Array(capacity)
    for (let i = 0; i < this.#count; i++) {
      slots[i] = this.#slots[(this.#head + i) & this.#mask]!
      dueMs[i] = this.#dueMs[(this.#head + i) & this.#mask]!
    }
    this.#slots = slots
    this.#dueMs = dueMs
    this.#mask = capacity - 1
    this.#head = 0
  }
}
