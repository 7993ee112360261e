import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, httpFetch, type HttpServer } from '@lodestone/api'
import { routedApi } from '@lodestone/contract-routed'
import { Host, MemoryFabric, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { MemoryTarget } from '@lodestone/lower'
import { Ip, Prefix } from '@lodestone/net'
import { POOL, Rack, TEPS } from './rack.fixture.ts'
import { Routed } from './routed.ts'

test('the whole rack: pool to the upstream, default routes to switches, tunnel endpoints and underlay to sleds', async () => {
  const rack = new Rack()
  await rack.start()
  assert.deepEqual(rack.upstream.programmed(POOL), ['eth0', 'eth1'], 'the upstream reaches the pool over both switches')
  for (const sw of rack.switches) {
    assert.deepEqual(sw.programmed('0.0.0.0/0'), ['qsfp0'])
    assert.deepEqual(sw.programmed('::/0'), ['qsfp0'])
    assert.deepEqual(sw.programmed('fd00:1122:3344:101::/64'), ['rear0'])
    assert.equal(sw.routed.isSettled, true)
  }
  for (const [i, sled] of rack.sleds.entries()) {
    assert.deepEqual(sled.programmed(`fd00:1122:3344:10${2 - i}::/64`), ['nic0', 'nic1'])
    assert.deepEqual(sled.programmed('fdb0:1::/64'), ['nic0'], 'the way to the tunnel endpoint of switch 0')
    assert.deepEqual(sled.programmed('fdb0:2::/64'), ['nic1'])
    assert.deepEqual(sled.tunnels(), [
      `0.0.0.0/0 ${TEPS[0]} 99`,
      `0.0.0.0/0 ${TEPS[1]} 99`,
      `::/0 ${TEPS[0]} 99`,
      `::/0 ${TEPS[1]} 99`,
    ])
  }
})

test('an uplink that goes down takes its tunnel endpoint from the sleds at once, and gives it back', async () => {
  const rack = new Rack()
  await rack.start()
  rack.uplinks[0]!.setUp(false)
  await rack.clock.advance(50)
  assert.deepEqual(rack.sleds[0]!.tunnels(), [`0.0.0.0/0 ${TEPS[1]} 99`, `::/0 ${TEPS[1]} 99`])
  assert.deepEqual(rack.upstream.programmed(POOL), ['eth1'])
  rack.uplinks[0]!.setUp(true)
  await rack.clock.advance(10_000)
  assert.equal(rack.sleds[0]!.tunnels().length, 4)
  assert.deepEqual(rack.upstream.programmed(POOL), ['eth0', 'eth1'])
})

test('a silent uplink is noticed by the hold timer, a silent wire by DDM', async () => {
  const rack = new Rack()
  await rack.start()
  rack.uplinks[1]!.setPassing(false)
  rack.wires[1]![0]!.setPassing(false)
  await rack.clock.advance(8000)
  assert.deepEqual(rack.upstream.programmed(POOL), ['eth0'])
  assert.deepEqual(rack.sleds[0]!.programmed('fd00:1122:3344:102::/64'), ['nic1'])
  // sled 1 reaches only switch 1, whose uplink is dead: it has no way out left.
  assert.deepEqual(rack.sleds[1]!.tunnels(), [])
  const neighbors = await rack.switches[1]!.client.bgp_neighbors()
  assert.ok(neighbors.ok)
  assert.equal(neighbors.value[0]!.last_notification_sent?.code, 4)
})

test('applying the same configuration again disturbs nothing; a small change disturbs only what it concerns', async () => {
  const rack = new Rack()
  await rack.start()
  const [sw] = rack.switches
  const before = sw!.target.writes
  await sw!.apply(rack.switchConfig(0))
  await rack.clock.advance(1000)
  assert.equal(sw!.target.writes, before)

  const config = rack.switchConfig(0)
  await sw!.apply({
    ...config,
    bgp: { ...config.bgp!, originate4: [POOL, '192.0.2.0/24'] },
    static_routes: [{ prefix: '10.0.0.0/8', next_hop: '203.0.113.1', interface: 'qsfp0' }],
  })
  await rack.clock.advance(1000)
  assert.deepEqual(rack.upstream.programmed('192.0.2.0/24'), ['eth0'])
  assert.deepEqual(sw!.programmed('10.0.0.0/8'), ['qsfp0'])
  assert.ok(
    rack.sleds[0]!.tunnels().includes(`10.0.0.0/8 ${TEPS[0]} 99`),
    'a static route out is a tunnel endpoint too',
  )
  const neighbors = await sw!.client.bgp_neighbors()
  assert.ok(neighbors.ok)
  assert.equal(neighbors.value[0]!.counters['sessions-established'], 1)

  await sw!.apply({})
  await rack.clock.advance(8000)
  assert.equal(sw!.target.routes().length, 0)
  assert.deepEqual(rack.sleds[0]!.programmed('fd00:1122:3344:102::/64'), ['nic1'])
})

test('an invalid configuration changes nothing and names every problem', async () => {
  const rack = new Rack()
  await rack.start()
  const [sw] = rack.switches
  const config = rack.switchConfig(0)
  const peer = config.bgp!.peers![0]!
  const result = await sw!.client.config_apply({
    body: {
      ...config,
      bgp: { ...config.bgp!, peers: [peer, { ...peer, hold_time_s: 2 }] },
      static_routes: [{ prefix: '::/0', next_hop: 'fe80::1' }],
    },
  })
  assert.ok(!result.ok && result.kind === 'refused')
  assert.equal(result.status, 400)
  for (const part of ['two peers are called upstream', 'hold_time_s must be 0 or at least 3', 'needs an interface']) {
    assert.ok(result.message.includes(part), result.message)
  }
  const view = await sw!.client.config_view()
  assert.ok(view.ok)
  assert.deepEqual(view.value, config)
  assert.deepEqual(sw!.programmed('0.0.0.0/0'), ['qsfp0'])
})

test('the interface answers why: selection, export, state machine, forwarding plane, neighbours', async () => {
  const rack = new Rack()
  await rack.start()
  const { client: sw } = rack.switches[0]!
  const explained = await sw.rib_explain({ query: { destination: '8.8.8.8' } })
  assert.ok(explained.ok)
  assert.equal(explained.value.prefix, '0.0.0.0/0')
  assert.equal(explained.value.paths[0]!.verdict, 'best')
  assert.equal(explained.value.paths[0]!.path.bgp?.as_path, '65001')

  const own = await rack.switches[1]!.client.rib_explain({ query: { destination: POOL } })
  assert.ok(own.ok)
  assert.equal(
    own.value.paths[0]!.step,
    'locally-originated',
    'the pool came back from the other switch by way of the upstream',
  )

  const missing = await sw.rib_explain({ query: { destination: '192.0.2.0/24' } })
  assert.ok(!missing.ok && missing.kind === 'refused' && missing.status === 404)

  const exported = await sw.bgp_exported({ params: { peer: 'upstream' } })
  assert.ok(exported.ok)
  assert.deepEqual(
    exported.value.map((route) => [route.prefix, route.as_path, route.next_hop]),
    [[POOL, '64512', '203.0.113.2']],
  )
  const why = await sw.bgp_export_explain({ params: { peer: 'upstream' }, query: { prefix: '0.0.0.0/0' } })
  assert.ok(why.ok)
  assert.equal(why.value.code, 'split-horizon')

  const history = await sw.bgp_fsm_history({ params: { peer: 'upstream' } })
  assert.ok(history.ok)
  assert.equal(history.value.at(-1)!.to, 'Established')
  const lower = await sw.lower_status()
  assert.ok(lower.ok)
  assert.equal(lower.value[0]!.programmed, lower.value[0]!.desired)

  const peers = await sw.ddm_peers()
  assert.ok(peers.ok)
  assert.deepEqual(
    peers.value.map((peer) => [peer.interface, peer.status, peer.host]),
    [
      ['rear0', 'exchange', 'sled0'],
      ['rear1', 'exchange', 'sled1'],
    ],
  )
  const tunnels = await sw.ddm_originated_tunnels()
  assert.ok(tunnels.ok)
  assert.equal(tunnels.value[0]!.metric, '18446744073709551615')
  const selected = await sw.rib_selected({ query: { protocol: 'ddm', address_family: 'ipv6' } })
  assert.ok(selected.ok)
  assert.ok(selected.value.length >= 2)
  const v4 = await sw.rib_selected({ query: { protocol: 'ddm', address_family: 'ipv4' } })
  assert.ok(v4.ok)
  assert.equal(v4.value.length, 0)
})

test('clearing a session by the interface: hard starts a new one, soft keeps it, an unknown peer is not found', async () => {
  const rack = new Rack()
  await rack.start()
  const { client: sw } = rack.switches[0]!
  const sessions = async (): Promise<number> => {
    const result = await sw.bgp_neighbors()
    assert.ok(result.ok)
    return result.value[0]!.counters['sessions-established']!
  }
  assert.ok((await sw.bgp_clear({ body: { peer: 'upstream', kind: 'soft_inbound' } })).ok)
  await rack.clock.advance(1000)
  assert.equal(await sessions(), 1)
  assert.ok((await sw.bgp_clear({ body: { peer: 'upstream', kind: 'hard' } })).ok)
  await rack.clock.advance(10_000)
  assert.equal(await sessions(), 2)
  const unknown = await sw.bgp_clear({ body: { peer: 'nobody', kind: 'hard' } })
  assert.ok(!unknown.ok && unknown.kind === 'refused' && unknown.status === 404)
})

test('the interface is served over a network, and BGP starts as soon as its port is free', async () => {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock)
  const network = fabric.network('a', ['203.0.113.1'])
  const squatter = await network.listenTcp({ port: 179 }, () => {})
  const host = new Host({
    name: 'a',
    clock,
    random: new SeededRandom(1),
    files: new MemoryFiles(),
    networks: { os: network },
  })
  const routed = new Routed(host, { network: 'os' })
  const server: HttpServer = await routed.serve('os', { port: 4676 })
  const http = client(
    routedApi,
    httpFetch(fabric.network('b', ['203.0.113.9']), { clock }),
    `http://203.0.113.1:${server.port}`,
  )
  const bgp = { asn: 64512, router_id: '10.0.0.1' }
  assert.ok((await clock.run(http.config_apply({ body: { bgp } }))).ok)
  await clock.advance(2500)
  assert.equal(routed.listenStatus()[0]?.isListening, false)
  squatter.close()
  await clock.advance(2500)
  assert.equal(routed.listenStatus()[0]?.isListening, true)
  const blind = await clock.run(
    http.config_apply({ body: { bgp, ddm: { hostname: 'a', role: 'server', interfaces: [] } } }),
  )
  assert.ok(!blind.ok && blind.message.includes('no interfaces to run on'))
  routed.close()
  server.close()
})

