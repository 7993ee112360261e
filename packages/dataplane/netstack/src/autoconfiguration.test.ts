import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Ip, Mac, Prefix } from '@lodestone/net'
import {
  fixTransportChecksum,
  Icmpv6Type,
  IPV6_MIN,
  IpProtocol,
  type NdpOption,
  NDP_ROUTER_ADVERT_MIN,
  ndpOptionsWireLength,
  setIpv6NextHeader,
  writeNdpOptions,
  writeNdpRouterAdvert,
} from '@lodestone/packet'
import { Link } from '@lodestone/link'
import { outputOn, writeIpHeader } from './ip-output.ts'
import type { Netstack } from './netstack.ts'
import { RouterDiscovery } from './router-discovery.ts'
import { responseMs } from './listener-discovery.ts'
import { chooseSource } from './source-address.ts'
import { TestNetwork } from './test-network.ts'

/** A host that checks its addresses and reports its groups, and a router beside it. */
function lab() {
  const network = new TestNetwork()
  const { clock, random, arena, tracer } = network
  const host = network.host('host')
  const router = network.host('router', { forwarding: true })
  const link = new Link({ name: 'wire', a: 'host/nic0', b: 'router/port0', clock, random, arena, tracer })
  router.addInterface({ name: 'port0', port: link.b, mac: network.mac(), addresses: [Prefix.of('fd00:7::1/64')] })
  const seen: { atMs: number; type: number; bytes: Uint8Array }[] = []
  link.tap((slot, direction, atMs) => {
    const frame = arena.peek(slot).slice()
    if (direction !== 'a-to-b' || frame[12] !== 0x86) return
    const isHopByHop = frame[20] === 0
    seen.push({ atMs, type: frame[isHopByHop ? 62 : 54]!, bytes: frame.subarray(14) })
  })
  const plug = (mac = network.mac()) =>
    host.addInterface({
      name: 'nic0',
      port: link.a,
      mac,
      duplicateAddressDetection: true,
      listenerReports: true,
    })
  return { network, host, router, link, seen, plug }
}

function advertise(router: Netstack, lifetimeS: number, options: readonly NdpOption[], preference = 0): void {
  const { stack } = router
  const iface = router.interface('port0')!
  const slot = stack.allocIp(IPV6_MIN + NDP_ROUTER_ADVERT_MIN + ndpOptionsWireLength(options))
  const at = stack.arena.start(slot)
  writeIpHeader(stack, slot, iface.linkLocal!, Ip.of('ff02::1'), IpProtocol.icmpv6, 255)
  writeNdpRouterAdvert(stack.arena.bytes, at + IPV6_MIN, {
    type: Icmpv6Type.routerAdvert,
    routerLifetimeS: lifetimeS,
  })
  stack.arena.bytes[at + IPV6_MIN + 5]! |= (preference & 3) << 3
  const mac = iface.mac.bytes
  writeNdpOptions(stack.arena.bytes, at + IPV6_MIN + NDP_ROUTER_ADVERT_MIN, options)
  fixTransportChecksum(stack.arena.bytes, at, at + IPV6_MIN, stack.arena.end(slot))
  assert.equal(mac.length, 6)
  router.batch(() => outputOn(stack, iface, slot))
}

function prefixOption(validLifetimeS: number, preferredLifetimeS: number, isOnLink = true): NdpOption {
  return {
    kind: 'prefix',
    prefix: Ip.of('fd00:7::').bytes,
    prefixLength: 64,
    isOnLink,
    isAutonomous: true,
    validLifetimeS,
    preferredLifetimeS,
  }
}

const globals = (host: Netstack): string[] =>
  host
    .interface('nic0')!
    .addresses.filter((ip) => ip.family === 6 && !ip.isLinkLocal)
    .map(String)

