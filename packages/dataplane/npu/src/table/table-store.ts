/**
 * The control plane of one table: writes the structures in memory 1 that the generated lookup reads. Each operation is
 * one synchronous call, and the packet path runs between operations only, so it sees a write whole or not at all.
 *
 * Entries never move: the buckets of the hash hold their addresses, and a chain links entries that share a masked key
 * (see `lookup-code` of `@lodestone/p4`). The hash is extendible: a full segment is split in two, and nothing else moves,
 * so no write takes long however large the table is. Where a new combination of masks appears or the best rank of one
 * changes, moving it in the tuple list is O(number of combinations).
 */
import { ACTION_FREE, type BoundAction, CELL, ENTRY, TABLE_HEADER, type TableLayout } from '@lodestone/p4'
import { StateMemory } from '../state-memory.ts'
import { HashDirectory } from './hash-directory.ts'
import { type PackedKey, swapped } from './packed-key.ts'
import { PrefixGuide } from './prefix-guide.ts'
import { TupleList } from './tuple-list.ts'

const CHUNK_BYTES_MAX = 1 << 20

export class TableStore {
  readonly layout: TableLayout
  readonly #state: StateMemory
  readonly #hashKey: number
  readonly #hash: () => number
  readonly #directory: HashDirectory | undefined
  readonly #guide: PrefixGuide | undefined
  readonly #tuples: TupleList
  /** Where entries are, oldest chunk first; of the last one in use only the first `#fresh` were ever given out. */
  readonly #chunks: { readonly address: number; readonly count: number }[] = []
  #chunk = -1
  #fresh = 0
  /** Removed entries, linked by `ENTRY.next`; 0 at the end. */
  #free = 0
  #count = 0
  #sequence = 0
  /** Entries with a lower sequence number went with `clear`. */
  #firstSequence = 0
  /** Key words of an entry at hand. */
  readonly #words: BigUint64Array<ArrayBuffer>

