/** Reads and checks an instruction set specification; says what is wrong with it. */
import type { Diagnostic, Specification } from '@lodestone/isf'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { readInput } from './text-file.ts'

export interface LoadedSpecification {
  readonly text: string
  readonly specification: Specification
}

/** Diagnostics go to standard error. @returns undefined when there is no specification; the exit status is set then. */
export async function loadSpecification(context: LodeContext, path: string): Promise<LoadedSpecification | undefined> {
  const text = readInput(context, path)
  if (text === undefined) return undefined
  const { checkSpecification, renderDiagnostics } = await import('@lodestone/isf')
  const { specification, diagnostics } = checkSpecification(text)
  if (diagnostics.length > 0) context.note(renderDiagnostics(diagnostics, path, text))
  if (specification !== undefined) return { text, specification }
  context.exit(ExitStatus.failed)
  return undefined
}

/** As other tools read it: positions count from 1. */
export async function jsonDiagnostics(file: string, text: string, diagnostics: readonly Diagnostic[]) {
  const { LineMap } = await import('@lodestone/isf')
  const lines = new LineMap(text)
  return diagnostics.map(({ code, severity, message, span, notes }) => ({
    file,
    ...lines.position(span.start),
    code,
    severity,
    message,
    notes: notes.map((note) => note.message),
  }))
}