describe('duplicate address detection', () => {
  test('an address is probed for a second from the unspecified address and not used before', async () => {
    const { network, host, router, seen, plug } = lab()
    const iface = plug(Mac.of('02:00:00:00:aa:01'))
    await network.clock.advance(900)
    assert.equal(iface.linkLocal, undefined)
    const probe = seen.find((each) => each.type === Icmpv6Type.neighborSolicit)!
    assert.ok(probe.bytes.subarray(8, 24).every((byte) => byte === 0))
    assert.equal(
      (await network.clock.run(router.ping('fe80::ff:fe00:aa01%port0', { timeoutMs: 50 })))[0]!.outcome,
      'timeout',
    )
    await network.clock.advance(200)
    assert.equal(iface.linkLocal!.toString(), 'fe80::ff:fe00:aa01')
    await network.clock.advance(3000)
    assert.equal((await network.clock.run(router.ping('fe80::ff:fe00:aa01%port0')))[0]!.outcome, 'reply')
    assert.equal(host.counters()['duplicateAddresses'], undefined)
    assert.equal(await network.leaked(), 0)
  })

  test('an address that somebody has, or wants at the same time, is not assigned', async () => {
    const { network, host, router, plug } = lab()
    const taken = router.interface('port0')!
    const iface = plug(taken.mac)
    await network.clock.advance(1500)
    assert.equal(iface.linkLocal, undefined)
    assert.equal(host.counters()['duplicateAddresses'], 1)
    const results: boolean[] = []
    taken.detectsDuplicates = true
    iface.addAddressChecked(Prefix.of('fd00:7::9/64'), (isAssigned) => results.push(isAssigned))
    taken.addAddressChecked(Prefix.of('fd00:7::9/64'), (isAssigned) => results.push(isAssigned))
    await network.clock.advance(1500)
    assert.deepEqual(results, [false, false])
    assert.equal(await network.leaked(), 0)
  })

  test('detection waits for the link', async () => {
    const { network, link, plug } = lab()
    link.setUp(false)
    const iface = plug()
    await network.clock.advance(5000)
    assert.equal(iface.linkLocal, undefined)
    link.setUp(true)
    await network.clock.advance(1100)
    assert.notEqual(iface.linkLocal, undefined)
  })
})

