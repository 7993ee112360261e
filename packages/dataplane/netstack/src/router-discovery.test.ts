import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import {
  fixTransportChecksum,
  Icmpv6Type,
  IPV6_MIN,
  IpProtocol,
  type NdpOption,
  NDP_ROUTER_ADVERT_MIN,
  ndpOptionsWireLength,
  writeNdpOptions,
  writeNdpRouterAdvert,
} from '@lodestone/packet'
import { outputOn, writeIpHeader } from './ip-output.ts'
import type { Netstack } from './netstack.ts'
import { RouterDiscovery } from './router-discovery.ts'
import { TestNetwork } from './test-network.ts'

function advertise(
  router: Netstack,
  lifetimeS: number,
  options: readonly NdpOption[],
  hopLimit = 255,
  from: Ip | undefined = undefined,
  preference = 0,
): void {
  const { stack } = router
  const iface = router.interface('port0')!
  const slot = stack.allocIp(IPV6_MIN + NDP_ROUTER_ADVERT_MIN + ndpOptionsWireLength(options))
  const at = stack.arena.start(slot)
  writeIpHeader(stack, slot, from ?? iface.linkLocal!, Ip.of('ff02::1'), IpProtocol.icmpv6, hopLimit)
  writeNdpRouterAdvert(stack.arena.bytes, at + IPV6_MIN, {
    type: Icmpv6Type.routerAdvert,
    managed: 1,
    routerLifetimeS: lifetimeS,
  })
  stack.arena.bytes[at + IPV6_MIN + 5]! |= preference << 3
  writeNdpOptions(stack.arena.bytes, at + IPV6_MIN + NDP_ROUTER_ADVERT_MIN, options)
  fixTransportChecksum(stack.arena.bytes, at, at + IPV6_MIN, stack.arena.end(slot))
  router.batch(() => outputOn(stack, iface, slot))
}

function lab() {
  const network = new TestNetwork()
  const host = network.host('host')
  const router = network.host('router', { forwarding: true })
  const link = network.join(host, 'nic0', [], router, 'port0', ['fd00:7::1/64'], { delayMs: 1 })
  const solicits: number[] = []
  link.tap((slot, direction, atMs) => {
    const start = network.arena.start(slot)
    if (direction === 'a-to-b' && network.arena.bytes[start + 54] === Icmpv6Type.routerSolicit) solicits.push(atMs)
  })
  return { network, host, router, solicits }
}

const PREFIX: NdpOption = {
  kind: 'prefix',
  prefix: Ip.of('fd00:7::').bytes,
  prefixLength: 64,
  isOnLink: true,
  isAutonomous: true,
  validLifetimeS: 9000,
  preferredLifetimeS: 9000,
}

test('a router gives a default route, an MTU and an address, and says whether DHCPv6 is wanted', async () => {
  const { network, host, router, solicits } = lab()
  const discovery = new RouterDiscovery({ network: host, interface: 'nic0' })
  await network.clock.advance(5)
  const mac = router.interface('port0')!.mac.bytes
  advertise(router, 100, [{ kind: 'sourceLinkLayer', mac }, { kind: 'mtu', mtu: 1400 }, PREFIX])
  await network.clock.advance(5)
  assert.equal(discovery.advert!.isManaged, true)
  assert.equal(host.interface('nic0')!.mtuBytes, 1400)
  assert.deepEqual(host.lookup(Ip.of('2001:db8::1'))!.nextHops, [
    { via: router.interface('port0')!.linkLocal, interface: 'nic0' },
  ])
  assert.ok(host.neighbors().some((entry) => entry.isRouter && entry.mac !== undefined))
  router.addLoopbackAddress(Ip.of('2001:db8::1'))
  assert.equal((await network.clock.run(host.ping('2001:db8::1')))[0]!.outcome, 'reply')
  assert.deepEqual(solicits, [0])
  await network.clock.advance(101_000)
  assert.equal(host.lookup(Ip.of('2001:db8::1')), undefined)
  discovery.close()
})

test('asks three times and then waits; a lifetime of 0 takes the route away; forged advertisements are refused', async () => {
  const { network, host, router, solicits } = lab()
  const discovery = new RouterDiscovery({ network: host, interface: 'nic0' })
  await network.clock.advance(60_000)
  assert.deepEqual(solicits, [0, 4000, 8000])
  advertise(router, 100, [], 64) // forwarded, so not from this link
  await network.clock.advance(5)
  assert.equal(discovery.advert, undefined)
  assert.equal(host.counters()['NS_NDP_INVALID'], 1)
  advertise(router, 100, [])
  await network.clock.advance(5)
  assert.ok(host.lookup(Ip.of('2001:db8::1')) !== undefined)
  advertise(router, 0, [])
  await network.clock.advance(5)
  assert.equal(host.lookup(Ip.of('2001:db8::1')), undefined)
  discovery.close()
  assert.equal(await network.leaked(), 0)
})

