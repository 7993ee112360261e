/** Words of values over 64 bits: where they are, and how they come onto the stack. */
import type { ExpressionCode } from './expression-code.ts'
import { swapped } from './raw-code.ts'
import { classOf, mask, STATE } from './value-class.ts'
import { pushField, swap } from './wire-code.ts'

/** One 64-bit word of a wide value, readable any number of times until a slot is written. */
export type Word =
  /** `isRaw`: in network order. */
  | { readonly kind: 'local'; readonly local: number; readonly isRaw?: boolean }
  | { readonly kind: 'cell'; readonly address: number }
  /** In a header image: at most 64 bits in network order from this bit on. */
  | { readonly kind: 'image'; readonly bit: number; readonly width: number }
  | { readonly kind: 'const'; readonly value: bigint }

export function pushWord(code: ExpressionCode, word: Word): void {
  const { f } = code
  if (word.kind === 'local') {
    f.get(word.local)
    return word.isRaw === true ? swap(f, 8) : undefined
  }
  if (word.kind === 'const') return f.i64(word.value)
  if (word.kind === 'image') {
    pushField(f, STATE, undefined, word.bit, word.width)
    if (classOf(word.width) === 'i32') f.op('i64.extend_i32_u')
    return
  }
  f.i32(0)
  f.access('i64.load', STATE, word.address)
}

/** Whether a word is as cheaply had in network order; `pushRawWord` does any. */
export function isRawWord(code: ExpressionCode, word: Word): boolean {
  if (word.kind === 'image') return word.width === 64 && word.bit % 8 === 0
  return word.kind === 'const' || (word.kind === 'local' && word.isRaw === true)
}

export function pushRawWord(code: ExpressionCode, word: Word): void {
  const { f } = code
  if (word.kind === 'const') return f.i64(BigInt.asIntN(64, swapped(word.value, 8)))
  if (word.kind === 'local' && word.isRaw === true) return f.get(word.local)
  if (word.kind === 'image' && isRawWord(code, word)) {
    f.i32(0)
    return f.access('i64.load', STATE, word.bit >> 3)
  }
  pushWord(code, word)
  swap(f, 8)
}

/** Pushes bits `low` … `low + width - 1` (width up to 64) of a word list as i64. */
export function pushBits(code: ExpressionCode, words: readonly Word[], low: number, width: number): void {
  const { f } = code
  const first = low >> 6
  const shift = low & 63
  const word = words[first]
  if (word === undefined) return f.i64(0n)
  pushWord(code, word)
  if (shift > 0) {
    f.i64(BigInt(shift))
    f.op('i64.shr_u')
  }
  const next = words[first + 1]
  if (shift + width > 64 && next !== undefined) {
    pushWord(code, next)
    f.i64(BigInt(64 - shift))
    f.op('i64.shl')
    f.op('i64.or')
  }
  if (width < 64) {
    f.i64(mask(width))
    f.op('i64.and')
  }
}

export function stashWord(code: ExpressionCode): Word {
  return { kind: 'local', local: code.f.stash('i64') }
}