describe('stateless autoconfiguration', () => {
  test('addresses are deprecated when no longer preferred and go when no longer valid', async () => {
    const { network, host, router, plug } = lab()
    const iface = plug()
    const discovery = new RouterDiscovery({ network: host, interface: 'nic0' })
    await network.clock.advance(1100)
    advertise(router, 9000, [prefixOption(100, 50)])
    await network.clock.advance(1100)
    const [address] = globals(host)
    assert.match(address!, /^fd00:7::/)
    iface.addAddress(Prefix.of('fd00:9::1/64'))
    assert.equal(host.stack.sourceFor(Ip.of('fd00:7::1'), iface)!.toString(), address)
    await network.clock.advance(50_000)
    assert.equal(host.stack.sourceFor(Ip.of('fd00:7::1'), iface)!.toString(), 'fd00:9::1', 'deprecated')
    assert.ok(globals(host).includes(address!))
    await network.clock.advance(50_000)
    assert.deepEqual(globals(host), ['fd00:9::1'])
    assert.equal(
      host.routes().some((route) => route.prefix.toString() === 'fd00:7::/64'),
      false,
    )
    discovery.close()
  })

  test('an advertisement cannot end an address sooner than in two hours (RFC 4862 §5.5.3)', async () => {
    const { network, host, router, plug } = lab()
    plug()
    const discovery = new RouterDiscovery({ network: host, interface: 'nic0' })
    await network.clock.advance(1100)
    advertise(router, 0, [prefixOption(90_000, 90_000)])
    await network.clock.advance(1100)
    advertise(router, 0, [prefixOption(1, 0)])
    await network.clock.advance(7_000_000)
    assert.equal(globals(host).length, 1)
    await network.clock.advance(300_000)
    assert.equal(globals(host).length, 0)
    discovery.close()
  })

  test('of two routers the preferred one is used, and the other when it falls silent or leaves', async () => {
    const network = new TestNetwork()
    const host = network.host('host')
    const routers = ['r1', 'r2'].map((name) => network.host(name, { forwarding: true }))
    // One wire for three: the routers are joined through a repeater of two links.
    const { clock, random, arena, tracer } = network
    const links = routers.map(
      (each) => new Link({ name: each.name, a: 'host', b: each.name, clock, random, arena, tracer }),
    )
    routers.forEach((each, i) => each.addInterface({ name: 'port0', port: links[i]!.b, mac: network.mac() }))
    const [first, second] = links
    host.addInterface({
      name: 'nic0',
      mac: network.mac(),
      addresses: [Prefix.of('2001:db8:7::7/128')],
      port: {
        name: 'host/nic0',
        isUp: true,
        send(slots, count) {
          for (let i = 0; i < count; i++) {
            const copy = arena.clone(slots[i]!)
            second!.a.send(Int32Array.of(copy), 1)
          }
          first!.a.send(slots, count)
        },
        attach(sink) {
          for (const link of links) link.a.attach(sink)
        },
        onState: () => () => undefined,
      },
    })
    const discovery = new RouterDiscovery({ network: host, interface: 'nic0' })
    await clock.advance(10)
    const via = (): string | undefined => host.lookup(Ip.of('2001:db8::1'))?.nextHops[0]?.via?.toString()
    const linkLocals = routers.map((each) => each.interface('port0')!.linkLocal!.toString())
    advertise(routers[0]!, 9000, [])
    advertise(routers[1]!, 9000, [], 1)
    await clock.advance(10)
    assert.equal(via(), linkLocals[1])
    second!.configure({ loss: 1 })
    host.ping('2001:db8::1').catch(() => undefined)
    await clock.advance(20_000)
    host.ping('2001:db8::1').catch(() => undefined)
    await clock.advance(60_000)
    assert.equal(via(), linkLocals[0], 'the preferred router does not answer any more')
    advertise(routers[0]!, 0, [])
    await clock.advance(10)
    assert.equal(via(), linkLocals[1], 'the only one left, silent or not')
    discovery.close()
  })
})

