/** A queue of numbers in a ring that grows: first in, first out, no allocation per entry. */
export class NumberQueue {
  #ring = new Int32Array(16)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(value: number): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size++) & (this.#ring.length - 1)] = value
  }

  /** The oldest; only when `size` is not 0. */
  shift(): number {
    const value = this.#ring[this.#head]!
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    // A queue that was long once gives its memory back when it is empty.
    if (--this.#size === 0 && this.#ring.length > 65_536) {
      this.#ring = new Int32Array(256)
      this.#head = 0
    }
    return value
  }

  #grow(): void {
    const ring = new Int32Array(this.#ring.length * 4)
    ring.set(this.#ring.subarray(this.#head))
    ring.set(this.#ring.subarray(0, this.#head), this.#ring.length - this.#head)
    this.#ring = ring
    this.#head = 0
  }
}
