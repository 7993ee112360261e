/**
 * Expressions → instructions. A value of up to 32 bits is an i32, of up to 64 bits an i64, always with the bits above
 * its width zero; wider values are lists of 64-bit words, least significant first, that live in locals.
 * Semantics: P4-16 §8.5 to §8.9 as narrowed by `ir/expression.ts`.
 */
import type { Expression, Program, SlotId } from '../ir/index.ts'
import type { FunctionBuilder, Label } from '../wasm/index.ts'
import { CELL, type Layout, wordsOf } from './layout.ts'
import { type Class, classOf, mask, STATE } from './value-class.ts'
import type { Runtime } from './runtime-code.ts'
import { isWhollyRaw, pushImageCompare, pushRaw, storeChunk, swapped } from './raw-code.ts'
import { pushField, storeField, swap } from './wire-code.ts'
import { compareWide, saturate, wideWords } from './wide-code.ts'

/** One 64-bit word of a wide value, readable any number of times until a slot is written. */
export type Word =
  /** `isRaw`: in network order. */
  | { readonly kind: 'local'; readonly local: number; readonly isRaw?: boolean }
  | { readonly kind: 'cell'; readonly address: number }
  /** In a header image: at most 64 bits in network order from this bit on. */
  | { readonly kind: 'image'; readonly bit: number; readonly width: number }
  | { readonly kind: 'const'; readonly value: bigint }