describe('MLD (RFC 3810)', () => {
  const reports = (seen: readonly { type: number; bytes: Uint8Array; atMs: number }[]) =>
    seen
      .filter((each) => each.type === Icmpv6Type.listenerReportV2)
      .map(({ bytes, atMs }) => {
        assert.equal(bytes[7], 1, 'hop limit')
        assert.deepEqual([...bytes.subarray(24, 40)], [...Ip.of('ff02::16').bytes])
        assert.deepEqual([...bytes.subarray(40, 48)], [58, 0, 5, 2, 0, 0, 1, 0])
        const count = (bytes[54]! << 8) | bytes[55]!
        const records = Array.from({ length: count }, (_, i) => {
          const at = 56 + 20 * i
          return `${bytes[at]} ${Ip.fromBytes(bytes, at + 4, 16)}`
        })
        return { atMs, records }
      })

  function query(router: Netstack, group: string, maxMs: number, hopLimit = 1, hasAlert = true): void {
    const { stack } = router
    const iface = router.interface('port0')!
    const slot = stack.allocIp(IPV6_MIN + 8 + 28)
    const at = stack.arena.start(slot)
    writeIpHeader(stack, slot, iface.linkLocal!, Ip.of('ff02::1'), IpProtocol.icmpv6, hopLimit)
    setIpv6NextHeader(stack.arena.bytes, at, 0)
    // Without the alert: the same length of padding.
    stack.arena.bytes.set(hasAlert ? [58, 0, 5, 2, 0, 0, 1, 0] : [58, 0, 1, 4, 0, 0, 0, 0], at + IPV6_MIN)
    const l4 = at + IPV6_MIN + 8
    stack.arena.bytes.fill(0, l4, l4 + 28)
    stack.arena.bytes.set([Icmpv6Type.listenerQuery, 0, 0, 0, maxMs >> 8, maxMs & 255], l4)
    stack.arena.bytes.set(Ip.of(group).bytes, l4 + 8)
    fixTransportChecksum(stack.arena.bytes, at, l4, stack.arena.end(slot))
    router.batch(() => outputOn(stack, iface, slot))
  }

  test('joining and leaving are reported twice; queries are answered within their time with what is joined', async () => {
    const { network, host, router, seen, plug } = lab()
    plug(Mac.of('02:00:00:00:aa:01'))
    await network.clock.advance(5000)
    assert.ok(reports(seen).some(({ records }) => records.includes('4 ff02::1:ff00:aa01')))
    seen.length = 0
    const socket = await host.bindUdp({ address: '::', port: 5353, groups: ['ff05::77%nic0'] }, () => undefined)
    await network.clock.advance(1100)
    assert.deepEqual(
      reports(seen).map(({ records }) => records),
      [['4 ff05::77'], ['4 ff05::77']],
    )
    seen.length = 0
    const startMs = network.clock.nowMs()
    query(router, '::', 2000)
    query(router, 'ff05::77', 500)
    await network.clock.advance(2100)
    const [answer, ...more] = reports(seen)
    assert.deepEqual(more, [])
    assert.ok(answer!.atMs - startMs <= 500)
    assert.deepEqual(answer!.records.toSorted(), ['2 ff02::1:ff00:aa01', '2 ff05::77'])
    seen.length = 0
    socket.close()
    query(router, 'ff05::77', 500)
    query(router, '::', 500, 64)
    query(router, '::', 500, 1, false)
    await network.clock.advance(2000)
    assert.deepEqual(
      reports(seen).map(({ records }) => records),
      [['3 ff05::77'], ['3 ff05::77']],
      'nothing is answered for a group that was left, nor to a query from afar or without an alert',
    )
    assert.equal(host.counters()['NS_NDP_INVALID'], 2)
    assert.equal(await network.leaked(), 0)
  })

  test('a question for more joins the answer that waits, at the earlier time; all nodes is in none', async () => {
    const { network, host, router, seen, plug } = lab()
    plug(Mac.of('02:00:00:00:aa:01'))
    await network.clock.advance(5000)
    const groups = ['ff05::77%nic0', 'ff02::1%nic0']
    await host.bindUdp({ address: '::', port: 5353, groups }, () => undefined)
    await network.clock.advance(1100)
    assert.ok(reports(seen).every(({ records }) => !records.some((each) => each.endsWith(' ff02::1'))))
    for (let i = 0; i < 5; i++) {
      seen.length = 0
      const startMs = network.clock.nowMs()
      query(router, 'ff05::77', 20)
      query(router, '::', 10_000)
      await network.clock.advance(10_100)
      const answers = reports(seen)
      assert.equal(answers.length, 1)
      assert.ok(answers[0]!.atMs - startMs <= 21, `${answers[0]!.atMs - startMs}`)
      assert.deepEqual(answers[0]!.records.toSorted(), ['2 ff02::1:ff00:aa01', '2 ff05::77'])
    }
  })
})

describe('MLD answers', () => {
  test('a long response time has an exponent (RFC 3810 §5.1.3)', () => {
    assert.deepEqual(
      [0, 1000, 0x7fff, 0x8000, 0x9000, 0x8fff, 0xffff].map(responseMs),
      [0, 1000, 32_767, 32_768, 65_536, 65_528, 8_387_584],
    )
  })
})

