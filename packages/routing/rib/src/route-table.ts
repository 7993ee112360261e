/**
 * The prefixes of one address family, each with a small index: addresses and lengths in typed arrays, found by open addressing.
 * What a route carries beside its prefix is in parallel arrays under the same index, so that a million routes cost tens of
 * bytes each and no objects.
 *
 * Invariants: host bits are zero; an index is stable from `insert` to `remove`; removing shifts later entries of a probe run back, so
 * that there are no tombstones and a lookup ends at the first empty slot.
 */
import { grown } from './grown.ts'

/** `flags` of a route. */
export const RouteFlag = {
  /** The index is in use. */
  live: 1,
  /** Touched in this batch, not decided yet. */
  dirty: 2,
  /** A selected path changed in place or went away since the last decision. */
  changed: 4,
  /** More than one path is selected. */
  multipath: 8,
  /** This router originates the prefix itself (kept for the protocol that does). */
  originated: 16,
  /** Dirty because of one more path at the head of the list, and of nothing else. */
  grown: 32,
} as const

const NONE = -1
const INITIAL = 64

export class RouteTable {
  readonly family: 4 | 6
  /** 32-bit words of an address: 1 or 4. */
  readonly words: 1 | 4
  addresses: Uint32Array
  lengths: Uint8Array
  flags: Uint8Array
  /** Head of the list of paths, -1 when there is none. */
  firstPath: Int32Array
  /** The best path, -1 when none is selected. */
  best: Int32Array
  /** How many others count on the index although the route may have no paths. */
  holds: Uint16Array
  /** Indices in use are below this. */
  end = 0
  size = 0
  /** How many entries have each length, so that longest match skips the lengths that nobody uses. */
  readonly lengthCounts: Int32Array
  #slots: Int32Array
  #mask: number
  /** Chained through `firstPath`. */
  #free = NONE

  constructor(family: 4 | 6) {
    this.family = family
    this.words = family === 4 ? 1 : 4
    this.addresses = new Uint32Array(INITIAL * this.words)
    this.lengths = new Uint8Array(INITIAL)
    this.flags = new Uint8Array(INITIAL)
    this.firstPath = new Int32Array(INITIAL)
    this.best = new Int32Array(INITIAL)
    this.holds = new Uint16Array(INITIAL)
    this.lengthCounts = new Int32Array(family === 4 ? 33 : 129)
    this.#slots = new Int32Array(INITIAL * 2).fill(NONE)
    this.#mask = INITIAL * 2 - 1
  }

  /** @returns the index of the prefix, or -1. Words beyond the family's are ignored. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const slots = this.#slots
    const mask = this.#mask
    for (let at = hash(w0, w1, w2, w3, length) & mask; ; at = (at + 1) & mask) {
      const index = slots[at]!
      if (index === NONE || this.#is(index, w0, w1, w2, w3, length)) return index
    }
  }

  /** The index of the prefix, which is added when it is not there. */
  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const mask = this.#mask
    let at = hash(w0, w1, w2, w3, length) & mask
    for (; ; at = (at + 1) & mask) {
      const known = this.#slots[at]!
      if (known === NONE) break
      if (this.#is(known, w0, w1, w2, w3, length)) return known
    }
    const index = this.#allocate()
    if (this.words === 1) this.addresses[index] = w0
    else {
      this.addresses[4 * index] = w0
      this.addresses[4 * index + 1] = w1
      this.addresses[4 * index + 2] = w2
      this.addresses[4 * index + 3] = w3
    }
    this.lengths[index] = length
    this.flags[index] = RouteFlag.live
    this.firstPath[index] = NONE
    this.best[index] = NONE
    this.holds[index] = 0
    this.lengthCounts[length]!++
    this.size++
    this.#slots[at] = index
    if (this.size * 2 > this.#slots.length) this.#rehash(this.#slots.length * 4)
    return index
  }

  remove(index: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let hole = this.#hashOf(index) & mask
    while (slots[hole] !== index) hole = (hole + 1) & mask
    // Entries after the hole move into it unless that would put them before their own place.
    for (let at = (hole + 1) & mask; slots[at] !== NONE; at = (at + 1) & mask) {
      const home = this.#hashOf(slots[at]!) & mask
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        slots[hole] = slots[at]!
        hole = at
      }
    }
    slots[hole] = NONE
    this.lengthCounts[this.lengths[index]!]!--
    this.size--
    this.flags[index] = 0
    this.firstPath[index] = this.#free
    this.#free = index
  }

  word(index: number, word: number): number {
    return this.addresses[this.words * index + word]!
  }

  get capacity(): number {
    return this.lengths.length
  }

  #is(index: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    if (this.lengths[index] !== length) return false
    const addresses = this.addresses
    if (this.words === 1) return addresses[index] === w0
    const at = 4 * index
    return addresses[at] === w0 && addresses[at + 1] === w1 && addresses[at + 2] === w2 && addresses[at + 3] === w3
  }

  #hashOf(index: number): number {
    const a = this.addresses
    if (this.words === 1) return hash(a[index]!, 0, 0, 0, this.lengths[index]!)
    const at = 4 * index
    return hash(a[at]!, a[at + 1]!, a[at + 2]!, a[at + 3]!, this.lengths[index]!)
  }

  #allocate(): number {
    const free = this.#free
    if (free !== NONE) {
      this.#free = this.firstPath[free]!
      return free
    }
    if (this.end === this.capacity) this.#grow()
    return this.end++
  }

  #grow(): void {
    const capacity = this.capacity * 2
    this.addresses = grown(this.addresses, capacity * this.words)
    this.lengths = grown(this.lengths, capacity)
    this.flags = grown(this.flags, capacity)
    this.firstPath = grown(this.firstPath, capacity)
    this.best = grown(this.best, capacity)
    this.holds = grown(this.holds, capacity)
  }

  #rehash(count: number): void {
    const slots = new Int32Array(count).fill(NONE)
    const mask = count - 1
    for (let index = 0; index < this.end; index++) {
      if (this.flags[index] === 0) continue
      let at = this.#hashOf(index) & mask
      while (slots[at] !== NONE) at = (at + 1) & mask
      slots[at] = index
    }
    this.#slots = slots
    this.#mask = mask
  }
}

/** Multiplicative mixing; IPv4 passes zeros for the words it does not have. */
function hash(w0: number, w1: number, w2: number, w3: number, length: number): number {
  let h = Math.imul(w0 ^ (length << 1), 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15) ^ w1, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ w2, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 16) ^ w3, 0x27d4eb2f)
  return h ^ (h >>> 15)
}
