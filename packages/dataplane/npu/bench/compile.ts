/**
 * Source text to WebAssembly module, cold: each sample is a process of its own that has loaded the compiler and read the
 * files, and compiles once. `small.p4` is as long as the median of p4c's samples.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, generate } from '@lodestone/p4'
import { medianOf, print, type Row } from './harness.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const SAMPLES = 7

function once(path: string): number {
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
  const started = cpuMs()
  const { program } = compile({ fileName: join(ROOT, path), readFile: read, includePaths: [join(ROOT, 'p4/include')] })
  if (program === undefined) throw new Error(`${path} does not compile`)
  const module = new WebAssembly.Module(generate(program).fast)
  const spent = cpuMs() - started
  if (WebAssembly.Module.exports(module).length === 0) throw new Error('an empty module')
  return spent
}

/** Processor time of this thread: on a shared machine the clock on the wall tells about others. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function rows(): Row[] {
  return (
    [
      ['p4/switch.p4', 400],
      ['packages/dataplane/npu/bench/small.p4', 50],
    ] as const
  ).map(([path, limitMs]) => {
    const samples = Array.from({ length: SAMPLES }, () =>
      Number(execFileSync(process.execPath, [import.meta.filename, '--once', path], { encoding: 'utf8' })),
    )
    const ms = medianOf(samples)
    const lines = readFileSync(join(ROOT, path), 'utf8').trimEnd().split('\n').length
    return {
      what: `compile ${path} (${lines} lines without its includes), cold`,
      mustReach: `under ${limitMs} ms`,
      reached: `${ms.toFixed(0)} ms of processor time (best ${Math.min(...samples).toFixed(0)})`,
      isReached: ms < limitMs,
    }
  })
}

if (import.meta.main) {
  const at = process.argv.indexOf('--once')
  if (at >= 0) console.log(once(process.argv[at + 1]!))
  else print(rows())
}
