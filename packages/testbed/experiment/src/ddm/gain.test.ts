/** The experiment itself, small: enough flows that a real gain stands out, few enough for every test run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CellResult, type CellRun, runCell } from './cell.ts'
import { DEFAULT_EXPERIMENT, type ExperimentOptions, planRuns, seedRange, summarize } from './experiment.ts'
import { judgeGoals, lostCells } from './goals.ts'
import { plotRows } from './plot.ts'
import type { Ratio } from './statistics.ts'

const SMALL: ExperimentOptions = {
  ...DEFAULT_EXPERIMENT,
  cases: ['half-speed'],
  loads: [0.6],
  policies: ['ecmp', 'ddm'],
  seeds: seedRange(1, 4),
  flows: 300,
}

function run(options: ExperimentOptions): {
  readonly runs: readonly CellRun[]
  readonly results: readonly CellResult[]
} {
  const runs = planRuns(options)
  return { runs, results: runs.map((each) => runCell(each)) }
}

test('DDM beats ECMP, and not when every measurement says the same', () => {
  const live = run(SMALL)
  const unmeasured = run({ ...SMALL, policies: ['ddm'], telemetry: 'constant' })
  // ECMP asks nobody: what it did before is what it does here.
  const isEcmp = live.runs.map(({ policy }) => policy === 'ecmp')
  const constant: typeof live = {
    runs: [...live.runs.filter((_, i) => isEcmp[i]), ...unmeasured.runs],
    results: [...live.results.filter((_, i) => isEcmp[i]), ...unmeasured.results],
  }
  const ratioOf = ({ runs, results }: typeof live): Ratio =>
    summarize(runs, results).find((row) => row.policy === 'ddm')!.versus!.mean
  assert.ok(ratioOf(live).high < 0.85, `live: ${JSON.stringify(ratioOf(live))} of ECMP`)
  // So few flows scatter by a tenth: no difference is what the interval says.
  assert.ok(ratioOf(constant).high > 1, `constant: ${JSON.stringify(ratioOf(constant))} of ECMP`)
  // No reason to move, no packet out of order.
  for (const result of constant.results) assert.equal(result.reorderedRatio, 0)
  for (const result of live.results) assert.ok(result.telemetryRatio < 0.01, `${result.telemetryRatio}`)

  const rows = summarize(live.runs, live.results)
  const goals = judgeGoals(rows)
  assert.deepEqual(
    goals.filter((each) => each.isMet === undefined).map((each) => each.goal),
    ['G1', 'G1', 'G3', 'G6', 'G7'],
    'what this run does not measure is not judged',
  )
  assert.deepEqual(lostCells(rows), [])
  // The same results with names changed: ECMP in DDM's place loses.
  const swapped = live.runs.map((each) => ({
    ...each,
    policy: each.policy === 'ddm' ? ('ecmp' as const) : ('ddm' as const),
  }))
  assert.equal(lostCells(summarize(swapped, live.results)).length, 1)
  const idle = swapped.map((each) => ({ ...each, load: 0.2 }))
  assert.deepEqual(lostCells(summarize(idle, live.results)), [], 'up to 20 % nobody loses')

  const [plot] = plotRows(rows)
  assert.equal(plot!.name, 'web-search-half-speed')
  assert.equal(
    (plot!.svg.match(/<rect /g) ?? []).length,
    1 + 2 * (2 + 2),
    'a background, two panels of bars and legends',
  )
})

test('a run repeats to the last bit', () => {
  const [once] = planRuns({ ...SMALL, policies: ['ddm'], seeds: [7], flows: 80 })
  assert.deepEqual(runCell(once!), runCell(once!))
})

test('every flow ends, with every policy, also when a switch dies', () => {
  for (const policy of DEFAULT_EXPERIMENT.policies) {
    for (const name of ['symmetric', 'dying'] as const) {
      const [each] = planRuns({ ...SMALL, policies: [policy], cases: [name], seeds: [3], flows: 60 })
      const result = runCell(each!)
      assert.equal(result.overall.count, 60)
      assert.ok(Number.isFinite(result.overall.meanUs), `${policy}, ${name}`)
      assert.ok(result.overall.meanSlowdown >= 1, 'no flow is faster than light')
    }
  }
})

test('hosts leave a switch that dies long before routing takes it out', () => {
  const [each] = planRuns({ ...SMALL, policies: ['ddm'], cases: ['dying'], seeds: [1], flows: 300 })
  const { leftDeadUs } = runCell(each!)
  // Three timeouts of 3 ms; a host that had just measured notices with TCP's next packet.
  assert.ok(leftDeadUs!.packets > 0 && leftDeadUs!.most < 60_000, JSON.stringify(leftDeadUs))
  assert.ok(leftDeadUs!.median < 19_000, JSON.stringify(leftDeadUs))
})

test('all policies get the same flows', () => {
  const options = { ...SMALL, policies: ['ecmp', 'letflow'] as const, seeds: [1, 2], flows: 50 }
  const runs = planRuns(options)
  assert.equal(runs.length, 4)
  assert.deepEqual(
    runs.map(({ policy, seed }) => `${policy} ${seed}`),
    ['ecmp 1', 'ecmp 2', 'letflow 1', 'letflow 2'],
  )
})
