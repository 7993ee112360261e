/**
 * What the tools say about a specification or a program. Codes are stable: ISF1xxx lexical, 2xxx syntax, 3xxx names,
 * 4xxx machine layout, 5xxx assembly syntax, 6xxx examples, 7xxx assembling a program.
 */
import { LineMap, type Span } from './span.ts'

export type Severity = 'error' | 'warning'

export interface DiagnosticNote {
  readonly message: string
  readonly span?: Span
}

export interface Diagnostic {
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly span: Span
  readonly notes: readonly DiagnosticNote[]
}

/** More than this many help nobody; the rest are counted only. */
const MAX_DIAGNOSTICS = 200

/** Collects the diagnostics of one run, in order, without exact repetitions. */
export class DiagnosticSink {
  readonly #list: Diagnostic[] = []
  readonly #seen = new Set<string>()
  #errorCount = 0

  get diagnostics(): readonly Diagnostic[] {
    return this.#list
  }

  get errorCount(): number {
    return this.#errorCount
  }

  error(code: string, span: Span, message: string, notes: readonly DiagnosticNote[] = []): void {
    this.#add({ code, severity: 'error', message, span, notes })
  }

  warning(code: string, span: Span, message: string, notes: readonly DiagnosticNote[] = []): void {
    this.#add({ code, severity: 'warning', message, span, notes })
  }

  #add(diagnostic: Diagnostic): void {
    const key = `${diagnostic.code} ${diagnostic.span.start} ${diagnostic.message}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    if (diagnostic.severity === 'error') this.#errorCount += 1
    if (this.#list.length < MAX_DIAGNOSTICS) this.#list.push(diagnostic)
  }
}

/** Position, message, the source line with carets, notes. Several lines, no trailing newline. */
export function renderDiagnostic(diagnostic: Diagnostic, file: string, text: string): string {
  return render(diagnostic, file, text, new LineMap(text))
}

export function renderDiagnostics(diagnostics: readonly Diagnostic[], file: string, text: string): string {
  const lines = new LineMap(text)
  return diagnostics.map((diagnostic) => render(diagnostic, file, text, lines)).join('\n')
}

function render(diagnostic: Diagnostic, file: string, text: string, lines: LineMap): string {
  const { severity, code, message, span } = diagnostic
  const out = [`${place(span, file, lines)}: ${severity} ${code}: ${message}`, ...excerpt(span, text, lines)]
  for (const note of diagnostic.notes) {
    if (note.span === undefined) out.push(`  note: ${note.message}`)
    else out.push(`  ${place(note.span, file, lines)}: note: ${note.message}`, ...excerpt(note.span, text, lines))
  }
  return out.join('\n')
}

function place(span: Span, file: string, lines: LineMap): string {
  const { line, column } = lines.position(span.start)
  return `${file}:${line}:${column}`
}

function excerpt(span: Span, text: string, lines: LineMap): string[] {
  const { line, column } = lines.position(span.start)
  const start = span.start - column + 1
  const newline = text.indexOf('\n', start)
  const source = text.slice(start, newline === -1 ? text.length : newline).replace(/\r$/, '')
  // Tabs stay tabs in the caret line, so that carets align whatever the tab width.
  const indent = source.slice(0, column - 1).replace(/[^\t]/g, ' ')
  const width = Math.max(1, Math.min(span.end, start + source.length) - span.start)
  const number = String(line)
  return [` ${number} | ${source}`, ` ${' '.repeat(number.length)} | ${indent}${'^'.repeat(width)}`]
}
