import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CallResult, client } from '@lodestone/api'
import { switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import { Ip, Mac } from '@lodestone/net'
import { FakePipeline } from '../fake-pipeline.fixture.ts'
import { FRAME_A } from '../frames.fixture.ts'
import { makeRig, type Rig } from '../rig.fixture.ts'

function rig(): Rig & { pipeline: FakePipeline; api: SwitchdClient } {
  let pipeline: FakePipeline | undefined
  const made = makeRig((arena) => (pipeline = new FakePipeline({ arena })))
  assert.ok(made.switchd.start().ok)
  return { ...made, pipeline: pipeline!, api: client(switchdApi, made.switchd.handler, 'http://switch') }
}

async function value<T>(call: Promise<CallResult<T>>): Promise<T> {
  const result = await call
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.value
}

async function refused(call: Promise<CallResult<unknown>>): Promise<string> {
  const result = await call
  assert.ok(!result.ok && result.kind === 'refused')
  return `${result.status} ${result.message}`
}

const qsfp0 = { port_id: 'qsfp0', link_id: 0 }

test('every port has a link at the start, uplinks face the world, and the tables say so', async () => {
  const { api, pipeline } = rig()
  const ports = await value(api.port_list())
  assert.deepEqual(
    ports.map(({ port_id, asic_id, links }) => [port_id, asic_id, links]),
    [
      ['int0', 0, []],
      ['rear0', 1, [0]],
      ['rear1', 2, [0]],
      ['qsfp0', 33, [0]],
      ['qsfp1', 34, [0]],
    ],
  )
  const links = await value(api.link_list())
  assert.deepEqual(
    links.items.map(({ port_id, address }) => [port_id, address]),
    [
      ['rear0', 'a8:40:25:05:00:64'],
      ['rear1', 'a8:40:25:05:00:65'],
      ['qsfp0', 'a8:40:25:05:00:84'],
      ['qsfp1', 'a8:40:25:05:00:85'],
    ],
  )
  const uplinks = await value(api.table_dump({ params: { table: 'uplink_ports' } }))
  assert.deepEqual(
    uplinks.entries.map(({ keys }) => keys),
    [{ 'ingress.port': 'qsfp0' }, { 'ingress.port': 'qsfp1' }],
  )
  assert.equal(pipeline.dump('egress_filter').length, 2)
  assert.equal(pipeline.dump('mac_rewrite').length, 4)
  // Link-local addresses: one claim and one drop for each port.
  assert.equal(pipeline.dump('switch_ipv6_addr').length, 8)
})

test('lists are paged', async () => {
  const { api } = rig()
  const first = await value(api.link_list({ query: { limit: 3 } }))
  assert.equal(first.items.length, 3)
  const rest = await value(api.link_list({ query: { limit: 3, page_token: first.next_page! } }))
  assert.deepEqual(
    rest.items.map(({ port_id }) => port_id),
    ['qsfp1'],
  )
  assert.equal(rest.next_page, null)
})

test('a link can be seen, disabled and enabled', async () => {
  const { api, port } = rig()
  assert.equal((await value(api.link_view({ params: qsfp0 }))).link_state, 'up')
  await value(api.link_enabled_set({ params: qsfp0, body: { enabled: false } }))
  const disabled = await value(api.link_view({ params: qsfp0 }))
  assert.deepEqual([disabled.enabled, disabled.link_state], [false, 'down'])
  await value(api.link_enabled_set({ params: qsfp0, body: { enabled: true } }))
  port('qsfp0').setUp(false)
  const cut = await value(api.link_view({ params: qsfp0 }))
  assert.deepEqual([cut.enabled, cut.link_state], [true, 'down'])
  assert.match(await refused(api.link_view({ params: { port_id: 'qsfp0', link_id: 1 } })), /^404/)
  assert.match(await refused(api.link_view({ params: { port_id: 'qsfp9', link_id: 0 } })), /^404/)
})

test('addresses of a link: added twice, listed without the link-local one, removed once', async () => {
  const { api, pipeline } = rig()
  const params = { ...qsfp0, address: '192.0.2.1' }
  await value(api.link_address_add({ params }))
  await value(api.link_address_add({ params }))
  assert.deepEqual(await value(api.link_address_list({ params: qsfp0 })), ['192.0.2.1'])
  assert.deepEqual(pipeline.dump('switch_ipv4_addr'), [
    '3221225985 0&0 @1 drop_ipv4()',
    '3221225985 33&65535 @2 claim()',
  ])
  await value(api.link_address_delete({ params }))
  assert.deepEqual(pipeline.dump('switch_ipv4_addr'), [])
  assert.match(await refused(api.link_address_delete({ params })), /^404/)
  assert.match(await refused(api.link_address_add({ params: { ...qsfp0, address: '224.0.0.1' } })), /^400/)
})

test('loopback addresses are claimed everywhere', async () => {
  const { api, pipeline } = rig()
  await value(api.loopback_ipv6_add({ params: { address: 'fd00::1' } }))
  await value(api.loopback_ipv4_add({ params: { address: '10.0.0.1' } }))
  assert.deepEqual(await value(api.loopback_ipv6_list()), ['fd00::1'])
  assert.deepEqual(await value(api.loopback_ipv4_list()), ['10.0.0.1'])
  assert.deepEqual(pipeline.dump('switch_ipv4_addr'), ['167772161 0&0 @1 claim()'])
  await value(api.loopback_ipv6_delete({ params: { address: 'fd00::1' } }))
  await value(api.loopback_ipv4_delete({ params: { address: '10.0.0.1' } }))
  assert.deepEqual(pipeline.dump('switch_ipv4_addr'), [])
  assert.match(await refused(api.loopback_ipv4_delete({ params: { address: '10.0.0.1' } })), /^404/)
})

test('port settings are applied as a whole, or not at all', async () => {
  const { api, pipeline } = rig()
  const params = { port_id: 'qsfp0' }
  const link = { speed: '40G' as const, autoneg: false, mtu: 1500, enabled: true }
  const settings = (
    ...addrs: string[]
  ): { links: Record<string, typeof link & { addrs: string[]; subnets: string[] }> } => ({
    links: { 0: { ...link, addrs, subnets: [] } },
  })
  const applied = await value(api.port_settings_apply({ params, body: settings('192.0.2.1', 'fd00::1') }))
  assert.deepEqual(applied, settings('192.0.2.1', 'fd00::1'))
  assert.deepEqual(await value(api.port_settings_view({ params })), applied)
  const before = [pipeline.dump('switch_ipv4_addr'), pipeline.dump('switch_ipv6_addr'), pipeline.dump('mac_rewrite')]
  pipeline.failEvery = 4
  const body = settings('192.0.2.2', '192.0.2.3', 'fd00::2')
  let failures = 0
  for (let i = 0; i < 3; i++) {
    const result = await api.port_settings_apply({ params, body })
    if (result.ok) break
    failures++
    assert.equal(result.kind === 'refused' && result.status, 503)
    assert.deepEqual(
      [pipeline.dump('switch_ipv4_addr'), pipeline.dump('switch_ipv6_addr'), pipeline.dump('mac_rewrite')],
      before,
    )
  }
  assert.equal(failures, 3)
  pipeline.failEvery = 0
  await value(api.port_settings_clear({ params }))
  assert.deepEqual(await value(api.port_settings_view({ params })), { links: {} })
  assert.deepEqual(pipeline.dump('switch_ipv4_addr'), [])
  assert.equal(pipeline.dump('mac_rewrite').length, 3)
  assert.equal(pipeline.dump('uplink_ports').length, 1)
  assert.match(
    await refused(api.port_settings_apply({ params, body: { links: { 1: { ...link, addrs: [] } } } })),
    /^400.*link 1/,
  )
})

test('routes: set, seen, listed, replaced and deleted, in both families', async () => {
  const { api, switchd } = rig()
  const v4 = { cidr: '0.0.0.0/0', targets: [{ ...qsfp0, tgt_ip: '192.0.2.1' }] }
  await value(api.route_ipv4_set({ body: v4 }))
  assert.deepEqual(await value(api.route_ipv4_view({ params: { cidr: '0.0.0.0/0' } })), v4)
  const v6 = { cidr: 'fd00:1122:3344:104::/64', targets: [{ port_id: 'rear0', link_id: 0, tgt_ip: 'fe80::1' }] }
  await value(api.route_ipv6_set({ body: v6 }))
  assert.deepEqual((await value(api.route_ipv6_list())).items, [v6])
  const mixed = {
    cidr: '10.0.0.0/8',
    targets: [
      { port_id: 'qsfp0', link_id: 0, tgt_ip: 'fe80::9', vlan_id: 3 },
      { port_id: 'qsfp1', link_id: 0, tgt_ip: '192.0.2.5' },
    ],
  }
  await value(api.route_ipv4_set({ body: mixed }))
  assert.deepEqual((await value(api.route_ipv4_list())).items, [v4, mixed])
  await value(api.route_ipv4_delete({ params: { cidr: '0.0.0.0/0' } }))
  assert.match(await refused(api.route_ipv4_view({ params: { cidr: '0.0.0.0/0' } })), /^404/)
  assert.match(await refused(api.route_ipv4_delete({ params: { cidr: '0.0.0.0/0' } })), /^404/)
  const bad = { cidr: 'fd00::/64', targets: [{ ...qsfp0, tgt_ip: '192.0.2.1' }] }
  assert.match(await refused(api.route_ipv6_set({ body: bad })), /^400.*must be IPv6/)
  const nowhere = { cidr: 'fd00::/64', targets: [{ port_id: 'qsfp30', link_id: 0, tgt_ip: 'fe80::1' }] }
  assert.match(await refused(api.route_ipv6_set({ body: nowhere })), /^404/)
  assert.equal(switchd.routes(4).length, 1)
})

test('translations: stated, listed, and refused one by one', async () => {
  const { api } = rig()
  const entry = {
    external_address: '1.2.3.4',
    first_port: 0,
    last_port: 65535,
    internal_ip: 'fd00:1122:3344:104::1',
    inner_mac: 'a8:40:25:f4:11:d7',
    vni: 0x1c5121,
  }
  const overlap = { ...entry, first_port: 80, last_port: 80 }
  const withCause = { ...entry, causes: ['request-1'] }
  const stated = await value(api.nat_desired_set({ body: { generation: 3, entries: [withCause, overlap] } }))
  assert.deepEqual(
    stated.results.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['applied', undefined],
      ['failed', 'overlaps 1.2.3.4 ports 0-65535'],
    ],
  )
  assert.deepEqual((await value(api.nat_list())).items, [entry])
  const status = await value(api.nat_status())
  assert.deepEqual([status.desired_generation, status.applied_generation, status.applied], [3, -1, 1])
  assert.match(await refused(api.nat_desired_set({ body: { generation: 2, entries: [] } })), /^409/)
  const dump = await value(api.table_dump({ params: { table: 'ingress_ipv4' } }))
  assert.deepEqual(dump.entries[0], {
    keys: { 'hdr.ipv4.dst': '1.2.3.4', 'meta.l4_dst_port': '0..65535' },
    action: 'forward_to_sled',
    action_args: { sled: 'fd00:1122:3344:104::1', mac: 'a8:40:25:f4:11:d7', network: '1855777' },
    priority: 1,
    packets: 0,
    written: { at: '2026-01-01T00:00:00.000Z', by: 'nat', about: 'generation 3', causes: ['request-1'] },
  })
})

