/** The records that the traced variant wrote (`TRACE` of `@lodestone/p4`), one after the other. */
import { type Program, type SlotId, TRACE } from '@lodestone/p4'

/** What one run of the traced module left: a packet makes one run, and one more per copy, clone and further round. */
export class TraceReader {
  readonly #words: Uint32Array
  #at: number
  readonly #end: number
  /** Whether the trace area was full, so that the end of the run is missing. */
  readonly isCut: boolean

  /** @param end in words; past the array's end when records did not fit. */
  constructor(words: Uint32Array, start = 0, end = words.length, isCut = false) {
    this.#words = words
    this.#at = start
    this.#end = Math.min(end, words.length)
    this.isCut = isCut
  }

  /** Kind of the next record; 0 at the end. */
  peek(): number {
    return this.#at < this.#end ? this.#words[this.#at]! & 0x3f : 0
  }

  /** The number in the next record's head. */
  get number(): number {
    return this.#words[this.#at]! >>> 16
  }

  /** Word `k` behind the next record's head. */
  word(k: number): number {
    return this.#words[this.#at + 1 + k]!
  }

  /** The value that starts at word `k`. */
  value(k: number, width: number): bigint {
    let value = 0n
    for (let w = Math.ceil(width / 32) - 1; w >= 0; w--) value = (value << 32n) | BigInt(this.word(k + w))
    return value
  }

  skip(): void {
    this.#at += (this.#words[this.#at]! >>> 6) & 0x3ff
  }

  /** Moves on to the next record of this kind and number, if it comes next. */
  accept(kind: number, number?: number): boolean {
    if (this.peek() !== kind || (number !== undefined && this.number !== number)) return false
    this.skip()
    return true
  }

  /** Values of an `enter` record, which must be next. */
  enterValues(program: Program, slots: readonly SlotId[]): bigint[] {
    if (this.peek() !== TRACE.enter) return []
    let at = 3
    return slots.map((slot) => {
      const { width } = program.slots[slot]!
      const value = this.value(at, width)
      at += Math.ceil(width / 32)
      return value
    })
  }
}
