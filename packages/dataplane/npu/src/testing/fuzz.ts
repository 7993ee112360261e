/**
 * Random programs for longer than the test suite has time:
 *
 *     node packages/dataplane/npu/src/testing/fuzz.ts [PROGRAMS [SEED [softnpu|v1model|bmv2]]]
 *
 * Prints each failing program, shrunk, and exits with 1 if there were any.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { compilerOf } from './source-program.ts'
import { fuzzSeed } from './source-duel.ts'

const count = Number(process.argv[2] ?? 1000)
const first = Number(process.argv[3] ?? 1)
const kind = process.argv[4] ?? 'softnpu'
const architecture = kind === 'softnpu' ? 'softnpu' : 'v1model'
const compileText = compilerOf((file) => readFileSync(file, 'utf8'), kind === 'bmv2')
let failed = 0
for (let seed = first; seed < first + count; seed++) {
  const failure = fuzzSeed(seed, compileText, architecture)
  if (failure === undefined) continue
  failed++
  process.stdout.write(`seed ${seed}: ${failure.message}\n${failure.source}\n`)
}
process.stdout.write(`${count - failed} of ${count} programs agree\n`)
process.exitCode = failed === 0 ? 0 : 1
