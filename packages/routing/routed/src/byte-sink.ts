/** A growing buffer that integers and bytes are appended to, in network order; emptied and used again. */

export class ByteSink {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#room(1)
    this.#view.setUint8(this.#length, value)
    this.#length += 1
  }

  u16(value: number): void {
    this.#room(2)
    this.#view.setUint16(this.#length, value)
    this.#length += 2
  }

  u32(value: number): void {
    this.#room(4)
    this.#view.setUint32(this.#length, value)
    this.#length += 4
  }

  /** Unsigned 64 bits, from a number below 2^53. */
  u64(value: number): void {
    this.u32(Math.floor(value / 0x1_0000_0000))
    this.u32(value >>> 0)
  }

  bytes(source: Uint8Array, length: number = source.length): void {
    this.#room(length)
    for (let i = 0; i < length; i++) this.#bytes[this.#length + i] = source[i]!
    this.#length += length
  }

  zeros(count: number): void {
    this.#room(count)
    this.#bytes.fill(0, this.#length, this.#length + count)
    this.#length += count
  }

  text(text: string): void {
    this.bytes(new TextEncoder().encode(text))
  }

  /** Writes a length, or another integer that is known only later. */
  setU16(at: number, value: number): void {
    this.#view.setUint16(at, value)
  }

  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value)
  }

  /** A copy of what was written, and the sink is empty. */
  take(): Uint8Array {
    const out = this.#bytes.slice(0, this.#length)
    this.#length = 0
    return out
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