export type Binary = Extract<Expression, { op: 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor' }>
export type Shift = Extract<Expression, { op: 'shl' | 'shr' }>
export type Saturating = Extract<Expression, { op: 'addSaturating' | 'subSaturating' }>
export type Comparison = Extract<Expression, { op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' }>

/** Which slots are locals of a function, and where. */
export interface SlotLocals {
  /** One local up to 64 bits, else one per word. */
  readonly words: ReadonlyMap<SlotId, readonly number[]>
  /** One-bit slots: bits of i64 locals, so that a merge of control flow moves a few words instead of all of them. */
  readonly bits: ReadonlyMap<SlotId, FlagBit>
}

export interface FlagBit {
  readonly local: number
  readonly bit: number
}

export const NO_LOCALS: SlotLocals = { words: new Map(), bits: new Map() }

interface Conjuncts {
  /** By local: the bits that matter, and what they must be. */
  readonly flags: ReadonlyMap<number, { readonly mask: bigint; readonly wanted: bigint }>
  readonly others: readonly { readonly e: Expression; readonly isNegated: boolean }[]
  /** No packet can fulfil them all. */
  readonly isNever: boolean
}

export class ExpressionCode {
  readonly f: FunctionBuilder
  readonly #program: Program
  readonly #layout: Layout
  readonly runtime: Runtime
  readonly #locals: ReadonlyMap<SlotId, readonly number[]>
  readonly #bits: ReadonlyMap<SlotId, FlagBit>
  /** Flags that are 1 where code is being written, because a condition around it says so. */
  readonly #known = new Set<SlotId>()

  constructor(f: FunctionBuilder, program: Program, layout: Layout, runtime: Runtime, locals: SlotLocals) {
    this.f = f
    this.#program = program
    this.#layout = layout
    this.runtime = runtime
    this.#locals = locals.words
    this.#bits = locals.bits
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
        this.pushCondition(e.operand)
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
        this.pushWord(saturate(this, e)[0]!)
        return this.#narrow(e.width)
      case 'shl':
      case 'shr':
        return this.#pushShift(e)
      case 'eq':
      case 'ne':
        if (e.left.op === 'load' && e.right.op === 'load' && this.#isVarbit(e.left.slot)) {
          this.#pushVarbitsEqual(e.left.slot, e.right.slot)
          return e.op === 'eq' ? undefined : f.op('i32.eqz')
        }
        return e.left.width > 64 ? compareWide(this, e) : this.#compare(e)
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge':
        return e.left.width > 64 ? compareWide(this, e) : this.#compare(e)
      case 'land':
      case 'lor':
        return this.#pushConjunction(e, e.op === 'lor')
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
        this.signExtend(e.operand.width, type)
        return this.#trim(e.width)
      case 'mux':
        this.push(e.whenTrue)
        this.push(e.whenFalse)
        this.push(e.condition)
        return f.op('select')
    }
  }

  /** Pushes an i32 that is not 0 when a one-bit expression is true: enough for a branch, and shorter than 0 or 1. */
  pushCondition(e: Expression): void {
    const flag = e.op === 'load' ? this.#bits.get(e.slot) : undefined
    if (flag === undefined) return this.push(e)
    this.#pushFlags(flag.local, 1n << BigInt(flag.bit), 1n << BigInt(flag.bit))
  }

  /** `then` where a one-bit expression is true, else `otherwise`: a branch for each part of it, and none is computed in vain. */
  writeIf(e: Expression, then: () => void, otherwise?: () => void): void {
    const { f } = this
    if (e.op === 'load' && this.#known.has(e.slot)) return then()
    const inside = (): void => this.#knowing(e, then)
    if (e.op !== 'land' && e.op !== 'lor' && e.op !== 'lnot') {
      this.pushCondition(e)
      return f.if(undefined, inside, otherwise)
    }
    f.block(undefined, (end) => {
      f.block(undefined, (isFalse) => {
        f.scope(() => this.branch(e, false, isFalse))
        inside()
        if (otherwise !== undefined) f.br(end)
      })
      otherwise?.()
    })
  }

  /** Writes code that runs only where `e` is true. */
  #knowing(e: Expression, write: () => void): void {
    const found: SlotId[] = []
    const collect = (one: Expression): void => {
      if (one.op === 'land') {
        collect(one.left)
        collect(one.right)
      } else if (one.op === 'load' && this.#bits.has(one.slot) && !this.#known.has(one.slot)) found.push(one.slot)
    }
    collect(e)
    for (const slot of found) this.#known.add(slot)
    write()
    for (const slot of found) this.#known.delete(slot)
  }

  /** Writes code that may run again after itself, so that what it writes later counts, too. */
  unknowing(write: () => void): void {
    const before = [...this.#known]
    this.#known.clear()
    write()
    // What the loop wrote is not told apart from the rest.
    if (before.length > 0) this.#known.clear()
  }

  /** Branches to the label if a one-bit expression has this value. */
  branch(e: Expression, value: boolean, label: Label): void {
    const { f } = this
    if (e.op === 'lnot') return this.branch(e.operand, !value, label)
    if (e.op !== 'land' && e.op !== 'lor') {
      this.pushCondition(e)
      if (!value) f.op('i32.eqz')
      return f.brIf(label)
    }
    const { flags, others, isNever } = this.#conjuncts(e, e.op === 'lor')
    // The value of all conjuncts together that leads to the label.
    const wanted = e.op === 'lor' ? !value : value
    if (isNever) return wanted ? undefined : f.br(label)
    const leave = (target: Label): void => {
      for (const [local, { mask: bits, wanted: set }] of flags) {
        this.#pushFlags(local, bits, set)
        f.op('i32.eqz')
        f.brIf(target)
      }
      for (const other of others) this.branch(other.e, other.isNegated, target)
    }
    if (!wanted) return leave(label)
    f.block(undefined, (no) => {
      leave(no)
      f.br(label)
    })
  }

  /** Parts that must all hold for `e`, or for its opposite: bits of words of flags, and the rest. */
  #conjuncts(e: Expression, isNegated: boolean): Conjuncts {
    const flags = new Map<number, { mask: bigint; wanted: bigint }>()
    const others: { readonly e: Expression; readonly isNegated: boolean }[] = []
    let isNever = false
    const collect = (one: Expression, isFalse: boolean): void => {
      if (one.op === (isFalse ? 'lor' : 'land')) {
        collect(one.left, isFalse)
        collect(one.right, isFalse)
        return
      }
      if (one.op === 'lnot') return collect(one.operand, !isFalse)
      const flag = one.op === 'load' ? this.#bits.get(one.slot) : undefined
      if (flag === undefined) {
        others.push({ e: one, isNegated: isFalse })
        return
      }
      const bit = 1n << BigInt(flag.bit)
      const known = flags.get(flag.local) ?? { mask: 0n, wanted: 0n }
      const wanted = isFalse ? 0n : bit
      isNever ||= (known.mask & bit) !== 0n && (known.wanted & bit) !== wanted
      flags.set(flag.local, { mask: known.mask | bit, wanted: known.wanted | wanted })
    }
    collect(e, isNegated)
    return { flags, others, isNever }
  }

  /**
   * All of several conditions, or with `isNegated` not none of them. Flags in one word are tested together; the rest are
   * combined.
   */
  #pushConjunction(e: Expression, isNegated: boolean): void {
    const { f } = this
    const { flags, others, isNever } = this.#conjuncts(e, isNegated)
    if (isNever) return f.i32(isNegated ? 1 : 0)
    let isFirst = true
    const and = (): void => {
      if (!isFirst) f.op('i32.and')
      isFirst = false
    }
    for (const [local, { mask: bits, wanted }] of flags) {
      this.#pushFlags(local, bits, wanted)
      and()
    }
    for (const other of others) {
      this.push(other.e)
      if (other.isNegated) f.op('i32.eqz')
      and()
    }
    if (isNegated) f.op('i32.eqz')
  }

  /** Pushes whether the masked bits of a word of flags are the wanted ones. */
  #pushFlags(local: number, bits: bigint, wanted: bigint): void {
    const { f } = this
    f.get(local)
    f.i64(BigInt.asIntN(64, bits))
    f.op('i64.and')
    if (wanted === 0n) return f.op('i64.eqz')
    // One bit: not 0 says it, too.
    const isSingle = (bits & (bits - 1n)) === 0n
    f.i64(isSingle ? 0n : BigInt.asIntN(64, wanted))
    f.op(isSingle ? 'i64.ne' : 'i64.eq')
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
  isRawWord(word: Word): boolean {
    if (word.kind === 'image') return word.width === 64 && word.bit % 8 === 0
    return word.kind === 'const' || (word.kind === 'local' && word.isRaw === true)
  }

  pushRawWord(word: Word): void {
    const { f } = this
    if (word.kind === 'const') return f.i64(BigInt.asIntN(64, swapped(word.value, 8)))
    if (word.kind === 'local' && word.isRaw === true) return f.get(word.local)
    if (word.kind === 'image' && this.isRawWord(word)) {
      f.i32(0)
      return f.access('i64.load', STATE, word.bit >> 3)
    }
    this.pushWord(word)
    swap(f, 8)
  }

  /** Whether a slot is a local in network order. */
  isRawSlot(slot: SlotId): boolean {
    return this.#layout.rawSlots.has(slot) && this.#locals.has(slot)
  }

  /** Pushes such a slot, of up to 64 bits, as it is held. */
  pushRawSlot(slot: SlotId): void {
    this.f.get(this.#locals.get(slot)![0]!)
  }

  /** Sets word `k` of such a slot to what `push` leaves, in network order: an i32 up to 32 bits, else an i64. */
  storeRawWord(slot: SlotId, k: number, push: () => void): void {
    push()
    this.f.set(this.#locals.get(slot)![k]!)
  }

  /** Any value as 64-bit words, evaluated once. */
  words(e: Expression): Word[] {
    if (e.width <= 64) {
      if (e.op === 'const') return [{ kind: 'const', value: e.value }]
      this.push64(e)
      return [this.stash()]
    }
    return wideWords(this, e)
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

  /** The bit that holds a slot; undefined when it is held otherwise. */
  flagBit(slot: SlotId): FlagBit | undefined {
    return this.#bits.get(slot)
  }

  /** slot = expression, of equal widths. */
  assign(slot: SlotId, e: Expression): void {
    const flag = this.#bits.get(slot)
    const fixed = e.op === 'const' ? e.value : e.op === 'load' && this.#known.has(e.slot) ? 1n : undefined
    if (flag !== undefined && fixed !== undefined) {
      if (fixed === 0n) this.#known.delete(slot)
      const bit = 1n << BigInt(flag.bit)
      this.f.get(flag.local)
      this.f.i64(BigInt.asIntN(64, fixed === 1n ? bit : ~bit))
      this.f.op(fixed === 1n ? 'i64.or' : 'i64.and')
      return this.f.set(flag.local)
    }
    const bit = this.imageBit(slot)
    if (bit !== undefined && bit % 8 === 0 && e.width % 8 === 0 && e.width <= 64) {
      this.f.scope(() => storeChunk(this, STATE, undefined, bit >> 3, { offset: 0, bytes: e.width / 8, value: e }))
      return this.markStacks(bit >> 3)
    }
    const isRaw = this.isRawSlot(slot)
    if (isRaw && e.width <= 64) return this.storeRawWord(slot, 0, () => pushRaw(this, e))
    if (e.width <= 64) return this.storeSlot(slot, () => this.push(e))
    const words = this.words(e)
    words.forEach((word, k) => {
      if (isRaw) this.storeRawWord(slot, k, () => this.pushRawWord(word))
      else if (bit !== undefined && bit % 8 === 0 && e.width % 64 === 0) {
        this.f.i32(0)
        this.pushRawWord(word)
        this.f.access('i64.store', STATE, (bit >> 3) + 8 * (words.length - 1 - k))
      } else this.storeSlotWord(slot, k, () => this.pushWord(word))
    })
    if (bit !== undefined) this.markStacks(bit >> 3)
  }

  /** Sets a slot of up to 64 bits to what `push` leaves on the stack (i32 or i64 by the slot's width). */
  storeSlot(slot: SlotId, push: () => void): void {
    const { f } = this
    const flag = this.#bits.get(slot)
    if (flag !== undefined) {
      this.#known.delete(slot)
      f.get(flag.local)
      f.i64(BigInt.asIntN(64, ~(1n << BigInt(flag.bit))))
      f.op('i64.and')
      push()
      f.op('i64.extend_i32_u')
      f.i64(BigInt(flag.bit))
      f.op('i64.shl')
      f.op('i64.or')
      return f.set(flag.local)
    }
    const locals = this.#locals.get(slot)
    if (locals !== undefined) {
      push()
      if (this.isRawSlot(slot)) swap(f, this.#program.slots[slot]!.width / 8)
      return f.set(locals[0]!)
    }
    const bit = this.imageBit(slot)
    if (bit !== undefined) {
      storeField(f, STATE, bit, this.#program.slots[slot]!.width, push)
      return this.markStacks(bit >> 3)
    }
    if (this.#layout.slotAddresses[slot] === 0) throw new Error(`${this.#program.slots[slot]!.name} has no place`)
    f.i32(0)
    push()
    f.access(`${classOf(this.#program.slots[slot]!.width)}.store`, STATE, this.#layout.slotAddresses[slot]!)
    this.markStacks(this.#layout.slotAddresses[slot]!)
  }

  /** Sets word `k` of a slot over 64 bits to the i64 that `push` leaves. */
  storeSlotWord(slot: SlotId, k: number, push: () => void): void {
    const { f } = this
    const locals = this.#locals.get(slot)
    if (locals !== undefined) {
      push()
      if (this.isRawSlot(slot)) swap(f, 8)
      return f.set(locals[k]!)
    }
    const bit = this.imageBit(slot)
    if (bit !== undefined) {
      const { width } = this.#program.slots[slot]!
      const piece = Math.min(64, width - 64 * k)
      storeField(f, STATE, bit + width - 64 * k - piece, piece, () => {
        push()
        if (classOf(piece) === 'i32') f.op('i32.wrap_i64')
      })
      return this.markStacks(bit >> 3)
    }
    f.i32(0)
    push()
    f.access('i64.store', STATE, this.#layout.slotAddresses[slot]! + 8 * k)
    this.markStacks(this.#layout.slotAddresses[slot]!)
  }

  /** The first bit of a field of a header image, counted from address 0. */
  imageBit(slot: SlotId): number | undefined {
    return this.#layout.images.bits.get(slot)
  }

  /** Notes that something in memory was written, if it belongs to a header stack. */
  markStacks(address: number): void {
    if (address < this.#layout.stacksStart) return
    const { f } = this
    f.i32(0)
    f.i32(1)
    f.access('i32.store', STATE, CELL.areStacksDirty)
  }

  stash(): Word {
    return { kind: 'local', local: this.f.stash('i64') }
  }

  #pushSlot(slot: SlotId): void {
    const { f } = this
    const flag = this.#bits.get(slot)
    if (flag !== undefined) {
      f.get(flag.local)
      f.i64(BigInt(flag.bit))
      f.op('i64.shr_u')
      f.op('i32.wrap_i64')
      f.i32(1)
      return f.op('i32.and')
    }
    const locals = this.#locals.get(slot)
    if (locals !== undefined) {
      f.get(locals[0]!)
      return this.isRawSlot(slot) ? swap(f, this.#program.slots[slot]!.width / 8) : undefined
    }
    const bit = this.imageBit(slot)
    if (bit !== undefined) return pushField(f, STATE, undefined, bit, this.#program.slots[slot]!.width)
    f.i32(0)
    f.access(`${classOf(this.#program.slots[slot]!.width)}.load`, STATE, this.#layout.slotAddresses[slot]!)
  }

  slotWords(slot: SlotId): Word[] {
    const { kind, width } = this.#program.slots[slot]!
    const locals = this.#locals.get(slot)
    if (locals !== undefined) return locals.map((local) => ({ kind: 'local', local, isRaw: this.isRawSlot(slot) }))
    if (kind === 'varbit') throw new Error(`${this.#program.slots[slot]!.name}: a varbit is not a number`)
    const bit = this.imageBit(slot)
    if (bit !== undefined) {
      return Array.from({ length: wordsOf(width) }, (_, k) => {
        const piece = Math.min(64, width - 64 * k)
        return { kind: 'image', bit: bit + width - 64 * k - piece, width: piece }
      })
    }
    const address = this.#layout.slotAddresses[slot]!
    return Array.from({ length: wordsOf(width) }, (_, k) => ({ kind: 'cell', address: address + 8 * k }))
  }

  #isVarbit(slot: SlotId): boolean {
    return this.#program.slots[slot]!.kind === 'varbit'
  }

  /** Of the same length, and if that is not 0, of the same bytes; bytes behind the length are zero in both. */
  #pushVarbitsEqual(left: SlotId, right: SlotId): void {
    const { f } = this
    const load = (slot: SlotId, offset: number): void => {
      f.i32(0)
      f.access(offset === 0 ? 'i32.load' : 'i64.load', STATE, this.#layout.slotAddresses[slot]! + offset)
    }
    load(left, 0)
    load(right, 0)
    f.op('i32.eq')
    load(left, 0)
    f.op('i32.eqz')
    for (let k = 0; k < wordsOf(this.#program.slots[left]!.width); k++) {
      load(left, 8 + 8 * k)
      load(right, 8 + 8 * k)
      f.op('i64.eq')
      if (k > 0) f.op('i32.and')
    }
    f.op('i32.or')
    f.op('i32.and')
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

  signExtend(width: number, type: Class): void {
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
    const bit = operand.op === 'load' ? this.imageBit(operand.slot) : undefined
    if (bit !== undefined) return pushField(f, STATE, undefined, bit + operand.width - low - width, width)
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
      if (isSigned) this.signExtend(e.width, type)
      this.constant(bits, amount)
      f.op(`${type}.${operator}`)
      return e.op === 'shl' || isSigned ? this.#trim(e.width) : undefined
    }
    this.pushClamped32(e.right)
    const amount = f.stash('i32')
    this.push(e.left)
    if (isSigned) {
      this.signExtend(e.width, type)
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
      if (e.right.op === 'const' && pushImageCompare(this, e.left, e.right.value, mask(width), e.op)) return
      if (isWhollyRaw(this, e.left) && isWhollyRaw(this, e.right)) {
        pushRaw(this, e.left)
        pushRaw(this, e.right)
        return f.op(`${type}.${e.op}`)
      }
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
}
