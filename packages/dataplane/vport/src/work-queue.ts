/** Frames that wait, each with the port it concerns (`undefined`: the underlay). First in, first out; arrays are reused. */
export class WorkQueue<P> {
  #slots = new Int32Array(64)
  #ports: (P | undefined)[] = []
  #head = 0
  #count = 0

  get isEmpty(): boolean {
    return this.#head === this.#count
  }

  push(port: P | undefined, slot: number): void {
    if (this.#count === this.#slots.length) {
      const larger = new Int32Array(this.#count * 2)
      larger.set(this.#slots)
      this.#slots = larger
    }
    this.#slots[this.#count] = slot
    this.#ports[this.#count++] = port
  }

  /** The port of the first item; ask before `take`. */
  get port(): P | undefined {
    return this.#ports[this.#head]
  }

  /** Removes the first item. @returns its slot. The queue must not be empty. */
  take(): number {
    const slot = this.#slots[this.#head]!
    this.#ports[this.#head++] = undefined
    if (this.#head === this.#count) {
      this.#head = 0
      this.#count = 0
    }
    return slot
  }

  /** How many items there are now. */
  get length(): number {
    return this.#count - this.#head
  }
}
