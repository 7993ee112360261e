import { client, readNdjson } from '@lodestone/api'
import { FlowLogEntry, type InstanceEnsure, sledAgentApi } from '@lodestone/contract-sled-agent'
import { Arena } from '@lodestone/frame'
import { Host, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { fixIpv4Checksum, writeEthernet, writeIpv4, writeUdp } from '@lodestone/packet'
import { Tracer } from '@lodestone/probe'
import { VportEngine } from '@lodestone/vport'
import assert from 'node:assert/strict'
import test from 'node:test'
import { HARDWARE } from './hardware.fixture.ts'
import { NetstackRunner } from './netstack-runner.ts'
import { SledAgent } from './sled-agent.ts'

const ID = '11111111-1111-4111-8111-111111111111'
const NIC = '22222222-2222-4222-8222-222222222222'

function setup() {
  const clock = new VirtualClock()
  const random = new SeededRandom(1)
  const arena = new Arena({ slots: 512, slotBytes: 2048 })
  const tracer = new Tracer(() => clock.nowMs())
  const engine = new VportEngine({
    node: 'sled0',
    arena,
    clock,
    tracer,
    random,
    underlayAddress: Ip.of('fd00:1122:3344:101::1'),
    sendUnderlay: (slot) => arena.free(slot),
  })
  const wires: string[] = []
  const agent = new SledAgent(new Host({ name: 'sled0', clock, random, files: new MemoryFiles() }), {
    engine,
    runner: new NetstackRunner({ arena, clock, random, tracer }),
    arena,
    tracer,
    hardware: HARDWARE,
    onWire: (wire, isThere) => wires.push(`${isThere ? '+' : '-'}${wire.name}`),
  })
  return { clock, arena, engine, agent, wires, api: client(sledAgentApi, agent.handler, 'http://sled') }
}

function description(change: Partial<InstanceEnsure> = {}): InstanceEnsure {
  return {
    generation: 1,
    hostname: 'web1',
    ncpus: 1,
    memory_bytes: 2 ** 30,
    nics: [
      {
        id: NIC,
        name: 'net0',
        slot: 0,
        mac: 'a8:40:25:f0:00:01',
        vni: 1024,
        ipv4: { ip: '172.30.0.5', subnet: '172.30.0.0/22' },
        primary: true,
        transit_ips: [],
      },
    ],
    external_ips: { floating: ['198.51.100.10'] },
    firewall_rules: [],
    routes: [],
    user_data: '',
    ...change,
  }
}

const params = { instance_id: ID }

test('an instance is stopped until told to run, gets its address by DHCP, and answers on its console', async () => {
  const { clock, api, wires } = setup()
  const made = await api.instance_ensure({ params, body: description() })
  assert.ok(made.ok)
  assert.equal(made.value.state, 'stopped')
  await api.instance_state_set({ params, body: { state: 'running' } })
  await clock.advance(2000)
  const view = await api.instance_view({ params })
  assert.ok(view.ok)
  assert.equal(view.value.state, 'running')
  await api.instance_serial_console_input({ params, body: { data: [...Buffer.from('ip addr\r')] } })
  await clock.advance(100)
  const console = await api.instance_serial_console({ params, query: {} })
  assert.ok(console.ok)
  assert.match(Buffer.from(console.value.data).toString(), /web1# ip addr\r\n[\s\S]*inet 172\.30\.0\.5\/32/)
  assert.deepEqual(wires, ['+web1-nic0'])
})

test('a stopped instance says nothing more, and a reboot starts its console anew', async () => {
  const { clock, api } = setup()
  await api.instance_ensure({ params, body: description() })
  await api.instance_state_set({ params, body: { state: 'running' } })
  await clock.advance(1000)
  await api.instance_state_set({ params, body: { state: 'stopped' } })
  await clock.advance(1000)
  const typed = await api.instance_serial_console_input({ params, body: { data: [13] } })
  assert.equal(typed.ok ? 0 : typed.kind === 'refused' && typed.status, 409)
  await api.instance_state_set({ params, body: { state: 'running' } })
  await api.instance_state_set({ params, body: { state: 'rebooted' } })
  await clock.advance(1000)
  const view = await api.instance_view({ params })
  assert.ok(view.ok)
  assert.equal(view.value.state, 'running')
})

test('an older description is refused, the same one changes nothing', async () => {
  const { api } = setup()
  await api.instance_ensure({ params, body: description({ generation: 7 }) })
  const again = await api.instance_ensure({ params, body: description({ generation: 7 }) })
  assert.ok(again.ok)
  const older = await api.instance_ensure({ params, body: description({ generation: 6 }) })
  assert.equal(older.ok ? 0 : older.kind === 'refused' && older.status, 409)
})

test('what an instance cannot have is said, and the instance fails', async () => {
  const { api } = setup()
  const [nic] = description().nics
  const bad = await api.instance_ensure({
    params,
    body: description({ nics: [{ ...nic!, ipv4: { ip: '10.0.0.5', subnet: '172.30.0.0/22' } }] }),
  })
  assert.ok(!bad.ok)
  assert.match(bad.message, /10\.0\.0\.5/)
})

test('rules reach the ports they are for: not disabled ones, other targets, or filters that name nothing', async () => {
  const { clock, api, engine } = setup()
  await api.instance_ensure({ params, body: description() })
  const rule = {
    id: '33333333-3333-4333-8333-333333333333',
    status: 'enabled',
    direction: 'inbound',
    action: 'allow',
    priority: 100,
  } as const
  const asked = api.vpc_firewall_rules_set({
    params: { vni: 1024 },
    body: {
      generation: 2,
      rules: [
        { ...rule, name: 'web', protocols: [{ type: 'tcp' }], ports: ['80', '8000-8080'] },
        { ...rule, name: 'off', status: 'disabled' },
        { ...rule, name: 'other', target_nics: ['44444444-4444-4444-8444-444444444444'] },
        { ...rule, name: 'nobody', hosts: [] },
        { ...rule, name: 'mine', target_nics: [NIC], hosts: [{ type: 'vpc', value: 1024 }] },
      ],
    },
  })
  const put = await clock.run(asked)
  assert.ok(put.ok)
  const rules = engine.port(NIC)!.config.firewall
  assert.deepEqual(
    rules.map((each) => each.name),
    ['web', 'mine'],
  )
  assert.deepEqual(rules[0]!.ports, [
    { first: 80, last: 80 },
    { first: 8000, last: 8080 },
  ])
  const older = await api.vpc_firewall_rules_set({ params: { vni: 1024 }, body: { generation: 1, rules: [] } })
  assert.ok(!older.ok)
})

test('a VPC’s many rules are prepared between packets; until then the old ones hold, and the newest are the last', async () => {
  const { clock, api, engine } = setup()
  await api.instance_ensure({ params, body: description() })
  const rulesOf = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      id: `33333333-3333-4333-8333-${String(i).padStart(12, '0')}`,
      name: `rule-${i}`,
      status: 'enabled' as const,
      direction: 'inbound' as const,
      action: 'allow' as const,
      priority: 100,
      hosts: [{ type: 'ip' as const, value: `10.0.${i >> 8}.${i & 0xff}/32` }],
    }))
  const set = (generation: number, count: number) =>
    api.vpc_firewall_rules_set({ params: { vni: 1024 }, body: { generation, rules: rulesOf(count) } })
  const inForce = (): number => engine.port(NIC)!.config.firewall.length
  await clock.run(set(1, 3))
  const seen: number[] = []
  const asked = set(2, 1000)
  for (let i = 0; i < 10; i++) {
    await clock.advance(0.25)
    seen.push(inForce())
  }
  assert.deepEqual([...new Set(seen)], [3], 'ten pauses later the old rules still hold')
  const newer = set(3, 20)
  const older = set(1, 1)
  const results = await clock.run(Promise.all([asked, newer, older]))
  assert.deepEqual(
    results.map((each) => (each.ok ? each.value.generation : each.kind === 'refused' && each.status)),
    [2, 3, 409],
  )
  assert.equal(inForce(), 20)
  await clock.run(set(4, 1000))
  assert.equal(inForce(), 1000)
})

