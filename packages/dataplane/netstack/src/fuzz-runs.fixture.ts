/**
 * For tests about bad input: how often a property is tried. A fixed number in the default suite; `LODE_FUZZ_S` seconds each
 * where that is set (`.ci/fuzz`). The seed is that of all properties (`tools/property-seed.js`), and printed when something is found.
 */
import { env } from 'node:process'

export function fuzzRuns(numRuns: number): { readonly numRuns: number; readonly interruptAfterTimeLimit?: number } {
  const seconds = Number(env['LODE_FUZZ_S'] ?? 0)
  return seconds > 0 ? { numRuns: 1e9, interruptAfterTimeLimit: seconds * 1000 } : { numRuns }
}
