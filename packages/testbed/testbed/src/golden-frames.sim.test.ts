/**
 * The frames of the published walk through a rack, in one chain: a rack of the same addresses is given A at its uplink, D and G by
 * its guests, and what is on each link is compared byte for byte. It differs where docs/decisions/0002 says, and nowhere else.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { LinkDirection, Port } from '@lodestone/link'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { allowTcp, defaultRules, type LabInstance } from './control-plane.fixture.ts'
import { RackLab } from './rack-lab.fixture.ts'
import type { LinkSpec, SledSpec, SwitchPortSpec, Topology } from './topology.ts'

const A = hex(`
  a8402505 00840200 5e000101 08004500 00281234 40003906 ef8ccb00 71090102
  0304c93a 00501122 33440000 00005002 faf066f1 0000`)
const B = hex(`
  a8402504 0270a840 25050064 86dd6000 0000004a 11fe0000 00000000 00000000
  00000000 0000fd00 11223344 01040000 00000000 000117c1 17c1004a 40b80100
  65581c51 21000129 0000a840 25f411d7 00000000 00000800 45000028 12344000
  3906ef8c cb007109 01020304 c93a0050 11223344 00000000 5002faf0 66f10000`)
const C = hex(`
  a84025f4 11d7a840 25ff7777 08004500 00281234 40003906 476fcb00 7109ac1e
  0005c93a 00501122 33440000 00005002 faf0bed3 0000`)
const D = hex(`
  a84025ff 7777a840 25f411d7 08004500 00280000 40004006 52a3ac1e 0005cb00
  71090050 c93aa0b0 c0d01122 33455012 faf05d41 0000`)
const E = hex(`
  a8402505 0064a840 25040270 86dd6000 00000046 1180fd00 11223344 01040000
  00000000 0001fdb1 a8442ecd 00000000 00000000 00013b37 17c10046 00000000
  65580000 6300a840 25777777 a84025f4 11d70800 45000028 00004000 4006fac0
  01020304 cb007109 0050c93a a0b0c0d0 11223345 5012faf0 055f0000`)
const F = hex(`
  02005e00 0101a840 25050084 08004500 00280000 40003f06 fbc00102 0304cb00
  71090050 c93aa0b0 c0d01122 33455012 faf0055f 0000`)
const G = hex(`
  a84025ff 7777a840 25f411d7 08004500 00280000 40004006 e288ac1e 0005ac1e
  00069c40 00500102 03040000 00005002 faf0bc13 0000`)
const H = hex(`
  a8402505 0064a840 25040270 86dd6000 0000004e 1180fd00 11223344 01040000
  00000000 0001fd00 11223344 01010000 00000000 00016924 17c1004e 00000200
  65581c51 21000129 02010000 0000a840 25f2a4ea a84025f4 11d70800 45000028
  00004000 4006e288 ac1e0005 ac1e0006 9c400050 01020304 00000000 5002faf0
  bc130000`)
const I = hex(`
  a84025f2 a4eaa840 25ff7777 08004500 00280000 40004006 e288ac1e 0005ac1e
  00069c40 00500102 03040000 00005002 faf0bc13 0000`)

const VPC = { vni: 0x1c5121, subnet: '172.30.0.0/22' }
const TUNNEL_ENDPOINT = Ip.of('fdb1:a844:2ecd::1')
const POOL = Prefix.of('1.2.3.0/24')

let lab: RackLab
let guest: LabInstance

before(async () => {
  lab = await RackLab.start({ topology: goldenTopology() })
  const sleds = lab.emulation.sleds()
  const isUp = (): boolean =>
    sleds.every((sled) => sled.engine.tunnelEndpoints().length > 0) &&
    sleds[0]!.stack.lookup(sleds[1]!.spec.address) !== undefined &&
    lab.emulation
      .hosts()[0]!
      .stack.routes()
      .some((route) => route.prefix.equals(POOL))
  assert.ok(await lab.clock.until(isUp, 10_000))
  await lab.clock.advance(500)
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  guest = await lab.run(
    lab.control.createInstance({
      name: 'web',
      sled: 0,
      vpc: VPC,
      ip: '172.30.0.5',
      mac: 'a8:40:25:f4:11:d7',
      floating: ['1.2.3.4'],
    }),
  )
  await lab.run(
    lab.control.createInstance({ name: 'peer', sled: 1, vpc: VPC, ip: '172.30.0.6', mac: 'a8:40:25:f2:a4:ea' }),
  )
})
after(() => lab.close())

test('A at the uplink becomes B on the underlay and C at the guest; B differs in outer source and UDP checksum only', async () => {
  const [onUnderlay, atGuest] = await watch(
    [
      ['sled0-switch0', 'b-to-a'],
      ['web-nic0', 'b-to-a'],
    ],
    () => send(lab.link('switch0-isp0').b, A),
  )
  const wanted = B.slice()
  wanted.set(TUNNEL_ENDPOINT.bytes, 14 + 8)
  wanted.set([0, 0], 14 + 40 + 6)
  assert.deepEqual(onUnderlay, [text(wanted)])
  assert.deepEqual(atGuest, [text(C)])
})

test('D of the guest becomes E on the underlay and F at the uplink, byte for byte', async () => {
  const [onUnderlay, atUplink] = await watch(
    [
      ['sled0-switch0', 'a-to-b'],
      ['switch0-isp0', 'a-to-b'],
    ],
    () => send(lab.link('web-nic0').a, D),
  )
  assert.deepEqual(onUnderlay, [text(E)])
  assert.deepEqual(atUplink, [text(F)])
  const port = lab.emulation.sleds()[0]!.engine.port(guest.nicId)!
  assert.equal(port.dump().flows.length, 1, 'A and D are one connection')
})

test('G of the guest becomes H on the underlay and I at a guest on another sled, byte for byte', async () => {
  const [fromSled, toSled, atPeer] = await watch(
    [
      ['sled0-switch0', 'a-to-b'],
      ['sled1-switch0', 'b-to-a'],
      ['peer-nic0', 'b-to-a'],
    ],
    () => send(lab.link('web-nic0').a, G),
  )
  assert.deepEqual(fromSled, [text(H)])
  // The switch changes the MAC addresses and the hop limit and nothing else.
  const beyond = H.slice()
  beyond.set(Mac.of('a8:40:25:04:01:70').bytes, 0)
  beyond.set(Mac.of('a8:40:25:05:00:65').bytes, 6)
  beyond[14 + 7]! -= 1
  assert.deepEqual(toSled, [text(beyond)])
  assert.deepEqual(atPeer, [text(I)])
})

/** What crosses each of the links in the direction given, of the packet that `act` sends. */
async function watch(links: readonly (readonly [string, LinkDirection])[], act: () => number): Promise<string[][]> {
  const { arena } = lab.world
  const frames = links.map((): { packet: number; bytes: string }[] => [])
  const stops = links.map(([name, wanted], index) =>
    lab.link(name).tap((slot, direction) => {
      if (direction === wanted) frames[index]!.push({ packet: arena.packet(slot), bytes: text(arena.peek(slot)) })
    }),
  )
  const packet = act()
  await lab.clock.advance(20)
  for (const stop of stops) stop()
  return frames.map((list) => list.flatMap((frame) => (frame.packet === packet ? [frame.bytes] : [])))
}

