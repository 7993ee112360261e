import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Host, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Prefix } from '@lodestone/net'
import { Ddm, MemoryLinks, MemoryNode } from './index.ts'

test('the README example does what it says', async () => {
  const out: unknown[] = []
  const clock = new VirtualClock()
  const [sled, rackSwitch] = [new MemoryNode('sled0'), new MemoryNode('switch0')]
  new MemoryLinks(clock).join(sled, 'nic0', rackSwitch, 'rear0')
  const hostOf = (underlay: MemoryNode) =>
    new Host({
      name: underlay.name,
      clock,
      random: new SeededRandom(1),
      files: new MemoryFiles(),
      networks: { underlay },
    })

  const server = new Ddm(hostOf(sled), 'underlay', { hostname: 'sled0', kind: 'server', interfaces: ['nic0'] })
  const transit = new Ddm(hostOf(rackSwitch), 'underlay', {
    hostname: 'switch0',
    kind: 'transit',
    interfaces: ({ name }) => name.startsWith('rear'),
  })
  server.originate([Prefix.of('fd00:1122:3344:101::/64')])
  server.start()
  transit.start()
  await clock.advance(1000)
  const route = transit.rib.get(Prefix.of('fd00:1122:3344:101::/64'))
  out.push(route?.selected[0]?.nextHopInterface, transit.status().peers[0]?.host)
  assert.deepEqual(out, ['rear0', 'sled0'])
})
