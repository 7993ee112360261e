/** p4c's back ends for BMv2, where they are on PATH. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

export type CompileOutcome =
  | { readonly ok: true }
  /** The first error; lines of the program that errors are about, counted from 1; names that are not declared. */
  | {
      readonly ok: false
      readonly message: string
      readonly lines: readonly number[]
      readonly unknown: readonly string[]
    }

const TIMEOUT_MS = 120_000

/** Why nothing can be compared here; false when it can. */
export function reasonToSkip(): string | false {
  const missing = ['p4c-bm2-ss', 'p4c-bm2-psa', 'simple_switch', 'psa_switch'].filter(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error !== undefined,
  )
  return missing.length === 0 ? false : `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not on PATH`
}

export function compileForBmv2(path: string, jsonPath: string, architecture: 'v1model' | 'psa'): CompileOutcome {
  const compiler = architecture === 'psa' ? 'p4c-bm2-psa' : 'p4c-bm2-ss'
  const { status, stderr, error } = spawnSync(compiler, ['-o', jsonPath, path], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 26,
  })
  if (status === 0) return { ok: true }
  if (error !== undefined) return { ok: false, message: error.message, lines: [], unknown: [] }
  const errors = stderr.split('\n').filter((line) => /error:|Compiler Bug|signal/i.test(line) && !/warning:/.test(line))
  const lines = errors.flatMap((line) => {
    const number = /\.p4\((\d+)\)/.exec(line)?.[1]
    return number === undefined ? [] : [Number(number)]
  })
  const unknown = errors.flatMap((line) => /error: (\w+): declaration not found/.exec(line)?.[1] ?? [])
  return { ok: false, message: errors[0] ?? stderr.split('\n', 1)[0] ?? `exit status ${status}`, lines, unknown }
}

/** As above, but once for each `jsonPath`: what came of it is kept beside it. @returns why not, or undefined. */
export function compileOnce(path: string, jsonPath: string, architecture: 'v1model' | 'psa'): string | undefined {
  const failure = `${jsonPath}.failed`
  if (existsSync(failure)) return readFileSync(failure, 'utf8')
  if (existsSync(jsonPath)) return undefined
  const outcome = compileForBmv2(path, jsonPath, architecture)
  if (outcome.ok) return undefined
  writeFileSync(failure, outcome.message)
  return outcome.message
}
