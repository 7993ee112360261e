/** Groups of a VPC: who gets what is sent to them, on one sled and on several. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Mac } from '@lodestone/net'
import { TcpFlag } from '@lodestone/packet'
import { encapsulated, fragmentsOf, frame, innerOf, look, outerDstOf, vniOf } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import type { FirewallRule, MulticastSubscription, PortConfig } from './port-config.ts'
import { SledsFixture } from './sleds-fixture.ts'
import { DEFAULT_FIREWALL, portConfig, SLED_A, SLED_B, SledFixture, toHex, VNI } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const SLED_C = Ip.of('fd00:1122:3344:102::1')
const OTHER_VNI = 0x00beef
const GROUP = { 4: '239.1.2.3', 6: 'ff05::1:3' } as const
const VPC_ONLY: readonly FirewallRule[] = [DEFAULT_FIREWALL[0]!]

function join(
  group: string,
  mode: 'include' | 'exclude' = 'exclude',
  sources: readonly string[] = [],
): MulticastSubscription {
  return { group: Ip.of(group), mode, sources: sources.map(Ip.of) }
}

const macOf = (n: number): Mac => Mac.of(`a8:40:25:00:00:0${n}`)

/** Instance n of a VPC, with addresses …:1n. */
function config(n: number, more: Partial<PortConfig> = {}): PortConfig {
  const base = portConfig()
  return {
    ...base,
    id: `nic-${n}-${more.vni ?? VNI}`,
    name: `vm${n}-nic0`,
    mac: macOf(n),
    ip4: { ...base.ip4!, address: Ip.of(`172.30.0.1${n}`) },
    ip6: { ...base.ip6!, address: Ip.of(`fd12:3456:789a::1${n}`) },
    externalIps4: { floating: [] },
    firewall: VPC_ONLY,
    ...more,
  }
}

function toGroup(n: number, group: string, fields: Partial<Parameters<typeof frame>[0]> = {}): Uint8Array {
  const isV6 = group.includes(':')
  return frame({
    etherDst: Mac.forMulticast(Ip.of(group)),
    etherSrc: macOf(n),
    src: isV6 ? `fd12:3456:789a::1${n}` : `172.30.0.1${n}`,
    dst: group,
    kind: 'udp',
    dstPort: 5000,
    ...fields,
  })
}

const reasonOf = (port: VirtualPort): string => port.recentDrops().at(-1)?.reason.code ?? ''

/** Tells all sleds where the subscribers are. */
function announce(rack: SledsFixture, group: string, sleds: readonly Ip[], vni = VNI): void {
  for (const sled of rack.sleds) {
    sled.engine.setMulticastGroups([{ vni, group: Ip.of(group), sleds }])
    sled.engine.setUnderlayPeers({ sleds: [SLED_A, SLED_B, SLED_C], switches: [] })
  }
}

test('what is sent to a group reaches its subscribers on the same sled and on others, each once, and not the sender', async () => {
  for (const group of [GROUP[4], GROUP[6]]) {
    const rack = new SledsFixture([SLED_A, SLED_B, SLED_C])
    const multicast = [join(group)]
    const at = (sled: number, n: number, more: Partial<PortConfig> = {}): VirtualPort =>
      rack.sleds[sled]!.addPort(config(n, { multicast, ...more }))
    const sender = at(0, 1)
    const subscribed = [at(0, 2), at(1, 3), at(1, 4)]
    const others = [
      at(1, 5, { multicast: [] }),
      at(1, 6, { vni: OTHER_VNI }),
      at(2, 7, { multicast: [join(GROUP[4] === group ? '239.1.2.4' : 'ff05::1:4')] }),
    ]
    announce(rack, group, [SLED_A, SLED_B])
    const explained = sender.explain(toGroup(1, group), 'out')
    assert.equal(explained.verdict, 'forwarded')
    assert.deepEqual([explained.frame!, ...explained.copies!].map(outerDstOf), [SLED_A.toString(), SLED_B.toString()])
    assert.match(JSON.stringify(explained.steps), /subscribers of .*: 1 on this sled, fd00:1122:3344:101::1/)
    for (let times = 0; times < 2; times++) {
      rack.sleds[0]!.send(sender, toGroup(1, group))
      await rack.settle()
      const taken = (port: VirtualPort): Uint8Array[] =>
        rack.sleds.flatMap((sled) => (sled.received.has(port.id) ? sled.take(port) : []))
      for (const port of subscribed) {
        const frames = taken(port)
        assert.equal(frames.length, 1, port.name)
        assert.deepEqual([look(frames[0]!).dst, look(frames[0]!).isChecksumRight], [group, true])
        assert.equal(toHex(frames[0]!.subarray(0, 6)), Mac.forMulticast(Ip.of(group)).toString().replaceAll(':', ''))
      }
      for (const port of [sender, ...others]) assert.equal(taken(port).length, 0, port.name)
    }
    assert.equal(rack.elsewhere.length, 0)
    for (const sled of rack.sleds) assert.equal(sled.arena.freeSlots, sled.arena.slots)
  }
})

