/** The result of the experiment as text. */
import type { CellRow, GoalResult, Ratio } from '@lodestone/experiment'
import { textTable } from '../../text-table.ts'

const COLUMNS = [
  'policy',
  'mean ms',
  'median',
  'p99',
  '<100KB mean',
  'p99',
  '>1MB mean',
  'slowdown',
  'p99',
  'mean vs ECMP',
  'p99 <100KB vs ECMP',
  'Gbit/s',
  'reordered %',
  'telemetry %',
  'path 0',
]

/** One table per case, load and sizes. */
export function cellTables(rows: readonly CellRow[], titles: Readonly<Record<string, string>>): string {
  const cells = new Map<string, CellRow[]>()
  for (const row of rows) {
    const title = `${row.sizes}, ${row.case}, load ${Math.round(row.load * 100)} %, ${row.seeds} seeds`
    cells.set(title, [...(cells.get(title) ?? []), row])
  }
  return [...cells].map(([title, each]) => `${title}\n${cellTable(each, titles)}`).join('\n\n')
}

function cellTable(rows: readonly CellRow[], titles: Readonly<Record<string, string>>): string {
  const hasDeath = rows.some((row) => row.leftDeadMs !== undefined)
  const columns = hasDeath ? [...COLUMNS, 'off the dead path after ms'] : COLUMNS
  return textTable(
    columns,
    rows.map((row) => [
      titles[row.policy] ?? row.policy,
      row.meanMs.toFixed(2),
      row.medianMs.toFixed(2),
      row.p99Ms.toFixed(1),
      row.smallMeanMs.toFixed(2),
      row.smallP99Ms.toFixed(2),
      row.largeMeanMs.toFixed(1),
      row.slowdown.toFixed(2),
      row.p99Slowdown.toFixed(1),
      ratioText(row.versus?.mean),
      ratioText(row.versus?.smallP99),
      row.throughputGbps.toFixed(2),
      (100 * row.reorderedRatio).toFixed(3),
      (100 * row.telemetryRatio).toFixed(2),
      `${row.shareMean.toFixed(2)} ± ${row.shareDeviation.toFixed(3)}`,
      ...(hasDeath ? [deathText(row)] : []),
    ]),
  )
}

function ratioText(ratio: Ratio | undefined): string {
  return ratio === undefined ? '-' : `${ratio.ratio.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`
}

function deathText(row: CellRow): string {
  return row.leftDeadMs === undefined
    ? '-'
    : `${row.leftDeadMs.median.toFixed(1)} (all ${row.leftDeadMs.most.toFixed(0)})`
}

export function goalTable(goals: readonly GoalResult[]): string {
  return textTable(
    ['goal', 'claim', 'met', 'measured'],
    goals.map((each) => [
      each.goal,
      each.claim,
      each.isMet === undefined ? '-' : each.isMet ? 'yes' : 'NO',
      each.measured,
    ]),
  )
}
