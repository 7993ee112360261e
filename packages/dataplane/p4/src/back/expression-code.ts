/**
 * Expressions → instructions. A value of up to 32 bits is an i32, of up to 64 bits an i64, always with the bits above
 * its width zero; wider values are lists of 64-bit words, least significant first, that live in locals.
 * Semantics: P4-16 §8.5 to §8.9 as narrowed by `ir/expression.ts`.
 */
import type { Expression, Program, SlotId } from '../ir/index.ts'
import type { FunctionBuilder } from '../wasm/index.ts'
import { pushDivision, pushShift, pushComparison, signExtend } from './arithmetic-code.ts'
import { pushCondition, pushConjunction } from './condition-code.ts'
import type { Layout } from './layout.ts'
import { pushRaw, storeChunk } from './raw-code.ts'
import type { Runtime } from './runtime-code.ts'
import {
  isRawSlot,
  storeRawWord,
  pushSlot,
  storeSlot,
  storeSlotWord,
  imageBit,
  markStacks,
  isVarbitSlot,
  pushVarbitsEqual,
  type SlotLocals,
  type FlagBit,
} from './slot-code.ts'
import { type Class, classOf, mask, STATE } from './value-class.ts'
import { compareWide, saturate, wideWords } from './wide-code.ts'
import { pushField } from './wire-code.ts'
import { pushWord, pushRawWord, pushBits, stashWord, type Word } from './word-code.ts'

