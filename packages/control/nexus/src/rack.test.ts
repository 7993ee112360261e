import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { RouteDestination, RouteTarget } from '@lodestone/contract-nexus'
import { settle } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'
import { REFERENCE_MISSING, REFERENCE_URL, referenceCheck } from './reference.fixture.ts'

const GIB = 2 ** 30
const referenceText = existsSync(REFERENCE_URL) ? readFileSync(REFERENCE_URL, 'utf8') : undefined
const skip = referenceText === undefined ? REFERENCE_MISSING : false
const reference = referenceCheck(referenceText)

const { rack, store, nexus, api, close } = await openNexus({ sleds: 2, watch: reference.watch })

before(async () => {
  const pool = valueOf(await api.system_ip_pool_create({ body: { name: 'internet', description: '' } }))
  const range = { first: '198.51.100.10', last: '198.51.100.14' }
  valueOf(await api.system_ip_pool_range_add({ params: { pool: pool.name }, body: range }))
  const link = { silo: 'test-suite-silo', is_default: true }
  valueOf(await api.system_ip_pool_silo_link({ params: { pool: pool.name }, body: link }))
})

after(close)

async function createInstance(project: string, name: string, extra: object = {}): Promise<string> {
  const body = { name, description: '', hostname: name, ncpus: 1, memory: GIB, ...extra }
  return valueOf(await api.instance_create({ query: { project }, body })).id
}

async function stateOf(id: string): Promise<string> {
  return valueOf(await api.instance_view({ params: { instance: id } })).run_state
}

async function removeInstance(id: string): Promise<void> {
  await api.instance_stop({ params: { instance: id } })
  await settle(rack, nexus)
  valueOf(await api.instance_delete({ params: { instance: id } }))
  await settle(rack, nexus)
}

test('a request for an instance with a floating IP reaches sleds and switches', async () => {
  const project = 'flow'
  valueOf(await api.project_create({ body: { name: project, description: 'p' } }))
  const floating = valueOf(
    await api.floating_ip_create({ query: { project }, body: { name: 'web-ip', description: '' } }),
  )
  assert.equal(floating.ip, '198.51.100.10')
  const id = await createInstance(project, 'web', { external_ips: [{ type: 'floating', floating_ip: 'web-ip' }] })
  assert.equal(await stateOf(id), 'starting')
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'running')

  const [nic] = valueOf(await api.instance_network_interface_list({ query: { instance: 'web', project } })).items
  assert.ok(nic?.ip_stack.type === 'dual_stack')
  assert.equal(nic.ip_stack.value.v4.ip, '172.30.0.5', 'the first five addresses of a subnet are reserved')
  assert.match(nic.mac, /^A8:40:25:F[0-9A-E]:/)

  const { spec } = rack.sleds[0]!.find(id)
  const gateway = valueOf(
    await api.internet_gateway_view({ params: { gateway: 'default' }, query: { project, vpc: 'default' } }),
  )
  assert.deepEqual(spec.external_ips, {
    snat: { ip: '198.51.100.11', first_port: 0, last_port: 16_383 },
    floating: ['198.51.100.10'],
    internet_gateways: { '198.51.100.10': [gateway.id], '198.51.100.11': [gateway.id] },
  })
  const rules = spec.firewall_rules.map((rule) => rule.name)
  assert.deepEqual(rules, ['allow-internal-inbound', 'allow-ssh', 'allow-icmp'])
  assert.deepEqual(spec.nics[0]?.ipv4, { ip: '172.30.0.5', subnet: '172.30.0.0/22' })
  const [routes4, routes6] = spec.routes
  assert.equal(routes4?.subnet, '172.30.0.0/22')
  assert.deepEqual(routes4.routes.map(({ dest, target }) => `${dest} ${target.type}`).toSorted(), [
    '0.0.0.0/0 internet_gateway',
    '172.30.0.0/22 vpc_subnet',
  ])
  assert.ok(routes6?.routes.some((route) => route.dest === '::/0'))

  for (const sled of rack.sleds) {
    const hosts = sled.v2p.mappings.map((mapping) => `${mapping.virtual_ip} ${mapping.physical_host_ip}`)
    assert.ok(hosts.includes('172.30.0.5 fd00:1122:3344:101::1'), 'every sled knows where every address is')
  }
  const nat = { internal_ip: 'fd00:1122:3344:101::1', inner_mac: nic.mac.toLowerCase(), vni: spec.nics[0]!.vni }
  for (const { entries } of rack.switches) {
    assert.deepEqual(entries, [
      { external_address: '198.51.100.10', first_port: 0, last_port: 65_535, ...nat },
      { external_address: '198.51.100.11', first_port: 0, last_port: 16_383, ...nat },
    ])
  }
  const addresses = valueOf(await api.instance_external_ip_list({ params: { instance: id } })).items
  assert.deepEqual(addresses.map((address) => address.kind).sort(), ['floating', 'snat'])
  const console = valueOf(
    await rack.clock.run(
      api.instance_serial_console({ params: { instance: id }, query: { from_start: 0, max_bytes: 9 } }),
    ),
  )
  assert.equal(Buffer.from(console.data).toString(), 'lodestone')

  // Detach: the address stays the project's, the switches forget it.
  valueOf(await api.floating_ip_detach({ params: { floating_ip: 'web-ip' }, query: { project } }))
  await settle(rack, nexus)
  assert.deepEqual(rack.sleds[0]!.externalIps(id).floating, [])
  assert.equal(rack.switches[1]!.entries.length, 1)
  const attach = { kind: 'instance' as const, parent: 'web' }
  valueOf(await api.floating_ip_attach({ params: { floating_ip: floating.id }, body: attach }))
  await settle(rack, nexus)
  assert.deepEqual(rack.sleds[0]!.externalIps(id).floating, ['198.51.100.10'])
  const refused = await api.floating_ip_delete({ params: { floating_ip: floating.id } })
  assert.ok(!refused.ok && refused.kind === 'refused' && refused.status === 400)
  await removeInstance(id)
  assert.equal(rack.switches[0]!.entries.length, 0)
  assert.deepEqual(rack.sleds[0]!.v2p.mappings, [])
  valueOf(await api.floating_ip_delete({ params: { floating_ip: floating.id } }))
})

