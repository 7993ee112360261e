/** What an operator does to the rack's own network by the API, seen in sessions, routes and packets. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CloudLab } from './cloud-lab.fixture.ts'
import { DEFAULT_POOL } from './rack-plan.ts'

const SLOT = 'switch0'
const GIB = 2 ** 30

let lab: CloudLab
let rackId: string
let address: string

before(async () => {
  lab = await CloudLab.start()
  rackId = (await lab.done(lab.api.rack_list())).items[0]!.id
  const { api } = lab
  const query = { project: 'shop' }
  await lab.done(api.project_create({ body: { name: 'shop', description: '' } }))
  address = (await lab.done(api.floating_ip_create({ query, body: { name: 'web-ip', description: '' } }))).ip
  const body = {
    name: 'web',
    description: '',
    hostname: 'web',
    ncpus: 1,
    memory: GIB,
    external_ips: [{ type: 'floating' as const, floating_ip: 'web-ip' }],
  }
  await lab.done(api.instance_create({ query, body }))
  await lab.settle()
  await lab.clock.advance(500) // the guest asks for its address
})
after(() => lab.close())

async function ping(count = 1): Promise<number> {
  const results = await lab.clock.run(lab.client.stack.ping(address, { count, timeoutMs: 500 }))
  return results.filter((each) => each.outcome === 'reply').length
}

function settingsName(port: string): string {
  return `${SLOT}-${port}`
}

/** Settings as they were given, with the peers that `change` leaves. */
async function rewrite(
  name: string,
  change: (peers: readonly unknown[]) => readonly unknown[],
  more: object = {},
): Promise<void> {
  const present = await lab.done(lab.api.networking_switch_port_settings_view({ params: { port: name } }))
  const body = {
    name,
    description: present.description,
    port_config: { geometry: present.port.geometry },
    groups: [],
    links: present.links.map(({ link_name, mtu, speed, autoneg }) => ({
      link_name,
      mtu,
      speed,
      autoneg,
      lldp: { enabled: true },
    })),
    interfaces: [],
    routes: [],
    addresses: [
      {
        link_name: 'link0',
        addresses: present.addresses.map((each) => ({ address: each.address, address_lot: each.address_lot_name })),
      },
    ],
    bgp_peers: [{ link_name: 'link0', peers: change(present.bgp_peers) as typeof present.bgp_peers }],
    ...more,
  }
  await lab.done(lab.api.networking_switch_port_settings_create({ body }))
}

/** Over how many links a router has the pool. */
function waysToPool(router = 'isp0'): number {
  const route = lab
    .host(router)
    .stack.routes()
    .find(({ prefix }) => prefix.equals(DEFAULT_POOL.prefix))
  return (route?.nextHops ?? []).filter((hop) => hop.interface.startsWith('switch')).length
}

function switchNode() {
  return lab.emulation.switches()[0]!
}

test('a new rack has its network in the store, and status operations say what the daemons say', async () => {
  const { api } = lab
  const ports = (await lab.done(api.networking_switch_port_list())).items
  assert.deepEqual(ports.map((port) => `${port.switch_slot} ${port.port_name}`).toSorted(), [
    'switch0 qsfp0',
    'switch0 qsfp1',
    'switch1 qsfp0',
    'switch1 qsfp1',
  ])
  const status = await lab.done(api.networking_bgp_status())
  assert.equal(status.length, 4)
  assert.ok(status.every((peer) => peer.state === 'established' && peer.local_asn === 65547))
  const imported = await lab.done(api.networking_bgp_imported({ query: { asn: 65547 } }))
  assert.deepEqual([...new Set(imported.map((each) => each.prefix))].toSorted(), ['0.0.0.0/0', '203.0.113.0/24'])
  assert.deepEqual(await lab.done(api.networking_bgp_imported({ query: { asn: 1 } })), [])
  const exported = await lab.done(api.networking_bgp_exported())
  assert.ok(exported.some((each) => each.prefix === DEFAULT_POOL.prefix.toString() && each.switch === SLOT))
  const history = await lab.done(api.networking_bgp_message_history({ query: { asn: 65547 } }))
  assert.deepEqual(history.switch_histories.map((each) => each.switch).toSorted(), ['switch0', 'switch1'])
  assert.equal(await ping(3), 3)
})

