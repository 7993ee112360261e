/**
 * Stream bytes addressed by position: [base, base + size) of an endless stream in a circular buffer. It starts empty
 * and doubles as it is written to, up to its limit. When everything has been released its memory goes to whoever writes next, so
 * that an idle connection costs nothing; one that is busy, and drained all the time, gets as much again at once.
 */

const SMALLEST = 4096
/** Of each size; the rest is given to the garbage collector. */
const MOST_KEPT_BYTES = 4 << 20

/** Buffers that no ring uses, by the logarithm of their size. */
const kept: Uint8Array<ArrayBuffer>[][] = []

function takeBuffer(length: number): Uint8Array<ArrayBuffer> {
  return kept[31 - Math.clz32(length)]?.pop() ?? new Uint8Array(length)
}

function keepBuffer(bytes: Uint8Array<ArrayBuffer>): void {
  const shelf = (kept[31 - Math.clz32(bytes.length)] ??= [])
  if ((shelf.length + 1) * bytes.length <= MOST_KEPT_BYTES) shelf.push(bytes)
}

export class ByteRing {
  /** Positions below this are gone. */
  base: number
  readonly limitBytes: number
  #bytes: Uint8Array<ArrayBuffer> | undefined
  #mask = 0
  /** Nothing has been written from here on. */
  #end: number
  /** The most bytes it has had to hold since it was empty. */
  #peak = 0
  /** The same of the time before that: so much is taken at once when the next byte comes. */
  #lastPeak = SMALLEST

  /** @param limitBytes how far past `base` may be written; rounded up to a power of two. */
  constructor(base: number, limitBytes: number) {
    this.base = base
    this.#end = base
    this.limitBytes = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(limitBytes)))
  }

  /** Copies `length` bytes of `source` to `position`, which must lie within the limit. */
  write(position: number, source: Uint8Array, from: number, length: number): void {
    const bytes = this.#reserve(position + length - this.base)
    if (position + length > this.#end) this.#end = position + length
    const at = position & this.#mask
    const first = Math.min(length, bytes.length - at)
    copy(source, from, bytes, at, first)
    if (first < length) copy(source, from + first, bytes, 0, length - first)
  }

  /** Copies `length` bytes from `position` to `target`. They must have been written. */
  read(position: number, target: Uint8Array, to: number, length: number): void {
    const bytes = this.#bytes!
    const at = position & this.#mask
    const first = Math.min(length, bytes.length - at)
    copy(bytes, at, target, to, first)
    if (first < length) copy(bytes, 0, target, to + first, length - first)
  }

  /** Frees positions below `position`. */
  release(position: number): void {
    if (position <= this.base) return
    this.base = position
    if (position >= this.#end) this.discard()
  }

  /** Gives the memory back; nothing may be read afterwards. */
  discard(): void {
    if (this.#bytes === undefined) return
    keepBuffer(this.#bytes)
    this.#bytes = undefined
    this.#lastPeak = this.#peak
    this.#peak = 0
  }

  #reserve(size: number): Uint8Array<ArrayBuffer> {
    if (size > this.#peak) this.#peak = size
    const old = this.#bytes
    if (old !== undefined && size <= old.length) return old
    let length = old?.length ?? SMALLEST
    const wanted = old === undefined ? Math.max(size, this.#lastPeak) : size
    while (length < wanted) length *= 2
    if (length > this.limitBytes) throw new Error(`a ring of ${this.limitBytes} bytes cannot hold ${size}`)
    const grown = takeBuffer(length)
    this.#bytes = grown
    const oldMask = this.#mask
    this.#mask = length - 1
    if (old !== undefined) {
      // Positions keep their meaning, so each half of the old circle moves to where the new mask puts it.
      const at = this.base & oldMask
      const first = old.length - at
      this.write(this.base, old, at, first)
      this.write(this.base + first, old, 0, at)
      keepBuffer(old)
    }
    return grown
  }
}

/** `set` on a fresh view costs more than the copy for short pieces, but they are rare here. */
function copy(source: Uint8Array, from: number, target: Uint8Array, to: number, length: number): void {
  if (length > 0) target.set(source.subarray(from, from + length), to)
}
