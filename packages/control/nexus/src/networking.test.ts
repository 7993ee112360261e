/** The rack's own network by the API: what is stored, what is pushed to switches, what is refused, and what they say. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { CallResult } from '@lodestone/api'
import { settle } from './fake-rack.fixture.ts'
import { openNexus } from './running-nexus.fixture.ts'
import type { RackNetwork } from './rack-network.ts'
import { REFERENCE_MISSING, REFERENCE_URL, referenceCheck } from './reference.fixture.ts'

const GIB = 2 ** 30
const referenceText = existsSync(REFERENCE_URL) ? readFileSync(REFERENCE_URL, 'utf8') : undefined
const skip = referenceText === undefined ? REFERENCE_MISSING : false
const reference = referenceCheck(referenceText)
let rackId: string

const PEER: RackNetwork['portSettings'][number]['bgp_peers'][number]['peers'][number] = {
  addr: { type: 'numbered', target_addr: '192.0.2.1' },
  bgp_config: 'as',
  remote_asn: 64_500,
  hold_time: 6,
  keepalive: 2,
  idle_hold_time: 1,
  delay_open: 0,
  connect_retry: 1,
  communities: [65_536],
  multi_exit_discriminator: 7,
  enforce_first_as: true,
  allowed_import: { type: 'no_filtering' },
  allowed_export: { type: 'allow', value: ['198.51.100.0/24'] },
}

const UPLINK: RackNetwork['portSettings'][number] = {
  name: 'uplink',
  description: '',
  port_config: { geometry: 'qsfp28x1' },
  groups: [],
  links: [{ link_name: 'link0', mtu: 1500, speed: 'speed100_g', fec: 'rs', autoneg: false, lldp: { enabled: true } }],
  interfaces: [{ link_name: 'link0', v6_enabled: true, kind: { type: 'primary' } }],
  routes: [{ link_name: 'link0', routes: [{ dst: '203.0.113.0/24', gw: '192.0.2.1', rib_priority: 5 }] }],
  bgp_peers: [{ link_name: 'link0', peers: [PEER] }],
  addresses: [{ link_name: 'link0', addresses: [{ address: '192.0.2.2/30', address_lot: 'infra' }] }],
}

const NETWORK: RackNetwork = {
  addressLots: [
    {
      name: 'infra',
      description: '',
      kind: 'infra',
      blocks: [{ first_address: '192.0.2.0', last_address: '192.0.2.255' }],
    },
    {
      name: 'pool',
      description: '',
      kind: 'pool',
      blocks: [{ first_address: '198.51.100.0', last_address: '198.51.100.255' }],
    },
  ],
  announceSets: [
    { name: 'set', description: '', announcement: [{ address_lot_block: 'pool', network: '198.51.100.0/24' }] },
  ],
  bgpConfigs: [{ name: 'as', description: '', asn: 65_547, bgp_announce_set_id: 'set', max_paths: 2 }],
  portSettings: [UPLINK],
  ports: [{ slot: 'switch0', port: 'qsfp0', settings: 'uplink' }],
  loopbacks: [],
  bfdSessions: [],
}

const { rack, store, nexus, cookie, api, close } = await openNexus({
  sleds: 2,
  watch: reference.watch,
  network: NETWORK,
})

before(async () => {
  rackId = rack.inventory.rackId
  await settle(rack, nexus)
})

after(close)

/** In virtual time, because some operations ask switches. */
async function done<T>(call: Promise<CallResult<T>>): Promise<T> {
  const result = await rack.clock.run(call)
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.value
}

async function refused(call: Promise<CallResult<unknown>>, status: number, text: RegExp): Promise<void> {
  const result = await rack.clock.run(call)
  assert.ok(!result.ok && result.kind === 'refused', JSON.stringify(result))
  assert.equal(result.status, status, result.message)
  assert.match(result.message, text)
}

const at = (slot: 'switch0' | 'switch1', port = 'qsfp0') =>
  ({ params: { port }, query: { rack_id: rackId, switch_slot: slot } }) as const