test('neighbours of each uplink are known by LLDP', async () => {
  const params = { rack_id: rackId, switch_slot: SLOT, port: 'qsfp1' } as const
  const [neighbor] = (await lab.done(lab.api.networking_switch_port_lldp_neighbors({ params }))).items
  assert.equal(neighbor?.chassis_id, 'isp1')
  assert.equal(neighbor.link_name, 'switch0')
  assert.deepEqual(neighbor.management_ip[0]?.addr, { ip_addr: '192.0.2.9' })
})

test('a peer that is taken away ends its session and its routes; put back, both come again', async () => {
  const { api } = lab
  let removed: readonly unknown[] = []
  await rewrite(settingsName('qsfp0'), (peers) => {
    removed = peers
    return []
  })
  const isp = lab.host('isp0')
  const stateAtIsp = (): string => isp.routed!.speaker!.peer('switch0')!.status().state
  await lab.until(() => [...switchNode().routed!.speaker!.peers()].length === 1)
  await lab.until(() => stateAtIsp() !== 'Established')
  await lab.until(() => waysToPool() === 1)
  const status = await lab.done(api.networking_bgp_status())
  assert.equal(status.filter((peer) => peer.switch === SLOT).length, 1)
  await lab.clock.advance(500)
  assert.equal(await ping(4), 4, 'the other ways go on')

  await rewrite(settingsName('qsfp0'), () => removed)
  await lab.until(() => stateAtIsp() === 'Established')
  await lab.until(() => waysToPool() === 2)
  assert.equal(await ping(4), 4)
})

test('an announce set that loses its prefix takes the pool off the internet, and gives it back', async () => {
  const { api } = lab
  const empty = { name: 'initial-announce-set', description: '', announcement: [] }
  await lab.done(api.networking_bgp_announce_set_update({ body: empty }))
  const isKnown = (): boolean =>
    lab.client.stack.routes().some((route) => route.prefix.equals(DEFAULT_POOL.prefix) && route.nextHops.length > 0)
  await lab.until(() => !isKnown())
  assert.equal(await ping(1), 0)
  const announcement = [{ address_lot_block: 'initial-pool', network: DEFAULT_POOL.prefix.toString() }]
  await lab.done(api.networking_bgp_announce_set_update({ body: { ...empty, announcement } }))
  await lab.until(isKnown)
  await lab.clock.advance(500)
  assert.equal(await ping(2), 2)
})

test('a static route of port settings is in the switch, and goes with the settings', async () => {
  const routes = [{ link_name: 'link0', routes: [{ dst: '192.0.2.200/32', gw: '192.0.2.1' }] }]
  await rewrite(settingsName('qsfp0'), (peers) => peers, { routes })
  const has = async (): Promise<boolean> => {
    const list = await lab.done(switchNode().api.route_ipv4_list({ query: { limit: 1000 } }))
    return list.items.some(({ cidr }) => cidr === '192.0.2.200/32')
  }
  await lab.settle()
  await lab.clock.advance(500)
  assert.equal(await has(), true)
  await rewrite(settingsName('qsfp0'), (peers) => peers)
  await lab.settle()
  await lab.clock.advance(500)
  assert.equal(await has(), false)
})

test('BFD is enabled and disabled by the API; its status is what the daemon says, and BGP follows it', async () => {
  const { api } = lab
  const body = { remote: '192.0.2.1', detection_threshold: 3, required_rx: 200_000, mode: 'single_hop' as const }
  await lab.done(api.networking_bfd_enable({ body: { ...body, switch_slot: SLOT } }))
  await lab.settle()
  const [down] = await lab.done(api.networking_bfd_status())
  assert.equal(down?.state, 'down', 'the router does not speak BFD yet')
  assert.deepEqual([down.peer, down.switch_slot, down.required_rx], ['192.0.2.1', SLOT, 200_000])
  const isp = lab.host('isp0').routed!
  const { bgp } = isp.config
  const result = isp.apply({ ...isp.config, bgp: { ...bgp!, bfd: { switch0: { requiredMinRxUs: 200_000 } } } })
  assert.ok(result.ok)
  await lab.clock.advance(3000)
  const [up] = await lab.done(api.networking_bfd_status())
  assert.equal(up?.state, 'up')
  assert.ok(isp.apply({ ...isp.config, bgp: bgp! }).ok)
  await lab.done(api.networking_bfd_disable({ body: { remote: '192.0.2.1', switch_slot: SLOT } }))
  await lab.settle()
  assert.deepEqual(await lab.done(api.networking_bfd_status()), [])
  await lab.clock.advance(12_000) // whoever lost the other's BFD waits up to ten seconds for it
  await lab.until(() => waysToPool() === 2)
})

