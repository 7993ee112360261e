/**
 * What networks, addresses and instances mean, by the API: limits, defaults, orders and what does nothing. What sleds are told is looked
 * at here; what packets then do is in the testbed's `semantics.sim.test.ts` and in the packet engine's own tests.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { CallResult } from '@lodestone/api'
import type { NexusClient, VpcFirewallRuleUpdate } from '@lodestone/contract-nexus'
import type { InstanceEnsure } from '@lodestone/contract-sled-agent'
import { settle } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'

const GIB = 2 ** 30
const SILO = 'test-suite-silo'
const query = { project: 'p' }
const inVpc = { project: 'p', vpc: 'default' }
const description = ''

const { rack, nexus, api, close } = await openNexus({ dnsServers: ['192.0.2.53', '192.0.2.54'] })

before(async () => {
  await makePool('internet', '198.51.100.10', '198.51.100.120', true)
  valueOf(await api.project_create({ body: { name: 'p', description } }))
})

after(close)

async function refused(call: Promise<CallResult<unknown>>, status: number, code: string, text: RegExp): Promise<void> {
  const result = await call
  assert.ok(!result.ok && result.kind === 'refused', JSON.stringify(result))
  assert.deepEqual([result.status, result.errorCode], [status, code], result.message)
  assert.match(result.message, text)
}

async function makePool(name: string, first: string, last: string, is_default = false): Promise<void> {
  const ip_version = first.includes(':') ? 'v6' : 'v4'
  valueOf(await api.system_ip_pool_create({ body: { name, description, ip_version } }))
  valueOf(await api.system_ip_pool_range_add({ params: { pool: name }, body: { first, last } }))
  valueOf(await api.system_ip_pool_silo_link({ params: { pool: name }, body: { silo: SILO, is_default } }))
}

type NicCreate = Parameters<NexusClient['instance_network_interface_create']>[0]['body']
type Extra = Partial<Parameters<NexusClient['instance_create']>[0]['body']>

function create(name: string, extra: Extra = {}) {
  const body = { name, description, hostname: name, ncpus: 1, memory: GIB, start: false, ...extra }
  return api.instance_create({ query, body })
}

/** Runs an instance and shows what its sled was told of it. */
async function running(name: string, extra: Extra = {}): Promise<{ id: string; told: () => InstanceEnsure }> {
  const { id } = valueOf(await create(name, { ...extra, start: true }))
  await settle(rack, nexus)
  return { id, told: () => rack.sleds[0]!.find(id).spec }
}

async function remove(name: string): Promise<void> {
  valueOf(await api.instance_stop({ params: { instance: name }, query }))
  await settle(rack, nexus)
  valueOf(await api.instance_delete({ params: { instance: name }, query }))
}

/** An interface in a subnet of its own name, with an IPv4 address. */
function nic(name: string, vpc_name = 'default', subnet_name = name): NicCreate {
  return { name, description, vpc_name, subnet_name, ip_config: { type: 'v4', value: { ip: { type: 'auto' } } } }
}

function rule(name: string, change: Partial<VpcFirewallRuleUpdate> = {}): VpcFirewallRuleUpdate {
  return {
    name,
    description,
    status: 'enabled',
    direction: 'inbound',
    action: 'allow',
    priority: 100,
    targets: [],
    filters: {},
    ...change,
  }
}

function setRules(rules: readonly VpcFirewallRuleUpdate[]) {
  return api.vpc_firewall_rules_update({ query: inVpc, body: { rules: [...rules] } })
}

test('a rule keeps every part that it was given, and absent filters stay absent', async () => {
  const full = rule('full', {
    status: 'disabled',
    direction: 'outbound',
    action: 'deny',
    priority: 65_535,
    targets: [
      { type: 'vpc', value: 'default' },
      { type: 'subnet', value: 'default' },
      { type: 'instance', value: 'nobody' },
      { type: 'ip', value: '172.30.0.9' },
      { type: 'ip_net', value: '172.30.0.0/24' },
    ],
    filters: {
      hosts: [
        { type: 'vpc', value: 'default' },
        { type: 'ip_net', value: '2001:db8::/32' },
      ],
      protocols: [
        { type: 'tcp' },
        { type: 'udp' },
        { type: 'icmp', value: { icmp_type: 3, code: '0-4' } },
        { type: 'icmp6', value: null },
      ],
      ports: ['22', '8000-8080'],
    },
  })
  const [bare, kept] = valueOf(await setRules([rule('bare', { priority: 0 }), full])).rules
  assert.deepEqual(bare?.filters, { hosts: null, protocols: null, ports: null })
  assert.deepEqual([bare.targets, bare.priority], [[], 0])
  const { id: _id, vpc_id: _vpc, time_created: _created, time_modified: _modified, ...rest } = kept!
  assert.deepEqual(rest, full)
})

