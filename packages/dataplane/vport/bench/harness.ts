/**
 * What the rows of the benchmark share: the random generator (the C program uses the same one, so that both sides see the same
 * order of flows), the C program, and the form of a row.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One line of the table. */
export interface Row {
  readonly what: string
  readonly mustReach: string
  readonly reached: string
  readonly isReached: boolean
}

/** xorshift32. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

export function medianOf(values: Float64Array | readonly number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1]!
}

/** Compiles a C file of this folder and gives a function that runs it; undefined without a compiler. */
export function native(file: string): { run: (...args: readonly string[]) => number[]; close: () => void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'vport-bench-'))
  const close = (): void => rmSync(folder, { recursive: true })
  const binary = join(folder, 'program')
  try {
    execFileSync('gcc', ['-O3', '-march=native', '-o', binary, join(import.meta.dirname, file)], { stdio: 'ignore' })
  } catch {
    close()
    return undefined
  }
  const run = (...args: readonly string[]): number[] =>
    execFileSync(binary, args, { encoding: 'utf8' }).trim().split(/\s+/).map(Number)
  return { run, close }
}

/** Prints rows, as JSON for `numbers.ts` or to be read. */
export function print(rows: readonly Row[]): void {
  if (process.argv.includes('--json')) return console.log(JSON.stringify(rows))
  for (const { what, mustReach, reached, isReached } of rows) {
    console.log(`${isReached ? 'reached' : 'MISSED '}  ${what}\n         must: ${mustReach}\n         is:   ${reached}`)
  }
}