test('a description that comes while many rules are being prepared is the last word, and neither is refused', async () => {
  const rulesOf = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      id: `33333333-3333-4333-8333-${String(i).padStart(12, '0')}`,
      name: `rule-${i}`,
      status: 'enabled' as const,
      direction: 'inbound' as const,
      action: 'allow' as const,
      priority: 100,
    }))
  for (let turns = 1; turns < 60; turns += 2) {
    const { clock, api, engine } = setup()
    await api.instance_ensure({ params, body: description() })
    const body = { generation: 2, rules: rulesOf(400) }
    const asked = api.vpc_firewall_rules_set({ params: { vni: 1024 }, body })
    await clock.advance(turns * 0.25)
    const ensured = await api.instance_ensure({
      params,
      body: description({ generation: 2, firewall_rules: rulesOf(7) }),
    })
    assert.ok(ensured.ok && ensured.value.state === 'stopped', `after ${turns} turns`)
    const { ok } = await clock.run(asked)
    assert.ok(ok, `after ${turns} turns`)
    const view = await api.instance_view({ params })
    assert.ok(view.ok && view.value.state === 'stopped', `after ${turns} turns`)
    assert.equal(engine.port(NIC)!.config.firewall.length, 7, `after ${turns} turns`)
  }
})

test('the map of virtual addresses is replaced as a whole', async () => {
  const { api, engine } = setup()
  const mapping = {
    virtual_ip: '172.30.0.6',
    virtual_mac: 'a8:40:25:f0:00:02',
    physical_host_ip: 'fd00:1122:3344:102::1',
    vni: 1024,
  }
  await api.v2p_set({ body: { generation: 1, mappings: [mapping] } })
  assert.equal(engine.virtualToPhysical().length, 1)
  await api.v2p_set({ body: { generation: 2, mappings: [] } })
  assert.equal(engine.virtualToPhysical().length, 0)
})

