/**
 * Bugs, put in from outside, and how the simulation finds them: seed after seed until one fails, then down to a few events. The bound
 * is 200 seeds; most bugs need one or two.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { OsFiles } from '@lodestone/host'
import { rackTopology } from '@lodestone/testbed'
import { describeEvent } from './fault/sim-event.ts'
import { sabotages } from './sabotage.fixture.ts'
import { shrink } from './shrink.ts'
import { SimulatedDatabase } from './simulated-database.ts'
import { simulate, type SimulationOptions } from './simulation.ts'

const MAX_SEEDS = 200
const MAX_EVENTS = 5
const ARCHIVES = [new OsFiles(join(import.meta.dirname, '../../../../node_modules/.cache/lodestone'))]

let database: SimulatedDatabase
before(async () => {
  database = await SimulatedDatabase.create(ARCHIVES)
})
after(() => database.close())

for (const { name, problem, ...bug } of sabotages) {
  test(`${name} is found within ${MAX_SEEDS} seeds and shrinks to at most ${MAX_EVENTS} events`, async (t) => {
    const topology = rackTopology({ sleds: 2 })
    await find(t, { minutes: 0.25, ...bug, healWithinMs: 40_000, topology, seed: 0, database }, problem)
  })
}

async function find(t: TestContext, options: SimulationOptions, problem: RegExp): Promise<void> {
  for (let seed = 1; seed <= MAX_SEEDS; seed++) {
    const verdict = await simulate({ ...options, seed })
    const { failure, timeline } = verdict
    if (failure === undefined) continue
    assert.match(failure.problems.join('\n'), problem)
    const shrunk = await shrink({ ...options, seed, timeline, failure })
    t.diagnostic(`seed ${seed}: ${timeline.length} events, after ${shrunk.runs} runs ${shrunk.timeline.length}`)
    for (const event of shrunk.timeline) t.diagnostic(describeEvent(event))
    assert.ok(shrunk.timeline.length <= MAX_EVENTS, `${shrunk.timeline.length} events are left`)
    assert.match(shrunk.verdict?.failure?.problems.join('\n') ?? '', problem)
    // What was found is the bug and nothing else: without it the same timeline does no harm.
    const { makeWorld: _world, wrapFetch: _fetch, tamper: _tamper, ...healthy } = options
    const without = await simulate({ ...healthy, seed, timeline: shrunk.timeline, minutes: shrunk.minutes })
    assert.equal(without.failure, undefined, without.failure?.problems.join('; '))
    return
  }
  assert.fail(`${MAX_SEEDS} seeds did not find it`)
}
