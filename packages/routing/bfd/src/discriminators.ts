/** Local discriminators: random, so that they cannot be guessed from outside, never 0, unique while in use. */
import type { Random } from '@lodestone/host'

export class Discriminators {
  readonly #random: Random
  readonly #used = new Set<number>()

  constructor(random: Random) {
    this.#random = random
  }

  allocate(): number {
    for (;;) {
      const candidate = this.#random.u32()
      if (candidate === 0 || this.#used.has(candidate)) continue
      this.#used.add(candidate)
      return candidate
    }
  }

  free(discriminator: number): void {
    this.#used.delete(discriminator)
  }

  get count(): number {
    return this.#used.size
  }
}
