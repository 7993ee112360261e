import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Emulation } from './emulation.ts'
import { compileSwitchProgram } from './os-switch-program.ts'
import { rackTopology } from './rack-topology.ts'
import { rackChecks } from './readiness.ts'
import { World } from './world.ts'

test('the example of the README does what it says', async () => {
  const clock = new VirtualClock()
  const world = new World({ clock, random: new SeededRandom(1) })
  const emulation = new Emulation({ world, topology: rackTopology({ sleds: 2 }), program: compileSwitchProgram() })
  await emulation.start()
  await clock.until(() => rackChecks(emulation).every((check) => check.ready), 1000)

  emulation.wiring.links.get('isp0-client')!.setUp(false)
  await clock.advance(1000)
  const client = emulation.hosts().find((node) => node.name === 'client')!
  const route = client.stack.routes().find((each) => each.prefix.toString() === '198.51.100.0/24')!
  assert.deepEqual(
    route.nextHops.map((hop) => hop.interface),
    ['isp1'],
  )
  emulation.close()
})
