import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_MULTIPATH, stampOf } from '@lodestone/ddm'
import { SeededRandom } from '@lodestone/host'
import { runCell } from './cell.ts'
import { DEFAULT_EXPERIMENT, planRuns } from './experiment.ts'
import { makePolicy, type PathPolicy, type PolicyName, type Telemetry } from './policy.ts'

const BOTH = 0b11
const BYTES = 1500

function policy(name: PolicyName, telemetry: Telemetry = 'live', backlogUs = 0): PathPolicy {
  return makePolicy(name, {
    random: new SeededRandom(1),
    rates: [1e9, 5e8],
    letFlowGapUs: 200,
    multipath: DEFAULT_MULTIPATH,
    telemetry,
    queues: { backlogUs: (path) => (path === 0 ? backlogUs : 0), limitUs: () => Infinity },
    arrivalUs: () => 0,
  })
}

/** Share of path 0 among 4000 flows of one packet each. */
function share(of: PathPolicy, mask = BOTH, nowUs = 1000): number {
  let first = 0
  for (let i = 0; i < 4000; i++) if (of.choose(1, mask, Math.imul(i, 0x9e3779b1), BYTES, nowUs) === 0) first++
  return first / 4000
}

test('ECMP splits flows evenly and weighted ECMP by the rates; a flow keeps its path; what routing takes out is not used', () => {
  assert.ok(Math.abs(share(policy('ecmp')) - 1 / 2) < 0.03)
  assert.ok(Math.abs(share(policy('wecmp')) - 2 / 3) < 0.03)
  for (const name of ['ecmp', 'wecmp', 'letflow', 'least-delay', 'ddm'] as const) {
    assert.deepEqual([share(policy(name), 0b01), share(policy(name), 0b10)], [1, 0], name)
    const one = policy(name)
    const path = one.choose(1, BOTH, 7, BYTES, 0)
    for (let i = 1; i < 100; i++) assert.equal(one.choose(1, BOTH, 7, BYTES, i * 50), path)
  }
})

test('LetFlow lets a flow go on by either path after a pause longer than its gap, and not before', () => {
  const letflow = policy('letflow')
  let nowUs = 0
  let path = letflow.choose(1, BOTH, 7, BYTES, nowUs)
  let moves = 0
  for (let i = 0; i < 1000; i++) {
    assert.equal(letflow.choose(1, BOTH, 7, BYTES, (nowUs += 200)), path)
    const next = letflow.choose(1, BOTH, 7, BYTES, (nowUs += 201))
    if (next !== path) moves++
    path = next
  }
  assert.ok(Math.abs(moves - 500) < 60, `${moves}`)
})

/** Tells a policy that path 0 takes 150 µs there and back and path 1 100. */
function tell(of: PathPolicy): void {
  for (let i = 0; i < 20; i++) {
    for (const [path, roundTripUs] of [
      [0, 150],
      [1, 100],
    ] as const) {
      const nowUs = 10_000 + 500 * i
      const id = of.stamp(1, path, nowUs)
      if (id >= 0) of.onAnswer(1, id, stampOf(nowUs), -1, nowUs + roundTripUs)
    }
  }
}

test('least delay takes the better path always, DDM mostly, and neither knows better when measurements are constant', () => {
  const nowUs = 20_000
  for (const [name, low, high] of [
    ['least-delay', 0, 0],
    ['ddm', 0.05, 0.4],
  ] as const) {
    const live = policy(name)
    tell(live)
    const measured = share(live, BOTH, nowUs)
    assert.ok(measured >= low && measured <= high, `${name} ${measured}`)
    const constant = policy(name, 'constant', 500)
    tell(constant)
    // The queue of the own cable is not looked at either.
    assert.ok(Math.abs(share(constant, BOTH, nowUs) - 0.5) < 0.03, name)
  }
})

test('where switch 1 has half the speed, weighted ECMP gives it a third of the bytes and ECMP half; elsewhere both half', () => {
  const plan = planRuns({
    ...DEFAULT_EXPERIMENT,
    cases: ['symmetric', 'half-speed'],
    loads: [0.8],
    policies: ['ecmp', 'wecmp'],
    seeds: [1],
    flows: 250,
  })
  for (const run of plan) {
    const { shareMean } = runCell(run)
    const expected = run.case === 'half-speed' && run.policy === 'wecmp' ? 2 / 3 : 1 / 2
    // Where ECMP sends half to a slow switch, what waits there is sent later.
    const isHeldBack = run.case === 'half-speed' && run.policy === 'ecmp'
    assert.ok(Math.abs(shareMean - expected) < (isHeldBack ? 0.12 : 0.06), `${run.case} ${run.policy} ${shareMean}`)
  }
})
