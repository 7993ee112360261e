/**
 * Slots: locals of a function, bits of such locals, fields of header images, or cells in memory. What reads and writes them, whichever
 * they are.
 */
import type { SlotId } from '../ir/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import { CELL, wordsOf } from './layout.ts'
import { classOf, STATE } from './value-class.ts'
import { pushField, storeField, swap } from './wire-code.ts'
import type { Word } from './word-code.ts'

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

/** Whether a slot is a local in network order. */
export function isRawSlot(code: ExpressionCode, slot: SlotId): boolean {
  return code.layout.rawSlots.has(slot) && code.locals.has(slot)
}

/** Pushes such a slot, of up to 64 bits, as it is held. */
export function pushRawSlot(code: ExpressionCode, slot: SlotId): void {
  code.f.get(code.locals.get(slot)![0]!)
}

/** Sets word `k` of such a slot to what `push` leaves, in network order: an i32 up to 32 bits, else an i64. */
export function storeRawWord(code: ExpressionCode, slot: SlotId, k: number, push: () => void): void {
  push()
  code.f.set(code.locals.get(slot)![k]!)
}

/** The bit that holds a slot; undefined when it is held otherwise. */
export function flagBit(code: ExpressionCode, slot: SlotId): FlagBit | undefined {
  return code.bits.get(slot)
}

/** Sets a slot of up to 64 bits to what `push` leaves on the stack (i32 or i64 by the slot's width). */
export function storeSlot(code: ExpressionCode, slot: SlotId, push: () => void): void {
  const { f } = code
  const flag = code.bits.get(slot)
  if (flag !== undefined) {
    code.known.delete(slot)
    code.clear.delete(slot)
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
  const locals = code.locals.get(slot)
  if (locals !== undefined) {
    push()
    if (isRawSlot(code, slot)) swap(f, code.program.slots[slot]!.width / 8)
    return f.set(locals[0]!)
  }
  const bit = imageBit(code, slot)
  if (bit !== undefined) {
    storeField(f, STATE, bit, code.program.slots[slot]!.width, push)
    return markStacks(code, bit >> 3)
  }
  if (code.layout.slotAddresses[slot] === 0) throw new Error(`${code.program.slots[slot]!.name} has no place`)
  f.i32(0)
  push()
  f.access(`${classOf(code.program.slots[slot]!.width)}.store`, STATE, code.layout.slotAddresses[slot]!)
  markStacks(code, code.layout.slotAddresses[slot]!)
}

/** Sets word `k` of a slot over 64 bits to the i64 that `push` leaves. */
export function storeSlotWord(code: ExpressionCode, slot: SlotId, k: number, push: () => void): void {
  const { f } = code
  const locals = code.locals.get(slot)
  if (locals !== undefined) {
    push()
    if (isRawSlot(code, slot)) swap(f, 8)
    return f.set(locals[k]!)
  }
  const bit = imageBit(code, slot)
  if (bit !== undefined) {
    const { width } = code.program.slots[slot]!
    const piece = Math.min(64, width - 64 * k)
    storeField(f, STATE, bit + width - 64 * k - piece, piece, () => {
      push()
      if (classOf(piece) === 'i32') f.op('i32.wrap_i64')
    })
    return markStacks(code, bit >> 3)
  }
  f.i32(0)
  push()
  f.access('i64.store', STATE, code.layout.slotAddresses[slot]! + 8 * k)
  markStacks(code, code.layout.slotAddresses[slot]!)
}

/** The first bit of a field of a header image, counted from address 0. */
export function imageBit(code: ExpressionCode, slot: SlotId): number | undefined {
  return code.layout.images.bits.get(slot)
}

/** Notes that something in memory was written, if it belongs to a header stack. */
export function markStacks(code: ExpressionCode, address: number): void {
  if (address < code.layout.stacksStart) return
  const { f } = code
  f.i32(0)
  f.i32(1)
  f.access('i32.store', STATE, CELL.areStacksDirty)
}

export function pushSlot(code: ExpressionCode, slot: SlotId): void {
  const { f } = code
  const flag = code.bits.get(slot)
  if (flag !== undefined) {
    f.get(flag.local)
    f.i64(BigInt(flag.bit))
    f.op('i64.shr_u')
    f.op('i32.wrap_i64')
    f.i32(1)
    return f.op('i32.and')
  }
  const locals = code.locals.get(slot)
  if (locals !== undefined) {
    f.get(locals[0]!)
    return isRawSlot(code, slot) ? swap(f, code.program.slots[slot]!.width / 8) : undefined
  }
  const bit = imageBit(code, slot)
  if (bit !== undefined) return pushField(f, STATE, undefined, bit, code.program.slots[slot]!.width)
  f.i32(0)
  f.access(`${classOf(code.program.slots[slot]!.width)}.load`, STATE, code.layout.slotAddresses[slot]!)
}

export function slotWords(code: ExpressionCode, slot: SlotId): Word[] {
  const { kind, width } = code.program.slots[slot]!
  const locals = code.locals.get(slot)
  if (locals !== undefined) return locals.map((local) => ({ kind: 'local', local, isRaw: isRawSlot(code, slot) }))
  if (kind === 'varbit') throw new Error(`${code.program.slots[slot]!.name}: a varbit is not a number`)
  const bit = imageBit(code, slot)
  if (bit !== undefined) {
    return Array.from({ length: wordsOf(width) }, (_, k) => {
      const piece = Math.min(64, width - 64 * k)
      return { kind: 'image', bit: bit + width - 64 * k - piece, width: piece }
    })
  }
  const address = code.layout.slotAddresses[slot]!
  return Array.from({ length: wordsOf(width) }, (_, k) => ({ kind: 'cell', address: address + 8 * k }))
}

export function isVarbitSlot(code: ExpressionCode, slot: SlotId): boolean {
  return code.program.slots[slot]!.kind === 'varbit'
}

/** Of the same length, and if that is not 0, of the same bytes; bytes behind the length are zero in both. */
export function pushVarbitsEqual(code: ExpressionCode, left: SlotId, right: SlotId): void {
  const { f } = code
  const load = (slot: SlotId, offset: number): void => {
    f.i32(0)
    f.access(offset === 0 ? 'i32.load' : 'i64.load', STATE, code.layout.slotAddresses[slot]! + offset)
  }
  load(left, 0)
  load(right, 0)
  f.op('i32.eq')
  load(left, 0)
  f.op('i32.eqz')
  for (let k = 0; k < wordsOf(code.program.slots[left]!.width); k++) {
    load(left, 8 + 8 * k)
    load(right, 8 + 8 * k)
    f.op('i64.eq')
    if (k > 0) f.op('i32.and')
  }
  f.op('i32.or')
  f.op('i32.and')
}
