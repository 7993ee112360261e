/** From delays to a choice: the inverse of the delay, normalised, for any number of paths. */

/**
 * Writes the probability of each path to `weights`: proportional to `delay^-exponent`, zero where the delay is Infinity. An
 * infinite exponent gives all to the least delay. Where no delay is finite the paths of `mask` share evenly.
 */
export function weightsOf(delays: Float64Array, mask: number, exponent: number, weights: Float64Array): void {
  let least = Infinity
  for (let i = 0; i < delays.length; i++) {
    if ((mask & (1 << i)) !== 0 && delays[i]! < least) least = delays[i]!
  }
  let sum = 0
  for (let i = 0; i < delays.length; i++) {
    weights[i] = (mask & (1 << i)) === 0 ? 0 : least === Infinity ? 1 : relativeWeight(least, delays[i]!, exponent)
    sum += weights[i]!
  }
  if (sum > 0) for (let i = 0; i < weights.length; i++) weights[i]! /= sum
}

/** In 0 … 1; the least delay has 1, so that no power overflows. */
function relativeWeight(least: number, delay: number, exponent: number): number {
  if (delay <= least) return 1
  if (exponent === Infinity || delay === Infinity) return 0
  const ratio = least / delay
  return exponent === 1 ? ratio : exponent === 2 ? ratio * ratio : ratio ** exponent
}

/** The path that `uniform`, from [0, 1), falls on; -1 when no path has any weight. */
export function pick(weights: Float64Array, uniform: number): number {
  let rest = uniform
  let last = -1
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!
    if (weight === 0) continue
    last = i
    rest -= weight
    if (rest < 0) return i
  }
  return last
}
