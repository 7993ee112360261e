import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@lodestone/host'
import { Prefix } from '@lodestone/net'
import { LabNode, Rack, S0, S1, tunnel, U64_MAX } from './lab.fixture.ts'
import { MemoryLinks } from './memory-links.ts'

test('sleds learn each other over both switches, and the tunnel endpoints of both', async () => {
  const { clock, sleds, switches } = new Rack()
  await clock.advance(1000)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic0', 'nic1'])
  assert.deepEqual(sleds[1]!.hops(S0), ['nic0', 'nic1'])
  assert.deepEqual(switches[0]!.hops(S0), ['rear0'])
  assert.deepEqual(switches[1]!.hops(S1), ['rear1'])
  assert.equal(sleds[0]!.rib.get(S0), undefined, 'nobody tells a sled its own prefix')
  const path = sleds[0]!.rib.get(S1)!.selected[0]!
  assert.ok(path.nextHop.isLinkLocal)
  assert.equal(path.metric, 2)
  for (const sled of sleds) assert.deepEqual(sled.tunnels(), ['0.0.0.0/0 fdb0:: 99', '0.0.0.0/0 fdb0::1 99'])

  const status = sleds[0]!.ddm.status()
  const peers = status.peers.map(({ interfaceName, status: state, host, kind }) => [interfaceName, state, host, kind])
  assert.deepEqual(peers, [
    ['nic0', 'exchange', 'switch0', 'transit'],
    ['nic1', 'exchange', 'switch1', 'transit'],
  ])
  assert.deepEqual(status.prefixes[0]!.vectors, [{ destination: S1, path: ['sled1', 'switch0'] }])
  assert.equal(status.importedTunnels[1]!.origin.metric, U64_MAX)
  assert.deepEqual(status.originated, [S0])
})

test('a metric of 2^64-1 survives, so that its withdrawal finds it; transit routers push tunnels on', async () => {
  const { clock, sleds, switches } = new Rack()
  await clock.advance(1000)
  sleds[1]!.ddm.originateTunnels([tunnel('fdb0::99', U64_MAX, Prefix.of('198.51.100.0/24'))])
  await clock.advance(100)
  assert.equal(sleds[0]!.tunnels().length, 3)
  assert.ok(sleds[0]!.tunnels().includes('198.51.100.0/24 fdb0::99 99'))
  sleds[1]!.ddm.setOriginated([S1], [])
  switches[0]!.ddm.withdrawTunnels([tunnel('fdb0::0')])
  await clock.advance(100)
  assert.deepEqual(sleds[0]!.tunnels(), ['0.0.0.0/0 fdb0::1 99'])
})

test('tunnels with metric 0 wait until no other is left, also when the others expire', async () => {
  const { clock, sleds, switches, wires } = new Rack()
  switches[1]!.ddm.setOriginated([], [tunnel('fdb0::1', 0n)])
  await clock.advance(1000)
  assert.deepEqual(sleds[0]!.tunnels(), ['0.0.0.0/0 fdb0:: 99'])
  const seen: string[][] = []
  sleds[0]!.ddm.onTunnels((effective) => seen.push(effective.map(({ boundaryAddress }) => String(boundaryAddress))))
  wires[0]![0]!.setPassing(false)
  await clock.advance(8000)
  assert.deepEqual(seen, [['fdb0::'], ['fdb0::1']])
})

test('changes of one turn go out as one push per neighbour', async () => {
  const { clock, sleds } = new Rack()
  await clock.advance(3000)
  const before = sleds[0]!.counter('pushes-sent')
  for (let i = 0; i < 20; i++) sleds[0]!.ddm.originate([Prefix.of(`fd00:5:0:${i}::/64`)])
  await clock.advance(100)
  assert.equal(sleds[0]!.counter('pushes-sent') - before, 2)
  assert.deepEqual(sleds[1]!.hops(Prefix.of('fd00:5:0:13::/64')), ['nic0', 'nic1'])
  sleds[0]!.ddm.withdraw([Prefix.of('fd00:5:0:13::1/64')])
  await clock.advance(100)
  assert.deepEqual(sleds[1]!.hops(Prefix.of('fd00:5:0:13::/64')), [])
})

