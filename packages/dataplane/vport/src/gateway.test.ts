import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac, Prefix } from '@lodestone/net'
import {
  ARP_MIN,
  DHCP_MIN,
  Dhcp6Option,
  Dhcp6Type,
  DhcpMessageType,
  DhcpOptionCode,
  dhcpYiaddr,
  ETHERNET_MIN,
  EtherType,
  fixTransportChecksum,
  linkLayerDuid,
  readArp,
  readDhcp6,
  readDhcpOptions,
  readNdpOptions,
  setIpv6HopLimit,
  writeArp,
  writeDhcp,
  writeDhcp6,
  writeDhcpOptions,
  writeEthernet,
} from '@lodestone/packet'
import { encapsulated, frame, look } from './frame-fixture.ts'
import { GATEWAY_LINK_LOCAL, GATEWAY_MAC } from './gateway/gateway-address.ts'
import type { PortConfig } from './port-config.ts'
import { GUEST_MAC, PEER_MAC, portConfig, SledFixture, toHex } from './sled-fixture.ts'
import type { VirtualPort } from './virtual-port.ts'

const DHCP_AT = ETHERNET_MIN + 20 + 8
const OWN6 = 'fd12:3456:789a::5'
const LINK_LOCAL = GUEST_MAC.linkLocal().toString()

async function ask(sled: SledFixture, port: VirtualPort, request: Uint8Array): Promise<Uint8Array | undefined> {
  sled.send(port, request)
  await sled.settle()
  assert.equal(sled.takeSent().length, 0, 'nothing of it leaves the sled')
  return sled.take(port)[0]
}

function reasonOf(port: VirtualPort): string | undefined {
  return port.recentDrops().at(-1)?.reason.code
}

interface ArpFields {
  readonly operation?: number
  readonly dst?: Mac
  readonly sender?: string
  readonly senderMac?: Mac
}

function arp(target: string, fields: ArpFields = {}): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_MIN + ARP_MIN)
  writeEthernet(bytes, 0, { dst: (fields.dst ?? Mac.broadcast).bytes, src: GUEST_MAC.bytes, etherType: EtherType.arp })
  writeArp(bytes, ETHERNET_MIN, {
    operation: fields.operation ?? 1,
    senderMac: (fields.senderMac ?? GUEST_MAC).bytes,
    senderIp: Ip.of(fields.sender ?? '172.30.0.5').word(0),
    targetIp: Ip.of(target).word(0),
  })
  return bytes
}

test('ARP for the gateway is answered with its MAC, by broadcast or unicast; ARP for others is silence', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  for (const dst of [Mac.broadcast, GATEWAY_MAC]) {
    const reply = readArp((await ask(sled, port, arp('172.30.0.1', { dst })))!, ETHERNET_MIN)
    assert.equal(toHex(reply.senderMac), toHex(GATEWAY_MAC.bytes))
    assert.deepEqual([reply.operation, reply.senderIp], [2, Ip.of('172.30.0.1').word(0)])
    assert.equal(toHex(reply.targetMac), toHex(GUEST_MAC.bytes))
  }
  assert.equal(await ask(sled, port, arp('172.30.0.6')), undefined)
  assert.equal(reasonOf(port), 'GW_ARP_OTHER')
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('a guest that announces its own addresses does right: consumed and counted; announcing another’s is a spoof', async () => {
  const transit = { prefix: Prefix.of('10.2.0.0/16'), allowIn: true, allowOut: true }
  const transit6 = { prefix: Prefix.of('fd77::/64'), allowIn: true, allowOut: true }
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ transitIps: [transit, transit6] }))
  const probe = (target: string): Uint8Array => neighborMessage(135, '::', 'ff02::1:ff00:5', Ip.of(target).bytes)
  const advert = (target: string, src = LINK_LOCAL): Uint8Array =>
    neighborMessage(136, src, 'ff02::1', Uint8Array.of(...Ip.of(target).bytes, 2, 1, ...GUEST_MAC.bytes))
  const right = [
    arp('172.30.0.5'),
    arp('172.30.0.5', { operation: 2 }),
    arp('172.30.0.1', { operation: 2, dst: GATEWAY_MAC }),
    arp('172.30.0.5', { sender: '0.0.0.0' }),
    arp('10.2.3.4', { sender: '10.2.3.4' }),
    probe(OWN6),
    probe(LINK_LOCAL),
    probe('fe80::1234:5678'),
    probe('fd77::9'),
    advert(OWN6),
    advert(OWN6, OWN6),
    advert(LINK_LOCAL),
    advert('fd77::9'),
  ]
  for (const [i, bytes] of right.entries()) {
    assert.equal(port.explain(bytes, 'out').verdict, 'hairpin', `${i}`)
    assert.equal(await ask(sled, port, bytes), undefined)
  }
  assert.deepEqual(port.dump().drops, [])
  assert.deepEqual([port.dump().counters.consumed, port.dump().counters.hairpins], [right.length, right.length])
  const wrong: [Uint8Array, string][] = [
    [arp('172.30.0.6', { sender: '172.30.0.6' }), 'GW_SPOOF_IP'],
    [arp('172.30.0.1', { sender: '172.30.0.1' }), 'GW_SPOOF_IP'],
    [arp('172.30.0.5', { sender: '172.30.0.6', operation: 2 }), 'GW_SPOOF_IP'],
    [arp('172.30.0.5', { senderMac: PEER_MAC }), 'GW_SPOOF_MAC'],
    [arp('172.30.0.6', { sender: '0.0.0.0' }), 'GW_ARP_OTHER'],
    [advert('fd12:3456:789a::6'), 'GW_SPOOF_IP'],
    [advert('fd12:3456:789a::1'), 'GW_SPOOF_IP'],
    [advert(GATEWAY_LINK_LOCAL.toString()), 'GW_SPOOF_IP'],
    [probe('fd12:3456:789a::6'), 'GW_NDP_OTHER'],
    [neighborMessage(136, OWN6, 'ff02::1', Ip.of(OWN6).bytes, 64), 'GW_NDP_OTHER'],
    [neighborMessage(136, OWN6, 'ff02::1', Ip.of(OWN6).bytes.slice(0, 8)), 'GW_NDP_OTHER'],
  ]
  for (const [i, [bytes, code]] of wrong.entries()) {
    assert.equal(port.explain(bytes, 'out').reason?.code, code, `${i}`)
    assert.equal(await ask(sled, port, bytes), undefined)
    assert.equal(reasonOf(port), code, `${i}`)
  }
  assert.equal(port.dump().counters.consumed, right.length)
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

