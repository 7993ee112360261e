/** Reads and checks a register specification with the modules it uses; says what is wrong with it. */
import type { Diagnostic, ReadFile, Specification } from '@lodestone/rsf'
import { readFileSync } from 'node:fs'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { readInput } from '../isf/text-file.ts'

export interface LoadedSpecification {
  readonly specification: Specification
  readonly diagnostics: readonly Diagnostic[]
}

/** A file that cannot be read is none; the specification's own message tells of it. */
export const readSpecificationFile: ReadFile = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // the checker says which file is missing, and who wants it
  }
}

/** Diagnostics go to standard error. @returns undefined when there is no specification; the exit status is set then. */
export async function loadSpecification(context: LodeContext, path: string): Promise<LoadedSpecification | undefined> {
  if (readInput(context, path) === undefined) return undefined
  const { compile, renderDiagnostics } = await import('@lodestone/rsf')
  const { specification, diagnostics } = compile(path, readSpecificationFile)
  if (diagnostics.length > 0) context.note(renderDiagnostics(diagnostics, readSpecificationFile))
  if (specification !== undefined) return { specification, diagnostics }
  context.exit(ExitStatus.failed)
  return undefined
}
