import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KeySet, MatchKind } from '@lodestone/p4'
import { type KeyField, nearestMiss } from './nearest-miss.ts'

function field(match: MatchKind, width: number): KeyField {
  return { name: match, match, width }
}

const lpm = (value: bigint, length: number): KeySet => ({ kind: 'lpm', value, length })
const ternary = (value: bigint, mask: bigint): KeySet => ({ kind: 'ternary', value, mask })
const exact = (value: bigint): KeySet => ({ kind: 'exact', value })

describe('the nearest miss', () => {
  test('of a prefix names the one bit that differs, counted from the most significant', () => {
    // 10.0.3.9 against 10.0.2.0/24, 10.0.4.0/22 and 192.0.0.0/8
    const found = nearestMiss(
      [field('lpm', 32)],
      [0x0a000309n],
      [[lpm(0xc0000000n, 8)], [lpm(0x0a000400n, 22)], [lpm(0x0a000200n, 24)]],
    )
    assert.equal(found?.index, 2)
    assert.deepEqual(found.fields, [{ field: 0, set: lpm(0x0a000200n, 24), value: 0x0a000309n, differingBits: [24] }])
  })

  test('counts bits behind the prefix for nothing', () => {
    const found = nearestMiss([field('lpm', 32)], [0x0a0003ffn], [[lpm(0x0a000200n, 24)]])
    assert.deepEqual(found?.fields[0]?.differingBits, [24])
  })

  test('of several fields has the fewest that do not match, however far off they are', () => {
    const fields = [field('exact', 16), field('exact', 16)]
    const found = nearestMiss(
      fields,
      [1n, 2n],
      [
        [exact(0n), exact(3n)],
        [exact(1n), exact(0xfffdn)],
      ],
    )
    assert.equal(found?.index, 1)
    assert.deepEqual(
      found.fields.map((one) => one.field),
      [1],
    )
  })

  test('compares only the bits of a mask', () => {
    const found = nearestMiss(
      [field('ternary', 8)],
      [0b1010_0001n],
      [[ternary(0b1000_0000n, 0b1111_0000n)], [ternary(0b0101_0000n, 0b1111_0000n)]],
    )
    assert.equal(found?.index, 0)
    assert.deepEqual(found.fields[0]?.differingBits, [3])
  })

  test('of a range says how far outside the value is', () => {
    const range: KeySet = { kind: 'range', low: 100n, high: 200n }
    const fields = [field('range', 16)]
    assert.equal(nearestMiss(fields, [90n], [[range]])?.fields[0]?.distance, 10n)
    assert.equal(nearestMiss(fields, [207n], [[range]])?.fields[0]?.distance, 7n)
  })

  test('is the older of two that are equally close, and an entry that matches is none', () => {
    const fields = [field('exact', 8)]
    assert.equal(nearestMiss(fields, [0n], [[exact(1n)], [exact(2n)]])?.index, 0)
    assert.equal(nearestMiss(fields, [1n], [[exact(1n)], [exact(3n)]])?.index, 1)
    assert.equal(nearestMiss(fields, [1n], []), undefined)
  })

  test('works for keys wider than a machine word', () => {
    const wanted = 0xfd00_0000_0000_0001_0000_0000_0000_0002n
    const found = nearestMiss([field('exact', 128)], [wanted ^ (1n << 127n) ^ 1n], [[exact(wanted)]])
    assert.deepEqual(found?.fields[0]?.differingBits, [1, 128])
  })
})