test('the network of a new rack is pushed to its switch, beside what the switch says for itself', () => {
  const [first, second] = rack.switches
  assert.deepEqual(first!.ports.get('qsfp0')?.links['0'], {
    speed: '100G',
    fec: 'RS',
    autoneg: false,
    mtu: 1500,
    enabled: true,
    addrs: ['192.0.2.2'],
    subnets: ['192.0.2.2/30'],
  })
  const { bgp, static_routes, ddm, tunnel_endpoint, fan_out } = first!.routing
  assert.deepEqual([bgp?.asn, bgp?.router_id, bgp?.originate4], [65_547, '192.0.2.2', ['198.51.100.0/24']])
  assert.deepEqual(bgp?.peers, [
    {
      name: '192.0.2.1',
      remote_address: '192.0.2.1',
      remote_asn: 64_500,
      interface: 'tfportqsfp0',
      hold_time_s: 6,
      keepalive_s: 2,
      connect_retry_s: 1,
      idle_hold_s: 1,
      enforce_first_as: true,
      multi_exit_discriminator: 7,
      communities: [65_536],
      allow_export: [{ prefix: '198.51.100.0/24' }],
    },
  ])
  assert.deepEqual(static_routes, [
    { prefix: '203.0.113.0/24', next_hop: '192.0.2.1', interface: 'tfportqsfp0', preference: 5 },
  ])
  assert.deepEqual([ddm?.hostname, tunnel_endpoint, fan_out?.bgp], ['switch', 'fdb1::1', 2])
  assert.ok(second!.routing.bgp === undefined)
})

test('a second start makes nothing anew', async () => {
  const other = rack.makeNexus({ store: store, network: { ...NETWORK, addressLots: [] } })
  await other.start()
  await rack.clock.run(other.close())
  assert.equal((await done(api.networking_address_lot_list())).items.length, 2)
})

test('lots, sets and configurations are created, listed and deleted in the order of their references', async () => {
  const blocks = [{ first_address: '2001:db8::', last_address: '2001:db8::ffff' }]
  const lot = await done(
    api.networking_address_lot_create({ body: { name: 'six', description: '', kind: 'pool', blocks } }),
  )
  assert.equal(lot.blocks.length, 1)
  const params = { address_lot: 'six' }
  assert.deepEqual(await done(api.networking_address_lot_view({ params })), lot)
  assert.deepEqual((await done(api.networking_address_lot_block_list({ params }))).items, lot.blocks)
  const announcement = [{ address_lot_block: lot.blocks[0]!.id, network: '2001:db8::/112' }]
  const set = await done(
    api.networking_bgp_announce_set_update({ body: { name: 'other', description: '', announcement } }),
  )
  const again = await done(
    api.networking_bgp_announce_set_update({ body: { name: 'other', description: 'again', announcement } }),
  )
  assert.deepEqual([again.id, again.description], [set.id, 'again'])
  assert.equal((await done(api.networking_bgp_announce_set_list())).length, 2)
  const list = await done(api.networking_bgp_announcement_list({ params: { announce_set: set.id } }))
  assert.deepEqual(
    list.map((each) => each.network),
    ['2001:db8::/112'],
  )
  const body = { name: 'second', description: '', asn: 64_999, bgp_announce_set_id: 'other' }
  const config = await done(api.networking_bgp_config_create({ body }))
  assert.equal(config.max_paths, 1)
  const query = { name_or_id: 'second' }
  await done(api.networking_bgp_config_update({ query, body: { max_paths: 4, description: 'more' } }))
  assert.equal((await done(api.networking_bgp_config_list())).items.find(({ id }) => id === config.id)?.max_paths, 4)

  await refused(api.networking_address_lot_delete({ params }), 400, /in use/)
  const setParams = { params: { announce_set: 'other' } }
  await refused(api.networking_bgp_announce_set_delete(setParams), 400, /in use/)
  await refused(api.networking_bgp_config_delete({ query: { name_or_id: 'as' } }), 400, /in use/)
  await done(api.networking_bgp_config_delete({ query }))
  await done(api.networking_bgp_announce_set_delete(setParams))
  await done(api.networking_address_lot_delete({ params }))
  await refused(api.networking_address_lot_view({ params }), 404, /not found: address-lot with name "six"/)
})

