import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Datagram } from '@lodestone/host'
import { Ip, Mac, Prefix } from '@lodestone/net'
import { ipv4Ttl, summarize } from '@lodestone/packet'
import type { StoryEvent } from '@lodestone/probe'
import type { Netstack } from './netstack.ts'
import { pairOfHosts, TestNetwork } from './test-network.ts'

describe('echo', () => {
  test('answers over both families, resolving the neighbor once', async () => {
    const { network, left, link } = pairOfHosts({ delayMs: 2 })
    await network.clock.advance(100) // the announcements of the new addresses have passed
    const [first] = await network.clock.run(left.ping('10.0.0.2'))
    assert.deepEqual([first!.outcome, first!.roundTripMs, first!.hopLimit], ['reply', 8, 64])
    const [second] = await network.clock.run(left.ping('10.0.0.2'))
    assert.equal(second!.roundTripMs, 4)
    for (const address of ['fd00::2', `${Mac.fromNumber(0x020000000002).linkLocal()}%nic0`]) {
      const results = await network.clock.run(left.ping(address, { count: 3, intervalMs: 10 }))
      assert.deepEqual(
        results.map((result) => result.outcome),
        ['reply', 'reply', 'reply'],
      )
    }
    assert.deepEqual(link.counters('a-to-b').drops, {})
    assert.equal(await network.leaked(), 0)
  })

  test('says when nobody answers, when nobody is there, and when there is no way', async () => {
    const { network, left, link } = pairOfHosts()
    assert.equal((await network.clock.run(left.ping('192.0.2.1')))[0]!.outcome, 'unreachable')
    assert.equal((await network.clock.run(left.ping('10.0.0.77', { timeoutMs: 5000 })))[0]!.outcome, 'unreachable')
    await network.clock.run(left.ping('10.0.0.2'))
    link.configure({ loss: 1 })
    assert.equal((await network.clock.run(left.ping('10.0.0.2', { timeoutMs: 500 })))[0]!.outcome, 'timeout')
    assert.equal(left.counters()['NS_NEIGHBOR_UNREACHABLE'], 1)
  })
})

describe('neighbors', () => {
  test('a dump shows who is where, and entries age into asking again', async () => {
    const { network, left, right } = pairOfHosts()
    await network.clock.run(left.ping('10.0.0.2'))
    await network.clock.run(left.ping('fd00::2'))
    const mac = right.interface('nic0')!.macText
    assert.deepEqual(
      left.neighbors().filter((entry) => entry.state === 'reachable'),
      [
        { interface: 'nic0', address: Ip.of('10.0.0.2'), mac, state: 'reachable', isRouter: false },
        { interface: 'nic0', address: Ip.of('fd00::2'), mac, state: 'reachable', isRouter: false },
      ],
    )
    await network.clock.advance(31_000)
    await network.clock.run(left.ping('10.0.0.2'))
    assert.equal(left.neighbors()[0]!.state, 'delay')
    await network.clock.advance(5001)
    assert.equal(left.neighbors()[0]!.state, 'reachable')
  })

  test('a neighbor that moved to another MAC is found again', async () => {
    const { network, left, right, link } = pairOfHosts()
    await network.clock.run(left.ping('10.0.0.2'))
    right.close()
    const other = network.host('other')
    other.addInterface({ name: 'nic0', port: link.b, mac: Mac.of('02:00:00:00:00:99') })
    await network.clock.advance(10)
    other.interface('nic0')!.addAddress(Prefix.of('10.0.0.2/24')) // announces itself
    await network.clock.advance(10)
    assert.equal((await network.clock.run(left.ping('10.0.0.2')))[0]!.outcome, 'reply')
  })

  test('a neighbor is found without a packet for it, and whoever watches hears of answers, changes and losses', async () => {
    const { network, left, right, link } = pairOfHosts()
    await network.clock.advance(10)
    const heard: string[] = []
    const unsubscribe = left.onNeighbor((name, ip, mac) => heard.push(`${name} ${ip} ${mac ?? 'gone'}`))
    const mac = right.interface('nic0')!.macText
    left.resolve('nic0', Ip.of('10.0.0.2'))
    await network.clock.advance(10)
    left.resolve('nic0', Ip.of('10.0.0.2'))
    assert.deepEqual(heard, [`nic0 10.0.0.2 ${mac}`, `nic0 10.0.0.2 ${mac}`])
    left.resolve('nic0', Ip.of('10.0.0.99'))
    await network.clock.advance(4000)
    assert.equal(heard.at(-1), 'nic0 10.0.0.99 gone')
    link.setUp(false)
    assert.equal(heard.at(-1), 'nic0 10.0.0.2 gone')
    unsubscribe()
    assert.throws(() => left.resolve('nic9', Ip.of('10.0.0.2')), /no interface nic9/)
  })

  test('packets that wait for a neighbor are bounded and accounted for', async () => {
    const { network, left } = pairOfHosts()
    const socket = await left.bindUdp({ port: 0 }, () => undefined)
    for (let i = 0; i < 100; i++) socket.send(new Uint8Array(10), '10.0.0.50', 9)
    assert.equal(left.counters()['NS_NEIGHBOR_QUEUE'], 84)
    await network.clock.advance(5000)
    assert.equal(left.counters()['NS_NEIGHBOR_UNREACHABLE'], 16)
    assert.equal(await network.leaked(), 0)
  })

  test('a flood of neighbors does not grow the table without bound', async () => {
    const { network, left } = pairOfHosts()
    left.setRoute(Prefix.of('172.16.0.0/12'), [{ interface: 'nic0' }])
    const socket = await left.bindUdp({ port: 0 }, () => undefined)
    for (let i = 0; i < 3000; i++) socket.send(new Uint8Array(1), Ip.v4(0xac100000 + i).toString(), 9)
    assert.ok(left.neighbors().length <= 2048)
    assert.equal(await network.leaked(), 0)
  })
})

