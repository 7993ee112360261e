/**
 * A bounded, sorted set of disjoint half-open ranges of stream positions: what arrived out of order, and what the
 * peer reported in SACK blocks. Ranges that touch are one range.
 */

// Most connections never see a hole, so memory is taken with the first range, and more with more.
const NONE = new Float64Array(0)
const FIRST_ROOM = 64

export class RangeSet {
  starts: Float64Array<ArrayBuffer> = NONE
  ends: Float64Array<ArrayBuffer> = NONE
  count = 0
  /** Start of the range that changed last: RFC 2018 §4 reports it first. */
  latest = -1
  readonly #limit: number

  constructor(limit = 64) {
    this.#limit = limit
  }

  /**
   * Adds [start, end).
   * @returns the bytes that were not covered before, or -1 when the set is full and the range touches no member.
   */
  add(start: number, end: number): number {
    if (this.count === this.starts.length && this.count < this.#limit) this.#grow()
    const { starts, ends } = this
    // What arrives is mostly beyond all that did.
    let first = this.count > 0 && ends[this.count - 1]! < start ? this.count : 0
    while (first < this.count && ends[first]! < start) first++
    let last = first
    let covered = 0
    while (last < this.count && starts[last]! <= end) {
      covered += Math.max(0, Math.min(ends[last]!, end) - Math.max(starts[last]!, start))
      last++
    }
    if (first === last) {
      if (this.count === this.#limit) return -1
      starts.copyWithin(first + 1, first, this.count)
      ends.copyWithin(first + 1, first, this.count)
      starts[first] = start
      ends[first] = end
      this.count++
    } else {
      starts[first] = Math.min(starts[first]!, start)
      ends[first] = Math.max(ends[last - 1]!, end)
      this.#remove(first + 1, last)
    }
    this.latest = starts[first]!
    return end - start - covered
  }

  #grow(): void {
    const room = Math.min(this.#limit, Math.max(FIRST_ROOM, 2 * this.starts.length))
    const { starts, ends } = this
    this.starts = new Float64Array(room)
    this.ends = new Float64Array(room)
    this.starts.set(starts)
    this.ends.set(ends)
  }

  /** Forgets everything below `position`. */
  trim(position: number): void {
    let gone = 0
    while (gone < this.count && this.ends[gone]! <= position) gone++
    this.#remove(0, gone)
    if (this.count > 0 && this.starts[0]! < position) {
      if (this.latest === this.starts[0]) this.latest = position
      this.starts[0] = position
    }
  }

  clear(): void {
    this.count = 0
    this.latest = -1
  }

  /** End of the range that begins at or before `position` and reaches past it; `position` when none does. */
  reach(position: number): number {
    for (let i = 0; i < this.count && this.starts[i]! <= position; i++) {
      if (this.ends[i]! > position) return this.ends[i]!
    }
    return position
  }

  /** How many positions of [start, end) are in no range. */
  missing(start: number, end: number): number {
    let missing = Math.max(0, end - start)
    for (let i = 0; i < this.count; i++) {
      missing -= Math.max(0, Math.min(this.ends[i]!, end) - Math.max(this.starts[i]!, start))
    }
    return missing
  }

  /** Start of the first range above `position`; Infinity when there is none. */
  nextStart(position: number): number {
    for (let i = 0; i < this.count; i++) if (this.starts[i]! > position) return this.starts[i]!
    return Infinity
  }

  /** How many positions there are in all ranges. */
  get total(): number {
    let total = 0
    for (let i = 0; i < this.count; i++) total += this.ends[i]! - this.starts[i]!
    return total
  }

  get highest(): number {
    return this.count === 0 ? -1 : this.ends[this.count - 1]!
  }

  #remove(from: number, to: number): void {
    if (from === to) return
    this.starts.copyWithin(from, to, this.count)
    this.ends.copyWithin(from, to, this.count)
    this.count -= to - from
  }
}
