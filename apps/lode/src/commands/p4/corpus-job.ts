/** One program of a corpus: what is asked of it, and the answer. Runs in worker threads. */
import { basename, dirname, join } from 'node:path'
import { architectureFolder, readSource } from './compiler-flags.ts'

export type CorpusMode = 'stf' | 'accept' | 'reject'

export interface CorpusJob {
  readonly mode: CorpusMode
  readonly program: string
  readonly include: readonly string[]
}

export interface CorpusAnswer {
  readonly program: string
  /** 'skipped': of an architecture that can be checked but not run. */
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Of a failure: its first line. */
  readonly message?: string
  /** With --stf. */
  readonly architecture?: string
  /** With --reject, where the corpus says on which line: whether the first error is within a line of it. */
  readonly isNear?: boolean
}

const ARCHITECTURE_FILES: readonly (readonly [string, string])[] = [
  ['v1model.p4', 'v1model'],
  ['psa.p4', 'psa'],
  ['softnpu.p4', 'softnpu'],
  ['pna.p4', 'pna'],
  ['ebpf_model.p4', 'ebpf'],
  ['xdp_model.p4', 'xdp'],
  ['ubpf_model.p4', 'ubpf'],
]
const RUNNABLE: ReadonlySet<string> = new Set(['v1model', 'psa', 'softnpu'])

export async function runCorpusJob(job: CorpusJob): Promise<CorpusAnswer> {
  try {
    return job.mode === 'stf' ? await runStf(job) : await runCheck(job)
  } catch (error) {
    const message = `internal error: ${error instanceof Error ? error.message : String(error)}`
    return { program: job.program, outcome: 'failed', message }
  }
}

async function runStf({ program, include }: CorpusJob): Promise<CorpusAnswer> {
  const { testProgram } = await import('@lodestone/stf')
  const stf = readSource(stfPath(program))
  if (stf === undefined) return { program, outcome: 'failed', message: `cannot read ${stfPath(program)}` }
  const outcome = testProgram({
    programPath: program,
    stf,
    readFile: readSource,
    includePaths: [...include, architectureFolder()],
  })
  const architecture = outcome.kind === 'ran' ? outcome.architecture : architectureOf(program)
  switch (outcome.kind) {
    case 'ran': {
      if (outcome.result.passed) return { program, outcome: 'passed', architecture }
      const message = outcome.result.failures[0]?.message ?? ''
      return { program, outcome: 'failed', architecture, message }
    }
    case 'notCompiled': {
      if (!RUNNABLE.has(architecture)) return { program, outcome: 'skipped', architecture }
      return { program, outcome: 'failed', architecture, message: firstLine(outcome.text) }
    }
    case 'badStf': {
      if (!RUNNABLE.has(architecture)) return { program, outcome: 'skipped', architecture }
      const [error] = outcome.errors
      return { program, outcome: 'failed', architecture, message: `line ${error?.at.line}: ${error?.message}` }
    }
  }
}

async function runCheck({ mode, program, include }: CorpusJob): Promise<CorpusAnswer> {
  const { check, renderDiagnostic } = await import('@lodestone/p4')
  const { diagnostics } = check({
    fileName: program,
    readFile: readSource,
    includePaths: [...include, architectureFolder()],
  })
  const first = diagnostics.find((diagnostic) => diagnostic.severity === 'error')
  if (mode === 'accept') {
    if (first === undefined) return { program, outcome: 'passed' }
    return { program, outcome: 'failed', message: firstLine(renderDiagnostic(first, readSource)) }
  }
  const wanted = errorLine(program)
  const isNear =
    wanted === undefined || first === undefined
      ? undefined
      : first.range.file === program && Math.abs(first.range.line - wanted) <= 1
  const near = wanted === undefined ? {} : { isNear: isNear ?? false }
  if (first !== undefined) return { program, outcome: 'passed', ...near }
  return { program, outcome: 'failed', message: 'accepted', ...near }
}

export function stfPath(program: string): string {
  return program.replace(/\.p4$/, '.stf')
}

/** Where p4c keeps what its compiler says of a folder's programs, the line of the first error. */
function errorLine(program: string): number | undefined {
  const golden = join(`${dirname(program)}_outputs`, `${basename(program)}-stderr`)
  // Its warnings come between the errors.
  const line = /^\S*\.p4\((\d+)\):(?! \[--Wwarn)[^\n]*error/m.exec(readSource(golden) ?? '')?.[1]
  return line === undefined ? undefined : Number(line)
}

/** By the architecture file that it includes, for a program that does not compile. */
function architectureOf(program: string, depth = 0): string {
  const text = readSource(program) ?? ''
  for (const [file, name] of ARCHITECTURE_FILES) {
    if (new RegExp(`#include\\s*[<"](?:\\w+/)?${file.replace('.', '\\.')}[>"]`).test(text)) return name
  }
  if (depth > 3) return 'none'
  for (const [, included] of text.matchAll(/#include\s*"([^"]+)"/g)) {
    const found = architectureOf(join(dirname(program), included ?? ''), depth + 1)
    if (found !== 'none') return found
  }
  return 'none'
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
