import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planRuns, QUICK_EXPERIMENT, runCell, summarize } from './index.ts'

test('the example of the README runs', () => {
  const options = { ...QUICK_EXPERIMENT, cases: ['half-speed'] as const, seeds: [1], flows: 100 }
  const runs = planRuns(options)
  const rows = summarize(
    runs,
    runs.map((run) => runCell(run)),
  )
  assert.deepEqual(
    rows.map((row) => [row.policy, row.versus === undefined]),
    [
      ['ecmp', true],
      ['ddm', false],
    ],
  )
  assert.ok(rows.every((row) => row.meanMs > 0))
})
