/** How frames change hands: taint, guests that answer at once, sinks that fail, ports that go away. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import { encapsulated, frame } from './frame-fixture.ts'
import { GUEST_MAC, PEER_MAC, peerConfig, portConfig, SLED_A, SledFixture, VNI } from './sled-fixture.ts'

const ALLOW_ALL = [{ id: 'a', name: 'all', direction: 'in', action: 'allow', priority: 1 }] as const
const fromOutside = encapsulated(frame({ etherDst: GUEST_MAC, src: '203.0.113.9', dst: '1.2.3.4', kind: 'udp' }), {
  isExternal: true,
})

test('a frame carries the VNI of the guest that sent it, and 0 when a switch brought it from outside', async () => {
  const taintsSent: number[] = []
  const sled: SledFixture = new SledFixture({
    sendUnderlay: (slot) => {
      taintsSent.push(sled.arena.taint(slot))
      sled.arena.free(slot)
    },
  })
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL }))
  const peer = sled.addPort(peerConfig({ firewall: ALLOW_ALL }))
  for (let i = 0; i < 2; i++) {
    sled.send(port, frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'udp' }))
    const slot = sled.arena.from(fromOutside)
    sled.arena.setTaint(slot, 4711)
    sled.engine.receiveUnderlay(Int32Array.of(slot), 1)
  }
  assert.deepEqual(taintsSent, [VNI, VNI])
  assert.deepEqual(sled.taints.get(port.id), [0, 0])
  sled.engine.putVirtualToPhysical({ vni: VNI, ip: Ip.of('172.30.0.6'), sled: SLED_A, mac: PEER_MAC })
  sled.send(port, frame({ src: '172.30.0.5', dst: '172.30.0.6', kind: 'udp' }))
  await sled.settle()
  assert.deepEqual(sled.taints.get(peer.id), [VNI])
})

test('a guest may send from within receive: its frames follow, and nothing is lost', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL }))
  const answer = frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'udp', srcPort: 80, dstPort: 40000 })
  let depth = 0
  port.guest.attach({
    receive: (slots, count) => {
      depth++
      assert.equal(depth, 1, 'receive is not called while it runs')
      for (let i = 0; i < count; i++) {
        sled.arena.free(slots[i]!)
        for (let times = 0; times < 3; times++) sled.send(port, answer)
      }
      depth--
    },
  })
  const slots = Int32Array.of(sled.arena.from(fromOutside), sled.arena.from(fromOutside))
  sled.engine.receiveUnderlay(slots, 2)
  assert.equal(sled.takeSent().length, 6)
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('two guests that answer each other for ever do not keep the engine in one call', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const peer = sled.addPort(peerConfig())
  sled.engine.putVirtualToPhysical({ vni: VNI, ip: Ip.of('172.30.0.6'), sled: SLED_A, mac: PEER_MAC })
  const ping = frame({ src: '172.30.0.5', dst: '172.30.0.6', kind: 'udp' })
  const pong = frame({
    etherSrc: PEER_MAC,
    src: '172.30.0.6',
    dst: '172.30.0.5',
    kind: 'udp',
    srcPort: 80,
    dstPort: 40000,
  })
  let rounds = 0
  peer.guest.attach({
    receive: (slots) => {
      sled.arena.free(slots[0]!)
      sled.send(peer, pong)
    },
  })
  port.guest.attach({
    receive: (slots) => {
      sled.arena.free(slots[0]!)
      rounds++
      if (rounds < 50) sled.send(port, ping)
    },
  })
  sled.send(port, ping)
  assert.equal(rounds, 0)
  await sled.settle()
  assert.equal(rounds, 50)
})

test('a sink that throws does not stop the engine', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: ALLOW_ALL }))
  let count = 0
  port.guest.attach({
    receive: (slots) => {
      sled.arena.free(slots[0]!)
      count++
      if (count === 1) throw new Error('guest failure')
    },
  })
  assert.throws(() => sled.receive(fromOutside), /guest failure/)
  sled.receive(fromOutside)
  assert.equal(count, 2)
})

test('frames for a removed port or one without a guest are freed and counted', async () => {
  const sled = new SledFixture()
  const config = portConfig({ firewall: ALLOW_ALL })
  const port = sled.engine.addPort(config)
  const states: boolean[] = []
  port.guest.onState((isUp) => states.push(isUp))
  sled.receive(fromOutside)
  sled.send(port, frame({ src: '172.30.0.5', dst: '172.30.0.1', kind: 'icmp' }))
  assert.equal(sled.engine.removePort(port.id), true)
  await sled.settle()
  sled.send(port, frame({ src: '172.30.0.5', dst: '172.30.0.1', kind: 'icmp' }))
  sled.receive(fromOutside)
  assert.deepEqual(sled.engine.stats().drops, [
    { code: 'NOT_OURS_VNI', count: 1 },
    { code: 'PORT_STATE', count: 3 },
  ])
  assert.deepEqual([states, port.guest.isUp], [[false], false])
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
  sled.engine.addPort(config)
  sled.engine.close()
  assert.equal(sled.engine.ports().length, 0)
})

test('an exhausted arena costs the answer and is counted', () => {
  const sled = new SledFixture({ slots: 1 })
  const port = sled.addPort()
  sled.send(port, frame({ src: '172.30.0.5', dst: '172.30.0.1', kind: 'icmp' }))
  assert.equal(port.recentDrops()[0]!.reason.code, 'NO_BUFFER')
  assert.equal(sled.arena.freeSlots, 1)
})
