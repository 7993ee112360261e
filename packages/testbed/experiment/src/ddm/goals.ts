/** The goals that the delay-driven choice is held to, against what was measured. */
import { DEFAULT_MULTIPATH } from '@lodestone/ddm'
import type { CellRow } from './experiment.ts'

export interface GoalResult {
  readonly goal: string
  readonly claim: string
  readonly measured: string
  /** Undefined where this run says nothing about it. */
  readonly isMet: boolean | undefined
}

const BUSY_LOAD = 0.6
const IDLE_LOAD = 0.2

export function judgeGoals(rows: readonly CellRow[]): GoalResult[] {
  const ddm = rows.filter((row) => row.policy === 'ddm' && row.sizes === 'web-search')
  const busy = (name: CellRow['case']): CellRow[] => ddm.filter((row) => row.case === name && row.load >= BUSY_LOAD)
  const steady = ddm.filter((row) => row.case !== 'dying')
  return [
    judge(
      'G1',
      'symmetric: mean at least 15 % lower than ECMP',
      busy('symmetric'),
      (row) => row.versus?.mean.ratio,
      0.85,
    ),
    judge(
      'G1',
      'symmetric: p99 of small flows at least 25 % lower',
      busy('symmetric'),
      (row) => row.versus?.smallP99.ratio,
      0.75,
    ),
    judge(
      'G2',
      'half-speed: mean at least 1.5 times better',
      busy('half-speed'),
      (row) => row.versus?.mean.ratio,
      1 / 1.5,
    ),
    judge(
      'G2',
      'half-speed: p99 of small flows at least 2 times better',
      busy('half-speed'),
      (row) => row.versus?.smallP99.ratio,
      1 / 2,
    ),
    judge(
      'G3',
      'load up to 20 %: at most 3 % worse',
      steady.filter((row) => row.load <= IDLE_LOAD),
      (row) => row.versus?.mean.ratio,
      1.03,
    ),
    judge('G4', 'at most 0.1 % of packets reordered', steady, (row) => row.reorderedRatio, 0.001, percent),
    judge('G5', 'telemetry at most 1 % of bytes', ddm, (row) => row.telemetryRatio, 0.01, percent),
    judge(
      'G6',
      'a dead switch is left within 3 lost measurements (median host), and by all before routing does (5 s)',
      ddm.filter((row) => row.case === 'dying'),
      (row) => (row.leftDeadMs === undefined || row.leftDeadMs.most >= 5000 ? undefined : row.leftDeadMs.median),
      // Each is given up after the timeout, and TCP sends again 10 ms after its last acknowledgment.
      (3 * DEFAULT_MULTIPATH.minTimeoutUs) / 1000 + 10,
      (value) => `${value.toFixed(1)} ms`,
    ),
    judge(
      'G7',
      'path shares swing no more than with ECMP (standard deviation of 1 ms)',
      busy('symmetric'),
      (row) => swing(row, rows),
      1,
    ),
  ]
}

/** Where DDM's mean is worse than ECMP's; on a nearly idle rack both are as good as the noise. */
export function lostCells(rows: readonly CellRow[]): CellRow[] {
  return rows.filter((row) => row.policy === 'ddm' && row.load > IDLE_LOAD && (row.versus?.mean.ratio ?? 0) > 1)
}

function swing(row: CellRow, rows: readonly CellRow[]): number | undefined {
  const ecmp = rows.find(
    (each) => each.policy === 'ecmp' && each.case === row.case && each.load === row.load && each.sizes === row.sizes,
  )
  return ecmp === undefined ? undefined : row.shareDeviation / ecmp.shareDeviation
}

/** The goal holds when the worst cell's value is at most `limit`. */
function judge(
  goal: string,
  claim: string,
  rows: readonly CellRow[],
  value: (row: CellRow) => number | undefined,
  limit: number,
  format: (value: number) => string = (ratio) => `${ratio.toFixed(2)} of ECMP`,
): GoalResult {
  const values = rows.map(value)
  const known = values.filter((each) => each !== undefined)
  if (known.length === 0 || known.length < values.length) {
    return { goal, claim, measured: 'not in this run', isMet: undefined }
  }
  const texts = rows.map((row, i) => `${format(known[i]!)} (${row.case}, ${Math.round(row.load * 100)} %)`)
  return { goal, claim, measured: texts.join(', '), isMet: known.every((each) => each <= limit) }
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(3)} %`
}
