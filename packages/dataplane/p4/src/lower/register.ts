/** Register cells of any type: a cell is one number in the program's state, a struct's parts from the high end down. */
import type { Expression, SlotId } from '../ir/index.ts'
import { sizeInBits } from '../check/size.ts'
import type { Type } from '../check/type.ts'
import * as fold from './fold.ts'
import { hashInputs } from './hash.ts'
import type { Lowering } from './lowering.ts'
import { allocate, collectSlots, scalarShape } from './place.ts'
import { read, scalar, type Value } from './value.ts'

export function cellWidth(lower: Lowering, type: Type | undefined): number {
  return Math.max(1, (type === undefined ? undefined : sizeInBits(lower.context, type, true)) ?? 32)
}

/** Emits the read; the value stands in temporaries. */
export function readCell(lower: Lowering, register: number, index: Expression, input: Type): Value {
  const type = lower.resolve(input)
  const shape = scalarShape(type)
  const width = shape?.width ?? cellWidth(lower, type)
  const slot = lower.builder.temporary(lower.path, width, shape?.kind ?? 'bit')
  lower.emit({ kind: 'registerRead', register, index, slot })
  const whole = lower.builder.load(slot)
  if (shape !== undefined) return scalar(whole)
  const place = allocate(lower.builder, lower.context, type, lower.qualified('$cell'))
  const slots: SlotId[] = []
  collectSlots(place, slots)
  let at = width
  for (const part of slots) {
    const partWidth = lower.builder.slots[part]?.width ?? 1
    at -= partWidth
    lower.emit({ kind: 'assign', slot: part, value: fold.slice(whole, at + partWidth - 1, at) })
  }
  return read(lower, place)
}

export function writeCell(lower: Lowering, register: number, index: Expression, value: Value): void {
  const [first, ...rest] = hashInputs(value)
  lower.emit({ kind: 'registerWrite', register, index, value: rest.reduce(fold.concat, first ?? fold.FALSE) })
}

/** Whether the index names one of `size` cells; constant where its width or value says so. */
export function isInside(index: Expression, size: number): Expression {
  const known = fold.constantOf(index)
  if (known !== undefined) return fold.flag(known < BigInt(size))
  if (index.width < 32 && 2 ** index.width <= size) return fold.TRUE
  const width = Math.max(index.width, 33)
  return fold.compare('lt', false, fold.resize(index, width, false), fold.constant(BigInt(size), width))
}