interface DhcpRequest {
  readonly type: number
  readonly src?: string
  readonly dst?: string
  readonly ciaddr?: string
  readonly flags?: number
  readonly options?: readonly [number, Uint8Array][]
  readonly mac?: Mac
}

function dhcp(request: DhcpRequest): Uint8Array {
  const payload = new Uint8Array(DHCP_MIN + 80)
  writeDhcp(payload, 0, {
    op: 1,
    hardwareType: 1,
    hardwareLength: 6,
    xid: 0xabcdef01,
    flags: request.flags ?? 0,
    ciaddr: request.ciaddr === undefined ? 0 : Ip.of(request.ciaddr).word(0),
    chaddr: new Uint8Array([...(request.mac ?? GUEST_MAC).bytes, ...new Uint8Array(10)]),
    cookie: 0x63825363,
  })
  const options = new Map([
    [DhcpOptionCode.messageType as number, new Uint8Array([request.type])],
    ...(request.options ?? []),
  ])
  writeDhcpOptions(payload, DHCP_MIN, options)
  const isRenewal = request.src !== undefined
  return frame({
    etherDst: isRenewal ? GATEWAY_MAC : Mac.broadcast,
    src: request.src ?? '0.0.0.0',
    dst: request.dst ?? '255.255.255.255',
    kind: 'udp',
    srcPort: 68,
    dstPort: 67,
    payload,
  })
}

function optionsOf(reply: Uint8Array): Map<number, Uint8Array> {
  return readDhcpOptions(reply, DHCP_AT + DHCP_MIN, reply.length)!
}

test('DHCP offers the address as a /32 with routes that put the gateway on the link', async () => {
  const sled = new SledFixture()
  const config: PortConfig = portConfig()
  const port = sled.addPort({ ...config, dhcp: { ...config.dhcp, searchDomains: ['a.example', 'b'] } })
  const offer = (await ask(sled, port, dhcp({ type: DhcpMessageType.discover })))!
  assert.equal(dhcpYiaddr(offer, DHCP_AT), Ip.of('172.30.0.5').word(0))
  assert.deepEqual([look(offer).src, look(offer).dst, look(offer).isChecksumRight], ['172.30.0.1', '172.30.0.5', true])
  const options = optionsOf(offer)
  const expected: [number, string][] = [
    [DhcpOptionCode.messageType, '02'],
    [DhcpOptionCode.leaseTimeS, '00015180'],
    [DhcpOptionCode.subnetMask, 'ffffffff'],
    [DhcpOptionCode.router, 'ac1e0001'],
    [DhcpOptionCode.serverId, 'ac1e0001'],
    [DhcpOptionCode.classlessRoutes, '20ac1e00010000000000ac1e0001'],
    [DhcpOptionCode.dns, '0909090901010101'],
    [DhcpOptionCode.hostName, '77656231'],
    [DhcpOptionCode.domainName, '696e7465726e616c'],
    [DhcpOptionCode.interfaceMtu, '05dc'],
    [DhcpOptionCode.domainSearch, '0161076578616d706c6500016200'],
    [DhcpOptionCode.renewalTimeS, '0000a8c0'],
    [DhcpOptionCode.rebindingTimeS, '00012750'],
  ]
  for (const [code, value] of expected) assert.equal(toHex(options.get(code)), value, `option ${code}`)
  assert.equal(options.size, expected.length)
})