test('removing an instance gives everything back, and removing it twice is no error', async () => {
  const { clock, arena, api, engine, wires } = setup()
  const free = arena.freeSlots
  await api.instance_ensure({ params, body: description() })
  await api.instance_state_set({ params, body: { state: 'running' } })
  await clock.advance(2000)
  for (let i = 0; i < 2; i++) assert.ok((await api.instance_delete({ params })).ok)
  await clock.advance(10_000)
  assert.equal(engine.ports().length, 0)
  assert.equal(arena.freeSlots, free)
  assert.deepEqual(wires, ['+web1-nic0', '-web1-nic0'])
})

test('a guest keeps its address over days: its lease is renewed', async () => {
  const { clock, agent, api } = setup()
  await api.instance_ensure({ params, body: description() })
  await api.instance_state_set({ params, body: { state: 'running' } })
  await clock.advance(1000)
  const exec = agent.instances.get(ID)!.guest!.exec!
  for (let day = 0; day < 3; day++) {
    await clock.advance(86_400_000)
    const answer = await clock.run(exec('ip addr'))
    assert.match(answer.output, /inet 172\.30\.0\.5\/32/, `day ${day}`)
  }
  const port = agent.instances.get(ID)!.ports[0]!
  assert.deepEqual(
    port.dump().drops.filter((drop) => drop.code.startsWith('GW_DHCP')),
    [],
  )
  const hairpins = port.dump().counters.hairpins
  assert.ok(hairpins >= 2 + 3, `${hairpins} answers of the gateway: discover, request, and a renewal each half day`)
})

test('a port is stated whole with a generation: applied at once, refused when older, left alone when wrong', async () => {
  const { api, clock, engine } = setup()
  await api.instance_ensure({ params: { instance_id: ID }, body: description() })
  const rule = {
    id: '33333333-3333-4333-8333-333333333333',
    name: 'web',
    status: 'enabled' as const,
    direction: 'inbound' as const,
    action: 'allow' as const,
    priority: 100,
    ports: ['80'],
  }
  const set = async (generation: number, ports: string[]): Promise<string> => {
    const body = { generation, external_ips: { floating: [] }, firewall_rules: [{ ...rule, ports }], routes: [] }
    const asked = api.port_settings_set({ params: { port_id: NIC }, body })
    await clock.advance(100)
    const result = await asked
    return result.ok
      ? result.value.changed.toSorted().join()
      : result.kind === 'refused'
        ? String(result.status)
        : result.kind
  }
  assert.equal(await set(5, ['80']), 'external-ips,firewall')
  assert.equal(await set(4, ['81']), '409')
  assert.equal(await set(6, ['9-8']), '400')
  assert.deepEqual(engine.port(NIC)!.config.firewall[0]!.ports, [{ first: 80, last: 80 }])
  const view = await api.port_view({ params: { port_id: NIC } })
  assert.ok(view.ok)
  assert.equal(view.value.settings_generation, 5)
  await api.instance_external_ips_set({ params: { instance_id: ID }, body: { floating: ['198.51.100.11'] } })
  assert.deepEqual(engine.port(NIC)!.config.firewall, [], 'the last word is the description’s')
})

