import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { SidecarCode, sidecarCode, sidecarEgress, sidecarEtherType } from '@lodestone/packet'
import { NODE_DROP } from './drop-reason.ts'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { FRAME_A, icmp, packet, punted, QSFP0_MAC, REAR0_MAC, stripped, udp } from './frames.fixture.ts'
import { makeRig, type Rig } from './rig.fixture.ts'

const NEXT_HOP = Ip.of('192.0.2.1')
const ROUTER = Mac.of('02:00:5e:00:01:01')

/** A pipeline that punts what comes in by a port, as the frame itself says, and keeps what the CPU sends. */
function rig(): Rig & { pipeline: FakePipeline; injected: Uint8Array[] } {
  const injected: Uint8Array[] = []
  let pipeline: FakePipeline | undefined
  const made = makeRig(
    (arena) =>
      (pipeline = new FakePipeline({
        arena,
        sizes: { arp: 2 },
        forward: (frame, ingress) => {
          if (ingress !== 0) return 0
          injected.push(frame.slice())
          return 'drop'
        },
      })),
  )
  assert.ok(made.switchd.start().ok)
  return { ...made, pipeline: pipeline!, injected }
}

function arpNeeded(mark: number, nextHop = NEXT_HOP, egress = 33): Uint8Array {
  const frame = packet({ src: '10.0.0.1', dst: '203.0.113.9', payload: udp(mark, 53) })
  return punted(frame, { code: SidecarCode.arpNeeded, ingress: 1, egress, payload: nextHop.bytes })
}

const markOf = (frame: Uint8Array): number => new DataView(frame.buffer).getUint16(14 + 24 + 20)

test('packets wait for their next hop, then leave in order with its MAC address and that of the port', async () => {
  const { port, neighbors, pipeline, injected, settle, node, arena } = rig()
  port('rear0').arrive(arpNeeded(1), arpNeeded(2))
  port('rear0').arrive(arpNeeded(3))
  assert.deepEqual(neighbors.asked, ['tfportqsfp0 192.0.2.1'])
  assert.equal(arena.slots - arena.freeSlots, 3)
  neighbors.learn('tfportqsfp0', NEXT_HOP, ROUTER)
  assert.deepEqual(pipeline.dump('arp'), ['33 3221225985 @0 rewrite(2200600314113)'])
  await settle()
  assert.deepEqual(injected.map(markOf), [1, 2, 3])
  for (const frame of injected) {
    assert.deepEqual(Mac.fromBytes(frame, 0), ROUTER)
    assert.deepEqual(Mac.fromBytes(frame, 6), QSFP0_MAC)
    assert.equal(sidecarCode(frame, 14), 0)
    assert.equal(sidecarEgress(frame, 14), 33)
    assert.equal(sidecarEtherType(frame, 14), 0x0800)
  }
  assert.deepEqual([...node.drops().keys()], [0])
  assert.equal(arena.freeSlots, arena.slots)
})

test('an IPv6 next hop is the same on two ports and waits on each apart', async () => {
  const { port, neighbors, pipeline, injected, settle } = rig()
  const linkLocal = Ip.of('fe80::1')
  const needed = (egress: number): Uint8Array =>
    punted(packet({ src: 'fd00::1', dst: 'fd00::2' }), {
      code: SidecarCode.neighborNeeded,
      ingress: 33,
      egress,
      payload: linkLocal.bytes,
    })
  port('qsfp0').arrive(needed(1), needed(2))
  neighbors.learn('tfportrear0', linkLocal, ROUTER)
  await settle()
  assert.deepEqual(
    injected.map((frame) => sidecarEgress(frame, 14)),
    [1],
  )
  assert.deepEqual(Mac.fromBytes(injected[0]!, 6), REAR0_MAC)
  assert.equal(pipeline.dump('ndp').length, 1)
})

test('eight packets wait for a next hop, the ninth is dropped', () => {
  const { port, node, switchd } = rig()
  port('rear0').arrive(...Array.from({ length: 9 }, (_, i) => arpNeeded(i)))
  assert.equal(node.drops().get(NODE_DROP.neighborQueueFull), 1)
  assert.equal(switchd.slowPath.waiting, 8)
})

