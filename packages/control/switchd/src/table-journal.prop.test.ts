import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TableResult } from '@lodestone/npu'
import fc from 'fast-check'
import { Ip, Mac } from '@lodestone/net'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { type NatMapping, NatTable } from './nat-table.ts'
import { switchTables } from './switch-tables.ts'
import { TableJournal } from './table-journal.ts'
import { TableWriter } from './table-writer.ts'

class Pipeline extends FakePipeline {
  resetDefault(): TableResult {
    return { ok: true }
  }
}

const mapping = fc
  .record({ last: fc.integer({ min: 1, max: 5 }), vni: fc.integer({ min: 1, max: 3 }) })
  .map(({ last, vni }): NatMapping => ({
    external: Ip.of(`1.2.3.${last}`),
    firstPort: 0,
    lastPort: 65_535,
    sled: Ip.of('fd00::1'),
    innerMac: Mac.of('a8:40:25:f4:11:d7'),
    vni,
  }))
const statement = fc.record({ mappings: fc.array(mapping, { maxLength: 6 }), restarts: fc.boolean() })

for (const failEvery of [0, 3]) {
  test(`tables are made what they were at any time, over restarts of the daemon, failing writes: ${failEvery || 'none'}`, () => {
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1, maxLength: 8 }), (statements) => {
        let nowMs = 0
        const journal = new TableJournal(() => nowMs)
        const live = new Pipeline()
        const begin = (): NatTable => {
          const writer = new TableWriter(live, () => 0, journal)
          writer.clear()
          return new NatTable(switchTables(live), writer)
        }
        let nat = begin()
        live.failEvery = failEvery
        const then = statements.map(({ mappings, restarts }, generation) => {
          nowMs++
          if (restarts) nat = begin()
          nat.put(generation, mappings)
          return { atMs: nowMs, dump: live.dump('ingress_ipv4') }
        })
        const other = new Pipeline()
        for (const { atMs, dump } of then) {
          journal.restore(live, atMs, other)
          assert.deepEqual(other.dump('ingress_ipv4'), dump)
        }
        journal.restore(live, 0, other)
        assert.deepEqual(other.dump('ingress_ipv4'), [])
      }),
    )
  })
}

test('room is kept, and what is forgotten is said', () => {
  let nowMs = 0
  const journal = new TableJournal(() => nowMs, 10)
  const live = new Pipeline()
  const table = switchTables(live).natIpv4
  const entry = table.entry([{ kind: 'exact', value: 1n }, { kind: 'any' }], 'forward_to_sled', [1n, 2n, 3n], 1)
  for (nowMs = 1; nowMs <= 12; nowMs++) journal.note({ kind: 'delete', table: table.name, entry })
  assert.equal(journal.reachesBackToMs, 2)
  journal.note({ kind: 'fill', table: table.name, entries: Array.from({ length: 50 }, () => entry) })
  assert.equal(journal.reachesBackToMs, nowMs)
})