test('the parameter request list chooses the options and their order', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const wanted = new Uint8Array([DhcpOptionCode.dns, DhcpOptionCode.subnetMask, 200])
  const offer = (await ask(
    sled,
    port,
    dhcp({ type: DhcpMessageType.discover, options: [[DhcpOptionCode.parameterRequestList, wanted]] }),
  ))!
  assert.deepEqual(
    [...optionsOf(offer).keys()],
    [
      DhcpOptionCode.messageType,
      DhcpOptionCode.serverId,
      DhcpOptionCode.leaseTimeS,
      DhcpOptionCode.dns,
      DhcpOptionCode.subnetMask,
    ],
  )
})

test('DHCP acknowledges its own address, refuses others, and leaves other servers’ clients alone', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const request = (address: string, server: string): Uint8Array =>
    dhcp({
      type: DhcpMessageType.request,
      options: [
        [DhcpOptionCode.requestedAddress, Ip.of(address).bytes],
        [DhcpOptionCode.serverId, Ip.of(server).bytes],
      ],
    })
  const type = (reply: Uint8Array | undefined): number | undefined => reply && optionsOf(reply).get(53)![0]
  assert.equal(type(await ask(sled, port, request('172.30.0.5', '172.30.0.1'))), DhcpMessageType.ack)
  const nak = (await ask(sled, port, request('172.30.0.9', '172.30.0.1')))!
  assert.equal(type(nak), DhcpMessageType.nak)
  assert.equal(look(nak).dst, '255.255.255.255')
  assert.equal(toHex(nak.slice(0, 6)), 'ffffffffffff')
  assert.equal(await ask(sled, port, request('172.30.0.5', '192.0.2.1')), undefined)
  assert.equal(reasonOf(port), 'GW_DHCP_BAD')
})

test('a DHCP renewal by unicast is answered and is no spoofing', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const renewal = dhcp({ type: DhcpMessageType.request, src: '172.30.0.5', dst: '172.30.0.1', ciaddr: '172.30.0.5' })
  const ack = (await ask(sled, port, renewal))!
  assert.equal(optionsOf(ack).get(53)![0], DhcpMessageType.ack)
  assert.equal(look(ack).dst, '172.30.0.5')
  assert.equal(port.dump().counters.drops, 0)
})

test('DHCP messages that are cut, for another client, or from a server are dropped with a reason', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  for (const bad of [
    dhcp({ type: DhcpMessageType.discover, mac: PEER_MAC }),
    dhcp({ type: DhcpMessageType.offer }),
    frame({
      src: '0.0.0.0',
      dst: '255.255.255.255',
      kind: 'udp',
      srcPort: 68,
      dstPort: 67,
      payload: new Uint8Array(30),
    }),
  ]) {
    assert.equal(await ask(sled, port, bad), undefined)
    assert.equal(reasonOf(port), 'GW_DHCP_BAD')
  }
  assert.equal(await ask(sled, port, dhcp({ type: DhcpMessageType.release })), undefined)
  assert.equal(sled.arena.freeSlots, sled.arena.slots)
})

test('the gateway answers pings to its addresses of both families', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const payload = new Uint8Array([1, 2, 3, 4, 5])
  const pings: [string, string][] = [
    ['172.30.0.5', '172.30.0.1'],
    [OWN6, 'fd12:3456:789a::1'],
    [OWN6, GATEWAY_LINK_LOCAL.toString()],
    [LINK_LOCAL, GATEWAY_LINK_LOCAL.toString()],
  ]
  for (const [src, dst] of pings) {
    const reply = (await ask(sled, port, frame({ src, dst, kind: 'icmp', identifier: 99, payload })))!
    const view = look(reply)
    assert.deepEqual([view.src, view.dst, view.srcPort, view.isChecksumRight], [dst, src, 99, true])
    assert.equal(toHex(reply.slice(-5)), '0102030405')
  }
})