test('shadows know the subscribers of their sled: those of an earlier time, and of now where external addresses are proposed', async () => {
  const rack = new SledsFixture([SLED_A, SLED_B])
  const [here] = rack.sleds
  const sender = here!.addPort(config(1))
  const listener = here!.addPort(config(2, { multicast: [join(GROUP[4])] }))
  announce(rack, GROUP[4], [SLED_A, SLED_B])
  const { engine, clock } = here!
  const told = (shadow: ReturnType<typeof engine.shadow>): string => {
    const { verdict, steps } = shadow.port(sender.id)!.explain(toGroup(1, GROUP[4]), 'out')
    shadow.close()
    return `${verdict} ${/subscribers of [^"]*/.exec(JSON.stringify(steps))?.[0]}`
  }
  const both = `forwarded subscribers of 239.1.2.3: 1 on this sled, ${SLED_B}, VNI ${VNI}`
  const elsewhere = `forwarded subscribers of 239.1.2.3: ${SLED_B}, VNI ${VNI}`
  assert.equal(told(engine.shadow(new Map(), [])), both)
  const thenMs = clock.nowMs()
  await clock.advance(1000)
  assert.equal(listener.apply({ ...config(2), generation: 2 }).ok, true)
  await clock.advance(1000)
  assert.equal(told(engine.shadowAt(thenMs)!), both)
  assert.equal(told(engine.shadow(new Map(), [])), elsewhere)
  assert.equal(told(engine.shadow()), elsewhere)
})

test('a subscription admits the sources that it names, or all but those', async () => {
  const rack = new SledsFixture([SLED_A, SLED_B])
  const group = GROUP[4]
  const sender = rack.sleds[0]!.addPort(config(1))
  const wants = [
    [2, join(group, 'include', ['172.30.0.11'])],
    [3, join(group, 'include', ['172.30.0.19'])],
    [4, join(group, 'exclude', ['172.30.0.11'])],
    [5, join(group, 'exclude', ['172.30.0.19'])],
  ] as const
  const ports = wants.map(([n, subscription]) => rack.sleds[1]!.addPort(config(n, { multicast: [subscription] })))
  announce(rack, group, [SLED_B])
  rack.sleds[0]!.send(sender, toGroup(1, group))
  await rack.settle()
  assert.deepEqual(
    ports.map((port) => rack.sleds[1]!.take(port).length),
    [1, 0, 0, 1],
  )
  assert.deepEqual(ports.map(reasonOf), ['', 'GW_MCAST_SOURCE', 'GW_MCAST_SOURCE', ''])
})

test('firewall rules are asked for every packet of a group: those of the VPC hold, those of nobody deny', async () => {
  const rack = new SledsFixture([SLED_A, SLED_B])
  const multicast = [join(GROUP[6])]
  const deny: FirewallRule = {
    id: 'd',
    name: 'no-group',
    direction: 'out',
    action: 'deny',
    priority: 1,
    hosts: [{ kind: 'vni', vni: VNI }],
  }
  const sender = rack.sleds[0]!.addPort(config(1))
  const open = rack.sleds[1]!.addPort(config(2, { multicast }))
  const closed = rack.sleds[1]!.addPort(config(3, { multicast, firewall: [] }))
  announce(rack, GROUP[6], [SLED_B])
  rack.sleds[0]!.send(sender, toGroup(1, GROUP[6]))
  await rack.settle()
  assert.deepEqual([rack.sleds[1]!.take(open).length, rack.sleds[1]!.take(closed).length], [1, 0])
  assert.equal(reasonOf(closed), 'FW_DEFAULT_DENY')
  assert.equal(open.dump().flows.length + sender.dump().flows.length, 0, 'no flow is made')
  sender.apply(config(1, { generation: 2, firewall: [deny] }))
  rack.sleds[0]!.send(sender, toGroup(1, GROUP[6]))
  assert.equal(reasonOf(sender), 'FW_DENY_RULE')
})

