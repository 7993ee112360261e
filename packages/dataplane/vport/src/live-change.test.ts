/** Changes outside of a port reach the flows that depend on them, with the next packet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { TcpFlag } from '@lodestone/packet'
import { frame, innerOf, outerDstOf } from './frame-fixture.ts'
import {
  GUEST_MAC,
  PEER_MAC,
  peerConfig,
  portConfig,
  SLED_A,
  SLED_B,
  SledFixture,
  SWITCH_0,
  SWITCH_1,
  toHex,
  VNI,
} from './sled-fixture.ts'

const SLED_C = Ip.of('fd00:1122:3344:102::1')
const toPeer = frame({ src: '172.30.0.5', dst: '172.30.0.6', kind: 'udp' })
const toInternet = (srcPort = 40000): Uint8Array =>
  frame({ src: '172.30.0.5', dst: '203.0.113.9', kind: 'tcp', srcPort, flags: TcpFlag.ack })

test('an established flow leaves a switch that died for the other one', () => {
  const sled = new SledFixture({ switches: [SWITCH_0, SWITCH_1] })
  const port = sled.addPort()
  const before = new Map<number, string>()
  for (let srcPort = 1; srcPort <= 40; srcPort++) {
    before.set(srcPort, outerDstOf(sled.exchange(port, toInternet(srcPort))!))
    assert.equal(outerDstOf(sled.exchange(port, toInternet(srcPort))!), before.get(srcPort))
  }
  assert.equal(new Set(before.values()).size, 2, 'both switches are used')
  assert.equal(port.dump().counters.fastOut, 40)
  sled.setSwitches([SWITCH_1])
  for (let srcPort = 1; srcPort <= 40; srcPort++) {
    assert.equal(outerDstOf(sled.exchange(port, toInternet(srcPort))!), SWITCH_1.toString())
  }
  sled.setSwitches([SWITCH_0, SWITCH_1])
  for (const [srcPort, destination] of before) {
    assert.equal(outerDstOf(sled.exchange(port, toInternet(srcPort))!), destination, 'rendezvous: everyone back home')
  }
  assert.equal(port.dump().flows.length, 40, 'the connections are still the same')
})

test('the switch with the lower metric takes all flows, and the other when it is better', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const set = (metric0: number, metric1: number): boolean =>
    sled.engine.setTunnelEndpoints([
      {
        prefix: Prefix.of('0.0.0.0/0'),
        endpoints: [
          { address: SWITCH_0, vni: 99, metric: metric0 },
          { address: SWITCH_1, vni: 99, metric: metric1 },
        ],
      },
    ])
  set(5, 9)
  assert.equal(outerDstOf(sled.exchange(port, toInternet())!), SWITCH_0.toString())
  set(10, 9)
  assert.equal(outerDstOf(sled.exchange(port, toInternet())!), SWITCH_1.toString())
  assert.equal(set(10, 9), false)
})

test('an instance that moves is followed, and only flows to it walk the layers again', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const other = frame({ src: '172.30.0.5', dst: '172.30.0.7', kind: 'udp' })
  sled.engine.putVirtualToPhysical({
    vni: VNI,
    ip: Ip.of('172.30.0.7'),
    sled: SLED_B,
    mac: Mac.of('a8:40:25:f2:a4:eb'),
  })
  for (let i = 0; i < 3; i++) for (const packet of [toPeer, other]) sled.exchange(port, packet)
  assert.equal(port.dump().counters.slowOut, 2)
  const newMac = Mac.of('a8:40:25:f2:a4:ec')
  sled.engine.putVirtualToPhysical({ vni: VNI, ip: Ip.of('172.30.0.6'), sled: SLED_C, mac: newMac })
  const moved = sled.exchange(port, toPeer)!
  assert.equal(outerDstOf(moved), SLED_C.toString())
  assert.equal(toHex(innerOf(moved).slice(0, 6)), toHex(newMac.bytes))
  sled.exchange(port, other)
  assert.equal(port.dump().counters.slowOut, 3)
})

test('a removed mapping stops live flows, and a successor of its slot is not mistaken for it', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  sled.exchange(port, toPeer)
  assert.equal(sled.engine.removeVirtualToPhysical(VNI, Ip.of('172.30.0.6')), true)
  sled.engine.putVirtualToPhysical({ vni: VNI, ip: Ip.of('172.30.0.99'), sled: SLED_B, mac: PEER_MAC })
  assert.equal(sled.exchange(port, toPeer), undefined)
  assert.equal(port.recentDrops().at(-1)!.reason.code, 'OV_NO_V2P')
})

test('replacing the whole map touches only what differs', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  for (let i = 0; i < 2; i++) sled.exchange(port, toPeer)
  const same = sled.engine.virtualToPhysical()
  assert.equal(sled.engine.setVirtualToPhysical(same), 0)
  sled.exchange(port, toPeer)
  assert.equal(port.dump().counters.slowOut, 1)
  assert.equal(sled.engine.setVirtualToPhysical(same.filter((mapping) => mapping.mac.equals(GUEST_MAC))), 2)
  assert.equal(sled.exchange(port, toPeer), undefined)
})

test('a route change reaches live flows', () => {
  const sled = new SledFixture()
  const config = portConfig()
  const port = sled.addPort(config)
  for (let i = 0; i < 2; i++) assert.notEqual(sled.exchange(port, toInternet()), undefined)
  port.apply({ ...config, generation: 2, routes: [] })
  assert.equal(sled.exchange(port, toInternet()), undefined)
  port.apply({ ...config, generation: 3 })
  assert.notEqual(sled.exchange(port, toInternet()), undefined)
})

test('a configuration that is wrong, older or of another identity is refused whole', () => {
  const sled = new SledFixture()
  const config = portConfig({ generation: 5 })
  const port = sled.addPort(config)
  const path = (change: Partial<typeof config>): string => {
    const result = port.apply({ ...config, generation: 6, ...change })
    return result.ok ? 'applied' : `${result.error.kind} ${result.error.path}`
  }
  assert.equal(path({ generation: 4 }), 'stale-generation generation')
  assert.equal(path({ vni: 7 }), 'identity-changed vni')
  assert.equal(path({ mac: PEER_MAC }), 'identity-changed mac')
  assert.equal(path({ mtuBytes: 100 }), 'invalid mtuBytes')
  assert.equal(path({ ip4: { ...config.ip4!, address: Ip.of('10.0.0.1') } }), 'invalid ip4.address')
  const badRule = {
    id: 'x',
    name: 'x',
    direction: 'in',
    action: 'deny',
    priority: 1,
    ports: [{ first: 9, last: 8 }],
  } as const
  assert.equal(path({ firewall: [badRule] }), 'invalid firewall[0].ports[0]')
  assert.equal(port.config.generation, 5)
  assert.equal(path({ dhcp: { dns: [] } }), 'applied')
  assert.deepEqual(port.apply(port.config), { ok: true, generation: 6, changed: [] })
  assert.throws(() => sled.engine.addPort({ ...config, id: 'other' }), /has a port with/)
})

test('frames between ports of one sled are looped back inside, in an event of their own', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()

  const peer = sled.addPort(peerConfig())
  sled.engine.putVirtualToPhysical({ vni: VNI, ip: Ip.of('172.30.0.6'), sled: SLED_A, mac: PEER_MAC })
  for (let i = 0; i < 2; i++) {
    assert.equal(sled.exchange(port, toPeer), undefined)
    assert.equal(sled.take(peer).length, 0)
    await sled.settle()
    assert.equal(sled.take(peer).length, 1)
  }
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})
