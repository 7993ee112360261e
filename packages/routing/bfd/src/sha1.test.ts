import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { toHex } from './hex.fixture.ts'
import { sha1 } from './sha1.ts'

test('gives the published digests', () => {
  const digest = (text: string): string => toHex(sha1(new TextEncoder().encode(text)))
  assert.equal(digest(''), 'da39a3ee5e6b4b0d3255bfef95601890afd80709')
  assert.equal(digest('abc'), 'a9993e364706816aba3e25717850c26c9cd0d89d')
  assert.equal(
    digest('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
  )
  assert.equal(digest('a'.repeat(10_000)), 'a080cbda64850abb7b7f67ee875ba068074ff6fe')
})

test('agrees with the platform at every length around the block boundaries', () => {
  for (let length = 0; length < 200; length++) {
    const message = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff)
    assert.equal(toHex(sha1(message)), createHash('sha1').update(message).digest('hex'), `${length} bytes`)
  }
})

test('digests only the bytes it is told to', () => {
  const message = new TextEncoder().encode('abcdef')
  assert.deepEqual(sha1(message, 3), sha1(message.subarray(0, 3)))
})
