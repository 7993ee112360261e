/**
 * How late frames were delivered: the time at which the model wanted each one to arrive, against the time at which it did. In
 * virtual time nothing is ever late; in real time a machine that cannot keep up shows here, and an experiment on it is worth
 * nothing. A frame costs one count of leading zeros and two stores.
 */

/** Bucket 0 is below a microsecond; bucket i from 2^(i-1) to 2^i microseconds; the last one is all beyond. */
export const LATENESS_BUCKETS = 25

export interface Lateness {
  readonly frames: number
  readonly meanMs: number
  readonly maxMs: number
  /** The bound that 99 of 100 frames kept, from the histogram: the upper end of a bucket. */
  readonly p99Ms: number
  readonly p50Ms: number
  /** Frames per bucket. */
  readonly histogram: readonly number[]
}

export class FidelityMeter {
  readonly #buckets = new Float64Array(LATENESS_BUCKETS)
  #frames = 0
  #sumMs = 0
  #maxMs = 0

  record(lateMs: number): void {
    const micros = lateMs > 0 ? lateMs * 1000 : 0
    const bucket = 32 - Math.clz32(micros)
    this.#buckets[bucket < LATENESS_BUCKETS ? bucket : LATENESS_BUCKETS - 1]!++
    this.#frames++
    this.#sumMs += lateMs
    if (lateMs > this.#maxMs) this.#maxMs = lateMs
  }

  read(): Lateness {
    return {
      frames: this.#frames,
      meanMs: this.#frames === 0 ? 0 : this.#sumMs / this.#frames,
      maxMs: this.#maxMs,
      p50Ms: this.#quantile(0.5),
      p99Ms: this.#quantile(0.99),
      histogram: [...this.#buckets],
    }
  }

  reset(): void {
    this.#buckets.fill(0)
    this.#frames = 0
    this.#sumMs = 0
    this.#maxMs = 0
  }

  #quantile(share: number): number {
    let rest = this.#frames * share
    for (let i = 0; i < LATENESS_BUCKETS; i++) {
      rest -= this.#buckets[i]!
      if (rest <= 0) return Math.min(this.#maxMs, 2 ** i / 1000)
    }
    return this.#maxMs
  }
}
