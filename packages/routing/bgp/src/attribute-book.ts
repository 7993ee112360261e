/**
 * The attributes that a speaker's peers have sent, each distinct byte string once: peers that tell the same (two reflectors, the spines
 * of one pod) share bytes and sets.
 *
 * Lifetime: counted by the offer books that use an entry. Attributes of internal and external peers are in books of their own, because
 * what is in order differs.
 */
import { grown } from '@lodestone/rib'
import { AttributeSet } from './attribute-set.ts'
import { ByteTable } from './byte-table.ts'

export class AttributeBook {
  readonly #table = new ByteTable()
  readonly #sets: (AttributeSet | undefined)[] = []
  #references = new Int32Array(8)

  /** Distinct attribute strings held. */
  get size(): number {
    return this.#table.size
  }

  /** @returns the number of the bytes, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#table.find(bytes, start, end)
  }

  /** Adds what the last `find` did not find and the last scan was of. Nobody uses it yet. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#table.add(bytes, start, end)
    this.#sets[id] = AttributeSet.scanned(this.#table.pages[id]!, this.#table.offsets[id]!, end - start)
    if (id >= this.#references.length) this.#references = grown(this.#references, this.#references.length * 4)
    this.#references[id] = 0
    return id
  }

  /** Of an entry that is there. */
  set(id: number): AttributeSet {
    return this.#sets[id]!
  }

  retain(id: number): void {
    this.#references[id]!++
  }

  release(id: number): void {
    if (--this.#references[id]! > 0) return
    this.#sets[id] = undefined
    this.#table.remove(id)
  }
}
