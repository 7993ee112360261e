import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { TcpFlag } from '@lodestone/packet'
import { encapsulated, frame, innerOf, look } from './frame-fixture.ts'
import type { FirewallRule } from './port-config.ts'
import { ALLOW_HTTP, DEFAULT_FIREWALL, GUEST_MAC, PEER_MAC, portConfig, SledFixture } from './sled-fixture.ts'

const CLIENT = '203.0.113.9'
const { syn, ack } = TcpFlag

function fromOutside(fields: Partial<Parameters<typeof frame>[0]> = {}): Uint8Array {
  return encapsulated(
    frame({ etherDst: GUEST_MAC, etherSrc: PEER_MAC, src: CLIENT, dst: '1.2.3.4', kind: 'tcp', ...fields }),
    { isExternal: true },
  )
}

test('an answer to what the guest began comes in without a rule', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const out = look(innerOf(sled.exchange(port, frame({ src: '172.30.0.5', dst: CLIENT, kind: 'udp', dstPort: 53 }))!))
  assert.equal(out.src, '1.2.3.4')
  sled.receive(fromOutside({ kind: 'udp', srcPort: 53, dstPort: out.srcPort }))
  const answer = look(sled.take(port)[0]!)
  assert.deepEqual([answer.dst, answer.dstPort, answer.isChecksumRight], ['172.30.0.5', 40000, true])
  sled.receive(fromOutside({ kind: 'udp', srcPort: 54, dstPort: out.srcPort }))
  assert.equal(sled.take(port).length, 0, 'another source port is another flow')
})

test('a VPC rule holds for neighbours and not for the outside, whatever address the outside claims', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const inner = frame({ etherDst: GUEST_MAC, etherSrc: PEER_MAC, src: '172.30.0.6', dst: '172.30.0.5', kind: 'tcp' })
  sled.receive(encapsulated(inner))
  assert.equal(sled.take(port).length, 1)
  const other = frame({ etherDst: GUEST_MAC, src: '172.30.0.6', dst: '172.30.0.5', kind: 'tcp', srcPort: 41000 })
  sled.receive(encapsulated(other, { isExternal: true }))
  assert.equal(sled.take(port).length, 0)
  sled.receive(encapsulated(inner, { isExternal: true }))
  assert.equal(sled.take(port).length, 0, 'the flow of a neighbour is not that of an outsider with its address')
})

test('lower priority numbers win, denial wins at equal priority, and the later rule after that', () => {
  const rule = (name: string, action: 'allow' | 'deny', priority: number): FirewallRule => ({
    id: name,
    name,
    direction: 'in',
    action,
    priority,
  })
  const decide = (firewall: FirewallRule[]): string => {
    const sled = new SledFixture()
    const port = sled.addPort(portConfig({ firewall }))
    sled.receive(fromOutside())
    return port
      .dump()
      .layers.find((layer) => layer.name === 'firewall')!
      .rulesIn.find((dump) => dump.hits > 0)!.name
  }
  assert.equal(decide([rule('a', 'deny', 10), rule('b', 'allow', 9)]), 'b')
  assert.equal(decide([rule('a', 'allow', 10), rule('b', 'deny', 10), rule('c', 'allow', 10)]), 'b')
  assert.equal(decide([rule('a', 'allow', 10), rule('b', 'allow', 10)]), 'b')
})

test('a rule’s ports qualify TCP and UDP only, beside ICMP', () => {
  const rule: FirewallRule = {
    ...ALLOW_HTTP,
    protocols: [{ kind: 'tcp' }, { kind: 'icmp', type: 8, codes: { first: 0, last: 0 } }],
  }
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [rule] }))
  const passes = (fields: Partial<Parameters<typeof frame>[0]>): boolean => {
    sled.receive(fromOutside(fields))
    return sled.take(port).length === 1
  }
  assert.equal(passes({ dstPort: 80 }), true)
  assert.equal(passes({ dstPort: 81 }), false)
  assert.equal(passes({ kind: 'udp', dstPort: 80 }), false)
  assert.equal(passes({ kind: 'icmp' }), true)
  assert.equal(passes({ kind: 'icmp', type: 13 }), false)
})

