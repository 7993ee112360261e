/**
 * The tuples of one table: the combinations of masks that its entries have, each with the ranks of those entries. Lookups
 * go through the list of them in memory 1, best rank first and, in longest-prefix tables, by class of lengths
 * (`TUPLE`, `GuideLayout` of `@lodestone/p4`). Tables whose entries all have the same masks have one tuple and no list.
 *
 * A write costs O(number of tuples) when a combination appears or vanishes or the best rank of one changes, else nothing.
 */
import { LENGTH_CLASSES, TABLE_HEADER, type TableLayout, TUPLE } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'
import type { PackedKey } from './packed-key.ts'
import type { PrefixGuide } from './prefix-guide.ts'
import { RankList } from './rank-list.ts'

export interface Tuple {
  readonly id: number
  readonly masks: BigUint64Array<ArrayBuffer>
  /** The masks once more: comparing them makes no BigInts. */
  readonly maskWords: Uint32Array<ArrayBuffer>
  /** Of the prefix key, in tables of shape lpm. */
  readonly prefixLength: number
  readonly ranks: RankList
  count: number
  /** As written in the list. */
  rank: number
}

/** Lists of tuples by a hash of their masks: a fixed number, as a `Map` would rehash all of them at once. */
const BUCKETS_LOG2 = 10

export class TupleList {
  readonly #layout: TableLayout
  readonly #state: StateMemory
  readonly #guide: PrefixGuide | undefined
  readonly #isListed: boolean
  #buckets: (Tuple[] | undefined)[] = []
  #byId: (Tuple | undefined)[] = []
  #freeIds: number[] = []
  /** As in memory. */
  #order: Tuple[] = []
  #capacity = 0

  constructor(layout: TableLayout, state: StateMemory, guide: PrefixGuide | undefined) {
    this.#layout = layout
    this.#state = state
    this.#guide = guide
    this.#isListed = layout.shape === 'lpm' || layout.shape === 'general'
  }

  /** Whether entries differ in what their masks are. */
  get isListed(): boolean {
    return this.#isListed
  }

  get length(): number {
    return this.#order.length
  }

  byId(id: number): Tuple {
    return this.#byId[id]! // because entries name tuples that have entries
  }