test('a scan of unused addresses holds a bounded number of frames', () => {
  const { port, node, switchd } = rig()
  for (let i = 0; i < 100; i++) port('rear0').arrive(arpNeeded(i, Ip.v4(0xc0000200 + i)))
  assert.equal(switchd.slowPath.waiting, 64)
  assert.equal(node.drops().get(NODE_DROP.neighborQueueFull), 36)
})

test('after five seconds without an answer the packets are dropped and their sender is told', async () => {
  const { port, node, switchd, clock, injected, arena, neighbors } = rig()
  switchd.addAddress(Ip.of('198.51.100.1'))
  port('rear0').arrive(arpNeeded(1), arpNeeded(2))
  await clock.advance(4999)
  assert.equal(switchd.slowPath.waiting, 2)
  await clock.advance(2)
  assert.equal(node.drops().get(NODE_DROP.arpMiss), 2)
  assert.equal(injected.length, 2)
  assert.equal(sidecarCode(injected[0]!, 14), 5)
  const error = stripped(injected[0]!)
  assert.deepEqual([error[34], error[35]], [3, 1], 'host unreachable')
  assert.equal(arena.freeSlots, arena.slots)
  // The next packet asks anew.
  port('rear0').arrive(arpNeeded(3))
  assert.equal(neighbors.asked.length, 2)
})

test('neighbours of the stack are mirrored: known at the start, changed, removed', () => {
  const { neighbors, pipeline, switchd } = rig()
  neighbors.known.set('x', { interfaceName: 'tfportqsfp1', ip: NEXT_HOP, mac: ROUTER })
  assert.ok(switchd.clear().ok)
  assert.deepEqual(pipeline.dump('arp'), ['34 3221225985 @0 rewrite(2200600314113)'])
  neighbors.learn('tfportqsfp1', NEXT_HOP, Mac.of('02:00:00:00:00:07'))
  assert.deepEqual(pipeline.dump('arp'), ['34 3221225985 @0 rewrite(2199023255559)'])
  neighbors.learn('tfportqsfp1', NEXT_HOP, undefined)
  assert.deepEqual(pipeline.dump('arp'), [])
  neighbors.learn('eth7', NEXT_HOP, ROUTER)
  assert.deepEqual(pipeline.dump('arp'), [])
})

test('a neighbour that its table has no room for is used by the CPU, and installed when there is room', async () => {
  const { neighbors, pipeline, port, injected, settle, switchd, logged } = rig()
  for (const host of [1, 2, 3]) neighbors.learn('tfportqsfp0', Ip.of(`192.0.2.${host}`), ROUTER)
  assert.equal(pipeline.dump('arp').length, 2)
  assert.equal(logged.filter(({ event }) => event === 'neighbor-not-installed').length, 1)
  port('rear0').arrive(arpNeeded(1, Ip.of('192.0.2.3')))
  await settle()
  assert.equal(injected.length, 1)
  neighbors.learn('tfportqsfp0', NEXT_HOP, undefined)
  assert.equal(pipeline.dump('arp').length, 2)
  assert.equal(
    switchd.neighbors(4).every(({ isInstalled }) => isInstalled),
    true,
  )
})

test('a neighbour set by hand stands above what the stack learns', () => {
  const { neighbors, pipeline, switchd } = rig()
  assert.ok(switchd.setNeighbor(33, NEXT_HOP, Mac.of('02:00:00:00:00:07')).ok)
  neighbors.learn('tfportqsfp0', NEXT_HOP, ROUTER)
  neighbors.learn('tfportqsfp0', NEXT_HOP, undefined)
  assert.deepEqual(pipeline.dump('arp'), ['33 3221225985 @0 rewrite(2199023255559)'])
  switchd.deleteNeighbor(33, NEXT_HOP)
  assert.deepEqual(pipeline.dump('arp'), [])
})