test('a loopback address of a switch answers from outside', async () => {
  const { api } = lab
  const blocks = [{ first_address: '198.51.100.251', last_address: '198.51.100.251' }]
  const lot = { name: 'loopbacks', description: '', kind: 'infra' as const, blocks }
  const overlapping = await lab.clock.run(api.networking_address_lot_create({ body: lot }))
  assert.ok(!overlapping.ok && overlapping.kind === 'refused' && overlapping.status === 400)
  const loopback = {
    address_lot: 'initial-pool',
    rack_id: rackId,
    address: '198.51.100.251',
    mask: 32,
    anycast: true,
  } as const
  // On both: a router takes either way to the pool.
  for (const switch_slot of ['switch0', 'switch1'] as const) {
    await lab.done(api.networking_loopback_address_create({ body: { ...loopback, switch_slot } }))
  }
  await lab.settle()
  const node = switchNode()
  assert.ok(node.switchd.loopbacks(4).some((ip) => ip.toString() === '198.51.100.251'))
  assert.equal(
    node.routed?.config.bgp?.routerId.toString(),
    '192.0.2.2',
    'an address of several switches names none of them',
  )
  assert.equal(waysToPool(), 2, 'no session ended')
  const results = await lab.clock.run(lab.host('isp0').stack.ping('198.51.100.251', { count: 1, timeoutMs: 500 }))
  assert.equal(results[0]?.outcome, 'reply')
  const params = { rack_id: rackId, switch_slot: SLOT, address: '198.51.100.251', subnet_mask: 32 } as const
  await lab.done(api.networking_loopback_address_delete({ params }))
  await lab.settle()
  assert.ok(!node.switchd.loopbacks(4).some((ip) => ip.toString() === '198.51.100.251'))
})

test('cleared settings switch a port off; applied again, its session comes back', async () => {
  const { api } = lab
  const where = { params: { port: 'qsfp1' }, query: { rack_id: rackId, switch_slot: SLOT } } as const
  await lab.done(api.networking_switch_port_clear_settings(where))
  await lab.until(() => [...switchNode().routed!.speaker!.peers()].length === 1)
  await lab.settle()
  const off = (await lab.done(api.networking_switch_port_status(where))) as { links: unknown[] }
  assert.deepEqual(off.links, [])
  const body = { port_settings: settingsName('qsfp1') }
  await lab.done(api.networking_switch_port_apply_settings({ ...where, body }))
  await lab.settle()
  await lab.untilReady()
  const on = (await lab.done(api.networking_switch_port_status(where))) as { links: { link_state: string }[] }
  assert.equal(on.links[0]?.link_state, 'up')
})

test('a switch that lost its power gets everything again, and is announced only when it has its translations', async () => {
  const before = switchNode()
  assert.ok(await lab.clock.run(lab.emulation.setPower('switch0', false)))
  await lab.clock.advance(2000)
  assert.equal(await ping(2), 2, 'the other switch carries it')
  assert.ok(await lab.clock.run(lab.emulation.setPower('switch0', true)))
  await lab.until(() => switchNode() !== before)
  const node = switchNode()
  const announces = (): boolean =>
    [...(node.routed?.speaker?.peers() ?? [])].some((peer) => peer.status().prefixesAdvertised > 0)
  await lab.until(announces)
  assert.ok(node.switchd.nat.list().length > 0, 'its translations came first')
  await lab.untilReady()
  assert.equal(await ping(4), 4)
})
