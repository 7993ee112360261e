/**
 * From a key's hash to its row: open addressing with linear probing over pairs (hash, row) in the flow memory, at most five
 * eighths full. Deletion shifts followers back, so there are no tombstones.
 *
 * Growing is spread over many packets: a larger index takes over at once, empty, and what the old one holds follows in
 * small steps, or when it is asked for. The kernel looks in the new one only; what it does not find there yet, the slow path
 * does.
 */
import type { FlowMemory } from './flow-memory.ts'
import { PARAM_INDEX, PARAM_INDEX_MASK, PARAM_TOUCH } from './kernel/layout.ts'

const ENTRY_BYTES = 8
/** Two would do for the old index to be empty before the new one is full. */
const MOVES_PER_INSERT = 8
/** A row that has moved on or is gone, in an index that is being emptied. */
const MOVED = -1
/** From this many entries on an index does not fit the second-level cache. */
const TOUCH_ENTRIES = 8192

export class FlowIndex {
  readonly #memory: FlowMemory
  #base: number
  #mask: number
  #count = 0
  /** The index that is being emptied, 0 for none; entries below `#moved` are done. */
  #oldBase = 0
  #oldMask = 0
  #moved = 0

  /** @param entries to begin with, a power of two. */
  constructor(memory: FlowMemory, entries = 1024) {
    this.#memory = memory
    this.#base = memory.take(entries * ENTRY_BYTES, true)
    this.#mask = entries - 1
    this.#tell()
  }

  get count(): number {
    return this.#count
  }

  get isMoving(): boolean {
    return this.#oldBase !== 0
  }

  /** @returns the row with this hash that `isWanted` says is the one, or 0. One in the old index moves to the new one. */
  find(hash: number, isWanted: (row: number) => boolean): number {
    const row = this.#findIn(this.#base, this.#mask, hash, isWanted)
    if (row !== 0 || this.#oldBase === 0) return row
    const old = this.#findIn(this.#oldBase, this.#oldMask, hash, isWanted)
    if (old === 0) return 0
    this.#retire(hash, old)
    this.#enter(hash, old)
    return old
  }

  /** @returns false when there is no memory for a larger index and this one is nearly full. */
  insert(hash: number, row: number): boolean {
    if (this.#oldBase !== 0) this.move(MOVES_PER_INSERT)
    if (this.#count * 8 > this.#mask * 5 && !this.#grow() && this.#count * 8 > this.#mask * 7) return false
    this.#enter(hash, row)
    this.#count++
    return true
  }

  remove(hash: number, row: number): void {
    this.#count--
    const { words } = this.#memory
    const base = this.#base >> 2
    const mask = this.#mask
    let hole = hash & mask
    for (; words[base + hole * 2 + 1] !== row; hole = (hole + 1) & mask) {
      if (words[base + hole * 2 + 1] === 0) {
        this.#retire(hash, row)
        return
      }
    }
    // Entries behind the hole move into it when their own place is not after it.
    for (let at = (hole + 1) & mask; words[base + at * 2 + 1] !== 0; at = (at + 1) & mask) {
      const home = words[base + at * 2]! & mask
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        words[base + hole * 2] = words[base + at * 2]!
        words[base + hole * 2 + 1] = words[base + at * 2 + 1]!
        hole = at
      }
    }
    words[base + hole * 2] = 0
    words[base + hole * 2 + 1] = 0
  }

  /** Lets at most `entries` entries of an index that is being emptied follow. */
  move(entries: number): void {
    if (this.#oldBase === 0) return
    const { words } = this.#memory
    const old = this.#oldBase >> 2
    const end = Math.min(this.#moved + entries, this.#oldMask + 1)
    for (; this.#moved < end; this.#moved++) {
      const row = words[old + this.#moved * 2 + 1]!
      if (row === 0 || row === MOVED) continue
      words[old + this.#moved * 2 + 1] = MOVED
      this.#enter(words[old + this.#moved * 2]!, row)
    }
    if (this.#moved <= this.#oldMask) return
    this.#memory.give(this.#oldBase, (this.#oldMask + 1) * ENTRY_BYTES)
    this.#oldBase = 0
  }

  #findIn(at: number, mask: number, hash: number, isWanted: (row: number) => boolean): number {
    const { words } = this.#memory
    const base = at >> 2
    for (let entry = hash & mask; ; entry = (entry + 1) & mask) {
      const row = words[base + entry * 2 + 1]!
      if (row === 0) return 0
      if (row !== MOVED && words[base + entry * 2] === hash && isWanted(row)) return row
    }
  }

  #enter(hash: number, row: number): void {
    const { words } = this.#memory
    const base = this.#base >> 2
    let entry = hash & this.#mask
    while (words[base + entry * 2 + 1] !== 0) entry = (entry + 1) & this.#mask
    words[base + entry * 2] = hash
    words[base + entry * 2 + 1] = row
  }

  /** Takes a row out of the index that is being emptied. */
  #retire(hash: number, row: number): void {
    const { words } = this.#memory
    const base = this.#oldBase >> 2
    const mask = this.#oldMask
    let entry = hash & mask
    while (words[base + entry * 2 + 1] !== row) {
      // Probing ends at the entry or never: the caller found it here.
      if (words[base + entry * 2 + 1] === 0) throw new Error('the row is in neither index')
      entry = (entry + 1) & mask
    }
    words[base + entry * 2 + 1] = MOVED
  }

  #grow(): boolean {
    if (this.#oldBase !== 0) return false
    const entries = (this.#mask + 1) * 2
    const base = this.#memory.takeFresh(entries * ENTRY_BYTES)
    if (base === 0) return false
    this.#oldBase = this.#base
    this.#oldMask = this.#mask
    this.#moved = 0
    this.#base = base
    this.#mask = entries - 1
    this.#tell()
    return true
  }

  #tell(): void {
    const { words } = this.#memory
    words[PARAM_INDEX / 4] = this.#base
    words[PARAM_INDEX_MASK / 4] = this.#mask
    words[PARAM_TOUCH / 4] = this.#mask + 1 > TOUCH_ENTRIES ? 1 : 0
  }
}
