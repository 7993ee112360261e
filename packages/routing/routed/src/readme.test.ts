import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLinks, MemoryNode } from '@lodestone/ddm'
import { Host, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { MemoryTarget } from '@lodestone/lower'
import { Ip, Prefix } from '@lodestone/net'
import { EMPTY_CONFIG, Routed } from './index.ts'

test('the README example does what it says', async () => {
  const clock = new VirtualClock()
  const [sled, rackSwitch] = [new MemoryNode('sled0'), new MemoryNode('switch0')]
  new MemoryLinks(clock).join(sled, 'nic0', rackSwitch, 'rear0')
  const hostOf = (network: MemoryNode): Host =>
    new Host({
      name: network.name,
      clock,
      random: new SeededRandom(1),
      files: new MemoryFiles(),
      networks: { underlay: network },
    })
  const target = new MemoryTarget()
  const onSled = new Routed(hostOf(sled), { network: 'underlay', targets: [{ target }] })
  const onSwitch = new Routed(hostOf(rackSwitch), { network: 'underlay' })
  const none = { originate: [], tunnelOrigins: [] }
  onSled.apply({ ...EMPTY_CONFIG, ddm: { hostname: 'sled0', role: 'server', interfaces: ['nic0'], ...none } })
  onSwitch.apply({
    ...EMPTY_CONFIG,
    staticRoutes: [{ prefix: Prefix.of('0.0.0.0/0'), nextHop: Ip.of('203.0.113.1'), interface: 'qsfp0' }],
    ddm: { hostname: 'switch0', role: 'transit', interfaces: ['rear0'], ...none },
    tunnelEndpoint: Ip.of('fdb0:1::1'),
  })
  await clock.advance(1000)
  assert.deepEqual(
    target.routes().map(({ prefix }) => `${prefix}`),
    ['fdb0:1::/64'],
  )
  assert.deepEqual(
    onSled.ddm?.tunnels.map(({ overlayPrefix, boundaryAddress }) => `${overlayPrefix} ${boundaryAddress}`),
    ['0.0.0.0/0 fdb0:1::1'],
  )
})
