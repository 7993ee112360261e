/** Groups that a guest joins and leaves itself: IGMP and MLD in all their versions, and what they change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Mac, Prefix } from '@lodestone/net'
import {
  ETHERNET_MIN,
  finishChecksum,
  fixTransportChecksum,
  IPV4_MIN,
  IPV6_MIN,
  IpProtocol,
  sumBytes,
  verifyTransportChecksum,
  writeEthernet,
  writeIpv4,
  fixIpv4Checksum,
  writeIpv6,
  EtherType,
} from '@lodestone/packet'
import { encapsulated, fragmentsOf, frame, look } from './frame-fixture.ts'
import { fuzzRuns } from './fuzz-runs.fixture.ts'
import {
  type GroupRecord,
  MEMBERSHIP_MS,
  MOST_JOINED,
  MOST_SOURCES,
  nextSubscription,
  QUERY_INTERVAL_MS,
  STARTUP_INTERVAL_MS,
} from './joined-groups.ts'
import type { PortConfig } from './port-config.ts'
import { GUEST_MAC, PEER_MAC, peerConfig, portConfig, SledFixture, toHex, VNI } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const LINK_LOCAL = GUEST_MAC.linkLocal().toString()
const PERMITTED = [Prefix.of('239.0.0.0/8'), Prefix.of('ff05::/16')]
const GROUP = { 4: '239.1.2.3', 6: 'ff05::1:3' } as const
const SOURCE = { 4: ['172.30.0.6', '172.30.0.7'], 6: ['fd12:3456:789a::6', 'fd12:3456:789a::7'] } as const
const PEERS = [6, 7] as const

function config(more: Partial<PortConfig> = {}): PortConfig {
  const firewall = [{ id: 'a', name: 'a', direction: 'in', action: 'allow', priority: 1 }] as const
  return portConfig({ multicastPermitted: PERMITTED, firewall, ...more })
}

const u16 = (value: number): number[] => [value >> 8, value & 0xff]

/** A message about groups from the guest, with the right checksum. */
function message(family: 4 | 6, body: readonly number[], more: { src?: string; hops?: number } = {}): Uint8Array {
  const options = family === 4 ? [0x94, 4, 0, 0] : [IpProtocol.icmpv6, 0, 5, 2, 0, 0, 1, 0]
  const header = (family === 4 ? IPV4_MIN : IPV6_MIN) + options.length
  const l4 = ETHERNET_MIN + header
  const bytes = new Uint8Array(l4 + body.length)
  const dst = Ip.of(family === 4 ? '224.0.0.22' : 'ff02::16')
  const src = Ip.of(more.src ?? (family === 4 ? '172.30.0.5' : LINK_LOCAL))
  const etherType = family === 4 ? EtherType.ipv4 : EtherType.ipv6
  writeEthernet(bytes, 0, { dst: Mac.forMulticast(dst).bytes, src: GUEST_MAC.bytes, etherType })
  bytes.set(body, l4)
  if (family === 4) {
    writeIpv4(bytes, ETHERNET_MIN, {
      totalLength: header + body.length,
      ttl: more.hops ?? 1,
      protocol: IpProtocol.igmp,
      src: src.word(0),
      dst: dst.word(0),
      options: Uint8Array.from(options),
    })
    fixIpv4Checksum(bytes, ETHERNET_MIN)
    const checksum = finishChecksum(sumBytes(bytes, l4, bytes.length))
    bytes.set(u16(checksum), l4 + 2)
    return bytes
  }
  writeIpv6(bytes, ETHERNET_MIN, {
    payloadLength: options.length + body.length,
    nextHeader: IpProtocol.hopByHop,
    hopLimit: more.hops ?? 1,
    src: src.bytes,
    dst: dst.bytes,
  })
  bytes.set(options, ETHERNET_MIN + IPV6_MIN)
  fixTransportChecksum(bytes, ETHERNET_MIN, l4, bytes.length)
  return bytes
}

/** A report of the newest version. @param kind its number on the wire. */
function report(family: 4 | 6, records: readonly (readonly [number, string, readonly string[]])[]): Uint8Array {
  const body = records.flatMap(([kind, group, sources]) => [
    ...[kind, 0, ...u16(sources.length)],
    ...[group, ...sources].flatMap((text) => [...Ip.of(text).bytes]),
  ])
  return message(family, [family === 4 ? 0x22 : 143, 0, 0, 0, 0, 0, ...u16(records.length), ...body])
}