function neighborMessage(type: number, src: string, dst: string, body: Uint8Array, hopLimit = 255): Uint8Array {
  const bytes = frame({ etherDst: Mac.of('33:33:00:00:00:02'), src, dst, kind: 'icmp', type, rest: 0, payload: body })
  setIpv6HopLimit(bytes, ETHERNET_MIN, hopLimit)
  fixTransportChecksum(bytes, ETHERNET_MIN, ETHERNET_MIN + 40, bytes.length)
  return bytes
}

test('a router solicitation gets an advertisement: managed, no prefix, the MTU', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  for (const src of [LINK_LOCAL, '::']) {
    const reply = (await ask(sled, port, neighborMessage(133, src, 'ff02::2', new Uint8Array(0))))!
    const view = look(reply)
    assert.deepEqual(
      [view.src, view.dst, view.isChecksumRight],
      [GATEWAY_LINK_LOCAL.toString(), src === '::' ? 'ff02::1' : src, true],
    )
    const message = ETHERNET_MIN + 40
    assert.deepEqual([reply[ETHERNET_MIN + 7], reply[message], reply[message + 5]! & 0x80], [255, 134, 0x80])
    assert.equal((reply[message + 6]! << 8) | reply[message + 7]!, 9000)
    assert.deepEqual(readNdpOptions(reply, message + 16, reply.length), [
      { kind: 'sourceLinkLayer', mac: GATEWAY_MAC.bytes },
      { kind: 'mtu', mtu: 1500 },
    ])
  }
})

test('neighbour solicitations: the gateway’s addresses are answered, others are not, a low hop limit is not', async () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const solicit = (target: string, src: string, hopLimit = 255): Uint8Array =>
    neighborMessage(135, src, 'ff02::1:ff77:7777', Ip.of(target).bytes, hopLimit)
  const cases: [string, string, number, boolean][] = [
    [GATEWAY_LINK_LOCAL.toString(), LINK_LOCAL, 255, true],
    ['fd12:3456:789a::1', OWN6, 255, true],
    [GATEWAY_LINK_LOCAL.toString(), '::', 255, true],
    ['fd12:3456:789a::6', OWN6, 255, false],
    [GATEWAY_LINK_LOCAL.toString(), LINK_LOCAL, 64, false],
  ]
  for (const [target, src, hopLimit, isAnswered] of cases) {
    const reply = await ask(sled, port, solicit(target, src, hopLimit))
    assert.equal(reply !== undefined, isAnswered, `${src} asks for ${target}`)
    if (reply === undefined) {
      assert.equal(reasonOf(port), 'GW_NDP_OTHER')
      continue
    }
    const flags = reply[ETHERNET_MIN + 40 + 4]!
    assert.equal(flags, src === '::' ? 0xa0 : 0xe0, 'router and override, solicited unless the asker is unknown')
    assert.deepEqual([look(reply).src, look(reply).isChecksumRight], [target, true])
  }
})

test('other neighbour discovery neither leaves the guest nor reaches it', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(
    portConfig({ firewall: [{ id: 'a', name: 'a', direction: 'in', action: 'allow', priority: 1 }] }),
  )
  for (const type of [134, 137]) {
    assert.equal(await ask(sled, port, neighborMessage(type, OWN6, 'ff02::1', new Uint8Array(32))), undefined)
    assert.equal(reasonOf(port), 'GW_NDP_OTHER')
    const inner = frame({
      etherDst: GUEST_MAC,
      src: 'fd12:3456:789a::6',
      dst: OWN6,
      kind: 'icmp',
      type,
      payload: new Uint8Array(32),
    })
    sled.receive(encapsulated(inner))
    assert.equal(sled.take(port).length, 0)
    assert.equal(reasonOf(port), 'GW_NDP_OTHER')
  }
})

function dhcp6(type: number, options: [number, Uint8Array][]): Uint8Array {
  const payload = writeDhcp6(type, 0x010203, options)
  return frame({
    etherDst: Mac.of('33:33:00:01:00:02'),
    src: LINK_LOCAL,
    dst: 'ff02::1:2',
    kind: 'udp',
    srcPort: 546,
    dstPort: 547,
    payload,
  })
}

