/**
 * Byte strings interned to small numbers: open addressing over hashes, the bytes themselves appended to pages. A page is never written
 * again where it was written once, so whoever keeps a page and an offset may go on reading after the entry has been removed.
 *
 * Invariants: equal bytes have one number while the entry lives; numbers of removed entries are used again.
 */
import { grown } from '@lodestone/rib'

const NONE = -1
/** Pages grow with the table: most peers of a large network have little to say. */
const SMALLEST_PAGE_BYTES = 512
const PAGE_BYTES = 16_384
const SMALLEST = 8

export class ByteTable {
  /** By number: where the bytes are. */
  pages: Uint8Array[] = []
  offsets = new Uint32Array(SMALLEST)
  lengths = new Uint16Array(SMALLEST)
  size = 0
  #hashes = new Int32Array(SMALLEST)
  #slots = new Int32Array(SMALLEST * 2).fill(NONE)
  #mask = SMALLEST * 2 - 1
  #free: number[] = []
  #end = 0
  #page = new Uint8Array(0)
  #used = 0
  #nextPageBytes = SMALLEST_PAGE_BYTES / 2
  /** Of the last `find`: what is not found is usually added. */
  #soughtHash = 0

  /** @returns the number of the bytes, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end)
    this.#soughtHash = hash
    const slots = this.#slots
    const length = end - start
    let at = hash & this.#mask
    for (; ; at = (at + 1) & this.#mask) {
      const id = slots[at]!
      if (id === NONE) return NONE
      if (this.#hashes[id] === hash && this.lengths[id] === length && this.#is(id, bytes, start, length)) return id
    }
  }

  /** Adds the bytes that the last `find` did not find, at most 65535. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start
    const id = this.#free.pop() ?? this.#end++
    if (id >= this.offsets.length) {
      const capacity = this.offsets.length * 4
      this.offsets = grown(this.offsets, capacity)
      this.lengths = grown(this.lengths, capacity)
      this.#hashes = grown(this.#hashes, capacity)
    }
    if (this.#used + length > this.#page.length) {
      this.#nextPageBytes = Math.min(PAGE_BYTES, this.#nextPageBytes * 2)
      this.#page = new Uint8Array(Math.max(this.#nextPageBytes, length))
      this.#used = 0
    }
    const page = this.#page
    const offset = this.#used
    for (let i = 0; i < length; i++) page[offset + i] = bytes[start + i]!
    this.#used += length
    this.pages[id] = page
    this.offsets[id] = offset
    this.lengths[id] = length
    const hash = this.#soughtHash
    this.#hashes[id] = hash
    let at = hash & this.#mask
    while (this.#slots[at] !== NONE) at = (at + 1) & this.#mask
    this.#slots[at] = id
    this.size++
    if (this.size * 4 > this.#slots.length * 3) this.#rehash()
    return id
  }

  remove(id: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let hole = this.#hashes[id]! & mask
    while (slots[hole] !== id) hole = (hole + 1) & mask
    for (let at = (hole + 1) & mask; slots[at] !== NONE; at = (at + 1) & mask) {
      const home = this.#hashes[slots[at]!]! & mask
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        slots[hole] = slots[at]!
        hole = at
      }
    }
    slots[hole] = NONE
    // The page goes when its last reader does.
    this.pages[id] = EMPTY
    this.lengths[id] = 0
    this.#free.push(id)
    this.size--
  }

  #is(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    const page = this.pages[id]!
    const offset = this.offsets[id]!
    for (let i = 0; i < length; i++) if (page[offset + i] !== bytes[start + i]) return false
    return true
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 4).fill(NONE)
    const mask = slots.length - 1
    for (const id of this.#slots) {
      if (id === NONE) continue
      let at = this.#hashes[id]! & mask
      while (slots[at] !== NONE) at = (at + 1) & mask
      slots[at] = id
    }
    this.#slots = slots
    this.#mask = mask
  }
}

const EMPTY = new Uint8Array(0)

/** FNV-1a over four bytes at a time, finished so that the low bits are good. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start)
  let i = start
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    hash = Math.imul(hash ^ word, 0x01000193)
    hash ^= hash >>> 15
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}