test('no targets mean every port of the VPC, and a name that resolves to nothing means none', async () => {
  const { told } = await running('one')
  const [nic] = told().nics
  valueOf(
    await setRules([
      rule('everybody'),
      rule('whole', { targets: [{ type: 'vpc', value: 'default' }] }),
      rule('nobody', { targets: [{ type: 'instance', value: 'no-one' }] }),
      rule('by-net', { targets: [{ type: 'ip_net', value: '172.30.0.0/24' }] }),
      rule('from-nobody', { filters: { hosts: [{ type: 'subnet', value: 'nowhere' }] } }),
      rule('from-vpc', { filters: { hosts: [{ type: 'vpc', value: 'default' }] } }),
    ]),
  )
  await settle(rack, nexus)
  const { rules } = rack.sleds[0]!.firewalls.get(nic!.vni)!
  assert.deepEqual(
    rules.map((each) => each.target_nics),
    [undefined, undefined, [], [nic!.id], undefined, undefined],
  )
  assert.deepEqual(rules[4]?.hosts, [], 'an empty filter matches nothing')
  assert.deepEqual(rules[5]?.hosts, [{ type: 'vpc', value: nic!.vni }], 'the VPC of the other side is known by its VNI')
  await remove('one')
})

test('a VPC has at most 1024 rules, and a rule at most 256 of each part; one more is refused', async () => {
  const rules = Array.from({ length: 1024 }, (_, i) => rule(`r${i}`))
  assert.equal(valueOf(await setRules(rules)).rules.length, 1024)
  await refused(setRules([...rules, rule('more')]), 400, 'InvalidValue', /^unsupported value for "rules": .*1025.*1024/)
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ type: 'ip', value: `10.0.${i >> 8}.${i & 255}` }) as const)
  const tcp = { type: 'tcp' } as const
  const parts = (count: number): readonly (readonly [string, Partial<VpcFirewallRuleUpdate>])[] => [
    ['targets', { targets: many(count) }],
    ['filters.hosts', { filters: { hosts: many(count) } }],
    ['filters.protocols', { filters: { protocols: Array.from({ length: count }, () => tcp) } }],
    ['filters.ports', { filters: { ports: Array.from({ length: count }, (_, i) => String(i)) } }],
  ]
  for (const [, change] of parts(256)) valueOf(await setRules([rule('wide', change)]))
  for (const [label, change] of parts(257)) {
    await refused(
      setRules([rule('wide', change)]),
      400,
      'InvalidValue',
      new RegExp(`^unsupported value for "${label}": `),
    )
  }
  valueOf(await setRules([]))
})

test('names of rules are unique, priorities are 0 to 65535, and other VPCs cannot be named', async () => {
  await refused(setRules([rule('twice'), rule('twice')]), 400, 'InvalidRequest', /two rules called "twice"/)
  for (const priority of [-1, 65_536]) {
    const result = await setRules([rule('odd', { priority })])
    assert.ok(!result.ok && result.kind === 'refused' && result.status === 400)
  }
  const other = [{ type: 'vpc', value: 'other' }] as const
  for (const change of [{ targets: [...other] }, { filters: { hosts: [...other] } }]) {
    await refused(setRules([rule('cross', change)]), 400, 'InvalidRequest', /cross-VPC/)
  }
})

