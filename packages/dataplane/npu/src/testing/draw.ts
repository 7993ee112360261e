/** Choices for random programs and packets, from a seed. */

/** xorshift32: the same programs for the same seed, everywhere. */
export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1
    for (let k = 0; k < 4; k++) this.below(2)
  }

  /** 0 … max - 1. */
  below(max: number): number {
    let x = this.#state
    x ^= x << 13
    x >>>= 0
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state % max
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  bits(width: number): bigint {
    const shape = this.below(4)
    const full = (1n << BigInt(width)) - 1n
    if (shape === 0) return BigInt(this.below(4)) & full
    if (shape === 1) return this.pick([full, full >> 1n, (full >> 1n) + 1n])
    let value = 0n
    for (let k = 0; k < width; k += 16) value = (value << 16n) | BigInt(this.below(65536))
    return value & full
  }
}