/** One of the older versions. */
function oldMessage(family: 4 | 6, type: number, group: string): Uint8Array {
  return message(family, [type, 0, 0, 0, ...(family === 4 ? [] : [0, 0, 0, 0]), ...Ip.of(group).bytes])
}

/** What peer n of the VPC sends to a group, as it arrives here. */
function fromPeer(n: number, group: string): Uint8Array {
  const isV6 = group.includes(':')
  const inner = frame({
    etherDst: Mac.forMulticast(Ip.of(group)),
    etherSrc: PEER_MAC,
    src: isV6 ? `fd12:3456:789a::${n}` : `172.30.0.${n}`,
    dst: group,
    kind: 'udp',
  })
  return encapsulated(inner, { options: new Uint8Array([0x01, 0x29, 1, 1, 0x40, 0, 0, 0]) })
}

/** Which of the peers the guest hears. */
function heard(sled: SledFixture, port: VirtualPort, group: string): number[] {
  return PEERS.filter((n) => {
    const explained = port.explain(fromPeer(n, group), 'in')
    sled.receive(fromPeer(n, group))
    const isHeard = sled.take(port).length === 1
    assert.equal(explained.verdict === 'delivered', isHeard)
    return isHeard
  })
}

const reasonOf = (port: VirtualPort): string => port.recentDrops().at(-1)?.reason.code ?? ''

test('a guest that joins a group receives it, and one that leaves does not, in all versions of both protocols', () => {
  const ways: readonly (readonly [4 | 6, Uint8Array, Uint8Array])[] = [
    [4, oldMessage(4, 0x12, GROUP[4]), oldMessage(4, 0x17, GROUP[4])],
    [4, oldMessage(4, 0x16, GROUP[4]), oldMessage(4, 0x17, GROUP[4])],
    [4, report(4, [[4, GROUP[4], []]]), report(4, [[3, GROUP[4], []]])],
    [4, report(4, [[2, GROUP[4], []]]), report(4, [[1, GROUP[4], []]])],
    [6, oldMessage(6, 131, GROUP[6]), oldMessage(6, 132, GROUP[6])],
    [6, report(6, [[4, GROUP[6], []]]), report(6, [[3, GROUP[6], []]])],
    [6, report(6, [[2, GROUP[6], []]]), report(6, [[1, GROUP[6], []]])],
  ]
  for (const [i, [family, join, leave]] of ways.entries()) {
    const sled = new SledFixture()
    const port = sled.addPort(config())
    const group = GROUP[family]
    assert.deepEqual(heard(sled, port, group), [], `${i}`)
    assert.equal(port.explain(join, 'out').verdict, 'hairpin')
    assert.deepEqual(heard(sled, port, group), [], 'a question joins nothing')
    assert.equal(sled.exchange(port, join), undefined)
    assert.deepEqual(heard(sled, port, group), [6, 7])
    assert.deepEqual(sled.engine.groupSubscriptions(), [
      { group: Ip.of(group), mode: 'exclude', sources: [], vni: VNI, port: port.id, isJoined: true },
    ])
    assert.equal(sled.exchange(port, leave), undefined)
    assert.deepEqual(heard(sled, port, group), [])
    assert.deepEqual(port.dump().drops, [], 'neither is a drop')
    assert.equal(port.dump().counters.consumed, 2)
    assert.equal(sled.arena.freeSlots, sled.arena.slots)
  }
})

test('sources that a guest names are the ones it hears, or does not hear', () => {
  for (const family of [4, 6] as const) {
    const sled = new SledFixture()
    const port = sled.addPort(config())
    const group = GROUP[family]
    const [six, seven] = SOURCE[family]
    const steps: readonly (readonly [number, readonly string[], number[]])[] = [
      [5, [six], [6]],
      [5, [seven], [6, 7]],
      [6, [six], [7]],
      [6, [seven], []],
      [4, [six], [7]],
      [6, [seven], []],
      [5, [six, seven], [6, 7]],
      [3, [seven], [7]],
      [1, [], []],
    ]
    for (const [kind, sources, hears] of steps) {
      sled.send(port, report(family, [[kind, group, sources]]))
      assert.deepEqual(heard(sled, port, group), hears, `kind ${kind} ${sources.join()}`)
    }
  }
})

