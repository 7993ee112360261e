/**
 * Every figure about speed, memory and writes of P4 programs, in one table, with the machine it was measured on. Each row
 * is a file of this folder that runs alone, too; here each gets a process of its own, one after the other.
 *
 *     node packages/dataplane/npu/bench/numbers.ts [--json] [ROW…]
 */
import { spawn } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import type { Row } from './harness.ts'

const FILES = ['nat', 'router', 'ternary', 'forensics', 'trace', 'compile', 'writes', 'memory']

function run(name: string): Promise<Row[]> {
  // The thread's clock of `writes` is WASI's.
  const flags = ['--disable-warning=ExperimentalWarning']
  const child = spawn(process.execPath, [...flags, join(import.meta.dirname, `${name}.ts`), '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  return new Promise((resolve) => {
    child.on('close', (code) => {
      if (code === 0) return resolve(JSON.parse(Buffer.concat(parts).toString()) as Row[])
      resolve([{ what: name, mustReach: '', reached: `failed with status ${code}`, isReached: false }])
    })
  })
}

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const unknown = asked.filter((word) => !FILES.includes(word))
if (unknown.length > 0) {
  console.error(`no row ${unknown.join(', ')}; there are ${FILES.join(', ')}`)
  process.exit(2)
}
const rows: Row[] = []
for (const name of asked.length > 0 ? asked : FILES) {
  console.error(`measuring ${name} …`)
  rows.push(...(await run(name)))
}
const machine = {
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  node: process.version,
  load: Number(loadavg()[0]!.toFixed(1)),
}
if (process.argv.includes('--json')) console.log(JSON.stringify({ machine, rows }, undefined, 2))
else {
  console.log(`${machine.processor}, ${machine.cores} cores, one used; Node ${machine.node}; load ${machine.load}\n`)
  console.log('| what | must reach | reached |  |\n|---|---|---|---|')
  for (const row of rows) {
    console.log(`| ${row.what} | ${row.mustReach} | ${row.reached} | ${row.isReached ? 'yes' : 'NO'} |`)
  }
  console.log('\nConformance counts are other commands: `lode p4 corpus DIR --stf`, `--accept`, `--reject`.')
}
