/**
 * The guide of a longest-prefix table: for every value of the key's first bits, which classes of prefix lengths have an
 * entry under it, as a u64 whose bit c is class c (see `GuideLayout` of `@lodestone/p4`). A prefix that is shorter than the
 * first bits stands under all the values that it covers; one that covers more than `COVER_MAX` counts as being everywhere.
 */
import { type GuideLayout, LENGTH_CLASSES, TABLE_HEADER } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

/** Values that one prefix is entered under; bounds the cost of a write. */
const COVER_LOG2_MAX = 8
/** Values whose counts are kept together. */
const PAGE_VALUES = 1024
/** As long as there are no more tuples than this, looking at all of them is as fast as asking. */
const TUPLES_MIN = 2

export class PrefixGuide {
  readonly #layout: GuideLayout
  readonly #header: number
  readonly #state: StateMemory
  /**
   * Entries by class and value, in pages that are made when the first entry comes: a `Map` of so many would have to rehash
   * them all at once when it grows or shrinks.
   */
  readonly #pages: (Uint32Array<ArrayBuffer> | undefined)[]
  /** By class, those that count as being everywhere. */
  readonly #everywhere = new Uint32Array(LENGTH_CLASSES)
  #address = 0

  constructor(layout: GuideLayout, header: number, state: StateMemory) {
    this.#layout = layout
    this.#header = header
    this.#state = state
    this.#pages = Array.from({ length: LENGTH_CLASSES * this.#pagesPerClass })
    this.#writeAlways()
  }

  classOf(length: number): number {
    return Math.min(LENGTH_CLASSES - 1, (this.#layout.width - length) >> this.#layout.classShift)
  }

  /** After an entry with this masked key came (`change` 1) or went (-1). */
  update(words: BigUint64Array, length: number, change: 1 | -1, tuples: number): void {
    const { word, shift, bits, isSwapped } = this.#layout
    const lengthClass = this.classOf(length)
    const free = Math.max(0, bits - length)
    if (bits === 0 || free > COVER_LOG2_MAX) {
      this.#everywhere[lengthClass]! += change
    } else {
      const lowest = Number((words[word]! >> BigInt(shift)) & BigInt(2 ** bits - 1))
      const first = isSwapped ? ((lowest & 0xff) << 8) | (lowest >> 8) : lowest
      for (let value = first; value < first + 2 ** free; value++) this.#count(value, lengthClass, change)
    }
    if (this.#address === 0 && bits > 0 && tuples > TUPLES_MIN) this.#make()
    this.#writeAlways()
  }

  clear(): void {
    this.#pages.fill(undefined)
    this.#everywhere.fill(0)
    const words = 2 * 2 ** this.#layout.bits
    if (this.#address !== 0) this.#state.u32.fill(0, this.#address >> 2, (this.#address >> 2) + words)
    this.#writeAlways()
  }

  get #pagesPerClass(): number {
    return Math.ceil(2 ** this.#layout.bits / PAGE_VALUES)
  }

  #count(value: number, lengthClass: number, change: number): void {
    const at = lengthClass * this.#pagesPerClass + Math.floor(value / PAGE_VALUES)
    const page = (this.#pages[at] ??= new Uint32Array(PAGE_VALUES))
    const count = page[value % PAGE_VALUES]! + change
    page[value % PAGE_VALUES] = count
    if (count === 0 || (count === 1 && change === 1)) this.#mark(value, lengthClass, count > 0)
  }

  #mark(value: number, lengthClass: number, isSet: boolean): void {
    if (this.#address === 0) return
    const { u32 } = this.#state
    const at = (this.#address >> 2) + 2 * value + (lengthClass >> 5)
    if (isSet) u32[at]! |= 1 << (lengthClass & 31)
    else u32[at]! &= ~(1 << (lengthClass & 31))
  }

  /** There are enough lengths for the guide to pay. */
  #make(): void {
    this.#address = this.#state.alloc(8 * 2 ** this.#layout.bits)
    for (const [index, page] of this.#pages.entries()) {
      if (page === undefined) continue
      const lengthClass = Math.floor(index / this.#pagesPerClass)
      const first = PAGE_VALUES * (index % this.#pagesPerClass)
      for (let k = 0; k < PAGE_VALUES; k++) if (page[k]! > 0) this.#mark(first + k, lengthClass, true)
    }
    this.#state.u32[(this.#header + TABLE_HEADER.guide) >> 2] = this.#address
  }

  #writeAlways(): void {
    const { u32 } = this.#state
    const at = (this.#header + TABLE_HEADER.always) >> 2
    let low = 0
    let high = 0
    for (let k = 0; k < 32; k++) {
      if (this.#everywhere[k]! > 0) low |= 1 << k
      if (this.#everywhere[k + 32]! > 0) high |= 1 << k
    }
    const isMissing = this.#address === 0
    u32[at] = isMissing ? 0xffffffff : low
    u32[at + 1] = isMissing ? 0xffffffff : high
  }
}
