/** Validity of headers and header unions, and shifting of stacks (P4-16 §8.17, §8.18, §8.20). */
import type { Expression as Ast } from '../syntax/ast.ts'
import { lowerValue } from './expression.ts'
import { forEachAlternative, lowerTarget } from './target.ts'
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import * as fold from './fold.ts'
import type { Lowering } from './lowering.ts'
import { allSlots, type HeaderPlace, type StackPlace } from './place.ts'
import { NONE, read, scalar, write, type Value } from './value.ts'

export function lowerHeaderMethod(lower: Lowering, name: 'isValid' | 'setValid' | 'setInvalid', object: Ast): Value {
  if (name === 'isValid') {
    const value = lowerValue(lower, object)
    if (value.kind === 'header') return scalar(value.valid)
    if (value.kind !== 'union') return scalar(fold.FALSE)
    let isAny = fold.FALSE
    for (const member of value.fields.values()) isAny = fold.or(isAny, member.valid)
    return scalar(isAny)
  }
  forEachAlternative(lower, lowerTarget(lower, object), (place) => {
    if (place.kind === 'header') setValidity(lower, place, name === 'setValid')
  })
  return NONE
}

export function setValidity(lower: Lowering, place: HeaderPlace, isValid: boolean): void {
  if (lower.isBmv2) followBmv2(lower, place, isValid)
  lower.emit({ kind: 'assign', slot: place.valid, value: fold.flag(isValid) })
  // §8.20: a union of which one member becomes invalid has no valid one. BMv2 leaves the others alone.
  if (lower.isBmv2 && !isValid) return
  for (const rival of place.rivals) lower.emit({ kind: 'assign', slot: rival.valid, value: fold.FALSE })
}

/** A header that becomes valid is all zeros there, its varbit as long as it was, and counts in the packet's length. */
function followBmv2(lower: Lowering, place: HeaderPlace, isValid: boolean): void {
  const { builder, lengthSlot } = lower
  const then: Statement[] = []
  let bits = 0
  let varbitBytes: Expression | undefined
  for (const slot of builder.headers[place.header]?.fields ?? []) {
    const { kind, width } = builder.slots[slot] ?? { kind: 'bit', width: 0 }
    if (kind === 'varbit') {
      const bytes = builder.temporary(lower.path, 32)
      then.push({ kind: 'measureVarbit', slot: bytes, from: slot, isCleared: isValid })
      varbitBytes = builder.load(bytes)
      continue
    }
    bits += width
    if (isValid) then.push({ kind: 'assign', slot, value: fold.constant(0n, width) })
  }
  if (lengthSlot !== undefined) {
    const fixed = fold.constant(BigInt(bits >> 3), 32)
    const bytes = varbitBytes === undefined ? fixed : fold.arithmetic('add', fixed, varbitBytes)
    const value = fold.arithmetic(isValid ? 'add' : 'sub', builder.load(lengthSlot), bytes)
    then.push({ kind: 'assign', slot: lengthSlot, value })
  }
  const current = builder.load(place.valid)
  lower.emit({ kind: 'if', condition: isValid ? fold.logicalNot(current) : current, then, else: [] })
}

export function lowerStackShift(lower: Lowering, stack: StackPlace, isPush: boolean, count: number): void {
  const { elements } = stack
  const size = elements.length
  if (lower.isBmv2) rotateLikeBmv2(lower, stack, isPush, count)
  else shiftElements(lower, stack, isPush, count)
  const next = lower.builder.load(stack.next)
  const amount = fold.constant(BigInt(Math.min(count, size)), 32)
  const limit = fold.constant(BigInt(size), 32)
  const moved = isPush ? fold.arithmetic('add', next, amount) : fold.arithmetic('sub', next, amount)
  const isInside = isPush ? fold.compare('le', false, moved, limit) : fold.compare('ge', false, next, amount)
  const value = fold.mux(isInside, moved, isPush ? limit : fold.constant(0n, 32))
  lower.emit({ kind: 'assign', slot: stack.next, value })
}

function shiftElements(lower: Lowering, { elements }: StackPlace, isPush: boolean, count: number): void {
  const order = isPush ? [...elements.keys()].reverse() : [...elements.keys()]
  for (const index of order) {
    const element = elements[index]
    const source = elements[isPush ? index - count : index + count]
    if (element === undefined) continue
    write(lower, element, source === undefined ? { kind: 'invalid' } : read(lower, source))
  }
}

/**
 * BMv2 exchanges elements in pairs, valid or not, so that what falls off one end comes in at the other, where headers
 * become invalid and keep their fields. Unions become nothing of the kind: a stack of them is rotated.
 */
function rotateLikeBmv2(lower: Lowering, { elements }: StackPlace, isPush: boolean, count: number): void {
  const { builder } = lower
  const size = elements.length
  if (count === 0) return
  const order = [...elements.keys()]
  const exchange = (a: number, b: number): void => {
    ;[order[a], order[b]] = [order[b] ?? a, order[a] ?? b]
  }
  if (isPush) for (let k = size - 1; k >= count; k--) exchange(k, k - count)
  else for (let k = 0; k < size - count; k++) exchange(k, k + count)
  const slots = elements.map((element) => {
    const all = new Set<SlotId>()
    allSlots(element, all)
    return [...all]
  })
  const copy = (from: SlotId, into: SlotId): void => {
    if (builder.slots[from]?.kind === 'varbit') lower.emit({ kind: 'assignVarbit', slot: into, from })
    else lower.emit({ kind: 'assign', slot: into, value: builder.load(from) })
  }
  const moves: (readonly [SlotId, SlotId])[] = []
  for (const [index, source] of order.entries()) {
    if (source === index) continue
    for (const [k, from] of (slots[source] ?? []).entries()) {
      const { kind, width } = builder.slots[from] ?? { kind: 'bit', width: 1 }
      const kept = builder.temporary(lower.path, width, kind)
      copy(from, kept)
      moves.push([kept, slots[index]?.[k] ?? kept])
    }
  }
  for (const [from, into] of moves) copy(from, into)
  for (const [index, element] of elements.entries()) {
    const isNew = isPush ? index < count : index >= size - count
    if (isNew && element.kind === 'header') lower.emit({ kind: 'assign', slot: element.valid, value: fold.FALSE })
  }
}