test('the system router cannot be changed, deleted or added to; of its routes only the targets of default ones can be', async () => {
  const system = { params: { router: 'system' }, query: inVpc }
  const inSystem = { ...inVpc, router: 'system' }
  await refused(api.vpc_router_update({ ...system, body: { name: 'mine' } }), 400, 'InvalidRequest', /system router/)
  await refused(api.vpc_router_delete(system), 400, 'InvalidRequest', /system router/)
  const destination = { type: 'ip_net', value: '0.0.0.0/0' } as const
  const drop = { type: 'drop' } as const
  const added = { name: 'more', description, destination, target: drop }
  await refused(api.vpc_router_route_create({ query: inSystem, body: added }), 400, 'InvalidRequest', /system router/)
  const change = (route: string, body: Omit<Parameters<NexusClient['vpc_router_route_update']>[0]['body'], never>) =>
    api.vpc_router_route_update({ params: { route }, query: inSystem, body })
  const elsewhere = { type: 'ip_net', value: '10.0.0.0/8' } as const
  await refused(
    change('default-v4', { destination: elsewhere, target: drop }),
    400,
    'InvalidRequest',
    /only the target/,
  )
  await refused(
    change('default-v4', { name: 'mine', destination, target: drop }),
    400,
    'InvalidRequest',
    /only the target/,
  )
  const subnet = { type: 'subnet', value: 'default' } as const
  await refused(change('default', { destination: subnet, target: drop }), 400, 'InvalidRequest', /kind vpc_subnet/)
  for (const route of ['default-v4', 'default']) {
    await refused(
      api.vpc_router_route_delete({ params: { route }, query: inSystem }),
      400,
      'InvalidRequest',
      /cannot be deleted/,
    )
  }
  assert.deepEqual(valueOf(await change('default-v4', { destination, target: drop })).target, drop)
  const gateway = { type: 'internet_gateway', value: 'default' } as const
  assert.deepEqual(valueOf(await change('default-v4', { destination, target: gateway })).target, gateway)
})

test('a route may lead to addresses, instances, gateways or nowhere, within one IP version; not to VPCs and subnets', async () => {
  valueOf(await api.vpc_router_create({ query: inVpc, body: { name: 'mine', description } }))
  let count = 0
  const add = (destination: object, target: object) =>
    api.vpc_router_route_create({
      query: { ...inVpc, router: 'mine' },
      // because wrong ones are asked for, too
      body: { name: `r${count++}`, description, destination, target } as never,
    })
  const four = { type: 'ip', value: '203.0.113.1' }
  const six = { type: 'ip_net', value: '2001:db8::/32' }
  for (const target of [
    four,
    { type: 'instance', value: 'later' },
    { type: 'internet_gateway', value: 'later' },
    { type: 'drop' },
  ]) {
    valueOf(await add({ type: 'ip_net', value: '192.0.2.0/24' }, target))
  }
  valueOf(await add({ type: 'subnet', value: 'later' }, { type: 'drop' }))
  const vpc = { type: 'vpc', value: 'default' }
  await refused(add(vpc, { type: 'drop' }), 400, 'InvalidRequest', /VPC cannot be the destination/)
  await refused(add(four, vpc), 400, 'InvalidRequest', /VPC cannot be the target/)
  await refused(add(four, { type: 'subnet', value: 'default' }), 400, 'InvalidRequest', /subnet cannot be the target/)
  await refused(add(four, { type: 'ip', value: '2001:db8::1' }), 400, 'InvalidRequest', /one IP version/)
  await refused(add(six, four), 400, 'InvalidRequest', /one IP version/)
})

test('a custom router counts for the subnets that it is attached to, beside the system router', async () => {
  const { told } = await running('routed')
  const routers = (): string[] =>
    told().routes.flatMap(({ routes }) => routes.map(({ router, dest }) => `${router} ${dest}`))
  const pushed = (): string[] =>
    rack.sleds[0]!.routes.sets.flatMap(({ routes }) => routes.map(({ router, dest }) => `${router} ${dest}`))
  assert.ok(routers().every((each) => each.startsWith('system')))
  const subnet = { params: { subnet: 'default' }, query: inVpc }
  valueOf(await api.vpc_subnet_update({ ...subnet, body: { custom_router: 'mine' } }))
  await settle(rack, nexus)
  assert.ok(pushed().includes('custom 192.0.2.0/24'))
  assert.ok(pushed().includes('system 0.0.0.0/0'))
  valueOf(await api.vpc_subnet_update({ ...subnet, body: { custom_router: null } }))
  await settle(rack, nexus)
  assert.ok(!pushed().some((each) => each.startsWith('custom')))
  await remove('routed')
})

test('a subnet brings a route of its own to the system router, and takes it along', async () => {
  const routes = async (): Promise<string[]> =>
    valueOf(await api.vpc_router_route_list({ query: { ...inVpc, router: 'system' } })).items.map(
      ({ name, kind, target }) => `${name} ${kind} ${target.type}`,
    )
  const before = await routes()
  const body = { name: 'app', description, ipv4_block: '10.9.0.0/24' }
  valueOf(await api.vpc_subnet_create({ query: inVpc, body }))
  assert.deepEqual((await routes()).toSorted(), [...before, 'app vpc_subnet subnet'].toSorted())
  valueOf(await api.vpc_subnet_delete({ params: { subnet: 'app' }, query: inVpc }))
  assert.deepEqual(await routes(), before)
})

