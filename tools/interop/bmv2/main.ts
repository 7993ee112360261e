/**
 * The same programs and packets in BMv2 and in ours, packet for packet:
 *
 *     node tools/interop/bmv2/main.ts [--packets N] [--seed N] [--work DIR] [--json] PROGRAM.p4|FOLDER…
 *     node tools/interop/bmv2/main.ts --random N [--architecture v1model|psa] [--packets N] [--seed N] [--work DIR] [--json]
 *
 * `p4c-bm2-ss`, `p4c-bm2-psa`, `simple_switch` and `psa_switch` must be on PATH. Of a folder, the programs for v1model and psa
 * are taken, with --stf only those with an STF file. What was compiled is kept in the --work folder for the next time.
 * Exit status 1: something differs.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { problemOf } from './problem.ts'
import { tryRandom } from './random-program.ts'
import { architectureOf, type Trial, trySample } from './sample-program.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    packets: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    work: { type: 'string' },
    json: { type: 'boolean', default: false },
    stf: { type: 'boolean', default: false },
    random: { type: 'string', default: '0' },
    architecture: { type: 'string', default: 'v1model' },
  },
})
const work = flags.work ?? mkdtempSync(join(tmpdir(), 'lode-bmv2-'))
mkdirSync(work, { recursive: true })
const counts = { agree: 0, differ: 0, left: 0, packets: 0, sent: 0 }
const options = { packets: Number(flags.packets), seed: Number(flags.seed), work }
for (const path of positionals.flatMap(programsIn)) {
  await take(basename(path, '.p4'), () => trySample(path, options))
}
const architecture = flags.architecture === 'psa' ? 'psa' : 'v1model'
for (let k = 0; k < Number(flags.random); k++) {
  const seed = options.seed + k
  await take(`seed ${seed}`, () => tryRandom(architecture, { ...options, seed }))
}
if (flags.work === undefined) rmSync(work, { recursive: true })
const { agree, differ, left, packets, sent } = counts
process.stdout.write(
  `${agree} programs agree, ${differ} differ, ${left} were not compared; ${packets} packets in, ${sent} out\n`,
)
process.exitCode = differ === 0 ? 0 : 1

function programsIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return (
    readdirSync(path)
      .filter((name) => name.endsWith('.p4'))
      .map((name) => join(path, name))
      // a checkout may have links to files that it has not
      .filter((file) => existsSync(file))
      .filter((file) => !flags.stf || existsSync(file.replace(/\.p4$/, '.stf')))
      .filter((file) => architectureOf(readFileSync(file, 'utf8')) !== undefined)
  )
}

async function take(name: string, attempt: () => Promise<Trial>): Promise<void> {
  let trial: Trial
  try {
    trial = await attempt()
  } catch (error) {
    // One program must not end the others' comparison; it is counted and said.
    trial = { kind: 'left', why: error instanceof Error ? error.message.split('\n', 1)[0]! : String(error) }
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ name, ...trial })}\n`)
  const problem = trial.kind === 'left' ? `not compared: ${trial.why}` : problemOf(trial.comparison)
  if (trial.kind === 'left') counts.left++
  else {
    counts.packets += trial.comparison.packets
    counts.sent += trial.comparison.sent
    counts[problem === undefined ? 'agree' : 'differ']++
  }
  if (problem !== undefined && !flags.json) process.stdout.write(`${name}: ${problem}\n`)
}
