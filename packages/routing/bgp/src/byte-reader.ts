/**
 * A cursor over received bytes. Reads past the end return zeros and set `isShort` instead of throwing: a decoder reads
 * a group of fields and then asks once whether they were there.
 */
export class ByteReader {
  readonly bytes: Uint8Array
  offset: number
  readonly end: number
  /** A read went past `end`. */
  isShort = false

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.offset = offset
    this.end = end
  }

  get remaining(): number {
    return this.end - this.offset
  }

  u8(): number {
    if (this.offset + 1 > this.end) return this.#short()
    return this.bytes[this.offset++]!
  }

  u16(): number {
    if (this.offset + 2 > this.end) return this.#short()
    const value = (this.bytes[this.offset]! << 8) | this.bytes[this.offset + 1]!
    this.offset += 2
    return value
  }

  /** Unsigned. */
  u32(): number {
    if (this.offset + 4 > this.end) return this.#short()
    const b = this.bytes
    const at = this.offset
    this.offset += 4
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
  }

  /** A view, not a copy: valid as long as the received buffer is. */
  view(length: number): Uint8Array {
    if (this.offset + length > this.end) {
      this.#short()
      return this.bytes.subarray(this.end, this.end)
    }
    const view = this.bytes.subarray(this.offset, this.offset + length)
    this.offset += length
    return view
  }

  /** A reader over the next `length` bytes, which this one skips. */
  nested(length: number): ByteReader {
    const end = Math.min(this.end, this.offset + length)
    const inner = new ByteReader(this.bytes, this.offset, end)
    if (this.offset + length > this.end) this.#short()
    else this.offset = end
    return inner
  }

  #short(): 0 {
    this.isShort = true
    this.offset = this.end
    return 0
  }
}