test('an address may leave by the gateways that its pool or it itself is attached to, and by no other', async () => {
  await makePool('side', '198.51.101.1', '198.51.101.9')
  const gateway = valueOf(await api.internet_gateway_create({ query: inVpc, body: { name: 'side', description } }))
  const fixed = { address_allocator: { type: 'explicit', ip: '198.51.101.5' } } as const
  valueOf(await api.floating_ip_create({ query, body: { name: 'side-ip', description, ...fixed } }))
  const { id } = await running('egress', { external_ips: [{ type: 'floating', floating_ip: 'side-ip' }] })
  const gateways = (): readonly string[] | undefined =>
    rack.sleds[0]!.externalIps(id).internet_gateways?.['198.51.101.5']
  assert.deepEqual(gateways(), [], 'no gateway: what leaves by one is denied')
  const attached = { name: 'a', description, ip_pool: 'side' }
  valueOf(await api.internet_gateway_ip_pool_create({ query: { gateway: gateway.id }, body: attached }))
  await settle(rack, nexus)
  assert.deepEqual(gateways(), [gateway.id])
  valueOf(await api.internet_gateway_ip_pool_delete({ params: { pool: 'a' }, query: { gateway: gateway.id } }))
  const address = { name: 'b', description, address: '198.51.101.5' }
  valueOf(await api.internet_gateway_ip_address_create({ query: { gateway: gateway.id }, body: address }))
  await settle(rack, nexus)
  assert.deepEqual(gateways(), [gateway.id])
  await remove('egress')
})

test('a floating address survives its instance and moves; an ephemeral one ends when it is detached', async () => {
  const floating = { params: { floating_ip: 'moving' }, query }
  const { ip } = valueOf(await api.floating_ip_create({ query, body: { name: 'moving', description } }))
  const ephemeral = { type: 'ephemeral', pool_selector: { type: 'auto', ip_version: null } } as const
  valueOf(await create('first', { external_ips: [{ type: 'floating', floating_ip: 'moving' }, ephemeral] }))
  valueOf(await create('second'))
  const attach = { kind: 'instance', parent: 'second' } as const
  await refused(api.floating_ip_attach({ ...floating, body: attach }), 400, 'InvalidRequest', /already in use/)
  valueOf(await api.instance_delete({ params: { instance: 'first' }, query }))
  const left = valueOf(await api.floating_ip_view(floating))
  assert.deepEqual([left.ip, left.instance_id], [ip, null])
  const moved = valueOf(await api.floating_ip_attach({ ...floating, body: attach }))
  assert.notEqual(moved.instance_id, null)
  const second = { params: { instance: 'second' }, query }
  const addresses = async (): Promise<string[]> =>
    valueOf(await api.instance_external_ip_list(second)).items.map(({ kind }) => kind)
  valueOf(await api.instance_ephemeral_ip_attach({ ...second, body: {} }))
  assert.deepEqual((await addresses()).toSorted(), ['ephemeral', 'floating', 'snat'])
  valueOf(await api.instance_ephemeral_ip_detach(second))
  assert.deepEqual((await addresses()).toSorted(), ['floating', 'snat'])
  await refused(api.instance_ephemeral_ip_detach(second), 400, 'InvalidRequest', /does not have an ephemeral/)
  valueOf(await api.floating_ip_detach(floating))
  valueOf(await api.floating_ip_delete(floating))
  valueOf(await api.instance_delete(second))
})