test('an entry keeps the writing that made it what it is, also when it is stated again for another cause', async () => {
  const { api, clock } = rig()
  const entry = {
    external_address: '1.2.3.4',
    first_port: 0,
    last_port: 1023,
    internal_ip: 'fd00:1122:3344:104::1',
    inner_mac: 'a8:40:25:f4:11:d7',
    vni: 5,
  }
  const state = async (generation: number, change: object): Promise<unknown> => {
    const entries = [{ ...entry, ...change }]
    await value(api.nat_desired_set({ body: { generation, entries } }))
    return (await value(api.table_dump({ params: { table: 'ingress_ipv4' } }))).entries[0]?.written
  }
  const first = { at: '2026-01-01T00:00:00.000Z', by: 'nat', about: 'generation 1', causes: ['a'] }
  assert.deepEqual(await state(1, { causes: ['a'] }), first)
  await clock.advance(1000)
  assert.deepEqual(await state(2, { causes: ['b'] }), first)
  const second = { at: '2026-01-01T00:00:01.000Z', by: 'nat', about: 'generation 3', causes: ['b'] }
  assert.deepEqual(await state(3, { causes: ['b'], vni: 6 }), second)
})

test('neighbours: learned and set by hand, per route', async () => {
  const { api, neighbors, clock } = rig()
  await clock.advance(1000)
  assert.match(
    await refused(api.arp_set({ params: { ip: '192.0.2.1' }, body: { mac: '02:00:00:00:00:01' } })),
    /^400.*no route/,
  )
  await value(api.route_ipv4_set({ body: { cidr: '0.0.0.0/0', targets: [{ ...qsfp0, tgt_ip: '192.0.2.1' }] } }))
  await value(api.arp_set({ params: { ip: '192.0.2.1' }, body: { mac: '02:00:00:00:00:01' } }))
  neighbors.learn('tfportrear0', Ip.of('fe80::1'), Mac.of('02:00:00:00:00:02'))
  assert.deepEqual((await value(api.arp_list())).items, [
    { ip: '192.0.2.1', mac: '02:00:00:00:00:01', update: '2026-01-01T00:00:01.000Z' },
  ])
  assert.equal((await value(api.ndp_list())).items[0]?.ip, 'fe80::1')
  await value(api.ndp_set({ params: { ip: 'fe80::1' }, body: { mac: '02:00:00:00:00:03' } }))
  await value(api.ndp_delete({ params: { ip: 'fe80::1' } }))
  await value(api.ndp_reset())
  await value(api.arp_delete({ params: { ip: '192.0.2.1' } }))
  await value(api.arp_reset())
  assert.deepEqual((await value(api.arp_list())).items, [])
})

