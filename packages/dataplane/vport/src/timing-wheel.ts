/**
 * Expiry without scans: 512 buckets of one second, each a doubly linked list of small integers threaded through
 * Int32Arrays. An item that is due beyond the wheel's horizon waits in the last bucket and is looked at again there.
 * Items are not moved when they are used, only when their bucket comes up: the owner then says how long they still have.
 */

const BUCKETS = 512
const NONE = -1

export class TimingWheel {
  #next: Int32Array
  #previous: Int32Array
  /** The bucket an item is in, or NONE. */
  #bucket: Int32Array
  readonly #head = new Int32Array(BUCKETS).fill(NONE)
  #nowS: number

  constructor(nowS: number, capacity: number) {
    this.#nowS = Math.floor(nowS)
    this.#next = new Int32Array(capacity).fill(NONE)
    this.#previous = new Int32Array(capacity).fill(NONE)
    this.#bucket = new Int32Array(capacity).fill(NONE)
  }

  grow(capacity: number): void {
    this.#next = grown(this.#next, capacity)
    this.#previous = grown(this.#previous, capacity)
    this.#bucket = grown(this.#bucket, capacity)
  }

  /** Puts the item where it is looked at `inS` seconds from now (rounded up, at least one), from wherever it was. */
  schedule(item: number, inS: number): void {
    this.cancel(item)
    const bucket = (this.#nowS + Math.min(BUCKETS - 1, Math.max(1, Math.ceil(inS)))) % BUCKETS
    const head = this.#head[bucket]!
    this.#next[item] = head
    this.#previous[item] = NONE
    if (head !== NONE) this.#previous[head] = item
    this.#head[bucket] = item
    this.#bucket[item] = bucket
  }

  cancel(item: number): void {
    const bucket = this.#bucket[item]!
    if (bucket === NONE) return
    const next = this.#next[item]!
    const previous = this.#previous[item]!
    if (next !== NONE) this.#previous[next] = previous
    if (previous === NONE) this.#head[bucket] = next
    else this.#next[previous] = next
    this.#bucket[item] = NONE
  }

  /**
   * Moves time on. `look` is called for each item whose bucket came up and returns the seconds it still has, or 0 (or
   * less) when it expired; it may cancel or schedule items.
   */
  advance(nowS: number, look: (item: number) => number): void {
    const target = Math.floor(nowS)
    // After a long pause one turn of the wheel reaches every item.
    if (target - this.#nowS > BUCKETS) this.#nowS = target - BUCKETS
    while (this.#nowS < target) {
      this.#nowS++
      const bucket = this.#nowS % BUCKETS
      for (let item = this.#head[bucket]!; item !== NONE; item = this.#head[bucket]!) {
        this.cancel(item)
        const restS = look(item)
        if (restS > 0) this.schedule(item, restS)
      }
    }
  }
}

function grown(array: Int32Array, capacity: number): Int32Array {
  const larger = new Int32Array(capacity).fill(NONE)
  larger.set(array)
  return larger
}
