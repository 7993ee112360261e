import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_EXPERIMENT, planRuns } from './experiment.ts'
import { runCell } from './cell.ts'
import { OracleChoice } from './oracle-policy.ts'

test('a packet goes where it arrives first; an ordered flow only if nothing that it sent can be overtaken', () => {
  let arrivals = [100, 90]
  const oracle = new OracleChoice(2, (_peer, path) => arrivals[path]!, true)
  assert.equal(oracle.choose(0, 3, 7, 1500), 1)
  arrivals = [95, 120]
  assert.equal(oracle.choose(0, 3, 7, 1500), 1, 'the first one may still wait on its own cable')
  assert.equal(oracle.choose(0, 3, 8, 1500), 0, 'another flow')
  oracle.passed(7, 90)
  oracle.passed(7, 121)
  assert.equal(oracle.choose(0, 3, 7, 1500), 1, 'would be overtaken: the last one arrives at 121')
  oracle.passed(7, -Infinity)
  arrivals = [122, 150]
  assert.equal(oracle.choose(0, 3, 7, 1500), 0)
  assert.equal(oracle.choose(0, 2, 7, 1500), 1, 'whatever order, where routing takes the path away')
  const hasty = new OracleChoice(2, (_peer, path) => arrivals[path]!, false)
  hasty.choose(0, 3, 7, 1500)
  arrivals = [50, 40]
  assert.equal(hasty.choose(0, 3, 7, 1500), 1)
})

test('who is told every queue drops least if order is nothing to it, and reorders nothing if it is', () => {
  const plan = { ...DEFAULT_EXPERIMENT, cases: ['half-speed' as const], loads: [0.6], seeds: [1], flows: 150 }
  const runs = planRuns({ ...plan, policies: ['ecmp', 'oracle', 'oracle-packet'] })
  const [ecmp, ordered, hasty] = runs.map((each) => runCell(each))
  assert.equal(ordered!.reorderedRatio, 0)
  assert.ok(hasty!.reorderedRatio > 0.01)
  assert.ok(hasty!.drops < ecmp!.drops / 2, `${hasty!.drops} of ${ecmp!.drops} packets dropped`)
  for (const each of [ordered!, hasty!]) {
    assert.ok(each.overall.meanUs < 0.9 * ecmp!.overall.meanUs)
    assert.equal(each.telemetryRatio, 0)
  }
  // A switch that died is no secret either.
  const dying = runCell({ ...runs[1]!, case: 'dying' })
  assert.ok(dying.leftDeadUs!.most < 5000, `${dying.leftDeadUs!.most}`)
})
