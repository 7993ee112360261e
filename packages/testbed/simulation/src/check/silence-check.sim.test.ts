import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { compileSwitchProgram, Emulation, rackTopology, World } from '@lodestone/testbed'
import { LinkFaults } from '../fault/link-faults.ts'
import { NodeClock } from '../node-clock.ts'
import { BFD_PROFILE } from '../routing-supervisor.ts'
import { SilenceCheck } from './silence-check.ts'

/** @returns what the check says when all that switch0 sends to isp0 is lost for four seconds. */
async function problemsWith(ispClock: (clock: VirtualClock) => NodeClock): Promise<readonly string[]> {
  const clock = new VirtualClock()
  const clocks = { isp0: ispClock(clock) } as Readonly<Record<string, NodeClock>>
  const world = new World({ clock, random: new SeededRandom(1), clockOf: (node) => clocks[node] ?? clock })
  const emulation = new Emulation({ world, topology: rackTopology({ sleds: 1 }), program: compileSwitchProgram() })
  await emulation.start()
  for (const name of ['isp0', 'switch0']) {
    const routed = emulation.nodes.get(name)!.routed!
    const bgp = routed.config.bgp!
    const bfd = Object.fromEntries(bgp.peers.map((peer) => [peer.name, BFD_PROFILE]))
    assert.ok(routed.apply({ ...routed.config, bgp: { ...bgp, bfd } }).ok)
  }
  const isUp = (): boolean =>
    emulation.nodes
      .get('isp0')!
      .routed!.bfdStatus()
      ?.peers.some((peer) => peer.state === 'Up') === true
  assert.ok(await clock.until(isUp, 30_000))
  await clock.advance(5000)
  const problems: string[] = []
  const check = new SilenceCheck({ clock, emulation, onProblem: (problem) => problems.push(problem) })
  const links = new LinkFaults(emulation, (link, direction, isSilent) => check.set(link, direction, isSilent))
  const end = links.add({ link: 'switch0-isp0', direction: 'a-to-b', loss: 1 })
  await clock.advance(4000)
  end()
  emulation.close()
  return problems
}

test('BFD that sees silence in its detection time is right, and one that takes twice as long is not', async () => {
  assert.deepEqual(await problemsWith((clock) => new NodeClock(clock)), [])
  const slow = await problemsWith((clock) => {
    const half = new NodeClock(clock)
    half.setSkew(-500_000)
    return half
  })
  assert.match(slow[0] ?? '', /^isp0: BFD with .* is up \d+ ms after its last packet, detection time 900 ms$/)
})
