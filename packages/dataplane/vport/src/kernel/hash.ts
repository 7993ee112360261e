/**
 * The hash of a flow's key: multiply and fold, 64 bits at a time, as instructions. It begins with an engine's own secret and
 * multiplies by its own odd numbers, so that nobody outside can choose keys that fall together.
 */
import type { Writer } from './expression.ts'
import { HASH_WORDS, PARAM_HASH_KEY } from './layout.ts'

/** The locals that hold the engine's secret: what lanes begin with, then multipliers. */
export type HashKey = readonly number[]

/** Loads the secret; once per call, because it is needed for every frame. */
export function loadHashKey(w: Writer): HashKey {
  return Array.from({ length: HASH_WORDS }, (_, i) =>
    w.let64(`hashKey${i}`, w.flow('i64.load', w.i32(0), PARAM_HASH_KEY + i * 8)),
  )
}

/** Multiply and fold over the key's words, in two lanes for IPv6. @returns a local with 32 bits. */
export function hashOf(w: Writer, key: HashKey, words: readonly number[]): number {
  const { f } = w
  const [salt, otherSalt, m1, m2, m3] = key as readonly [number, number, number, number, number] // because of HASH_WORDS
  const mix = (state: number, shift: number, next: number, factor: number): void =>
    w.set(
      state,
      w.binary(
        'i64.mul',
        w.binary(
          'i64.xor',
          w.binary('i64.xor', w.get(state), w.binary('i64.shr_u', w.get(state), w.i64(BigInt(shift)))),
          w.get(next),
        ),
        w.get(factor),
      ),
    )
  const begin = (name: string, word: number, with_: number, factor: number): number =>
    w.let64(name, w.binary('i64.mul', w.binary('i64.xor', w.get(word), w.get(with_)), w.get(factor)))
  const lane = begin('lane', words[0]!, salt, m1)
  if (words.length === 6) {
    const other = begin('other', words[2]!, otherSalt, m2)
    mix(lane, 32, words[1]!, m3)
    mix(other, 32, words[3]!, m1)
    w.set(lane, w.binary('i64.add', w.get(lane), w.binary('i64.rotl', w.get(other), w.i64(23n))))
  }
  mix(lane, 32, words[words.length - 2]!, m2)
  mix(lane, 29, words[words.length - 1]!, m3)
  const hash = f.local('i32', 'hash')
  w.set(hash, w.unary('i32.wrap_i64', w.binary('i64.xor', w.get(lane), w.binary('i64.shr_u', w.get(lane), w.i64(32n)))))
  return hash
}
