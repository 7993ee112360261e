/** What senders are told when a packet cannot be carried. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ETHERNET_MIN } from '@lodestone/packet'
import { Ip } from '@lodestone/net'
import { encapsulated, frame, innerOf, look, outerDstOf } from './frame-fixture.ts'
import { GUEST_MAC, PEER_MAC, portConfig, SLED_B, SledFixture, SWITCH_0 } from './sled-fixture.ts'

const GATEWAYS = { 4: '172.30.0.1', 6: 'fd12:3456:789a::1' }
const EXTERNAL = { externalIps6: { floating: [{ ip: Ip.of('2001:db8::4') }] } }

test('a guest hears that there is no way out, no route, no such neighbour, IPv4 and IPv6, and it is counted', async () => {
  const cases = [
    ['172.30.0.5', '203.0.113.9', 'OV_NO_V2B', [3, 0]],
    ['fd12:3456:789a::5', '2001:db8:1::9', 'OV_NO_V2B', [1, 0]],
    ['172.30.0.5', '172.30.0.77', 'OV_NO_V2P', [3, 1]],
    ['fd12:3456:789a::5', 'fd12:3456:789a::77', 'OV_NO_V2P', [1, 3]],
  ] as const
  const sled = new SledFixture()
  sled.engine.setTunnelEndpoints([])
  const port = sled.addPort(portConfig(EXTERNAL))
  for (const [src, dst, code, message] of cases) {
    assert.equal(sled.exchange(port, frame({ src, dst, kind: 'udp' })), undefined)
    assert.equal(port.recentDrops().at(-1)!.reason.code, code)
    await sled.settle()
    const reply = sled.take(port)[0]!
    const isV4 = !src.includes(':')
    const view = look(reply)
    assert.deepEqual([view.src, view.dst, view.isChecksumRight], [GATEWAYS[isV4 ? 4 : 6], src, true])
    const icmp = ETHERNET_MIN + (isV4 ? 20 : 40)
    assert.deepEqual([reply[icmp], reply[icmp + 1]], message)
  }
  assert.equal(port.dump().counters.icmpErrors, cases.length)
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('nothing is said about an ICMP error, about what a rule denies, or without end', async () => {
  const sled = new SledFixture({ slots: 256 })
  sled.engine.setTunnelEndpoints([])
  const deny = {
    id: 'd',
    name: 'no',
    direction: 'out',
    action: 'deny',
    priority: 1,
    ports: [{ first: 9, last: 9 }],
  } as const
  const port = sled.addPort(portConfig({ firewall: [deny] }))
  sled.send(port, frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'icmp', type: 3 }))
  sled.send(port, frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'udp', dstPort: 9 }))
  await sled.settle()
  assert.equal(sled.take(port).length, 0)
  for (let i = 0; i < 120; i++) sled.send(port, frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'udp' }))
  await sled.settle()
  assert.equal(sled.take(port).length, 50, 'the bucket')
})

test('a sender elsewhere is told what the port carries: through a switch outside, through its sled inside', () => {
  const sled = new SledFixture()
  const port = sled.addPort(
    portConfig({
      mtuBytes: 1300,
      firewall: [{ id: 'a', name: 'a', direction: 'in', action: 'allow', priority: 1 }],
      ...EXTERNAL,
    }),
  )
  const large = { kind: 'udp', etherDst: GUEST_MAC, payload: new Uint8Array(1400) } as const
  const cases = [
    [
      encapsulated(frame({ ...large, src: '203.0.113.9', dst: '1.2.3.4' }), { isExternal: true }),
      SWITCH_0,
      '1.2.3.4',
      '203.0.113.9',
    ],
    [
      encapsulated(frame({ ...large, src: '2001:db8:1::9', dst: '2001:db8::4' }), { isExternal: true }),
      SWITCH_0,
      '2001:db8::4',
      '2001:db8:1::9',
    ],
    [
      encapsulated(frame({ ...large, etherSrc: PEER_MAC, src: '172.30.0.6', dst: '172.30.0.5' })),
      SLED_B,
      '172.30.0.5',
      '172.30.0.6',
    ],
  ] as const
  for (const [wire, endpoint, src, dst] of cases) {
    sled.receive(wire)
    assert.equal(port.recentDrops().at(-1)!.reason.code, 'MTU_EXCEEDED')
    assert.equal(sled.take(port).length, 0)
    const told = sled.takeSent()[0]!
    assert.equal(outerDstOf(told), endpoint.toString())
    const view = look(innerOf(told))
    assert.deepEqual([view.src, view.dst, view.isChecksumRight], [src, dst, true])
    const icmp = ETHERNET_MIN + (src.includes(':') ? 40 : 20)
    assert.equal((innerOf(told)[icmp + 6]! << 8) | innerOf(told)[icmp + 7]!, 1300)
  }
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})
