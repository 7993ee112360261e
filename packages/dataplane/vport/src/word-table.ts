/**
 * An exact-match table from a key of 32-bit words to a row of 32-bit words: open addressing with linear probing over
 * Int32Arrays. The key lies at the front of its row, so a hit costs one cache miss in the index and one in the row.
 * Deletion shifts followers back, so there are no tombstones and a long life does not slow lookups down.
 *
 * Invariant: a row keeps its number until it is removed. `rows` and `index` are replaced when the table grows: read the
 * property again after every `insert`.
 */

const EMPTY = -1

export class WordTable {
  /** Row `r` begins at word `r * rowWords` with its key. */
  rows: Int32Array
  readonly keyWords: number
  readonly rowWords: number
  /** Pairs of hash and row number, EMPTY where there is none; at most half full. */
  #index: Int32Array
  #mask: number
  /** Free rows are chained through their first word. */
  #firstFree: number
  #capacity: number
  #count = 0

  /** @param rowWords length of a row in words, key included. @param capacity rows to begin with, a power of two. */
  constructor(keyWords: number, rowWords: number, capacity = 16) {
    this.keyWords = keyWords
    this.rowWords = rowWords
    this.#capacity = capacity
    this.rows = new Int32Array(capacity * rowWords)
    this.#index = new Int32Array(capacity * 4).fill(EMPTY)
    this.#mask = capacity * 2 - 1
    this.#firstFree = 0
    this.#chainFree(0)
  }

  get count(): number {
    return this.#count
  }

  /** Rows that exist, used or not: row numbers are below it. */
  get capacity(): number {
    return this.#capacity
  }

  /** @param key holds at least `keyWords` words. @returns the row number, or -1. No allocation. */
  find(key: Int32Array): number {
    const hash = this.keyWords === 4 ? hash4(key) : this.keyWords === 10 ? hash10(key) : hashWords(key, this.keyWords)
    const index = this.#index
    const mask = this.#mask
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = index[at * 2 + 1]!
      if (row === EMPTY) return -1
      if (index[at * 2] === hash && this.#isKeyOf(row, key)) return row
    }
  }

  /** Adds the key with a zeroed row. @returns its row number. The key must not be in the table. */
  insert(key: Int32Array): number {
    if (this.#firstFree === EMPTY) this.#grow()
    const row = this.#firstFree
    const at = row * this.rowWords
    const rows = this.rows
    this.#firstFree = rows[at]!
    for (let i = 0; i < this.keyWords; i++) rows[at + i] = key[i]!
    for (let i = this.keyWords; i < this.rowWords; i++) rows[at + i] = 0
    this.#enter(this.#hash(key), row)
    this.#count++
    return row
  }

  /** Removes a row that is in use. */
  remove(row: number): void {
    const index = this.#index
    const mask = this.#mask
    const base = row * this.rowWords
    const key = this.rows.subarray(base, base + this.keyWords)
    let hole = this.#hash(key) & mask
    while (index[hole * 2 + 1] !== row) hole = (hole + 1) & mask
    // Entries behind the hole move into it when their own place is not after it.
    for (let at = (hole + 1) & mask; index[at * 2 + 1] !== EMPTY; at = (at + 1) & mask) {
      const home = index[at * 2]! & mask
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        index[hole * 2] = index[at * 2]!
        index[hole * 2 + 1] = index[at * 2 + 1]!
        hole = at
      }
    }
    index[hole * 2 + 1] = EMPTY
    this.rows[base] = this.#firstFree
    this.#firstFree = row
    this.#count--
  }

  /** Calls `visit` with each row number in use, in no meaningful order. The table must not change meanwhile. */
  forEach(visit: (row: number) => void): void {
    for (let at = 0; at <= this.#mask; at++) if (this.#index[at * 2 + 1] !== EMPTY) visit(this.#index[at * 2 + 1]!)
  }

  clear(): void {
    this.#index.fill(EMPTY)
    this.#count = 0
    this.#firstFree = 0
    this.#chainFree(0)
  }

  #hash(key: Int32Array): number {
    return this.keyWords === 4 ? hash4(key) : this.keyWords === 10 ? hash10(key) : hashWords(key, this.keyWords)
  }

