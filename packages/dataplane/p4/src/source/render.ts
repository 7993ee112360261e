/** Diagnostics as text for people: position, message, the source lines with carets, notes and the proposed fix. */
import type { Diagnostic, DiagnosticFix } from './diagnostic.ts'
import type { Range } from './range.ts'

export type ReadFile = (path: string) => string | undefined

export interface RenderOptions {
  /** ANSI colours, for terminals. */
  readonly color?: boolean
}

type Paint = 'error' | 'warning' | 'note' | 'fix' | 'strong' | 'caret'

const COLORS: Readonly<Record<Paint, string>> = {
  error: '\u001b[1;31m',
  warning: '\u001b[1;33m',
  note: '\u001b[36m',
  fix: '\u001b[32m',
  strong: '\u001b[1m',
  caret: '\u001b[31m',
}

/** All but the tab. */
// oxlint-disable-next-line no-control-regex -- they are what it is for
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g
/** Longer source lines are cut around the place that matters. */
const MAX_SHOWN = 160

/** Several lines, no trailing newline. `readFile` gives the source lines; a file it does not know is shown without. */
export function renderDiagnostic(diagnostic: Diagnostic, readFile: ReadFile, options: RenderOptions = {}): string {
  const paint = (color: Paint, text: string): string =>
    options.color === true ? `${COLORS[color]}${text}\u001b[0m` : text
  const { range, severity, code, message, fix } = diagnostic
  const out = [
    `${paint('strong', place(range))}: ${paint(severity, `${severity} ${code}`)}: ${paint('strong', message)}`,
    ...excerpt(range, readFile, paint),
  ]
  for (const note of diagnostic.notes) {
    if (note.range === undefined) {
      out.push(`  ${paint('note', 'note')}: ${note.message}`)
    } else {
      out.push(`  ${place(note.range)}: ${paint('note', 'note')}: ${note.message}`)
      out.push(...excerpt(note.range, readFile, paint))
    }
  }
  if (fix !== undefined) out.push(`  ${paint('fix', 'fix')}: ${fix.title}`, ...fixed(fix, readFile, paint))
  return out.join('\n')
}

export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  readFile: ReadFile,
  options: RenderOptions = {},
): string {
  const cache = new Map<string, string | undefined>()
  const cached: ReadFile = (path) => {
    if (!cache.has(path)) cache.set(path, readFile(path))
    return cache.get(path)
  }
  return diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, cached, options)).join('\n')
}

function place(range: Range): string {
  return `${range.file}:${range.line}:${range.column}`
}

function lineOf(range: Range, readFile: ReadFile): string | undefined {
  const line = readFile(range.file)?.split(/\r\n|\n|\r/)[range.line - 1]
  // A terminal would obey them.
  return line?.replace(CONTROL_CHARACTERS, '\ufffd')
}

function excerpt(range: Range, readFile: ReadFile, paint: (color: Paint, text: string) => string): string[] {
  const whole = lineOf(range, readFile)
  if (whole === undefined) return []
  const from = whole.length > MAX_SHOWN ? Math.max(0, range.column - 1 - MAX_SHOWN / 2) : 0
  const line = whole.slice(from, from + MAX_SHOWN)
  const column = range.column - from
  const number = String(range.line)
  const end = range.endLine === range.line ? range.endColumn - from : line.length + 1
  // Tabs stay tabs in the caret line, so that carets align whatever the tab width.
  const indent = line.slice(0, column - 1).replace(/[^\t]/g, ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(end, line.length + 1) - column))
  return [` ${number} | ${line}`, ` ${' '.repeat(number.length)} | ${indent}${paint('caret', carets)}`]
}

/** The line as it would be after a fix that stays within it. */
function fixed(fix: DiagnosticFix, readFile: ReadFile, paint: (color: Paint, text: string) => string): string[] {
  const line = lineOf(fix.range, readFile)
  const { column, endColumn, endLine } = fix.range
  if (line === undefined || endLine !== fix.range.line || line.length > MAX_SHOWN || fix.text === '') return []
  const text = fix.text.replace(/\n$/, '')
  const isNewLine = text !== fix.text
  const after = isNewLine ? '' : line.slice(endColumn - 1)
  return [` ${fix.range.line} | ${line.slice(0, column - 1)}${paint('fix', text)}${after}`]
}
