/**
 * The control plane of one table: writes the structures in memory 1 that the generated lookup reads. Each operation is
 * one synchronous call, and the packet path runs between operations only, so it sees a write whole or not at all.
 *
 * Entries never move: the buckets of the hash hold their addresses, and a chain links entries that share a masked key
 * (see `lookup-code` of `@lodestone/p4`). Costs: O(1) amortised for a new entry; where a new combination of masks
 * appears or the best rank of one changes, its place in the tuple list is O(number of combinations).
 */
import { ACTION_FREE, type BoundAction, ENTRY, TABLE_HEADER, type TableLayout, TUPLE } from '@lodestone/p4'
import { StateMemory } from '../state-memory.ts'
import type { PackedKey } from './packed-key.ts'
import { RankHeap } from './rank-heap.ts'

interface Tuple {
  readonly id: number
  readonly masks: BigUint64Array
  readonly ranks: RankHeap
  count: number
  /** As written in the tuple list. */
  rank: number
}

const FIRST_BUCKETS = 16
const CHUNK_BYTES_MAX = 1 << 24

export class TableStore {
  readonly layout: TableLayout
  readonly #state: StateMemory
  readonly #hashKey: number
  readonly #hash: () => number
  readonly #chunks: { readonly address: number; readonly count: number }[] = []
  #free: number[] = []
  #count = 0
  #sequence = 0
  #bucketCount = 0
  #usedBuckets = 0
  readonly #tuples = new Map<string, Tuple>()
  #tupleById: (Tuple | undefined)[] = []
  #tupleCapacity = 0

  /**
   * @param hashKey where `hash` reads a key from (`Layout.hashKey`).
   * @param hash the table's exported hash function.
   */
  constructor(layout: TableLayout, state: StateMemory, hashKey: number, hash: () => number) {
    this.layout = layout
    this.#state = state
    this.#hashKey = hashKey
    this.#hash = hash
    if (layout.shape !== 'always') this.#rehash(FIRST_BUCKETS)
  }

  get count(): number {
    return this.#count
  }

