import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@lodestone/host'
import { AmbientUse, asDatabase, guardAmbient } from './ambient-guard.ts'

test('under the guard, ambient time, timers and randomness throw; the database sees virtual time; afterwards all is as before', () => {
  const clock = new VirtualClock()
  const before = { Date, random: Math.random, setTimeout, now: performance.now }
  const undo = guardAmbient(clock)
  try {
    const uses = [
      () => Date.now(),
      () => new Date(),
      () => Math.random(),
      () => setTimeout(() => undefined, 1),
      () => performance.now(),
      () => crypto.randomUUID(),
    ]
    for (const use of uses) assert.throws(use, AmbientUse, String(use))
    assert.equal(new Date(5).getTime(), 5, 'dates that are only converted are no time of day')
    assert.ok(new before.Date() instanceof Date)
    assert.equal(
      asDatabase(() => Date.now()),
      clock.wallMs(),
    )
  } finally {
    undo()
  }
  assert.equal(Date, before.Date)
  assert.equal(Math.random, before.random)
  assert.equal(setTimeout, before.setTimeout)
})
