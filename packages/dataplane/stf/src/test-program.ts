/** One program with one STF file: compile as BMv2 understands it, run, report. */
import { compile, type Diagnostic, type Program, renderDiagnostics } from '@lodestone/p4'
import type { ExternTable } from '@lodestone/npu'
import { parseStf } from './parse-stf.ts'
import { runStf, type StfResult } from './run-stf.ts'
import type { StfError } from './statement.ts'

export interface TestProgramOptions {
  readonly programPath: string
  readonly stf: string
  readonly readFile: (path: string) => string | undefined
  readonly includePaths: readonly string[]
  readonly defines?: Readonly<Record<string, string>>
  readonly externs?: ExternTable
  readonly strict?: boolean
}

export type TestOutcome =
  | { readonly kind: 'notCompiled'; readonly diagnostics: readonly Diagnostic[]; readonly text: string }
  | { readonly kind: 'badStf'; readonly errors: readonly StfError[] }
  | { readonly kind: 'ran'; readonly architecture: Program['architecture']; readonly result: StfResult }

export function testProgram(options: TestProgramOptions): TestOutcome {
  const { programPath, readFile, includePaths, defines } = options
  const { statements, errors } = parseStf(options.stf)
  if (errors.length > 0) return { kind: 'badStf', errors }
  const { program, diagnostics } = compile({
    fileName: programPath,
    readFile,
    includePaths,
    bmv2: true,
    ...(defines === undefined ? {} : { defines }),
  })
  if (program === undefined) {
    const errorsOnly = diagnostics.filter((one) => one.severity === 'error')
    return { kind: 'notCompiled', diagnostics, text: renderDiagnostics(errorsOnly, readFile) }
  }
  const { strict, externs } = options
  const result = runStf(program, statements, {
    ...(strict === undefined ? {} : { strict }),
    ...(externs === undefined ? {} : { externs }),
  })
  return { kind: 'ran', architecture: program.architecture, result }
}
