/** One file in the canonical layout. */
import { DiagnosticSink, type Diagnostic } from './source/diagnostic.ts'
import { parse } from './syntax/parser.ts'
import { print } from './syntax/printer.ts'

export interface FormatResult {
  /** Absent when the text has syntax errors: printing would lose what was not understood. */
  readonly text: string | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/** Lays out one file; other files are not read. Formatting twice changes nothing. */
export function formatSource(file: string, text: string): FormatResult {
  const sink = new DiagnosticSink()
  const tree = parse(file, text, sink)
  return { text: sink.errorCount > 0 ? undefined : print(tree), diagnostics: sink.diagnostics }
}
