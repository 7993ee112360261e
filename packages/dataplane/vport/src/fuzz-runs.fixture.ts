/**
 * For tests about bad input: how often a property is tried. A fixed number in the default suite; `LODE_FUZZ_S` seconds each
 * where that is set (`.ci/fuzz`), from a seed that is printed when something is found.
 */
import { env } from 'node:process'

export function fuzzRuns(numRuns: number): { readonly numRuns: number; readonly interruptAfterTimeLimit?: number } {
  const seconds = Number(env['LODE_FUZZ_S'] ?? 0)
  return seconds > 0 ? { numRuns: 1e9, interruptAfterTimeLimit: seconds * 1000 } : { numRuns }
}