  get hits(): number {
    return Number(this.#state.u64[(this.layout.header + TABLE_HEADER.hits) >> 3]!)
  }

  get misses(): number {
    return Number(this.#state.u64[(this.layout.header + TABLE_HEADER.misses) >> 3]!)
  }

  /**
   * Address of the entry with exactly this key, or 0. In tables with priorities `rank` must be equal too; undefined
   * takes the best of those with this key.
   */
  find(key: PackedKey, rank: number | undefined): number {
    const tuple = this.#tupleOf(key)
    if (tuple === undefined) return 0
    const { u32, i32 } = this.#state
    for (let entry = this.#chain(key, tuple.id); entry !== 0; entry = u32[(entry + ENTRY.next) >> 2]!) {
      if (rank !== undefined && i32[(entry + ENTRY.rank) >> 2] !== rank) continue
      if (this.#rangesEqual(entry, key)) return entry
    }
    return 0
  }

  /** The key must not be present. @returns the new entry's address. */
  insert(key: PackedKey, rank: number, action: BoundAction): number {
    if (this.#free.length === 0) this.#addChunk()
    const entry = this.#free.pop()!
    const tuple = this.#takeTuple(key)
    const { u32, i32, u64 } = this.#state
    const { layout } = this
    u32.fill(0, entry >> 2, (entry + layout.entryBytes) >> 2)
    u32[(entry + ENTRY.tuple) >> 2] = tuple.id
    i32[(entry + ENTRY.rank) >> 2] = rank
    u32[(entry + ENTRY.sequence) >> 2] = this.#sequence++
    u64.set(key.words, (entry + layout.keyOffset) >> 3)
    u64.set(key.low, (entry + layout.lowOffset) >> 3)
    u64.set(key.high, (entry + layout.highOffset) >> 3)
    this.writeAction(entry, action)
    this.#link(key, tuple.id, entry)
    this.#count++
    tuple.ranks.add(rank)
    this.#writeTuples(tuple)
    return entry
  }

  remove(entry: number): void {
    const { u32, i32 } = this.#state
    const tuple = this.#tupleById[u32[(entry + ENTRY.tuple) >> 2]!]!
    this.#unlink(entry, tuple.id)
    tuple.ranks.remove(i32[(entry + ENTRY.rank) >> 2]!)
    tuple.count--
    u32[(entry + ENTRY.action) >> 2] = ACTION_FREE
    this.#free.push(entry)
    this.#count--
    if (tuple.count === 0) {
      this.#tuples.delete(this.#tupleText(tuple))
      this.#tupleById[tuple.id] = undefined
    }
    this.#writeTuples(tuple)
  }

  clear(): void {
    for (const entry of this.addresses()) this.#state.u32[(entry + ENTRY.action) >> 2] = ACTION_FREE
    this.#free = this.#chunks.flatMap(({ address, count }) =>
      Array.from({ length: count }, (_, k) => address + (count - 1 - k) * this.layout.entryBytes),
    )
    this.#count = 0
    this.#usedBuckets = 0
    this.#tuples.clear()
    this.#tupleById = []
    const { u32 } = this.#state
    const header = this.layout.header >> 2
    u32[header + TABLE_HEADER.tupleCount / 4] = 0
    const buckets = u32[header + TABLE_HEADER.buckets / 4]! >> 2
    u32.fill(0, buckets, buckets + 2 * this.#bucketCount)
  }

  /** Live entries, oldest first. */
  addresses(): number[] {
    const { u32 } = this.#state
    const found: number[] = []
    for (const { address, count } of this.#chunks) {
      for (let k = 0; k < count; k++) {
        const entry = address + k * this.layout.entryBytes
        if (u32[(entry + ENTRY.action) >> 2] !== ACTION_FREE) found.push(entry)
      }
    }
    const sequence = (entry: number): number => u32[(entry + ENTRY.sequence) >> 2]!
    return found.sort((a, b) => sequence(a) - sequence(b))
  }

  /** Sets action and parameters of an entry, or of the default entry. */
  writeAction(entry: number, action: BoundAction): void {
    const { u32, u64 } = this.#state
    u32[(entry + ENTRY.action) >> 2] = action.action
    this.layout.parameters[action.action]!.forEach(({ offset, width }, k) => {
      const value = action.parameters[k]!
      const at = entry + offset
      if (width <= 32) u32[at >> 2] = Number(value)
      else for (let w = 0; 64 * w < width; w++) u64[(at >> 3) + w] = BigInt.asUintN(64, value >> BigInt(64 * w))
    })
  }

  readAction(entry: number): BoundAction {
    const { u32, u64 } = this.#state
    const action = u32[(entry + ENTRY.action) >> 2]!
    const parameters = this.layout.parameters[action]!.map(({ offset, width }) => {
      const at = entry + offset
      if (width <= 32) return BigInt(u32[at >> 2]!)
      let value = 0n
      for (let w = 0; 64 * w < width; w++) value |= u64[(at >> 3) + w]! << BigInt(64 * w)
      return value
    })
    return { action, parameters }
  }

  readKey(entry: number): PackedKey {
    const { layout } = this
    const { u32, u64 } = this.#state
    const slice = (offset: number, count: number) => u64.slice((entry + offset) >> 3, ((entry + offset) >> 3) + count)
    return {
      words: slice(layout.keyOffset, layout.words),
      masks: this.#tupleById[u32[(entry + ENTRY.tuple) >> 2]!]!.masks,
      low: slice(layout.lowOffset, layout.rangeWords),
      high: slice(layout.highOffset, layout.rangeWords),
      prefixLength: 0,
    }
  }

  rank(entry: number): number {
    return this.#state.i32[(entry + ENTRY.rank) >> 2]!
  }

  packets(entry: number): number {
    return Number(this.#state.u64[(entry + ENTRY.packets) >> 3]!)
  }

  bytes(entry: number): number {
    return Number(this.#state.u64[(entry + ENTRY.bytes) >> 3]!)
  }

  #tupleOf(key: PackedKey): Tuple | undefined {
    return this.#tuples.get(this.#tupleText(key))
  }

  #tupleText(key: { readonly masks: BigUint64Array }): string {
    return this.layout.shape === 'exact' ? '' : key.masks.join()
  }

  #takeTuple(key: PackedKey): Tuple {
    const text = this.#tupleText(key)
    let tuple = this.#tuples.get(text)
    if (tuple === undefined) {
      let id = this.#tupleById.indexOf(undefined)
      if (id < 0) id = this.#tupleById.length
      tuple = { id, masks: key.masks.slice(), ranks: new RankHeap(), count: 0, rank: -Infinity }
      this.#tuples.set(text, tuple)
      this.#tupleById[id] = tuple
    }
    tuple.count++
    return tuple
  }

  /** Brings the tuple list up to date after `changed` gained or lost an entry. */
  #writeTuples(changed: Tuple): void {
    const { shape, tupleBytes, header } = this.layout
    if (shape === 'exact' || shape === 'always') return
    const rank = changed.count === 0 ? -Infinity : changed.ranks.max()!
    if (rank === changed.rank) return
    changed.rank = rank
    const sorted = [...this.#tuples.values()].sort((a, b) => b.rank - a.rank || a.id - b.id)
    const headerWord = header >> 2
    if (sorted.length > this.#tupleCapacity) {
      const old = this.#state.u32[headerWord + TABLE_HEADER.tuples / 4]!
      const capacity = Math.max(8, 2 * this.#tupleCapacity)
      const address = this.#state.alloc(capacity * tupleBytes)
      if (this.#tupleCapacity > 0) this.#state.free(old, this.#tupleCapacity * tupleBytes)
      this.#tupleCapacity = capacity
      this.#state.u32[headerWord + TABLE_HEADER.tuples / 4] = address
    }
    const { u32, i32, u64 } = this.#state
    let at = u32[headerWord + TABLE_HEADER.tuples / 4]!
    for (const tuple of sorted) {
      i32[(at + TUPLE.rank) >> 2] = tuple.rank
      u32[(at + TUPLE.id) >> 2] = tuple.id
      u64.set(tuple.masks, (at + TUPLE.masks) >> 3)
      at += tupleBytes
    }
    u32[headerWord + TABLE_HEADER.tupleCount / 4] = sorted.length
  }

  #tag(words: BigUint64Array, tuple: number): number {
    const { u32, u64 } = this.#state
    u32[this.#hashKey >> 2] = tuple
    u64.set(words, (this.#hashKey + 8) >> 3)
    return this.#hash() >>> 0
  }

  /** Word index of the bucket that holds the chain, or of the empty bucket where it would go. */
  #bucket(words: BigUint64Array, tuple: number, tag: number): number {
    const { u32, u64 } = this.#state
    const { header, keyOffset, shape } = this.layout
    const buckets = u32[(header + TABLE_HEADER.buckets) >> 2]! >> 2
    const mask = this.#bucketCount - 1
    for (let i = (tag >>> 1) & mask; ; i = (i + 1) & mask) {
      const at = buckets + 2 * i
      const seen = u32[at]!
      if (seen === 0) return at
      if (seen !== tag) continue
      const entry = u32[at + 1]!
      if (shape !== 'exact' && u32[(entry + ENTRY.tuple) >> 2] !== tuple) continue
      const key = (entry + keyOffset) >> 3
      let isEqual = true
      for (let k = 0; k < words.length; k++) if (u64[key + k] !== words[k]) isEqual = false
      if (isEqual) return at
    }
  }

  #chain(key: PackedKey, tuple: number): number {
    const at = this.#bucket(key.words, tuple, this.#tag(key.words, tuple))
    return this.#state.u32[at + 1]!
  }

  #link(key: PackedKey, tuple: number, entry: number): void {
    const tag = this.#tag(key.words, tuple)
    let at = this.#bucket(key.words, tuple, tag)
    if (this.#state.u32[at] === 0) {
      if (2 * (this.#usedBuckets + 1) > this.#bucketCount) {
        this.#rehash(2 * this.#bucketCount)
        at = this.#bucket(key.words, tuple, tag)
      }
      this.#usedBuckets++
      this.#state.u32[at + 1] = entry
      this.#state.u32[at] = tag
      return
    }
    // Behind every entry of the same or a higher rank: those are older.
    const { u32, i32 } = this.#state
    const rank = i32[(entry + ENTRY.rank) >> 2]!
    let link = at + 1
    while (u32[link] !== 0 && i32[(u32[link]! + ENTRY.rank) >> 2]! >= rank) link = (u32[link]! + ENTRY.next) >> 2
    u32[(entry + ENTRY.next) >> 2] = u32[link]!
    u32[link] = entry
  }

  #unlink(entry: number, tuple: number): void {
    const { u32, u64 } = this.#state
    const key = (entry + this.layout.keyOffset) >> 3
    const words = u64.slice(key, key + this.layout.words)
    const at = this.#bucket(words, tuple, this.#tag(words, tuple))
    const next = u32[(entry + ENTRY.next) >> 2]!
    if (u32[at + 1] !== entry) {
      let link = (u32[at + 1]! + ENTRY.next) >> 2
      while (u32[link] !== entry) link = (u32[link]! + ENTRY.next) >> 2
      u32[link] = next
    } else if (next !== 0) {
      u32[at + 1] = next
    } else {
      this.#vacate(at)
    }
  }

  /** Empties a bucket and moves later ones of the same run back, so that no marker is needed. */
  #vacate(at: number): void {
    const { u32 } = this.#state
    const buckets = u32[(this.layout.header + TABLE_HEADER.buckets) >> 2]! >> 2
    const mask = this.#bucketCount - 1
    let hole = (at - buckets) >> 1
    for (let i = (hole + 1) & mask; ; i = (i + 1) & mask) {
      const tag = u32[buckets + 2 * i]!
      if (tag === 0) break
      const home = (tag >>> 1) & mask
      // It may move back unless its home lies after the hole.
      if (((i - home) & mask) < ((i - hole) & mask)) continue
      u32[buckets + 2 * hole] = tag
      u32[buckets + 2 * hole + 1] = u32[buckets + 2 * i + 1]!
      hole = i
    }
    u32[buckets + 2 * hole] = 0
    u32[buckets + 2 * hole + 1] = 0
    this.#usedBuckets--
  }

  #rehash(count: number): void {
    const address = this.#state.alloc(8 * count)
    const { u32 } = this.#state
    const header = this.layout.header >> 2
    const old = u32[header + TABLE_HEADER.buckets / 4]!
    const mask = count - 1
    for (let i = 0; i < this.#bucketCount; i++) {
      const tag = u32[(old >> 2) + 2 * i]!
      if (tag === 0) continue
      let to = (tag >>> 1) & mask
      while (u32[(address >> 2) + 2 * to] !== 0) to = (to + 1) & mask
      u32[(address >> 2) + 2 * to] = tag
      u32[(address >> 2) + 2 * to + 1] = u32[(old >> 2) + 2 * i + 1]!
    }
    u32[header + TABLE_HEADER.buckets / 4] = address
    u32[header + TABLE_HEADER.bucketMask / 4] = mask * 8
    if (this.#bucketCount > 0) this.#state.free(old, 8 * this.#bucketCount)
    this.#bucketCount = count
  }

  #rangesEqual(entry: number, key: PackedKey): boolean {
    const { u64 } = this.#state
    const { lowOffset, highOffset, rangeWords } = this.layout
    for (let k = 0; k < rangeWords; k++) {
      if (u64[((entry + lowOffset) >> 3) + k] !== key.low[k]) return false
      if (u64[((entry + highOffset) >> 3) + k] !== key.high[k]) return false
    }
    return true
  }

  #addChunk(): void {
    const last = this.#chunks.at(-1)
    const wanted = this.layout.entryBytes * (last === undefined ? 8 : 2 * last.count)
    const bytes = StateMemory.blockBytes(Math.min(wanted, CHUNK_BYTES_MAX))
    const count = Math.floor(bytes / this.layout.entryBytes)
    const address = this.#state.alloc(bytes)
    this.#chunks.push({ address, count })
    for (let k = count - 1; k >= 0; k--) {
      const entry = address + k * this.layout.entryBytes
      this.#state.u32[(entry + ENTRY.action) >> 2] = ACTION_FREE
      this.#free.push(entry)
    }
  }
}
