/**
 * SHA-1 (FIPS 180-4 §6.1) over short messages, synchronous and without the platform's cryptography, so that a BFD
 * session stays a pure function. It exists because RFC 5880 §6.7.4 names it; nothing new should use it.
 */
export const SHA1_BYTES = 20

const BLOCK_BYTES = 64

/** @returns the 20 byte digest of the first `length` bytes. */
export function sha1(message: Uint8Array, length: number = message.length): Uint8Array {
  const blockCount = Math.ceil((length + 9) / BLOCK_BYTES)
  const padded = new Uint8Array(blockCount * BLOCK_BYTES)
  padded.set(message.subarray(0, length))
  padded[length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(length / 0x2000_0000))
  view.setUint32(padded.length - 4, (length * 8) >>> 0)

  const hash = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0])
  const schedule = new Int32Array(80)
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) mixBlock(hash, schedule, view, at)

  const digest = new Uint8Array(SHA1_BYTES)
  const out = new DataView(digest.buffer)
  for (let i = 0; i < 5; i++) out.setInt32(i * 4, hash[i]!)
  return digest
}

function mixBlock(hash: Int32Array, schedule: Int32Array, view: DataView, at: number): void {
  for (let t = 0; t < 16; t++) schedule[t] = view.getInt32(at + t * 4)
  for (let t = 16; t < 80; t++) {
    schedule[t] = rotateLeft(schedule[t - 3]! ^ schedule[t - 8]! ^ schedule[t - 14]! ^ schedule[t - 16]!, 1)
  }
  let a = hash[0]!
  let b = hash[1]!
  let c = hash[2]!
  let d = hash[3]!
  let e = hash[4]!
  for (let t = 0; t < 80; t++) {
    const mixed = (rotateLeft(a, 5) + roundFunction(t, b, c, d) + e + roundConstant(t) + schedule[t]!) | 0
    e = d
    d = c
    c = rotateLeft(b, 30)
    b = a
    a = mixed
  }
  hash[0] = hash[0]! + a
  hash[1] = hash[1]! + b
  hash[2] = hash[2]! + c
  hash[3] = hash[3]! + d
  hash[4] = hash[4]! + e
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function roundFunction(t: number, b: number, c: number, d: number): number {
  if (t < 20) return (b & c) | (~b & d)
  if (t >= 40 && t < 60) return (b & c) | (b & d) | (c & d)
  return b ^ c ^ d
}

function roundConstant(t: number): number {
  if (t < 20) return 0x5a827999
  if (t < 40) return 0x6ed9eba1
  return t < 60 ? 0x8f1bbcdc : 0xca62c1d6
}
