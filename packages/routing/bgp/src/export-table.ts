/**
 * What routes are told to a group of peers as: encoded attributes, next hop and where the route came from, interned to numbers. Number 0
 * stands for "not told".
 *
 * Lifetime: counted by the routes that have been told so. A number that is free may be given out again with another serial.
 */
import { grown } from '@lodestone/rib'
import { ByteTable } from './byte-table.ts'

/** After the attributes: next hop (empty when it is among them), its length, family, and the number of the adjacency. */
const TRAILER = 4

export class ExportTable {
  readonly #table = new ByteTable()
  #references = new Int32Array(64)
  /** By number. */
  serials = new Float64Array(64)
  /** Number of the adjacency that the route came from, 0 for our own. */
  sources = new Uint16Array(64)
  #nextSerial = 1
  #scratch = new Uint8Array(8192)

  /** Where `intern` wants the attributes: the caller writes them from 0. */
  get scratch(): Uint8Array {
    return this.#scratch
  }

  get size(): number {
    return this.#table.size
  }

  /**
   * @param length of the attributes in `scratch`.
   * @param nextHop for MP_REACH_NLRI; empty when NEXT_HOP is among the attributes.
   */
  intern(length: number, nextHop: Uint8Array, family: 4 | 6, sourceId: number): number {
    const key = this.#scratch
    let end = length
    for (const byte of nextHop) key[end++] = byte
    key[end++] = nextHop.length
    key[end++] = family
    key[end++] = sourceId >>> 8
    key[end++] = sourceId
    const known = this.#table.find(key, 0, end)
    if (known >= 0) return known + 1
    const id = this.#table.add(key, 0, end) + 1
    if (id >= this.#references.length) {
      const capacity = this.#references.length * 2
      this.#references = grown(this.#references, capacity)
      this.serials = grown(this.serials, capacity)
      this.sources = grown(this.sources, capacity)
    }
    this.#references[id] = 0
    this.serials[id] = this.#nextSerial++
    this.sources[id] = sourceId
    return id
  }

  /** The same entry of another table, here. */
  adopt(other: ExportTable, id: number): number {
    const page = other.page(id)
    const offset = other.offset(id)
    const length = other.attributesLength(id)
    const hopLength = other.nextHopLength(id)
    this.#scratch.set(page.subarray(offset, offset + length))
    const nextHop = page.slice(offset + length, offset + length + hopLength)
    return this.intern(length, nextHop, other.family(id), other.sources[id]!)
  }

  /** Whether two numbers stand for the same words, whoever they came from. */
  isSameTelling(a: number, b: number): boolean {
    const { pages, offsets, lengths } = this.#table
    const length = lengths[a - 1]!
    if (length !== lengths[b - 1]) return false
    const pageA = pages[a - 1]!
    const pageB = pages[b - 1]!
    const offsetA = offsets[a - 1]!
    const offsetB = offsets[b - 1]!
    // The source is last.
    for (let i = 0; i < length - 2; i++) if (pageA[offsetA + i] !== pageB[offsetB + i]) return false
    return true
  }

  retain(id: number): void {
    this.#references[id]!++
  }

  release(id: number): void {
    if (--this.#references[id]! > 0) return
    this.serials[id] = 0
    this.#table.remove(id - 1)
  }

  page(id: number): Uint8Array {
    return this.#table.pages[id - 1]!
  }

  offset(id: number): number {
    return this.#table.offsets[id - 1]!
  }

  nextHopLength(id: number): number {
    return this.page(id)[this.offset(id) + this.#table.lengths[id - 1]! - TRAILER]!
  }

  family(id: number): 4 | 6 {
    return this.page(id)[this.offset(id) + this.#table.lengths[id - 1]! - TRAILER + 1] === 6 ? 6 : 4
  }

  /** Length of the attributes, which begin at `offset`; the next hop follows them. */
  attributesLength(id: number): number {
    return this.#table.lengths[id - 1]! - TRAILER - this.nextHopLength(id)
  }
}