describe('UDP', () => {
  test('carries datagrams with their hop limit and interface, to exact addresses before wildcards', async () => {
    const { network, left, right } = pairOfHosts({ delayMs: 1 })
    const seen: string[] = []
    const note = (who: string) => (datagram: Datagram) => {
      seen.push(
        `${who} ${Buffer.from(datagram.payload)} ${datagram.remoteAddress} ${datagram.hopLimit} ${datagram.interfaceName}`,
      )
    }
    await right.bindUdp({ port: 53 }, note('any'))
    await right.bindUdp({ port: 53, address: 'fd00::2' }, note('exact'))
    const socket = await left.bindUdp({ port: 5353, hopLimit: 255 }, () => undefined)
    socket.send(Buffer.from('one'), '10.0.0.2', 53)
    socket.send(Buffer.from('two'), 'fd00::2', 53)
    await network.clock.advance(20)
    assert.deepEqual(seen, ['any one 10.0.0.1 255 nic0', 'exact two fd00::1 255 nic0'])
    await assert.rejects(
      left.bindUdp({ port: 5353 }, () => undefined),
      { code: 'EADDRINUSE' },
    )
    socket.close()
    await left.bindUdp({ port: 5353 }, () => undefined)
    assert.equal(await network.leaked(), 0)
  })

  test('a link-local group reaches members on that link only, with the sender and its zone', async () => {
    const network = new TestNetwork()
    const middle = network.host('middle')
    const one = network.host('one')
    const two = network.host('two')
    network.join(middle, 'p1', [], one, 'nic0', [])
    network.join(middle, 'p2', [], two, 'nic0', [])
    const seen: Datagram[] = []
    await middle.bindUdp({ port: 11337, groups: ['ff02::dd%p1'] }, (datagram) => seen.push(datagram))
    for (const host of [one, two]) {
      const socket = await host.bindUdp({ port: 11337, groups: ['ff02::dd%nic0'], hopLimit: 1 }, () => undefined)
      socket.send(Buffer.from(host.name), 'ff02::dd%nic0', 11337)
      socket.send(Buffer.from(host.name), 'ff02::dd', 11337) // the zone is that of the group joined
    }
    await network.clock.advance(10)
    assert.deepEqual(
      seen.map((datagram) => [Buffer.from(datagram.payload).toString(), datagram.remoteAddress, datagram.hopLimit]),
      [
        ['one', `${one.interface('nic0')!.linkLocal}%p1`, 1],
        ['one', `${one.interface('nic0')!.linkLocal}%p1`, 1],
      ],
    )
    assert.equal(middle.counters()['NS_NOT_MEMBER'], 2)
    assert.equal(await network.leaked(), 0)
  })

  test('several sockets may share a port when their groups are on different links', async () => {
    const network = new TestNetwork()
    const middle = network.host('middle')
    const one = network.host('one')
    network.join(middle, 'p1', [], one, 'nic0', [])
    network.join(middle, 'p2', [], network.host('two'), 'nic0', [])
    const seen: string[] = []
    await middle.bindUdp({ port: 5, groups: ['ff02::dd%p1'] }, () => seen.push('p1'))
    await middle.bindUdp({ port: 5, groups: ['ff02::dd%p2'] }, () => seen.push('p2'))
    const socket = await one.bindUdp({ port: 5 }, () => undefined)
    socket.send(new Uint8Array(1), 'ff02::dd%nic0', 5)
    await network.clock.advance(10)
    assert.deepEqual(seen, ['p1'])
  })

  test('a socket that has sent follows changes of routes, of addresses and of their preference', async () => {
    const { network, left, right } = pairOfHosts()
    const from: string[] = []
    await right.bindUdp({ port: 9 }, (datagram) => from.push(datagram.remoteAddress))
    const socket = await left.bindUdp({ port: 0 }, () => undefined)
    const send = async (address: string): Promise<void> => {
      for (let i = 0; i < 2; i++) socket.send(new Uint8Array(1), address, 9)
      await network.clock.advance(10)
    }
    const nic = left.interface('nic0')!
    await send('fd00::2')
    nic.addAddress(Prefix.of('fd00::3/64'))
    nic.setDeprecated('fd00::1', true)
    await send('fd00::2')
    nic.removeAddress(Ip.of('fd00::3'))
    await send('fd00::2')
    assert.deepEqual(from, ['fd00::1', 'fd00::1', 'fd00::3', 'fd00::3', 'fd00::1', 'fd00::1'])
    right.addLoopbackAddress(Ip.of('192.0.2.1'))
    await send('192.0.2.1')
    assert.equal(left.counters()['NS_NO_ROUTE'], 2)
    left.setRoute(Prefix.of('192.0.2.0/24'), [{ via: Ip.of('10.0.0.2'), interface: 'nic0' }])
    await send('192.0.2.1')
    assert.deepEqual(from.slice(6), ['10.0.0.1', '10.0.0.1'])
    left.removeRoute(Prefix.of('192.0.2.0/24'))
    await send('192.0.2.1')
    assert.equal(left.counters()['NS_NO_ROUTE'], 4)
    assert.equal(await network.leaked(), 0)
  })

  test('interception hands whole frames over in one call and gives the port back', async () => {
    const { network, left, right } = pairOfHosts({ delayMs: 1 })
    const batches: number[] = []
    const undo = right.interceptUdp(6081, (slots, count) => {
      batches.push(count)
      for (let i = 0; i < count; i++) {
        assert.match(
          summarize(network.arena.bytes, network.arena.start(slots[i]!), network.arena.end(slots[i]!)),
          /6081|Geneve/,
        )
        network.arena.free(slots[i]!)
      }
    })
    await network.clock.run(left.ping('fd00::2'))
    const socket = await left.bindUdp({ port: 7000 }, () => undefined)
    left.batch(() => {
      for (let i = 0; i < 5; i++) socket.send(new Uint8Array(20), 'fd00::2', 6081)
    })
    await network.clock.advance(10)
    assert.deepEqual(batches, [5])
    undo()
    socket.send(new Uint8Array(20), 'fd00::2', 6081)
    await network.clock.advance(10)
    assert.equal(right.counters()['NS_UDP_NO_PORT'], 1)
    assert.equal(await network.leaked(), 0)
  })
})

