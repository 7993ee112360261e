/** Routes follow the state of links: on the client, in the switches' tables and on the sleds, and they come back. */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { Prefix } from '@lodestone/net'
import { must } from './control-plane.fixture.ts'
import { RackLab } from './rack-lab.fixture.ts'
import { DEFAULT_POOL, sledPrefix } from './rack-plan.ts'

const PORTS = 'isp0 isp1'
const SLED1 = sledPrefix(1).toString()
/** Withdrawal and announcement are messages, not timers. */
const SETTLED_MS = 1000

let lab: RackLab

before(async () => {
  lab = await RackLab.start()
})
afterEach(async () => {
  for (const link of lab.emulation.links().values()) link.setUp(true)
  await lab.untilReady(30_000)
})
after(() => lab.close())

/** Interfaces that lead from a node to a prefix. */
function ways(node: string, prefix: string): string {
  const found = lab.emulation.nodes
    .get(node)!
    .stack.routes()
    .find((route) => route.prefix.equals(Prefix.of(prefix)))
  return (found?.nextHops ?? [])
    .map((hop) => hop.interface)
    .toSorted()
    .join(' ')
}

/** Ports that a switch's own table has for a prefix, read through its interface. */
async function tableWays(index: number, cidr: string): Promise<string> {
  const api = lab.emulation.switches()[index]!.api
  const params = { cidr }
  const result = await (cidr.includes(':') ? api.route_ipv6_view({ params }) : api.route_ipv4_view({ params }))
  if (!result.ok) return ''
  const ports = result.value.targets.map((target) => target.port_id)
  return ports.toSorted().join(' ')
}

/** Tunnel endpoints of a sled, and the interface towards each. */
function endpoints(sled: number): string {
  const node = lab.emulation.sleds()[sled]!
  const default4 = node.engine.tunnelEndpoints().find((route) => route.prefix.equals(Prefix.of('0.0.0.0/0')))
  return (default4?.endpoints ?? [])
    .map(({ address }) => `${address} ${node.stack.lookup(address)?.nextHops[0]?.interface}`)
    .toSorted()
    .join(', ')
}

test('the client’s routes to the pool follow its provider links, and the switches’ routes to the client, too', async () => {
  const pool = DEFAULT_POOL.prefix.toString()
  assert.equal(ways('client', pool), PORTS)
  assert.equal(await tableWays(0, '203.0.113.0/24'), 'qsfp0 qsfp1')
  lab.link('isp1-client').setUp(false)
  await lab.clock.advance(SETTLED_MS)
  assert.equal(ways('client', pool), 'isp0')
  for (const index of [0, 1]) assert.equal(await tableWays(index, '203.0.113.0/24'), 'qsfp0')
  lab.link('isp1-client').setUp(true)
  await lab.untilReady(30_000)
  assert.ok(await lab.clock.until(() => ways('client', pool) === PORTS, 10_000))
})

test('an uplink that goes down takes its paths from the switch and from the router, and gives them back', async () => {
  const pool = DEFAULT_POOL.prefix.toString()
  assert.equal(ways('isp0', pool), 'switch0 switch1')
  lab.link('switch0-isp0').setUp(false)
  await lab.clock.advance(SETTLED_MS)
  assert.equal(ways('isp0', pool), 'switch1')
  assert.equal(ways('isp1', pool), 'switch0 switch1')
  assert.equal(ways('client', pool), PORTS, 'both providers still have a way')
  assert.equal(await tableWays(0, '0.0.0.0/0'), 'qsfp1')
  assert.equal(await tableWays(1, '0.0.0.0/0'), 'qsfp0 qsfp1')
  lab.link('switch0-isp0').setUp(true)
  await lab.untilReady(30_000)
  assert.ok(await lab.clock.until(() => ways('isp0', pool) === 'switch0 switch1', 10_000))
  assert.equal(await tableWays(0, '0.0.0.0/0'), 'qsfp0 qsfp1')
})

test('a sled that loses a switch link is reached through another sled, and reaches both tunnel endpoints by the other link', async () => {
  const [end0, end1] = lab.emulation.specs('switch').map((spec) => spec.tunnelEndpoint.toString())
  const both = `${end0} nic0, ${end1} nic1`
  assert.equal(endpoints(1), both)
  assert.equal(await tableWays(1, SLED1), 'rear1')
  assert.equal(ways('sled0', SLED1), 'nic0 nic1')
  lab.link('sled1-switch1').setUp(false)
  await lab.clock.advance(SETTLED_MS)
  assert.equal(await tableWays(0, SLED1), 'rear1')
  assert.equal(await tableWays(1, SLED1), 'rear0')
  assert.equal(ways('sled0', SLED1), 'nic0')
  assert.equal(endpoints(1), `${end0} nic0, ${end1} nic0`)
  lab.link('sled1-switch1').setUp(true)
  await lab.untilReady(30_000)
  assert.ok(await lab.clock.until(() => endpoints(1) === both && ways('sled0', SLED1) === 'nic0 nic1', 10_000))
  assert.equal(await tableWays(1, SLED1), 'rear1')
})

test('a switch that goes off is gone from every sled’s tunnel endpoints and every router’s table, and comes back', async () => {
  const pool = DEFAULT_POOL.prefix.toString()
  const [end0, end1] = lab.emulation.specs('switch').map((spec) => spec.tunnelEndpoint.toString())
  await lab.run(lab.emulation.setPower('switch0', false))
  await lab.clock.advance(SETTLED_MS)
  for (const sled of [0, 1]) assert.equal(endpoints(sled), `${end1} nic1`)
  for (const router of ['isp0', 'isp1']) assert.equal(ways(router, pool), 'switch1')
  assert.equal(ways('sled0', SLED1), 'nic1')
  await lab.run(lab.emulation.setPower('switch0', true))
  await lab.untilReady(30_000)
  for (const sled of [0, 1]) assert.equal(endpoints(sled), `${end0} nic0, ${end1} nic1`)
  assert.equal(ways('sled0', SLED1), 'nic0 nic1')
})

test('the table dump shows the entries that routes became', async () => {
  const { api } = lab.emulation.switches()[0]!
  const tables = must(await api.table_list())
  const table = tables.find(({ name }) => name.endsWith('router.lookup_v6'))!.name
  const read = async (): Promise<string> => JSON.stringify(must(await api.table_dump({ params: { table } })).entries)
  assert.ok((await read()).includes(SLED1))
  for (const name of ['sled1-switch0', 'sled1-switch1']) lab.link(name).setUp(false)
  await lab.clock.advance(SETTLED_MS)
  assert.ok(!(await read()).includes(SLED1), 'no way is left')
})
