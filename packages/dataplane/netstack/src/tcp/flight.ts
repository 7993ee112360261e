/**
 * What a connection with SACK has under way, segment by segment in the order of the stream (RFC 8985 §5.1): where each ends, when it
 * was sent last, and whether the peer has reported it, it counts as lost, or it was sent more than once.
 *
 * Invariant: the segments are those between the least unacknowledged position and the next one to be sent, without gaps; none is both
 * reported and lost. Memory is taken with the first segment and given back with the last.
 */

/** The peer has it, out of order. */
export const SACKED = 1
/** To be sent again. */
export const LOST = 2
/** Sent more than once. */
export const REPEATED = 4

/** More segments than this are not under way at once, however short they are. */
export const MOST_SEGMENTS = 16_384

const STRIDE = 3
const END = 0
const SENT_MS = 1
const STATE = 2
const SMALLEST = 16
/** Longer ones are given to the garbage collector. */
const LARGEST_KEPT = 1024
const MOST_KEPT = 32

const NONE = new Float64Array(0)
/** Cells that no connection uses, by the logarithm of how many segments they hold. */
const kept: Float64Array<ArrayBuffer>[][] = []

export class Flight {
  count = 0
  /** Position at which the first one begins. */
  base = 1
  /** How many the peer has reported, and were sent more than once. */
  sackedCount = 0
  repeatedCount = 0
  /** Sums of positions. */
  sackedBytes = 0
  lostBytes = 0
  #cells: Float64Array<ArrayBuffer> = NONE
  #head = 0
  #mask = -1

  /** A segment that begins where the last one ends was sent for the first time. */
  push(end: number, nowMs: number): void {
    if (this.count > this.#mask) this.#grow()
    const at = this.#at(this.count++)
    this.#cells[at + END] = end
    this.#cells[at + SENT_MS] = nowMs
    this.#cells[at + STATE] = 0
  }

  /** Forgets the first segment, all of which is acknowledged. */
  shift(): void {
    const at = this.#at(0)
    const end = this.#cells[at + END]!
    const state = this.#cells[at + STATE]!
    const length = end - this.base
    if ((state & SACKED) !== 0) {
      this.sackedBytes -= length
      this.sackedCount--
    }
    if ((state & LOST) !== 0) this.lostBytes -= length
    if ((state & REPEATED) !== 0) this.repeatedCount--
    this.base = end
    this.#head = (this.#head + 1) & this.#mask
    if (--this.count === 0) this.#release()
  }

  /** Everything below `position` is acknowledged, which may be in the middle of the first segment or beyond the last. */
  trim(position: number): void {
    if (this.count > 0 && position > this.base) {
      const state = this.#cells[this.#at(0) + STATE]!
      if ((state & SACKED) !== 0) this.sackedBytes -= position - this.base
      if ((state & LOST) !== 0) this.lostBytes -= position - this.base
    }
    this.base = position
  }

  clear(position: number): void {
    while (this.count > 0) this.shift()
    this.base = position
  }

  start(index: number): number {
    return index === 0 ? this.base : this.#cells[this.#at(index - 1) + END]!
  }

  end(index: number): number {
    return this.#cells[this.#at(index) + END]!
  }

  sentMs(index: number): number {
    return this.#cells[this.#at(index) + SENT_MS]!
  }

  is(index: number, state: number): boolean {
    return (this.#cells[this.#at(index) + STATE]! & state) !== 0
  }

  /** Index of the first segment that ends above `position`; `count` when there is none. */
  indexAbove(position: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.end(middle) > position) high = middle
      else low = middle + 1
    }
    return low
  }

  noteSacked(index: number): void {
    const at = this.#at(index)
    const length = this.#cells[at + END]! - this.start(index)
    const state = this.#cells[at + STATE]!
    if ((state & LOST) !== 0) this.lostBytes -= length
    this.#cells[at + STATE] = (state & ~LOST) | SACKED
    this.sackedBytes += length
    this.sackedCount++
  }

  /** The caller saw that it is neither reported nor lost. */
  noteLost(index: number): void {
    this.#cells[this.#at(index) + STATE]! |= LOST
    this.lostBytes += this.end(index) - this.start(index)
  }

  /** It was sent again. */
  noteRepeated(index: number, nowMs: number): void {
    const at = this.#at(index)
    const state = this.#cells[at + STATE]!
    if ((state & LOST) !== 0) this.lostBytes -= this.#cells[at + END]! - this.start(index)
    if ((state & REPEATED) === 0) this.repeatedCount++
    this.#cells[at + STATE] = (state & ~LOST) | REPEATED
    this.#cells[at + SENT_MS] = nowMs
  }

  /** Index of the first lost segment; -1 when there is none. */
  firstLost(): number {
    if (this.lostBytes === 0) return -1
    for (let i = 0; i < this.count; i++) if (this.is(i, LOST)) return i
    return -1
  }

  /** The peer has taken its reports back (RFC 2018 §8). */
  forgetReports(): void {
    for (let i = 0; i < this.count; i++) this.#cells[this.#at(i) + STATE]! &= ~SACKED
    this.sackedBytes = 0
    this.sackedCount = 0
  }

  /** What counts as lost is under way after all. */
  forgetLosses(): void {
    for (let i = 0; i < this.count; i++) this.#cells[this.#at(i) + STATE]! &= ~LOST
    this.lostBytes = 0
  }

  /** Cuts what is not reported into segments of at most `length`, all of it lost: the path carries no longer ones. */
  recut(length: number): void {
    const reported: { readonly start: number; readonly end: number; readonly sentMs: number }[] = []
    for (let i = 0; i < this.count; i++) {
      if (this.is(i, SACKED)) reported.push({ start: this.start(i), end: this.end(i), sentMs: this.sentMs(i) })
    }
    const start = this.base
    const end = this.count > 0 ? this.end(this.count - 1) : start
    this.clear(start)
    let from = start
    for (const each of [...reported, { start: end, end, sentMs: 0 }]) {
      for (; from < each.start; from = Math.min(each.start, from + length)) {
        this.push(Math.min(each.start, from + length), -Infinity)
        this.noteLost(this.count - 1)
      }
      if (each.end === each.start) break
      this.push(each.end, each.sentMs)
      this.noteSacked(this.count - 1)
      from = each.end
    }
  }

  #at(index: number): number {
    return ((this.#head + index) & this.#mask) * STRIDE
  }

  #grow(): void {
    const old = this.#cells
    const size = this.#mask + 1
    const grown = take(Math.max(SMALLEST, 2 * size))
    const first = (size - this.#head) * STRIDE
    grown.set(old.subarray(this.#head * STRIDE))
    grown.set(old.subarray(0, this.#head * STRIDE), first)
    keep(old)
    this.#cells = grown
    this.#mask = grown.length / STRIDE - 1
    this.#head = 0
  }

  #release(): void {
    keep(this.#cells)
    this.#cells = NONE
    this.#mask = -1
    this.#head = 0
  }
}

function take(size: number): Float64Array<ArrayBuffer> {
  return kept[31 - Math.clz32(size)]?.pop() ?? new Float64Array(size * STRIDE)
}

function keep(cells: Float64Array<ArrayBuffer>): void {
  const size = cells.length / STRIDE
  if (size === 0 || size > LARGEST_KEPT) return
  const shelf = (kept[31 - Math.clz32(size)] ??= [])
  if (shelf.length < MOST_KEPT) shelf.push(cells)
}