describe('several addresses and interfaces', () => {
  const choose = (own: readonly string[], to: string, deprecated: readonly string[] = []): string | undefined =>
    chooseSource(
      own.map((text) => Prefix.of(text)),
      new Set(deprecated),
      Ip.of(to),
    )?.toString()

  test('source addresses are those of RFC 6724', () => {
    const own = ['2001:db8:1::1/64', 'fd00::1/64', '2002:c000:204::1/64']
    assert.equal(choose(own, '2001:db8:2::1'), '2001:db8:1::1')
    assert.equal(choose(own, 'fd99::1'), 'fd00::1', 'the label of unique local addresses')
    assert.equal(choose(own, '2002:c000:9999::1'), '2002:c000:204::1', 'the label of 6to4')
    assert.equal(choose(own, '2001:db8:1::1'), '2001:db8:1::1', 'itself')
    assert.equal(choose(['2001:db8:1::1/64', '2001:db8:2::1/64'], '2001:db8:2::9'), '2001:db8:2::1', 'longest match')
    assert.equal(choose(['2001:db8:2::1/64', 'fd00::1/64'], '2001:db8:2::9', ['2001:db8:2::1']), 'fd00::1')
    assert.equal(choose(['10.0.0.1/24', '10.0.1.1/24'], '10.0.1.9'), '10.0.1.1')
    assert.equal(choose(['fe80::1/64'], '2001:db8::1'), undefined)
  })

  for (const isStrong of [false, true]) {
    test(`a ${isStrong ? 'strong' : 'weak'} host with two NICs`, async () => {
      const network = new TestNetwork()
      const { clock, random, arena, tracer } = network
      const host = new (await import('./netstack.ts')).Netstack({
        name: 'host',
        clock,
        random,
        arena,
        tracer,
        strongHost: isStrong,
      })
      const r0 = network.host('r0', { forwarding: true })
      const r1 = network.host('r1', { forwarding: true })
      const far = network.host('far')
      network.join(host, 'nic0', ['10.0.0.1/24'], r0, 'p', ['10.0.0.9/24'])
      const wire = network.join(host, 'nic1', ['10.0.1.1/24'], r1, 'p', ['10.0.1.9/24'])
      network.join(far, 'a', ['10.0.2.1/24'], r0, 'q', ['10.0.2.9/24'])
      network.join(far, 'b', ['10.0.3.1/24'], r1, 'q', ['10.0.3.9/24'])
      r0.setRoute(Prefix.of('10.0.3.0/24'), [{ via: Ip.of('10.0.2.1'), interface: 'q' }])
      const all = Prefix.of('0.0.0.0/0')
      host.setInterfaceRoute(all, { via: Ip.of('10.0.0.9'), interface: 'nic0', metric: 1 })
      host.setInterfaceRoute(all, { via: Ip.of('10.0.1.9'), interface: 'nic1', metric: 2 })
      far.setRoute(Prefix.of('10.0.0.0/24'), [{ via: Ip.of('10.0.2.9'), interface: 'a' }])
      far.setRoute(Prefix.of('10.0.1.0/24'), [{ via: Ip.of('10.0.3.9'), interface: 'b' }])
      assert.equal(host.lookup(Ip.of('10.0.2.1'))!.nextHops[0]!.interface, 'nic0')
      // A connection to the second address: the strong host's answers leave by the second NIC, the weak one's by the first.
      await host.listenTcp({ port: 80 }, (socket) => socket.end('hello'))
      const before = wire.counters('a-to-b').framesIn
      const socket = await clock.run(far.connectTcp({ address: '10.0.1.1', port: 80, timeoutMs: 5000 }))
      socket.resume()
      socket.end()
      await clock.advance(3000)
      const answers = wire.counters('a-to-b').framesIn - before
      assert.ok(isStrong ? answers >= 3 : answers <= 1, `${answers} frames left by nic1`)
      // A packet for the second address that comes in by the first NIC.
      r0.setRoute(Prefix.of('10.0.1.1/32'), [{ via: Ip.of('10.0.0.1'), interface: 'p' }])
      const [result] = await clock.run(r0.ping('10.0.1.1', { timeoutMs: 500 }))
      assert.equal(result!.outcome, isStrong ? 'timeout' : 'reply')
      assert.equal(host.counters()['NS_WEAK_HOST'], isStrong ? 1 : undefined)
      host.interface('nic0')!.setUp(false)
      assert.equal(host.lookup(Ip.of('10.0.2.1'))!.nextHops[0]!.interface, 'nic1', 'the second route takes over')
      host.close()
      assert.equal(await network.leaked(), 0)
    })
  }
})
