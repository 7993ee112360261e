/** What no input may do: cross from one VPC to another, throw, or lose a frame buffer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Mac } from '@lodestone/net'
import { encapsulated, frame } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import { countersOf } from './port-dump.ts'
import {
  GUEST_MAC,
  onTheWire,
  PEER_MAC,
  peerConfig,
  portConfig,
  SLED_A,
  SLED_B,
  SledFixture,
  VNI,
} from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const OTHER_VNI = 0x00beef
const ALLOW_ALL = [
  { id: 'i', name: 'in', direction: 'in', action: 'allow', priority: 1 },
  { id: 'o', name: 'out', direction: 'out', action: 'allow', priority: 1 },
] as const

test('no frame with one VNI in it is delivered to a port of another, whatever the guests and the underlay send', async () => {
  const action = fc.record({
    from: fc.nat({ max: 3 }),
    dst: fc.constantFrom(
      '172.30.0.5',
      '172.30.0.6',
      'fd12:3456:789a::5',
      'fd12:3456:789a::6',
      '203.0.113.9',
      '1.2.3.4',
    ),
    etherDst: fc.constantFrom(GUEST_MAC, PEER_MAC, Mac.broadcast, Mac.of('a8:40:25:ff:77:77')),
    kind: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const),
    srcPort: fc.constantFrom(1, 2),
    forgedVni: fc.constantFrom(VNI, OTHER_VNI, 99, 0),
    isForged: fc.boolean(),
    isExternal: fc.boolean(),
  })
  const property = fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
    // Two VPCs with the same addresses and even the same MACs, on one sled.
    const sled = new SledFixture({ slots: 32 })
    const ports: VirtualPort[] = []
    for (const vni of [VNI, OTHER_VNI]) {
      const more = { vni, firewall: ALLOW_ALL, externalIps4: { floating: [] } }
      ports.push(
        sled.addPort(portConfig({ ...more, id: `a${vni}` })),
        sled.addPort(peerConfig({ ...more, id: `b${vni}` })),
      )
      for (const [ip, mac] of [
        ['172.30.0.5', GUEST_MAC],
        ['172.30.0.6', PEER_MAC],
        ['fd12:3456:789a::5', GUEST_MAC],
        ['fd12:3456:789a::6', PEER_MAC],
      ] as const) {
        sled.engine.putVirtualToPhysical({ vni, ip: Ip.of(ip), sled: SLED_A, mac })
      }
    }
    let delivered = 0
    for (const { from, dst, etherDst, kind, srcPort, forgedVni, isForged, isExternal } of actions) {
      const port = ports[from]!
      const own = dst.includes(':') ? port.config.ip6!.address : port.config.ip4!.address
      const bytes = frame({ etherDst, etherSrc: port.config.mac, src: own.toString(), dst, kind, srcPort })
      if (isForged) {
        const slot = sled.arena.from(encapsulated(bytes, { vni: forgedVni, isExternal }))
        sled.arena.setTaint(slot, forgedVni)
        sled.engine.receiveUnderlay(Int32Array.of(slot), 1)
      } else {
        sled.send(port, bytes)
      }
      await sled.settle()
    }
    for (const port of ports) {
      for (const taint of sled.taints.get(port.id)!) {
        assert.ok(taint === 0 || taint === port.vni, `VNI ${port.vni} received a frame of ${taint}`)
        delivered++
      }
    }
    assert.equal(sled.arena.freeSlots, sled.arena.slots)
    return delivered >= 0
  })
  await fc.assert(property, fuzzRuns(60))
})

test('random, cut and corrupted frames in both directions never throw, and each ends somewhere that counts it', () => {
  const sledA = new SledFixture({ slots: 16 })
  const sledB = new SledFixture({ slots: 16, underlayAddress: SLED_B })
  const portA = sledA.addPort()
  const portB = sledB.addPort(peerConfig({ firewall: ALLOW_ALL }))
  // What a guest sends to itself would end in a later event.
  for (const ip of ['172.30.0.5', 'fd12:3456:789a::5']) sledA.engine.removeVirtualToPhysical(VNI, Ip.of(ip))
  const seeds = [
    frame({ src: '172.30.0.5', dst: '172.30.0.6', kind: 'tcp', tcpOptions: new Uint8Array(12).fill(1) }),
    frame({ src: 'fd12:3456:789a::5', dst: 'fd12:3456:789a::6', kind: 'udp', payload: new Uint8Array(20) }),
    frame({ src: '172.30.0.5', dst: '172.30.0.1', kind: 'icmp' }),
    frame({
      src: '0.0.0.0',
      dst: '255.255.255.255',
      kind: 'udp',
      srcPort: 68,
      dstPort: 67,
      payload: new Uint8Array(260),
    }),
    frame({
      src: GUEST_MAC.linkLocal().toString(),
      dst: 'ff02::1:2',
      kind: 'udp',
      srcPort: 546,
      dstPort: 547,
      payload: new Uint8Array(40),
    }),
    frame({
      src: GUEST_MAC.linkLocal().toString(),
      dst: 'ff02::2',
      kind: 'icmp',
      type: 133,
      payload: new Uint8Array(8),
    }),
    frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'icmp', type: 3, payload: new Uint8Array(40) }),
  ]
  const wire = onTheWire(sledA.exchange(portA, seeds[0]!)!)
  sledB.receive(wire)
  assert.equal(sledB.take(portB).length, 1)
  let count = 0
  const send = (bytes: Uint8Array, isOut: boolean): void => {
    const before = counted(sledA, portA) + counted(sledB, portB)
    if (isOut) sledA.send(portA, bytes)
    else sledB.receive(bytes)
    const passed = sledA.takeSent().length + sledB.takeSent().length + sledB.take(portB).length
    const after = counted(sledA, portA) + counted(sledB, portB)
    assert.equal(passed + after - before, 1, 'one frame, one ending')
    count++
  }
  for (const seed of [...seeds, wire]) {
    for (let length = 0; length <= seed.length; length++) send(seed.slice(0, length), seed !== wire)
  }
  const cut = count
  const mutation = fc.record({
    seed: fc.nat({ max: seeds.length }),
    flips: fc.array(fc.tuple(fc.nat({ max: 140 }), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
  })
  fc.assert(
    fc.property(mutation, ({ seed, flips }) => {
      const bytes = (seed === seeds.length ? wire : seeds[seed]!).slice()
      for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value
      send(bytes, seed !== seeds.length)
    }),
    fuzzRuns(1500),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isOut) => send(bytes, isOut)),
    fuzzRuns(300),
  )
  // However slow the machine, some of both properties.
  assert.ok(count > cut + 100)
})

/** Frames that were answered, consumed or dropped, or that wait. */
function counted(sled: SledFixture, port: VirtualPort): number {
  // A dump has each connection, of which there are more with every frame.
  const counters = countersOf(port.state)
  const { drops, heldFragments } = sled.engine.stats()
  return counters.hairpins + counters.drops + heldFragments + drops.reduce((sum, drop) => sum + drop.count, 0)
}
