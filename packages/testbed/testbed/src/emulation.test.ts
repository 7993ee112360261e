/** The emulation of a topology: it converges, whatever its size, and its nodes can be switched off and on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Emulation } from './emulation.ts'
import { compileSwitchProgram } from './os-switch-program.ts'
import { rackTopology } from './rack-topology.ts'
import { rackChecks } from './readiness.ts'
import { World } from './world.ts'

const program = compileSwitchProgram()

function emulationOf(sleds: number): { emulation: Emulation; clock: VirtualClock; isReady: () => boolean } {
  const clock = new VirtualClock()
  const world = new World({ clock, random: new SeededRandom(1) })
  const emulation = new Emulation({ world, topology: rackTopology({ sleds }), program })
  return { emulation, clock, isReady: () => rackChecks(emulation).every((check) => check.ready) }
}

for (const sleds of [1, 2, 4, 8]) {
  test(`a rack of ${sleds} converges within 100 ms of virtual time`, async (t) => {
    const { emulation, clock, isReady } = emulationOf(sleds)
    await emulation.start()
    assert.equal(isReady(), false)
    const startMs = performance.now()
    assert.ok(await clock.until(isReady, 100), JSON.stringify(rackChecks(emulation)))
    t.diagnostic(
      `${clock.nowMs().toFixed(1)} ms, ${clock.eventsRun} events in ${Math.round(performance.now() - startMs)} ms`,
    )
    emulation.close()
  })
}

test('a rack stays as it is while nothing happens, and everything ends when it is closed', async () => {
  const { emulation, clock, isReady } = emulationOf(2)
  await emulation.start()
  await clock.until(isReady, 1000)
  for (let minute = 0; minute < 5; minute++) {
    await clock.advance(60_000)
    assert.ok(isReady(), JSON.stringify(rackChecks(emulation)))
  }
  emulation.close()
  await clock.advance(120_000)
  const { eventsRun } = clock
  await clock.advance(600_000)
  assert.equal(clock.eventsRun, eventsRun, 'no timer is left')
  assert.equal(emulation.world.arena.freeSlots, emulation.world.arena.slots)
})

test('every kind of node can be switched off and comes back to a working rack', async () => {
  const { emulation, clock, isReady } = emulationOf(2)
  await emulation.start()
  await clock.until(isReady, 1000)
  for (const name of ['sled1', 'switch1', 'isp0', 'client']) {
    await clock.run(emulation.setPower(name, false))
    assert.equal(emulation.nodes.has(name), false)
    for (const link of emulation.links().values()) {
      assert.equal(link.isUp, !link.name.split('-').includes(name), `${link.name} with ${name} off`)
    }
    await clock.advance(2000)
    await clock.run(emulation.setPower(name, true))
    assert.ok(await clock.until(isReady, 30_000), `${name}: ${JSON.stringify(rackChecks(emulation))}`)
  }
  assert.equal(await emulation.setPower('nobody', true), false)
  emulation.close()
})