/** client — r1 = (two links) = r2 — server */
function lab(): { network: TestNetwork; client: Netstack; r1: Netstack; r2: Netstack; server: Netstack } {
  const network = new TestNetwork(4)
  const client = network.host('client')
  const r1 = network.host('r1', { forwarding: true })
  const r2 = network.host('r2', { forwarding: true })
  const server = network.host('server')
  network.join(client, 'nic0', ['10.1.0.1/24', 'fd01::1/64'], r1, 'down', ['10.1.0.254/24', 'fd01::254/64'], {
    delayMs: 1,
  })
  network.join(r1, 'up0', ['fd0a::1/64'], r2, 'up0', ['fd0a::2/64'], { delayMs: 1 })
  network.join(r1, 'up1', [], r2, 'up1', [], { delayMs: 1 })
  network.join(server, 'nic0', ['10.2.0.1/24', 'fd02::1/64'], r2, 'down', ['10.2.0.254/24', 'fd02::254/64'], {
    delayMs: 1,
  })
  client.setRoute(Prefix.of('0.0.0.0/0'), [{ via: Ip.of('10.1.0.254'), interface: 'nic0' }])
  client.setRoute(Prefix.of('::/0'), [{ via: Ip.of('fd01::254'), interface: 'nic0' }])
  server.setRoute(Prefix.of('0.0.0.0/0'), [{ via: Ip.of('10.2.0.254'), interface: 'nic0' }])
  server.setRoute(Prefix.of('::/0'), [{ via: Ip.of('fd02::254'), interface: 'nic0' }])
  const viaLinkLocal = (other: Netstack): { via: Ip; interface: string }[] =>
    ['up0', 'up1'].map((name) => ({ via: other.interface(name)!.linkLocal!, interface: name }))
  // RFC 8950: IPv4 prefixes by IPv6 next hops.
  for (const text of ['10.2.0.0/16', 'fd02::/16']) r1.setRoute(Prefix.of(text), viaLinkLocal(r2))
  for (const text of ['10.1.0.0/16', 'fd01::/16']) r2.setRoute(Prefix.of(text), viaLinkLocal(r1))
  return { network, client, r1, r2, server }
}

