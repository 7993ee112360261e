import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Step } from '@lodestone/probe'
import { encapsulated, frame, innerOf } from './frame-fixture.ts'
import { ALLOW_HTTP, DEFAULT_FIREWALL, GUEST_MAC, portConfig, SledFixture, toHex } from './sled-fixture.ts'

const CLIENT = '203.0.113.9'
const request = encapsulated(frame({ etherDst: GUEST_MAC, src: CLIENT, dst: '1.2.3.4', kind: 'tcp' }), {
  isExternal: true,
})
const answer = frame({ src: '172.30.0.5', dst: CLIENT, kind: 'tcp', srcPort: 80, dstPort: 40000, flags: 0x12 })

function outline(steps: readonly Step[]): string[] {
  return steps.map((step) =>
    step.kind === 'layer' ? `${step.layer} ${step.verdict} ${step.source} ${step.rule ?? ''}`.trim() : step.kind,
  )
}

test('an allowed request and its answer are told layer by layer, with rules by name', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [...DEFAULT_FIREWALL, ALLOW_HTTP] }))
  const into = await sled.story(() => sled.receive(request))
  assert.deepEqual(outline(into.map((event) => event.step)), [
    'ingress',
    'decap',
    'overlay modify rule decap',
    'nat modify rule floating web-ip',
    'router allow default',
    'firewall allow rule allow-http',
    'gateway modify rule to-guest',
    'rewrite',
    'egress',
  ])
  assert.ok(into.every((event) => event.node === 'sled1' && event.packet === into[0]!.packet))
  const out = await sled.story(() => sled.send(port, answer))
  assert.deepEqual(outline(out.map((event) => event.step)), [
    'ingress',
    'gateway allow rule anti-spoof',
    'firewall allow flow allow-http',
    'router allow rule default-v4',
    'nat modify flow floating web-ip',
    'overlay modify rule encap',
    'rewrite',
    'encap',
    'egress',
  ])
})

test('a denial tells the layer, the default, and the nearest rules, in the layer’s step and at the end', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const events = await sled.story(() => sled.receive(request))
  const last = events.at(-1)!.step
  assert.ok(last.kind === 'dropped')
  assert.equal(last.reason.code, 'FW_DEFAULT_DENY')
  assert.deepEqual(last.nearest!.map((miss) => miss.rule).sort(), ['allow-icmp', 'allow-internal-inbound', 'allow-ssh'])
  const firewall = events.find((event) => event.step.kind === 'layer' && event.step.layer === 'firewall')!.step
  assert.ok(firewall.kind === 'layer' && firewall.verdict === 'deny' && firewall.nearest?.length === 3)
  assert.equal(port.recentDrops()[0]!.packet, events[0]!.packet)
})

test('a watched packet leaves with the same bytes as an unwatched one', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [ALLOW_HTTP] }))
  sled.receive(request)
  const plain = sled.exchange(port, answer)
  await sled.story(() => sled.send(port, answer))
  assert.equal(toHex(sled.takeSent()[0]), toHex(plain))
})

test('a hairpin is told as consumed, and its answer as a packet of the gateway', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const ping = frame({ src: '172.30.0.5', dst: '172.30.0.1', kind: 'icmp' })
  const events = await sled.story(() => sled.send(port, ping))
  assert.deepEqual(outline(events.map((event) => event.step)), [
    'ingress',
    'gateway hairpin rule echo-gateway',
    'punted',
    'sent',
  ])
  assert.notEqual(events[3]!.packet, events[0]!.packet)
})

test('explain says what would happen and changes nothing', () => {
  const sled = new SledFixture()
  const port = sled.addPort(
    portConfig({
      externalIps4: {
        floating: [],
        snat: { ip: portConfig().externalIps4!.floating[0]!.ip, firstPort: 0, lastPort: 16383 },
      },
    }),
  )
  const before = JSON.stringify(port.dump())
  const out = port.explain(frame({ src: '172.30.0.5', dst: CLIENT, kind: 'udp' }), 'out')
  assert.equal(out.verdict, 'forwarded')
  const dropped = port.explain(request, 'in')
  assert.deepEqual([dropped.verdict, dropped.reason?.code], ['dropped', 'NAT_NO_MAPPING'])
  assert.equal(port.explain(frame({ src: '172.30.0.5', dst: '172.30.0.1', kind: 'icmp' }), 'out').verdict, 'hairpin')
  assert.equal(port.explain(new Uint8Array(5), 'out').verdict, 'dropped')
  assert.equal(port.explain(new Uint8Array(70), 'in').verdict, 'dropped')
  assert.equal(JSON.stringify(port.dump()), before)
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
  const sent = sled.exchange(port, frame({ src: '172.30.0.5', dst: CLIENT, kind: 'udp' }))
  assert.equal(toHex(out.frame), toHex(sent), 'and then it happens')
  assert.ok(innerOf(sent!).length > 0)
})

test('the drop ring keeps the last 64 with 128 bytes each', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  for (let i = 0; i < 100; i++) {
    sled.send(port, frame({ src: '9.9.9.9', dst: CLIENT, kind: 'udp', srcPort: i, payload: new Uint8Array(300) }))
  }
  const drops = port.recentDrops()
  assert.equal(drops.length, 64)
  assert.deepEqual([drops[0]!.sample.length, drops[0]!.frameBytes, drops[63]!.direction], [128, 342, 'out'])
  assert.match(drops[63]!.summary, /9\.9\.9\.9:99/)
})