test('firewall rules reach the sleds resolved, and names that do not exist match nothing', async () => {
  const project = 'walls'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const one = await createInstance(project, 'one')
  await createInstance(project, 'two')
  await settle(rack, nexus)
  const { vni, id: nicId } = rack.sleds
    .flatMap((sled) => [...sled.instances.values()])
    .find(({ now }) => now.id === one)!.spec.nics[0]!
  const before = rack.sleds.map((sled) => sled.firewalls.get(vni)!.generation)
  const answer = await api.vpc_firewall_rules_update({
    query: { project, vpc: 'default' },
    body: {
      rules: [
        {
          name: 'web',
          description: '',
          status: 'enabled',
          direction: 'inbound',
          action: 'allow',
          priority: 100,
          targets: [{ type: 'instance', value: 'one' }],
          filters: {
            hosts: [
              { type: 'instance', value: 'two' },
              { type: 'subnet', value: 'nowhere' },
              { type: 'ip', value: '192.0.2.1' },
              { type: 'vpc', value: 'default' },
            ],
            protocols: [{ type: 'tcp' }, { type: 'icmp', value: { icmp_type: 8, code: '0-3' } }],
            ports: ['80', '8000-8080'],
          },
        },
      ],
    },
  })
  assert.equal(valueOf(answer).rules.length, 1)
  await settle(rack, nexus)
  for (const [i, sled] of rack.sleds.entries()) {
    const { generation, rules } = sled.firewalls.get(vni)!
    assert.equal(generation, before[i]! + 1)
    assert.deepEqual(rules[0]?.target_nics, [nicId])
    assert.equal(rules[0]?.hosts?.length, 4, 'two private addresses of instance two, one address, one VNI')
    assert.deepEqual(rules[0]?.hosts?.at(-1), { type: 'vpc', value: vni })
    assert.deepEqual(rules[0]?.protocols, [{ type: 'tcp' }, { type: 'icmp', icmp_type: 8, code: '0-3' }])
  }
  const [rule] = valueOf(answer).rules
  const again = await api.vpc_firewall_rules_update({
    query: { project, vpc: 'default' },
    body: { rules: [rule!, { ...rule!, targets: [{ type: 'vpc', value: 'other' }], name: 'cross' }] },
  })
  assert.ok(!again.ok && again.kind === 'refused')
  assert.match(again.message, /cross-VPC/)
  for (const name of ['one', 'two']) {
    await removeInstance(valueOf(await api.instance_view({ params: { instance: name }, query: { project } })).id)
  }
})

