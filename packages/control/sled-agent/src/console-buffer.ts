/**
 * What a guest printed on its serial console since boot: the last `capacity` bytes, addressed by their offset since boot, and
 * whoever listens live.
 */

export interface ConsoleRead {
  readonly data: Uint8Array
  /** Offset of the byte after the last one in `data`. */
  readonly endOffset: number
}

export class ConsoleBuffer {
  readonly #ring: Uint8Array
  readonly #listeners = new Set<(bytes: Uint8Array) => void>()
  #written = 0

  constructor(capacity = 256 * 1024) {
    this.#ring = new Uint8Array(capacity)
  }

  /** Bytes printed since boot. */
  get written(): number {
    return this.#written
  }

  write(bytes: Uint8Array): void {
    const size = this.#ring.length
    const tail = bytes.length > size ? bytes.subarray(bytes.length - size) : bytes
    let at = (this.#written + bytes.length - tail.length) % size
    for (const byte of tail) {
      this.#ring[at] = byte
      at = at + 1 === size ? 0 : at + 1
    }
    this.#written += bytes.length
    for (const listener of this.#listeners) listener(bytes)
  }

  /** From `fromOffset` on, at most `maxBytes`; bytes that are no longer kept are skipped. */
  read(fromOffset: number, maxBytes: number): ConsoleRead {
    const size = this.#ring.length
    const start = Math.min(this.#written, Math.max(fromOffset, this.#written - size, 0))
    const end = Math.min(this.#written, start + maxBytes)
    const data = new Uint8Array(end - start)
    for (let i = start; i < end; i++) data[i - start] = this.#ring[i % size]!
    return { data, endOffset: end }
  }

  /** @returns unsubscribe. */
  listen(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** A reboot starts the offsets anew. */
  reset(): void {
    this.#written = 0
  }
}
