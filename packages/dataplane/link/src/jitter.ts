/**
 * The random part of a delay. Distributions other than the uniform and the normal are read from tables of their inverse, whose
 * values are rounded: a seed gives the same delays whatever a machine's logarithm says in its last bit.
 *
 * Correlation: x' = ρ·x + √(1-ρ²)·e, which keeps mean and variance, and makes ρ the correlation of neighbours.
 */
import type { Random } from '@lodestone/host'

/**
 * With `jitterMs` 1: uniform on -1 … 1; normal (0, 1); pareto with tail exponent 3, shifted and scaled to (0, 1);
 * pareto-normal, a quarter normal and three quarters pareto; exponential with mean 1, never negative; a table of one's own.
 */
export type JitterDistribution = 'uniform' | 'normal' | 'pareto' | 'pareto-normal' | 'exponential' | 'table'

const STEPS = 4096
const PARETO_MEAN = 1.5
const PARETO_DEVIATION = Math.sqrt(0.75)

const tables = new Map<JitterDistribution, Float64Array>()

export class Jitter {
  readonly #distribution: JitterDistribution
  readonly #table: Float64Array
  readonly #correlation: number
  readonly #rest: number
  #last = 0

  constructor(distribution: JitterDistribution, correlation: number, table: readonly number[] | undefined) {
    this.#distribution = distribution
    this.#table = distribution === 'table' ? Float64Array.from(table ?? [0, 0]) : tableOf(distribution)
    this.#correlation = correlation
    this.#rest = Math.sqrt(1 - correlation * correlation)
  }

  /** In units of `jitterMs`. */
  next(random: Random): number {
    const fresh = this.#draw(random)
    if (this.#correlation === 0) return fresh
    // Around the mean, which only the exponential and a table have away from zero.
    const mean = this.#distribution === 'exponential' ? 1 : 0
    this.#last = this.#correlation * this.#last + this.#rest * (fresh - mean)
    const value = mean + this.#last
    return this.#distribution === 'exponential' && value < 0 ? 0 : value
  }

  #draw(random: Random): number {
    switch (this.#distribution) {
      case 'uniform':
        return random.float() * 2 - 1
      case 'normal':
        return normal(random)
      case 'pareto-normal':
        return 0.25 * normal(random) + 0.75 * this.#lookUp(random)
      default:
        return this.#lookUp(random)
    }
  }

  #lookUp(random: Random): number {
    const table = this.#table
    const at = random.float() * (table.length - 1)
    const index = Math.floor(at)
    return table[index]! + (at - index) * (table[index + 1]! - table[index]!)
  }
}

/** Normal by the sum of twelve uniforms, which unlike logarithms is the same on every machine. */
function normal(random: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random.float()
  return sum
}

function tableOf(distribution: JitterDistribution): Float64Array {
  const known = tables.get(distribution)
  if (known !== undefined) return known
  const table = new Float64Array(STEPS + 1)
  for (let i = 0; i <= STEPS; i++) {
    // The ends of the tail lie half a step inside.
    const tail = 1 - Math.min(STEPS - 0.5, i) / STEPS
    const value = distribution === 'exponential' ? -Math.log(tail) : (tail ** (-1 / 3) - PARETO_MEAN) / PARETO_DEVIATION
    table[i] = Math.round(value * 2 ** 20) / 2 ** 20
  }
  tables.set(distribution, table)
  return table
}