test('a group without subscribers, a group of the link, TCP to a group and broadcast go nowhere, each for its reason', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config(1, { multicast: [join(GROUP[4])] }))
  const cases: readonly (readonly [string, Partial<Parameters<typeof frame>[0]>, string])[] = [
    [GROUP[4], {}, 'OV_MCAST_NO_MEMBER'],
    ['224.0.0.251', {}, 'OV_MCAST_UNSUPPORTED'],
    ['ff02::fb', {}, 'OV_MCAST_UNSUPPORTED'],
    ['ff01::1', {}, 'OV_MCAST_UNSUPPORTED'],
    ['255.255.255.255', { etherDst: Mac.broadcast }, 'OV_MCAST_UNSUPPORTED'],
    [GROUP[6], { kind: 'tcp', flags: TcpFlag.syn }, 'OV_MCAST_TCP'],
  ]
  for (const [group, fields, code] of cases) {
    const bytes =
      group === '255.255.255.255' ? toGroup(1, '239.0.0.1', { dst: group, ...fields }) : toGroup(1, group, fields)
    assert.equal(port.explain(bytes, 'out').reason?.code, code)
    assert.equal(sled.exchange(port, bytes), undefined)
    assert.equal(reasonOf(port), code, group)
  }
  for (const group of ['224.0.0.5', 'ff02::1', '10.0.0.1']) {
    const result = port.apply(config(1, { generation: 2, multicast: [join(group)] }))
    assert.equal(result.ok ? '' : result.error.path, 'multicast[0].group')
  }
})

test('a frame for a group that nobody here has joined, or without the option, reaches nobody and is counted', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config(1, { multicast: [join(GROUP[4])] }))
  const option = new Uint8Array([0x01, 0x29, 1, 1, 0x40, 0, 0, 0])
  const receive = (vni: number, options: Uint8Array): string => {
    sled.receive(encapsulated(toGroup(2, GROUP[4]), { vni, options }))
    assert.equal(sled.take(port).length, vni === VNI && options === option ? 1 : 0)
    return sled.engine.recentDrops().at(-1)?.reason.code ?? ''
  }
  assert.equal(receive(VNI, option), '')
  assert.equal(receive(OTHER_VNI, option), 'NOT_OURS_GROUP')
  assert.equal(receive(VNI, new Uint8Array(0)), 'NOT_OURS_VNI')
  const explained = port.explain(encapsulated(toGroup(2, GROUP[4]), { options: option }), 'in')
  assert.equal(explained.verdict, 'delivered')
  const unknown = port.explain(encapsulated(toGroup(2, '239.9.9.9'), { options: option }), 'in')
  assert.equal(unknown.reason?.code, 'GW_NOT_FOR_PORT')
})

test('large datagrams to a group pass in fragments', async () => {
  const rack = new SledsFixture([SLED_A, SLED_B])
  const sender = rack.sleds[0]!.addPort(config(1))
  const receiver = rack.sleds[1]!.addPort(config(2, { multicast: [join(GROUP[4])] }))
  announce(rack, GROUP[4], [SLED_B])
  for (const each of fragmentsOf(toGroup(1, GROUP[4], { payload: new Uint8Array(100) }), 40))
    rack.sleds[0]!.send(sender, each)
  await rack.settle()
  assert.equal(rack.sleds[1]!.take(receiver).length, 3)
})

