import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import {
  DHCP_MIN,
  dhcpCiaddr,
  DhcpMessageType,
  DhcpOptionCode,
  dhcpXid,
  readDhcpOptions,
  writeDhcp,
  writeDhcpOptions,
} from '@lodestone/packet'
import type { Netstack } from '../netstack.ts'
import { TestNetwork } from '../test-network.ts'
import { DhcpClient } from './dhcp-client.ts'
import { decodeReply, decodeRoutes, encodeRoutes } from './message.ts'

const GATEWAY = Ip.of('172.30.0.1')
const GUEST = Ip.of('172.30.0.5')

interface Script {
  /** What to answer; undefined stays silent. */
  answer(type: number, options: ReadonlyMap<number, Uint8Array>, message: Uint8Array): number | undefined
  readonly options: ReadonlyMap<number, Uint8Array>
  readonly address: Ip
}

/** A server that answers as scripted, from the gateway's address. */
function serve(network: TestNetwork, server: Netstack, script: Script): string[] {
  const log: string[] = []
  const names = ['', 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release']
  void server.bindUdp({ port: 67 }, ({ payload, remoteAddress }) => {
    const options = readDhcpOptions(payload, DHCP_MIN, payload.length)!
    const type = options.get(DhcpOptionCode.messageType)![0]!
    const ciaddr = dhcpCiaddr(payload, 0)
    log.push(`${network.clock.nowMs()} ${names[type]} from ${remoteAddress}${ciaddr === 0 ? '' : ' with address'}`)
    const answer = script.answer(type, options, payload)
    if (answer === undefined) return
    const reply = new Uint8Array(600)
    writeDhcp(reply, 0, {
      op: 2,
      xid: dhcpXid(payload, 0),
      yiaddr: answer === DhcpMessageType.nak ? 0 : script.address.word(0),
      chaddr: payload.slice(28, 44),
    })
    writeDhcpOptions(reply, DHCP_MIN, new Map([[DhcpOptionCode.messageType, Uint8Array.of(answer)], ...script.options]))
    const iface = server.interface('vport')!
    // To a host that has no address yet, as broadcast; else to its address.
    const to = ciaddr === 0 ? Ip.v4(0xffffffff) : Ip.v4(ciaddr)
    const on = ciaddr === 0 ? iface : undefined
    server.batch(() => server.stack.udp.sendFrom(GATEWAY, 67, to, 68, reply, 64, on))
  })
  return log
}

const answerAll: Script['answer'] = (type) =>
  type === DhcpMessageType.discover ? DhcpMessageType.offer : DhcpMessageType.ack

function gatewayOptions(leaseS = 86_400): ReadonlyMap<number, Uint8Array> {
  const lease = new Uint8Array(4)
  new DataView(lease.buffer).setUint32(0, leaseS)
  return new Map([
    [DhcpOptionCode.subnetMask, Uint8Array.of(255, 255, 255, 255)],
    [DhcpOptionCode.router, GATEWAY.bytes],
    [DhcpOptionCode.dns, Uint8Array.of(1, 1, 1, 1, 9, 9, 9, 9)],
    [DhcpOptionCode.hostName, Buffer.from('web1')],
    [DhcpOptionCode.leaseTimeS, lease],
    [DhcpOptionCode.serverId, GATEWAY.bytes],
    [
      DhcpOptionCode.classlessRoutes,
      encodeRoutes([
        { prefix: Prefix.of('0.0.0.0/0'), via: GATEWAY },
        { prefix: Prefix.host(GATEWAY), via: undefined },
      ]),
    ],
  ])
}

function lab(script: Script) {
  const network = new TestNetwork()
  const guest = network.host('guest')
  const gateway = network.host('gateway', { forwarding: true })
  const link = network.join(guest, 'nic0', [], gateway, 'vport', [`${GATEWAY}/24`], { delayMs: 1 })
  const log = serve(network, gateway, script)
  return { network, guest, gateway, link, log }
}

describe('DhcpClient', () => {
  test('takes a /32 lease whose gateway is on the link by option 121, and reaches beyond it', async () => {
    const { network, guest, gateway, log } = lab({ answer: answerAll, options: gatewayOptions(), address: GUEST })
    gateway.addLoopbackAddress(Ip.of('8.8.8.8'))
    const client = new DhcpClient({ network: guest, interface: 'nic0', hostName: 'guest' })
    await network.clock.advance(20)
    assert.equal(client.state, 'bound')
    assert.deepEqual(log, ['1 discover from 0.0.0.0', '3 request from 0.0.0.0'])
    assert.ok(guest.interface('nic0')!.prefixes.some((prefix) => prefix.toString() === '172.30.0.5/32'))
    assert.deepEqual(
      guest
        .routes()
        .filter((route) => route.origin === 'configured')
        .map((route) => `${route.prefix} ${route.nextHops[0]!.via ?? 'on link'}`),
      ['0.0.0.0/0 172.30.0.1', '172.30.0.1/32 on link'],
    )
    assert.deepEqual(client.lease!.dns.map(String), ['1.1.1.1', '9.9.9.9'])
    assert.equal(client.lease!.hostName, 'web1')
    assert.equal((await network.clock.run(guest.ping('8.8.8.8')))[0]!.outcome, 'reply')
    client.close()
    assert.equal(await network.leaked(), 0)
  })

  test('renews with the server at half the lease, asks everybody at seven eighths, and lets go at the end', async () => {
    let isSilent = false
    const { network, guest, log } = lab({
      answer: (type, options, message) => (isSilent ? undefined : answerAll(type, options, message)),
      options: gatewayOptions(1000),
      address: GUEST,
    })
    const client = new DhcpClient({ network: guest, interface: 'nic0' })
    await network.clock.advance(10)
    await network.clock.advance(500_000)
    assert.equal(client.state, 'bound')
    assert.match(log.at(-1)!, /^50000\d(\.\d+)? request from 172\.30\.0\.5 with address$/)
    isSilent = true
    await network.clock.advance(500_000)
    assert.equal(client.state, 'renewing')
    await network.clock.advance(370_000)
    assert.equal(client.state, 'renewing')
    await network.clock.advance(10_000)
    assert.equal(client.state, 'rebinding', '875 s after the renewal')
    await network.clock.advance(70_000)
    assert.equal(guest.interface('nic0')!.addresses.filter((ip) => ip.family === 4).length, 1)
    await network.clock.advance(100_000)
    assert.equal(client.state, 'selecting')
    assert.equal(guest.interface('nic0')!.addresses.filter((ip) => ip.family === 4).length, 0)
    assert.equal(guest.lookup(Ip.of('8.8.8.8')), undefined)
    isSilent = false
    await network.clock.advance(70_000)
    assert.equal(client.state, 'bound')
  })

  test('a NAK starts over', async () => {
    let naks = 1
    const { network, guest, log } = lab({
      answer: (type) => {
        if (type === DhcpMessageType.discover) return DhcpMessageType.offer
        return naks-- > 0 ? DhcpMessageType.nak : DhcpMessageType.ack
      },
      options: gatewayOptions(),
      address: GUEST,
    })
    const client = new DhcpClient({ network: guest, interface: 'nic0' })
    await network.clock.advance(100)
    assert.equal(client.state, 'bound')
    assert.deepEqual(
      log.map((line) => line.split(' ')[1]),
      ['discover', 'request', 'discover', 'request'],
    )
  })

  test('an address that is released is told to its server and taken off the interface, until one is asked for again', async () => {
    const { network, guest, log } = lab({
      answer: (type) => (type === DhcpMessageType.release ? undefined : answerAll(type, new Map(), new Uint8Array())),
      options: gatewayOptions(),
      address: GUEST,
    })
    const client = new DhcpClient({ network: guest, interface: 'nic0' })
    await network.clock.advance(100)
    assert.equal(client.state, 'bound')
    client.release()
    await network.clock.advance(10_000)
    assert.match(log.at(-1)!, /^\d+ release from 172\.30\.0\.5 with address$/)
    assert.equal(client.state, 'init')
    assert.equal(client.lease, undefined)
    assert.ok(!guest.interface('nic0')!.addresses.some((ip) => ip.equals(GUEST)))
    assert.equal(guest.lookup(Ip.of('198.51.100.1')), undefined)
    client.release()
    await network.clock.advance(100)
    assert.equal(log.filter((line) => line.includes('release')).length, 1, 'once')
    client.renew()
    await network.clock.advance(100)
    assert.equal(client.state, 'bound')
  })

  test('asks again after 1, 2, 4 … 64 s until somebody answers', async () => {
    const { network, guest, log } = lab({ answer: () => undefined, options: new Map(), address: GUEST })
    const client = new DhcpClient({ network: guest, interface: 'nic0' })
    await network.clock.advance(200_000)
    assert.deepEqual(
      log.map((line) => Math.floor(Number(line.split(' ')[0]) / 1000)),
      [0, 1, 3, 7, 15, 31, 63, 127, 191],
    )
    client.close()
  })

  test('the router option alone makes a default route, with a neighbor route for a /32', async () => {
    const options = new Map(gatewayOptions())
    options.delete(DhcpOptionCode.classlessRoutes)
    const { network, guest } = lab({ answer: answerAll, options, address: GUEST })
    const client = new DhcpClient({ network: guest, interface: 'nic0' })
    await network.clock.advance(20)
    assert.deepEqual(
      client.lease!.routes.map((route) => `${route.prefix} ${route.via ?? 'on link'}`),
      ['172.30.0.1/32 on link', '0.0.0.0/0 172.30.0.1'],
    )
  })

  test('answers for others, malformed routes and random bytes are ignored', () => {
    const network = new TestNetwork()
    assert.equal(decodeRoutes(Uint8Array.of(33, 1, 2, 3, 4, 5, 6, 7, 8, 9)), undefined)
    assert.equal(decodeRoutes(Uint8Array.of(24, 10, 0, 0, 1, 2, 3)), undefined)
    assert.deepEqual(decodeRoutes(new Uint8Array(0)), [])
    for (let length = 0; length < 400; length += 7) {
      assert.equal(decodeReply(network.random.bytes(length), network.mac()), undefined)
    }
  })
})
