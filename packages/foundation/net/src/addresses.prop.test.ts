import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ip, Mac, Prefix } from './index.ts'

const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
/** Sixteen bytes in which runs of zero are common. */
const bytes16 = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])))
const ip = fc.oneof(
  bytes4.map((bytes) => Ip.fromBytes(bytes, 0, 4)),
  bytes16.map((bytes) => Ip.fromBytes(bytes, 0, 16)),
)
const prefix = ip.chain((address) =>
  fc.integer({ min: 0, max: address.bytes.length * 8 }).map((length) => new Prefix(address, length)),
)

test('what an address prints parses to the same bytes, and is no longer than the full form', () => {
  fc.assert(
    fc.property(ip, (address) => {
      const text = String(address)
      assert.deepEqual(Ip.of(text).bytes, address.bytes)
      assert.ok(text.length <= 39)
      assert.equal(text, text.toLowerCase())
    }),
    { numRuns: 500 },
  )
})

test('parsing any text gives an address or undefined, never an exception', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,45}$/), fc.stringMatching(/^[0-9a-f:./]{0,45}$/))
  fc.assert(
    fc.property(text, (some) => {
      Ip.parse(some)
      Prefix.parse(some)
      Mac.parse(some)
    }),
    { numRuns: 500 },
  )
})

test('a prefix contains its network address, its last address and nothing beyond them', () => {
  fc.assert(
    fc.property(prefix, (some) => {
      const first = some.masked().address
      const last = some.last()
      assert.ok(some.contains(first) && some.contains(last) && some.contains(some.address))
      assert.ok(first.compare(last) <= 0)
      if (some.length > 0) {
        assert.ok(!some.contains(first.plus(-1)))
        assert.ok(!some.contains(last.plus(1)))
      }
      assert.ok(some.masked().masked().equals(some.masked()))
      assert.deepEqual(Prefix.of(String(some)), some)
    }),
    { numRuns: 500 },
  )
})

test('covers means that both ends are contained', () => {
  fc.assert(
    fc.property(prefix, fc.nat(128), (some, length) => {
      const other = new Prefix(some.address, Math.min(length, some.address.bytes.length * 8))
      const ends = some.contains(other.masked().address) && some.contains(other.last())
      assert.equal(some.covers(other), ends)
      assert.ok(some.overlaps(other))
    }),
  )
})

test('adding and then subtracting gives the address back', () => {
  fc.assert(
    fc.property(ip, fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (address, count) => {
      assert.ok(address.plus(count).plus(-count).equals(address))
    }),
  )
})

test('comparison is a total order that agrees with equality', () => {
  fc.assert(
    fc.property(ip, ip, ip, (a, b, c) => {
      assert.equal(Math.sign(a.compare(b)), -Math.sign(b.compare(a)))
      assert.equal(a.compare(b) === 0, String(a) === String(b))
      if (a.compare(b) <= 0 && b.compare(c) <= 0) assert.ok(a.compare(c) <= 0)
    }),
  )
})
