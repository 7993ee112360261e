/** Diagnostics of the compiler on the terminal, or as JSON. */
import type { Diagnostic, Range, ReadFile } from '@lodestone/p4'
import type { LodeContext } from '../../context.ts'

interface JsonPlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface JsonDiagnostic extends JsonPlace {
  readonly code: string
  readonly severity: string
  readonly message: string
  readonly notes: readonly (Partial<JsonPlace> & { readonly message: string })[]
  readonly fix?: { readonly title: string; readonly text: string } & JsonPlace & {
      readonly endLine: number
      readonly endColumn: number
    }
}

const place = ({ file, line, column }: Range): JsonPlace => ({ file, line, column })

export function jsonDiagnostic({ range, code, severity, message, notes, fix }: Diagnostic): JsonDiagnostic {
  return {
    ...place(range),
    code,
    severity,
    message,
    notes: notes.map((note) => ({ ...(note.range === undefined ? {} : place(note.range)), message: note.message })),
    ...(fix === undefined
      ? {}
      : {
          fix: {
            title: fix.title,
            text: fix.text,
            ...place(fix.range),
            endLine: fix.range.endLine,
            endColumn: fix.range.endColumn,
          },
        }),
  }
}

/** Prints to standard error with source lines, and a count at the end. Gives the number of errors. */
export async function reportDiagnostics(
  context: LodeContext,
  diagnostics: readonly Diagnostic[],
  readFile: ReadFile,
): Promise<number> {
  const { renderDiagnostics } = await import('@lodestone/p4')
  const isColored = context.process.stderr.isTTY === true && context.color
  if (diagnostics.length > 0) context.note(renderDiagnostics(diagnostics, readFile, { color: isColored }))
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length
  const warnings = diagnostics.length - errors
  const counts = [errors > 0 ? count(errors, 'error') : '', warnings > 0 ? count(warnings, 'warning') : '']
  const summary = counts.filter((text) => text !== '').join(', ')
  if (summary !== '') context.note(summary)
  return errors
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
