import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Prefix } from '@lodestone/net'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { type RoutePath, RouteTable } from './route-table.ts'
import { switchTables } from './switch-tables.ts'
import { TableWriter } from './table-writer.ts'

const prefixes = ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '192.0.2.0/24'].map(Prefix.of)
const pathOf = fc
  .record({ port: fc.integer({ min: 33, max: 36 }), host: fc.integer({ min: 1, max: 4 }) })
  .map(({ port, host }): RoutePath => ({ port, nextHop: Ip.of(`192.0.2.${host}`) }))
const command = fc.record({
  prefix: fc.constantFrom(...prefixes),
  paths: fc.array(pathOf, { maxLength: 6 }),
})

/** What the tables say about each prefix: the set of its paths, following the index. */
function readTables(pipeline: FakePipeline): Map<string, string[]> {
  const paths = new Map<string, string>()
  for (const line of pipeline.dump('route_v4')) {
    const [index, , action] = line.split(' ')
    paths.set(index!, action!)
  }
  const routes = new Map<string, string[]>()
  let referred = 0
  for (const line of pipeline.dump('lookup_v4')) {
    const found = /^(\S+) @0 index\((\d+),(\d+)\)$/.exec(line)!
    const [, prefix, first, count] = found
    const own = Array.from({ length: Number(count) }, (_, i) => paths.get(String(Number(first) + i)))
    assert.ok(
      own.every((path) => path !== undefined),
      `${prefix} leads to a hole`,
    )
    routes.set(prefix!, (own as string[]).sort())
    referred += own.length
  }
  assert.ok(referred <= paths.size)
  return routes
}

function model(paths: readonly RoutePath[]): string[] {
  return [...new Set(paths.map(({ port, nextHop }) => `forward(${port},${nextHop.word(0)})`))].sort()
}

const keyOf = (prefix: Prefix): string => `${prefix.address.word(0)}/${prefix.length}`

for (const failEvery of [0, 2, 3, 5, 7]) {
  const chaos = failEvery === 0 ? 'writes that work' : `every ${failEvery}th write failing`
  test(`with ${chaos}, the tables equal the model after every command`, () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const pipeline = new FakePipeline({ sizes: { route_v4: 24 } })
        const tables = switchTables(pipeline)
        const writer = new TableWriter(pipeline, () => 0)
        const routes = new RouteTable(4, tables.lookupV4, tables.routeV4, writer)
        const expected = new Map<string, string[]>()
        pipeline.failEvery = failEvery
        for (const { prefix, paths } of commands) {
          const outcome = paths.length === 0 ? routes.delete(prefix) : routes.set(prefix, paths)
          if (outcome.ok && paths.length === 0) expected.delete(keyOf(prefix))
          if (outcome.ok && paths.length > 0) expected.set(keyOf(prefix), model(paths))
          assert.deepEqual(sorted(readTables(pipeline)), sorted(expected))
          assert.deepEqual(
            routes
              .list()
              .map((route) => keyOf(route.prefix))
              .sort(),
            [...expected.keys()].sort(),
          )
        }
        // Once writes work again nothing is left over: every path in the table belongs to a route.
        pipeline.failEvery = 0
        assert.ok(writer.settle().ok)
        assert.equal(writer.pending, 0)
        const used = [...expected.values()].reduce((sum, paths) => sum + paths.length, 0)
        assert.equal(pipeline.dump('route_v4').length, used)
        assert.equal(routes.freePaths, 24 - used)
      }),
      { numRuns: 80 },
    )
  })
}

test('when all writes fail for a while, the tables are put right before anything else is written', () => {
  const pipeline = new FakePipeline()
  const tables = switchTables(pipeline)
  const writer = new TableWriter(pipeline, () => 0)
  const routes = new RouteTable(4, tables.lookupV4, tables.routeV4, writer)
  const paths = [1, 2, 3].map((host): RoutePath => ({ port: 33, nextHop: Ip.of(`192.0.2.${host}`) }))
  // The third write fails, and so do the undos.
  const add = pipeline.addEntry.bind(pipeline)
  let adds = 0
  pipeline.addEntry = (table, entry) => {
    if (++adds === 3) pipeline.failEvery = 1
    return add(table, entry)
  }
  assert.ok(!routes.set(prefixes[1]!, paths).ok)
  assert.equal(writer.pending, 2)
  assert.ok(!routes.set(prefixes[2]!, paths).ok)
  pipeline.failEvery = 0
  assert.ok(routes.set(prefixes[3]!, paths.slice(0, 1)).ok)
  assert.equal(writer.pending, 0)
  assert.deepEqual(pipeline.dump('route_v4'), ['0 @0 forward(33,3221225985)'])
})

function sorted(routes: ReadonlyMap<string, string[]>): [string, string[]][] {
  return [...routes].sort(([a], [b]) => (a < b ? -1 : 1))
}
