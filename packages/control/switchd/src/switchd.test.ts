import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { makeRig, type Rig, type RigOptions } from './rig.fixture.ts'

function rig(options: RigOptions = {}): Rig & { pipeline: FakePipeline } {
  let pipeline: FakePipeline | undefined
  const made = makeRig((arena) => (pipeline = new FakePipeline({ arena })), options)
  return { ...made, pipeline: pipeline! }
}

function everything(pipeline: FakePipeline): string[][] {
  return pipeline.tables.map(({ name }) => pipeline.dump(name.slice(name.lastIndexOf('.') + 1)))
}

function fill({ switchd }: Rig): void {
  assert.ok(switchd.addAddress(Ip.of('192.0.2.2'), 33).ok)
  assert.ok(switchd.addAddress(Ip.of('fd00::1')).ok)
  assert.ok(switchd.setRoute(Prefix.of('0.0.0.0/0'), [{ port: 33, nextHop: Ip.of('192.0.2.1') }]).ok)
  assert.ok(switchd.setRoute(Prefix.of('fd00::/64'), [{ port: 1, nextHop: Ip.of('fe80::1') }]).ok)
  assert.ok(switchd.setNeighbor(33, Ip.of('192.0.2.1'), Mac.of('02:00:00:00:00:01')).ok)
  assert.ok(switchd.setTunnelSource(Ip.of('fd00::99')).ok)
  const mapping = {
    external: Ip.of('1.2.3.4'),
    firstPort: 0,
    lastPort: 65535,
    sled: Ip.of('fd00::2'),
    innerMac: Mac.of('a8:40:25:f4:11:d7'),
    vni: 7,
  }
  assert.ok(switchd.nat.put(1, [mapping]).ok)
}

test('starting empties tables that somebody left full, and clearing goes back to the start', () => {
  const made = rig()
  const { pipeline, switchd } = made
  assert.ok(switchd.start().ok)
  const fresh = everything(pipeline)
  fill(made)
  assert.notDeepEqual(everything(pipeline), fresh)
  assert.ok(switchd.clear().ok)
  assert.deepEqual(everything(pipeline), fresh)
  assert.deepEqual(pipeline.default('tunnel_source')?.parameters, [0n])
  assert.deepEqual([switchd.routes(4), switchd.routes(6), switchd.neighbors(4)], [[], [], []])
  assert.equal(switchd.nat.status().desiredGeneration, -1)
  // Everything can be made again: nothing was left in any allocator.
  fill(made)
})

test('without links of its own accord, ports are closed until they are given one', () => {
  const { switchd, node, pipeline } = rig({ autoLink: false })
  assert.ok(switchd.start().ok)
  assert.deepEqual(everything(pipeline).flat(), [])
  assert.equal(node.isUp(33), false)
  const link = { speed: '100G', autoneg: false, mtuBytes: 9000, isEnabled: true, isUplink: true }
  assert.ok(switchd.setPort(33, { link, addresses: [] }).ok)
  assert.equal(node.isUp(33), true)
  assert.equal(pipeline.dump('uplink_ports').length, 1)
  const missing = switchd.addAddress(Ip.of('192.0.2.1'), 34)
  assert.ok(!missing.ok && missing.error.kind === 'notFound')
})

test('a port stops being an uplink in both tables', () => {
  const { switchd, pipeline } = rig()
  switchd.start()
  assert.ok(switchd.setLink(33, { isUplink: false }).ok)
  assert.deepEqual(pipeline.dump('uplink_ports'), ['34 @0 uplink_port()'])
  assert.deepEqual(pipeline.dump('egress_filter'), ['34 @0 guest_traffic_allowed()'])
})

test('the tunnel source is the parameter of the default action', () => {
  const { switchd, pipeline } = rig()
  switchd.start()
  assert.ok(switchd.setTunnelSource(Ip.of('fdb1::1')).ok)
  assert.deepEqual(pipeline.default('tunnel_source')?.parameters, [0xfdb1_0000_0000_0000_0000_0000_0000_0001n])
  const bad = switchd.setTunnelSource(Ip.of('10.0.0.1'))
  assert.ok(!bad.ok && bad.error.kind === 'invalid')
  assert.equal(switchd.tunnelSource.toString(), 'fdb1::1')
})

test('a table that cannot be emptied is emptied before anything else is written', () => {
  const made = rig()
  const { switchd, pipeline } = made
  switchd.start()
  fill(made)
  pipeline.failEvery = 1
  assert.equal(switchd.clear().ok, false)
  assert.equal(switchd.setRoute(Prefix.of('10.0.0.0/8'), [{ port: 33, nextHop: Ip.of('192.0.2.1') }]).ok, false)
  pipeline.failEvery = 0
  assert.ok(switchd.setRoute(Prefix.of('10.0.0.0/8'), [{ port: 33, nextHop: Ip.of('192.0.2.1') }]).ok)
  assert.deepEqual(pipeline.dump('lookup_v4'), ['167772160/8 @0 index(0,1)'])
})

test('what a table refused is tried again every few seconds', async () => {
  const { switchd, pipeline, neighbors, clock } = rig()
  switchd.start()
  pipeline.failEvery = 1
  neighbors.learn('tfportqsfp0', Ip.of('192.0.2.1'), Mac.of('02:00:00:00:00:01'))
  assert.deepEqual(pipeline.dump('arp'), [])
  pipeline.failEvery = 0
  await clock.advance(5001)
  assert.equal(pipeline.dump('arp').length, 1)
  switchd.close()
})

test('a program without the tables of the rack switch is refused', () => {
  const other = new FakePipeline()
  Object.defineProperty(other, 'tables', { value: other.tables.slice(1) })
  assert.throws(() => makeRig(() => other), /tables called uplink_ports/)
})
