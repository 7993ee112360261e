/** What a probe program says, as text for terminals. It says nothing that the data does not. */
import type { ProbeValue } from '../probe-event.ts'
import type { AggregateRow, Bucket } from './aggregation.ts'
import type { ProbeOutput } from './probe-run.ts'
import type { ProgramProblem } from './program.ts'

const BAR_CELLS = 40

export function renderProbeOutput(output: ProbeOutput): string {
  switch (output.kind) {
    case 'values':
      return output.values.map((value) => (value === null ? '-' : String(value))).join('  ')
    case 'text':
      return output.text.replace(/\n$/, '')
    case 'aggregation': {
      const lines = output.name === '' ? [] : [`@${output.name}`]
      const widths = columnWidths(output.rows)
      for (const row of output.rows) lines.push(...rowLines(row, widths))
      if (output.rows.length === 0) lines.push('(nothing yet)')
      if (output.lost > 0) lines.push(`${output.lost} events had no room for a row of their own`)
      return lines.join('\n')
    }
  }
}

/** The place in the program, underlined, and what is wrong with it. */
export function renderProgramProblem(text: string, problem: ProgramProblem): string {
  const { start, end } = problem.span
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const lineEnd = text.indexOf('\n', start) < 0 ? text.length : text.indexOf('\n', start)
  const caret = ' '.repeat(start - lineStart) + '^'.repeat(Math.max(1, Math.min(end, lineEnd) - start))
  return `${text.slice(lineStart, lineEnd)}\n${caret}\n${problem.message}`
}

function columnWidths(rows: readonly AggregateRow[]): readonly number[] {
  const widths: number[] = []
  for (const { keys } of rows) keys.forEach((key, k) => (widths[k] = Math.max(widths[k] ?? 0, String(key).length)))
  return widths
}

function rowLines({ keys, result }: AggregateRow, widths: readonly number[]): readonly string[] {
  const head = keys.map((key, k) => cell(key, widths[k]!)).join('  ')
  const indent = head === '' ? '' : `${head}  `
  switch (result.kind) {
    case 'number':
      return [`${indent}${numberText(result.value).padStart(12)}`]
    case 'ranking':
      return [
        ...(head === '' ? [] : [head]),
        ...result.rows.map(
          ({ value, count, over }) =>
            `  ${String(count).padStart(10)}${over > 0 ? ` (up to ${over} too many)` : ''}  ${value}`,
        ),
      ]
    case 'histogram':
      return [...(head === '' ? [] : [head]), ...histogramLines(result.buckets)]
  }
}

function cell(value: ProbeValue, width: number): string {
  return typeof value === 'number' ? String(value).padStart(width) : String(value).padEnd(width)
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3)
}

function histogramLines(buckets: readonly Bucket[]): readonly string[] {
  const most = Math.max(1, ...buckets.map(({ count }) => count))
  return [
    `  ${'value'.padStart(14)}  ${'-'.repeat(BAR_CELLS)}  count`,
    ...buckets.map(({ from, count }) => {
      const bar = '@'.repeat(Math.ceil((BAR_CELLS * count) / most)).padEnd(BAR_CELLS)
      const label = from === null ? 'below' : numberText(from)
      return `  ${label.padStart(14)} |${bar}| ${count}`
    }),
  ]
}
