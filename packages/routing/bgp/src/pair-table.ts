/**
 * Pairs of small numbers interned to numbers: open addressing, one array for the pairs and one for the slots.
 *
 * Invariant: equal pairs have one number while the entry lives; numbers of removed entries are used again.
 */
import { grown } from '@lodestone/rib'

const NONE = -1
const SMALLEST = 8

export class PairTable {
  size = 0
  /** By number: both halves. A free one has the number of the next free one first. */
  #pairs = new Int32Array(SMALLEST * 2)
  #slots = new Int32Array(SMALLEST * 2).fill(NONE)
  #mask = SMALLEST * 2 - 1
  #free = NONE
  #end = 0

  /** @returns the number of the pair, or -1. */
  find(a: number, b: number): number {
    const pairs = this.#pairs
    for (let at = hashOf(a, b) & this.#mask; ; at = (at + 1) & this.#mask) {
      const id = this.#slots[at]!
      if (id === NONE || (pairs[2 * id] === a && pairs[2 * id + 1] === b)) return id
    }
  }

  /** Adds a pair that is not there. */
  add(a: number, b: number): number {
    if ((this.size + 1) * 4 > this.#slots.length * 3) this.#rehash()
    let id = this.#free
    if (id === NONE) id = this.#end++
    else this.#free = this.#pairs[2 * id]!
    if (2 * id >= this.#pairs.length) this.#pairs = grown(this.#pairs, this.#pairs.length * 4)
    this.#pairs[2 * id] = a
    this.#pairs[2 * id + 1] = b
    let at = hashOf(a, b) & this.#mask
    while (this.#slots[at] !== NONE) at = (at + 1) & this.#mask
    this.#slots[at] = id
    this.size++
    return id
  }

  first(id: number): number {
    return this.#pairs[2 * id]!
  }

  remove(id: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let hole = this.#hashAt(id) & mask
    while (slots[hole] !== id) hole = (hole + 1) & mask
    for (let at = (hole + 1) & mask; slots[at] !== NONE; at = (at + 1) & mask) {
      const home = this.#hashAt(slots[at]!) & mask
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        slots[hole] = slots[at]!
        hole = at
      }
    }
    slots[hole] = NONE
    this.#pairs[2 * id] = this.#free
    this.#pairs[2 * id + 1] = NONE
    this.#free = id
    this.size--
  }

  #hashAt(id: number): number {
    return hashOf(this.#pairs[2 * id]!, this.#pairs[2 * id + 1]!)
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 4).fill(NONE)
    const mask = slots.length - 1
    for (const id of this.#slots) {
      if (id === NONE) continue
      let at = this.#hashAt(id) & mask
      while (slots[at] !== NONE) at = (at + 1) & mask
      slots[at] = id
    }
    this.#slots = slots
    this.#mask = mask
  }
}

function hashOf(a: number, b: number): number {
  const h = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1)
  return h ^ (h >>> 15)
}