describe('forwarding', () => {
  test('routers carry both families over links without IPv4 addresses, one hop less each', async () => {
    const { network, client, server } = lab()
    for (const address of ['10.2.0.1', 'fd02::1']) {
      const [result] = await network.clock.run(client.ping(address, { timeoutMs: 3000 }))
      assert.deepEqual([result!.outcome, result!.hopLimit], ['reply', 62])
    }
    assert.ok((server.counters()['delivered'] ?? 0) > 0)
    assert.equal(await network.leaked(), 0)
  })

  test('flows spread over equal-cost paths, each flow stays on one, and all move when a path goes down', async () => {
    const { network, client, r1, server } = lab()
    await network.clock.run(client.ping('10.2.0.1'))
    const ports = new Map<number, Set<string>>()
    let current = 0
    network.tracer.listen((event) => {
      if (event.node !== 'r1' || event.step.kind !== 'route' || event.step.interface === 'down') return
      ports.set(current, (ports.get(current) ?? new Set()).add(event.step.interface))
    })
    let received = 0
    await server.bindUdp({ port: 9 }, () => received++)
    const socket = await client.bindUdp({ port: 4000 }, () => undefined)
    const volley = async (): Promise<void> => {
      for (current = 1; current <= 64; current++) {
        for (let i = 0; i < 3; i++) socket.send(new Uint8Array(10), '10.2.0.1', current === 1 ? 9 : 1000 + current)
        await network.clock.advance(5)
      }
    }
    await volley()
    const used = [...ports.values()].map((set) => [...set])
    assert.equal(used.length, 64)
    assert.ok(used.every((set) => set.length === 1))
    const onFirst = used.filter(([name]) => name === 'up0').length
    assert.ok(onFirst > 16 && onFirst < 48, `${onFirst} of 64 flows on the first path`)
    assert.equal(received, 3)
    ports.clear()
    r1.interface('up0')!.setUp(false)
    await volley()
    assert.deepEqual(new Set([...ports.values()].flatMap((set) => [...set])), new Set(['up1']))
    assert.deepEqual(
      r1.lookup(Ip.of('10.2.0.1'))!.nextHops.map((hop) => hop.interface),
      ['up1'],
    )
  })

  test('a hop limit that runs out names the router where it did', async () => {
    const { network, client, r1 } = lab()
    const [v4] = await network.clock.run(client.ping('10.2.0.1', { ttl: 1 }))
    assert.deepEqual([v4!.outcome, v4!.from?.toString()], ['time-exceeded', '10.1.0.254'])
    const [v6] = await network.clock.run(client.ping('fd02::1', { ttl: 1 }))
    assert.deepEqual([v6!.outcome, v6!.from?.toString()], ['time-exceeded', 'fd01::254'])
    const [second] = await network.clock.run(client.ping('fd02::1', { ttl: 2 }))
    assert.deepEqual([second!.outcome, second!.from?.toString()], ['time-exceeded', 'fd0a::2'])
    assert.equal(r1.counters()['NS_TTL'], 2)
    assert.equal(await network.leaked(), 0)
  })

  test('no route and no neighbor behind the router are reported, too', async () => {
    const { network, client, r1, r2 } = lab()
    assert.equal((await network.clock.run(client.ping('192.0.2.1')))[0]!.outcome, 'unreachable')
    assert.equal(r1.counters()['NS_NO_ROUTE'], 1)
    const [missing] = await network.clock.run(client.ping('10.2.0.77', { timeoutMs: 8000 }))
    assert.deepEqual([missing!.outcome, missing!.from?.toString()], ['unreachable', '10.2.0.254'])
    assert.equal(r2.counters()['NS_NEIGHBOR_UNREACHABLE'], 1)
    assert.equal(await network.leaked(), 0)
  })

  test('ICMP errors are limited in rate', async () => {
    const { network, client, r1 } = lab()
    await network.clock.run(client.ping('10.2.0.1'))
    const socket = await client.bindUdp({ port: 4000 }, () => undefined)
    for (let i = 0; i < 500; i++) socket.send(new Uint8Array(10), '192.0.2.1', 9)
    await network.clock.advance(20)
    assert.equal(r1.counters()['NS_NO_ROUTE'], 500)
    assert.ok(r1.stack.icmp.limited > 450)
  })

  test('ICMP errors quote as much as fits into 576 bytes, over IPv6 into 1280 (RFC 1812 §4.3.2.3, RFC 4443 §2.4 c)', async () => {
    const { network, left, link } = pairOfHosts()
    const lengths: number[] = []
    link.tap((slot, direction) => {
      if (direction === 'b-to-a') lengths.push(network.arena.length(slot) - 14)
    })
    const socket = await left.bindUdp({ port: 4000 }, () => undefined)
    for (const [to, longest] of [
      ['10.0.0.2', 576],
      ['fd00::2', 1280],
    ] as const) {
      await network.clock.run(left.ping(to))
      lengths.length = 0
      socket.send(new Uint8Array(1400), to, 9)
      await network.clock.advance(20)
      assert.deepEqual(lengths, [longest])
      lengths.length = 0
      socket.send(new Uint8Array(100), to, 9)
      await network.clock.advance(20)
      // All of a short one: its header, UDP and data behind those of the error.
      assert.deepEqual(lengths, [(to.includes(':') ? 2 * 40 : 2 * 20) + 8 + 8 + 100])
    }
  })

  test('link-local and multicast packets are not forwarded', async () => {
    const { network, client, r1 } = lab()
    await network.clock.run(client.ping('10.1.0.254'))
    client.setRoute(Prefix.of('169.254.0.0/16'), [{ via: Ip.of('10.1.0.254'), interface: 'nic0' }])
    const socket = await client.bindUdp({ port: 4000 }, () => undefined)
    socket.send(new Uint8Array(10), '169.254.1.1', 9)
    await network.clock.advance(20)
    assert.equal(r1.counters()['NS_NOT_FORWARDABLE'], 1)
  })
})

