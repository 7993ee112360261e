/** The hash of a flow's key: multiply and fold, 64 bits at a time, as instructions. */
import type { Writer } from './expression.ts'

const M1 = 0x9e3779b97f4a7c15n
const M2 = 0xc2b2ae3d27d4eb4fn
const M3 = 0xd6e8feb86659fd93n

/** Multiply and fold over the key's words, in two lanes for IPv6. @returns a local with 32 bits. */
export function hashOf(w: Writer, words: readonly number[]): number {
  const { f } = w
  const mix = (state: number, shift: number, next: number, factor: bigint): void =>
    w.set(
      state,
      w.binary(
        'i64.mul',
        w.binary(
          'i64.xor',
          w.binary('i64.xor', w.get(state), w.binary('i64.shr_u', w.get(state), w.i64(BigInt(shift)))),
          w.get(next),
        ),
        w.i64(BigInt.asIntN(64, factor)),
      ),
    )
  const begin = (name: string, word: number, salt: bigint, factor: bigint): number =>
    w.let64(name, w.binary('i64.mul', w.binary('i64.xor', w.get(word), w.i64(salt)), w.i64(BigInt.asIntN(64, factor))))
  const lane = begin('lane', words[0]!, 0x2c1b3c6d7ed558ccn, M1)
  if (words.length === 6) {
    const other = begin('other', words[2]!, 0x297a2d39165667b1n, M2)
    mix(lane, 32, words[1]!, M3)
    mix(other, 32, words[3]!, M1)
    w.set(lane, w.binary('i64.add', w.get(lane), w.binary('i64.rotl', w.get(other), w.i64(23n))))
  }
  mix(lane, 32, words[words.length - 2]!, M2)
  mix(lane, 29, words[words.length - 1]!, M3)
  const hash = f.local('i32', 'hash')
  w.set(hash, w.unary('i32.wrap_i64', w.binary('i64.xor', w.get(lane), w.binary('i64.shr_u', w.get(lane), w.i64(32n)))))
  return hash
}
