/**
 * Which members of a list cover a value: for each stretch of values between two neighbouring ends of any member's range, the
 * set of those that cover it, as bits. A lookup is a binary search. Values are unsigned numbers of `width` 32-bit words, the
 * most significant first: 1 for ports and IPv4 addresses, 4 for IPv6.
 */

import type { RangeEnds } from './range-ends.ts'
import type { Steps } from './steps.ts'

/** Sets written in one piece: at a thousand rules a few kilobytes. */
const STRETCHES_PER_STEP = 64

export class IntervalIndex {
  readonly #width: number
  readonly #setWords: number
  /** Where each stretch begins; the first one begins at 0. */
  readonly #starts: Uint32Array
  /** The set of each stretch, `setWords` words. */
  readonly sets: Int32Array
  readonly #count: number

  /** Made by `build`. */
  constructor(width: number, setWords: number, starts: Uint32Array, sets: Int32Array) {
    this.#width = width
    this.#setWords = setWords
    this.#starts = starts
    this.sets = sets
    this.#count = starts.length / width
  }

  /** @param everywhere members that cover every value. */
  static *build(setWords: number, ends: RangeEnds, everywhere: Int32Array): Steps<IntervalIndex> {
    const { width, words, members } = ends
    const order = yield* ends.sorted()
    const starts = new Uint32Array((order.length + 1) * width)
    const sets = new Int32Array((order.length + 1) * setWords)
    const active = everywhere.slice()
    /** In how many of its ranges each member is. */
    const depth = new Int32Array(setWords * 32)
    let stretches = 0
    yield
    for (let at = 0; at < order.length;) {
      const first = order[at]! * width
      if (!isSame(words, first, starts, stretches * width, width)) {
        sets.set(active, stretches++ * setWords)
        for (let i = 0; i < width; i++) starts[stretches * width + i] = words[first + i]!
        if (stretches % STRETCHES_PER_STEP === 0) yield
      }
      for (; at < order.length && isSame(words, order[at]! * width, starts, stretches * width, width); at++) {
        const what = members[order[at]!]!
        const member = what >> 1
        depth[member]! += (what & 1) === 1 ? 1 : -1
        if (depth[member]! > 0) active[member >> 5]! |= 1 << (member & 31)
        else if (!has(everywhere, member)) active[member >> 5]! &= ~(1 << (member & 31))
      }
    }
    sets.set(active, stretches++ * setWords)
    return new IntervalIndex(
      width,
      setWords,
      starts.subarray(0, stretches * width),
      sets.subarray(0, stretches * setWords),
    )
  }

  /** @returns where in `sets` the set of the value begins. Its words stand at `at` of `words`. */
  find(words: Int32Array, at: number): number {
    const width = this.#width
    const starts = this.#starts
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (isAtOrAfter(words, at, starts, middle * width, width)) low = middle
      else high = middle - 1
    }
    return low * this.#setWords
  }

  /** As `find` for a value of one word. */
  findNumber(value: number): number {
    const starts = this.#starts
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (value >= starts[middle]!) low = middle
      else high = middle - 1
    }
    return low * this.#setWords
  }
}

function isAtOrAfter(words: Int32Array, at: number, starts: Uint32Array, from: number, width: number): boolean {
  for (let i = 0; i < width; i++) {
    const word = words[at + i]! >>> 0
    const start = starts[from + i]!
    if (word !== start) return word > start
  }
  return true
}

function isSame(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number, width: number): boolean {
  for (let i = 0; i < width; i++) if (a[aAt + i] !== b[bAt + i]) return false
  return true
}

function has(set: Int32Array, member: number): boolean {
  return (set[member >> 5]! & (1 << (member & 31))) !== 0
}