test('DHCPv6: solicit, advertise, request, reply, with rapid commit in one step', async () => {
  const sled = new SledFixture()
  const port = sled.addPort(portConfig({ dhcp: { dns: [Ip.of('2001:db8::53')] } }))
  const clientId: [number, Uint8Array] = [Dhcp6Option.clientId, linkLayerDuid(GUEST_MAC.bytes)]
  const association: [number, Uint8Array] = [Dhcp6Option.iaNa, new Uint8Array([0, 0, 0, 9, ...new Uint8Array(8)])]
  const elapsed: [number, Uint8Array] = [Dhcp6Option.elapsedTime, new Uint8Array(2)]
  const read = (reply: Uint8Array | undefined): ReturnType<typeof readDhcp6> => {
    assert.ok(reply !== undefined && look(reply).isChecksumRight)
    return readDhcp6(reply, ETHERNET_MIN + 40 + 8, reply.length)
  }
  const advertise = read(await ask(sled, port, dhcp6(Dhcp6Type.solicit, [clientId, elapsed, association])))!
  assert.deepEqual([advertise.type, advertise.transaction], [Dhcp6Type.advertise, 0x010203])
  const serverId = advertise.options.get(Dhcp6Option.serverId)![0]!
  assert.equal(toHex(serverId), `00030001${toHex(GATEWAY_MAC.bytes)}`)
  const expected = `00000009ffffffffffffffff00050018${toHex(Ip.of(OWN6).bytes)}ffffffffffffffff`
  assert.equal(toHex(advertise.options.get(Dhcp6Option.iaNa)?.[0]), expected)
  assert.equal(toHex(advertise.options.get(Dhcp6Option.dns)?.[0]), toHex(Ip.of('2001:db8::53').bytes))
  const request = dhcp6(Dhcp6Type.request, [clientId, [Dhcp6Option.serverId, serverId], association])
  assert.equal(read(await ask(sled, port, request))!.type, Dhcp6Type.reply)
  const rapid = read(
    await ask(
      sled,
      port,
      dhcp6(Dhcp6Type.solicit, [clientId, association, [Dhcp6Option.rapidCommit, new Uint8Array(0)]]),
    ),
  )!
  assert.deepEqual([rapid.type, rapid.options.has(Dhcp6Option.rapidCommit)], [Dhcp6Type.reply, true])
  for (const bad of [
    dhcp6(Dhcp6Type.solicit, [association]),
    dhcp6(Dhcp6Type.solicit, [clientId, [Dhcp6Option.serverId, serverId]]),
    dhcp6(Dhcp6Type.request, [clientId, association]),
    dhcp6(Dhcp6Type.reply, [clientId]),
  ]) {
    assert.equal(await ask(sled, port, bad), undefined)
    assert.equal(reasonOf(port), 'GW_DHCP_BAD')
  }
})

test('a guest sends from its own MAC and addresses only, in the flow cache too', () => {
  const sled = new SledFixture()
  const port = sled.addPort()
  const good = { src: '172.30.0.5', dst: '203.0.113.9', kind: 'udp' } as const
  assert.notEqual(sled.exchange(port, frame(good)), undefined)
  assert.equal(sled.exchange(port, frame({ ...good, etherSrc: PEER_MAC })), undefined)
  assert.equal(reasonOf(port), 'GW_SPOOF_MAC')
  for (const src of ['172.30.0.6', '1.2.3.4', '0.0.0.0', 'fd12:3456:789a::6']) {
    const dst = src.includes(':') ? 'fd12:3456:789a::7' : '203.0.113.9'
    assert.equal(sled.exchange(port, frame({ ...good, src, dst })), undefined)
    assert.equal(reasonOf(port), 'GW_SPOOF_IP', src)
  }
})

test('transit IPs open the gateway for their prefix, per direction', () => {
  const sled = new SledFixture()
  const firewall = [{ id: 'a', name: 'a', direction: 'in', action: 'allow', priority: 1 }] as const
  const port = sled.addPort(
    portConfig({
      firewall,
      transitIps: [
        { prefix: Prefix.of('10.1.0.0/16'), allowIn: true, allowOut: false },
        { prefix: Prefix.of('10.2.0.0/16'), allowIn: false, allowOut: true },
      ],
    }),
  )
  const out = (src: string): boolean =>
    sled.exchange(port, frame({ src, dst: '172.30.0.6', kind: 'udp' })) !== undefined
  const into = (dst: string): boolean => {
    sled.receive(encapsulated(frame({ etherDst: GUEST_MAC, src: '172.30.0.6', dst, kind: 'udp', srcPort: 9 })))
    return sled.take(port).length === 1
  }
  assert.deepEqual([out('10.1.2.3'), out('10.2.2.3'), into('10.1.2.3'), into('10.2.2.3')], [false, true, true, false])
})