test('a rule with ports and no protocol means TCP and UDP', () => {
  const { protocols: _, ...anyProtocol } = ALLOW_HTTP
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [anyProtocol] }))
  sled.receive(fromOutside({ kind: 'udp', dstPort: 80 }))
  sled.receive(fromOutside({ kind: 'icmp' }))
  assert.equal(sled.take(port).length, 1)
})

test('host filters look at the remote side, before translation of nothing but the guest', () => {
  const rule: FirewallRule = { ...ALLOW_HTTP, hosts: [{ kind: 'subnet', prefix: Prefix.of('203.0.113.0/24') }] }
  const denyOut: FirewallRule = {
    id: 'out',
    name: 'deny-out',
    direction: 'out',
    action: 'deny',
    priority: 1,
    hosts: [{ kind: 'ip', ip: Ip.of('198.51.100.1') }],
  }
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [rule, denyOut] }))
  sled.receive(fromOutside({ src: CLIENT }))
  sled.receive(fromOutside({ src: '203.0.112.9' }))
  assert.equal(sled.take(port).length, 1)
  assert.equal(sled.exchange(port, frame({ src: '172.30.0.5', dst: '198.51.100.1', kind: 'tcp' })), undefined)
  assert.notEqual(sled.exchange(port, frame({ src: '172.30.0.5', dst: '198.51.100.2', kind: 'tcp' })), undefined)
  assert.equal(port.recentDrops().at(-1)!.reason.code, 'FW_DENY_RULE')
})

test('removing the rule that let a connection in ends it in both directions at once', () => {
  const sled = new SledFixture()
  const config = portConfig({ firewall: [...DEFAULT_FIREWALL, ALLOW_HTTP] })
  const port = sled.addPort(config)
  sled.receive(fromOutside())
  assert.equal(sled.take(port).length, 1)
  const answer = frame({ src: '172.30.0.5', dst: CLIENT, kind: 'tcp', srcPort: 80, dstPort: 40000, flags: syn | ack })
  assert.notEqual(sled.exchange(port, answer), undefined)
  port.apply({ ...config, generation: 2, firewall: DEFAULT_FIREWALL })
  assert.equal(sled.exchange(port, answer), undefined, 'the answer has lost its permission')
  sled.receive(fromOutside({ flags: ack }))
  assert.equal(sled.take(port).length, 0)
})

test('a connection that lost its permission cannot be taken up from inside, and goes on when the permission is back', () => {
  const sled = new SledFixture()
  const config = portConfig({ firewall: [...DEFAULT_FIREWALL, ALLOW_HTTP] })
  const port = sled.addPort(config)
  const answer = frame({ src: '172.30.0.5', dst: CLIENT, kind: 'tcp', srcPort: 80, dstPort: 40000, flags: ack })
  sled.receive(fromOutside())
  sled.exchange(port, answer)
  sled.take(port)
  port.apply({ ...config, generation: 2, firewall: DEFAULT_FIREWALL })
  for (let round = 0; round < 3; round++) {
    sled.receive(fromOutside({ flags: ack }))
    assert.equal(sled.take(port).length, 0)
    assert.equal(sled.exchange(port, answer), undefined, 'a segment in the middle is no beginning')
  }
  const fresh = frame({ src: '172.30.0.5', dst: CLIENT, kind: 'tcp', srcPort: 80, dstPort: 40000, flags: syn })
  port.apply({ ...config, generation: 3, firewall: config.firewall })
  assert.notEqual(sled.exchange(port, answer), undefined)
  port.apply({ ...config, generation: 4, firewall: DEFAULT_FIREWALL })
  assert.notEqual(sled.exchange(port, fresh), undefined, 'a SYN of the guest is one')
})