test('explain says what a frame would meet, and drops are grouped with the last sample of each reason', async () => {
  const { api, arena, engine } = setup()
  await api.instance_ensure({ params: { instance_id: ID }, body: description() })
  const frame = new Uint8Array(60)
  frame.set([0xa8, 0x40, 0x25, 0xff, 0x77, 0x77, 0xa8, 0x40, 0x25, 0xf0, 0x00, 0x02, 0x88, 0xb5])
  const asked = await api.port_explain({
    params: { port_id: NIC },
    body: { direction: 'out', frame: Buffer.from(frame).toString('base64') },
  })
  assert.ok(asked.ok)
  assert.deepEqual([asked.value.version, asked.value.verdict, asked.value.reason?.code], [1, 'dropped', 'GW_NOT_IP'])
  for (let i = 0; i < 3; i++) engine.port(NIC)!.guest.send(Int32Array.of(arena.from(frame)), 1)
  const drops = await api.port_drops({ params: { port_id: NIC } })
  assert.ok(drops.ok)
  assert.deepEqual(
    drops.value.map(({ code, count, sample }) => [code, count, sample?.direction]),
    [['GW_NOT_IP', 3, 'out']],
  )
})

test('the flow log tells when a connection begins and how it ended, without the other side where that is not wanted', async () => {
  const { api, agent, arena, clock, engine } = setup()
  await api.instance_ensure({ params, body: description() })
  const mapping = { virtual_ip: '172.30.0.6', virtual_mac: 'a8:40:25:f0:00:02', vni: 1024 }
  const v2p = { generation: 1, mappings: [{ ...mapping, physical_host_ip: 'fd00:1122:3344:102::1' }] }
  await api.v2p_set({ body: v2p })
  const route = {
    dest: '172.30.0.0/22',
    router: 'system' as const,
    target: { type: 'vpc_subnet' as const, value: '172.30.0.0/22' },
  }
  const sets = [{ vni: 1024, subnet: '172.30.0.0/22', routes: [route] }]
  assert.ok((await clock.run(api.vpc_routes_set({ body: { generation: 1, sets } }))).ok)
  const whole = await agent.handler(new Request('http://sled/flow-log'))
  const anonymous = await agent.handler(new Request('http://sled/flow-log?addresses=false'))
  engine.port(NIC)!.guest.send(Int32Array.of(arena.from(datagram('172.30.0.6'))), 1)
  await clock.advance(120_000)
  agent.close()
  const read = async (response: Response): Promise<string[]> => {
    const lines: string[] = []
    for await (const each of readNdjson(response.body!, FlowLogEntry)) {
      assert.ok(each.kind !== 'refused')
      lines.push([each.kind, each.protocol, each.guest, each.remote, each.initiator, each.packets_out].join(' '))
    }
    return lines
  }
  const line = 'udp 172.30.0.5:7 172.30.0.6:9 out'
  assert.deepEqual(await read(whole), [`opened ${line} 0`, `closed ${line} 1`])
  assert.deepEqual(await read(anonymous), ['opened udp 172.30.0.5:7  out 0', 'closed udp 172.30.0.5:7  out 1'])
})

test('connections of a port are saved and go on at a port of another sled; what is of another version or damaged is refused', async () => {
  const from = setup()
  const to = setup()
  const snat = { ip: '198.51.100.20', first_port: 1000, last_port: 1007 }
  const body = { ...description(), external_ips: { snat, floating: [] } }
  const routes = [
    {
      vni: 1024,
      subnet: '172.30.0.0/22',
      routes: [{ dest: '0.0.0.0/0', router: 'system' as const, target: { type: 'internet_gateway' as const } }],
    },
  ]
  for (const { api, engine } of [from, to]) {
    assert.ok((await api.instance_ensure({ params, body: { ...body, routes } })).ok)
    const endpoints = [{ address: Ip.of('fdb1::1'), vni: 99, metric: 0 }]
    engine.setTunnelEndpoints([{ prefix: Prefix.of('0.0.0.0/0'), endpoints }])
  }
  const send = ({ engine, arena }: typeof from): void => {
    engine.port(NIC)!.guest.send(Int32Array.of(arena.from(datagram('203.0.113.9'))), 1)
  }
  send(from)
  const port = { port_id: NIC }
  const saved = await from.api.port_flows_save({ params: port })
  assert.ok(saved.ok)
  assert.equal(saved.value.flows.length, 1)
  const restored = await to.api.port_flows_restore({ params: port, body: saved.value })
  assert.deepEqual(restored.ok && restored.value, { restored: 1, refused: {} })
  send(to)
  const view = await to.api.port_view({ params: port })
  assert.ok(view.ok)
  assert.equal(view.value.flows.length, 1, 'the datagram belongs to the connection that was restored')
  assert.match(view.value.flows[0]!.detail, /198\.51\.100\.20:1001 \(snat\)/)
  assert.deepEqual([view.value.source_nat[0]!.udp.leased, view.value.source_nat[0]!.udp.peak], [1, 1])
  const again = await to.api.port_flows_restore({ params: port, body: saved.value })
  assert.deepEqual(again.ok && again.value.refused, { 'the port of the shared address is taken': 1 })
  const [flow] = saved.value.flows
  const damaged = {
    ...saved.value,
    flows: [
      { ...flow!, in_key: flow!.out_key },
      { ...flow!, tcp_state: 4 },
    ],
  }
  const refused = await to.api.port_flows_restore({ params: port, body: damaged })
  assert.deepEqual(refused.ok && refused.value, { restored: 0, refused: { 'it contradicts itself': 2 } })
  const newer = await to.api.port_flows_restore({ params: port, body: { ...saved.value, version: 99 } })
  assert.equal(!newer.ok && newer.kind === 'refused' && newer.status, 400)
})