  find(key: PackedKey): Tuple | undefined {
    if (!this.#isListed) return this.#byId[0]
    return this.#buckets[bucketOf(key.maskWords)]?.find((tuple) => areEqual(tuple.maskWords, key.maskWords))
  }

  /** For one more entry with these masks. */
  enter(key: PackedKey, rank: number): Tuple {
    const tuple = this.find(key) ?? this.#make(key)
    tuple.count++
    if (!this.#isListed) return tuple
    tuple.ranks.add(rank)
    this.#write(tuple)
    return tuple
  }

  /** An entry of a tuple went. */
  leave(tuple: Tuple, rank: number): void {
    tuple.count--
    if (!this.#isListed) return
    tuple.ranks.remove(rank)
    if (tuple.count === 0) {
      const bucket = this.#buckets[bucketOf(tuple.maskWords)]!
      bucket.splice(bucket.indexOf(tuple), 1)
      this.#byId[tuple.id] = undefined
      this.#freeIds.push(tuple.id)
    }
    this.#write(tuple)
  }

  clear(): void {
    this.#buckets = []
    this.#byId = []
    this.#freeIds = []
    this.#order = []
    this.#state.u32[(this.#layout.header + TABLE_HEADER.tupleCount) >> 2] = 0
    this.#writeClasses()
  }

  #make({ masks, maskWords, prefixLength }: PackedKey): Tuple {
    const id = this.#freeIds.pop() ?? this.#byId.length
    const own = masks.slice()
    const tuple: Tuple = {
      id,
      masks: own,
      maskWords: new Uint32Array(own.buffer),
      prefixLength,
      ranks: new RankList(),
      count: 0,
      rank: -Infinity,
    }
    this.#byId[id] = tuple
    if (this.#isListed) (this.#buckets[bucketOf(maskWords)] ??= []).push(tuple)
    return tuple
  }

  /** Brings the list up to date after `changed` gained or lost an entry. */
  #write(changed: Tuple): void {
    const { tupleBytes, header } = this.#layout
    const rank = changed.count === 0 ? -Infinity : changed.ranks.max()!
    if (rank === changed.rank) return
    const order = this.#order
    // In descending order of rank, then ascending of id; only what lies between the old and the new place moves.
    const before = changed.rank === -Infinity ? -1 : placeOf(order, changed)
    if (before >= 0) order.splice(before, 1)
    changed.rank = rank
    let after = -1
    if (rank !== -Infinity) {
      after = placeOf(order, changed)
      order.splice(after, 0, changed)
    }
    const list = this.#reserve()
    const { u32, i32, u64, bytes } = this.#state
    const move = (from: number, to: number, count: number): void => {
      bytes.copyWithin(list + to * tupleBytes, list + from * tupleBytes, list + (from + count) * tupleBytes)
    }
    const countWord = (header + TABLE_HEADER.tupleCount) >> 2
    const length = u32[countWord]!
    if (before < 0) move(after, after + 1, length - after)
    else if (after < 0) move(before + 1, before, length - before - 1)
    else if (after < before) move(after, after + 1, before - after)
    else move(before + 1, before, after - before)
    if (after >= 0) {
      const at = list + after * tupleBytes
      i32[(at + TUPLE.rank) >> 2] = changed.rank
      u32[(at + TUPLE.id) >> 2] = changed.id
      u64.set(changed.masks, (at + TUPLE.masks) >> 3)
    }
    u32[countWord] = order.length
    this.#writeClasses()
  }

  /** @returns the address of the list, with room for all tuples. */
  #reserve(): number {
    const { tupleBytes, header } = this.#layout
    const word = (header + TABLE_HEADER.tuples) >> 2
    const old = this.#state.u32[word]!
    if (this.#order.length <= this.#capacity) return old
    const capacity = Math.max(8, 2 * this.#capacity)
    const address = this.#state.alloc(capacity * tupleBytes)
    if (this.#capacity > 0) {
      this.#state.bytes.copyWithin(address, old, old + this.#capacity * tupleBytes)
      this.#state.free(old, this.#capacity * tupleBytes)
    }
    this.#capacity = capacity
    this.#state.u32[word] = address
    return address
  }

  /** Where each class of lengths begins in the list. */
  #writeClasses(): void {
    const guide = this.#guide
    const layout = this.#layout.guide
    if (guide === undefined || layout === undefined) return
    const { u32 } = this.#state
    const { tupleBytes, header } = this.#layout
    const list = u32[(header + TABLE_HEADER.tuples) >> 2]!
    let at = 0
    for (let lengthClass = 0; lengthClass <= LENGTH_CLASSES; lengthClass++) {
      while (at < this.#order.length && guide.classOf(this.#order[at]!.prefixLength) < lengthClass) at++
      u32[(layout.classes >> 2) + lengthClass] = list + at * tupleBytes
    }
  }
}

/** Where a tuple is or goes in a list in descending order of rank, then ascending of id. */
function placeOf(order: readonly Tuple[], tuple: Tuple): number {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >> 1
    const other = order[middle]!
    if (other.rank > tuple.rank || (other.rank === tuple.rank && other.id < tuple.id)) low = middle + 1
    else high = middle
  }
  return low
}

function bucketOf(maskWords: Uint32Array): number {
  let hash = 0
  for (let k = 0; k < maskWords.length; k++) {
    hash = Math.imul(hash ^ maskWords[k]!, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return Math.imul(hash, 0x9e3779b1) >>> (32 - BUCKETS_LOG2)
}

function areEqual(a: Uint32Array, b: Uint32Array): boolean {
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false
  return true
}
