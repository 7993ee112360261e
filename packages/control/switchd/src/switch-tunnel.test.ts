/** What a guest, or the world, may put into a tunnel, and what becomes of it: over the real program. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { fixIpv4Checksum } from '@lodestone/packet'
import { switchProgram } from './compiled-switch.fixture.ts'
import {
  checked,
  FRAME_E,
  FRAME_F,
  FRAME_H,
  GUEST_MAC,
  packet,
  ROUTER_MAC,
  SLED_IP,
  toHex,
  TUNNEL_SOURCE,
} from './frames.fixture.ts'
import { edited, only, rackOf, REAR1, ROUTER, SLED_LINK } from './rack.fixture.ts'
import type { Rig } from './rig.fixture.ts'

const P4 = new URL('../../../../p4/', import.meta.url)
const PROGRAM = switchProgram((path) => {
  const url = new URL(path, P4)
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined
})
const rack = (): Rig => rackOf(PROGRAM)
const INNER = 14 + 40 + 8 + 8 + 14
const OUTER_TO_INNER = INNER - 14

/** Frame E with another inner packet header. */
function inner(changes: Readonly<Record<number, number>>, fix = true): Uint8Array {
  const at = Object.fromEntries(Object.entries(changes).map(([offset, value]) => [INNER + Number(offset), value]))
  return edited(FRAME_E, at, fix ? INNER : undefined)
}

for (const [what, frame, number] of [
  ['a time to live of 0', inner({ 8: 0 }), 0x0b],
  ['a wrong header checksum', inner({ 10: 0 }, false), 0x0a],
  ['an impossible header length', inner({ 0: 0x41 }, false), 0x40],
  ['another version than its EtherType', inner({ 0: 0x65 }, false), 0x40],
  ['a length beyond its frame', inner({ 2: 1 }), 0x40],
  ['a multicast destination', inner({ 16: 224, 17: 0, 18: 0, 19: 5 }), 0x13],
  ['a broadcast destination', inner({ 16: 255, 17: 255, 18: 255, 19: 255 }), 0x46],
  ['SCTP', inner({ 9: 132 }), 0x1b],
] as const) {
  test(`a guest's packet with ${what} is dropped when it leaves its tunnel`, () => {
    const { port, node } = rack()
    port('rear0').arrive(frame)
    assert.deepEqual([...node.drops()], [[number, 1]])
  })
}

test("a guest's packet with IPv4 options leaves its tunnel with them", () => {
  const { port } = rack()
  const options = [0x94, 0x04, 0, 0]
  const frame = Uint8Array.of(...FRAME_E.subarray(0, INNER + 20), ...options, ...FRAME_E.subarray(INNER + 20))
  for (const at of [18, 58]) frame[at + 1]! += 4
  frame[INNER] = 0x46
  frame[INNER + 3]! += 4
  fixIpv4Checksum(frame, INNER)
  port('rear0').arrive(frame)
  const out = only(port('qsfp0').take())
  checked(out)
  assert.equal(out[14], 0x46)
  assert.deepEqual([...out.subarray(34, 38)], options)
})

test('a telemetry header in front of a tunnel is taken off with it', () => {
  const { port } = rack()
  const frame = Uint8Array.of(...FRAME_E.subarray(0, 54), 17, 7, 1, 0, 1, 0, 0, 9, ...FRAME_E.subarray(54))
  frame[20] = 0xdd
  frame[19]! += 8
  port('rear0').arrive(frame)
  assert.equal(toHex(only(port('qsfp0').take())), toHex(FRAME_F))
})

test('a tunnel from the world is for nobody', () => {
  const { port, listen } = rack()
  const got = listen('tfportqsfp0')
  const tunnel = FRAME_E.subarray(54)
  port('qsfp0').arrive(packet({ src: '203.0.113.9', dst: '192.0.2.2', payload: tunnel }))
  port('qsfp0').arrive(packet({ src: '2001:db8::9', dst: TUNNEL_SOURCE.toString(), payload: tunnel }))
  assert.equal(got.length, 2)
})

test("the Geneve port of a guest is a port like any other, and its bytes are the guest's", () => {
  const { port } = rack()
  const frame = packet({ src: '203.0.113.9', dst: '1.2.3.4', payload: FRAME_E.slice(54) })
  port('qsfp0').arrive(frame)
  const out = only(port('rear0').take())
  assert.equal(toHex(out.subarray(OUTER_TO_INNER + 18)), toHex(frame.subarray(14)))
})

test('over IPv6 a tunnel for a guest is dropped: nothing of it may pass for an inner header', () => {
  const { port, switchd, node } = rack()
  const mapping = { external: Ip.of('2001:db8::4'), firstPort: 0, lastPort: 65535 }
  switchd.nat.put(2, [{ ...mapping, sled: SLED_IP, innerMac: GUEST_MAC, vni: 1 }])
  port('qsfp0').arrive(packet({ src: '2001:db8::9', dst: '2001:db8::4', payload: FRAME_E.slice(54) }))
  assert.deepEqual([...node.drops()], [[0x04, 1]])
  port('qsfp0').arrive(packet({ src: '2001:db8::9', dst: '2001:db8::4' }))
  only(port('rear0').take())
})

test('the egress filter comes before the wait for a next hop, so that waiting does not pass it by', async () => {
  const { port, switchd, neighbors, node, settle } = rack()
  switchd.setRoute(Prefix.of('203.0.113.0/24'), [{ port: REAR1, nextHop: ROUTER }])
  port('rear0').arrive(FRAME_E)
  neighbors.learn('tfportrear1', ROUTER, ROUTER_MAC)
  await settle()
  assert.deepEqual(port('rear1').take(), [])
  assert.deepEqual([...node.drops()], [[0x12, 1]])
})

test('a tag stays on the link that it came by', () => {
  const { port, switchd } = rack()
  switchd.setRoute(Prefix.of('fd00:1122:3344:101::/64'), [{ port: REAR1, nextHop: SLED_LINK, vlanId: 9 }])
  const tagged = Uint8Array.of(...FRAME_H.subarray(0, 12), 0x81, 0, 0, 5, ...FRAME_H.subarray(12))
  port('rear0').arrive(tagged)
  const out = only(port('rear1').take())
  assert.deepEqual([...out.subarray(12, 18)], [0x81, 0, 0, 9, 0x86, 0xdd])
  switchd.setRoute(Prefix.of('fd00:1122:3344:101::/64'), [{ port: REAR1, nextHop: SLED_LINK }])
  port('rear0').arrive(tagged)
  assert.deepEqual([...only(port('rear1').take()).subarray(12, 14)], [0x86, 0xdd])
})

test('packets from a link-local address are not forwarded (RFC 4291 section 2.5.6)', () => {
  const { port, node } = rack()
  port('rear0').arrive(packet({ src: 'fe80::9', dst: 'fd00:1122:3344:101::1' }))
  assert.deepEqual([...node.drops()], [[0x45, 1]])
})