test('an exhausted arena costs copies and is counted; what there is a buffer for arrives', async () => {
  const rack = new SledsFixture([SLED_A, SLED_B, SLED_C], { slots: 2 })
  const sender = rack.sleds[0]!.addPort(config(1))
  announce(rack, GROUP[4], [SLED_B, SLED_C, Ip.of('fd00::9')])
  rack.sleds[0]!.engine.setMulticastGroups([
    { vni: VNI, group: Ip.of(GROUP[4]), sleds: [SLED_B, SLED_C, Ip.of('fd00::9'), Ip.of('fd00::8')] },
  ])
  const held: number[] = []
  for (let slot = rack.sleds[0]!.arena.alloc(10); held.length < 1; slot = -1) held.push(slot)
  rack.sleds[0]!.send(sender, toGroup(1, GROUP[4]))
  assert.equal(rack.sleds[0]!.takeSent().length, 1)
  assert.deepEqual(rack.sleds[0]!.engine.stats().drops, [{ code: 'NO_BUFFER', count: 3 }])
})

test('whoever has joined gets exactly what the model says, for random subscriptions, senders and filters', async () => {
  const member = fc.record({
    sled: fc.nat({ max: 2 }),
    vni: fc.constantFrom(VNI, OTHER_VNI),
    groups: fc.subarray([GROUP[4], GROUP[6], '239.1.2.9']),
    mode: fc.constantFrom('include' as const, 'exclude' as const),
    sources: fc.subarray([1, 2, 3, 4]),
  })
  const property = fc.asyncProperty(
    fc.array(member, { minLength: 2, maxLength: 6 }),
    fc.nat(),
    fc.constantFrom(GROUP[4], GROUP[6]),
    async (members, pick, group) => {
      const sleds = [SLED_A, SLED_B, SLED_C]
      const rack = new SledsFixture(sleds)
      const isV6 = group.includes(':')
      const addressOf = (n: number, v6: boolean): string => (v6 ? `fd12:3456:789a::1${n}` : `172.30.0.1${n}`)
      const ports = members.map(({ sled, vni, groups, mode, sources }, i) => {
        const multicast = groups.map((each) =>
          join(
            each,
            mode,
            sources.map((n) => addressOf(n, each.includes(':'))),
          ),
        )
        const firewall = [{ ...VPC_ONLY[0]!, hosts: [{ kind: 'vni', vni } as const] }]
        return rack.sleds[sled]!.addPort(config(i + 1, { vni, multicast, firewall }))
      })
      for (const sled of rack.sleds) {
        sled.engine.setMulticastGroups(
          [VNI, OTHER_VNI].flatMap((vni) =>
            [GROUP[4], GROUP[6], '239.1.2.9'].map((each) => ({
              vni,
              group: Ip.of(each),
              sleds: sleds.filter((_, s) =>
                members.some((m) => m.sled === s && m.vni === vni && m.groups.includes(each)),
              ),
            })),
          ),
        )
      }
      const from = pick % members.length
      const sender = members[from]!
      const explained = ports[from]!.explain(toGroup(from + 1, group), 'out')
      rack.sleds[sender.sled]!.send(ports[from]!, toGroup(from + 1, group))
      assert.equal(explained.reason?.code ?? '', reasonOf(ports[from]!))
      await rack.settle()
      for (const [i, { sled, vni, groups, mode, sources }] of members.entries()) {
        const isAdmitted = sources.includes(from + 1) === (mode === 'include')
        const isDue = i !== from && vni === sender.vni && groups.includes(group) && isAdmitted
        const frames = rack.sleds[sled]!.take(ports[i]!)
        assert.equal(frames.length, isDue ? 1 : 0, `instance ${i + 1}, ${isV6 ? 'IPv6' : 'IPv4'}`)
        for (const taint of rack.sleds[sled]!.taints.get(ports[i]!.id)!) assert.ok(taint === 0 || taint === vni)
      }
      for (const sled of rack.sleds) assert.equal(sled.arena.freeSlots, sled.arena.slots)
    },
  )
  await fc.assert(property, fuzzRuns(100))
})

test('copies carry the VPC’s VNI and the option for groups', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config(1))
  sled.engine.setMulticastGroups([{ vni: VNI, group: Ip.of(GROUP[4]), sleds: [SLED_B] }])
  const sent = sled.exchange(port, toGroup(1, GROUP[4]))!
  assert.equal(vniOf(sent), VNI)
  assert.equal(toHex(sent.subarray(56, 64)), '0129010140000000')
  assert.equal(toHex(innerOf(sent).subarray(0, 6)), '01005e010203')
})