test('what a listener wants after any records is what a model of sets says', () => {
  const ips = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map(Ip.of)
  const group = Ip.of(GROUP[4])
  const kind = fc.constantFrom('include', 'exclude', 'allow', 'block')
  const record = fc.record({ kind, sources: fc.subarray(ips) }) as fc.Arbitrary<Omit<GroupRecord, 'group'>>
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), (records) => {
      let subscription: ReturnType<typeof nextSubscription>
      let wanted = new Set<Ip>()
      for (const each of records) {
        subscription = nextSubscription(subscription, { ...each, group })
        if (each.kind === 'include') wanted = new Set(each.sources)
        else if (each.kind === 'exclude') wanted = new Set(ips.filter((ip) => !each.sources.includes(ip)))
        else if (each.kind === 'allow') wanted = new Set([...wanted, ...each.sources])
        else wanted = new Set([...wanted].filter((ip) => !each.sources.includes(ip)))
        const hears = ips.filter((ip) => {
          const isListed = subscription?.sources.some((source) => source.equals(ip)) === true
          return subscription !== undefined && isListed === (subscription.mode === 'include')
        })
        assert.deepEqual(
          hears,
          ips.filter((ip) => wanted.has(ip)),
        )
      }
    }),
    fuzzRuns(300),
  )
})

test('groups that are not permitted, or too many, are refused with a reason; those of the link concern nobody', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const send = (bytes: Uint8Array): string => {
    const before = port.dump().counters.drops
    const explained = port.explain(bytes, 'out')
    sled.send(port, bytes)
    const reason = port.dump().counters.drops > before ? reasonOf(port) : ''
    assert.equal(explained.reason?.code ?? '', reason)
    return reason
  }
  assert.equal(send(report(4, [[4, '232.1.1.1', []]])), 'GW_GROUP_REFUSED')
  assert.equal(send(report(6, [[4, 'ff0e::1', []]])), 'GW_GROUP_REFUSED')
  assert.equal(send(report(6, [[3, 'ff0e::1', []]])), '', 'to leave is always allowed')
  assert.equal(send(report(4, [[4, '224.0.0.251', []]])), '')
  assert.equal(send(report(6, [[4, 'ff02::1:ff00:5', []]])), '')
  assert.equal(send(message(6, [143, 0, 0, 0, 0, 0, 0, 0], { src: '::' })), '')
  assert.deepEqual(port.state.joined.list(), [])
  assert.equal(
    send(
      report(4, [
        [4, '232.1.1.1', []],
        [4, GROUP[4], []],
      ]),
    ),
    'GW_GROUP_REFUSED',
  )
  assert.deepEqual(heard(sled, port, GROUP[4]), [6, 7], 'what could be taken is')
  for (let i = 1; i < MOST_JOINED; i++) assert.equal(send(oldMessage(4, 0x16, `239.9.0.${i}`)), '')
  assert.equal(send(oldMessage(4, 0x16, '239.9.1.1')), 'GW_GROUP_REFUSED')
  assert.equal(send(oldMessage(4, 0x16, GROUP[4])), '', 'one that has been joined is not another one')
  const many = Array.from({ length: MOST_SOURCES + 1 }, (_, i) => `10.0.1.${i}`)
  assert.equal(send(report(4, [[4, GROUP[4], many]])), 'GW_GROUP_REFUSED')
  assert.equal(port.state.joined.list().length, MOST_JOINED)
  const closed = new SledFixture()
  const other = closed.addPort(config({ multicastPermitted: [] }))
  closed.send(other, report(4, [[4, GROUP[4], []]]))
  assert.equal(reasonOf(other), 'GW_GROUP_REFUSED')
})