describe('routes', () => {
  test('the longest prefix wins; connected routes come and go with addresses', () => {
    const { left } = pairOfHosts()
    left.setRoute(Prefix.of('0.0.0.0/0'), [{ via: Ip.of('10.0.0.2'), interface: 'nic0' }])
    left.setRoute(Prefix.of('192.0.2.0/24'), [{ via: Ip.of('10.0.0.3'), interface: 'nic0' }])
    left.setRoute(Prefix.of('192.0.2.128/25'), [{ via: Ip.of('10.0.0.4'), interface: 'nic0' }])
    const via = (text: string): string | undefined => left.lookup(Ip.of(text))?.nextHops[0]?.via?.toString()
    assert.equal(via('192.0.2.200'), '10.0.0.4')
    assert.equal(via('192.0.2.100'), '10.0.0.3')
    assert.equal(via('8.8.8.8'), '10.0.0.2')
    assert.equal(left.lookup(Ip.of('10.0.0.9'))?.origin, 'connected')
    left.removeRoute(Prefix.of('192.0.2.128/25'))
    assert.equal(via('192.0.2.200'), '10.0.0.3')
    left.interface('nic0')!.removeAddress(Ip.of('10.0.0.1'))
    assert.equal(via('10.0.0.9'), '10.0.0.2')
    assert.equal(left.lookup(Ip.of('2001:db8::1')), undefined)
    assert.throws(() => left.setRoute(Prefix.of('::/0'), [{ interface: 'nic7' }]), /no interface nic7/)
  })

  test('interface changes are told, and a down interface carries nothing', async () => {
    const { network, left, link } = pairOfHosts()
    let changes = 0
    const unsubscribe = left.onInterfaceChange(() => changes++)
    await network.clock.run(left.ping('10.0.0.2'))
    link.setUp(false)
    assert.equal(changes, 1)
    assert.equal(left.interfaces()[0]!.isUp, false)
    assert.equal(left.lookup(Ip.of('10.0.0.2')), undefined)
    assert.equal((await network.clock.run(left.ping('10.0.0.2')))[0]!.outcome, 'unreachable')
    assert.deepEqual(left.neighbors(), [])
    link.setUp(true)
    unsubscribe()
    left.interface('nic0')!.addAddress(Prefix.of('10.9.0.1/24'))
    assert.equal(changes, 2)
    assert.equal((await network.clock.run(left.ping('10.0.0.2')))[0]!.outcome, 'reply')
  })

  test('a loopback address is reachable from a neighbor and used as the source where a link has none', async () => {
    const network = new TestNetwork()
    const a = network.host('a')
    const b = network.host('b')
    network.join(a, 'nic0', [], b, 'nic0', [])
    a.addLoopbackAddress(Ip.of('192.0.2.1'))
    b.addLoopbackAddress(Ip.of('192.0.2.2'))
    a.setRoute(Prefix.of('192.0.2.2/32'), [{ via: b.interface('nic0')!.linkLocal!, interface: 'nic0' }])
    b.setRoute(Prefix.of('192.0.2.1/32'), [{ via: a.interface('nic0')!.linkLocal!, interface: 'nic0' }])
    const [result] = await network.clock.run(a.ping('192.0.2.2'))
    assert.deepEqual([result!.outcome, result!.from?.toString()], ['reply', '192.0.2.2'])
  })

  test('a configured source address is used', async () => {
    const { network, left, right } = pairOfHosts()
    left.addLoopbackAddress(Ip.of('192.0.2.1'))
    left.setRoute(Prefix.of('198.51.100.0/24'), [{ via: Ip.of('10.0.0.2'), interface: 'nic0' }], {
      source: Ip.of('192.0.2.1'),
    })
    right.addLoopbackAddress(Ip.of('198.51.100.1'))
    let from = ''
    await right.bindUdp({ port: 9 }, (datagram) => (from = datagram.remoteAddress))
    const socket = await left.bindUdp({ port: 0 }, () => undefined)
    socket.send(new Uint8Array(1), '198.51.100.1', 9)
    await network.clock.advance(10)
    assert.equal(from, '192.0.2.1')
  })
})