test('an instance has one ephemeral address of each IP version, of which the primary interface has one too', async () => {
  await makePool('six', '2001:db8:6::10', '2001:db8:6::20', true)
  valueOf(await create('both'))
  valueOf(await create('four', { network_interfaces: { type: 'default_ipv4' } }))
  valueOf(await create('none', { network_interfaces: { type: 'none' } }))
  const attach = (instance: string, ip_version: 'v4' | 'v6' | null) =>
    api.instance_ephemeral_ip_attach({
      params: { instance },
      query,
      body: { pool_selector: { type: 'auto', ip_version } },
    })
  await refused(attach('both', null), 400, 'InvalidRequest', /both IP versions/)
  for (const version of ['v4', 'v6'] as const) {
    valueOf(await attach('both', version))
    await refused(attach('both', version), 400, 'InvalidRequest', new RegExp(`more than 1 ephemeral IP${version}`))
  }
  const detach = (ip_version?: 'v4') =>
    api.instance_ephemeral_ip_detach({ params: { instance: 'both' }, query: { ...query, ip_version } })
  await refused(detach(), 400, 'InvalidRequest', /two ephemeral/)
  valueOf(await detach('v4'))
  await refused(attach('four', 'v6'), 400, 'InvalidRequest', /no IPv6 address/)
  await refused(attach('none', 'v4'), 400, 'InvalidRequest', /without network interfaces/)
  const six = { address_allocator: { type: 'auto', pool_selector: { type: 'explicit', pool: 'six' } } } as const
  valueOf(await api.floating_ip_create({ query, body: { name: 'six-ip', description, ...six } }))
  const floating = { params: { floating_ip: 'six-ip' }, query }
  for (const [parent, text] of [
    ['four', /no IPv6 address/],
    ['none', /without network interfaces/],
  ] as const) {
    await refused(
      api.floating_ip_attach({ ...floating, body: { kind: 'instance', parent } }),
      400,
      'InvalidRequest',
      text,
    )
  }
  for (const instance of ['both', 'four', 'none']) valueOf(await api.instance_delete({ params: { instance }, query }))
  valueOf(await api.floating_ip_delete(floating))
  valueOf(await api.system_ip_pool_silo_update({ params: { pool: 'six', silo: SILO }, body: { is_default: false } }))
})

test('source NAT is a quarter of the ports of an address for each instance that has IPv4, and for no other', async () => {
  const snat = async (name: string) =>
    valueOf(await api.instance_external_ip_list({ params: { instance: name }, query })).items.find(
      ({ kind }) => kind === 'snat',
    )
  const blocks: string[] = []
  for (const name of ['s0', 's1', 's2', 's3', 's4']) {
    valueOf(await create(name))
    const block = await snat(name)
    assert.ok(block?.kind === 'snat')
    assert.equal(block.first_port % 16_384, 0)
    assert.equal(block.last_port - block.first_port, 16_383)
    blocks.push(`${block.ip} ${block.first_port}`)
  }
  assert.equal(new Set(blocks).size, 5)
  assert.equal(new Set(blocks.map((each) => each.split(' ')[0])).size, 2, 'four share one address')
  valueOf(await create('six-only', { network_interfaces: { type: 'default_ipv6' } }))
  assert.equal(await snat('six-only'), undefined)
  for (const instance of ['s0', 's1', 's2', 's3', 's4', 'six-only']) {
    valueOf(await api.instance_delete({ params: { instance }, query }))
  }
})

test('external addresses follow the primary interface, which is the first unless changed', async () => {
  valueOf(
    await api.vpc_subnet_create({ query: inVpc, body: { name: 'second', description, ipv4_block: '10.8.0.0/24' } }),
  )
  const params = [nic('a', 'default', 'default'), nic('b', 'default', 'second')]
  const { id, told } = await running('two-nics', { network_interfaces: { type: 'create', params } })
  const macs = (): (string | undefined)[] => told().nics.map(({ mac }) => mac)
  const inner = (): string | undefined => rack.switches[0]!.entries[0]?.inner_mac
  assert.deepEqual(
    told().nics.map(({ slot, primary }) => [slot, primary]),
    [
      [0, true],
      [1, false],
    ],
  )
  assert.equal(inner(), macs()[0])
  const change = () =>
    api.instance_network_interface_update({
      params: { interface: 'b' },
      query: { ...query, instance: 'two-nics' },
      body: { primary: true },
    })
  await refused(change(), 400, 'InvalidRequest', /must be stopped/)
  valueOf(await api.instance_stop({ params: { instance: id } }))
  await settle(rack, nexus)
  assert.equal(valueOf(await change()).primary, true)
  valueOf(await api.instance_start({ params: { instance: id } }))
  await settle(rack, nexus)
  assert.equal(inner(), macs()[1])
  await remove('two-nics')
})