test('port settings are replaced as a whole, and the switch follows', async () => {
  const listed = (await done(api.networking_switch_port_settings_list({ query: { port_settings: 'uplink' } }))).items
  assert.equal(listed.length, 1)
  const before = await done(api.networking_switch_port_settings_view({ params: { port: 'uplink' } }))
  const body = { ...UPLINK, routes: [], bgp_peers: [], description: 'quiet' }
  const changed = await done(api.networking_switch_port_settings_create({ body }))
  assert.equal(changed.id, before.id)
  await settle(rack, nexus)
  assert.ok(!Object.hasOwn(rack.switches[0]!.routing, 'bgp'))
  assert.deepEqual(rack.switches[0]!.routing.static_routes, [])
  await done(api.networking_switch_port_settings_create({ body: UPLINK }))
  await settle(rack, nexus)
  assert.equal(rack.switches[0]!.routing.bgp?.peers?.length, 1)

  const query = { port_settings: 'uplink' }
  await refused(api.networking_switch_port_settings_delete({ query }), 400, /in use by a port/)
  await done(api.networking_switch_port_clear_settings(at('switch0')))
  await settle(rack, nexus)
  assert.equal(rack.switches[0]!.ports.has('qsfp0'), false)
  await done(api.networking_switch_port_apply_settings({ ...at('switch1'), body: { port_settings: 'uplink' } }))
  await settle(rack, nexus)
  assert.ok(rack.switches[1]!.ports.has('qsfp0'))
  await done(api.networking_switch_port_apply_settings({ ...at('switch0'), body: { port_settings: 'uplink' } }))
  await done(api.networking_switch_port_clear_settings(at('switch1')))
  await settle(rack, nexus)
})

test('what a switch could not do is refused with the field that asks for it', async () => {
  const create = (change: object) =>
    api.networking_switch_port_settings_create({ body: { ...UPLINK, name: 'bad', ...change } })
  const peer = (change: object) => create({ bgp_peers: [{ link_name: 'link0', peers: [{ ...PEER, ...change }] }] })
  const link = UPLINK.links[0]!
  await refused(create({ links: [{ ...link, mtu: 100 }] }), 400, /links: the MTU of link0 must be 1280 to 9216/)
  await refused(create({ routes: [{ link_name: 'nowhere', routes: [] }] }), 400, /no link "nowhere"/)
  await refused(create({ port_config: { geometry: 'qsfp28x2' } }), 501, /breakouts/)
  await refused(peer({ hold_time: 2 }), 400, /hold_time must be 0 or at least 3/)
  await refused(peer({ keepalive: 6 }), 400, /keepalive must be shorter/)
  await refused(peer({ addr: { type: 'unnumbered', router_lifetime: 0 } }), 501, /unnumbered/)
  await refused(peer({ bgp_config: 'none' }), 404, /bgp-config with name "none"/)
  const addresses = (address: string) =>
    create({ addresses: [{ link_name: 'link0', addresses: [{ address, address_lot: 'infra' }] }] })
  await refused(addresses('203.0.113.1/24'), 400, /in no block of address lot "infra"/)
  await refused(addresses('192.0.2.2/0'), 400, /no address of a host/)
  const routes = [{ link_name: 'link0', routes: [{ dst: '2001:db8::/32', gw: '192.0.2.1' }] }]
  await refused(create({ routes }), 400, /different families/)
  await refused(
    api.networking_switch_port_apply_settings({ ...at('switch0'), body: { port_settings: 'no' } }),
    404,
    /no/,
  )
  await refused(api.networking_switch_port_clear_settings(at('switch0', 'qsfp9')), 404, /switch-port with name "qsfp9"/)
  const lot = (first_address: string, last_address: string) =>
    api.networking_address_lot_create({
      body: { name: 'bad', description: '', kind: 'pool', blocks: [{ first_address, last_address }] },
    })
  await refused(lot('10.0.0.9', '10.0.0.1'), 400, /begins with its lower address/)
  await refused(lot('10.0.0.1', '2001:db8::1'), 400, /different families/)
  await refused(lot('192.0.2.128', '192.0.2.129'), 400, /overlaps/)
  const announcement = [{ address_lot_block: 'pool', network: '10.0.0.0/8' }]
  const set = { name: 'bad', description: '', announcement }
  await refused(api.networking_bgp_announce_set_update({ body: set }), 400, /in no block/)
})