test('prefixes make addresses only as RFC 4862 §5.5.3 has it, and an MTU below 1280 is none', async () => {
  const { network, host, router } = lab()
  const discovery = new RouterDiscovery({ network: host, interface: 'nic0' })
  await network.clock.advance(5)
  const iface = host.interface('nic0')!
  const refused: readonly NdpOption[] = [
    { ...PREFIX, prefixLength: 80 },
    { ...PREFIX, preferredLifetimeS: 9001 },
    { ...PREFIX, isAutonomous: false },
    { ...PREFIX, prefix: Ip.of('fe80::').bytes },
    { ...PREFIX, validLifetimeS: 0, preferredLifetimeS: 0 },
  ]
  for (const option of refused) {
    advertise(router, 100, [option, { kind: 'mtu', mtu: 1279 }])
    await network.clock.advance(5)
    assert.deepEqual(iface.addresses.filter((each) => !each.isLinkLocal).map(String), [])
  }
  assert.equal(iface.mtuBytes, 1500)
  assert.ok(host.lookup(Ip.of('fd00:7::77')) !== undefined, 'on the link all the same')
  advertise(router, 100, [PREFIX, { kind: 'mtu', mtu: 1280 }])
  await network.clock.advance(5)
  assert.equal(iface.addresses.filter((each) => !each.isLinkLocal).length, 1)
  assert.equal(iface.mtuBytes, 1280)
  discovery.close()
})

test('what advertisements can make a host remember is bounded: 16 prefixes and 16 routers', async () => {
  const { network, host, router } = lab()
  const discovery = new RouterDiscovery({ network: host, interface: 'nic0' })
  await network.clock.advance(5)
  for (let i = 1; i <= 40; i++) {
    advertise(
      router,
      9000,
      [{ ...PREFIX, prefix: Ip.of(`fd00:${i}::`).bytes }],
      255,
      Ip.of(`fe80::${i}`),
      i > 16 ? 1 : 0,
    )
    await network.clock.advance(5)
  }
  assert.equal(host.interface('nic0')!.addresses.filter((each) => !each.isLinkLocal).length, 16)
  const onLink = new Set(
    host
      .routes()
      .map(({ prefix }) => prefix.toString())
      .filter((text) => text.startsWith('fd00:')),
  )
  assert.equal(onLink.size, 16)
  assert.equal(
    String(host.lookup(Ip.of('2001:db8::1'))!.nextHops[0]!.via),
    'fe80::1',
    'the preferred 17th was not taken',
  )
  discovery.close()
})

test('a daemon hears and sends what discovers routers, with hop limit 255, and nothing that is malformed', async () => {
  const { network, host, router } = lab()
  const heard: string[] = []
  const types = [Icmpv6Type.routerSolicit, Icmpv6Type.routerAdvert]
  const at = (name: string) => (message: Uint8Array, from: Ip) =>
    void heard.push(`${name} ${message[0]} ${message.length} ${from.isLinkLocal}`)
  const onRouter = router.openIcmp6({ interface: 'port0', types }, at('router'))
  const onHost = host.openIcmp6({ interface: 'nic0', types: [Icmpv6Type.routerAdvert] }, at('host'))
  onHost.send(new Uint8Array([Icmpv6Type.routerSolicit, 0, 0, 0, 0, 0, 0, 0]), 'ff02::2')
  await network.clock.advance(5)
  onRouter.send(new Uint8Array([Icmpv6Type.routerAdvert, 0, 0, 0, 64, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0]), 'ff02::1')
  await network.clock.advance(5)
  assert.deepEqual(heard, ['router 133 8 true', 'host 134 16 true'])
  advertise(router, 100, [], 64) // forwarded, so not from this link
  onHost.send(new Uint8Array([Icmpv6Type.routerSolicit, 0, 0, 0]), 'ff02::2')
  onHost.send(new Uint8Array([Icmpv6Type.routerSolicit, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), 'ff02::2')
  await network.clock.advance(5)
  assert.equal(heard.length, 2)
  assert.equal(router.counters()['NS_NDP_INVALID'], 1, 'the first is too short for any ICMPv6')
  onRouter.close()
  onHost.send(new Uint8Array([Icmpv6Type.routerSolicit, 0, 0, 0, 0, 0, 0, 0]), 'ff02::2')
  await network.clock.advance(5)
  assert.equal(heard.length, 2)
  assert.throws(() => host.openIcmp6({ interface: 'nic9', types }, () => {}), { code: 'ENODEV' })
  assert.equal(await network.leaked(), 0)
})
