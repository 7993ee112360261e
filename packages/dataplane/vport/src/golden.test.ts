/**
 * The life of a connection as bytes, computed apart from this code: B arrives from a switch and C reaches the guest, D
 * is the answer and E goes to the switch, G goes from guest to guest as H, and I is what the other guest gets. A and F
 * are on the far side of the switch.
 *
 * The UDP source port of E and H is the lower half of our canonical CRC-32 over the flow as it leaves (after translation);
 * other engines hash differently.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TcpFlag, updateChecksum16 } from '@lodestone/packet'
import { frame } from './frame-fixture.ts'
import {
  ALLOW_HTTP,
  DEFAULT_FIREWALL,
  hex,
  onTheWire,
  PEER_MAC,
  peerConfig,
  portConfig,
  SLED_B,
  SledFixture,
  toHex,
} from './sled-fixture.ts'

const B = hex(`
a8402504 0270a840 25050064 86dd6000 0000004a 11fe0000 00000000 00000000
00000000 0000fd00 11223344 01040000 00000000 000117c1 17c1004a 40b80100
65581c51 21000129 0000a840 25f411d7 00000000 00000800 45000028 12344000
3906ef8c cb007109 01020304 c93a0050 11223344 00000000 5002faf0 66f10000`)
const C = hex(`
a84025f4 11d7a840 25ff7777 08004500 00281234 40003906 476fcb00 7109ac1e
0005 c93a0050 11223344 00000000 5002faf0 bed30000`)
const D = hex(`
a84025ff 7777a840 25f411d7 08004500 00280000 40004006 52a3ac1e 0005cb00
7109 0050c93a a0b0c0d0 11223345 5012faf0 5d410000`)
const E = hex(`
a8402505 0064a840 25040270 86dd6000 00000046 1180fd00 11223344 01040000
00000000 0001fdb1 a8442ecd 00000000 00000000 00013b37 17c10046 00000000
65580000 6300a840 25777777 a84025f4 11d70800 45000028 00004000 4006fac0
01020304 cb007109 0050c93a a0b0c0d0 11223345 5012faf0 055f0000`)
const G = hex(`
a84025ff 7777a840 25f411d7 08004500 00280000 40004006 e288ac1e 0005ac1e
0006 9c400050 01020304 00000000 5002faf0 bc130000`)
const H = hex(`
a8402505 0064a840 25040270 86dd6000 0000004e 1180fd00 11223344 01040000
00000000 0001fd00 11223344 01010000 00000000 00016924 17c1004e 00000200
65581c51 21000129 02010000 0000a840 25f2a4ea a84025f4 11d70800 45000028
00004000 4006e288 ac1e0005 ac1e0006 9c400050 01020304 00000000 5002faf0
bc130000`)
const I = hex(`
a84025f2 a4eaa840 25ff7777 08004500 00280000 40004006 e288ac1e 0005ac1e
0006 9c400050 01020304 00000000 5002faf0 bc130000`)

test('B from the switch reaches the guest as C, and its answer D leaves as E', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [...DEFAULT_FIREWALL, ALLOW_HTTP] }))
  sled.receive(B)
  assert.equal(toHex(sled.take(port)[0]), toHex(C))
  assert.equal(toHex(onTheWire(sled.exchange(port, D)!)), toHex(E))
})

/** The same segment with ACK for its only flag, as one of the middle of a connection. */
function withAck(frame: Uint8Array): Uint8Array {
  const changed = frame.slice()
  const view = new DataView(changed.buffer)
  const tcp = frame.length - 20
  const before = view.getUint16(tcp + 12)
  const after = (before & 0xff00) | TcpFlag.ack
  view.setUint16(tcp + 12, after)
  view.setUint16(tcp + 16, updateChecksum16(view.getUint16(tcp + 16), before, after))
  return changed
}

test('the flow cache repeats B to C and D to E byte for byte', () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ firewall: [...DEFAULT_FIREWALL, ALLOW_HTTP] }))
  sled.receive(B)
  sled.take(port)
  sled.exchange(port, D)
  for (let i = 0; i < 2; i++) {
    sled.receive(withAck(B))
    assert.equal(toHex(sled.take(port)[0]), toHex(withAck(C)))
    assert.equal(toHex(onTheWire(sled.exchange(port, withAck(D))!)), toHex(withAck(E)))
  }
  const { counters } = port.dump()
  // The first ACK from outside is what makes the connection established.
  assert.deepEqual([counters.slowIn, counters.fastIn, counters.slowOut, counters.fastOut], [2, 1, 1, 2])
})

test('without a rule for port 80, B is dropped by default and nothing reaches the guest', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  sled.receive(B)
  assert.equal(sled.take(port).length, 0)
  assert.deepEqual(port.dump().drops, [{ code: 'FW_DEFAULT_DENY', count: 1 }])
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('G to a guest on another sled leaves as H and arrives there as I', () => {
  const sledA = new SledFixture()
  const sledB = new SledFixture({ underlayAddress: SLED_B })
  const portA = sledA.addPort()
  const portB = sledB.addPort(peerConfig())
  const pass = (sent: Uint8Array, between: Uint8Array, received: Uint8Array): void => {
    const wire = onTheWire(sledA.exchange(portA, sent)!)
    assert.equal(toHex(wire), toHex(between))
    sledB.receive(wire)
    assert.equal(toHex(sledB.take(portB)[0]), toHex(received))
  }
  pass(G, H, I)
  const { syn, ack } = TcpFlag
  const answer = frame({
    etherSrc: PEER_MAC,
    src: '172.30.0.6',
    dst: '172.30.0.5',
    kind: 'tcp',
    srcPort: 80,
    dstPort: 40000,
    flags: syn | ack,
  })
  sledA.receive(onTheWire(sledB.exchange(portB, answer)!))
  for (let i = 0; i < 3; i++) pass(withAck(G), withAck(H), withAck(I))
  assert.equal(portA.dump().counters.fastOut, 3)
  assert.equal(portB.dump().counters.fastIn, 2)
})