  #isKeyOf(row: number, key: Int32Array): boolean {
    const rows = this.rows
    const at = row * this.rowWords
    if (this.keyWords === 4) {
      return rows[at] === key[0] && rows[at + 1] === key[1] && rows[at + 2] === key[2] && rows[at + 3] === key[3]
    }
    if (this.keyWords === 10) {
      return (
        rows[at] === key[0] &&
        rows[at + 1] === key[1] &&
        rows[at + 2] === key[2] &&
        rows[at + 3] === key[3] &&
        rows[at + 4] === key[4] &&
        rows[at + 5] === key[5] &&
        rows[at + 6] === key[6] &&
        rows[at + 7] === key[7] &&
        rows[at + 8] === key[8] &&
        rows[at + 9] === key[9]
      )
    }
    for (let i = 0; i < this.keyWords; i++) if (rows[at + i] !== key[i]) return false
    return true
  }

  #enter(hash: number, row: number): void {
    const index = this.#index
    let at = hash & this.#mask
    while (index[at * 2 + 1] !== EMPTY) at = (at + 1) & this.#mask
    index[at * 2] = hash
    index[at * 2 + 1] = row
  }

  #grow(): void {
    const oldCapacity = this.#capacity
    const oldIndex = this.#index
    this.#capacity = oldCapacity * 2
    const rows = new Int32Array(this.#capacity * this.rowWords)
    rows.set(this.rows)
    this.rows = rows
    this.#index = new Int32Array(this.#capacity * 4).fill(EMPTY)
    this.#mask = this.#capacity * 2 - 1
    for (let at = 0; at < oldIndex.length; at += 2) {
      if (oldIndex[at + 1] !== EMPTY) this.#enter(oldIndex[at]!, oldIndex[at + 1]!)
    }
    this.#firstFree = oldCapacity
    this.#chainFree(oldCapacity)
  }

  #chainFree(from: number): void {
    for (let row = from; row < this.#capacity; row++) {
      this.rows[row * this.rowWords] = row + 1 < this.#capacity ? row + 1 : EMPTY
    }
  }
}

// Multiply-xorshift mixing in two independent lanes; the final avalanche matters because the index uses the low bits.

function hash4(key: Int32Array): number {
  const a = Math.imul(key[0]! ^ 0x2c1b3c6d, 0x85ebca6b) ^ Math.imul(key[2]! ^ 0x297a2d39, 0xc2b2ae35)
  const b = Math.imul(key[1]! ^ 0x7ed558cc, 0x27d4eb2f) ^ Math.imul(key[3]! ^ 0x165667b1, 0x9e3779b1)
  return finish(a, b)
}

function hash10(key: Int32Array): number {
  let a = Math.imul(key[0]! ^ 0x2c1b3c6d, 0x85ebca6b) ^ Math.imul(key[2]! ^ 0x297a2d39, 0xc2b2ae35)
  let b = Math.imul(key[1]! ^ 0x7ed558cc, 0x27d4eb2f) ^ Math.imul(key[3]! ^ 0x165667b1, 0x9e3779b1)
  a = (a ^ (a >>> 15)) + Math.imul(key[4]! ^ 0x3c6ef372, 0x85ebca77) + Math.imul(key[6]!, 0xc2b2ae3d)
  b = (b ^ (b >>> 13)) + Math.imul(key[5]! ^ 0x1b873593, 0x27d4eb4f) + Math.imul(key[7]!, 0x165667b1)
  a ^= Math.imul(key[8]!, 0x9e3779b1)
  b ^= Math.imul(key[9]!, 0x85ebca6b)
  return finish(a, b)
}

function hashWords(key: Int32Array, count: number): number {
  let a = 0x2c1b3c6d
  for (let i = 0; i < count; i++) a = Math.imul(a ^ (a >>> 15) ^ key[i]!, 0x85ebca6b)
  return finish(a, count)
}

function finish(a: number, b: number): number {
  let hash = a ^ Math.imul(b ^ (b >>> 16), 0x45d9f3b)
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return hash ^ (hash >>> 16)
}
