/**
 * Expressions → instructions. A value of up to 32 bits is an i32, of up to 64 bits an i64, always with the bits above
 * its width zero; wider values are lists of 64-bit words, least significant first, that live in locals.
 * Semantics: P4-16 §8.5 to §8.9 as narrowed by `ir/expression.ts`.
 */
import type { Expression, Program, SlotId } from '../ir/index.ts'
import type { FunctionBuilder } from '../wasm/index.ts'
import { type Layout, wordsOf } from './layout.ts'
import type { Runtime } from './runtime-code.ts'

/** Memory 0. */
export const ARENA = 0
/** Memory 1. */
export const STATE = 1

export type Class = 'i32' | 'i64'

/** One 64-bit word of a wide value, readable any number of times until a slot is written. */
export type Word =
  | { readonly kind: 'local'; readonly local: number }
  | { readonly kind: 'cell'; readonly address: number }
  | { readonly kind: 'const'; readonly value: bigint }

type Binary = Extract<Expression, { op: 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor' }>
type Shift = Extract<Expression, { op: 'shl' | 'shr' }>
type Saturating = Extract<Expression, { op: 'addSaturating' | 'subSaturating' }>
type Comparison = Extract<Expression, { op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' }>

export function classOf(width: number): Class {
  return width <= 32 ? 'i32' : 'i64'
}

export function mask(width: number): bigint {
  return (1n << BigInt(width)) - 1n
}

export class ExpressionCode {
  readonly f: FunctionBuilder
  readonly #program: Program
  readonly #layout: Layout
  readonly #runtime: Runtime
  /** Slots that are locals of this function: one local up to 64 bits, else one per word. */
  readonly #locals: ReadonlyMap<SlotId, readonly number[]>

  constructor(
    f: FunctionBuilder,
    program: Program,
    layout: Layout,
    runtime: Runtime,
    locals: ReadonlyMap<SlotId, readonly number[]>,
  ) {
    this.f = f
    this.#program = program
    this.#layout = layout
    this.#runtime = runtime
    this.#locals = locals
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
        return this.#pushSlot(e.slot)
      case 'lnot':
        this.push(e.operand)
        return f.op('i32.eqz')
      case 'not':
        this.push(e.operand)
        this.constant(e.width, mask(e.width))
        return f.op(`${type}.xor`)
      case 'neg':
        this.constant(e.width, 0n)
        this.push(e.operand)
        f.op(`${type}.sub`)
        return this.#trim(e.width)
      case 'add':
      case 'sub':
      case 'mul':
        this.push(e.left)
        this.push(e.right)
        f.op(`${type}.${e.op}`)
        return this.#trim(e.width)
      case 'and':
      case 'or':
      case 'xor':
        this.push(e.left)
        this.push(e.right)
        return f.op(`${type}.${e.op}`)
      case 'div':
      case 'mod':
        return this.#pushDivision(e)
      case 'addSaturating':
      case 'subSaturating':
        this.pushWord(this.#saturate(e)[0]!)
        return this.#narrow(e.width)
      case 'shl':
      case 'shr':
        return this.#pushShift(e)
      case 'eq':
      case 'ne':
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge':
        return e.left.width > 64 ? this.#compareWide(e) : this.#compare(e)
      case 'land':
      case 'lor':
        this.push(e.left)
        this.push(e.right)
        return f.op(e.op === 'land' ? 'i32.and' : 'i32.or')
      case 'concat':
        this.#pushAs(e.left, type)
        this.constant(e.width, BigInt(e.right.width))
        f.op(`${type}.shl`)
        this.#pushAs(e.right, type)
        return f.op(`${type}.or`)
      case 'slice':
        return this.#pushSlice(e.operand, e.low, e.width)
      case 'cast':
        if (!e.signed || e.operand.width >= e.width) {
          if (e.operand.width > 64) return this.#pushSlice(e.operand, 0, e.width)
          this.#pushAs(e.operand, type)
          return e.operand.width > e.width ? this.#trim(e.width) : undefined
        }
        this.#pushAs(e.operand, type)
        this.#signExtend(e.operand.width, type)
        return this.#trim(e.width)
      case 'mux':
        this.push(e.whenTrue)
        this.push(e.whenFalse)
        this.push(e.condition)
        return f.op('select')
    }
  }

  /** Pushes a value of up to 64 bits, zero-extended to i64. */
  push64(e: Expression): void {
    this.#pushAs(e, 'i64')
  }

  /** Pushes the low 32 bits of a value, or all ones when it does not fit: for indices and lengths. */
  pushClamped32(e: Expression): void {
    const { f } = this
    if (e.width <= 32) return this.push(e)
    const words = this.words(e)
    this.pushWord(words[0]!)
    f.op('i32.wrap_i64')
    f.i32(-1)
    this.pushWord(words[0]!)
    f.i64(32n)
    f.op('i64.shr_u')
    for (const word of words.slice(1)) {
      this.pushWord(word)
      f.op('i64.or')
    }
    f.op('i64.eqz')
    f.op('select')
  }

  pushWord(word: Word): void {
    const { f } = this
    if (word.kind === 'local') return f.get(word.local)
    if (word.kind === 'const') return f.i64(word.value)
    f.i32(0)
    f.access('i64.load', STATE, word.address)
  }

  /** Any value as 64-bit words, evaluated once. */
  words(e: Expression): Word[] {
    if (e.width <= 64) {
      if (e.op === 'const') return [{ kind: 'const', value: e.value }]
      this.push64(e)
      return [this.#stash()]
    }
    const count = wordsOf(e.width)
    switch (e.op) {
      case 'const':
        return Array.from({ length: count }, (_, k) => ({
          kind: 'const',
          value: (e.value >> BigInt(64 * k)) & mask(64),
        }))
      case 'load':
        return this.#slotWords(e.slot)
      case 'not': {
        const operand = this.words(e.operand)
        return operand.map((word, k) => {
          this.pushWord(word)
          this.f.i64(k === count - 1 ? mask(e.width - 64 * k) : -1n)
          this.f.op('i64.xor')
          return this.#stash()
        })
      }
      case 'neg':
        return this.#add({ op: 'sub', width: e.width, left: zero(e.width), right: e.operand })
      case 'add':
      case 'sub':
        return this.#add(e)
      case 'mul':
        return this.#multiply(e)
      case 'div':
      case 'mod':
        return this.#divideWide(e)
      case 'and':
      case 'or':
      case 'xor': {
        const operator = `i64.${e.op}` as const
        const left = this.words(e.left)
        const right = this.words(e.right)
        return left.map((word, k) => {
          this.pushWord(word)
          this.pushWord(right[k]!)
          this.f.op(operator)
          return this.#stash()
        })
      }
      case 'addSaturating':
      case 'subSaturating':
        return this.#saturate(e)
      case 'shl':
      case 'shr':
        return this.#shiftWide(e)
      case 'concat': {
        const left = this.words(e.left)
        const right = this.words(e.right)
        return Array.from({ length: count }, (_, k) => {
          this.#pushConcatWord(left, right, e.right.width, k)
          return this.#stash()
        })
      }
      case 'slice': {
        const operand = this.words(e.operand)
        return Array.from({ length: count }, (_, k) => {
          this.pushBits(operand, e.low + 64 * k, Math.min(64, e.width - 64 * k))
          return this.#stash()
        })
      }
      case 'cast':
        return e.signed && e.operand.width < e.width ? this.#signExtendWide(e.operand, e.width) : this.#resize(e)
      case 'mux': {
        this.push(e.condition)
        const condition = this.f.stash('i32')
        const whenTrue = this.words(e.whenTrue)
        const whenFalse = this.words(e.whenFalse)
        return whenTrue.map((word, k) => {
          this.pushWord(word)
          this.pushWord(whenFalse[k]!)
          this.f.get(condition)
          this.f.op('select')
          return this.#stash()
        })
      }
      default:
        throw new Error(`${e.op} has no ${e.width}-bit result`)
    }
  }

  /** Pushes bits `low` … `low + width - 1` (width up to 64) of a word list as i64. */
  pushBits(words: readonly Word[], low: number, width: number): void {
    const { f } = this
    const first = low >> 6
    const shift = low & 63
    const word = words[first]
    if (word === undefined) return f.i64(0n)
    this.pushWord(word)
    if (shift > 0) {
      f.i64(BigInt(shift))
      f.op('i64.shr_u')
    }
    const next = words[first + 1]
    if (shift + width > 64 && next !== undefined) {
      this.pushWord(next)
      f.i64(BigInt(64 - shift))
      f.op('i64.shl')
      f.op('i64.or')
    }
    if (width < 64) {
      f.i64(mask(width))
      f.op('i64.and')
    }
  }

  /** slot = expression, of equal widths. */
  assign(slot: SlotId, e: Expression): void {
    if (e.width <= 64) return this.storeSlot(slot, () => this.push(e))
    const words = this.words(e)
    for (let k = 0; k < words.length; k++) this.storeSlotWord(slot, k, () => this.pushWord(words[k]!))
  }

  /** Sets a slot of up to 64 bits to what `push` leaves on the stack (i32 or i64 by the slot's width). */
  storeSlot(slot: SlotId, push: () => void): void {
    const { f } = this
    const locals = this.#locals.get(slot)
    if (locals !== undefined) {
      push()
      return f.set(locals[0]!)
    }
    f.i32(0)
    push()
    f.access(`${classOf(this.#program.slots[slot]!.width)}.store`, STATE, this.#layout.slotAddresses[slot]!)
  }

  /** Sets word `k` of a slot over 64 bits to the i64 that `push` leaves. */
  storeSlotWord(slot: SlotId, k: number, push: () => void): void {
    const { f } = this
    const locals = this.#locals.get(slot)
    if (locals !== undefined) {
      push()
      return f.set(locals[k]!)
    }
    f.i32(0)
    push()
    f.access('i64.store', STATE, this.#layout.slotAddresses[slot]! + 8 * k)
  }

  #stash(): Word {
    return { kind: 'local', local: this.f.stash('i64') }
  }

  #pushSlot(slot: SlotId): void {
    const { f } = this
    const locals = this.#locals.get(slot)
    if (locals !== undefined) return f.get(locals[0]!)
    f.i32(0)
    f.access(`${classOf(this.#program.slots[slot]!.width)}.load`, STATE, this.#layout.slotAddresses[slot]!)
  }

  #slotWords(slot: SlotId): Word[] {
    const { kind, width } = this.#program.slots[slot]!
    const locals = this.#locals.get(slot)
    if (locals !== undefined) return locals.map((local) => ({ kind: 'local', local }))
    if (kind === 'varbit') throw new Error(`${this.#program.slots[slot]!.name}: a varbit is not a number`)
    const address = this.#layout.slotAddresses[slot]!
    return Array.from({ length: wordsOf(width) }, (_, k) => ({ kind: 'cell', address: address + 8 * k }))
  }

  #pushAs(e: Expression, type: Class): void {
    this.push(e)
    const own = classOf(e.width)
    if (own === 'i32' && type === 'i64') this.f.op('i64.extend_i32_u')
    if (own === 'i64' && type === 'i32') this.f.op('i32.wrap_i64')
  }

  /** An i64 on the stack to the class of a width. */
  #narrow(width: number): void {
    if (width <= 32) this.f.op('i32.wrap_i64')
  }

  #trim(width: number): void {
    if (width === 32 || width === 64) return
    this.constant(width, mask(width))
    this.f.op(`${classOf(width)}.and`)
  }

  #signExtend(width: number, type: Class): void {
    const bits = type === 'i32' ? 32 : 64
    if (width === bits) return
    const amount = BigInt(bits - width)
    this.constant(bits, amount)
    this.f.op(`${type}.shl`)
    this.constant(bits, amount)
    this.f.op(`${type}.shr_s`)
  }

  #pushSlice(operand: Expression, low: number, width: number): void {
    const { f } = this
    if (operand.width > 64) {
      this.pushBits(this.words(operand), low, width)
      return this.#narrow(width)
    }
    const own = classOf(operand.width)
    this.push(operand)
    if (low > 0) {
      this.constant(operand.width, BigInt(low))
      f.op(`${own}.shr_u`)
    }
    if (own === 'i64') this.#narrow(width)
    if (low + width < operand.width) this.#trim(width)
  }

  #pushDivision(e: Binary): void {
    const { f } = this
    const type = classOf(e.width)
    if (e.right.op === 'const' && e.right.value !== 0n) {
      this.push(e.left)
      this.push(e.right)
      return f.op(e.op === 'div' ? `${type}.div_u` : `${type}.rem_u`)
    }
    this.push(e.left)
    const left = f.stash(type)
    this.push(e.right)
    const right = f.temp(type)
    f.tee(right)
    f.op(`${type}.eqz`)
    f.if(
      type,
      () => (e.op === 'div' ? this.constant(e.width, mask(e.width)) : f.get(left)),
      () => {
        f.get(left)
        f.get(right)
        f.op(e.op === 'div' ? `${type}.div_u` : `${type}.rem_u`)
      },
    )
  }

  #pushShift(e: Shift): void {
    const { f } = this
    const type = classOf(e.width)
    const bits = type === 'i32' ? 32 : 64
    const isSigned = e.op === 'shr' && e.signed
    const operator = e.op === 'shl' ? 'shl' : isSigned ? 'shr_s' : 'shr_u'
    if (e.right.op === 'const') {
      let amount = e.right.value
      if (amount >= BigInt(e.width)) {
        if (!isSigned) return this.constant(e.width, 0n)
        amount = BigInt(e.width - 1)
      }
      this.push(e.left)
      if (isSigned) this.#signExtend(e.width, type)
      this.constant(bits, amount)
      f.op(`${type}.${operator}`)
      return e.op === 'shl' || isSigned ? this.#trim(e.width) : undefined
    }
    this.pushClamped32(e.right)
    const amount = f.stash('i32')
    this.push(e.left)
    if (isSigned) {
      this.#signExtend(e.width, type)
      f.get(amount)
      f.i32(e.width - 1)
      f.get(amount)
      f.i32(e.width)
      f.op('i32.lt_u')
      f.op('select')
    } else {
      f.get(amount)
    }
    if (type === 'i64') f.op('i64.extend_i32_u')
    f.op(`${type}.${operator}`)
    if (e.op === 'shl' || isSigned) this.#trim(e.width)
    if (isSigned) return
    this.constant(e.width, 0n)
    f.get(amount)
    f.i32(e.width)
    f.op('i32.lt_u')
    f.op('select')
  }

  #compare(e: Comparison): void {
    const { f } = this
    const { width } = e.left
    const isSigned = 'signed' in e && e.signed
    const type = classOf(width)
    if (e.op === 'eq' || e.op === 'ne') {
      if (e.op === 'eq' && e.right.op === 'const' && e.right.value === 0n) {
        this.push(e.left)
        return f.op(`${type}.eqz`)
      }
      this.push(e.left)
      this.push(e.right)
      return f.op(`${type}.${e.op}`)
    }
    // Two signed values keep their order when both are moved up to the register's sign bit.
    const amount = BigInt((type === 'i32' ? 32 : 64) - width)
    for (const operand of [e.left, e.right]) {
      this.push(operand)
      if (!isSigned || amount === 0n) continue
      this.constant(width, amount)
      f.op(`${type}.shl`)
    }
    f.op(`${type}.${e.op}_${isSigned ? 's' : 'u'}`)
  }

  #compareWide(e: Comparison): void {
    const { f } = this
    const isSigned = 'signed' in e && e.signed
    const left = this.words(e.left)
    const right = this.words(e.right)
    if (e.op === 'eq' || e.op === 'ne') {
      left.forEach((word, k) => {
        this.pushWord(word)
        this.pushWord(right[k]!)
        f.op('i64.xor')
        if (k > 0) f.op('i64.or')
      })
      f.op('i64.eqz')
      if (e.op === 'ne') f.op('i32.eqz')
      return
    }
    // a > b is b < a; a <= b is not b < a.
    const isSwapped = e.op === 'gt' || e.op === 'le'
    const low = isSwapped ? right : left
    const high = isSwapped ? left : right
    const top = low.length - 1
    const lift = isSigned ? 64 * low.length - e.left.width : 0
    const pushLifted = (word: Word, k: number) => {
      this.pushWord(word)
      if (k !== top || lift === 0) return
      f.i64(BigInt(lift))
      f.op('i64.shl')
    }
    low.forEach((word, k) => {
      if (k > 0) {
        this.pushWord(word)
        this.pushWord(high[k]!)
        f.op('i64.eq')
        f.op('i32.and')
      }
      pushLifted(word, k)
      pushLifted(high[k]!, k)
      f.op(isSigned && k === top ? 'i64.lt_s' : 'i64.lt_u')
      if (k > 0) f.op('i32.or')
    })
    if (e.op === 'le' || e.op === 'ge') f.op('i32.eqz')
  }

  #add(e: Binary): Word[] {
    const { f } = this
    const left = this.words(e.left)
    const right = this.words(e.right)
    const count = left.length
    const operator = e.op === 'add' ? 'i64.add' : 'i64.sub'
    const out: Word[] = []
    let carry: number | undefined
    for (let k = 0; k < count; k++) {
      this.pushWord(left[k]!)
      this.pushWord(right[k]!)
      f.op(operator)
      const partial = f.stash('i64')
      f.get(partial)
      if (carry !== undefined) {
        f.get(carry)
        f.op(operator)
      }
      if (k === count - 1) this.#trimWord(e.width, k)
      const sum = f.stash('i64')
      if (k < count - 1) {
        // A sum wrapped when it is below an addend; a difference borrows when the minuend is below the subtrahend.
        const isAdd = e.op === 'add'
        if (isAdd) f.get(partial)
        this.pushWord(left[k]!)
        if (!isAdd) this.pushWord(right[k]!)
        f.op('i64.lt_u')
        if (carry !== undefined) {
          f.get(isAdd ? sum : partial)
          f.get(isAdd ? partial : carry)
          f.op('i64.lt_u')
          f.op('i32.or')
        }
        f.op('i64.extend_i32_u')
        carry = f.stash('i64')
      }
      out.push({ kind: 'local', local: sum })
    }
    return out
  }

  #localOf(word: Word): number {
    if (word.kind === 'local') return word.local
    this.pushWord(word)
    return this.f.stash('i64')
  }

  /** Masks the i64 on the stack as word `k` of a value of `width` bits. */
  #trimWord(width: number, k: number): void {
    const rest = width - 64 * k
    if (rest >= 64) return
    this.f.i64(mask(rest))
    this.f.op('i64.and')
  }

  #multiply(e: Binary): Word[] {
    const { f } = this
    const left = this.words(e.left).map((word) => this.#localOf(word))
    const right = this.words(e.right).map((word) => this.#localOf(word))
    const count = left.length
    const out = left.map(() => {
      f.i64(0n)
      return f.stash('i64')
    })
    const carry = f.temp('i64')
    const low = f.temp('i64')
    for (let i = 0; i < count; i++) {
      f.i64(0n)
      f.set(carry)
      for (let j = 0; i + j < count; j++) {
        // out[i+j] + low + carry, and what overflows goes with the product's high half into the next carry.
        const target = out[i + j]!
        f.get(left[i]!)
        f.get(right[j]!)
        f.op('i64.mul')
        f.tee(low)
        f.get(target)
        f.op('i64.add')
        f.tee(target)
        f.get(low)
        f.op('i64.lt_u')
        f.op('i64.extend_i32_u')
        f.get(target)
        f.get(carry)
        f.op('i64.add')
        f.tee(target)
        f.get(carry)
        f.op('i64.lt_u')
        f.op('i64.extend_i32_u')
        f.op('i64.add')
        f.get(left[i]!)
        f.get(right[j]!)
        f.call(this.#runtime.multiplyHigh())
        f.op('i64.add')
        f.set(carry)
      }
    }
    f.get(out[count - 1]!)
    this.#trimWord(e.width, count - 1)
    f.set(out[count - 1]!)
    return out.map((local) => ({ kind: 'local', local }))
  }

  #divideWide(e: Binary): Word[] {
    const { f } = this
    const count = wordsOf(e.width)
    const left = this.words(e.left)
    const right = this.words(e.right)
    for (const word of [...left, ...right]) this.pushWord(word)
    f.call(this.#runtime.divide(count))
    // Results: quotient words, then remainder words, the last on top.
    const remainder = left.map(() => this.#stash()).reverse()
    const quotient = left.map(() => this.#stash()).reverse()
    if (e.op === 'mod') return remainder
    this.pushWord(quotient[count - 1]!)
    this.#trimWord(e.width, count - 1)
    return [...quotient.slice(0, -1), this.#stash()]
  }

  #shiftWide(e: Shift): Word[] {
    const { f } = this
    const count = wordsOf(e.width)
    const isSigned = e.op === 'shr' && e.signed
    let value = isSigned ? this.#signExtendWide(e.left, 64 * count) : this.words(e.left)
    let fill: Word = { kind: 'const', value: 0n }
    if (isSigned) {
      this.pushWord(value[count - 1]!)
      f.i64(63n)
      f.op('i64.shr_s')
      fill = this.#stash()
    }
    if (e.right.op === 'const') {
      const amount = e.right.value >= BigInt(e.width) ? 64 * count : Number(e.right.value)
      return this.#trimTop(e.width, this.#shiftBy(value, e.op, amount, fill))
    }
    this.pushClamped32(e.right)
    const amount = f.stash('i32')
    for (let step = 1; step < 64 * count; step *= 2) {
      const shifted = this.#shiftBy(value, e.op, step, fill)
      value = value.map((word, k) => {
        this.pushWord(shifted[k]!)
        this.pushWord(word)
        f.get(amount)
        f.i32(step)
        f.op('i32.and')
        f.op('select')
        return this.#stash()
      })
    }
    const clamped = value.map((word) => {
      this.pushWord(word)
      this.pushWord(fill)
      f.get(amount)
      f.i32(e.width)
      f.op('i32.lt_u')
      f.op('select')
      return this.#stash()
    })
    return this.#trimTop(e.width, clamped)
  }

  /** By a constant, within whole words; `fill` comes in from above. */
  #shiftBy(value: readonly Word[], op: 'shl' | 'shr', amount: number, fill: Word): Word[] {
    const { f } = this
    const zeroWord: Word = { kind: 'const', value: 0n }
    const whole = amount >> 6
    const bits = BigInt(amount & 63)
    return value.map((_, k) => {
      const near = (op === 'shl' ? value[k - whole] : value[k + whole]) ?? (op === 'shl' ? zeroWord : fill)
      if (bits === 0n) return near
      const far = (op === 'shl' ? value[k - whole - 1] : value[k + whole + 1]) ?? (op === 'shl' ? zeroWord : fill)
      this.pushWord(near)
      f.i64(bits)
      f.op(op === 'shl' ? 'i64.shl' : 'i64.shr_u')
      this.pushWord(far)
      f.i64(64n - bits)
      f.op(op === 'shl' ? 'i64.shr_u' : 'i64.shl')
      f.op('i64.or')
      return this.#stash()
    })
  }

  #trimTop(width: number, words: Word[]): Word[] {
    if (width % 64 === 0) return words
    this.pushWord(words.at(-1)!)
    this.#trimWord(width, words.length - 1)
    return [...words.slice(0, -1), this.#stash()]
  }

  #signExtendWide(operand: Expression, width: number): Word[] {
    const { f } = this
    const words = this.words(operand)
    const top = words.length - 1
    this.pushWord(words[top]!)
    this.#signExtend(operand.width - 64 * top, 'i64')
    const extended = this.#stash()
    this.pushWord(extended)
    f.i64(63n)
    f.op('i64.shr_s')
    const fill = this.#stash()
    const out = Array.from({ length: wordsOf(width) }, (_, k) => (k < top ? words[k]! : k === top ? extended : fill))
    return this.#trimTop(width, out)
  }

  #resize(e: Extract<Expression, { op: 'cast' }>): Word[] {
    const words = this.words(e.operand)
    const zeroWord: Word = { kind: 'const', value: 0n }
    const out = Array.from({ length: wordsOf(e.width) }, (_, k) => words[k] ?? zeroWord)
    return e.operand.width > e.width ? this.#trimTop(e.width, out) : out
  }

  #saturate(e: Saturating): Word[] {
    const { f } = this
    const { width } = e
    const operand = (inner: Expression): Expression => ({
      op: 'cast',
      width: width + 1,
      signed: e.signed,
      operand: inner,
    })
    // One bit more holds the exact result.
    const exact = this.words({
      op: e.op === 'addSaturating' ? 'add' : 'sub',
      width: width + 1,
      left: operand(e.left),
      right: operand(e.right),
    })
    this.pushBits(exact, width, 1)
    const high = this.#stash()
    this.pushWord(high)
    if (e.signed) {
      this.pushBits(exact, width - 1, 1)
      f.op('i64.xor')
    }
    f.op('i64.eqz')
    const isExact = f.stash('i32')
    const [whenHigh, whenLow] = e.signed
      ? [1n << BigInt(width - 1), mask(width - 1)]
      : [e.op === 'addSaturating' ? mask(width) : 0n, 0n]
    return Array.from({ length: wordsOf(width) }, (_, k) => {
      this.pushBits(exact, 64 * k, Math.min(64, width - 64 * k))
      f.i64((whenHigh >> BigInt(64 * k)) & mask(64))
      f.i64((whenLow >> BigInt(64 * k)) & mask(64))
      this.pushWord(high)
      f.op('i64.eqz')
      f.op('i32.eqz')
      f.op('select')
      f.get(isExact)
      f.op('select')
      return this.#stash()
    })
  }

  #pushConcatWord(left: readonly Word[], right: readonly Word[], rightWidth: number, k: number): void {
    const { f } = this
    const low = 64 * k
    const fromRight = low < rightWidth
    if (fromRight) this.pushWord(right[k]!)
    if (low + 64 <= rightWidth) return
    if (fromRight) {
      this.pushWord(left[0]!)
      f.i64(BigInt(rightWidth - low))
      f.op('i64.shl')
      f.op('i64.or')
    } else {
      this.pushBits(left, low - rightWidth, 64)
    }
  }
}

function zero(width: number): Expression {
  return { op: 'const', width, value: 0n }
}