test('loopback addresses and BFD sessions come and go on their switch', async () => {
  const body = { address_lot: 'infra', rack_id: rackId, switch_slot: 'switch1', mask: 32, anycast: false } as const
  const made = await done(api.networking_loopback_address_create({ body: { ...body, address: '192.0.2.250' } }))
  assert.equal(made.address, '192.0.2.250/32')
  await refused(api.networking_loopback_address_create({ body: { ...body, address: '192.0.2.250' } }), 400, /already/)
  const bfd = { remote: '192.0.2.1', detection_threshold: 4, required_rx: 300_000, mode: 'single_hop' as const }
  await done(api.networking_bfd_enable({ body: { ...bfd, switch_slot: 'switch0' } }))
  await settle(rack, nexus)
  assert.deepEqual([...rack.switches[1]!.loopbacks], ['192.0.2.250'])
  assert.deepEqual(rack.switches[0]!.routing.bfd_sessions, [
    {
      remote_address: '192.0.2.1',
      interface: 'tfportqsfp0',
      mode: 'single-hop',
      detection_multiplier: 4,
      required_min_rx_us: 300_000,
    },
  ])
  const [status] = await done(api.networking_bfd_status())
  assert.deepEqual([status?.state, status?.required_rx, status?.switch_slot], ['up', 300_000, 'switch0'])
  rack.switches[1]!.loopbacks.add('fdb1::1') // the switch's own
  assert.equal((await done(api.networking_loopback_address_list())).items.length, 1)
  const params = { rack_id: rackId, switch_slot: 'switch1', address: '192.0.2.250', subnet_mask: 32 } as const
  await done(api.networking_loopback_address_delete({ params }))
  await done(api.networking_bfd_disable({ body: { remote: '192.0.2.1', switch_slot: 'switch0' } }))
  await refused(api.networking_bfd_disable({ body: { remote: '192.0.2.1', switch_slot: 'switch0' } }), 404, /bfd/)
  await settle(rack, nexus)
  assert.deepEqual([...rack.switches[1]!.loopbacks], ['fdb1::1'])
  assert.deepEqual(rack.switches[0]!.routing.bfd_sessions, [])
})

test('status operations pass on what the daemons say', async () => {
  const [peer] = await done(api.networking_bgp_status())
  assert.deepEqual([peer?.state, peer?.state_duration_millis, peer?.switch], ['established', 1001, 'switch0'])
  assert.equal((await done(api.networking_bgp_exported()))[0]?.prefix, '198.51.100.0/24')
  assert.equal((await done(api.networking_bgp_imported({ query: { asn: 65_547 } })))[0]?.nexthop, '192.0.2.1')
  assert.deepEqual(await done(api.networking_bgp_imported({ query: { asn: 5 } })), [])
  await done(api.networking_bgp_message_history({ query: { asn: 65_547 } }))
  assert.deepEqual(await done(api.networking_switch_port_status(at('switch0'))), { port_id: 'qsfp0', links: [] })
  const neighbors = { params: { rack_id: rackId, switch_slot: 'switch0', port: 'qsfp0' } } as const
  assert.equal((await done(api.networking_switch_port_lldp_neighbors(neighbors))).items[0]?.chassis_id, 'isp0')
  const config = await done(api.networking_switch_port_lldp_config_view(at('switch0')))
  assert.equal(config.enabled, true)
  const body = { ...config, system_name: 'rack-a' }
  await done(api.networking_switch_port_lldp_config_update({ ...at('switch0'), body }))
  await settle(rack, nexus)
  assert.deepEqual(rack.switches[0]!.lldp.get('qsfp0'), { enabled: true, system_name: 'rack-a' })
})

test('a switch that lost everything gets everything again', async () => {
  const [lost] = rack.switches
  lost!.restart()
  lost!.isNatBroken = true
  nexus.repeat()
  await rack.clock.advance(3000)
  assert.ok(lost!.ports.has('qsfp0'))
  assert.equal(lost!.routing.bgp?.peers?.length, 1)
  assert.deepEqual(lost!.routing.bgp?.originate4, [], 'nothing is announced before the translations are there')
  lost!.isNatBroken = false
  await settle(rack, nexus)
  assert.deepEqual(lost!.routing.bgp?.originate4, ['198.51.100.0/24'])
  assert.equal(rack.switches[0]!.lldp.get('qsfp0')?.system_name, 'rack-a')
})

test('settings of the whole network; nobody shuts themselves out', async () => {
  assert.deepEqual((await done(api.networking_allow_list_view())).allowed_ips, { allow: 'any' })
  const body = { allowed_ips: { allow: 'list' as const, ips: ['10.0.0.0/8'] } }
  await done(api.networking_allow_list_update({ body })) // callers in this process have no address
  await done(api.networking_allow_list_update({ body: { allowed_ips: { allow: 'any' } } }))
  const nobody = { allowed_ips: { allow: 'list' as const, ips: [] } }
  await refused(api.networking_allow_list_update({ body: nobody }), 400, /shut everybody out/)
  assert.deepEqual(await done(api.networking_inbound_icmp_view()), { enabled: true })
  await done(api.networking_inbound_icmp_update({ body: { enabled: false } }))
  assert.deepEqual(await done(api.networking_inbound_icmp_view()), { enabled: false })
  await done(api.system_networking_settings_update({ body: { external_jumbo_frames_opt_in_enabled: true } }))
  assert.equal((await done(api.system_networking_settings_view())).external_jumbo_frames_opt_in_enabled, true)
})

