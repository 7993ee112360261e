/** The least value of the last one to two windows, in constant space. */

export class SlidingMinimum {
  readonly #windowUs: number
  #current = Infinity
  #previous = Infinity
  #startedAtUs = -Infinity

  constructor(windowUs: number) {
    this.#windowUs = windowUs
  }

  /** Infinity before the first value. */
  get value(): number {
    return Math.min(this.#current, this.#previous)
  }

  add(value: number, nowUs: number): void {
    if (nowUs - this.#startedAtUs >= this.#windowUs) {
      this.#previous = nowUs - this.#startedAtUs >= 2 * this.#windowUs ? Infinity : this.#current
      this.#current = Infinity
      this.#startedAtUs = nowUs
    }
    if (value < this.#current) this.#current = value
  }
}