test('messages that are malformed, spoofed, forged or in pieces join nothing', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const wrong = (bytes: Uint8Array): Uint8Array => {
    bytes[bytes.length - 1]! ^= 1
    return bytes
  }
  const join4 = (): Uint8Array => report(4, [[4, GROUP[4], []]])
  const join6 = (): Uint8Array => report(6, [[4, GROUP[6], []]])
  const body6 = [...Ip.of(GROUP[6]).bytes]
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [wrong(join4()), 'GW_GROUP_BAD'],
    [wrong(join6()), 'GW_GROUP_BAD'],
    [message(4, [0x22, 0, 0, 0, 0, 0, 0, 9, 4, 0, 0, 0, 239, 1, 2, 3]), 'GW_GROUP_BAD'],
    [message(4, [0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 255, 255, 239, 1, 2, 3]), 'GW_GROUP_BAD'],
    [message(4, [0x22, 0, 0, 0, 0, 0, 0, 1, 4, 9, 0, 0, 239, 1, 2, 3]), 'GW_GROUP_BAD'],
    [message(4, [0x11, 100, 0, 0, 0, 0, 0, 0]), 'GW_GROUP_BAD'],
    [message(4, [0x16, 0, 0, 0]), 'GW_GROUP_BAD'],
    [report(4, [[4, '10.0.0.1', []]]), 'GW_GROUP_BAD'],
    [message(6, [143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, ...body6], { src: 'fd12:3456:789a::5' }), 'GW_GROUP_BAD'],
    [message(6, [143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, ...body6], { hops: 2 }), 'GW_GROUP_BAD'],
    [message(6, [130, 0, 0, 0, 0, 0, 0, 0, ...new Uint8Array(20)]), 'GW_GROUP_BAD'],
    [message(4, [0x16, 0, 0, 0, 239, 1, 2, 3], { src: '172.30.0.6' }), 'GW_SPOOF_IP'],
  ]
  for (const [i, [bytes, code]] of cases.entries()) {
    assert.equal(sled.exchange(port, bytes), undefined)
    assert.equal(reasonOf(port), code, `${i}`)
  }
  const whole = frame({ src: '172.30.0.5', dst: '224.0.0.22', kind: 'other', protocol: 2, payload: join4().slice(-16) })
  assert.equal(port.explain(whole, 'out').verdict, 'hairpin')
  sled.send(port, fragmentsOf(whole, 8)[0]!)
  assert.match(reasonOf(port), /^(GW_GROUP_BAD|PARSE_FRAGMENT)$/)
  assert.deepEqual(port.state.joined.list(), [])
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('random and damaged reports never throw, and what is joined is permitted and within its bounds', () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const templates = [
    report(4, [
      [4, GROUP[4], [...SOURCE[4]]],
      [5, '239.1.2.4', ['10.0.0.1']],
    ]),
    report(6, [
      [4, GROUP[6], []],
      [6, 'ff05::7', [...SOURCE[6]]],
    ]),
    oldMessage(4, 0x16, GROUP[4]),
    oldMessage(6, 131, GROUP[6]),
  ]
  const flip = fc.record({ at: fc.nat({ max: 200 }), value: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(fc.nat({ max: 3 }), fc.array(flip, { maxLength: 5 }), fc.nat({ max: 200 }), (which, flips, cut) => {
      const bytes = templates[which]!.slice()
      const isV4 = bytes[ETHERNET_MIN]! >> 4 === 4
      const from = ETHERNET_MIN + (isV4 ? 24 : 48)
      for (const { at, value } of flips) if (at < bytes.length - from) bytes[from + at] = value
      // Right checksums, so that more than those is looked at.
      if (isV4) {
        bytes.set([0, 0], from + 2)
        bytes.set(u16(finishChecksum(sumBytes(bytes, from, bytes.length))), from + 2)
      } else fixTransportChecksum(bytes, ETHERNET_MIN, from, bytes.length)
      const { consumed, drops } = port.dump().counters
      sled.send(port, cut > 150 ? bytes.slice(0, cut - 100) : bytes)
      const after = port.dump().counters
      assert.equal(after.consumed + after.drops, consumed + drops + 1)
      const joined = port.state.joined.list()
      assert.ok(joined.length <= MOST_JOINED)
      for (const { group, sources } of joined) {
        assert.ok(PERMITTED.some((prefix) => prefix.contains(group)) && sources.length <= MOST_SOURCES)
      }
      assert.equal(sled.arena.freeSlots, sled.arena.slots)
    }),
    fuzzRuns(400),
  )
})

