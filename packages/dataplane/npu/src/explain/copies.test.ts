import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Explanation } from '../index.ts'
import { type LabSource, v1modelLab } from '../target/lab.fixture.ts'

const FRAME = Uint8Array.from([1, 2, 3, 4, 5])

/** Session 3 is port 7, session 4 a group without members; group 2 has two. */
function explain(source: LabSource): Explanation {
  const { pipeline } = v1modelLab(source)
  const { replication } = pipeline.traffic!
  replication.setSession(3, { port: 7 })
  replication.setSession(4, { group: 9 })
  replication.setGroup(2, [
    { port: 5, instance: 1 },
    { port: 6, instance: 2 },
  ])
  return pipeline.explain(FRAME, 1)
}

const ends = ({ runs }: Explanation): string[] =>
  runs.map(({ outcome }) =>
    outcome.kind === 'sent' ? `port ${outcome.port}` : outcome.kind === 'dropped' ? outcome.reason.code : outcome.as,
  )

/** Source text of the step that decided a run's end. */
function decisive({ runs }: Explanation, run: number): string {
  const ref = runs[run]?.decisive
  const step = ref === undefined ? undefined : runs[ref.run]?.steps[ref.step]
  return step?.kind === 'assign' ? `${step.field} = ${step.to}` : (step?.kind ?? 'nothing')
}

test('a clone for a group without members is a note beside the run, which tells its own end', () => {
  const story = explain({ ingress: 'clone(CloneType.I2E, 4); std.egress_spec = 2;' })
  assert.deepEqual(ends(story), ['run 2 (egress)', 'port 2'])
  assert.deepEqual(story.notes, ['a copy was not made: No port is left to replicate the packet to.'])
  assert.ok(story.isExact)
})

test('copies that no queue takes are notes, one each', () => {
  const story = explain({ ingress: 'std.priority = 2; std.mcast_grp = 2;', bmv2: true })
  assert.deepEqual(ends(story), ['nothing'])
  assert.equal(story.notes.length, 2)
})

test('a packet that is cloned and dropped was dropped by what set the drop, not by what asked for the clone', () => {
  const ingress = explain({ ingress: 'clone(CloneType.I2E, 3); mark_to_drop(std);' })
  assert.deepEqual(ends(ingress), ['P4_DROP', 'port 7'])
  assert.equal(decisive(ingress, 0), 'std.egress_spec = 511')
  const egress = explain({ egress: 'if (std.instance_type == 0) { clone(CloneType.E2E, 3); mark_to_drop(std); }' })
  assert.deepEqual(ends(egress), ['P4_DROP', 'port 7'])
  assert.equal(decisive(egress, 0), 'std.egress_spec = 511')
})
