/** From requests to the API over table entries to packets and back: the whole chain on a rack in virtual time under its control plane. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { CauseEntry } from '@lodestone/contract-testbed'
import { CloudLab } from '../cloud-lab.fixture.ts'
import { causeOf } from './entry-cause.ts'

const GIB = 2 ** 30

let lab: CloudLab
let address: string
let inside: string
let sled: string

before(async () => {
  lab = await CloudLab.start()
  const { api } = lab
  const query = { project: 'shop' }
  await lab.done(api.project_create({ body: { name: 'shop', description: '' } }))
  address = (await lab.done(api.floating_ip_create({ query, body: { name: 'web-ip', description: '' } }))).ip
  for (const name of ['web', 'db']) {
    const body = { name, description: '', hostname: name, ncpus: 1, memory: GIB }
    await lab.done(api.instance_create({ query, body }))
  }
  await lab.settle()
  await lab.done(
    api.floating_ip_attach({
      params: { floating_ip: 'web-ip' },
      query,
      body: { kind: 'instance', parent: 'web' },
    }),
  )
  await lab.settle()
  const nics = await lab.done(api.instance_network_interface_list({ query: { ...query, instance: 'web' } }))
  const { ip_stack } = nics.items[0]!
  assert.ok(ip_stack.type !== 'v6')
  inside = ip_stack.type === 'v4' ? ip_stack.value.ip : ip_stack.value.v4.ip
  sled = lab.emulation
    .sleds()
    .find((each) => [...each.agent.instances.values()].some(({ desired }) => desired.hostname === 'web'))!.name
  await lab.clock.advance(500)
})
after(() => lab.close())

async function ask(node: string, table: string, words: readonly string[]): Promise<readonly CauseEntry[]> {
  const question = { node, table, words: [...words], packets: 2, wait_ms: 2000 }
  const pings = lab.client.stack.ping(address, { count: 3, timeoutMs: 500 })
  const [result] = await lab.clock.run(Promise.all([causeOf(lab.emulation, lab.nexus, question), pings]))
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.answer.entries
}

function operations({ requests }: CauseEntry): string[] {
  return requests.map(({ operation }) => operation)
}

test('a translation: the request that attached the address decided, the instance and its VPC are what it rests on', async () => {
  const [entry] = await ask('switch0', 'ingress_ipv4', [address])
  assert.ok(entry)
  assert.match(entry.writer, /^switchd, told all translations \(generation \d+\)$/)
  assert.deepEqual(operations(entry), ['floating_ip_attach', 'instance_create', 'project_create'])
  assert.deepEqual(
    entry.requests.map(({ is_last }) => is_last),
    [true, false, false],
  )
  assert.match(entry.requests[0]!.uri, /^\/v1\/floating-ips\/web-ip\/attach/)
  assert.deepEqual(
    { ...entry.reconciler, generation: 0 },
    { name: 'nat', target: 'switch0', state: 'idle', generation: 0 },
  )
  const writtenMs = Date.parse(entry.time_written!)
  assert.ok(writtenMs >= Date.parse(entry.requests[0]!.time_completed) - 1 && writtenMs <= lab.clock.wallMs())
})

test('the packets that used an entry are counted, and some are shown', async () => {
  const found = [
    ...(await ask('switch0', 'ingress_ipv4', [address])),
    ...(await ask('switch1', 'ingress_ipv4', [address])),
  ]
  const samples = found.flatMap((entry) => entry.samples)
  assert.ok(samples.length > 0, 'packets of the ping went through one of the two switches')
  for (const { verdict } of samples) assert.match(verdict, /^DELIVERED .*203\.0\.113\.9 > .* ICMP/)
  assert.ok(found.some(({ hits = 0 }) => hits >= 3))
})

test('a request that changes nothing about an entry does not become its cause', async () => {
  const [before] = await ask('switch0', 'ingress_ipv4', [address])
  await lab.done(
    lab.api.floating_ip_update({
      params: { floating_ip: 'web-ip' },
      query: { project: 'shop' },
      body: { description: 'for the shop' },
    }),
  )
  lab.nexus.repeat()
  await lab.settle()
  const [now] = await ask('switch0', 'ingress_ipv4', [address])
  assert.deepEqual([now!.time_written, operations(now!)], [before!.time_written, operations(before!)])
})

test('a mapping of the overlay and a firewall rule name the requests that made them, and the rule the packets it let in', async () => {
  const other = sled === 'sled0' ? 'sled1' : 'sled0'
  for (const node of [sled, other]) {
    const [mapping] = await ask(node, 'v2p', [`${inside} `])
    assert.deepEqual(operations(mapping!).at(0), 'instance_create')
    assert.equal(mapping!.reconciler?.name, 'v2p')
  }
  const rules = await ask(sled, 'rules', ['web-nic0', 'firewall', 'allow-icmp'])
  assert.equal(rules.length, 1)
  assert.deepEqual(operations(rules[0]!), ['project_create'])
  assert.ok(rules[0]!.samples.length > 0)
  const path = { query: { project: 'shop', vpc: 'default' } }
  const { rules: present } = await lab.done(lab.api.vpc_firewall_rules_view(path))
  const body = { rules: present.map((rule) => (rule.name === 'allow-icmp' ? { ...rule, priority: 100 } : rule)) }
  await lab.done(lab.api.vpc_firewall_rules_update({ ...path, body }))
  await lab.settle()
  const [again] = await ask(sled, 'rules', ['web-nic0', 'firewall', 'allow-icmp'])
  assert.deepEqual(operations(again!), ['vpc_firewall_rules_update'])
  const [old] = (await ask(sled, 'rules', ['web-nic0', 'firewall', 'allow-icmp'])).filter((each) => each.removed)
  assert.deepEqual(operations(old!), ['project_create'])
  assert.ok(old!.removed!.requests.some(({ operation }) => operation === 'vpc_firewall_rules_update'))
  const [untouched] = await ask(sled, 'rules', ['web-nic0', 'firewall', 'allow-ssh'])
  assert.deepEqual(operations(untouched!), ['project_create'])
})

test('a rule and a mapping name the connections that they decide about now, without waiting for packets', async () => {
  await lab.clock.run(lab.client.stack.ping(address, { count: 2, timeoutMs: 500 }))
  const at = async (table: string, words: string[]) => {
    const question = { node: sled, table, words, packets: 2, wait_ms: 0 }
    const result = await lab.clock.run(causeOf(lab.emulation, lab.nexus, question))
    assert.ok(result.ok)
    return result.answer.entries[0]!
  }
  const [connection] = (await at('rules', ['web-nic0', 'firewall', 'allow-icmp'])).connections!
  assert.match(connection!.connection, /^web-nic0 icmp .* ← 203\.0\.113\.9/)
  assert.ok(connection!.packets >= 4)
  const db = lab.emulation.sleds().flatMap(({ agent }) => [...agent.instances.values()])
  const { guest } = db.find(({ desired }) => desired.hostname === 'db')!
  await lab.clock.run(guest!.exec!(`ping -c 1 ${inside}`))
  const other = lab.emulation
    .sleds()
    .find(({ agent }) => [...agent.instances.values()].some((each) => each.guest === guest))
  const question = { node: other!.name, table: 'v2p', words: [`${inside} `], packets: 2, wait_ms: 0 }
  const mapping = await lab.clock.run(causeOf(lab.emulation, lab.nexus, question))
  assert.ok(mapping.ok)
  const toWeb = mapping.answer.entries[0]!.connections!
  assert.ok(
    toWeb.some(({ connection: text }) => text.startsWith('db-nic0 icmp') && text.includes(`→ ${inside}`)),
    JSON.stringify(toWeb),
  )
})

test('a static route names the request that configured it, and what is gone is remembered', async () => {
  const name = 'switch0-qsfp0'
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
    routes: [{ link_name: 'link0', routes: [{ dst: '192.0.2.200/32', gw: '192.0.2.1' }] }],
    addresses: [
      {
        link_name: 'link0',
        addresses: present.addresses.map((each) => ({ address: each.address, address_lot: each.address_lot_name })),
      },
    ],
    bgp_peers: [{ link_name: 'link0', peers: present.bgp_peers }],
  }
  await lab.done(lab.api.networking_switch_port_settings_create({ body }))
  await lab.settle()
  await lab.clock.advance(500)
  const named = ({ routes }: CauseEntry): string[] =>
    routes.flatMap(({ requests }) => requests.map(({ operation }) => operation))
  const [route] = await ask('switch0', 'lookup_v4', ['192.0.2.200/32'])
  assert.equal(route!.routes[0]?.protocol, 'static')
  assert.deepEqual(named(route!), ['networking_switch_port_settings_create'])
  const [outside] = await ask('switch0', 'rib', ['0.0.0.0/0'])
  assert.ok(named(outside!).includes('networking_switch_port_settings_create'), 'its peer is in the same settings')
  await lab.done(lab.api.networking_switch_port_settings_create({ body: { ...body, routes: [] } }))
  await lab.settle()
  await lab.clock.advance(500)
  const [gone] = await ask('switch0', 'rib', ['192.0.2.200/32'])
  assert.match(gone!.removed!.remover, /no path any more; its last one was static/)
})

test('a route names the protocol, the peer and when its message came; what a switch does by itself says so', async () => {
  const [route] = await ask('switch0', 'lookup_v4', ['0.0.0.0/0'])
  assert.match(route!.writer, /told a route .* \(0\.0\.0\.0\/0\)$/)
  assert.ok(route!.routes.length >= 1)
  for (const { protocol, peer_address, as_path, time_received } of route!.routes) {
    assert.equal(protocol, 'bgp')
    assert.ok(peer_address !== undefined && as_path !== undefined)
    assert.ok(Date.parse(time_received) <= Date.parse(route!.time_written!))
  }
  const [underlay] = await ask('switch0', 'lookup_v6', ['fd00'])
  assert.equal(underlay!.routes[0]?.protocol, 'ddm')
  const [mac] = await ask('switch0', 'mac_rewrite', [])
  assert.match(mac!.writer, /^switchd/)
  const [neighbor] = await ask('switch0', 'arp', [])
  assert.match(neighbor!.writer, /learned on qsfp/)
})

test('who removed an entry is told: the request of whose doing the generation is that lacked it', async () => {
  const before = await ask('switch0', 'ingress_ipv4', [address])
  assert.equal(before[0]!.removed, undefined)
  const path = { params: { floating_ip: 'web-ip' }, query: { project: 'shop' } }
  await lab.done(lab.api.floating_ip_detach(path))
  await lab.settle()
  const gone = (await ask('switch0', 'ingress_ipv4', [address]))[0]!
  assert.ok(gone.entry.includes(address))
  assert.equal(gone.time_written, before[0]!.time_written)
  assert.match(gone.removed!.remover, /^switchd, told all translations \(generation \d+\)$/)
  assert.deepEqual(
    gone.removed!.requests.map(({ operation }) => operation),
    ['floating_ip_detach'],
  )
  assert.ok(Date.parse(gone.removed!.time_removed) > Date.parse(gone.time_written!))
  await lab.done(lab.api.instance_stop({ params: { instance: 'db' }, query: path.query }))
  await lab.settle()
  await lab.done(lab.api.instance_delete({ params: { instance: 'db' }, query: path.query }))
  await lab.settle()
  const mappings = await ask('sled0', 'v2p', [])
  const [mapping] = mappings.filter(({ removed }) => removed !== undefined)
  assert.ok(mapping !== undefined)
  assert.ok(mapping.removed!.requests.some(({ operation }) => /^instance_(stop|delete)$/.test(operation)))
})

test('what does not exist is said', async () => {
  const question = { words: [], node: 'switch0', table: 'v2p' }
  const wrong = await lab.clock.run(causeOf(lab.emulation, lab.nexus, question))
  assert.ok(!wrong.ok && /has no table v2p .* it has rib, routes, /.test(wrong.message))
  const nobody = await lab.clock.run(causeOf(lab.emulation, lab.nexus, { ...question, node: 'nobody' }))
  assert.ok(!nobody.ok)
  assert.deepEqual(await ask('switch0', 'ingress_ipv4', ['192.0.2.77']), [])
})