test('a packet that waited gets the tag that its route asks for', async () => {
  const { neighbors, port, injected, settle, switchd } = rig()
  switchd.setRoute(Prefix.of('0.0.0.0/0'), [{ port: 33, nextHop: NEXT_HOP, vlanId: 7 }])
  port('rear0').arrive(arpNeeded(1))
  neighbors.learn('tfportqsfp0', NEXT_HOP, ROUTER)
  await settle()
  const frame = stripped(injected[0]!)
  assert.deepEqual([...frame.subarray(12, 18)], [0x81, 0x00, 0x00, 0x07, 0x08, 0x00])
  assert.deepEqual(Mac.fromBytes(frame, 0), ROUTER)
})

test('a packet for the next hop of a port without link is dropped', () => {
  const { port, node, switchd, arena } = rig()
  switchd.setPort(33, undefined)
  port('rear0').arrive(arpNeeded(1))
  assert.equal(node.drops().get(NODE_DROP.portUnknown), 1)
  assert.equal(arena.freeSlots, arena.slots)
})

test('closing drops what waits', () => {
  const { port, switchd, arena } = rig()
  port('rear0').arrive(arpNeeded(1))
  switchd.close()
  assert.equal(arena.freeSlots, arena.slots)
})

test('an undeliverable packet is answered from the address of the port that it came by, else a loopback', async () => {
  const { port, switchd, injected, settle, node } = rig()
  const needed = punted(packet({ src: '10.0.0.1', dst: '203.0.113.9' }), {
    code: SidecarCode.icmpNeeded,
    ingress: 1,
    payload: Uint8Array.of(3, 0),
  })
  const sourceOf = (frame: Uint8Array): string => Ip.fromBytes(stripped(frame), 26, 4).toString()
  port('rear0').arrive(needed)
  assert.equal(switchd.slowPath.counters.get('icmpNoSource'), 1)
  switchd.addAddress(Ip.of('198.51.100.33'), 33)
  port('rear0').arrive(needed)
  switchd.addAddress(Ip.of('198.51.100.99'))
  port('rear0').arrive(needed)
  switchd.addAddress(Ip.of('198.51.100.1'), 1)
  port('rear0').arrive(needed)
  await settle()
  assert.deepEqual(injected.map(sourceOf), ['198.51.100.33', '198.51.100.99', '198.51.100.1'])
  assert.equal(node.drops().get(NODE_DROP.ipv4Unroutable), 4)
})

test('errors are rate limited: a burst, then a steady rate', async () => {
  const { port, switchd, clock } = rig()
  switchd.addAddress(Ip.of('198.51.100.1'))
  const needed = punted(packet({ src: '10.0.0.1', dst: '203.0.113.9' }), {
    code: SidecarCode.icmpNeeded,
    ingress: 1,
    payload: Uint8Array.of(11, 0),
  })
  for (let i = 0; i < 150; i++) port('rear0').arrive(needed)
  assert.equal(switchd.slowPath.counters.get('icmpSent'), 100)
  assert.equal(switchd.slowPath.counters.get('icmpRateLimited'), 50)
  await clock.advance(10)
  for (let i = 0; i < 20; i++) port('rear0').arrive(needed)
  assert.equal(switchd.slowPath.counters.get('icmpSent'), 110)
})

test('nothing is said about an ICMP error, a later fragment, or what came by broadcast', () => {
  const { port, switchd, node } = rig()
  switchd.addAddress(Ip.of('198.51.100.1'))
  const ends = { src: '10.0.0.1', dst: '203.0.113.9' }
  for (const frame of [
    packet({ ...ends, protocol: 1, payload: icmp(3, 1) }),
    packet({ ...ends, fragmentOffset: 100 }),
    packet({ ...ends, dstMac: Mac.broadcast }),
    packet({ ...ends, src: '127.0.0.1' }),
    FRAME_A.slice(0, 30),
  ]) {
    port('rear0').arrive(punted(frame, { code: SidecarCode.icmpNeeded, ingress: 1, payload: Uint8Array.of(3, 0) }))
  }
  assert.equal(switchd.slowPath.counters.get('icmpForbidden'), 5)
  assert.equal(switchd.slowPath.counters.get('icmpSent'), 0)
  assert.equal(node.drops().get(NODE_DROP.ipv4Unroutable), 5)
})