export type Binary = Extract<Expression, { op: 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor' }>
export type Shift = Extract<Expression, { op: 'shl' | 'shr' }>
export type Saturating = Extract<Expression, { op: 'addSaturating' | 'subSaturating' }>
export type Comparison = Extract<Expression, { op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' }>

export class ExpressionCode {
  readonly f: FunctionBuilder
  readonly program: Program
  readonly layout: Layout
  readonly runtime: Runtime
  readonly locals: ReadonlyMap<SlotId, readonly number[]>
  readonly bits: ReadonlyMap<SlotId, FlagBit>
  /** Flags that are 1 where code is being written, because a condition around it says so. */
  readonly known = new Set<SlotId>()
  /** Flags that are 0 there. */
  readonly clear = new Set<SlotId>()

  constructor(f: FunctionBuilder, program: Program, layout: Layout, runtime: Runtime, locals: SlotLocals) {
    this.f = f
    this.program = program
    this.layout = layout
    this.runtime = runtime
    this.locals = locals.words
    this.bits = locals.bits
  }

  /** Pushes an integer constant of a width up to 64. */
  constant(width: number, value: bigint): void {
    if (width <= 32) this.f.i32(Number(BigInt.asIntN(32, value)))
    else this.f.i64(value)
  }

  /** Pushes a value of up to 64 bits, as i32 or i64 by its width. */
  push(e: Expression): void {
    const { f } = this
    if (e.width > 64) throw new Error(`a ${e.width}-bit value does not fit on the stack`)
    const type = classOf(e.width)
    switch (e.op) {
      case 'const':
        return this.constant(e.width, e.value)
      case 'load':
        return pushSlot(this, e.slot)
      case 'lnot':
        pushCondition(this, e.operand)
        return f.op('i32.eqz')
      case 'not':
        this.push(e.operand)
        this.constant(e.width, mask(e.width))
        return f.op(`${type}.xor`)
      case 'neg':
        this.constant(e.width, 0n)
        this.push(e.operand)
        f.op(`${type}.sub`)
        return this.trim(e.width)
      case 'add':
      case 'sub':
      case 'mul':
        this.push(e.left)
        this.push(e.right)
        f.op(`${type}.${e.op}`)
        return this.trim(e.width)
      case 'and':
      case 'or':
      case 'xor':
        this.push(e.left)
        this.push(e.right)
        return f.op(`${type}.${e.op}`)
      case 'div':
      case 'mod':
        return pushDivision(this, e)
      case 'addSaturating':
      case 'subSaturating':
        pushWord(this, saturate(this, e)[0]!)
        return this.narrow(e.width)
      case 'shl':
      case 'shr':
        return pushShift(this, e)
      case 'eq':
      case 'ne':
        if (e.left.op === 'load' && e.right.op === 'load' && isVarbitSlot(this, e.left.slot)) {
          pushVarbitsEqual(this, e.left.slot, e.right.slot)
          return e.op === 'eq' ? undefined : f.op('i32.eqz')
        }
        return e.left.width > 64 ? compareWide(this, e) : pushComparison(this, e)
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge':
        return e.left.width > 64 ? compareWide(this, e) : pushComparison(this, e)
      case 'land':
      case 'lor':
        return pushConjunction(this, e, e.op === 'lor')
      case 'concat':
        this.pushAs(e.left, type)
        this.constant(e.width, BigInt(e.right.width))
        f.op(`${type}.shl`)
        this.pushAs(e.right, type)
        return f.op(`${type}.or`)
      case 'slice':
        return this.pushSlice(e.operand, e.low, e.width)
      case 'cast':
        if (!e.signed || e.operand.width >= e.width) {
          if (e.operand.width > 64) return this.pushSlice(e.operand, 0, e.width)
          this.pushAs(e.operand, type)
          return e.operand.width > e.width ? this.trim(e.width) : undefined
        }
        this.pushAs(e.operand, type)
        signExtend(this, e.operand.width, type)
        return this.trim(e.width)
      case 'mux':
        this.push(e.whenTrue)
        this.push(e.whenFalse)
        this.push(e.condition)
        return f.op('select')
    }
  }

  /** Pushes a value of up to 64 bits, zero-extended to i64. */
  push64(e: Expression): void {
    this.pushAs(e, 'i64')
  }

  /** Pushes the low 32 bits of a value, or all ones when it does not fit: for indices and lengths. */
  pushClamped32(e: Expression): void {
    const { f } = this
    if (e.width <= 32) return this.push(e)
    const words = this.words(e)
    pushWord(this, words[0]!)
    f.op('i32.wrap_i64')
    f.i32(-1)
    pushWord(this, words[0]!)
    f.i64(32n)
    f.op('i64.shr_u')
    for (const word of words.slice(1)) {
      pushWord(this, word)
      f.op('i64.or')
    }
    f.op('i64.eqz')
    f.op('select')
  }

  /** Any value as 64-bit words, evaluated once. */
  words(e: Expression): Word[] {
    if (e.width <= 64) {
      if (e.op === 'const') return [{ kind: 'const', value: e.value }]
      this.push64(e)
      return [stashWord(this)]
    }
    return wideWords(this, e)
  }

  /** slot = expression, of equal widths. */
  assign(slot: SlotId, e: Expression): void {
    const flag = this.bits.get(slot)
    const fixed = e.op === 'const' ? e.value : e.op === 'load' ? this.fact(e.slot) : undefined
    if (flag !== undefined && fixed !== undefined) {
      this.known.delete(slot)
      this.clear.delete(slot)
      ;(fixed === 1n ? this.known : this.clear).add(slot)
      const bit = 1n << BigInt(flag.bit)
      this.f.get(flag.local)
      this.f.i64(BigInt.asIntN(64, fixed === 1n ? bit : ~bit))
      this.f.op(fixed === 1n ? 'i64.or' : 'i64.and')
      return this.f.set(flag.local)
    }
    const bit = imageBit(this, slot)
    if (bit !== undefined && bit % 8 === 0 && e.width % 8 === 0 && e.width <= 64) {
      this.f.scope(() => storeChunk(this, STATE, undefined, bit >> 3, { offset: 0, bytes: e.width / 8, value: e }))
      return markStacks(this, bit >> 3)
    }
    const isRaw = isRawSlot(this, slot)
    if (isRaw && e.width <= 64) return storeRawWord(this, slot, 0, () => pushRaw(this, e))
    if (e.width <= 64) return storeSlot(this, slot, () => this.push(e))
    const words = this.words(e)
    words.forEach((word, k) => {
      if (isRaw) storeRawWord(this, slot, k, () => pushRawWord(this, word))
      else if (bit !== undefined && bit % 8 === 0 && e.width % 64 === 0) {
        this.f.i32(0)
        pushRawWord(this, word)
        this.f.access('i64.store', STATE, (bit >> 3) + 8 * (words.length - 1 - k))
      } else storeSlotWord(this, slot, k, () => pushWord(this, word))
    })
    if (bit !== undefined) markStacks(this, bit >> 3)
  }

  /** What is known of a flag. */
  fact(slot: SlotId): bigint | undefined {
    if (this.known.has(slot)) return 1n
    return this.clear.has(slot) ? 0n : undefined
  }

  pushAs(e: Expression, type: Class): void {
    this.push(e)
    const own = classOf(e.width)
    if (own === 'i32' && type === 'i64') this.f.op('i64.extend_i32_u')
    if (own === 'i64' && type === 'i32') this.f.op('i32.wrap_i64')
  }

  /** An i64 on the stack to the class of a width. */
  narrow(width: number): void {
    if (width <= 32) this.f.op('i32.wrap_i64')
  }

  trim(width: number): void {
    if (width === 32 || width === 64) return
    this.constant(width, mask(width))
    this.f.op(`${classOf(width)}.and`)
  }

  pushSlice(operand: Expression, low: number, width: number): void {
    const { f } = this
    const bit = operand.op === 'load' ? imageBit(this, operand.slot) : undefined
    if (bit !== undefined) return pushField(f, STATE, undefined, bit + operand.width - low - width, width)
    if (operand.width > 64) {
      pushBits(this, this.words(operand), low, width)
      return this.narrow(width)
    }
    const own = classOf(operand.width)
    this.push(operand)
    if (low > 0) {
      this.constant(operand.width, BigInt(low))
      f.op(`${own}.shr_u`)
    }
    if (own === 'i64') this.narrow(width)
    if (low + width < operand.width) this.trim(width)
  }
}
