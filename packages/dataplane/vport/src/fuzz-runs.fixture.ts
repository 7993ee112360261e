/**
 * For tests about bad input: how often a property is tried. A fixed number in the default suite; where `LODE_FUZZ_S` is set (`.ci/fuzz`), for
 * so many seconds each, but at most `LODE_FUZZ_TIMES` that number: a machine that is faster than all others shall not be the first to come to a
 * case. The seed is that of all properties (`tools/property-seed.js`), and printed when something is found.
 */
import { env } from 'node:process'

const UNLIMITED = 1e6

export function fuzzRuns(numRuns: number): { readonly numRuns: number; readonly interruptAfterTimeLimit?: number } {
  const seconds = Number(env['LODE_FUZZ_S'] ?? 0)
  if (seconds === 0) return { numRuns }
  const times = Number(env['LODE_FUZZ_TIMES'] ?? UNLIMITED)
  return { numRuns: numRuns * times, interruptAfterTimeLimit: seconds * 1000 }
}