test('after close nothing is left in the RIB, what is programmed stays, and peers are told', async () => {
  const rack = new Rack()
  await rack.start()
  const [sw] = rack.switches
  const programmed = sw!.target.routes().length
  sw!.routed.close()
  await rack.clock.advance(100)
  assert.equal(sw!.routed.rib.routeCount, 0)
  assert.equal(sw!.target.routes().length, programmed)
  assert.deepEqual(rack.upstream.programmed(POOL), ['eth1'])
  assert.equal(rack.upstream.routed.rib.longestMatch(Ip.of('198.51.100.9'))?.prefix.equals(Prefix.of(POOL)), true)
})

test('a forwarding plane that is retired loses our routes, one that is given up keeps them', async () => {
  const rack = new Rack()
  await rack.start()
  const { routed, target } = rack.switches[0]!
  assert.ok(target.routes().length > 0)
  const other = new MemoryTarget()
  routed.setTarget('other', { target: other })
  await rack.clock.advance(100)
  assert.equal(other.routes().length, target.routes().length)
  other.fault = (_, write) => (write % 3 === 0 ? { reason: 'busy', isApplied: false } : undefined)
  routed.retireTarget('other')
  await rack.clock.advance(5000)
  assert.equal(other.routes().length, 0)
  assert.equal(routed.lowerStatus().length, 1)
  const programmed = target.routes().length
  routed.setTarget('0', undefined)
  await rack.clock.advance(5000)
  assert.equal(target.routes().length, programmed)
})