test('more than fits into one push arrives in several', async () => {
  const { clock, sleds } = new Rack()
  const many = Array.from({ length: 2500 }, (_, i) => Prefix.of(`fd00:6:0:${i.toString(16)}::/64`))
  sleds[0]!.ddm.setOriginated(many, [])
  await clock.advance(1000)
  assert.equal(sleds[1]!.rib.routeCount, 2500)
  assert.equal(sleds[1]!.ddm.status().peers[0]!.prefixCount, 2500)
})

test('a switch that dies is gone from every sled within 5 s + 2 s', async () => {
  const { clock, sleds, switches } = new Rack()
  await clock.advance(10_000)
  switches[0]!.ddm.close()
  assert.equal(switches[0]!.rib.routeCount, 0)
  await clock.advance(2500)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic0', 'nic1'], 'silence of 2.5 s proves nothing')
  await clock.advance(4500)
  for (const [sled, prefix] of [
    [sleds[0]!, S1],
    [sleds[1]!, S0],
  ] as const) {
    assert.deepEqual(sled.hops(prefix), ['nic1'])
    assert.deepEqual(sled.tunnels(), ['0.0.0.0/0 fdb0::1 99'])
    const [peer] = sled.ddm.status().peers
    assert.equal(peer!.status, 'expired')
    assert.equal(peer!.host, 'switch0')
    assert.equal(peer!.lostReason, 'silent for 5000 ms')
    assert.ok(peer!.expiredForMs! >= 2000 && peer!.expiredForMs! <= 4000)
  }
})

test('a silent link loses its routes everywhere, and has them back when it heals', async () => {
  const { clock, sleds, switches, wires } = new Rack()
  await clock.advance(10_000)
  wires[1]![0]!.setPassing(false)
  await clock.advance(7000)
  assert.deepEqual(sleds[1]!.hops(S0), ['nic1'])
  assert.deepEqual(switches[0]!.hops(S1), [])
  assert.deepEqual(sleds[0]!.hops(S1), ['nic1'], 'the switch told the other sled')
  wires[1]![0]!.setPassing(true)
  await clock.advance(2500)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic0', 'nic1'])
  assert.deepEqual(sleds[1]!.hops(S0), ['nic0', 'nic1'])
})

test('an interface that goes down drops its neighbour in the same instant', async () => {
  const { clock, sleds, wires } = new Rack()
  await clock.advance(1000)
  wires[0]![1]!.setUp(false)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic0'], 'no time has passed')
  assert.equal(sleds[0]!.ddm.status().peers[1]!.status, 'init')
  await clock.advance(50)
  assert.deepEqual(sleds[1]!.hops(S0), ['nic0'], 'and the switch told the other sled at once')
  wires[0]![1]!.setUp(true)
  await clock.advance(1000)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic0', 'nic1'])
})

test('a ring of transit routers: loops are rejected, withdrawals leave nothing behind, tunnels do not circle', async () => {
  const clock = new VirtualClock()
  const links = new MemoryLinks(clock)
  const nodes = ['t0', 't1', 't2', 't3'].map((name) => new LabNode(name, clock))
  nodes.forEach((node, i) => links.join(node.network, 'right', nodes[(i + 1) % 4]!.network, 'left'))
  for (const node of nodes) node.start('transit', { resyncMs: Infinity })
  nodes[0]!.ddm.setOriginated([S0], [tunnel('fd00:1122:3344:101::1')])
  await clock.advance(2000)
  assert.deepEqual(nodes[1]!.hops(S0), ['left'])
  assert.deepEqual(nodes[2]!.hops(S0), ['left', 'right'], 'both ways round are equally long')
  assert.deepEqual(nodes[3]!.hops(S0), ['right'])
  assert.equal(nodes[0]!.rib.get(S0)?.selected.length ?? 0, 0)
  for (const node of nodes.slice(1)) assert.deepEqual(node.tunnels(), ['0.0.0.0/0 fd00:1122:3344:101::1 99'])
  nodes[0]!.ddm.setOriginated([S0], [])
  await clock.advance(1000)
  for (const node of nodes) assert.deepEqual(node.tunnels(), [])
  nodes[0]!.ddm.withdraw([S0])
  await clock.advance(1000)
  for (const node of nodes) {
    assert.equal(node.rib.routeCount, 0)
    assert.ok(node.ddm.status().prefixes.every(({ vectors }) => vectors.length === 0))
  }
})

