/**
 * Random programs for longer than the test suite has time:
 *
 *     node packages/dataplane/npu/src/testing/fuzz.ts [PROGRAMS [SEED [softnpu|v1model|bmv2|psa|psa-bmv2]]] [--seconds S] [--whole]
 *
 * Prints each failing program, shrunk (`--whole`: as it was made, at once), and exits with 1 if there were any. Ends after S seconds.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { compilerOf } from './source-program.ts'
import { type ArchitectureName, ARCHITECTURES } from './source-architecture.ts'
import { fuzzSeed } from './source-duel.ts'

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string' }, whole: { type: 'boolean' } },
  allowPositionals: true,
})
const [count = 1000, first = 1] = positionals.slice(0, 2).map(Number)
const kind = positionals[2] ?? 'softnpu'
const architecture = kind === 'bmv2' ? 'v1model' : (kind as ArchitectureName)
if (!Object.hasOwn(ARCHITECTURES, architecture)) throw new Error(`no architecture '${kind}'`)
const compileText = compilerOf((file) => readFileSync(file, 'utf8'), kind.endsWith('bmv2'))
const endMs = process.uptime() * 1000 + 1000 * Number(values.seconds ?? Infinity)
let failed = 0
let seed = first
for (; seed < first + count && process.uptime() * 1000 < endMs; seed++) {
  const failure = fuzzSeed(seed, compileText, architecture, values.whole === true ? { triesMax: 0 } : {})
  if (failure === undefined) continue
  failed++
  process.stdout.write(`seed ${seed}: ${failure.message}\n${failure.source}\n`)
}
process.stdout.write(`${seed - first - failed} of ${seed - first} programs agree\n`)
process.exitCode = failed === 0 ? 0 : 1