test('routes of a custom router reach the sleds resolved, and go with it', async () => {
  const project = 'paths'
  const query = { project, vpc: 'default' }
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const id = await createInstance(project, 'fire-wall')
  await settle(rack, nexus)
  const sled = rack.sleds.find((candidate) => candidate.instances.has(id))!
  const { vni } = sled.find(id).spec.nics[0]!
  const customRoutes = (): string[] =>
    sled.routes.sets
      .filter((set) => set.vni === vni)
      .flatMap((set) => set.routes)
      .filter((route) => route.router === 'custom')
      .map(({ dest, target }) => `${dest} ${JSON.stringify(target)}`)

  const body = { name: 'inspect', description: '' }
  const router = valueOf(await api.vpc_router_create({ query, body }))
  assert.equal(router.kind, 'custom')
  const inRouter = { router: router.id }
  const add = (name: string, destination: RouteDestination, target: RouteTarget) =>
    api.vpc_router_route_create({ query: inRouter, body: { name, description: '', destination, target } })
  valueOf(await add('black-hole', { type: 'ip_net', value: '192.0.2.0/24' }, { type: 'drop' }))
  valueOf(await add('via', { type: 'ip', value: '203.0.113.9' }, { type: 'instance', value: 'fire-wall' }))
  valueOf(await add('nowhere', { type: 'ip', value: '203.0.113.10' }, { type: 'instance', value: 'nobody' }))
  const out = { type: 'internet_gateway', value: 'other' } as const
  valueOf(await add('out', { type: 'ip_net', value: '0.0.0.0/0' }, out))
  await settle(rack, nexus)
  assert.deepEqual(customRoutes(), [], 'no subnet uses the router yet')

  const subnet = valueOf(
    await api.vpc_subnet_update({ params: { subnet: 'default' }, query, body: { custom_router: 'inspect' } }),
  )
  assert.equal(subnet.custom_router_id, router.id)
  await settle(rack, nexus)
  assert.deepEqual(customRoutes().toSorted(), [
    '192.0.2.0/24 {"type":"drop"}',
    '203.0.113.9/32 {"type":"ip","value":"172.30.0.5"}',
  ])
  const other = valueOf(await api.internet_gateway_create({ query, body: { name: 'other', description: '' } }))
  await settle(rack, nexus)
  const toOther = `0.0.0.0/0 {"type":"internet_gateway","id":"${other.id}","name":"other"}`
  assert.ok(customRoutes().includes(toOther), 'a name that begins to exist begins to count')
  const pool = { name: 'own', description: '', ip_pool: 'internet' }
  valueOf(await api.internet_gateway_ip_pool_create({ query: { gateway: other.id }, body: pool }))
  await settle(rack, nexus)
  assert.ok(Object.values(sled.externalIps(id).internet_gateways!).every((gateways) => gateways.includes(other.id)))
  const busy = await api.internet_gateway_delete({ params: { gateway: 'other' }, query })
  assert.ok(!busy.ok && busy.kind === 'refused' && busy.status === 400, 'a gateway with pools goes only with cascade')
  valueOf(await api.internet_gateway_delete({ params: { gateway: 'other' }, query: { ...query, cascade: true } }))
  const routes = valueOf(await api.vpc_router_route_list({ query: inRouter })).items.map((route) => route.name)
  assert.deepEqual(routes, ['black-hole', 'nowhere', 'via'])

  for (const [destination, target, message] of [
    [{ type: 'vpc', value: 'default' }, { type: 'drop' }, /a VPC cannot be the destination/],
    [{ type: 'ip', value: '192.0.2.1' }, { type: 'subnet', value: 'default' }, /a subnet cannot be the target/],
    [{ type: 'ip', value: '192.0.2.1' }, { type: 'ip', value: '2001:db8::1' }, /of one IP version/],
  ] as const) {
    const refused = await add('wrong', destination, target)
    assert.ok(!refused.ok && refused.kind === 'refused' && refused.status === 400)
    assert.match(refused.message, message)
  }
  const system = { ...query, router: 'system' }
  const own = valueOf(await api.vpc_router_route_list({ query: system })).items
  assert.deepEqual(
    own.map((route) => `${route.name} ${route.kind}`),
    ['default vpc_subnet', 'default-v4 default', 'default-v6 default'],
  )
  const route = own[1]!
  for (const refused of [
    await api.vpc_router_route_delete({ params: { route: route.id } }),
    await api.vpc_router_route_update({
      params: { route: own[0]!.id },
      body: { ...own[0]!, target: { type: 'drop' } },
    }),
    await api.vpc_router_route_create({ query: system, body: { ...route, name: 'mine' } }),
    await api.vpc_router_delete({ params: { router: 'system' }, query }),
  ]) {
    assert.ok(!refused.ok && refused.kind === 'refused' && refused.status === 400)
  }
  const { name, description, destination } = route
  const closed = { name, description, destination, target: { type: 'drop' as const } }
  valueOf(await api.vpc_router_route_update({ params: { route: route.id }, body: closed }))
  valueOf(await api.vpc_router_delete({ params: { router: 'inspect' }, query }))
  await settle(rack, nexus)
  assert.deepEqual(customRoutes(), [])
  const left = sled.routes.sets.find((set) => set.vni === vni && set.subnet === '172.30.0.0/22')!.routes
  assert.ok(left.some((candidate) => candidate.dest === '0.0.0.0/0' && candidate.target.type === 'drop'))
  assert.equal(
    valueOf(await api.vpc_subnet_view({ params: { subnet: 'default' }, query })).custom_router_id,
    null,
    'the subnet goes on with the system router alone',
  )
  await removeInstance(id)
})