test('a prefix with two origins behind one transit router: withdrawing one leaves the other', async () => {
  const { clock, sleds, switches } = new Rack()
  sleds[1]!.ddm.originate([S0])
  switches[1]!.ddm.close()
  const third = new LabNode('sled2', clock)
  new MemoryLinks(clock).join(third.network, 'nic0', switches[0]!.network, 'rear9')
  third.start('server')
  await clock.advance(8000)
  assert.deepEqual(third.hops(S0), ['nic0'])
  const vectors = (): readonly (readonly string[])[] =>
    third.ddm.status().prefixes[0]!.vectors.flatMap(({ destination, path }) => (destination.equals(S0) ? [path] : []))
  assert.deepEqual(vectors().toSorted(), [
    ['sled0', 'switch0'],
    ['sled1', 'switch0'],
  ])
  sleds[0]!.ddm.withdraw([S0])
  await clock.advance(100)
  assert.deepEqual(third.hops(S0), ['nic0'])
  assert.deepEqual(vectors(), [['sled1', 'switch0']])
})

test('a longer way replaces a shorter one that is withdrawn', async () => {
  const { clock, sleds, switches } = new Rack()
  const far = new LabNode('far', clock)
  new MemoryLinks(clock).join(far.network, 'left', switches[0]!.network, 'far')
  far.start('transit')
  far.ddm.originate([S1])
  await clock.advance(1000)
  assert.deepEqual(
    far.ddm
      .status()
      .prefixes[0]!.vectors.map(({ path }) => path)
      .toSorted(),
    [
      ['sled0', 'switch0'],
      ['sled1', 'switch0'],
    ],
  )
  assert.equal(far.rib.explain(S1)?.paths[0]?.step, 'originated-here')
  far.ddm.withdraw([S1])
  await clock.advance(100)
  assert.deepEqual(far.hops(S1), ['left'])
  assert.equal(sleds[0]!.rib.get(S1)!.selected[0]!.metric, 2)
})

test('a neighbour that restarts unnoticed with other prefixes is asked again', async () => {
  const { clock, sleds, switches } = new Rack()
  await clock.advance(10_000)
  sleds[1]!.ddm.close()
  // Comes back within the expiry time: nobody noticed that it was away.
  sleds[1]!.start('server')
  const other = Prefix.of('fd00:1122:3344:109::/64')
  sleds[1]!.ddm.originate([other])
  await clock.advance(1000)
  assert.deepEqual(switches[0]!.hops(other), ['rear1'])
  assert.deepEqual(switches[0]!.hops(S1), [])
  assert.deepEqual(sleds[0]!.hops(S1), [])
  assert.deepEqual(sleds[0]!.hops(other), ['nic0', 'nic1'])
})

test('an expired neighbour that is alive is found again; sync pulls from all', async () => {
  const { clock, sleds } = new Rack()
  await clock.advance(1000)
  assert.equal(sleds[0]!.ddm.expire('nic0'), true)
  assert.equal(sleds[0]!.ddm.expire('nic7'), false)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic1'])
  await clock.advance(3000)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic0', 'nic1'])
  const before = sleds[0]!.counter('pulls-sent')
  sleds[0]!.ddm.sync()
  await clock.advance(10)
  assert.equal(sleds[0]!.counter('pulls-sent') - before, 2)
})

test('interfaces can be chosen later; a router that is closed can be started again', async () => {
  const { clock, sleds } = new Rack()
  await clock.advance(1000)
  sleds[0]!.ddm.setInterfaces(['nic1'])
  assert.deepEqual(sleds[0]!.hops(S1), ['nic1'])
  assert.deepEqual(
    sleds[0]!.ddm.status().peers.map(({ interfaceName }) => interfaceName),
    ['nic1'],
  )
  sleds[0]!.ddm.close()
  assert.equal(sleds[0]!.rib.routeCount, 0)
  assert.deepEqual(sleds[0]!.tunnels(), [])
  sleds[0]!.ddm.setInterfaces(['nic0', 'nic1'])
  sleds[0]!.ddm.start()
  await clock.advance(3000)
  assert.deepEqual(sleds[0]!.hops(S1), ['nic0', 'nic1'])
})

test('a link between two interfaces of one router is no neighbour', async () => {
  const clock = new VirtualClock()
  const node = new LabNode('loner', clock)
  new MemoryLinks(clock).join(node.network, 'a', node.network, 'b')
  node.start('transit')
  node.ddm.originate([S0])
  await clock.advance(5000)
  assert.deepEqual(
    node.ddm.status().peers.map(({ status }) => status),
    ['solicit', 'solicit'],
  )
})