test('a refused connection is forgotten some minutes after the last attempt, not after the hours of an established one', async () => {
  const sled = new SledFixture()
  const config = portConfig({ firewall: [...DEFAULT_FIREWALL, ALLOW_HTTP] })
  const port = sled.addPort(config)
  const answer = frame({ src: '172.30.0.5', dst: CLIENT, kind: 'tcp', srcPort: 80, dstPort: 40000, flags: ack })
  sled.receive(fromOutside({ flags: ack }))
  port.apply({ ...config, generation: 2, firewall: DEFAULT_FIREWALL })
  for (let minute = 0; minute < 6; minute++) {
    assert.equal(sled.exchange(port, answer), undefined)
    await sled.clock.advance(120_000)
    assert.equal(port.dump().flows.length, 1, 'a sender that tries again is still refused')
  }
  await sled.clock.advance(60_000)
  assert.equal(port.dump().flows.length, 0)
})

test('an unrelated rule change keeps live connections, also for a packet of the answering side', () => {
  const sled = new SledFixture()
  const config = portConfig({ firewall: DEFAULT_FIREWALL })
  const port = sled.addPort(config)
  sled.exchange(port, frame({ src: '172.30.0.5', dst: CLIENT, kind: 'udp', dstPort: 53 }))
  port.apply({ ...config, generation: 2, firewall: [...DEFAULT_FIREWALL, ALLOW_HTTP] })
  sled.receive(fromOutside({ kind: 'udp', srcPort: 53, dstPort: 40000 }))
  assert.equal(sled.take(port).length, 1)
})

test('a new outbound denial stops the answers of a connection that began before it', () => {
  const sled = new SledFixture()
  const config = portConfig()
  const port = sled.addPort(config)
  sled.exchange(port, frame({ src: '172.30.0.5', dst: CLIENT, kind: 'udp', dstPort: 53 }))
  const deny: FirewallRule = { id: 'x', name: 'no-dns', direction: 'out', action: 'deny', priority: 1 }
  port.apply({ ...config, generation: 2, firewall: [deny] })
  sled.receive(fromOutside({ kind: 'udp', srcPort: 53, dstPort: 40000 }))
  assert.equal(sled.take(port).length, 0)
  assert.equal(port.recentDrops().at(-1)!.reason.code, 'FW_DENY_RULE')
})

test('a connection whose state was lost resumes in the middle only where rules allow it', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [ALLOW_HTTP] }))
  sled.receive(fromOutside({ flags: ack }))
  assert.equal(sled.take(port).length, 1)
  sled.receive(fromOutside({ flags: ack, dstPort: 81 }))
  assert.equal(sled.take(port).length, 0)
  sled.receive(fromOutside({ flags: TcpFlag.fin, srcPort: 41000 }))
  assert.equal(port.recentDrops().at(-1)!.reason.code, 'TCP_UNEXPECTED')
})

test('a default denial names up to three nearest rules with what they wanted and what the packet has', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  sled.receive(fromOutside({ dstPort: 80 }))
  const drop = port.recentDrops()[0]!
  assert.equal(drop.reason.code, 'FW_DEFAULT_DENY')
  assert.equal(drop.nearest.length, 3)
  const ssh = drop.nearest[0]!
  assert.equal(ssh.rule, 'allow-ssh', 'of the packet’s own protocol')
  assert.deepEqual(ssh.failed, [{ predicate: 'dst-port', wanted: '22', actual: '80' }])
})

test('a drop by a rule names it, and one by default names none', () => {
  const sled = new SledFixture()
  const deny: FirewallRule = {
    id: 'd',
    name: 'no-web',
    direction: 'in',
    action: 'deny',
    priority: 1,
    ports: [{ first: 80, last: 80 }],
  }
  const port = sled.addPort(portConfig({ firewall: [...DEFAULT_FIREWALL, deny] }))
  for (const dstPort of [80, 81]) sled.receive(fromOutside({ dstPort, flags: syn }))
  assert.deepEqual(
    port.recentDrops().map(({ reason, rule }) => [reason.code, rule]),
    [
      ['FW_DENY_RULE', 'no-web'],
      ['FW_DEFAULT_DENY', ''],
    ],
  )
})
