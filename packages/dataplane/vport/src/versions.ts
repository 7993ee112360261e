/**
 * Versions of the things that flows depend on outside of their port: each virtual-to-physical mapping, and the table of
 * tunnel endpoints. A flow notes which one it used and its version; one comparison per packet then tells whether the
 * flow still says what a fresh look would. A change reaches exactly the flows that used what changed, at once.
 */

/** For flows that depend on nothing outside. Its version never changes. */
export const NO_DEPENDENCY = 0
export const TUNNEL_ENDPOINTS_DEPENDENCY = 1

export class Versions {
  /** Read on the packet path; replaced when it grows. */
  values: Int32Array = new Int32Array(64)
  #count = 2
  readonly #free: number[] = []

  /** A new thing to depend on. */
  take(): number {
    const reused = this.#free.pop()
    if (reused !== undefined) return reused
    if (this.#count === this.values.length) {
      const larger = new Int32Array(this.#count * 2)
      larger.set(this.values)
      this.values = larger
    }
    return this.#count++
  }

  bump(dependency: number): void {
    this.values[dependency] = (this.values[dependency]! + 1) | 0
  }

  /** The thing is gone. Its version moves on, so that flows that used it do not take a successor for it. */
  give(dependency: number): void {
    this.bump(dependency)
    this.#free.push(dependency)
  }
}
