import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Mac } from '@lodestone/net'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { type NatMapping, NatTable } from './nat-table.ts'
import { switchTables } from './switch-tables.ts'
import { TableWriter } from './table-writer.ts'

const mapping = fc
  .record({
    external: fc.constantFrom('1.2.3.4', '1.2.3.5', 'fd00::4'),
    first: fc.integer({ min: 0, max: 7 }),
    length: fc.integer({ min: 0, max: 3 }),
    vni: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ external, first, length, vni }): NatMapping => ({
    external: Ip.of(external),
    firstPort: first * 10,
    lastPort: (first + length) * 10 + 9,
    sled: Ip.of('fd00::1'),
    innerMac: Mac.of('a8:40:25:f4:11:d7'),
    vni,
  }))

/** Which VNI a port of an address leads to; the first statement of a port wins only where nothing before it overlaps. */
function model(mappings: readonly NatMapping[]): Map<string, NatMapping> {
  const stands = new Map<string, NatMapping>()
  for (const each of mappings) {
    const overlaps = [...stands.values()].some(
      (other) =>
        other.external.equals(each.external) && other.firstPort <= each.lastPort && each.firstPort <= other.lastPort,
    )
    if (!overlaps) stands.set(`${each.external} ${each.firstPort}`, each)
  }
  return stands
}

function lines(mappings: Iterable<NatMapping>): string[] {
  return [...mappings].map((m) => `${m.external} ${m.firstPort}-${m.lastPort} ${m.vni}`).sort()
}

function tables(pipeline: FakePipeline): string[] {
  return [...pipeline.dump('ingress_ipv4'), ...pipeline.dump('ingress_ipv6')].map((line) => {
    const [, , low, high, vni] = /^(\d+) (\d+)\.\.(\d+) @1 forward_to_sled\(.*,(\d+)\)$/.exec(line)!
    return `${low}-${high} ${vni}`
  })
}

for (const failEvery of [0, 2, 3, 5]) {
  test(`tables and results equal the model, failing writes: ${failEvery || 'none'}`, () => {
    fc.assert(
      fc.property(fc.array(fc.array(mapping, { maxLength: 8 }), { minLength: 1, maxLength: 8 }), (statements) => {
        const pipeline = new FakePipeline()
        const nat = new NatTable(switchTables(pipeline), new TableWriter(pipeline, () => 0))
        pipeline.failEvery = failEvery
        statements.forEach((statement, generation) => {
          const outcome = nat.put(generation, statement)
          assert.ok(outcome.ok)
          // Whatever failed, results and tables agree.
          assert.equal(tables(pipeline).length, nat.list().length)
          const said = outcome.results.filter(({ reason }) => reason === undefined).map((result) => result.mapping)
          for (const line of new Set(lines(said))) assert.ok(lines(nat.list()).includes(line), line)
          const stands = lines(model(statement).values())
          if (failEvery === 0) assert.deepEqual(lines(nat.list()), stands)
          const isApplied = nat.status().appliedGeneration === generation
          assert.equal(isApplied, nat.status().failed.length === 0 && lines(nat.list()).join() === stands.join())
        })
        pipeline.failEvery = 0
        nat.retry()
        const last = model(statements.at(-1)!)
        assert.deepEqual(lines(nat.list()), lines(last.values()))
        assert.deepEqual(
          tables(pipeline).sort(),
          lines(last.values())
            .map((line) => line.slice(line.indexOf(' ') + 1))
            .sort(),
        )
      }),
      { numRuns: 80 },
    )
  })
}
