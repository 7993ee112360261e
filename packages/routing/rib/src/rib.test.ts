import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, type BgpAttributes, Rib, type RouteChange } from './index.ts'

const P = Prefix.of('198.51.100.0/24')

function attributes(fields: Partial<BgpAttributes> = {}): BgpAttributes {
  return {
    effectiveLocalPref: 100,
    asPathLength: 1,
    origin: 0,
    effectiveMed: 0,
    neighbourAsn: 65001,
    originatorId: undefined,
    clusterListLength: 0,
    asPathText: '65001',
    ...fields,
  }
}

function bgpPeer(rib: Rib, n: number, isExternal = true, routerId = n): Adjacency {
  return rib.adjacency({
    protocol: 'bgp',
    peer: `p${n}`,
    bgp: { isExternal, routerId, peerAddress: Ip.of(`203.0.113.${n}`) },
  })
}

const via = (n: number): Ip => Ip.of(`203.0.113.${n}`)

/** Offers of peers 1 and 2; peer 1's must lose at `step`. */
const cases: [string, Partial<BgpAttributes>, Partial<BgpAttributes>][] = [
  ['local-pref', { effectiveLocalPref: 100 }, { effectiveLocalPref: 101 }],
  ['as-path-length', { asPathLength: 3 }, { asPathLength: 2 }],
  ['origin', { origin: 2 }, { origin: 1 }],
  ['med', { effectiveMed: 10 }, { effectiveMed: 5 }],
]
for (const [step, worse, better] of cases) {
  test(`explain names ${step} when ${step} decides`, () => {
    const rib = new Rib({ nowMs: () => 0 })
    bgpPeer(rib, 1).announce(P, { nextHop: via(1), attributes: attributes(worse) })
    bgpPeer(rib, 2).announce(P, { nextHop: via(2), attributes: attributes(better) })
    assert.equal(rib.get(P)?.selected[0]?.source.peer, 'p2')
    const lost = rib.explain(P)!.paths.find((entry) => entry.verdict === 'lost')!
    assert.equal(lost.step, step)
    assert.equal(lost.path.source.peer, 'p1')
    assert.equal(lost.against?.source.peer, 'p2')
  })
}

test('eBGP beats iBGP, then metric, then router ID, then peer address decide', () => {
  const step = (a: [boolean, number, number], b: [boolean, number, number]): string | undefined => {
    const rib = new Rib({ nowMs: () => 0 })
    bgpPeer(rib, 1, a[0], a[2]).announce(P, { nextHop: via(1), metric: a[1], attributes: attributes() })
    bgpPeer(rib, 2, b[0], b[2]).announce(P, { nextHop: via(2), metric: b[1], attributes: attributes() })
    return rib.explain(P)!.paths.find((entry) => entry.verdict === 'lost')?.step
  }
  assert.equal(step([true, 9, 9], [false, 0, 0]), 'external-over-internal')
  assert.equal(step([true, 1, 0], [true, 0, 9]), 'metric')
  assert.equal(step([true, 0, 1], [true, 0, 2]), 'router-id')
  assert.equal(step([true, 0, 1], [true, 0, 1]), 'peer-address')
})

test('MEDs of different neighbour ASes are compared only when asked for', () => {
  const rib = new Rib({ nowMs: () => 0 })
  bgpPeer(rib, 1).announce(P, { nextHop: via(1), attributes: attributes({ effectiveMed: 10 }) })
  bgpPeer(rib, 2).announce(P, { nextHop: via(2), attributes: attributes({ effectiveMed: 5, neighbourAsn: 65002 }) })
  assert.equal(rib.get(P)?.selected[0]?.source.peer, 'p1')
  rib.configure({ decision: { alwaysCompareMed: true } })
  assert.equal(rib.get(P)?.selected[0]?.source.peer, 'p2')
})

test('multipath takes equal paths up to the fan-out, best first, and says why the rest is out', () => {
  const rib = new Rib({ nowMs: () => 0, fanOut: { bgp: 2 } })
  for (const n of [3, 1, 2]) bgpPeer(rib, n).announce(P, { nextHop: via(n), attributes: attributes() })
  assert.deepEqual(
    rib.get(P)!.selected.map((path) => path.source.peer),
    ['p1', 'p2'],
  )
  assert.deepEqual(
    rib.explain(P)!.paths.map((entry) => [entry.path.source.peer, entry.verdict, entry.step]),
    [
      ['p1', 'best', undefined],
      ['p2', 'multipath', undefined],
      ['p3', 'lost', 'fan-out'],
    ],
  )
})

test('multipath over equal AS_PATHs only, when configured', () => {
  const rib = new Rib({ nowMs: () => 0, fanOut: { bgp: 4 }, decision: { multipathNeedsSameAsPath: true } })
  bgpPeer(rib, 1).announce(P, { nextHop: via(1), attributes: attributes() })
  bgpPeer(rib, 2).announce(P, { nextHop: via(2), attributes: attributes({ asPathText: '65002', neighbourAsn: 65002 }) })
  assert.equal(rib.get(P)!.selected.length, 1)
  assert.equal(rib.explain(P)!.paths[1]?.step, 'as-path-differs')
})

