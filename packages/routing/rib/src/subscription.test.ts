import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from './index.ts'

const via = (n: number): Ip => Ip.of(`203.0.113.${n}`)
const prefixes = Array.from({ length: 100 }, (_, i) => Prefix.of(`10.${i}.0.0/16`))

test('a subscriber is told once, takes at its own pace, and sees each prefix in its latest state', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  let told = 0
  const subscription = rib.subscribe(() => told++)
  for (let round = 1; round <= 5; round++)
    for (const prefix of prefixes) fixed.announce(prefix, { nextHop: via(round) })
  assert.equal(told, 1)
  assert.equal(subscription.pending, 100, 'what waits is bounded by the table, not by the changes')
  // Taking exactly what waits empties the queue too, without looking for more.
  const first = subscription.take(40)
  assert.equal(first.length, 40)
  assert.ok(first.every((route) => route.selected[0]!.nextHop.equals(via(5))))
  assert.equal(subscription.take(60).length, 60)
  fixed.announce(prefixes[0]!, { nextHop: via(9) })
  assert.equal(told, 2, 'and told again after it has emptied the queue')
})

test('a prefix that came and went while nobody took it is seen once, as unreachable', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  const subscription = rib.subscribe(() => undefined)
  fixed.announce(prefixes[0]!, { nextHop: via(1) })
  fixed.withdraw(prefixes[0]!)
  const [route] = subscription.take(10)
  assert.equal(route!.prefix.toString(), '10.0.0.0/16')
  assert.deepEqual(route!.selected, [])
  assert.equal(rib.store.v4.size, 0, 'its index is given back')
})

test('replay begins with everything that is selected, and a closed subscription holds nothing', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  for (const prefix of prefixes) fixed.announce(prefix, { nextHop: via(1) })
  const subscription = rib.subscribe(() => undefined, { replay: true })
  assert.equal(subscription.pending, 100)
  fixed.close()
  assert.equal(rib.store.v4.size, 100, 'held by the subscriber')
  subscription.close()
  assert.equal(rib.store.v4.size, 0)
})

test('losing paths concern only those who ask for all paths', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  const best = rib.subscribe(() => undefined)
  const all = rib.subscribe(() => undefined, { allPaths: true })
  fixed.announce(prefixes[0]!, { nextHop: via(1), pathId: 1 })
  best.take(10)
  all.take(10)
  fixed.announce(prefixes[0]!, { nextHop: via(2), pathId: 2, preference: 50 })
  assert.deepEqual([best.pending, all.pending], [0, 1])
})

test('a large adjacency goes in slices, and its name is free at once', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const options = { protocol: 'bgp', peer: 'p', bgp: { isExternal: true, routerId: 1, peerAddress: via(1) } } as const
  const old = rib.adjacency(options)
  for (const prefix of prefixes) old.announce(prefix, { nextHop: via(1) })
  old.retire()
  const renewed = rib.adjacency(options)
  renewed.announce(prefixes[0]!, { nextHop: via(2) })
  const sweeper = old.sweeper({})
  assert.equal(sweeper.sweep(60), 60)
  assert.equal(rib.pathCount, 41)
  assert.equal(sweeper.sweep(60), 40)
  assert.deepEqual(
    rib.get(prefixes[0]!)!.paths.map((path) => path.nextHop.toString()),
    ['203.0.113.2'],
  )
  assert.equal(rib.selectedCount, 1)
})

test('stale paths stay as good as others until they are swept or announced again', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const adjacency = rib.adjacency({ protocol: 'static', peer: '' })
  for (const prefix of prefixes.slice(0, 3)) adjacency.announce(prefix, { nextHop: via(1) })
  let changes = 0
  rib.watch(() => changes++)
  adjacency.markStale(4)
  assert.equal(adjacency.staleCount, 3)
  assert.equal(rib.selectedCount, 3)
  adjacency.announce(prefixes[0]!, { nextHop: via(1) })
  assert.equal(changes, 0, 'announced again unchanged: nobody is told')
  assert.equal(rib.get(prefixes[0]!)!.selected[0]!.isStale, false)
  adjacency.sweeper({ isStale: true }).sweep(100)
  assert.equal(rib.selectedCount, 1)
})

test('adjacency numbers are used again only when no path has them', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const a = rib.adjacency({ protocol: 'static', peer: 'a' })
  a.announce(prefixes[0]!, { nextHop: via(1) })
  a.retire()
  const b = rib.adjacency({ protocol: 'static', peer: 'b' })
  assert.notEqual(b.id, a.id)
  a.sweeper({}).sweep(10)
  b.close()
  assert.ok([a.id, b.id].includes(rib.adjacency({ protocol: 'static', peer: 'c' }).id))
})

test('a missing MED counts as the highest only where that is asked for', () => {
  const attributes = (effectiveMed: number, isMedAbsent: boolean) => ({
    effectiveLocalPref: 100,
    asPathLength: 1,
    origin: 0 as const,
    effectiveMed,
    neighbourAsn: 65001,
    originatorId: undefined,
    clusterListLength: 0,
    asPathText: '65001',
    isMedAbsent,
  })
  const rib = new Rib({ nowMs: () => 0 })
  for (const [n, med, isAbsent] of [
    [1, 10, false],
    [2, 0, true],
  ] as const) {
    rib
      .adjacency({ protocol: 'bgp', peer: `p${n}`, bgp: { isExternal: true, routerId: n, peerAddress: via(n) } })
      .announce(prefixes[0]!, { nextHop: via(n), attributes: attributes(med, isAbsent) })
  }
  assert.equal(rib.get(prefixes[0]!)!.selected[0]!.source.peer, 'p2')
  rib.configure({ decision: { missingMedIsWorst: true } })
  assert.equal(rib.get(prefixes[0]!)!.selected[0]!.source.peer, 'p1')
})
