/** What is told about flows, and how they outlive an engine. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import { TcpFlag } from '@lodestone/packet'
import type { FlowLogEntry } from './flow-log.ts'
import { encapsulated, frame, look } from './frame-fixture.ts'
import type { FirewallRule } from './port-config.ts'
import { GUEST_MAC, portConfig, SledFixture, toHex } from './sled-fixture.ts'

const { ack, syn, rst } = TcpFlag
const SHARED = { snat: { ip: Ip.of('1.2.3.6'), firstPort: 1000, lastPort: 1003 }, floating: [] }
const out = (srcPort: number, flags: number = ack): Uint8Array =>
  frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'tcp', srcPort, dstPort: 443, flags })

test('a flow is told when it begins and, with its totals, when it ends; addresses can be left out', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const entries: FlowLogEntry[] = []
  const stop = sled.engine.logFlows((entry) => entries.push(entry))
  sled.exchange(port, out(7, syn))
  for (let i = 0; i < 3; i++) sled.exchange(port, out(7))
  sled.exchange(port, out(7, rst))
  assert.deepEqual(
    entries.map((entry) => {
      assert.ok(entry.kind !== 'refused')
      return [entry.version, entry.kind, entry.portName, entry.flow.remote, entry.flow.packetsOut]
    }),
    [
      [1, 'opened', 'web1-nic0', '203.0.113.9:443', 0],
      [1, 'closed', 'web1-nic0', '203.0.113.9:443', 5],
    ],
  )
  stop()
  sled.engine.logFlows((entry) => entries.push(entry), { hasAddresses: false })
  sled.exchange(port, out(8))
  const last = entries.at(-1)!
  assert.ok(last.kind === 'opened')
  assert.equal('remote' in last.flow, false)
})

test('a refused packet is in the flow log, with what refused it; of a flood it says how many it left out', async () => {
  const sled = new SledFixture()
  const deny: FirewallRule = { id: 'd', name: 'no-dns', direction: 'out', action: 'deny', priority: 1 }
  const port = sled.addPort(portConfig({ firewall: [{ ...deny, ports: [{ first: 53, last: 53 }] }] }))
  const entries: FlowLogEntry[] = []
  sled.engine.logFlows((entry) => entries.push(entry))
  sled.exchange(port, frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'udp', srcPort: 7, dstPort: 53 }))
  const inner = frame({ etherDst: GUEST_MAC, src: '203.0.113.9', dst: '1.2.3.4', kind: 'icmp', identifier: 5 })
  sled.receive(encapsulated(inner, { isExternal: true }))
  sled.receive(encapsulated(inner.subarray(0, 30), { isExternal: true }))
  assert.deepEqual(
    entries.map((entry) => {
      assert.ok(entry.kind === 'refused')
      const { direction, reason, rule, protocol, guest, remote } = entry
      return [direction, reason, rule, protocol, guest, remote].join(' ')
    }),
    [
      'out FW_DENY_RULE no-dns udp 172.30.0.5:7 203.0.113.9:53',
      'in FW_DEFAULT_DENY  icmp 172.30.0.5:5 203.0.113.9:5',
      'in PARSE_TRUNCATED    ',
    ],
  )
  for (let i = 0; i < 300; i++) sled.send(port, new Uint8Array(20))
  await sled.clock.advance(1000)
  sled.send(port, new Uint8Array(20))
  const last = entries.at(-1)!
  assert.ok(last.kind === 'refused')
  assert.equal(entries.length + last.unlogged, 304)
  assert.ok(last.unlogged >= 100, `${last.unlogged} of a flood`)
})

test('names of rules and translations are forgotten with the last connection that they were for', () => {
  const sled = new SledFixture()
  const config = portConfig()
  const port = sled.addPort(config)
  for (let generation = 2; generation < 300; generation++) {
    const rule: FirewallRule = { id: 'o', name: `out-${generation}`, direction: 'out', action: 'allow', priority: 1 }
    const floating = [{ ip: Ip.of(`1.2.3.${generation & 0xff}`) }]
    port.apply({ ...config, generation, firewall: [rule], externalIps4: { floating } })
    sled.exchange(port, out(7, syn))
    sled.exchange(port, out(8, syn))
  }
  const { cache } = port.state
  assert.equal(cache.count, 2)
  assert.ok(cache.namesKept <= 4, `${cache.namesKept} names`)
})

test('saved flows go on in another engine: state, translation and leased port, in both directions', async () => {
  const first = new SledFixture()
  const config = portConfig({ externalIps4: SHARED })
  const port = first.addPort(config)
  const before = toHex(first.exchange(port, out(7)))
  first.exchange(port, out(8))
  await first.clock.advance(2000)
  const saved = JSON.parse(JSON.stringify(port.saveFlows())) as ReturnType<typeof port.saveFlows>

  const second = new SledFixture()
  const restored = second.addPort(config)
  assert.deepEqual(restored.restoreFlows(saved), { restored: 2, refused: {} })
  assert.deepEqual(
    restored.dump().flows.map(({ tcpState, external, idleMs }) => [tcpState, external, idleMs]),
    port.dump().flows.map(({ tcpState, external, idleMs }) => [tcpState, external, idleMs]),
  )
  // An answer may come first: no rule would let it in by itself.
  const leased = look(before === '' ? new Uint8Array(0) : first.exchange(port, out(7))!.slice(56)).srcPort
  const answer = {
    etherDst: GUEST_MAC,
    src: '203.0.113.9',
    dst: '1.2.3.6',
    kind: 'tcp',
    srcPort: 443,
    dstPort: leased,
    flags: ack,
  } as const
  second.receive(encapsulated(frame(answer), { isExternal: true }))
  assert.equal(second.take(restored).length, 1)
  assert.equal(toHex(second.exchange(restored, out(7))), before)
  // The pool knows what is leased.
  second.exchange(restored, out(9))
  second.exchange(restored, out(10))
  assert.equal(second.exchange(restored, out(11)), undefined)
  assert.equal(restored.recentDrops().at(-1)!.reason.code, 'NAT_POOL_EMPTY')
})

test('a saved flow is refused where its address is not attached, and ended where the rules deny it', () => {
  const first = new SledFixture()
  const port = first.addPort()
  first.exchange(port, out(7))
  const saved = port.saveFlows()
  const second = new SledFixture()
  const bare = second.addPort(portConfig({ externalIps4: SHARED }))
  assert.deepEqual(bare.restoreFlows(saved), { restored: 0, refused: { 'the external address is not attached': 1 } })
  const third = new SledFixture()
  const deny = {
    id: 'd',
    name: 'no-web',
    direction: 'out',
    action: 'deny',
    priority: 1,
    protocols: [{ kind: 'tcp' }],
  } as const
  const strict = third.addPort(portConfig({ firewall: [deny] }))
  assert.equal(strict.restoreFlows(saved).restored, 1)
  assert.equal(third.exchange(strict, out(7)), undefined)
  assert.equal(strict.recentDrops().at(-1)!.reason.code, 'FW_DENY_RULE')
})
