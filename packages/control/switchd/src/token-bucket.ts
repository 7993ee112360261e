/** A rate limit: `burst` at once, then `ratePerS` a second. */
export class TokenBucket {
  readonly #ratePerS: number
  readonly #burst: number
  #tokens: number
  #filledMs = -Infinity

  constructor(ratePerS: number, burst: number) {
    this.#ratePerS = ratePerS
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes one token. @returns false when there is none. */
  take(nowMs: number): boolean {
    const elapsedMs = nowMs - this.#filledMs
    this.#filledMs = nowMs
    this.#tokens = Math.min(
      this.#burst,
      elapsedMs === Infinity ? this.#burst : this.#tokens + (elapsedMs * this.#ratePerS) / 1000,
    )
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
