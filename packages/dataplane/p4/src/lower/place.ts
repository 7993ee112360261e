/** Storage of a variable: the slots of its parts, shaped like its type. */
import type { HeaderId, SlotId } from '../ir/index.ts'
import type { Context } from '../check/context.ts'
import { isHeader, type Type } from '../check/type.ts'
import { enumValue } from '../check/evaluate.ts'
import type { ProgramBuilder } from './builder.ts'

export interface ScalarPlace {
  readonly kind: 'scalar'
  readonly slot: SlotId
  readonly width: number
}
export interface HeaderPlace {
  readonly kind: 'header'
  readonly header: HeaderId
  readonly valid: SlotId
  readonly fields: ReadonlyMap<string, Place>
  /** The other members of the union that it belongs to; at most one is valid (P4-16 §8.20). */
  readonly rivals: readonly HeaderPlace[]
}
export interface StackPlace {
  readonly kind: 'stack'
  readonly elements: readonly Place[]
  /** 32 bits: index of the element that `next` names. */
  readonly next: SlotId
}
export type Place =
  | ScalarPlace
  | { readonly kind: 'varbit'; readonly slot: SlotId; readonly width: number }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, Place> }
  | HeaderPlace
  | { readonly kind: 'union'; readonly fields: ReadonlyMap<string, HeaderPlace> }
  | StackPlace
  | { readonly kind: 'tuple'; readonly elements: readonly Place[] }

export const ERROR_WIDTH = 16

/** Kind and width of a type that fits one slot, or undefined. Widths of 0 have no slot. */
export function scalarShape(type: Type): { kind: 'bit' | 'int' | 'bool' | 'error'; width: number } | undefined {
  switch (type.kind) {
    case 'bit':
    case 'int':
      return type.width === 0 ? undefined : { kind: type.kind, width: type.width }
    case 'bool':
      return { kind: 'bool', width: 1 }
    case 'error':
      return { kind: 'error', width: ERROR_WIDTH }
    case 'newtype':
      return scalarShape(type.target)
    case 'enum':
      if (type.underlying !== undefined) return scalarShape(type.underlying)
      return { kind: 'bit', width: enumWidth(type.declaration.members.length) }
    default:
      return undefined
  }
}

/** Bits for the position of a member of an enum without underlying type. */
export function enumWidth(members: number): number {
  return Math.max(1, Math.ceil(Math.log2(Math.max(2, members))))
}

export function allocate(builder: ProgramBuilder, context: Context, input: Type, name: string): Place {
  const type = context.inference.resolve(input)
  const scalar = scalarShape(type)
  if (scalar !== undefined) {
    const slot = builder.slot(name, scalar.kind, scalar.width)
    nameValues(builder, context, type, slot)
    return { kind: 'scalar', slot, width: scalar.width }
  }
  switch (type.kind) {
    case 'varbit': {
      const { width } = type
      if (width === 0) return { kind: 'tuple', elements: [] }
      return { kind: 'varbit', slot: builder.slot(name, 'varbit', width), width }
    }
    case 'struct': {
      if (type.form === 'header') return allocateHeader(builder, context, type, name)
      const fields = new Map<string, Place>()
      for (const field of context.fieldsOf(type)) {
        fields.set(field.name, allocate(builder, context, field.type, `${name}.${field.name}`))
      }
      if (type.form === 'struct') return { kind: 'struct', fields }
      return allocateUnion(fields)
    }
    case 'stack': {
      const elements = Array.from({ length: type.size }, (_, index) =>
        allocate(builder, context, type.element, `${name}[${index}]`),
      )
      return { kind: 'stack', elements, next: builder.slot(`${name}.nextIndex`, 'bit', 32) }
    }
    case 'tuple':
    case 'listLiteral':
      return {
        kind: 'tuple',
        elements: type.elements.map((element, index) => allocate(builder, context, element, `${name}[${index}]`)),
      }
    default:
      // bit<0> and types without run-time values occupy nothing.
      return { kind: 'tuple', elements: [] }
  }
}

function allocateHeader(builder: ProgramBuilder, context: Context, type: Type, name: string): HeaderPlace {
  const valid = builder.slot(`${name}.$valid`, 'bool', 1)
  const fields = new Map<string, Place>()
  if (isHeader(type)) {
    for (const field of context.fieldsOf(type)) {
      fields.set(field.name, allocate(builder, context, field.type, `${name}.${field.name}`))
    }
  }
  const slots: SlotId[] = []
  for (const field of fields.values()) collectSlots(field, slots)
  return { kind: 'header', header: builder.header(name, valid, slots), valid, fields, rivals: [] }
}

function allocateUnion(fields: ReadonlyMap<string, Place>): Place {
  const members = new Map<string, HeaderPlace>()
  for (const [name, place] of fields) {
    if (place.kind !== 'header') continue
    const rivals: HeaderPlace[] = []
    members.set(name, { ...place, rivals })
  }
  for (const [name, member] of members) {
    for (const [other, place] of members) {
      // because `rivals` was made above as a plain array, filled here once all members exist
      if (other !== name) (member.rivals as HeaderPlace[]).push(place)
    }
  }
  return { kind: 'union', fields: members }
}

function nameValues(builder: ProgramBuilder, context: Context, type: Type, slot: SlotId): void {
  if (type.kind === 'newtype') nameValues(builder, context, type.target, slot)
  if (type.kind !== 'enum') return
  const names = new Map<bigint, string>()
  for (const [index, member] of type.declaration.members.entries()) {
    const value = type.underlying === undefined ? undefined : enumValue(context, type.declaration, member.name.text)
    names.set(value?.kind === 'number' ? value.value : BigInt(index), member.name.text)
  }
  builder.valueNames.set(slot, names)
}

/** Every slot that holds data (not validity or stack positions), in order. */
export function collectSlots(place: Place, into: SlotId[]): void {
  switch (place.kind) {
    case 'scalar':
    case 'varbit':
      into.push(place.slot)
      return
    case 'struct':
    case 'header':
    case 'union':
      for (const field of place.fields.values()) collectSlots(field, into)
      return
    case 'stack':
    case 'tuple':
      for (const element of place.elements) collectSlots(element, into)
  }
}

/** Every slot of a place, including validity and stack positions. */
export function allSlots(place: Place, into: Set<SlotId>): void {
  switch (place.kind) {
    case 'scalar':
    case 'varbit':
      into.add(place.slot)
      return
    case 'header':
      into.add(place.valid)
      for (const field of place.fields.values()) allSlots(field, into)
      return
    case 'struct':
    case 'union':
      for (const field of place.fields.values()) allSlots(field, into)
      return
    case 'stack':
      into.add(place.next)
      for (const element of place.elements) allSlots(element, into)
      return
    case 'tuple':
      for (const element of place.elements) allSlots(element, into)
  }
}
