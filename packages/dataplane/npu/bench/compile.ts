/**
 * Source text to WebAssembly module, cold: each sample is a process of its own that has loaded the compiler and read the
 * files, and compiles once. `small.p4` is as long as the median of p4c's samples.
 *
 * Processor time, because the clock on the wall tells about others on a shared machine. It still depends on what the other half of
 * the core does: so each process also times a loop of the same steps every time, which shows what kind of minute it was.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, generate } from '@lodestone/p4'
import { generator, medianOf, print, type Row } from './harness.ts'
import { threadMs } from './thread-clock.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const SAMPLES = 11
const LOOP_STEPS = 2_000_000

/** Milliseconds of processor time: of the compilation, and of the loop. */
function once(path: string): readonly [number, number] {
  const cache = new Map<string, string | undefined>()
  const read = (file: string): string | undefined => {
    if (!cache.has(file)) {
      try {
        cache.set(file, readFileSync(file, 'utf8'))
      } catch {
        cache.set(file, undefined)
      }
    }
    return cache.get(file)
  }
  const started = threadMs()
  const { program } = compile({ fileName: join(ROOT, path), readFile: read, includePaths: [join(ROOT, 'p4/include')] })
  if (program === undefined) throw new Error(`${path} does not compile`)
  const module = new WebAssembly.Module(generate(program).fast)
  const spent = threadMs() - started
  if (WebAssembly.Module.exports(module).length === 0) throw new Error('an empty module')
  return [spent, loopMs()]
}

function loopMs(): number {
  const next = generator(5)
  for (let k = 0; k < LOOP_STEPS; k++) next() // until V8 has optimised it
  const started = threadMs()
  for (let k = 0; k < LOOP_STEPS; k++) next()
  return threadMs() - started
}

function rows(): Row[] {
  return (
    [
      ['p4/switch.p4', 400],
      ['packages/dataplane/npu/bench/small.p4', 50],
    ] as const
  ).map(([path, limitMs]) => {
    const samples = Array.from({ length: SAMPLES }, () => {
      const flags = ['--disable-warning=ExperimentalWarning']
      const text = execFileSync(process.execPath, [...flags, import.meta.filename, '--once', path], {
        encoding: 'utf8',
      })
      return JSON.parse(text) as readonly [number, number] // what `once` printed
    })
    const [compiled, looped] = [samples.map(([spent]) => spent), samples.map(([, loop]) => loop)]
    const ms = medianOf(compiled)
    const lines = readFileSync(join(ROOT, path), 'utf8').trimEnd().split('\n').length
    return {
      what: `compile ${path} (${lines} lines without its includes), cold`,
      mustReach: `under ${limitMs} ms`,
      reached: `${spread(compiled)} of processor time; ${LOOP_STEPS / 1e6} M steps of a loop ${spread(looped)}`,
      isReached: ms < limitMs,
    }
  })
}

function spread(samples: readonly number[]): string {
  return `${medianOf(samples).toFixed(0)} ms (best ${Math.min(...samples).toFixed(0)})`
}

if (import.meta.main) {
  const at = process.argv.indexOf('--once')
  if (at >= 0) console.log(JSON.stringify(once(process.argv[at + 1]!)))
  else print(rows())
}
