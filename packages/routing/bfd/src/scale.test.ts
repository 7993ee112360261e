import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { LossyWire } from './lossy-network.fixture.ts'
import { BfdSpeaker } from './speaker.ts'

const COUNT = 500

test('500 sessions of one speaker at 300 ms × 3 come up and stay up for a minute', async () => {
  const clock = new VirtualClock()
  const wire = new LossyWire(clock)
  // They watch one another: session i runs from address i to the one beside it, whose session runs back.
  const address = (i: number): Ip => Ip.of(`10.0.${i >> 8}.${i & 255}`)
  const addresses = Array.from({ length: COUNT }, (_, i) => address(i).toString())
  const network = wire.host('rack', addresses)
  const speaker = new BfdSpeaker({ clock, random: new SeededRandom(1), network, alignmentMs: 5 })
  let ups = 0
  let downs = 0
  speaker.onState(({ to }) => {
    if (to === 'Up') ups++
    if (to === 'Down') downs++
  })
  await speaker.listen()
  speaker.setPeers(
    addresses.map((_, i) => ({ name: `peer${i}`, localAddress: address(i), remoteAddress: address(i ^ 1) })),
  )
  await clock.advance(3000)
  assert.equal(ups, COUNT)
  await clock.advance(60_000)
  assert.deepEqual([ups, downs], [COUNT, 0])
  const { peers } = speaker.status()
  const discriminators = new Set(peers.map(({ localDiscriminator }) => localDiscriminator))
  assert.equal(discriminators.size, COUNT)
  assert.ok(!discriminators.has(0))
  assert.equal(new Set(peers.map(({ sourcePort }) => sourcePort)).size, COUNT)
  const sent = peers.reduce((sum, { counters }) => sum + counters['packets-sent'], 0)
  assert.ok(sent >= COUNT * 200, 'each session sends at least every 300 ms')
})
