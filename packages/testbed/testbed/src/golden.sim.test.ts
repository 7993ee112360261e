/**
 * The golden frames of one connection, in one chain through the compiled switch program and the packet engine of a running rack: in by
 * the uplink, to the guest, back out; and from one guest to another on a different sled. They were computed independently of this
 * code. What differs on purpose is in docs/decisions/0002.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { GoldenRack, type Sighting } from './golden-rack.fixture.ts'

/** At the switch's uplink, a SYN from the client. */
const A = hex(`
  a8402505 00840200 5e000101 08004500 00281234 40003906 ef8ccb00 71090102
  0304c93a 00501122 33440000 00005002 faf066f1 0000`)
/** On the wire to the sled, as the hardware's program makes it. */
const B = hex(`
  a8402504 0270a840 25050064 86dd6000 0000004a 11fe0000 00000000 00000000
  00000000 0000fd00 11223344 01040000 00000000 000117c1 17c1004a 40b80100
  65581c51 21000129 0000a840 25f411d7 00000000 00000800 45000028 12344000
  3906ef8c cb007109 01020304 c93a0050 11223344 00000000 5002faf0 66f10000`)
/** To the guest. */
const C = hex(`
  a84025f4 11d7a840 25ff7777 08004500 00281234 40003906 476fcb00 7109ac1e
  0005c93a 00501122 33440000 00005002 faf0bed3 0000`)
/** The guest's SYN-ACK. */
const D = hex(`
  a84025ff 7777a840 25f411d7 08004500 00280000 40004006 52a3ac1e 0005cb00
  71090050 c93aa0b0 c0d01122 33455012 faf05d41 0000`)
/** On the wire to the switch. */
const E = hex(`
  a8402505 0064a840 25040270 86dd6000 00000046 1180fd00 11223344 01040000
  00000000 0001fdb1 a8442ecd 00000000 00000000 00013b37 17c10046 00000000
  65580000 6300a840 25777777 a84025f4 11d70800 45000028 00004000 4006fac0
  01020304 cb007109 0050c93a a0b0c0d0 11223345 5012faf0 055f0000`)
/** To the router. */
const F = hex(`
  02005e00 0101a840 25050084 08004500 00280000 40003f06 fbc00102 0304cb00
  71090050 c93aa0b0 c0d01122 33455012 faf0055f 0000`)
/** A SYN from one guest to the other. */
const G = hex(`
  a84025ff 7777a840 25f411d7 08004500 00280000 40004006 e288ac1e 0005ac1e
  00069c40 00500102 03040000 00005002 faf0bc13 0000`)
/** On the first sled's wire. */
const H = hex(`
  a8402505 0064a840 25040270 86dd6000 0000004e 1180fd00 11223344 01040000
  00000000 0001fd00 11223344 01010000 00000000 00016924 17c1004e 00000200
  65581c51 21000129 02010000 0000a840 25f2a4ea a84025f4 11d70800 45000028
  00004000 4006e288 ac1e0005 ac1e0006 9c400050 01020304 00000000 5002faf0
  bc130000`)
/** To the other guest. */
const I = hex(`
  a84025f2 a4eaa840 25ff7777 08004500 00280000 40004006 e288ac1e 0005ac1e
  00069c40 00500102 03040000 00005002 faf0bc13 0000`)

/** The outer source is the switch's tunnel endpoint, and the outer UDP checksum 0. */
const OUR_B = patched(patched(B, 22, hex('fdb1a8442ecd00000000000000000001')), 60, hex('0000'))
/** H behind the switch: one hop less, and MAC addresses of the next wire. */
const H_ROUTED = patched(patched(H, 0, hex('a84025040170 a84025050065')), 21, hex('7f'))

const VPC = { vni: 0x1c5121, subnet: '172.30.0.0/22' }

let rack: GoldenRack

before(async () => {
  rack = await GoldenRack.start()
  await rack.clock.run(rack.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  await rack.plug({ name: 'web', sled: 0, vpc: VPC, ip: '172.30.0.5', mac: 'a8:40:25:f4:11:d7', floating: ['1.2.3.4'] })
  await rack.plug({ name: 'db', sled: 1, vpc: VPC, ip: '172.30.0.6', mac: 'a8:40:25:f2:a4:ea' })
  // The client knows nothing of this connection and would reset it.
  rack.emulation.links().get('isp0-client')!.configure({ loss: 1 }, 'a-to-b')
})
after(() => rack.close())

/** The first packet of a flow takes the engine's slow path, later ones its cache. */
for (const path of ['the first packet', 'a packet of a known flow']) {
  test(`A becomes B on the wire to the sled and C at the guest: ${path}`, async () => {
    const seen = await rack.send('switch0-isp0', 'b', A)
    assertFrames(seen, { 'uplink in': A, 'sled0 in': OUR_B, 'web in': C })
  })

  test(`D becomes E on the wire to the switch and F at the router: ${path}`, async () => {
    const seen = await rack.send('web-nic0', 'a', D)
    assertFrames(seen, { 'web out': D, 'sled0 out': E, 'uplink out': F })
  })

  test(`G becomes H on the wire, is routed by the switch, and is I at the other guest: ${path}`, async () => {
    const seen = await rack.send('web-nic0', 'a', G)
    assertFrames(seen, { 'web out': G, 'sled0 out': H, 'sled1 in': H_ROUTED, 'db in': I })
  })
}

test('Ethernet padding of A does not reach the guest, and that of D and G does not reach a wire', async () => {
  const padding = new Uint8Array(6)
  const inbound = await rack.send('switch0-isp0', 'b', Uint8Array.of(...A, ...padding))
  assert.deepEqual(toHex(inbound.find(({ place }) => place === 'web in')!.frame), toHex(C))
  const outbound = await rack.send('web-nic0', 'a', Uint8Array.of(...D, ...padding))
  assertFrames(outbound.slice(1), { 'sled0 out': E, 'uplink out': F })
  const across = await rack.send('web-nic0', 'a', Uint8Array.of(...G, ...padding))
  assertFrames(across.slice(1), { 'sled0 out': H, 'sled1 in': H_ROUTED, 'db in': I })
})

test('our B differs from the hardware in its outer source and UDP checksum and in nothing else', () => {
  const differing = [...B.keys()].filter((at) => B[at] !== OUR_B[at])
  assert.ok(differing.every((at) => (at >= 22 && at < 38) || at === 60 || at === 61))
})

function assertFrames(seen: readonly Sighting[], expected: Readonly<Record<string, Uint8Array>>): void {
  assert.deepEqual(
    seen.map(({ place, frame }) => `${place}: ${toHex(frame)}`),
    Object.entries(expected).map(([place, frame]) => `${place}: ${toHex(frame)}`),
  )
}

function patched(frame: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const copy = frame.slice()
  copy.set(bytes, at)
  return copy
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
