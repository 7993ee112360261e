import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFabric, SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { BfdSpeaker } from './index.ts'

test('the README example does what it says', async () => {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock)
  const make = (seed: number, address: string): BfdSpeaker =>
    new BfdSpeaker({ clock, random: new SeededRandom(seed), network: fabric.network(address, [address]) })
  const rack = make(1, '203.0.113.1')
  const upstream = make(2, '203.0.113.2')
  await Promise.all([rack.listen(), upstream.listen()])
  const said: string[] = []
  rack.onState(({ peer, to, isFailure }) => said.push(`${peer.name} ${to} ${isFailure}`))
  rack.setPeers([{ name: 'upstream', remoteAddress: Ip.of('203.0.113.2') }])
  upstream.setPeers([{ name: 'rack', remoteAddress: Ip.of('203.0.113.1') }])
  await clock.advance(2000)
  assert.equal(said.at(-1), 'upstream Up false')
  fabric.setReachable('203.0.113.1', '203.0.113.2', false)
  await clock.advance(900)
  assert.equal(said.at(-1), 'upstream Down true')
})
