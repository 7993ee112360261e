/**
 * The hash `mix`, for software: what a CRC takes some eighty instructions for, it does in some twenty. The bytes, padded with
 * zeros to words of eight with the first byte lowest, are each folded and multiplied by another power of an odd constant, so
 * that none waits for another, and added to their number; the sum is folded and multiplied once more, and its upper half is
 * the hash. Products carry differences upward only: folding brings the upper half of a word, where the last bytes of an address
 * are, down first.
 */
import type { Expression } from '../ir/index.ts'
import type { FunctionBuilder, FunctionRef } from '../wasm/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import { pushRaw } from './raw-code.ts'
import type { Runtime } from './runtime-code.ts'
import { mask, STATE } from './value-class.ts'
import { chunksOf } from './wire-code.ts'

/** 2^64 divided by the golden ratio, made odd. */
export const MULTIPLIER = 0x9e3779b97f4a7c15n

/** Of bytes, as the interpreter has it. */
export function mixOf(bytes: Uint8Array): bigint {
  let sum = BigInt(bytes.length)
  let power = MULTIPLIER
  for (let from = 0; from < bytes.length; from += 8) {
    const word = bytes.subarray(from, from + 8).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
    sum = BigInt.asUintN(64, sum + (word ^ (word >> 32n)) * power)
    power = BigInt.asUintN(64, power * MULTIPLIER)
  }
  return BigInt.asUintN(64, (sum ^ (sum >> 32n)) * MULTIPLIER) >> 32n
}

/** Pushes the hash of the inputs as i64. */
export function pushStaticMix(code: ExpressionCode, inputs: readonly Expression[]): void {
  const { f } = code
  const chunks = chunksOf(inputs)
  const last = chunks.at(-1)
  const length = last === undefined ? 0 : last.offset + last.bytes
  /** What a word is put together from: chunks in network order, shifted to their place. */
  const words = Array.from({ length: Math.ceil(length / 8) }, (): (() => void)[] => [])
  for (const { offset, bytes, value } of chunks) {
    pushRaw(code, value)
    if (bytes <= 4) f.op('i64.extend_i32_u')
    const raw = f.stash('i64')
    const first = offset >> 3
    const shift = BigInt(8 * (offset & 7))
    words[first]!.push(() => pushShifted(f, raw, 'i64.shl', shift))
    if ((offset & 7) + bytes > 8) words[first + 1]!.push(() => pushShifted(f, raw, 'i64.shr_u', 64n - shift))
  }
  f.i64(BigInt(length))
  words.forEach((parts, k) => {
    parts.forEach((push, part) => {
      push()
      if (part > 0) f.op('i64.or')
    })
    fold(f)
    f.i64(BigInt.asIntN(64, MULTIPLIER ** BigInt(k + 1)))
    f.op('i64.mul')
    f.op('i64.add')
  })
  finishMix(f)
}

function pushShifted(f: FunctionBuilder, raw: number, op: 'i64.shl' | 'i64.shr_u', shift: bigint): void {
  f.get(raw)
  if (shift === 0n) return
  f.i64(shift)
  f.op(op)
}

/** (address, length) → i64, over bytes in memory 1, of which up to seven behind the end are read. */
export function mixFunction(runtime: Runtime): FunctionRef {
  return runtime.once('mix', ['i32', 'i32'], ['i64'], (f) => {
    const sum = f.local('i64', 'sum')
    const power = f.local('i64', 'power')
    f.get(1)
    f.op('i64.extend_i32_u')
    f.set(sum)
    f.i64(BigInt.asIntN(64, MULTIPLIER))
    f.set(power)
    f.block(undefined, (done) => {
      f.loop((again) => {
        f.get(1)
        f.op('i32.eqz')
        f.brIf(done)
        f.get(sum)
        f.get(0)
        f.access('i64.load', STATE, 0)
        f.get(1)
        f.i32(8)
        f.op('i32.lt_u')
        f.if(
          'i64',
          () => {
            f.i64(mask(64))
            f.i64(64n)
            f.get(1)
            f.op('i64.extend_i32_u')
            f.i64(3n)
            f.op('i64.shl')
            f.op('i64.sub')
            f.op('i64.shr_u')
          },
          () => f.i64(mask(64)),
        )
        f.op('i64.and')
        fold(f)
        f.get(power)
        f.op('i64.mul')
        f.op('i64.add')
        f.set(sum)
        f.get(power)
        f.i64(BigInt.asIntN(64, MULTIPLIER))
        f.op('i64.mul')
        f.set(power)
        f.get(0)
        f.i32(8)
        f.op('i32.add')
        f.set(0)
        f.get(1)
        f.i32(8)
        f.get(1)
        f.i32(8)
        f.get(1)
        f.op('i32.lt_u')
        f.op('select')
        f.op('i32.sub')
        f.set(1)
        f.br(again)
      })
    })
    f.get(sum)
    finishMix(f)
  })
}

/** The sum on the stack → the hash. */
function finishMix(f: FunctionBuilder): void {
  fold(f)
  f.i64(BigInt.asIntN(64, MULTIPLIER))
  f.op('i64.mul')
  f.i64(32n)
  f.op('i64.shr_u')
}

/** x → x ^ (x >> 32). */
export function fold(f: FunctionBuilder): void {
  f.scope(() => {
    const value = f.temp('i64')
    f.tee(value)
    f.get(value)
    f.i64(32n)
    f.op('i64.shr_u')
    f.op('i64.xor')
  })
}
