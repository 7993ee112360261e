/**
 * Implicit conversions (P4-16 §8.11.3) and explicit casts (§8.11.2). `coerce` says whether an expression may stand where
 * a type is wanted, and records the conversion that its value then needs.
 */
import type { Expression } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { evaluateInteger } from './evaluate.ts'
import { explainMismatch } from './mismatch.ts'
import { isFixedWidth, isHeader, isUnion, showType, type Type } from './type.ts'

/** Reports a mismatch as `code` and returns false. */
export function coerce(context: Context, expression: Expression, target: Type, code = 'P4C4010'): boolean {
  const from = context.typeOf(expression)
  if (fits(context, expression, from, target)) {
    record(context, expression, from, target)
    return true
  }
  const to = context.inference.resolve(target)
  const detail = explainMismatch(context, expression, from, to)
  context.error(code, expression.range, `expected ${showType(to)}, found ${showType(from)}`, detail)
  return false
}

/** Records conversions, pushed into the branches of a conditional, whose own width they decide. */
function record(context: Context, expression: Expression, from: Type, target: Type): void {
  if (expression.kind === 'Conditional' && isLiteralType(from)) {
    record(context, expression.whenTrue, context.typeOf(expression.whenTrue), target)
    record(context, expression.whenFalse, context.typeOf(expression.whenFalse), target)
    context.types.set(expression, target)
    return
  }
  const to = context.inference.prune(target)
  if (needsConversion(from, to)) context.conversions.set(expression, target)
  if (from.kind === 'integer' && isFixedWidth(to)) warnOverflow(context, expression, to)
}

function isLiteralType(type: Type): boolean {
  return (
    type.kind === 'integer' ||
    type.kind === 'listLiteral' ||
    type.kind === 'structLiteral' ||
    type.kind === 'invalidLiteral'
  )
}

function needsConversion(from: Type, to: Type): boolean {
  if (from.kind === 'unknown' || to.kind === 'unknown') return false
  if (from.kind === 'set' && to.kind === 'set') return needsConversion(from.element, to.element)
  return from.kind !== to.kind || from.kind === 'listLiteral' || from.kind === 'structLiteral'
}

function warnOverflow(context: Context, expression: Expression, to: { kind: 'bit' | 'int'; width: number }): void {
  const saved = context.conversions.get(expression)
  context.conversions.delete(expression)
  const value = evaluateInteger(context, expression)
  if (saved !== undefined) context.conversions.set(expression, saved)
  if (value === undefined) return
  const width = BigInt(to.width)
  // A signed target also takes literals that fill all its bits, e.g. 8s0xff.
  const low = to.kind === 'bit' ? 0n : -(1n << (width > 0n ? width - 1n : 0n))
  if (value >= low && value < 1n << width) return
  const kept = BigInt.asUintN(to.width, value)
  context.sink.warning('P4C4011', expression.range, `${value} does not fit ${showType(to)}; its value is ${kept}`)
}

/** Whether a value of type `from` may be used as `target` without a cast; solves unknowns on the way. */
export function fits(context: Context, expression: Expression | undefined, from: Type, target: Type): boolean {
  const { inference } = context
  const source = inference.prune(from)
  const to = inference.prune(target)
  if (source.kind === 'unknown' || to.kind === 'unknown') return true
  if (source.kind === 'typeName' || source.kind === 'callable' || source.kind === 'table') return false
  switch (source.kind) {
    case 'integer':
      if (isFixedWidth(to) || to.kind === 'integer') return true
      if (to.kind === 'set') return fits(context, undefined, source, to.element)
      break
    case 'listLiteral':
      return fitsList(context, source, to)
    case 'structLiteral':
      return fitsStruct(context, source, to)
    case 'invalidLiteral':
      if (to.kind === 'inferred') return inference.bind(to, source)
      return isHeader(to) || isUnion(to) || to.kind === 'typeVariable'
    case 'dots':
      return hasDefault(context, to)
    case 'enum':
      if (source.underlying !== undefined && !inference.tryUnify(source, to)) {
        return fits(context, undefined, source.underlying, to) && isFixedWidth(to)
      }
      break
    case 'set':
      if (to.kind === 'set') return fitsSet(context, source.element, to.element)
      break
    case 'bit':
    case 'int':
      // Of a known value, `int` is as good a type.
      if (to.kind === 'integer') return true
      break
    default:
      break
  }
  if (to.kind === 'set' && source.kind !== 'inferred') return fits(context, undefined, source, to.element)
  return inference.tryUnify(source, to)
}

/** What `...` may stand for: types with a default value (§7.3), and keys. */
function hasDefault(context: Context, input: Type): boolean {
  const type = context.inference.prune(input)
  switch (type.kind) {
    case 'list':
    case 'extern':
    case 'block':
    case 'string':
    case 'matchKind':
      return false
    default:
      return true
  }
}

/** Masks and ranges of a serialisable enum are made of its numbers. */
function fitsSet(context: Context, from: Type, to: Type): boolean {
  if (fits(context, undefined, from, to)) return true
  const element = context.inference.prune(to)
  return (
    element.kind === 'enum' && element.underlying !== undefined && fits(context, undefined, from, element.underlying)
  )
}

