/** Groups of a VPC across the rack: tunnels, switches and sleds that carry what a guest sends to one. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Ip, Mac } from '@lodestone/net'
import {
  ETHERNET_MIN,
  EtherType,
  fixIpv4Checksum,
  fixTransportChecksum,
  IPV4_MIN,
  IPV6_MIN,
  IpProtocol,
  UDP_MIN,
  writeEthernet,
  writeIpv4,
  writeIpv6,
  writeUdp,
} from '@lodestone/packet'
import { defaultRules } from './control-plane.fixture.ts'
import { type LabGuest, RackLab } from './rack-lab.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22', subnet6: 'fd12:3456:789a::/64' }
const OTHER = { vni: 2000, subnet: '172.30.0.0/22', subnet6: 'fd12:3456:789a::/64' }
const GROUPS = ['239.1.2.3', 'ff05::1:3'] as const

let lab: RackLab
let sender: LabGuest
let guests: readonly LabGuest[]
const MEMBERS = ['same-sled', 'second', 'third']

before(async () => {
  lab = await RackLab.start({ sleds: 3 })
  const attach = (name: string, sled: number, host: number, vpc = VPC): Promise<LabGuest> =>
    lab.attach({ name, sled, vpc, ip: `172.30.0.${host}`, ip6: `fd12:3456:789a::${host}` })
  sender = await attach('sender', 0, 5)
  guests = [
    await attach('same-sled', 0, 6),
    await attach('second', 1, 7),
    await attach('third', 2, 8),
    await attach('stranger', 1, 9),
    await attach('other-vpc', 1, 10, OTHER),
  ]
  for (const { vni } of [VPC, OTHER]) await lab.run(lab.control.setRules(vni, defaultRules(vni)))
  for (const { instance } of guests) {
    if (instance.spec.name === 'stranger') continue
    const body = {
      generation: 1,
      external_ips: { floating: [] },
      firewall_rules: defaultRules(instance.spec.vpc.vni),
      routes: [],
      multicast: GROUPS.map((group) => ({ group, mode: 'exclude' as const, sources: [] })),
    }
    const sled = lab.control.sleds[instance.spec.sled]!
    assert.ok((await lab.run(sled.port_settings_set({ params: { port_id: instance.nicId }, body }))).ok)
  }
  const addresses = lab.emulation.specs('sled').map(({ address }) => address.toString())
  const groups = GROUPS.flatMap((group) => [
    { vni: VPC.vni, group, sleds: addresses },
    { vni: OTHER.vni, group, sleds: [addresses[1]!] },
  ])
  for (const sled of lab.control.sleds) {
    assert.ok((await lab.run(sled.multicast_groups_set({ body: { generation: 1, groups } }))).ok)
  }
})
after(() => lab.close())

function toGroup(group: string): Uint8Array<ArrayBuffer> {
  const isV6 = group.includes(':')
  const l4 = ETHERNET_MIN + (isV6 ? IPV6_MIN : IPV4_MIN)
  const bytes = new Uint8Array(l4 + UDP_MIN + 4)
  const dst = Ip.of(group)
  writeEthernet(bytes, 0, {
    dst: Mac.forMulticast(dst).bytes,
    src: Mac.of(sender.instance.mac).bytes,
    etherType: isV6 ? EtherType.ipv6 : EtherType.ipv4,
  })
  if (isV6) {
    const src = Ip.of('fd12:3456:789a::5').bytes
    const header = { src, dst: dst.bytes, nextHeader: IpProtocol.udp, hopLimit: 8 }
    writeIpv6(bytes, ETHERNET_MIN, { ...header, payloadLength: UDP_MIN + 4 })
  } else {
    const header = { src: Ip.of('172.30.0.5').word(0), dst: dst.word(0), protocol: IpProtocol.udp, ttl: 8 }
    writeIpv4(bytes, ETHERNET_MIN, { ...header, totalLength: bytes.length - ETHERNET_MIN })
    fixIpv4Checksum(bytes, ETHERNET_MIN)
  }
  writeUdp(bytes, l4, { srcPort: 5000, dstPort: 5000, length: UDP_MIN + 4 })
  fixTransportChecksum(bytes, ETHERNET_MIN, l4, bytes.length)
  return bytes
}

test('what a guest sends to a group reaches its members on every sled once, and nobody else, IPv4 and IPv6', async () => {
  for (const group of GROUPS) {
    const sent = toGroup(group)
    const got: string[] = []
    const copies: string[] = []
    const stops = guests.map(({ wire, instance }) =>
      wire.tap((slot, direction) => {
        const frame = lab.world.arena.peek(slot)
        if (direction === 'b-to-a' && (frame[0]! & 1) === 1 && frame.length === sent.length) {
          got.push(instance.spec.name)
          // The MAC address of the gateway instead of the sender's; all else is what was sent.
          assert.deepEqual(frame.slice(ETHERNET_MIN), sent.slice(ETHERNET_MIN), instance.spec.name)
        }
      }),
    )
    const links = [...lab.emulation.links().values()].filter(({ name }) =>
      /^switch\d-sled0$|^sled0-switch\d$/.test(name),
    )
    assert.equal(links.length, 2)
    for (const link of links) {
      stops.push(
        link.tap((slot) => {
          if (lab.world.arena.peek(slot).length === sent.length + ETHERNET_MIN + IPV6_MIN + UDP_MIN + 16) {
            copies.push(link.name)
          }
        }),
      )
    }
    sender.wire.a.send(Int32Array.of(lab.world.arena.from(sent)), 1)
    await lab.clock.advance(100)
    for (const stop of stops) stop()
    assert.deepEqual(got.toSorted(), MEMBERS.toSorted(), group)
    assert.equal(copies.length, 2, `one copy for each other sled leaves the sender's: ${copies.join()}`)
  }
})

test('taking a member away from the group ends its share at once', async () => {
  const third = guests[2]!
  const body = {
    generation: 2,
    external_ips: { floating: [] },
    firewall_rules: defaultRules(VPC.vni),
    routes: [],
    multicast: [],
  }
  const sled = lab.control.sleds[2]!
  assert.ok((await lab.run(sled.port_settings_set({ params: { port_id: third.instance.nicId }, body }))).ok)
  let count = 0
  const stop = third.wire.tap((slot, direction) => {
    if (direction === 'b-to-a' && (lab.world.arena.peek(slot)[0]! & 1) === 1) count++
  })
  sender.wire.a.send(Int32Array.of(lab.world.arena.from(toGroup(GROUPS[0]))), 1)
  await lab.clock.advance(100)
  stop()
  assert.equal(count, 0)
})

test('a guest that joins a permitted group by MLD receives it, and does not any more after it has left', async () => {
  const group = 'ff05::1:77'
  const listener = guests[1]!
  const body = {
    generation: 2,
    external_ips: { floating: [] },
    firewall_rules: defaultRules(VPC.vni),
    routes: [],
    multicast_permitted: ['ff05::/16'],
  }
  const settings = { params: { port_id: listener.instance.nicId }, body }
  assert.ok((await lab.run(lab.control.sleds[1]!.port_settings_set(settings))).ok)
  const sleds = lab.emulation.specs('sled').map(({ address }) => address.toString())
  let generation = 10
  /** What a control plane does with what its sleds tell it. @returns how many have subscribers. */
  const spread = async (): Promise<number> => {
    const groups: { vni: number; group: string; sleds: string[] }[] = []
    for (const [i, each] of lab.control.sleds.entries()) {
      const told = await lab.run(each.multicast_subscriptions_list({}))
      assert.ok(told.ok)
      for (const { vni, group } of told.value.subscriptions) groups.push({ vni, group, sleds: [sleds[i]!] })
    }
    generation++
    for (const each of lab.control.sleds) {
      assert.ok((await lab.run(each.multicast_groups_set({ body: { generation, groups } }))).ok)
    }
    return groups.filter((each) => each.group === group).length
  }
  let heard = 0
  const send = async (): Promise<number> => {
    heard = 0
    sender.wire.a.send(Int32Array.of(lab.world.arena.from(toGroup(group))), 1)
    await lab.clock.advance(100)
    return heard
  }
  listener.stack.interface('eth0')!.reportsGroups = true
  assert.deepEqual([await spread(), await send()], [0, 0])
  const socket = await listener.stack.bindUdp({ port: 5000, groups: [`${group}%eth0`] }, () => heard++)
  await lab.clock.advance(100)
  assert.deepEqual([await spread(), await send()], [1, 1])
  await lab.clock.advance(600_000)
  assert.deepEqual([await spread(), await send()], [1, 1], 'it answers the gateway’s questions')
  socket.close()
  await lab.clock.advance(100)
  assert.deepEqual([await spread(), await send()], [0, 0])
})
