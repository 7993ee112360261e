import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, type LinkSubnet, NextHopResolver, Rib } from './index.ts'

const ETH0: LinkSubnet = { prefix: Prefix.of('10.0.0.0/24'), interface: 'eth0' }
const ETH1: LinkSubnet = { prefix: Prefix.of('10.0.1.0/24'), interface: 'eth1' }

let rib: Rib
let resolver: NextHopResolver
let statics: Adjacency
let bgp: Adjacency
let deferred: (() => void)[]
let changed: string[]

beforeEach(() => {
  rib = new Rib({ nowMs: () => 0 })
  deferred = []
  changed = []
  resolver = new NextHopResolver({
    rib,
    defer: (look) => deferred.push(look),
    onChange: (nextHops) => changed.push(...nextHops.map(String)),
  })
  resolver.setSubnets([ETH0, ETH1])
  statics = rib.adjacency({ protocol: 'static', peer: '' })
  bgp = rib.adjacency({ protocol: 'bgp', peer: 'p' })
})

function settle(): void {
  for (let look = deferred.shift(); look !== undefined; look = deferred.shift()) look()
}

function announce(by: Adjacency, prefix: string, nextHop: string, metric = 0): void {
  by.announce(Prefix.of(prefix), { nextHop: Ip.of(nextHop), metric })
}

function hops(nextHop: string): string {
  return resolver
    .resolve(Ip.of(nextHop))
    .hops.map(({ via, interface: name }) => `${via}%${name}`)
    .join()
}

test('a next hop on a link needs no route, and nobody follows the RIB for it', () => {
  assert.equal(hops('10.0.0.7'), '10.0.0.7%eth0')
  assert.equal(resolver.resolve(Ip.of('10.0.0.7')).isOnLink, true)
  announce(statics, '10.0.0.0/25', '10.0.1.1')
  assert.equal(deferred.length, 0)
})

test('the most specific route that covers it leads to a next hop, with its cost, through other routes if need be', () => {
  announce(statics, '192.0.2.0/24', '10.0.1.9', 5)
  announce(bgp, '203.0.113.0/24', '192.0.2.1', 7)
  assert.equal(hops('203.0.113.9'), '10.0.1.9%eth1')
  const way = resolver.resolve(Ip.of('203.0.113.9'))
  assert.equal(way.metric, 7)
  assert.equal(
    way.sentence,
    '203.0.113.9 is reached by 203.0.113.0/24, bgp p via 192.0.2.1; 192.0.2.1 is reached by 192.0.2.0/24, static via 10.0.1.9',
  )
  announce(statics, '203.0.113.8/29', '10.0.0.3')
  settle()
  assert.deepEqual(changed, ['203.0.113.9'])
  assert.equal(hops('203.0.113.9'), '10.0.0.3%eth0')
})

test('a route that goes takes the way with it, and one that comes back brings it', () => {
  announce(statics, '192.0.2.0/24', '10.0.1.9')
  assert.equal(hops('192.0.2.1'), '10.0.1.9%eth1')
  statics.withdraw(Prefix.of('192.0.2.0/24'))
  settle()
  assert.deepEqual([changed.splice(0), hops('192.0.2.1')], [['192.0.2.1'], ''])
  announce(statics, '192.0.2.0/24', '10.0.1.9')
  settle()
  assert.deepEqual([changed, hops('192.0.2.1')], [['192.0.2.1'], '10.0.1.9%eth1'])
})

test('a link that goes down, too', () => {
  announce(statics, '192.0.2.0/24', '10.0.1.9')
  assert.equal(hops('192.0.2.1'), '10.0.1.9%eth1')
  resolver.setSubnets([ETH0])
  assert.deepEqual([changed, hops('192.0.2.1')], [['192.0.2.1'], ''])
})

test('the default route resolves nothing', () => {
  announce(statics, '0.0.0.0/0', '10.0.0.1')
  assert.equal(hops('192.0.2.1'), '')
  assert.match(resolver.resolve(Ip.of('192.0.2.1')).sentence, /no way to 192.0.2.1/)
})

test('a route is no way to its own next hop: the less specific one is', () => {
  announce(statics, '192.0.0.0/16', '10.0.0.1')
  announce(bgp, '192.0.2.0/24', '192.0.2.1')
  assert.equal(hops('192.0.2.1'), '10.0.0.1%eth0')
})

test('two routes that need each other lead nowhere', () => {
  announce(bgp, '192.0.2.0/24', '203.0.113.1')
  announce(bgp, '203.0.113.0/24', '192.0.2.1')
  assert.deepEqual([hops('192.0.2.1'), hops('203.0.113.1')], ['', ''])
  assert.match(resolver.resolve(Ip.of('192.0.2.1')).sentence, /192.0.2.0\/24 leads back or nowhere/)
  announce(statics, '203.0.0.0/16', '10.0.0.5')
  settle()
  assert.deepEqual([hops('192.0.2.1'), hops('203.0.113.1')], ['10.0.0.5%eth0', '10.0.0.5%eth0'])
})

test('a next hop of a multipath route has all its ways', () => {
  statics.announce(Prefix.of('192.0.2.0/24'), { nextHop: Ip.of('10.0.0.1'), pathId: 1 })
  statics.announce(Prefix.of('192.0.2.0/24'), { nextHop: Ip.of('10.0.1.1'), pathId: 2 })
  assert.equal(hops('192.0.2.1'), '10.0.0.1%eth0,10.0.1.1%eth1')
})

test('next hops that no path has any more are forgotten when there are many', () => {
  announce(statics, '192.0.2.0/24', '10.0.1.9')
  announce(bgp, '198.51.100.0/24', '192.0.2.7')
  hops('192.0.2.7')
  for (let i = 0; i < 5000; i++) resolver.resolve(Ip.v4(0xcb000000 + i))
  statics.withdraw(Prefix.of('192.0.2.0/24'))
  settle()
  assert.deepEqual(changed, ['192.0.2.7'], 'the one in use is followed still')
})