test('a static route beats BGP by preference and an unusable path is explained by its reason', () => {
  const rib = new Rib({ nowMs: () => 0 })
  bgpPeer(rib, 1).announce(P, { nextHop: via(1), attributes: attributes() })
  bgpPeer(rib, 2).announce(P, {
    nextHop: via(2),
    attributes: attributes(),
    unusable: { code: 'as-loop', sentence: 'AS 64512 is in the path already' },
  })
  rib.adjacency({ protocol: 'static', peer: '' }).announce(P, { nextHop: via(9) })
  assert.equal(rib.get(P)!.selected[0]!.source.protocol, 'static')
  const explanation = rib.explain(P)!.paths
  assert.equal(explanation.find((entry) => entry.path.source.peer === 'p1')!.step, 'preference')
  assert.equal(explanation.find((entry) => entry.path.source.peer === 'p2')!.step, 'as-loop')
})

test('the oldest path wins only with preferOldest', () => {
  let now = 0
  const rib = new Rib({ nowMs: () => now, decision: { preferOldest: true } })
  bgpPeer(rib, 2).announce(P, { nextHop: via(2), attributes: attributes() })
  now = 1000
  bgpPeer(rib, 1).announce(P, { nextHop: via(1), attributes: attributes() })
  assert.equal(rib.get(P)!.selected[0]!.source.peer, 'p2')
  rib.configure({ decision: { preferOldest: false } })
  assert.equal(rib.get(P)!.selected[0]!.source.peer, 'p1')
})

test('watchers see one batch per change, in order, also when a watcher changes the RIB', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  const other = Prefix.of('2001:db8::/32')
  const seen: string[][] = []
  const log = (changes: readonly RouteChange[]): void =>
    void seen.push(changes.map((change) => `${change.prefix}=${change.selected.length}`))
  rib.watch((changes) => {
    if (changes.some((change) => change.prefix.equals(P) && change.selected.length > 0)) {
      fixed.announce(other, { nextHop: Ip.of('2001:db8::1') })
    }
  })
  rib.watch(log)
  fixed.announce(P, { nextHop: via(1) })
  fixed.withdraw(P)
  assert.deepEqual(seen, [['198.51.100.0/24=1'], ['2001:db8::/32=1'], ['198.51.100.0/24=0']])
  rib.batch(() => {
    fixed.announce(P, { nextHop: via(1) })
    fixed.withdraw(P)
  })
  assert.equal(seen.length, 3, 'nothing changed on balance, so nobody is told')
})

test('announcing the same path again tells nobody and keeps its age', () => {
  let now = 0
  const rib = new Rib({ nowMs: () => now })
  const peer = bgpPeer(rib, 1)
  const same = attributes()
  peer.announce(P, { nextHop: via(1), attributes: same })
  let batches = 0
  rib.watch(() => batches++)
  now = 50
  peer.announce(P, { nextHop: via(1), attributes: same })
  assert.equal(batches, 0)
  assert.equal(rib.get(P)!.selected[0]!.receivedAtMs, 0)
})

test('a closed adjacency leaves nothing behind and its name can be used again', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const peer = bgpPeer(rib, 1)
  for (let i = 0; i < 100; i++)
    peer.announce(Prefix.of(`10.0.${i}.0/24`), { nextHop: via(1), attributes: attributes() })
  assert.equal(peer.pathCount, 100)
  const batches: number[] = []
  rib.watch((changes) => batches.push(changes.length))
  peer.close()
  assert.deepEqual(batches, [100])
  assert.equal(rib.routeCount, 0)
  assert.equal(rib.selectedCount, 0)
  bgpPeer(rib, 1)
})

test('one peer may offer several paths for a prefix by path ID', () => {
  const rib = new Rib({ nowMs: () => 0, fanOut: { static: 8 } })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  fixed.announce(P, { nextHop: via(1), pathId: 1 })
  fixed.announce(P, { nextHop: via(2), pathId: 2 })
  assert.equal(rib.get(P)!.selected.length, 2)
  fixed.withdraw(P, 1)
  assert.deepEqual(
    rib.get(P)!.selected.map((path) => path.nextHop.toString()),
    ['203.0.113.2'],
  )
})

test('longest match ignores routes that are received but not selected', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  fixed.announce(Prefix.of('0.0.0.0/0'), { nextHop: via(1) })
  fixed.announce(Prefix.of('10.0.0.0/8'), { nextHop: via(2) })
  fixed.announce(Prefix.of('10.1.0.0/16'), { nextHop: via(3), unusable: { code: 'test', sentence: 'test' } })
  assert.equal(rib.longestMatch(Ip.of('10.1.2.3'))!.prefix.toString(), '10.0.0.0/8')
  assert.equal(rib.longestMatch(Ip.of('11.1.2.3'))!.prefix.toString(), '0.0.0.0/0')
  assert.equal(rib.longestMatch(Ip.of('2001:db8::1')), undefined)
})

test('two peers with 50k routes each come and go without leaving anything behind', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const peers = [bgpPeer(rib, 1), bgpPeer(rib, 2)]
  const same = attributes()
  const prefixes = Array.from({ length: 50_000 }, (_, i) => new Prefix(Ip.v4(0x0a000000 + i * 256), 24))
  for (const peer of peers) {
    rib.batch(() => {
      for (const prefix of prefixes) peer.announce(prefix, { nextHop: via(1), attributes: same })
    })
  }
  assert.equal(rib.selectedCount, 50_000)
  for (const peer of peers) peer.clear()
  assert.equal(rib.routeCount, 0)
})