function fitsList(context: Context, from: Extract<Type, { kind: 'listLiteral' }>, to: Type): boolean {
  switch (to.kind) {
    case 'inferred':
      return context.inference.bind(to, {
        kind: 'tuple',
        elements: from.elements.map((item) => settled(context, item)),
      })
    case 'tuple':
      return fitsEach(context, from, to.elements)
    case 'list':
      return from.elements.every((item) => fits(context, undefined, item, to.element))
    case 'stack':
      return fitsEach(
        context,
        from,
        Array.from({ length: Math.min(to.size, from.hasDots ? from.elements.length : to.size) }, () => to.element),
      )
    case 'struct':
      if (to.form === 'header_union') return false
      return fitsEach(
        context,
        from,
        context.fieldsOf(to).map((field) => field.type),
      )
    case 'listLiteral':
      return to.elements.length === from.elements.length && fitsEach(context, from, to.elements)
    case 'set':
      return fits(context, undefined, from, to.element)
    default:
      return false
  }
}

function fitsEach(
  context: Context,
  from: Extract<Type, { kind: 'listLiteral' }>,
  targets: readonly Type[],
  mayBeShort = false,
): boolean {
  const { elements, hasDots } = from
  if (elements.length > targets.length) return false
  if (elements.length < targets.length && !hasDots && !mayBeShort) return false
  return elements.every((item, index) => fits(context, undefined, item, targets[index] ?? { kind: 'unknown' }))
}

function fitsStruct(context: Context, from: Extract<Type, { kind: 'structLiteral' }>, to: Type): boolean {
  if (to.kind === 'inferred') return context.inference.bind(to, from)
  if (to.kind === 'structLiteral') return context.inference.tryUnify(from, to)
  if (to.kind !== 'struct') return false
  const fields = context.fieldsOf(to)
  if (to.form === 'header_union' && from.fields.length !== 1) return false
  const isWhole = to.form === 'header_union' || from.hasDots || from.fields.length === fields.length
  return (
    isWhole &&
    from.fields.every((field) => {
      const wanted = fields.find((candidate) => candidate.name === field.name)
      return wanted !== undefined && fits(context, undefined, field.type, wanted.type)
    })
  )
}

/** What a literal's type becomes when nothing else decides it. */
function settled(context: Context, type: Type): Type {
  const pruned = context.inference.prune(type)
  if (pruned.kind === 'listLiteral') {
    return { kind: 'tuple', elements: pruned.elements.map((item) => settled(context, item)) }
  }
  return pruned
}

/** Whether `(target) expression` is allowed. */
export function canCast(context: Context, expression: Expression, target: Type): boolean {
  const from = context.typeOf(expression)
  const to = context.inference.resolve(target)
  if (fits(context, expression, from, to)) return true
  return castable(context, from, to, expression, 0)
}

function innermost(type: Type): Type {
  return type.kind === 'newtype' ? innermost(type.target) : type
}

function isNewtypeOf(from: Type, to: Type): boolean {
  const a = innermost(from)
  const b = innermost(to)
  return a.kind === b.kind && (!isFixedWidth(a) || (isFixedWidth(b) && a.width === b.width))
}

function castable(context: Context, from: Type, to: Type, expression: Expression | undefined, depth: number): boolean {
  if (depth > 8) return false
  if (context.inference.tryUnify(from, to)) return true
  // Only between a new type and exactly the type it is made of (§7.2.8), other than for literals.
  if (from.kind === 'newtype') return context.inference.tryUnify(from.target, to) || isNewtypeOf(from.target, to)
  if (to.kind === 'newtype') {
    if (isFixedWidth(from)) return context.inference.tryUnify(from, innermost(to))
    return castable(context, from, to.target, expression, depth + 1)
  }
  if (from.kind === 'enum') {
    return from.underlying !== undefined && castable(context, from.underlying, to, undefined, depth + 1)
  }
  if (to.kind === 'enum') {
    return to.underlying !== undefined && castable(context, from, to.underlying, expression, depth + 1)
  }
  switch (from.kind) {
    case 'bit':
      if (to.kind === 'bit' || to.kind === 'integer') return true
      if (to.kind === 'int') return to.width === from.width
      return to.kind === 'bool' && from.width === 1
    case 'int':
      if (to.kind === 'int' || to.kind === 'integer') return true
      return to.kind === 'bit' && to.width === from.width
    case 'integer': {
      if (isFixedWidth(to) || to.kind === 'integer') return true
      const value = to.kind === 'bool' && expression !== undefined ? evaluateInteger(context, expression) : undefined
      return value === 0n || value === 1n
    }
    case 'bool':
      return to.kind === 'bit' && to.width === 1
    case 'listLiteral':
    case 'structLiteral':
    case 'invalidLiteral':
      return fits(context, expression, from, to)
    case 'tuple':
      if (to.kind !== 'struct' && to.kind !== 'tuple') return false
      return fitsList(context, { kind: 'listLiteral', elements: from.elements, hasDots: false }, to)
    default:
      return false
  }
}
