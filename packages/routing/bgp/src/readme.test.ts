import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFabric, SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { Speaker } from './index.ts'

test('the README example does what it says', async () => {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock)
  const make = (asn: number, address: string): Speaker =>
    new Speaker({
      clock,
      random: new SeededRandom(asn),
      network: fabric.network(address, [address]),
      rib: new Rib({ nowMs: () => clock.nowMs() }),
      asn,
      routerId: Ip.of(address),
    })
  const rack = make(64512, '203.0.113.1')
  const upstream = make(65001, '203.0.113.2')
  await upstream.listen()
  rack.addPeer({ name: 'upstream', remoteAddress: Ip.of('203.0.113.2'), remoteAsn: 65001 })
  upstream.addPeer({ name: 'rack', remoteAddress: Ip.of('203.0.113.1'), remoteAsn: 64512, isPassive: true })
  rack.originate([Prefix.of('198.51.100.0/24')])
  await clock.advance(1000)
  assert.equal(upstream.peer('rack')?.status().pathsReceived, 1)
})