test('interfaces are added, changed and removed while the instance is stopped, and reach the sled when it starts', async () => {
  const project = 'wires'
  const vpc = { project, vpc: 'default' }
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const side = { name: 'side', description: '', ipv4_block: '10.9.0.0/24' }
  valueOf(await api.vpc_subnet_create({ query: vpc, body: side }))
  const id = await createInstance(project, 'router')
  const query = { instance: 'router', project }
  const second = { name: 'net1', description: '', vpc_name: 'default', subnet_name: 'side' }
  const early = await api.instance_network_interface_create({ query, body: second })
  assert.ok(!early.ok && early.kind === 'refused' && early.status === 400)
  valueOf(await api.instance_stop({ params: { instance: id } }))
  await settle(rack, nexus)
  const added = valueOf(await api.instance_network_interface_create({ query, body: second }))
  assert.equal(added.primary, false)
  const twice = await api.instance_network_interface_create({ query, body: { ...second, name: 'net2' } })
  assert.ok(!twice.ok && twice.kind === 'refused')
  assert.match(twice.message, /cannot be in one subnet/)
  const params = { interface: 'net1' }
  const transit_ips = ['192.0.2.0/24']
  const changed = await api.instance_network_interface_update({ params, query, body: { primary: true, transit_ips } })
  assert.equal(valueOf(changed).primary, true)
  const primary = await api.instance_network_interface_delete({ params, query })
  assert.ok(!primary.ok && primary.kind === 'refused' && primary.status === 400)
  valueOf(await api.instance_start({ params: { instance: id } }))
  await settle(rack, nexus)
  const { spec } = rack.sleds.find((sled) => sled.instances.has(id))!.find(id)
  assert.deepEqual(
    spec.nics.map((nic) => [nic.name, nic.slot, nic.primary, nic.transit_ips]),
    [
      ['net0', 0, false, []],
      ['net1', 1, true, transit_ips],
    ],
  )
  assert.equal(spec.routes.length, 4, 'a set for each block of each subnet')
  valueOf(await api.instance_stop({ params: { instance: id } }))
  await settle(rack, nexus)
  valueOf(await api.instance_network_interface_delete({ params: { interface: 'net0' }, query }))
  const left = valueOf(await api.instance_network_interface_list({ query })).items
  assert.deepEqual(
    left.map((nic) => nic.name),
    ['net1'],
  )
  await removeInstance(id)
})

