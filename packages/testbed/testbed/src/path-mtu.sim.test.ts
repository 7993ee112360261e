/**
 * Path MTU discovery from end to end: a guest with 1500 bytes on its wire, and beyond the rack a link that carries 1280. The
 * router in front of that link says so; what it says crosses the switch's translation, the tunnel and the packet engine,
 * and the guest's TCP obeys. (RFC 1191, RFC 8201; errors built by the packet engine itself are in vport's tests.)
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Ip } from '@lodestone/net'
import {
  ethernetEtherType,
  EtherType,
  IcmpType,
  icmpType,
  Icmpv6Type,
  IpProtocol,
  ipv4TotalLength,
  IPV6_MIN,
  IPV6_SRC,
} from '@lodestone/packet'
import { defaultRules } from './control-plane.fixture.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { CLIENT_ADDRESS6 } from './rack-plan.ts'
import { CLIENT_NAME, rackTopology } from './rack-topology.ts'
import type { Topology } from './topology.ts'
import { transfer } from './transfer.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22', subnet6: 'fd12:3456:789a::/64' }
const FLOATING = '198.51.100.10'
const FLOATING6 = '2001:db8:2::10'
const CLIENT6 = CLIENT_ADDRESS6.toString()
const SMALL_MTU = 1280
const BYTES = 300_000
const ETHERNET = 14
const ICMP_PROTOCOL = 1

/** The routers' interfaces towards the client carry less than the client's own. */
function narrowed(): Topology {
  const topology = rackTopology({ sleds: 1, outside: 'dual-stack' })
  return {
    ...topology,
    nodes: topology.nodes.map((node) =>
      node.kind !== 'host' || node.name === CLIENT_NAME
        ? node
        : {
            ...node,
            interfaces: node.interfaces.map((each) =>
              each.name === CLIENT_NAME ? { ...each, mtuBytes: SMALL_MTU } : each,
            ),
          },
    ),
  }
}

let lab: RackLab
let guest: LabGuest

before(async () => {
  lab = await RackLab.start({ topology: narrowed() })
  await lab.untilReady(30_000)
  guest = await lab.attach({
    name: 'web',
    sled: 0,
    vpc: VPC,
    ip: '172.30.0.5',
    ip6: 'fd12:3456:789a::5',
    floating: [FLOATING, FLOATING6],
  })
  await lab.run(lab.control.setRules(VPC.vni, defaultRules(VPC.vni)))
})
after(() => lab.close())

test('a guest that sends 1500-byte packets into a path of 1280 is told, sends smaller ones, and every byte arrives', async () => {
  const told: Uint8Array[] = []
  const sizes: number[] = []
  const stop = guest.wire.tap((slot, direction) => {
    const frame = lab.world.arena.peek(slot)
    if (ethernetEtherType(frame, 0) !== EtherType.ipv4) return
    if (direction === 'a-to-b') sizes.push(ipv4TotalLength(frame, ETHERNET))
    else if (frame[ETHERNET + 9] === ICMP_PROTOCOL) told.push(frame.slice())
  })
  await transfer({
    lab,
    opener: guest.stack,
    listener: lab.client.stack,
    address: '203.0.113.9',
    port: 5001,
    bytes: BYTES,
    sender: 'opener',
    withinMs: 30_000,
  })
  stop()
  assert.ok(sizes.includes(1500), 'it began with what its wire carries')
  assert.ok(told.length >= 1, 'it was told')
  assert.equal(icmpType(told[0]!, ETHERNET + 20), IcmpType.unreachable)
  assert.equal(told[0]![ETHERNET + 21], 4)
  assert.equal((told[0]![ETHERNET + 26]! << 8) | told[0]![ETHERNET + 27]!, SMALL_MTU)
  const last = sizes.lastIndexOf(1500)
  assert.ok(last < sizes.length / 2, `the last large one was ${last} of ${sizes.length}`)
  assert.ok(sizes.slice(last + 1).every((size) => size <= SMALL_MTU))
})

test('the same by IPv6: packet too big crosses translation, tunnel and packet engine', async () => {
  const told: Uint8Array[] = []
  const sizes: number[] = []
  const stop = guest.wire.tap((slot, direction) => {
    const frame = lab.world.arena.peek(slot)
    if (ethernetEtherType(frame, 0) !== EtherType.ipv6) return
    const isError = frame[ETHERNET + 6] === IpProtocol.icmpv6 && frame[ETHERNET + IPV6_MIN] === Icmpv6Type.packetTooBig
    if (direction === 'b-to-a' && isError) told.push(frame.slice())
    if (direction === 'a-to-b' && frame[ETHERNET + 6] === IpProtocol.tcp) sizes.push(frame.length - ETHERNET)
  })
  await transfer({
    lab,
    opener: guest.stack,
    listener: lab.client.stack,
    address: CLIENT6,
    port: 5002,
    bytes: BYTES,
    sender: 'opener',
    withinMs: 30_000,
  })
  stop()
  assert.ok(sizes.includes(1500), 'it began with what its wire carries')
  assert.ok(told.length >= 1, 'it was told')
  const view = new DataView(told[0]!.buffer)
  assert.equal(view.getUint32(ETHERNET + IPV6_MIN + 4), SMALL_MTU)
  // What it quotes is the guest's own packet, not what translation made of it.
  assert.equal(Ip.fromBytes(told[0]!, ETHERNET + IPV6_MIN + 8 + IPV6_SRC, 16).toString(), 'fd12:3456:789a::5')
  const last = sizes.lastIndexOf(1500)
  assert.ok(last < sizes.length / 2, `the last large one was ${last} of ${sizes.length}`)
  assert.ok(sizes.slice(last + 1).every((size) => size <= SMALL_MTU))
})
