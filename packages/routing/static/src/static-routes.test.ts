import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { StaticRoutes } from './index.ts'

const DEFAULT = Prefix.of('0.0.0.0/0')
const [A, B] = [Ip.of('203.0.113.1'), Ip.of('203.0.113.2')]

test('set applies the difference as one batch and leaves equal routes alone', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = new StaticRoutes(rib)
  fixed.set([
    { prefix: DEFAULT, nextHop: A },
    { prefix: Prefix.of('10.0.0.0/8'), nextHop: A },
  ])
  const batches: string[][] = []
  rib.watch((changes) => batches.push(changes.map(({ prefix, selected }) => `${prefix} ${selected.length}`)))
  fixed.set([
    { prefix: DEFAULT, nextHop: A },
    { prefix: Prefix.of('2001:db8::/32'), nextHop: Ip.of('fe80::1'), interface: 'qsfp0' },
  ])
  assert.deepEqual(batches, [['10.0.0.0/8 0', '2001:db8::/32 1']])
  assert.equal(rib.get(Prefix.of('2001:db8::/32'))!.selected[0]!.nextHopInterface, 'qsfp0')
})

test('two next hops of equal preference are used together, the less preferred one waits', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = new StaticRoutes(rib)
  const hops = (): string[] => (rib.get(DEFAULT)?.selected ?? []).map((path) => path.nextHop.toString())
  fixed.set([
    { prefix: DEFAULT, nextHop: A },
    { prefix: DEFAULT, nextHop: B },
  ])
  assert.deepEqual(hops(), ['203.0.113.1', '203.0.113.2'])
  fixed.set([
    { prefix: DEFAULT, nextHop: A },
    { prefix: DEFAULT, nextHop: B, preference: 200 },
  ])
  assert.deepEqual(hops(), ['203.0.113.1'])
  fixed.set([{ prefix: DEFAULT, nextHop: B, preference: 200 }])
  assert.deepEqual(hops(), ['203.0.113.2'])
  fixed.set([])
  assert.equal(rib.routeCount, 0)
})

test('the preference decides against other protocols', () => {
  const rib = new Rib({ nowMs: () => 0 })
  rib.adjacency({ protocol: 'bgp', peer: 'x' }).announce(DEFAULT, { nextHop: B })
  const fixed = new StaticRoutes(rib)
  fixed.set([{ prefix: DEFAULT, nextHop: A }])
  assert.equal(rib.get(DEFAULT)!.selected[0]!.source.protocol, 'static')
  fixed.set([{ prefix: DEFAULT, nextHop: A, preference: 21 }])
  assert.equal(rib.get(DEFAULT)!.selected[0]!.source.protocol, 'bgp')
  fixed.close()
  assert.equal(rib.get(DEFAULT)!.paths.length, 1)
})

test('a tracked route is used while what it is tracked by is up, and says why it is not', () => {
  const rib = new Rib({ nowMs: () => 0 })
  const fixed = new StaticRoutes(rib)
  fixed.set([
    { prefix: DEFAULT, nextHop: A, trackedBy: 'a' },
    { prefix: DEFAULT, nextHop: B, preference: 200 },
  ])
  const used = (): string =>
    rib
      .get(DEFAULT)
      ?.selected.map((path) => path.nextHop.toString())
      .join() ?? ''
  assert.equal(used(), '203.0.113.2')
  assert.match(
    rib
      .explain(DEFAULT)!
      .paths.map(({ sentence }) => sentence)
      .join(),
    /BFD does not reach 203\.0\.113\.1/,
  )
  fixed.setUp('a', true)
  assert.equal(used(), '203.0.113.1')
  fixed.setUp('a', false)
  assert.equal(used(), '203.0.113.2')
  // What is up is known before the route comes.
  fixed.setUp('b', true)
  fixed.set([{ prefix: DEFAULT, nextHop: B, trackedBy: 'b' }])
  assert.equal(used(), '203.0.113.2')
  // Nothing to track any more.
  fixed.set([{ prefix: DEFAULT, nextHop: A }])
  assert.equal(used(), '203.0.113.1')
})
