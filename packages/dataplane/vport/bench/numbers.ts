/**
 * The whole table of the packet engine's figures: `node packages/dataplane/vport/bench/numbers.ts`. One process per row file, so
 * that no row inherits another's compiled code or heap; `--json` for machines; names of files choose some.
 */
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Row } from './harness.ts'

const FILES = ['fast-path', 'slow-path', 'control']

const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const files = chosen.length === 0 ? FILES : chosen
const rows: Row[] = []
for (const file of files) {
  process.stderr.write(`${file} …\n`)
  const text = execFileSync(process.execPath, [join(import.meta.dirname, `${file}.ts`), '--json'], { encoding: 'utf8' })
  rows.push(...(JSON.parse(text) as Row[])) // because harness.ts prints them
}
const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.versions.node}`
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ machine, rows }, null, 2))
} else {
  console.log(`${machine}\n\n| what | must reach | reached |  |\n|---|---|---|---|`)
  for (const { what, mustReach, reached, isReached } of rows) {
    console.log(`| ${what} | ${mustReach} | ${reached} | ${isReached ? 'yes' : 'NO'} |`)
  }
}