/** @returns the number of the packet. */
function send(end: Port, bytes: Uint8Array): number {
  const slot = lab.world.arena.from(bytes)
  const packet = lab.world.arena.packet(slot)
  end.send(Int32Array.of(slot), 1)
  return packet
}

/** One switch with one provider, and two sleds, whose addresses are those of the frames. */
function goldenTopology(): Topology {
  const sled = (index: number, prefix: string, mac: string): SledSpec => ({
    kind: 'sled',
    name: `sled${index}`,
    nics: [{ name: 'nic0', mac: Mac.of(mac), mtuBytes: 9216, addresses: [] }],
    prefix: Prefix.of(prefix),
    address: Prefix.of(prefix).nth(1),
  })
  const port = (name: string, mac: string, address?: string): SwitchPortSpec => ({
    name,
    mac: Mac.of(mac),
    mtuBytes: address === undefined ? 9216 : 1500,
    isUplink: address !== undefined,
    addresses: address === undefined ? [] : [Prefix.of(address)],
  })
  const link = (a: readonly [string, string], b: readonly [string, string], mtuBytes: number): LinkSpec => ({
    name: `${a[0]}-${b[0]}`,
    a: { node: a[0], port: a[1] },
    b: { node: b[0], port: b[1] },
    delayMs: 0.1,
    rateBps: 100e9,
    lossRatio: 0,
    mtuBytes,
  })
  const router = Ip.of('192.0.2.1')
  const uplink = Ip.of('192.0.2.2')
  return {
    name: 'golden',
    nodes: [
      sled(0, 'fd00:1122:3344:104::/64', 'a8:40:25:04:02:70'),
      sled(1, 'fd00:1122:3344:101::/64', 'a8:40:25:04:01:70'),
      {
        kind: 'switch',
        name: 'switch0',
        ports: [
          port('rear0', 'a8:40:25:05:00:64'),
          port('rear1', 'a8:40:25:05:00:65'),
          port('qsfp0', 'a8:40:25:05:00:84', `${uplink}/30`),
        ],
        zoneAddress: Ip.of('fd00:1122:3344:104::2'),
        tunnelEndpoint: TUNNEL_ENDPOINT,
        bgp: {
          asn: 65547,
          routerId: uplink,
          peers: [{ name: 'isp0', address: router, asn: 64500 }],
          originate: [POOL],
        },
      },
      {
        kind: 'host',
        name: 'isp0',
        interfaces: [
          {
            name: 'switch0',
            mac: Mac.of('02:00:5e:00:01:01'),
            mtuBytes: 1500,
            addresses: [Prefix.of(`${router}/30`)],
          },
        ],
        loopbacks: [],
        forwarding: true,
        bgp: {
          asn: 64500,
          routerId: router,
          peers: [{ name: 'switch0', address: uplink, asn: 65547 }],
          originate: [Prefix.of('0.0.0.0/0')],
        },
      },
    ],
    links: [
      link(['sled0', 'nic0'], ['switch0', 'rear0'], 9216),
      link(['sled1', 'nic0'], ['switch0', 'rear1'], 9216),
      link(['switch0', 'qsfp0'], ['isp0', 'switch0'], 1500),
    ],
  }
}

function hex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replaceAll(/\s/g, ''), 'hex'))
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
