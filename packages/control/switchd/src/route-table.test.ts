import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { type RoutePath, RouteTable } from './route-table.ts'
import { switchTables } from './switch-tables.ts'
import { TableWriter } from './table-writer.ts'

const P = Prefix.of('203.0.113.0/24')
const path = (port: number, nextHop: string, vlanId?: number): RoutePath => ({
  port,
  nextHop: Ip.of(nextHop),
  ...(vlanId === undefined ? {} : { vlanId }),
})

function make(pathSlots = 8192): { pipeline: FakePipeline; v4: RouteTable; v6: RouteTable } {
  const pipeline = new FakePipeline({ sizes: { route_v4: pathSlots, route_v6: pathSlots } })
  const tables = switchTables(pipeline)
  const writer = new TableWriter(pipeline, () => 0)
  return {
    pipeline,
    v4: new RouteTable(4, tables.lookupV4, tables.routeV4, writer),
    v6: new RouteTable(6, tables.lookupV6, tables.routeV6, writer),
  }
}

test('the paths of a prefix lie side by side, sorted, without duplicates', () => {
  const { pipeline, v4 } = make()
  assert.ok(v4.set(P, [path(34, '192.0.2.5'), path(33, '192.0.2.1'), path(34, '192.0.2.5')]).ok)
  assert.deepEqual(pipeline.dump('lookup_v4'), ['3405803776/24 @0 index(0,2)'])
  assert.deepEqual(pipeline.dump('route_v4'), ['0 @0 forward(33,3221225985)', '1 @0 forward(34,3221225989)'])
})

test('an IPv4 route takes IPv6 next hops and tags (RFC 8950)', () => {
  const { pipeline, v4 } = make()
  assert.ok(v4.set(P, [path(33, 'fe80::1', 7), path(34, 'fe80::1'), path(35, '192.0.2.1', 9)]).ok)
  const fe80 = 0xfe80_0000_0000_0000_0000_0000_0000_0001n
  assert.deepEqual(pipeline.dump('route_v4'), [
    `0 @0 forward_vlan_v6(33,${fe80},7)`,
    `1 @0 forward_v6(34,${fe80})`,
    '2 @0 forward_vlan(35,3221225985,9)',
  ])
  assert.equal(v4.vlanId(33, Ip.of('fe80::1')), 7)
  assert.equal(v4.vlanId(34, Ip.of('fe80::1')), undefined)
})

test('new paths are written before the prefix is swapped over in one write, and old ones removed after', () => {
  const { pipeline, v4 } = make()
  v4.set(P, [path(33, '192.0.2.1')])
  const order: string[] = []
  for (const name of ['addEntry', 'modifyEntry', 'deleteEntry'] as const) {
    const real = pipeline[name].bind(pipeline)
    pipeline[name] = (table: string, entry: never) => {
      order.push(`${name} ${table.split('.').at(-1)}`)
      return real(table, entry)
    }
  }
  assert.ok(v4.set(P, [path(34, '192.0.2.5'), path(35, '192.0.2.9')]).ok)
  assert.deepEqual(order, ['addEntry route_v4', 'addEntry route_v4', 'modifyEntry lookup_v4', 'deleteEntry route_v4'])
})

test('of paths with one next hop on two ports, one can go and the other stays', () => {
  const { pipeline, v4 } = make()
  v4.set(P, [path(33, 'fe80::1'), path(34, 'fe80::1')])
  assert.ok(v4.set(P, [path(34, 'fe80::1')]).ok)
  assert.deepEqual(v4.get(P)?.paths, [path(34, 'fe80::1')])
  assert.deepEqual(
    pipeline.dump('route_v4').map((entry) => entry.replace(/^\d+ /, '')),
    [`@0 forward_v6(34,${0xfe80_0000_0000_0000_0000_0000_0000_0001n})`],
  )
})

test('setting the same paths again, in another order, writes nothing', () => {
  const { pipeline, v4 } = make()
  v4.set(P, [path(33, '192.0.2.1'), path(34, '192.0.2.5')])
  pipeline.failEvery = 1
  assert.ok(v4.set(P, [path(34, '192.0.2.5'), path(33, '192.0.2.1')]).ok)
})

test('host bits of the prefix do not make another route', () => {
  const { v4 } = make()
  v4.set(Prefix.of('203.0.113.77/24'), [path(33, '192.0.2.1')])
  assert.equal(v4.list().length, 1)
  assert.ok(v4.delete(P).ok)
  assert.deepEqual(v4.list(), [])
})

test('without room for a second set, fewer or as many paths replace the old ones in place', () => {
  const { pipeline, v4 } = make(3)
  v4.set(P, [path(33, '192.0.2.1'), path(34, '192.0.2.5'), path(35, '192.0.2.9')])
  assert.ok(v4.set(P, [path(36, '192.0.2.13'), path(37, '192.0.2.17')]).ok)
  assert.deepEqual(pipeline.dump('lookup_v4'), ['3405803776/24 @0 index(0,2)'])
  assert.equal(pipeline.dump('route_v4').length, 2)
  assert.equal(v4.freePaths, 1)
})

test('a route that does not fit is refused as a matter of capacity, and what was there stays', () => {
  const { pipeline, v4 } = make(3)
  v4.set(P, [path(33, '192.0.2.1'), path(34, '192.0.2.5')])
  const before = [pipeline.dump('lookup_v4'), pipeline.dump('route_v4')]
  const more = v4.set(P, [path(33, '192.0.2.1'), path(34, '192.0.2.5'), path(35, '192.0.2.9')])
  assert.ok(!more.ok && more.error.kind === 'capacity')
  assert.deepEqual([pipeline.dump('lookup_v4'), pipeline.dump('route_v4')], before)
})

test('a full lookup table gives the paths back', () => {
  const pipeline = new FakePipeline({ sizes: { lookup_v4: 1 } })
  const tables = switchTables(pipeline)
  const v4 = new RouteTable(4, tables.lookupV4, tables.routeV4, new TableWriter(pipeline, () => 0))
  v4.set(P, [path(33, '192.0.2.1')])
  const second = v4.set(Prefix.of('10.0.0.0/8'), [path(33, '192.0.2.1')])
  assert.ok(!second.ok && second.error.kind === 'capacity')
  assert.equal(pipeline.dump('route_v4').length, 1)
  assert.equal(v4.freePaths, 8191)
})

test('what can never work is refused as invalid', () => {
  const { v4, v6 } = make()
  const bad = [
    v4.set(Prefix.of('fd00::/8'), [path(33, 'fe80::1')]),
    v4.set(P, []),
    v4.set(P, [path(33, '224.0.0.1')]),
    v4.set(P, [path(33, '192.0.2.1', 4095)]),
    v4.set(
      P,
      Array.from({ length: 33 }, (_, i) => path(33, `192.0.2.${i + 1}`)),
    ),
    v6.set(Prefix.of('fd00::/8'), [path(33, '192.0.2.1')]),
  ]
  for (const outcome of bad) assert.ok(!outcome.ok && outcome.error.kind === 'invalid')
  const missing = v4.delete(P)
  assert.ok(!missing.ok && missing.error.kind === 'notFound')
})