test('a guest that may join is asked at times, and what it does not report again is over', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(config())
  const closed = sled.addPort(peerConfig())
  const queries = async (ms: number): Promise<Uint8Array[]> => {
    await sled.clock.advance(ms)
    return sled.take(port)
  }
  const first = await queries(1100)
  assert.deepEqual(
    first.map((bytes) => look(bytes).dst),
    ['224.0.0.1', 'ff02::1'],
  )
  const [igmp, mld] = [first[0]!.slice(ETHERNET_MIN + 24), first[1]!.slice(ETHERNET_MIN + 48)]
  assert.equal(toHex(igmp.slice(0, 2)), '1164')
  assert.equal(finishChecksum(sumBytes(igmp, 0, igmp.length)), 0)
  assert.equal(toHex(igmp.slice(4)), '00000000027d0000')
  assert.equal(mld[0], 130)
  assert.ok(verifyTransportChecksum(first[1]!, ETHERNET_MIN, ETHERNET_MIN + 48, first[1]!.length))
  assert.deepEqual([...first.map((bytes) => toHex(bytes.slice(0, 6)))], ['01005e000001', '333300000001'])
  sled.send(port, report(4, [[4, GROUP[4], []]]))
  assert.equal((await queries(STARTUP_INTERVAL_MS + 1000)).length, 2)
  assert.equal((await queries(QUERY_INTERVAL_MS - 2000)).length, 0)
  assert.equal((await queries(3000)).length, 2)
  sled.send(port, report(4, [[2, GROUP[4], []]]))
  await queries(MEMBERSHIP_MS - 1000)
  assert.deepEqual(heard(sled, port, GROUP[4]), [6, 7])
  await queries(2000)
  assert.deepEqual(heard(sled, port, GROUP[4]), [])
  assert.equal(sled.take(closed).length, 0, 'who may join nothing is not asked')
})

test('a group that is not permitted any more is left, and one that is configured stays whatever the guest reports', () => {
  const sled = new SledFixture()
  const configured = { group: Ip.of(GROUP[4]), mode: 'exclude' as const, sources: [] }
  const port = sled.addPort(config({ multicast: [configured] }))
  sled.send(port, report(4, [[3, GROUP[4], []]]))
  assert.deepEqual(heard(sled, port, GROUP[4]), [6, 7])
  sled.send(port, report(6, [[4, GROUP[6], []]]))
  assert.deepEqual(heard(sled, port, GROUP[6]), [6, 7])
  const result = port.apply(config({ generation: 2, multicast: [configured], multicastPermitted: [PERMITTED[0]!] }))
  assert.deepEqual(result, { ok: true, generation: 2, changed: ['multicast'] })
  assert.deepEqual(heard(sled, port, GROUP[6]), [])
  for (const [prefix, isGood] of [
    ['239.0.0.0/8', true],
    ['ff00::/8', true],
    ['10.0.0.0/8', false],
    ['224.0.0.0/3', false],
  ] as const) {
    const error = port.check(config({ generation: 3, multicastPermitted: [Prefix.of(prefix)] }))
    assert.equal(error?.path, isGood ? undefined : 'multicastPermitted[0]')
  }
})

test('a neighbour on the same sled hears what the sender sends from the moment on that it has joined', async () => {
  const sled = new SledFixture()
  const sender = sled.addPort(config())
  const firewall = [{ id: 'a', name: 'a', direction: 'in', action: 'allow', priority: 1 }] as const
  const receiver = sled.addPort(peerConfig({ multicastPermitted: PERMITTED, firewall }))
  const toGroup = frame({
    etherDst: Mac.forMulticast(Ip.of(GROUP[6])),
    src: 'fd12:3456:789a::5',
    dst: GROUP[6],
    kind: 'udp',
  })
  sled.send(sender, toGroup)
  assert.equal(reasonOf(sender), 'OV_MCAST_NO_MEMBER')
  const join = oldMessage(6, 131, GROUP[6])
  join.set(PEER_MAC.bytes, 6)
  join.set(PEER_MAC.linkLocal().bytes, ETHERNET_MIN + 8)
  fixTransportChecksum(join, ETHERNET_MIN, ETHERNET_MIN + 48, join.length)
  sled.send(receiver, join)
  sled.send(sender, toGroup)
  await sled.settle()
  assert.equal(sled.take(receiver).length, 1)
})