test('outputIp routes a ready packet and allocates the neighbor only once', async () => {
  const { network, left, right } = pairOfHosts()
  const { arena } = network
  let ttl = 0
  await right.bindUdp({ port: 6000 }, (datagram) => (ttl = datagram.hopLimit!))
  const socket = await left.bindUdp({ port: 6001 }, () => undefined)
  // A packet as a packet engine would make it: taken from a frame that passed, sent again without its Ethernet header.
  let copy = -1
  const undo = right.interceptUdp(6002, (slots, count) => {
    for (let i = 0; i < count; i++) {
      copy = slots[i]!
      arena.shift(copy, 14)
    }
  })
  socket.send(new Uint8Array(8), '10.0.0.2', 6002)
  await network.clock.advance(10)
  undo()
  assert.equal(ipv4Ttl(arena.bytes, arena.start(copy)), 64)
  arena.view.setUint16(arena.start(copy) + 22, 6000)
  arena.view.setUint16(arena.start(copy) + 26, 0) // no checksum
  left.outputIp(copy)
  await network.clock.advance(10)
  assert.equal(ttl, 64)
  const short = arena.alloc(10)
  left.outputIp(short)
  assert.equal(left.counters()['NS_MALFORMED'], 1)
  assert.equal(await network.leaked(), 0)
})

test('a packet tells its story under one number: sent, link, routed, delivered', async () => {
  const { network, client } = lab()
  await network.clock.run(client.ping('10.2.0.1'))
  await network.clock.advance(1000)
  const events: StoryEvent[] = []
  network.tracer.listen((event) => events.push(event))
  await network.clock.run(client.ping('10.2.0.1'))
  const first = events.filter((event) => event.packet === events[0]!.packet)
  assert.deepEqual(
    first.map((event) => `${event.node} ${event.step.kind}`),
    [
      'client sent',
      'client-r1-nic0 link',
      'r1 route',
      first[3]!.node + ' link',
      'r2 route',
      'server-r2-nic0 link',
      'server delivered',
    ],
  )
  const sent = first[0]!.step
  assert.ok(sent.kind === 'sent' && /10\.1\.0\.1 > 10\.2\.0\.1/.test(sent.summary))
  // The answer is another packet.
  assert.ok(
    events.some((event) => event.node === 'server' && event.step.kind === 'sent' && event.packet !== events[0]!.packet),
  )
})
