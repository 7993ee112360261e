/**
 * Controlled delay (RFC 8289 §5): a frame that waited longer than the target is dropped, once waiting has been too long for a
 * whole interval, and then more and more often until it is short again. Pure: time and waits are given.
 */

export class Codel {
  readonly #targetMs: number
  readonly #intervalMs: number
  #firstAboveMs = 0
  #dropNextMs = 0
  #count = 0
  #lastCount = 0
  #isDropping = false

  constructor(targetMs = 5, intervalMs = 100) {
    this.#targetMs = targetMs
    this.#intervalMs = intervalMs
  }

  get isDropping(): boolean {
    return this.#isDropping
  }

  /**
   * Whether the frame at the head has to go; asked again for the one behind it.
   * @param waitMs of the frame; @param backlogBytes with it; below one full frame the queue is never too long (§4.4).
   * @param isFirst for the first frame of a departure.
   */
  shouldDrop(nowMs: number, waitMs: number, backlogBytes: number, isFirst: boolean): boolean {
    const isTooLong = this.#isTooLong(nowMs, waitMs, backlogBytes)
    if (this.#isDropping) {
      if (!isTooLong) {
        this.#isDropping = false
        return false
      }
      if (nowMs < this.#dropNextMs) return false
      this.#count++
      this.#dropNextMs = this.#controlLaw(this.#dropNextMs)
      return true
    }
    if (!isFirst || !isTooLong) return false
    this.#isDropping = true
    // RFC 8289 §5.5: after a short break, go on nearly where it left off.
    const recent = this.#count - this.#lastCount
    const isRecent = nowMs - this.#dropNextMs < 16 * this.#intervalMs
    this.#count = recent > 1 && isRecent ? recent : 1
    this.#dropNextMs = this.#controlLaw(nowMs)
    this.#lastCount = this.#count
    return true
  }

  /** The queue has run empty. */
  onEmpty(): void {
    this.#firstAboveMs = 0
    this.#isDropping = false
  }

  #isTooLong(nowMs: number, waitMs: number, backlogBytes: number): boolean {
    if (waitMs < this.#targetMs || backlogBytes <= 1514) {
      this.#firstAboveMs = 0
      return false
    }
    if (this.#firstAboveMs === 0) {
      this.#firstAboveMs = nowMs + this.#intervalMs
      return false
    }
    return nowMs >= this.#firstAboveMs
  }

  #controlLaw(fromMs: number): number {
    return fromMs + this.#intervalMs / Math.sqrt(this.#count)
  }
}