test('interfaces are at most eight, of one VPC, and change only while the instance is at rest', async () => {
  const names = Array.from({ length: 9 }, (_, i) => `n${i}`)
  for (const [i, name] of names.entries()) {
    const body = { name, description, ipv4_block: `10.${20 + i}.0.0/24` }
    valueOf(await api.vpc_subnet_create({ query: inVpc, body }))
  }
  const wanted = (count: number) =>
    ({ type: 'create', params: names.slice(0, count).map((name) => nic(name)) }) as const
  await refused(create('nine', { network_interfaces: wanted(9) }), 400, 'InvalidRequest', /at most 8/)
  valueOf(await create('eight', { network_interfaces: wanted(8) }))
  const on = { ...query, instance: 'eight' }
  await refused(
    api.instance_network_interface_create({ query: on, body: nic('n8') }),
    400,
    'InvalidRequest',
    /at most 8/,
  )
  valueOf(await api.instance_network_interface_delete({ params: { interface: 'n7' }, query: on }))
  valueOf(await api.vpc_create({ query, body: { name: 'other', description, dns_name: 'other' } }))
  const foreign = nic('x', 'other', 'default')
  await refused(api.instance_network_interface_create({ query: on, body: foreign }), 400, 'InvalidRequest', /one VPC/)
  const first = { params: { interface: 'n0' }, query: on }
  await refused(api.instance_network_interface_delete(first), 400, 'InvalidRequest', /primary interface/)
  valueOf(await api.instance_start({ params: { instance: 'eight' }, query }))
  await settle(rack, nexus)
  const last = { params: { interface: 'n6' }, query: on }
  for (const call of [
    api.instance_network_interface_create({ query: on, body: nic('n7') }),
    api.instance_network_interface_delete(last),
    api.instance_network_interface_update({ ...last, body: { transit_ips: ['192.0.2.0/24'] } }),
    api.instance_network_interface_update({ ...last, body: { description: 'new' } }),
  ]) {
    await refused(call, 400, 'InvalidRequest', /must be stopped/)
  }
  await remove('eight')
})

test('an instance has at most 254 CPUs, 1.5 TiB of memory in whole GiB, 12 disks, 32 external addresses and 100 SSH keys', async () => {
  const value = (change: Extra, label: string) =>
    refused(create('big', change), 400, 'InvalidValue', new RegExp(`^unsupported value for "${label}": `))
  await value({ ncpus: 0 }, 'ncpus')
  await value({ ncpus: 255 }, 'ncpus')
  await value({ memory: GIB - 1 }, 'memory')
  await value({ memory: GIB + 512 }, 'memory')
  await value({ memory: 1537 * GIB }, 'memory')
  valueOf(await create('big', { ncpus: 254, memory: 1536 * GIB }))
  valueOf(await api.instance_delete({ params: { instance: 'big' }, query }))

  const backend = { type: 'distributed', disk_source: { type: 'blank', block_size: 512 } } as const
  const disks = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      ...({ type: 'create', name: `d${i}`, description, size: GIB } as const),
      disk_backend: backend,
    }))
  await refused(create('disks', { disks: disks(13) }), 400, 'InvalidRequest', /at most 12 disks/)
  valueOf(await create('disks', { disks: disks(12) }))
  valueOf(await api.disk_create({ query, body: { name: 'd12', description, size: GIB, disk_backend: backend } }))
  const more = api.instance_disk_attach({ params: { instance: 'disks' }, query, body: { disk: 'd12' } })
  await refused(more, 400, 'InvalidRequest', /at most 12 disks/)

  const floating = Array.from({ length: 33 }, (_, i) => ({ type: 'floating', floating_ip: `f${i}` }) as const)
  for (const { floating_ip: name } of floating)
    valueOf(await api.floating_ip_create({ query, body: { name, description } }))
  await refused(create('ips', { external_ips: floating }), 400, 'InvalidRequest', /more than 32 external/)
  valueOf(await create('ips', { external_ips: floating.slice(0, 32) }))
  const attach = { kind: 'instance', parent: 'ips' } as const
  const one = api.floating_ip_attach({ params: { floating_ip: 'f32' }, query, body: attach })
  await refused(one, 400, 'InvalidRequest', /more than 32 external/)

  const keys = Array.from({ length: 101 }, (_, i) => `k${i}`)
  await refused(create('keys', { ssh_public_keys: keys }), 400, 'InvalidRequest', /at most 100/)
})

test('a guest is told of the rack’s upstream resolvers', async () => {
  const { told } = await running('resolver')
  assert.deepEqual(told().dns_servers, ['192.0.2.53', '192.0.2.54'])
  await remove('resolver')
})

test('nothing of all that was an internal error', () => {
  assert.deepEqual(rack.errors, [])
})
