/**
 * Which members of a list cover a value: for each stretch of values between two neighbouring ends of any member's range, the
 * set of those that cover it, as bits. A lookup is a binary search. Values are unsigned numbers of `width` 32-bit words, the
 * most significant first: 1 for ports and IPv4 addresses, 4 for IPv6.
 */

import type { Steps } from './steps.ts'

/** Sets written in one piece: at a thousand rules a few kilobytes. */
const STRETCHES_PER_STEP = 64

export interface Range {
  /** Inclusive; `width` words each. */
  readonly first: readonly number[]
  readonly last: readonly number[]
  readonly member: number
}

export class IntervalIndex {
  readonly #width: number
  readonly #setWords: number
  /** Where each stretch begins; the first one begins at 0. */
  readonly #starts: Uint32Array
  /** The set of each stretch, `setWords` words. */
  readonly sets: Int32Array
  readonly #count: number

  /** Made by `build`. */
  constructor(width: number, setWords: number, starts: readonly number[], sets: Int32Array) {
    this.#width = width
    this.#setWords = setWords
    this.#starts = Uint32Array.from(starts)
    this.sets = sets
    this.#count = starts.length / width
  }

  /** @param everywhere members that cover every value. */
  static *build(
    width: number,
    setWords: number,
    ranges: readonly Range[],
    everywhere: Int32Array,
  ): Steps<IntervalIndex> {
    const edges: Edge[] = []
    for (const { first, last, member } of ranges) {
      edges.push({ at: first, member, change: 1 })
      const after = successor(last)
      if (after !== undefined) edges.push({ at: after, member, change: -1 })
    }
    edges.sort((a, b) => compare(a.at, b.at))
    const starts: number[] = Array.from({ length: width }, () => 0)
    const sets = new Int32Array((edges.length + 1) * setWords)
    let filled = 0
    const active = everywhere.slice()
    const depth = new Map<number, number>()
    let at = 0
    let start: readonly number[] = starts.slice()
    const close = (): void => {
      sets.set(active, filled)
      filled += setWords
    }
    let closed = 0
    yield
    while (at < edges.length) {
      const edge = edges[at]!
      if (compare(edge.at, start) !== 0) {
        close()
        if (++closed % STRETCHES_PER_STEP === 0) yield
        start = edge.at
        starts.push(...start)
      }
      for (; at < edges.length && compare(edges[at]!.at, start) === 0; at++) {
        const { member, change } = edges[at]!
        const now = (depth.get(member) ?? 0) + change
        depth.set(member, now)
        if (now > 0) active[member >> 5]! |= 1 << (member & 31)
        else if (!has(everywhere, member)) active[member >> 5]! &= ~(1 << (member & 31))
      }
    }
    close()
    return new IntervalIndex(width, setWords, starts, sets.subarray(0, filled))
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

interface Edge {
  readonly at: readonly number[]
  readonly member: number
  readonly change: 1 | -1
}

function isAtOrAfter(words: Int32Array, at: number, starts: Uint32Array, from: number, width: number): boolean {
  for (let i = 0; i < width; i++) {
    const word = words[at + i]! >>> 0
    const start = starts[from + i]!
    if (word !== start) return word > start
  }
  return true
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

/** The next value, or `undefined` behind the largest. */
function successor(value: readonly number[]): number[] | undefined {
  const next = [...value]
  for (let i = next.length - 1; i >= 0; i--) {
    if (next[i]! !== 0xffffffff) {
      next[i] = next[i]! + 1
      return next
    }
    next[i] = 0
  }
  return undefined
}

function has(set: Int32Array, member: number): boolean {
  return (set[member >> 5]! & (1 << (member & 31))) !== 0
}
