import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac } from '@lodestone/net'
import { FakePipeline } from './fake-pipeline.fixture.ts'
import { type NatMapping, NatTable } from './nat-table.ts'
import { switchTables } from './switch-tables.ts'
import { TableWriter } from './table-writer.ts'

function make(size = 16384): { pipeline: FakePipeline; nat: NatTable } {
  const pipeline = new FakePipeline({ sizes: { ingress_ipv4: size } })
  return { pipeline, nat: new NatTable(switchTables(pipeline), new TableWriter(pipeline, () => 0)) }
}

function mapping(external: string, firstPort: number, lastPort: number, vni = 7): NatMapping {
  return {
    external: Ip.of(external),
    firstPort,
    lastPort,
    sled: Ip.of('fd00:1122:3344:101::1'),
    innerMac: Mac.of('a8:40:25:f4:11:d7'),
    vni,
  }
}

function reasons(nat: NatTable, generation: number, mappings: readonly NatMapping[]): (string | undefined)[] {
  const outcome = nat.put(generation, mappings)
  assert.ok(outcome.ok)
  return outcome.results.map(({ reason }) => reason)
}

test('what is stated is in the tables, and what is no longer stated is gone', () => {
  const { pipeline, nat } = make()
  assert.deepEqual(reasons(nat, 1, [mapping('1.2.3.4', 0, 65535), mapping('fd00::1', 0, 100)]), [undefined, undefined])
  assert.equal(pipeline.dump('ingress_ipv4').length, 1)
  assert.equal(pipeline.dump('ingress_ipv6').length, 1)
  assert.deepEqual(reasons(nat, 2, [mapping('1.2.3.4', 0, 16383)]), [undefined])
  assert.match(pipeline.dump('ingress_ipv4')[0]!, /^16909060 0\.\.16383 @1 forward_to_sled\(/)
  assert.deepEqual(pipeline.dump('ingress_ipv6'), [])
  assert.deepEqual(nat.status().failed, [])
  assert.equal(nat.status().appliedGeneration, 2)
})

test('a changed target is one write to the same entry', () => {
  const { pipeline, nat } = make()
  nat.put(1, [mapping('1.2.3.4', 0, 65535, 7)])
  pipeline.deleteEntry = () => assert.fail('nothing has to be deleted')
  assert.deepEqual(reasons(nat, 2, [mapping('1.2.3.4', 0, 65535, 8)]), [undefined])
  assert.match(pipeline.dump('ingress_ipv4')[0]!, /,8\)$/)
})

test('of overlapping ranges the first in the statement stands, and the other says what it overlaps', () => {
  const { nat } = make()
  assert.deepEqual(
    reasons(nat, 1, [
      mapping('1.2.3.4', 0, 16383),
      mapping('1.2.3.4', 16383, 20000),
      mapping('1.2.3.4', 16384, 20000),
      mapping('1.2.3.5', 0, 65535),
    ]),
    [undefined, 'overlaps 1.2.3.4 ports 0-16383', undefined, undefined],
  )
  assert.equal(nat.status().appliedGeneration, -1)
  assert.equal(nat.status().desiredGeneration, 1)
  assert.equal(nat.status().applied, 3)
})

test('an exact repetition is no overlap; the same range with another target is one', () => {
  const { nat } = make()
  const twice = [mapping('1.2.3.4', 0, 10), mapping('1.2.3.4', 0, 10)]
  assert.deepEqual(reasons(nat, 1, twice), [undefined, undefined])
  const two = [mapping('1.2.3.4', 0, 10), mapping('1.2.3.4', 0, 10, 9)]
  assert.deepEqual(reasons(nat, 2, two), [undefined, 'overlaps 1.2.3.4 ports 0-10'])
})

test('entries that make no sense fail by themselves', () => {
  const { nat } = make()
  const bad = [
    mapping('1.2.3.4', 10, 9),
    mapping('224.0.0.1', 0, 9),
    { ...mapping('1.2.3.4', 0, 9), sled: Ip.of('10.0.0.1') },
    mapping('1.2.3.5', 0, 9),
  ]
  const [first, second, third, fourth] = reasons(nat, 1, bad)
  assert.match(first!, /above the last/)
  assert.match(second!, /cannot be the address of an instance/)
  assert.match(third!, /must be IPv6/)
  assert.equal(fourth, undefined)
})

test('an older generation is refused and changes nothing; the same one may be stated again', () => {
  const { pipeline, nat } = make()
  nat.put(5, [mapping('1.2.3.4', 0, 65535)])
  const older = nat.put(4, [])
  assert.ok(!older.ok && older.error.kind === 'conflict')
  assert.equal(pipeline.dump('ingress_ipv4').length, 1)
  assert.deepEqual(reasons(nat, 5, []), [])
  assert.equal(nat.status().appliedGeneration, 5)
})

test('entries beyond the size of the table fail with the reason, stay desired, and go in when there is room', () => {
  const { pipeline, nat } = make(2)
  const three = [1, 2, 3].map((host) => mapping(`1.2.3.${host}`, 0, 65535))
  const [, , third] = reasons(nat, 1, three)
  assert.match(third!, /is full: it holds 2 entries/)
  assert.equal(nat.status().capacityLeft, 0)
  assert.equal(nat.status().failed.length, 1)
  assert.deepEqual(reasons(nat, 2, three.slice(1)), [undefined, undefined])
  assert.equal(pipeline.dump('ingress_ipv4').length, 2)
  assert.equal(nat.status().appliedGeneration, 2)
})

test('a failed entry is tried again without being stated again', () => {
  const { pipeline, nat } = make()
  pipeline.failEvery = 2
  const [, second] = reasons(nat, 1, [mapping('1.2.3.1', 0, 9), mapping('1.2.3.2', 0, 9)])
  assert.match(second!, /the write failed/)
  pipeline.failEvery = 0
  assert.equal(nat.retry(), true)
  assert.equal(nat.status().appliedGeneration, 1)
  assert.equal(pipeline.dump('ingress_ipv4').length, 2)
})

test('an entry that cannot be removed keeps the generation from counting as applied', () => {
  const { pipeline, nat } = make()
  nat.put(1, [mapping('1.2.3.4', 0, 65535)])
  pipeline.failEvery = 1
  assert.deepEqual(reasons(nat, 2, []), [])
  assert.equal(nat.status().appliedGeneration, 1)
  pipeline.failEvery = 0
  assert.ok(nat.retry())
  assert.deepEqual(pipeline.dump('ingress_ipv4'), [])
})
