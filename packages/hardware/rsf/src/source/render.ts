/** Diagnostics as text for people: position, message, the source line with carets, and notes. */
import type { Diagnostic } from './diagnostic.ts'
import type { Range } from './range.ts'

/** Gives the text of a file, or `undefined` when there is none. */
export type ReadFile = (path: string) => string | undefined

/** Several lines for each diagnostic, no trailing newline. A file that `readFile` does not know is shown without source. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], readFile: ReadFile): string {
  return diagnostics.flatMap((diagnostic) => renderDiagnostic(diagnostic, readFile)).join('\n')
}

function renderDiagnostic(diagnostic: Diagnostic, readFile: ReadFile): readonly string[] {
  const { range, severity, code, message, notes } = diagnostic
  return [
    `${place(range)}: ${severity} ${code}: ${message}`,
    ...excerpt(range, readFile),
    ...notes.flatMap((note) => [`  ${place(note.range)}: note: ${note.message}`, ...excerpt(note.range, readFile)]),
  ]
}

function place(range: Range): string {
  return `${range.file}:${range.line}:${range.column}`
}

function excerpt(range: Range, readFile: ReadFile): readonly string[] {
  const line = readFile(range.file)?.split(/\r\n|\n/)[range.line - 1]
  if (line === undefined) return []
  const number = String(range.line)
  const end = range.endLine === range.line ? range.endColumn : line.length + 1
  // Tabs stay tabs in the caret line, so that carets align whatever the tab width.
  const indent = line.slice(0, range.column - 1).replace(/[^\t]/g, ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(end, line.length + 1) - range.column))
  return [` ${number} | ${line}`, ` ${' '.repeat(number.length)} | ${indent}${carets}`]
}
