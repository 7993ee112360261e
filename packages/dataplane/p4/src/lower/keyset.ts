/** Key sets of select cases and table entries: `v`, `v &&& m`, `a .. b`, `_` (P4-16 §8.14). */
import type { Expression, KeySet } from '../ir/index.ts'
import type { Type } from '../check/type.ts'
import type { Expression as Ast } from '../syntax/ast.ts'
import { lowerValue } from './expression.ts'
import * as fold from './fold.ts'
import type { Lowering } from './lowering.ts'
import { scalarShape } from './place.ts'
import { baseType, convert, leaves, scalarOf, type Value } from './value.ts'

/** One key's set before it is known to be constant: syntax, or a value out of a tuple. */
export type KeySetResult = Ast | { readonly kind: 'Value'; readonly value: Value } | { readonly kind: 'Any' }

/** Types of the scalars that a key of this type consists of. */
export function flattenTypes(lower: Lowering, input: Type): Type[] {
  const type = lower.resolve(input)
  if (scalarShape(type) !== undefined) return [type]
  if (type.kind === 'struct') return lower.context.fieldsOf(type).flatMap((field) => flattenTypes(lower, field.type))
  if (type.kind === 'tuple' || type.kind === 'listLiteral')
    return type.elements.flatMap((item) => flattenTypes(lower, item))
  return [type]
}

/** The sets of one case, one per scalar key; undefined when they do not fit. */
export function flattenKeyset(
  lower: Lowering,
  keys: readonly Ast[],
  types: readonly Type[],
): KeySetResult[] | undefined {
  const [only] = keys
  if (keys.length === 1 && only !== undefined && types.length !== 1) {
    if (isAny(only)) return types.flatMap((type) => flattenTypes(lower, type).map(() => ({ kind: 'Any' as const })))
    if (only.kind === 'List') return flattenKeyset(lower, only.elements, types)
    const parts: Expression[] = []
    leaves(lowerValue(lower, only), parts)
    return parts.map((expression) => ({ kind: 'Value' as const, value: { kind: 'scalar' as const, expression } }))
  }
  if (keys.length !== types.length) return undefined
  return keys.flatMap((key, index) => flattenOne(lower, key, types[index] ?? { kind: 'unknown' }))
}

function isAny(key: Ast): boolean {
  return key.kind === 'Default' || key.kind === 'DontCare' || key.kind === 'Dots'
}

function flattenOne(lower: Lowering, key: Ast, type: Type): KeySetResult[] {
  const types = flattenTypes(lower, type)
  if (isAny(key)) return types.map(() => ({ kind: 'Any' }))
  const resolved = lower.resolve(type)
  if (scalarShape(resolved) !== undefined) {
    if (key.kind === 'List' && key.elements.length === 1 && key.elements[0] !== undefined) return [key.elements[0]]
    return [key]
  }
  if (key.kind === 'List') {
    const inner =
      resolved.kind === 'struct'
        ? lower.context.fieldsOf(resolved).map((field) => field.type)
        : resolved.kind === 'tuple' || resolved.kind === 'listLiteral'
          ? resolved.elements
          : types
    return key.elements.flatMap((element, index) => flattenOne(lower, element, inner[index] ?? { kind: 'unknown' }))
  }
  const parts: Expression[] = []
  leaves(convert(lower, lowerValue(lower, key), lower.typeOf(key), type), parts)
  return parts.map((expression) => ({ kind: 'Value', value: { kind: 'scalar', expression } }))
}

/** As constants, or undefined when something is known at run time only. */
export function keyset(lower: Lowering, set: KeySetResult, type: Type, width: number): KeySet | undefined {
  if (set.kind === 'Any') return { kind: 'any' }
  if (set.kind === 'Value') {
    const value = fold.constantOf(scalarOf(set.value, width))
    return value === undefined ? undefined : { kind: 'exact', value }
  }
  if (isAny(set)) return { kind: 'any' }
  const number = (part: Ast): bigint | undefined => fold.constantOf(keyExpression(lower, part, type, width))
  if (set.kind === 'Binary' && (set.operator === '&&&' || set.operator === '..')) {
    const left = number(set.left)
    const right = number(set.right)
    if (left === undefined || right === undefined) return undefined
    if (set.operator === '..') return { kind: 'range', low: left, high: right }
    return { kind: 'ternary', value: left & right, mask: right }
  }
  const value = number(set)
  return value === undefined ? undefined : { kind: 'exact', value }
}

function keyExpression(lower: Lowering, part: Ast, type: Type, width: number): Expression {
  const value = lowerValue(lower, part)
  return scalarOf(convert(lower, value, lower.typeOf(part), type), width)
}

/** Whether `key` is in the set, computed at run time. */
export function isInSet(lower: Lowering, set: KeySetResult, type: Type, key: Expression): Expression {
  if (set.kind === 'Any') return fold.TRUE
  if (set.kind === 'Value') return fold.equal(key, scalarOf(set.value, key.width))
  if (isAny(set)) return fold.TRUE
  const expression = (part: Ast): Expression => keyExpression(lower, part, type, key.width)
  if (set.kind === 'Binary' && set.operator === '&&&') {
    const mask = expression(set.right)
    return fold.equal(fold.arithmetic('and', key, mask), fold.arithmetic('and', expression(set.left), mask))
  }
  if (set.kind === 'Binary' && set.operator === '..') {
    const signed = baseType(lower.resolve(type)).kind === 'int'
    const above = fold.compare('ge', signed, key, expression(set.left))
    return fold.and(above, fold.compare('le', signed, key, expression(set.right)))
  }
  return fold.equal(key, expression(set))
}
