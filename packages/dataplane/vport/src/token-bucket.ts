/**
 * A token bucket: so many a second on average, so many at once. Time is what callers say it is; it starts full.
 */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Whether `take` would succeed. */
  has(count: number, nowMs: number): boolean {
    return this.#at(nowMs) >= count
  }

  /** Takes tokens if there are enough. No allocation. */
  take(count: number, nowMs: number): boolean {
    const tokens = this.#at(nowMs)
    this.#atMs = nowMs
    const isEnough = tokens >= count
    this.#tokens = isEnough ? tokens - count : tokens
    return isEnough
  }

  /** Tokens there are then. */
  #at(nowMs: number): number {
    return Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
  }
}