test('external addresses of the rack, groups, limits and other protocols reach the packet engine', async () => {
  const { api, engine } = setup()
  const whole = description()
  const nic = {
    ...whole.nics[0]!,
    multicast: [{ group: '239.1.2.3', mode: 'include' as const, sources: ['172.30.0.6'] }],
    rate_limits: { out: { bits_per_second: 8_000_000, burst_bytes: 20_000 } },
  }
  const rule = {
    id: '33333333-3333-4333-8333-333333333333',
    name: 'gre',
    status: 'enabled' as const,
    direction: 'inbound' as const,
    action: 'allow' as const,
    priority: 100,
    protocols: [{ type: 'other' as const, protocol: 47 }],
  }
  const ensured = await api.instance_ensure({ params, body: { ...whole, nics: [nic], firewall_rules: [rule] } })
  assert.ok(ensured.ok, JSON.stringify(ensured))
  const { config } = engine.port(NIC)!
  assert.equal(String(config.multicast![0]!.group), '239.1.2.3')
  assert.deepEqual(config.rateLimits, { out: { bitsPerSecond: 8_000_000, burstBytes: 20_000 } })
  assert.deepEqual(config.firewall[0]!.protocols, [{ kind: 'other', protocol: 47 }])
  const mapping = {
    external_ip: '198.51.100.9',
    first_port: 0,
    last_port: 65_535,
    physical_host_ip: 'fd00:1122:3344:102::1',
    virtual_mac: 'a8:40:25:f0:00:02',
    vni: 1025,
  }
  const set = (generation: number) => api.external_addresses_set({ body: { generation, mappings: [mapping] } })
  assert.ok((await set(5)).ok)
  assert.equal((await set(4)).ok, false)
  assert.equal(String(engine.externalAddresses()[0]!.sled), 'fd00:1122:3344:102::1')
  const groups = [{ vni: 1024, group: '239.1.2.3', sleds: ['fd00:1122:3344:102::1'] }]
  assert.ok((await api.multicast_groups_set({ body: { generation: 1, groups } })).ok)
  assert.equal(engine.multicastGroups().length, 1)
  const bad = { ...nic, multicast: [{ group: '224.0.0.1', mode: 'exclude' as const, sources: [] }] }
  assert.equal((await api.instance_ensure({ params, body: { ...whole, generation: 9, nics: [bad] } })).ok, false)
})

/** From the instance, port 7 to 9. */
function datagram(dst: string): Uint8Array {
  const frame = new Uint8Array(14 + 20 + 8)
  const macs = { dst: Mac.of('a8:40:25:ff:77:77').bytes, src: Mac.of('a8:40:25:f0:00:01').bytes }
  writeEthernet(frame, 0, { ...macs, etherType: 0x0800 })
  const ips = { src: Ip.of('172.30.0.5').word(0), dst: Ip.of(dst).word(0) }
  writeIpv4(frame, 14, { totalLength: 28, ttl: 64, protocol: 17, ...ips })
  fixIpv4Checksum(frame, 14)
  writeUdp(frame, 34, { srcPort: 7, dstPort: 9, length: 8, checksum: 0 })
  return frame
}