test('no instance is placed on a sled that is not provisionable', async () => {
  const project = 'places'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const [first, second] = valueOf(await api.sled_list()).items
  const closed = { params: { sled_id: first!.id }, body: { state: 'non_provisionable' as const } }
  const answer = valueOf(await api.sled_set_provision_policy(closed))
  assert.deepEqual(answer, { old_state: 'provisionable', new_state: 'non_provisionable' })
  const ids = [await createInstance(project, 'a'), await createInstance(project, 'b')]
  for (const id of ids) {
    assert.equal(
      (await store.db.selectFrom('instance').selectAll().where('id', '=', id).execute())[0]!.sled_id,
      second!.id,
    )
  }
  valueOf(await api.sled_set_provision_policy({ params: { sled_id: second!.id }, body: closed.body }))
  const full = await api.instance_create({
    query: { project },
    body: { name: 'c', description: '', hostname: 'c', ncpus: 1, memory: GIB },
  })
  assert.ok(!full.ok && full.kind === 'refused' && full.status === 507)
  for (const { id } of [first!, second!]) {
    valueOf(await api.sled_set_provision_policy({ params: { sled_id: id }, body: { state: 'provisionable' } }))
  }
  await settle(rack, nexus)
  for (const id of ids) await removeInstance(id)
})

test('instances are spread over the sleds, and go through stop, start, reboot and delete', async () => {
  const project = 'life'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const ids = [await createInstance(project, 'a'), await createInstance(project, 'b')]
  await settle(rack, nexus)
  assert.deepEqual(
    rack.sleds.map((sled) => sled.instances.size),
    [1, 1],
  )
  const [id] = ids
  assert.ok(id !== undefined)
  const sled = rack.sleds.find((candidate) => candidate.instances.has(id))!
  const busy = await api.instance_delete({ params: { instance: id } })
  assert.ok(!busy.ok && busy.kind === 'refused' && busy.status === 400)

  assert.equal(valueOf(await api.instance_reboot({ params: { instance: id } })).run_state, 'rebooting')
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'running')

  assert.equal(valueOf(await api.instance_stop({ params: { instance: id } })).run_state, 'stopping')
  const early = await api.instance_start({ params: { instance: id } })
  assert.ok(!early.ok && early.kind === 'refused' && early.status === 409)
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'stopped')
  assert.equal(sled.instances.has(id), false)

  assert.equal(valueOf(await api.instance_start({ params: { instance: id } })).run_state, 'starting')
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'running')

  sled.setState(id, 'stopped') // the guest shuts itself down
  await rack.clock.advance(31_000)
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'stopped')

  rack.sleds.forEach((each) => (each.failure = 'out of luck'))
  valueOf(await api.instance_start({ params: { instance: id } }))
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'failed')
  rack.sleds.forEach((each) => (each.failure = undefined))
  valueOf(await api.instance_delete({ params: { instance: id } }))
  await removeInstance(ids[1]!)
  assert.deepEqual(
    rack.sleds.map((each) => each.instances.size),
    [0, 0],
  )
})

test('an instance that its agent has lost runs again, also when it is made anew and cannot be started at once', async () => {
  const project = 'again'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const id = await createInstance(project, 'a')
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'running')
  const sled = rack.sleds.find((candidate) => candidate.instances.has(id))!
  sled.restart()
  sled.refusals = 1
  await rack.clock.advance(31_000)
  await settle(rack, nexus)
  assert.equal(sled.refusals, 0)
  assert.equal(await stateOf(id), 'running', 'nobody has shut it down')
  await removeInstance(id)
})