  /**
   * @param hashKey where `hash` reads a key from (`Layout.hashKey`).
   * @param hash the table's exported hash function.
   */
  constructor(layout: TableLayout, state: StateMemory, hashKey: number, hash: () => number) {
    this.layout = layout
    this.#state = state
    this.#hashKey = hashKey
    this.#hash = hash
    this.#words = new BigUint64Array(layout.words)
    if (layout.shape !== 'always' && layout.direct === undefined)
      this.#directory = new HashDirectory(layout.header, state)
    if (layout.guide !== undefined) this.#guide = new PrefixGuide(layout.guide, layout.header, state)
    this.#tuples = new TupleList(layout, state, this.#guide)
    this.#renew()
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
    const tuple = this.#tuples.find(key)
    if (tuple === undefined) return 0
    const { u32, i32 } = this.#state
    for (let entry = this.#chain(key, tuple.id); entry !== 0; entry = u32[(entry + ENTRY.next) >> 2]!) {
      if (rank !== undefined) {
        const seen = i32[(entry + ENTRY.rank) >> 2]!
        if (seen > rank) continue
        if (seen < rank) return 0
      }
      if (this.#rangesEqual(entry, key)) return entry
    }
    return 0
  }

  /** The key must not be present. @returns the new entry's address. */
  insert(key: PackedKey, rank: number, action: BoundAction): number {
    const entry = this.#takeEntry()
    const tuple = this.#tuples.enter(key, rank)
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
    this.#guide?.update(key.words, tuple.prefixLength, 1, this.#tuples.length)
    this.#renew()
    return entry
  }

  remove(entry: number): void {
    const { u32, i32 } = this.#state
    const tuple = this.#tuples.byId(u32[(entry + ENTRY.tuple) >> 2]!)
    const words = this.#keyWords(entry)
    this.#unlink(entry, words, tuple.id)
    this.#guide?.update(words, tuple.prefixLength, -1, this.#tuples.length)
    this.#tuples.leave(tuple, i32[(entry + ENTRY.rank) >> 2]!)
    u32[(entry + ENTRY.action) >> 2] = ACTION_FREE
    u32[(entry + ENTRY.next) >> 2] = this.#free
    this.#free = entry
    this.#count--
    this.#renew()
  }

  clear(): void {
    this.#renew()
    this.#chunk = this.#chunks.length === 0 ? -1 : 0
    this.#fresh = 0
    this.#free = 0
    this.#count = 0
    this.#firstSequence = this.#sequence
    this.#tuples.clear()
    this.#guide?.clear()
    this.#directory?.clear()
    const { direct } = this.layout
    if (direct !== undefined) this.#state.u32.fill(0, direct.address >> 2, (direct.address >> 2) + direct.count)
  }

  /** Live entries, oldest first. @param max any so many of them */
  addresses(max = Infinity): number[] {
    const { u32 } = this.#state
    const found: number[] = []
    for (let chunk = 0; chunk <= this.#chunk; chunk++) {
      const { address, count } = this.#chunks[chunk]!
      const used = chunk === this.#chunk ? this.#fresh : count
      for (let k = 0; k < used && found.length < max; k++) {
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
    this.layout.parameters[action.action]!.forEach(({ offset, width, isSwapped }, k) => {
      const value = action.parameters[k]!
      const at = entry + offset
      if (width <= 64) {
        const word = isSwapped ? swapped(value, width) : value
        if (width <= 32) u32[at >> 2] = Number(word)
        else u64[at >> 3] = word
        return
      }
      for (let w = 0; 64 * w < width; w++) {
        const word = BigInt.asUintN(64, value >> BigInt(64 * w))
        u64[(at >> 3) + w] = isSwapped ? swapped(word, 64) : word
      }
    })
  }

  readAction(entry: number): BoundAction {
    const { u32, u64 } = this.#state
    const action = u32[(entry + ENTRY.action) >> 2]!
    const parameters = this.layout.parameters[action]!.map(({ offset, width, isSwapped }) => {
      const at = entry + offset
      if (width <= 64) {
        const word = width <= 32 ? BigInt(u32[at >> 2]!) : u64[at >> 3]!
        return isSwapped ? swapped(word, width) : word
      }
      let value = 0n
      for (let w = 0; 64 * w < width; w++) {
        const word = u64[(at >> 3) + w]!
        value |= (isSwapped ? swapped(word, 64) : word) << BigInt(64 * w)
      }
      return value
    })
    return { action, parameters }
  }

  /** What `readAction` gives, if the entry is still the one with this sequence number. */
  bound(entry: number, sequence: number): BoundAction | undefined {
    const { u32 } = this.#state
    // The default entry is none that `clear` takes away.
    const isKept = entry === this.layout.defaultEntry || sequence >= this.#firstSequence
    const isLive = u32[(entry + ENTRY.action) >> 2] !== ACTION_FREE && isKept
    const isSame = (u32[(entry + ENTRY.sequence) >> 2]! & 0x7fffffff) === sequence
    return isLive && isSame ? this.readAction(entry) : undefined
  }

  /** Action of a group's member as it is now; undefined where the record has gone and its memory is something else. */
  member(record: number): BoundAction | undefined {
    const action = this.#state.u32[(record + ENTRY.action) >> 2]!
    return action < this.layout.parameters.length ? this.readAction(record) : undefined
  }

  readKey(entry: number): PackedKey {
    const { layout } = this
    const { u32, u64 } = this.#state
    const { masks, maskWords } = this.#tuples.byId(u32[(entry + ENTRY.tuple) >> 2]!)
    const slice = (offset: number, count: number) => u64.slice((entry + offset) >> 3, ((entry + offset) >> 3) + count)
    return {
      words: slice(layout.keyOffset, layout.words),
      masks,
      maskWords,
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

  #tag(words: BigUint64Array, tuple: number): number {
    const { u32, u64 } = this.#state
    u32[this.#hashKey >> 2] = tuple
    u64.set(words, (this.#hashKey + 8) >> 3)
    return this.#hash() >>> 0
  }

  /**
   * Word index of the bucket that holds the chain, or of the empty bucket where it would go; the word behind it holds the
   * first entry's address, in direct tables too.
   */
  #bucket(words: BigUint64Array, tuple: number, tag: number): number {
    const { u32, u64 } = this.#state
    const { keyOffset, direct } = this.layout
    if (direct !== undefined) return (direct.address >> 2) + Number(words[0]!) - 1
    const segment = this.#directory!.segment(tag)
    for (let i = HashDirectory.home(tag); ; i = HashDirectory.next(i)) {
      const at = segment + 2 * i
      const seen = u32[at]!
      if (seen === 0) return at
      if (seen !== tag) continue
      const entry = u32[at + 1]!
      if (this.#tuples.isListed && u32[(entry + ENTRY.tuple) >> 2] !== tuple) continue
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
    const at = this.#bucket(key.words, tuple, tag)
    if (this.#directory === undefined) {
      this.#state.u32[at + 1] = entry
      return
    }
    if (this.#state.u32[at] === 0) return this.#directory.insert(tag, entry)
    // Behind every entry of the same or a higher rank: those are older.
    const { u32, i32 } = this.#state
    const rank = i32[(entry + ENTRY.rank) >> 2]!
    let link = at + 1
    while (u32[link] !== 0 && i32[(u32[link]! + ENTRY.rank) >> 2]! >= rank) link = (u32[link]! + ENTRY.next) >> 2
    u32[(entry + ENTRY.next) >> 2] = u32[link]!
    u32[link] = entry
  }

  #unlink(entry: number, words: BigUint64Array, tuple: number): void {
    const { u32 } = this.#state
    const tag = this.#tag(words, tuple)
    const at = this.#bucket(words, tuple, tag)
    const next = u32[(entry + ENTRY.next) >> 2]!
    if (u32[at + 1] !== entry) {
      let link = (u32[at + 1]! + ENTRY.next) >> 2
      while (u32[link] !== entry) link = (u32[link]! + ENTRY.next) >> 2
      u32[link] = next
    } else if (next !== 0) {
      u32[at + 1] = next
    } else if (this.#directory === undefined) {
      u32[at + 1] = 0
    } else {
      this.#directory.vacate(tag, at)
    }
  }

  /** Valid until the next call. */
  #keyWords(entry: number): BigUint64Array {
    const { u64 } = this.#state
    const key = (entry + this.layout.keyOffset) >> 3
    for (let k = 0; k < this.#words.length; k++) this.#words[k] = u64[key + k]!
    return this.#words
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

  /** What flows remember of tables holds no longer. */
  #renew(): void {
    const stamp = this.#state.stamp()
    const at = CELL.tablesVersion >> 2
    this.#state.u32[at] = stamp >>> 0
    this.#state.u32[at + 1] = Math.floor(stamp / 2 ** 32)
  }

  /** An entry that is not in use. */
  #takeEntry(): number {
    const { u32 } = this.#state
    if (this.#free !== 0) {
      const entry = this.#free
      this.#free = u32[(entry + ENTRY.next) >> 2]!
      return entry
    }
    if (this.#chunk < 0 || this.#fresh === this.#chunks[this.#chunk]!.count) {
      if (this.#chunk === this.#chunks.length - 1) this.#addChunk()
      this.#chunk++
      this.#fresh = 0
    }
    return this.#chunks[this.#chunk]!.address + this.#fresh++ * this.layout.entryBytes
  }

  #addChunk(): void {
    const { entryBytes } = this.layout
    const last = this.#chunks.at(-1)
    const wanted = Math.min(last === undefined ? 8 * entryBytes : 2 * entryBytes * last.count, CHUNK_BYTES_MAX)
    const bytes = StateMemory.blockBytes(Math.max(wanted, entryBytes))
    this.#chunks.push({ address: this.#state.alloc(bytes), count: Math.floor(bytes / entryBytes) })
  }
}
