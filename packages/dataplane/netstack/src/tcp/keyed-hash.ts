/**
 * HalfSipHash-2-4: a short keyed hash over 32-bit words. Who does not know the key cannot predict it from other
 * values, which is what initial sequence numbers (RFC 6528) and SYN cookies need.
 */

/** @returns unsigned 32 bits. The first `count` words are hashed as if they were stored little-endian. */
export function keyedHash(key: Uint32Array, words: Int32Array, count: number): number {
  const k0 = key[0]! | 0
  const k1 = key[1]! | 0
  let v0 = k0
  let v1 = k1
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  for (let i = 0; i <= count; i++) {
    // The last block holds the length in bytes.
    const word = i < count ? words[i]! : count << 26
    v3 ^= word
    const rounds = i < count ? 2 : 6
    for (let round = 0; round < rounds; round++) {
      if (round === 2) {
        v0 ^= word
        v2 ^= 0xff
      }
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    if (i < count) v0 ^= word
  }
  return (v1 ^ v3) >>> 0
}
