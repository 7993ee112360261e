/**
 * No frame crosses from one VPC into another. Guests of three VPCs with the very same addresses and MACs, on two sleds, send
 * whatever they like: to each other, to external addresses of their own and of others, to the switches' and sleds' own addresses,
 * and tunnel packets that they have made up; and so does a stranger on an uplink. Each frame carries in its payload who sent it,
 * and in the arena's taint which VPC it is of; both are looked at on every guest's wire.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { FirewallRule } from '@lodestone/contract-sled-agent'
import { GATEWAY_MAC } from '@lodestone/vport'
import type { VpcSpec } from './control-plane.fixture.ts'
import { frameOf, tunnelled } from './forged-frame.fixture.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'

const VNIS = [1000, 1001, 0xfffffe] as const
const FORGED = 0x7fff_ffff
const MARK = new TextEncoder().encode('sent-by-vni:')
const MACS = ['a8:40:25:f0:00:01', 'a8:40:25:f0:00:02'] as const
const IPS = ['172.30.0.5', '172.30.0.6'] as const

interface Delivery {
  readonly vni: number
  readonly taint: number
  readonly sender: number | undefined
}

let lab: RackLab
const guests: LabGuest[] = []
const deliveries: Delivery[] = []

before(async () => {
  lab = await RackLab.start()
  for (const [index, vni] of VNIS.entries()) {
    const vpc: VpcSpec = { vni, subnet: '172.30.0.0/22', subnet6: 'fd12:3456:789a::/64' }
    await lab.run(lab.control.setRules(vni, [allowEverything(vni)]))
    for (const sled of [0, 1] as const) {
      const guest = await lab.attach({
        name: `v${index}s${sled}`,
        sled,
        vpc,
        ip: IPS[sled],
        ip6: `fd12:3456:789a::${5 + sled}`,
        mac: MACS[sled],
        floating: [`198.51.100.${20 + index * 2 + sled}`],
      })
      guests.push(guest)
      guest.wire.tap((slot, direction) => {
        if (direction === 'a-to-b') return
        const { arena } = lab.world
        deliveries.push({ vni, taint: arena.taint(slot), sender: senderOf(arena.peek(slot)) })
      })
    }
  }
})
after(() => lab.close())

const target = fc.constantFrom(
  '172.30.0.5',
  '172.30.0.6',
  '172.30.0.1',
  'fd12:3456:789a::5',
  'fd12:3456:789a::6',
  ...Array.from({ length: 6 }, (_, index) => `198.51.100.${20 + index}`),
  '203.0.113.9',
  '192.0.2.2',
  'fd00:1122:3344:101::1',
  'fd00:1122:3344:102::1',
  'fdb1:a844:2ecd:1::1',
)
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never
const action = fc.record({
  from: fc.nat({ max: 6 }),
  dst: target,
  etherDst: fc.constantFrom(GATEWAY_MAC.toString(), ...MACS, 'ff:ff:ff:ff:ff:ff', 'a8:40:25:05:00:64'),
  isOwnSource: fc.boolean(),
  kind: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const),
  srcPort: fc.constantFrom(22, 80, 6081),
  dstPort: fc.constantFrom(22, 80, 6081),
  tunnel: fc.option(
    fc.record({
      vni: fc.constantFrom(...VNIS, 99, 0),
      isExternal: fc.boolean(),
      src: fc.constantFrom('fd00:1122:3344:101::1', 'fdb1:a844:2ecd:1::1', '::'),
      dst: fc.constantFrom('fd00:1122:3344:101::1', 'fd00:1122:3344:102::1', 'fdb1:a844:2ecd:1::1'),
    }),
    { freq: 2 },
  ),
})

test('no frame of one VPC is delivered to a port of another, whatever guests and strangers forge', async () => {
  let within = 0
  let external = 0
  const property = fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (actions) => {
    deliveries.length = 0
    for (const each of actions) send(each)
    await lab.clock.advance(20)
    for (const { vni, taint, sender } of deliveries) {
      assert.ok(taint === 0 || taint === vni, `VNI ${vni} was given a frame of ${taint}`)
      assert.notEqual(sender, FORGED, `VNI ${vni} was given what a stranger put in a tunnel`)
      // What carries another VPC's mark may only come by an external address, as from any stranger.
      if (sender !== undefined && sender !== vni) assert.equal(taint, 0)
      if (taint === vni) within++
      else if (sender !== undefined) external++
    }
    await lab.clock.until(() => lab.framesInUse === 0, 10_000)
    assert.equal(lab.framesInUse, 0, 'every frame has come to an end')
  })
  await fc.assert(property, { numRuns: 250, seed: 20_260 })
  assert.ok(within > 50, `${within} frames within a VPC`)
  assert.ok(external > 50, `${external} frames by external addresses`)
})

test('two VPCs with identical addresses never reach each other, and each guest reaches its own neighbour', async () => {
  for (const guest of guests) {
    const own = guest.instance.spec
    const neighbour = own.ip === IPS[0] ? IPS[1] : IPS[0]
    deliveries.length = 0
    const [answer] = await lab.run(guest.stack.ping(neighbour))
    assert.equal(answer!.outcome, 'reply', `${own.name} pings ${neighbour}`)
    assert.deepEqual(
      deliveries.filter(({ vni }) => vni !== own.vpc.vni),
      [],
    )
  }
})

function send(each: Action): void {
  const guest = guests[each.from]
  const spec = guest?.instance.spec
  // The seventh sender is not a guest: it has broken into the cable between a provider and the rack.
  const vni = spec?.vpc.vni ?? 0
  const isV6 = each.dst.includes(':')
  const own = spec === undefined ? (isV6 ? '2001:db8::9' : '203.0.113.77') : isV6 ? spec.ip6! : spec.ip
  const src = each.isOwnSource ? own : isV6 ? 'fd12:3456:789a::6' : '172.30.0.6'
  const etherSrc = guest?.instance.mac ?? '02:00:5e:00:01:01'
  const uplinkMac = 'a8:40:25:05:00:84'
  const etherDst = guest === undefined ? uplinkMac : each.etherDst
  const inner = { ...each, src, etherSrc }
  let bytes = frameOf({ ...inner, etherDst, payload: marked(vni) })
  if (each.tunnel !== null) {
    const forged = frameOf({ ...inner, etherDst: MACS[each.from % 2]!, payload: marked(FORGED) })
    bytes = tunnelled(forged, { ...each.tunnel, etherDst, etherSrc })
  }
  const slot = lab.world.arena.from(bytes)
  ;(guest?.wire.a ?? lab.link('switch0-isp0').b).send(Int32Array.of(slot), 1)
}

function marked(vni: number): Uint8Array {
  const bytes = new Uint8Array(MARK.length + 4)
  bytes.set(MARK)
  new DataView(bytes.buffer).setUint32(MARK.length, vni)
  return bytes
}

/** Who wrote the mark in a frame. An ICMP error that quotes it counts, too. */
function senderOf(frame: Uint8Array): number | undefined {
  const at = Buffer.from(frame.buffer, frame.byteOffset, frame.length).indexOf(MARK)
  if (at < 0 || at + MARK.length + 4 > frame.length) return undefined
  return new DataView(frame.buffer, frame.byteOffset + at + MARK.length).getUint32(0)
}

function allowEverything(vni: number): FirewallRule {
  return {
    id: `00000000-0000-4000-9000-${vni.toString(16).padStart(12, '0')}`,
    name: 'allow-everything',
    status: 'enabled',
    direction: 'inbound',
    action: 'allow',
    priority: 1,
  }
}
