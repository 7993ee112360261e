/**
 * The ends of ranges of values, each with the member of a list that the range belongs to, in order. Values are unsigned numbers of
 * `width` 32-bit words, the most significant first. Everything is in typed arrays: a thousand rules have thousands of ends, and
 * objects for them would have V8's collector stop the packets that pass meanwhile.
 */
import { SORTED_PER_STEP, type Steps } from './steps.ts'

export class RangeEnds {
  readonly width: number
  /** `width` words for each end: where a range begins, or the first value behind it. */
  words: Uint32Array
  /** Twice the member, and one more where its range begins. */
  members: Int32Array = new Int32Array(64)
  count = 0

  constructor(width: number) {
    this.width = width
    this.words = new Uint32Array(64 * width)
  }

  /** Values of one word, both inclusive. */
  addNumbers(first: number, last: number, member: number): void {
    this.words[this.#next(member * 2 + 1)] = first
    if (last < 0xffffffff) this.words[this.#next(member * 2)] = last + 1
  }

  /** The values that are `value` where `mask` has ones; `value` has zeros elsewhere. */
  addMasked(value: Int32Array, mask: Int32Array, member: number): void {
    const from = this.#next(member * 2 + 1)
    for (let i = 0; i < this.width; i++) this.words[from + i] = value[i]!
    if (!this.#hasBehind(value, mask)) return
    const at = this.#next(member * 2)
    let carry = 1
    for (let i = this.width - 1; i >= 0; i--) {
      const last = (value[i]! | ~mask[i]!) >>> 0
      this.words[at + i] = last + carry // modulo 2^32
      if (last !== 0xffffffff) carry = 0
    }
  }

  /** Whether there is a value behind the last one. */
  #hasBehind(value: Int32Array, mask: Int32Array): boolean {
    for (let i = 0; i < this.width; i++) if ((value[i]! | ~mask[i]!) !== -1) return true
    return false
  }

  #next(member: number): number {
    if (this.count === this.members.length) {
      const members = new Int32Array(this.count * 2)
      members.set(this.members)
      this.members = members
      const words = new Uint32Array(this.words.length * 2)
      words.set(this.words)
      this.words = words
    }
    this.members[this.count] = member
    return this.count++ * this.width
  }

  /** The numbers of the ends in the order of their values. */
  *sorted(): Steps<Uint32Array> {
    const { count } = this
    let from = new Uint32Array(count)
    let to = new Uint32Array(count)
    for (let i = 0; i < count; i++) from[i] = i
    let done = 0
    for (let length = 1; length < count; length *= 2) {
      for (let start = 0; start < count; start += 2 * length) {
        const middle = Math.min(start + length, count)
        const end = Math.min(middle + length, count)
        let left = start
        let right = middle
        for (let at = start; at < end; at++) {
          const takesLeft = left < middle && (right >= end || !this.#isBefore(from[right]!, from[left]!))
          to[at] = takesLeft ? from[left++]! : from[right++]!
          if (++done % (8 * SORTED_PER_STEP) === 0) yield
        }
      }
      const sorted = to
      to = from
      from = sorted
    }
    return from
  }

  #isBefore(a: number, b: number): boolean {
    const { width, words } = this
    for (let i = 0; i < width; i++) {
      const left = words[a * width + i]!
      const right = words[b * width + i]!
      if (left !== right) return left < right
    }
    return false
  }
}
