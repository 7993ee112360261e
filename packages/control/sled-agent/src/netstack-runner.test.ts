import { Arena } from '@lodestone/frame'
import { Host, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { client } from '@lodestone/api'
import { sledAgentApi } from '@lodestone/contract-sled-agent'
import { Ip } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { VportEngine } from '@lodestone/vport'
import assert from 'node:assert/strict'
import test from 'node:test'
import { HARDWARE } from './hardware.fixture.ts'
import { NetstackRunner } from './netstack-runner.ts'
import { SledAgent } from './sled-agent.ts'

const ID = '11111111-1111-4111-8111-111111111111'
const params = { instance_id: ID }

test('an instance with two dual-stack NICs gets all four addresses from the packet engine by itself', async () => {
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
  const runner = new NetstackRunner({ arena, clock, random, tracer })
  const host = new Host({ name: 'sled0', clock, random, files: new MemoryFiles() })
  const agent = new SledAgent(host, { engine, runner, arena, tracer, hardware: HARDWARE, onWire: () => undefined })
  const api = client(sledAgentApi, agent.handler, 'http://sled')
  const nics = [0, 1].map((slot) => ({
    id: `2222222${slot}-2222-4222-8222-222222222222`,
    name: `net${slot}`,
    slot,
    mac: `a8:40:25:f0:00:0${slot + 1}`,
    vni: 1024 + slot,
    ipv4: { ip: `172.30.${slot * 4}.5`, subnet: `172.30.${slot * 4}.0/22` },
    ipv6: { ip: `fd12:3456:789a:${slot}::5`, subnet: `fd12:3456:789a:${slot}::/64` },
    primary: slot === 0,
    transit_ips: [],
  }))
  const made = await api.instance_ensure({
    params,
    body: {
      generation: 1,
      hostname: 'web1',
      ncpus: 1,
      memory_bytes: 2 ** 30,
      nics,
      external_ips: { floating: [] },
      firewall_rules: [],
      routes: [],
      user_data: '',
    },
  })
  assert.ok(made.ok, made.ok ? '' : made.message)
  await api.instance_state_set({ params, body: { state: 'running' } })
  await clock.advance(3000)
  await api.instance_serial_console_input({ params, body: { data: [...Buffer.from('ip addr\rip route\r')] } })
  await clock.advance(100)
  const console = await api.instance_serial_console({ params, query: {} })
  assert.ok(console.ok)
  const text = Buffer.from(console.value.data).toString()
  for (const address of ['172.30.0.5/32', '172.30.4.5/32', 'fd12:3456:789a:0::5/128', 'fd12:3456:789a:1::5/128']) {
    assert.ok(text.includes(Ip.of(address.split('/')[0]!).toString()), `${address} in ${text}`)
  }
  // Both NICs have their routers, and neither's took the other's place.
  assert.equal(text.match(/default \(0\.0\.0\.0\/0\)/g)?.length, 2, text)
  assert.equal(text.match(/default \(::\/0\)/g)?.length, 2, text)
})
