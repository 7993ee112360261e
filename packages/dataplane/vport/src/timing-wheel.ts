/**
 * Expiry without scans: 512 buckets of one second, each a doubly linked list threaded through the items themselves, three
 * words of the flow memory in each. An item that is due beyond the wheel's horizon waits in the last bucket and is looked
 * at again there. Items are not moved when they are used, only when their bucket comes up: the owner then says how long
 * they still have.
 *
 * Invariant: one call of `advance` looks at no more items than it was told, so that a second in which half a million
 * items end is worked off in many short steps.
 */
import type { FlowMemory } from './flow-memory.ts'

const BUCKETS = 512

export class TimingWheel {
  readonly #memory: FlowMemory
  /** Where in an item its words are: the bucket plus one (0: none), next, previous. */
  readonly #offset: number
  /** Address of the first item, 0 for none. */
  readonly #head = new Int32Array(BUCKETS)
  #nowS: number

  constructor(nowS: number, memory: FlowMemory, offset: number) {
    this.#nowS = Math.floor(nowS)
    this.#memory = memory
    this.#offset = offset
  }

  /** Puts the item where it is looked at `inS` seconds from now (rounded up, at least one), from wherever it was. */
  schedule(item: number, inS: number): void {
    this.cancel(item)
    const { words } = this.#memory
    const bucket = (this.#nowS + Math.min(BUCKETS - 1, Math.max(1, Math.ceil(inS)))) % BUCKETS
    const head = this.#head[bucket]!
    const at = (item + this.#offset) >> 2
    words[at] = bucket + 1
    words[at + 1] = head
    words[at + 2] = 0
    if (head !== 0) words[((head + this.#offset) >> 2) + 2] = item
    this.#head[bucket] = item
  }

  cancel(item: number): void {
    const { words } = this.#memory
    const at = (item + this.#offset) >> 2
    const bucket = words[at]! - 1
    if (bucket < 0) return
    const next = words[at + 1]!
    const previous = words[at + 2]!
    if (next !== 0) words[((next + this.#offset) >> 2) + 2] = previous
    if (previous === 0) this.#head[bucket] = next
    else words[((previous + this.#offset) >> 2) + 1] = next
    words[at] = 0
  }

  /**
   * Moves time on. `look` is called for each item whose bucket came up and returns the seconds it still has, or 0 (or
   * less) when it expired; it may cancel or schedule items.
   * @returns whether time has come: false when `limit` items were looked at and more are due.
   */
  advance(nowS: number, look: (item: number) => number, limit = Infinity): boolean {
    const target = Math.floor(nowS)
    // After a long pause one turn of the wheel reaches every item.
    if (target - this.#nowS > BUCKETS) this.#nowS = target - BUCKETS
    let looked = 0
    while (this.#nowS < target) {
      const bucket = (this.#nowS + 1) % BUCKETS
      for (let item = this.#head[bucket]!; item !== 0; item = this.#head[bucket]!) {
        if (looked++ >= limit) return false
        this.cancel(item)
        const restS = look(item)
        // As seen from the second that this bucket stands for.
        if (restS > 0) this.schedule(item, restS + 1)
      }
      this.#nowS++
    }
    return true
  }
}
