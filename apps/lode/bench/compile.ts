/**
 * What compiling a P4 program takes in the installed command, its start not counted: `node apps/lode/bench/compile.ts`. One sample is one process
 * with the compiler made into a file as `npm pack` does it, which compiles once (`packages/dataplane/npu/bench/compile.ts`). The first of
 * a machine's processes finds nothing in Node's compile cache, the later ones what the first one left. Milliseconds of
 * processor time of the main thread, median and best.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { rolldown } from 'rolldown'
import { COMPILER_FILE } from '../tools/compiler-file.ts'

const ROOT = join(import.meta.dirname, '../../..')
const SAMPLES = 11
/** As deep as the file that is bundled, which finds the repository from where it stands. */
const dist = join(ROOT, 'node_modules/.cache/bench/compile')

const bundle = await rolldown({ input: join(ROOT, 'packages/dataplane/npu/bench/compile.ts'), platform: 'node' })
await bundle.write({ dir: dist, format: 'esm', ...COMPILER_FILE })
for (const [program, limitMs] of [
  ['p4/switch.p4', 400],
  ['packages/dataplane/npu/bench/small.p4', 50],
] as const) {
  const kept = mkdtempSync(join(tmpdir(), 'lode-bench-'))
  once(program, kept)
  report(`${program}, later runs`, limitMs, () => once(program, kept))
  rmSync(kept, { recursive: true })
  report(`${program}, first run`, limitMs, () => {
    const empty = mkdtempSync(join(tmpdir(), 'lode-bench-'))
    const ms = once(program, empty)
    rmSync(empty, { recursive: true })
    return ms
  })
}
rmSync(dist, { recursive: true })

function once(program: string, cache: string): number {
  const text = execFileSync(process.execPath, [join(dist, 'compile.js'), '--once', program], {
    encoding: 'utf8',
    env: { ...process.env, NODE_COMPILE_CACHE: cache, NODE_NO_WARNINGS: '1' },
  })
  return (JSON.parse(text) as readonly [number, number])[0] // because that benchmark prints its time and that of a loop
}

function report(what: string, limitMs: number, sample: () => number): void {
  const sorted = Array.from({ length: SAMPLES }, sample).sort((a, b) => a - b)
  const [median, best] = [sorted[SAMPLES >> 1]!, sorted[0]!]
  console.log(`${what.padEnd(52)} ${median.toFixed(0).padStart(4)} ms (best ${best.toFixed(0)})   limit ${limitMs} ms`)
}