test('anti-affinity spreads instances and refuses what it cannot spread; affinity gathers them', async () => {
  const query = { project: 'groups' }
  await done(api.project_create({ body: { name: 'groups', description: '' } }))
  const group = { description: '', failure_domain: 'sled' as const }
  await done(api.anti_affinity_group_create({ query, body: { ...group, name: 'apart', policy: 'fail' } }))
  const create = (name: string, more: object = {}) => {
    const body = { name, description: '', hostname: name, ncpus: 1, memory: GIB, external_ips: [], ...more }
    return api.instance_create({ query, body })
  }
  const apart = { anti_affinity_groups: ['apart'] }
  await done(create('a', apart))
  await done(create('b', apart))
  await refused(create('c', apart), 507, /No sleds can fit/)
  await settle(rack, nexus)
  const sledOf = (id: string): number => rack.sleds.findIndex((sled) => sled.instances.has(id))
  const view = async (name: string) => done(api.instance_view({ params: { instance: name }, query }))
  assert.notEqual(sledOf((await view('a')).id), sledOf((await view('b')).id))
  const params = { anti_affinity_group: 'apart' }
  assert.equal((await done(api.anti_affinity_group_member_list({ params, query }))).items.length, 2)
  const listed = await done(api.instance_anti_affinity_group_list({ params: { instance: 'a' }, query }))
  assert.equal(listed.items[0]?.name, 'apart')

  await done(api.affinity_group_create({ query, body: { ...group, name: 'near', policy: 'fail' } }))
  for (const name of ['x', 'y']) {
    await done(create(name, { start: false }))
    const member = { params: { affinity_group: 'near', instance: name }, query }
    await done(api.affinity_group_member_instance_add(member))
    await done(api.affinity_group_member_instance_view(member))
    await refused(api.affinity_group_member_instance_add(member), 400, /already exists/)
    await done(api.instance_start({ params: { instance: name }, query }))
  }
  await settle(rack, nexus)
  assert.equal(sledOf((await view('x')).id), sledOf((await view('y')).id))
  const running = { params: { affinity_group: 'near', instance: 'a' }, query }
  await refused(api.affinity_group_member_instance_add(running), 400, /must be stopped/)
  assert.equal((await done(api.instance_affinity_group_list({ params: { instance: 'x' }, query }))).items.length, 1)

  const metric = { params: { metric_name: 'cpus_provisioned' as const } }
  assert.equal((await done(api.silo_metric({ ...metric, query }))).items[0]?.datum.datum, 4)
  assert.equal((await done(api.system_metric(metric))).items[0]?.datum.datum, 4)
  const timeseries = { query, body: { query: 'get virtual_machine:vcpu_usage | last 5' } }
  assert.deepEqual((await done(api.timeseries_query(timeseries))).tables, [
    { name: 'virtual_machine:vcpu_usage', timeseries: [] },
  ])
  await refused(api.timeseries_query({ query, body: { query: 'drop table' } }), 400, /expected `get/)
})

test('a pool for services is linked to no silo', async () => {
  await done(api.system_ip_pool_create({ body: { name: 'services', description: '' } }))
  const params = { pool: 'services' }
  await done(api.system_ip_pool_assign({ params, body: { assignment: 'system_services' } }))
  const link = { silo: 'test-suite-silo', is_default: false }
  await refused(api.system_ip_pool_silo_link({ params, body: link }), 400, /for services of the rack/)
  await done(api.system_ip_pool_assign({ params, body: { assignment: 'silos' } }))
  await done(api.system_ip_pool_silo_link({ params, body: link }))
  await refused(api.system_ip_pool_assign({ params, body: { assignment: 'system_services' } }), 400, /linked to a silo/)
  const pools = await done(api.silo_ip_pool_list({ params: { silo: 'test-suite-silo' } }))
  assert.deepEqual(
    pools.items.map(({ name }) => name),
    ['services'],
  )
})

test('metrics are for those who may look at the fleet', async () => {
  const ask = (headers: Record<string, string>) => nexus.handler(new Request('http://nexus/metrics', { headers }))
  assert.equal((await ask({})).status, 401)
  const text = await (await ask({ cookie })).text()
  assert.match(text, /^nexus_reconciler_pending_items\{reconciler="routing",target="switch0"\} 0$/m)
  assert.match(text, /^# TYPE nexus_reconciler_passes_total counter$/m)
})

test('every response fits the published interface, and nothing went wrong inside', { skip }, () => {
  assert.deepEqual(reference.problems, [])
  assert.deepEqual(rack.errors, [])
})