test('counters name ports and drop reasons', async () => {
  const { api, port, switchd } = rig()
  port('qsfp0').arrive(FRAME_A)
  switchd.setLink(34, { isEnabled: false })
  port('qsfp1').arrive(FRAME_A)
  const counters = await value(api.counters())
  const ports = new Map(counters.ports.map((each) => [each.port_id, each]))
  assert.equal(ports.get('qsfp0')?.rx_packets, 1)
  assert.equal(ports.get('qsfp1')?.rx_drops, 1)
  assert.deepEqual(
    counters.drops.map(({ code, reason, packets }) => [code, reason, packets]),
    [
      [0, 'SW_UNSPECIFIED', 1],
      [0x102, 'SW_PORT_DISABLED', 1],
    ],
  )
})

test('tables are listed with their capacity, and an unknown one is not found', async () => {
  const { api } = rig()
  const tables = await value(api.table_list())
  const mac = tables.find(({ name }) => name.endsWith('.mac_rewrite'))
  assert.deepEqual([mac?.size, mac?.capacity], [4, 256])
  const dump = await value(api.table_dump({ params: { table: 'tunnel_source' } }))
  assert.equal(dump.default_action, 'set_tunnel_source')
  assert.match(await refused(api.table_dump({ params: { table: 'nonsense' } })), /^404/)
})

test('a body that makes no sense is refused with the field named', async () => {
  const { switchd } = rig()
  const response = await switchd.handler(
    new Request('http://switch/route/ipv4', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ cidr: '300.0.0.0/8', targets: [] }),
    }),
  )
  assert.equal(response.status, 400)
  assert.match(await response.text(), /cidr/)
})
