/** Diagnostics as text for people: position, message, the source line with carets, notes and the proposed fix. */
import type { Diagnostic } from './diagnostic.ts'
import type { Range } from './range.ts'

export type ReadFile = (path: string) => string | undefined

/** Several lines, no trailing newline. `readFile` gives the source lines; a file it does not know is shown without. */
export function renderDiagnostic(diagnostic: Diagnostic, readFile: ReadFile): string {
  const out = [
    `${place(diagnostic.range)}: ${diagnostic.severity} ${diagnostic.code}: ${diagnostic.message}`,
    ...excerpt(diagnostic.range, readFile),
  ]
  for (const note of diagnostic.notes) {
    if (note.range === undefined) {
      out.push(`  note: ${note.message}`)
    } else {
      out.push(`  ${place(note.range)}: note: ${note.message}`, ...excerpt(note.range, readFile))
    }
  }
  if (diagnostic.fix !== undefined) out.push(`  fix: ${diagnostic.fix.title}`)
  return out.join('\n')
}

export function renderDiagnostics(diagnostics: readonly Diagnostic[], readFile: ReadFile): string {
  const cache = new Map<string, string | undefined>()
  const cached: ReadFile = (path) => {
    if (!cache.has(path)) cache.set(path, readFile(path))
    return cache.get(path)
  }
  return diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, cached)).join('\n')
}

function place(range: Range): string {
  return `${range.file}:${range.line}:${range.column}`
}

function excerpt(range: Range, readFile: ReadFile): string[] {
  const line = readFile(range.file)?.split(/\r\n|\n|\r/)[range.line - 1]
  if (line === undefined) return []
  const number = String(range.line)
  const end = range.endLine === range.line ? range.endColumn : line.length + 1
  // Tabs stay tabs in the caret line, so that carets align whatever the tab width.
  const indent = line.slice(0, range.column - 1).replace(/[^\t]/g, ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(end, line.length + 1) - range.column))
  return [` ${number} | ${line}`, ` ${' '.repeat(number.length)} | ${indent}${carets}`]
}
