import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { finishChecksum, sumBytes, updateChecksum16, updateChecksum32 } from './index.ts'

/** The definition: 16-bit words added with end-around carry, complemented. */
function reference(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0
  for (let i = start; i < end; i += 2) {
    sum += (bytes[i]! << 8) | (i + 1 < end ? bytes[i + 1]! : 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return ~sum & 0xffff
}

test('sums of any length at any alignment equal the definition', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 700 }),
      fc.nat(7),
      fc.nat(300),
      fc.nat(700),
      (content, shift, from, count) => {
        // A view at an odd place in a larger buffer, as slices of an arena are.
        const buffer = new Uint8Array(content.length + shift + 5)
        buffer.set(content, shift)
        const bytes = buffer.subarray(shift, shift + content.length)
        const start = Math.min(from, bytes.length)
        const end = Math.min(start + count, bytes.length)
        assert.equal(finishChecksum(sumBytes(bytes, start, end)), reference(bytes, start, end))
      },
    ),
    { numRuns: 400 },
  )
})

test('the word loop and the byte loop agree on the same bytes', () => {
  const bytes = Uint8Array.from({ length: 2048 }, (_, i) => (i * 167 + (i >> 5)) & 0xff)
  for (let start = 0; start < 9; start++) {
    for (let end = start; end < start + 600; end++) {
      assert.equal(finishChecksum(sumBytes(bytes, start, end)), reference(bytes, start, end), `${start}..${end}`)
    }
  }
  const full = new Uint8Array(131072).fill(0xff)
  assert.equal(finishChecksum(sumBytes(full, 0, full.length)), 0)
  assert.equal(finishChecksum(sumBytes(full, 1, full.length)), reference(full, 1, full.length))
})

test('a sum taken in parts equals the sum of the whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(150), (bytes, half) => {
      const middle = Math.min(half * 2, bytes.length & ~1)
      const parts = sumBytes(bytes, middle, bytes.length, sumBytes(bytes, 0, middle))
      assert.equal(finishChecksum(parts), reference(bytes, 0, bytes.length))
    }),
  )
})

/** Words that provoke the two zeros of ones' complement. */
const word16 = fc.oneof(fc.constantFrom(0, 0xffff, 1, 0xfffe, 0x8000), fc.integer({ min: 0, max: 0xffff }))
const word32 = fc.tuple(word16, word16).map(([high, low]) => ((high << 16) | low) >>> 0)

test('an incremental update equals a full computation (RFC 1624), at 0000 and ffff as well', () => {
  fc.assert(
    fc.property(
      fc.array(word16, { minLength: 4, maxLength: 12 }),
      fc.nat(9),
      word16,
      word32,
      (words, at, fresh, both) => {
        const bytes = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]))
        // Never all zero: a version or protocol number is under every checksum.
        bytes[0] = 0x45
        const checksum = reference(bytes, 0, bytes.length)
        const index = 2 + 2 * (at % (words.length - 3))
        const view = new DataView(bytes.buffer)
        const after16 = updateChecksum16(checksum, view.getUint16(index), fresh)
        const after32 = updateChecksum32(checksum, view.getUint32(index), both)
        view.setUint16(index, fresh)
        assert.equal(after16, reference(bytes, 0, bytes.length))
        view.setUint32(index, both)
        assert.equal(after32, reference(bytes, 0, bytes.length))
      },
    ),
    { numRuns: 2000 },
  )
})
