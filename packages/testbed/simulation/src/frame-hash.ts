/** A rolling 64-bit hash of all that happens on the wires: two independent 32-bit lanes, because BigInt would cost more than the rest. */

export class FrameHash {
  #low = 0x811c9dc5
  #high = 0x1b873593
  frames = 0

  /** @param atMs of the event; its bits count, so a frame that comes a nanosecond later is another one. */
  add(place: number, atMs: number, bytes: Uint8Array): void {
    this.frames++
    let low = Math.imul(this.#low ^ place ^ (atMs * 4096), 0x01000193)
    let high = Math.imul(this.#high ^ bytes.length ^ (atMs * 1e6), 0x85ebca6b)
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!
      low = Math.imul(low ^ byte, 0x01000193)
      high = (Math.imul(high, 31) + byte) | 0
    }
    this.#low = low ^ (high >>> 15)
    this.#high = high ^ (low >>> 13)
  }

  addText(text: string): void {
    for (let i = 0; i < text.length; i++) {
      this.#low = Math.imul(this.#low ^ text.charCodeAt(i), 0x01000193)
      this.#high = (Math.imul(this.#high, 31) + text.charCodeAt(i)) | 0
    }
  }

  digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }
}
