/** Paired comparison over seeds: the ratio of two measures, with its confidence interval. */

/** Two-sided 95 % quantiles of Student's t by degrees of freedom, from 1. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]

export interface Ratio {
  /** Geometric mean of the ratios of the pairs. */
  readonly ratio: number
  /** 95 % confidence interval; both ends are the ratio where there is one pair only. */
  readonly low: number
  readonly high: number
}

/** `values[i] / base[i]`: pairs of positive numbers, measured with the same seed. */
export function pairedRatio(values: readonly number[], base: readonly number[]): Ratio {
  const logs = values.map((value, i) => Math.log(value / base[i]!))
  const mean = average(logs)
  if (logs.length < 2) return { ratio: Math.exp(mean), low: Math.exp(mean), high: Math.exp(mean) }
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1)
  const half = (T95[Math.min(T95.length, logs.length - 1) - 1] ?? 1.96) * Math.sqrt(variance / logs.length)
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) }
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