test('a sled that cannot be reached is reported, hinders nobody, and catches up when it is back', async () => {
  const project = 'cut'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  rack.fabric.setReachable('nexus', 'sled0', false)
  const id = await createInstance(project, 'lost')
  const other = await createInstance(project, 'found')
  await rack.clock.advance(8_000)
  assert.equal(await stateOf(id), 'starting')
  assert.equal(await stateOf(other), 'running')
  const status = nexus.reconcilers().find((loop) => loop.reconciler === 'instances' && loop.target === 'sled0')!
  assert.match(status.items[0]!.detail!, /ETIMEDOUT/)
  rack.fabric.setReachable('nexus', 'sled0', true)
  await settle(rack, nexus)
  assert.equal(await stateOf(id), 'running')

  // An agent that comes back with nothing is told everything again within a period.
  rack.sleds[0]!.restart()
  await rack.clock.advance(31_000)
  await settle(rack, nexus)
  assert.equal(rack.sleds[0]!.find(id).now.state, 'running')
  assert.equal(rack.sleds[0]!.v2p.mappings.length, 4)
  assert.ok(rack.sleds[0]!.firewalls.size > 0)
  await removeInstance(id)
  await removeInstance(other)
})

test('a translation that a switch refuses is reported and retried until it holds', async () => {
  const project = 'nat'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  rack.switches[1]!.poison = '198.51.100.11'
  const id = await createInstance(project, 'x', { external_ips: [{ type: 'ephemeral' }] })
  await rack.clock.advance(2_000)
  assert.equal(rack.switches[0]!.entries.length, 2)
  assert.equal(rack.switches[1]!.entries.length, 1)
  const status = nexus.reconcilers().find((loop) => loop.reconciler === 'nat' && loop.target === 'switch1')!
  const failed = status.items.filter((item) => item.state === 'failed')
  assert.deepEqual(
    failed.map(({ item, detail }) => ({ item, detail })),
    [{ item: '198.51.100.11 0-65535', detail: 'table full' }],
  )
  rack.switches[1]!.poison = undefined
  await settle(rack, nexus)
  assert.equal(rack.switches[1]!.entries.length, 2)
  valueOf(await api.instance_ephemeral_ip_detach({ params: { instance: id } }))
  await settle(rack, nexus)
  assert.equal(rack.switches[1]!.entries.length, 1)
  await removeInstance(id)
})

test('when nothing changes, nothing is pushed but the periodic repetition', async () => {
  await settle(rack, nexus)
  const before = rack.sleds.map((sled) => sled.calls)
  await rack.clock.advance(10_000)
  nexus.activate()
  await settle(rack, nexus)
  const calls = rack.sleds.map((sled, i) => sled.calls - before[i]!)
  assert.ok(Math.max(...calls) <= 8, `an activation without a change only lists instances: ${calls}`)
})

test('four instances share one address for source NAT, and a pool that is used up says so', async () => {
  const project = 'full'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const blocks = new Set<string>()
  for (let i = 0; i < 5; i++) {
    const id = await createInstance(project, `i${i}`, { start: false })
    const [snat] = valueOf(await api.instance_external_ip_list({ params: { instance: id } })).items
    assert.ok(snat?.kind === 'snat')
    blocks.add(`${snat.ip} ${snat.first_port}`)
  }
  assert.deepEqual(
    [...blocks],
    ['198.51.100.10 0', '198.51.100.10 16384', '198.51.100.10 32768', '198.51.100.10 49152', '198.51.100.11 0'],
  )
  const names = ['f0', 'f1', 'f2', 'f3']
  const results = []
  for (const name of names) {
    results.push(await api.floating_ip_create({ query: { project }, body: { name, description: '' } }))
  }
  const last = results.at(-1)!
  assert.ok(!last.ok && last.kind === 'refused')
  assert.equal(last.status, 507)
  assert.equal(last.errorCode, 'InsufficientCapacity')
  const use = valueOf(await api.system_ip_pool_utilization_view({ params: { pool: 'internet' } }))
  assert.deepEqual(use, { capacity: 5, remaining: 0 })
})

test('no request ended in an internal error', () => {
  assert.deepEqual(rack.errors, [])
})

test('every response fits the published interface', { skip }, () => {
  assert.deepEqual(reference.problems, [])
  assert.ok(reference.checked.size >= 15, `${reference.checked.size} operations were compared`)
})
