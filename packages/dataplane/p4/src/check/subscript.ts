/** Elements of stacks, tuples and lists, and slices of numbers (P4-16 §8.6, §8.13, §8.18). */
import type { Expression } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { evaluateInteger } from './evaluate.ts'
import { checkValue } from './expression.ts'
import { bits, isFixedWidth, showType, type Type, UNKNOWN } from './type.ts'

export function checkIndex(context: Context, object: Expression, index: Expression): Type {
  const type = context.inference.prune(checkValue(context, object))
  const indexType = context.inference.prune(checkValue(context, index))
  if (type.kind === 'unknown' || indexType.kind === 'unknown') {
    return type.kind === 'stack' ? type.element : UNKNOWN
  }
  if (
    !isFixedWidth(indexType) &&
    indexType.kind !== 'integer' &&
    !(indexType.kind === 'enum' && indexType.underlying !== undefined)
  ) {
    context.error('P4C4030', index.range, `an index is a number, not ${showType(indexType)}`)
    return UNKNOWN
  }
  const value = evaluateInteger(context, index)
  if (type.kind === 'stack') {
    if (value !== undefined && (value < 0n || (value >= BigInt(type.size) && type.size > 0))) {
      context.error('P4C4031', index.range, `index ${value} is outside the stack's ${type.size} elements`)
    }
    return type.element
  }
  if (type.kind === 'tuple' || type.kind === 'listLiteral') {
    if (value === undefined) {
      context.error('P4C5001', index.range, 'the index of a tuple must be a compile-time constant')
      return UNKNOWN
    }
    const element = value < 0n ? undefined : type.elements[Number(value)]
    if (element === undefined) {
      context.error('P4C4031', index.range, `index ${value} is outside the tuple's ${type.elements.length} elements`)
    }
    return element ?? UNKNOWN
  }
  context.error('P4C4032', object.range, `${showType(type)} cannot be indexed`)
  return UNKNOWN
}

export function checkSlice(context: Context, expression: Extract<Expression, { kind: 'Slice' }>): Type {
  let type = context.inference.prune(checkValue(context, expression.object))
  checkValue(context, expression.low)
  checkValue(context, expression.high)
  if (type.kind === 'enum' && type.underlying !== undefined) type = type.underlying
  if (type.kind === 'unknown') return UNKNOWN
  if (!isFixedWidth(type) && type.kind !== 'integer') {
    context.error('P4C4033', expression.object.range, `${showType(type)} has no bits to slice`)
    return UNKNOWN
  }
  const lowType = context.typeOf(expression.low)
  if (expression.isPlus && isFixedWidth(lowType) && evaluateInteger(context, expression.low) === undefined) {
    // `[i +: W]` may start at a place that is known at run time only.
    const width = sliceBound(context, expression.high)
    return width === undefined || width === 0 ? UNKNOWN : bits(width)
  }
  const low = sliceBound(context, expression.low)
  const second = sliceBound(context, expression.high)
  if (low === undefined || second === undefined) return UNKNOWN
  const high = expression.isPlus ? low + second - 1 : second
  if (high < low) {
    context.error('P4C4034', expression.range, `slice [${high}:${low}] has its low bit first`)
    return UNKNOWN
  }
  if (isFixedWidth(type) && high >= type.width) {
    context.error('P4C4035', expression.range, `bit ${high} is outside ${showType(type)}`)
    return UNKNOWN
  }
  return bits(high - low + 1)
}

function sliceBound(context: Context, expression: Expression): number | undefined {
  const value = evaluateInteger(context, expression)
  if (value === undefined) {
    if (context.typeOf(expression).kind !== 'unknown') {
      context.error('P4C5001', expression.range, 'the bounds of a slice must be compile-time constants')
    }
    return undefined
  }
  if (value < 0n || value > 1_000_000n) {
    context.error('P4C4035', expression.range, `${value} cannot be a bit number`)
    return undefined
  }
  return Number(value)
}
