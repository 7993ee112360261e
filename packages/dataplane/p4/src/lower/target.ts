/** Places that are written: l-values, elements of stacks by run-time index, slices (P4-16 §6.6, §8.18). */
import { evaluateInteger } from '../check/evaluate.ts'
import type { Expression } from '../ir/index.ts'
import type { Expression as Ast } from '../syntax/ast.ts'
import { isMovingSlice, lowerScalar, sliceBounds } from './expression.ts'
import * as fold from './fold.ts'
import type { Lowering, Target } from './lowering.ts'
import type { Place } from './place.ts'
import { choose, freeze, NONE, read, scalar, scalarOf, write, type Value } from './value.ts'

// Targets

export function singlePlace(target: Target | undefined): Place | undefined {
  return target?.alternatives.length === 1 && target.slice === undefined ? target.alternatives[0]?.place : undefined
}

/** Where an l-value lives. Index expressions are evaluated here, once. */
export function lowerTarget(lower: Lowering, expression: Ast): Target {
  switch (expression.kind) {
    case 'Name': {
      const symbol = lower.context.references.get(expression)
      const binding = symbol === undefined ? undefined : lower.environment.lookup(symbol)
      const alternatives = binding?.kind === 'place' ? [{ condition: undefined, place: binding.place }] : []
      return { alternatives, slice: undefined }
    }
    case 'Member': {
      const type = lower.typeOf(expression.object)
      const object = lowerTarget(lower, expression.object)
      if (type.kind === 'stack') return stackEnd(lower, object, expression.member.text)
      return mapTarget(object, (place) =>
        place.kind === 'struct' || place.kind === 'header' || place.kind === 'union'
          ? place.fields.get(expression.member.text)
          : undefined,
      )
    }
    case 'Index': {
      const object = lowerTarget(lower, expression.object)
      const index = lowerScalar(lower, expression.index)
      if (index.op === 'const') {
        const at = Number(index.value)
        return mapTarget(object, (place) =>
          place.kind === 'stack' || place.kind === 'tuple' ? place.elements[at] : undefined,
        )
      }
      return indexed(object, lower.capture(index))
    }
    case 'Slice': {
      const object = lowerTarget(lower, expression.object)
      if (isMovingSlice(lower, expression)) {
        const moving = lower.capture(lowerScalar(lower, expression.low))
        const width = Number(evaluateInteger(lower.context, expression.high) ?? 1n)
        return { alternatives: object.alternatives, slice: { high: width - 1, low: 0 }, moving }
      }
      const { high, low } = sliceBounds(lower, expression)
      const base = object.slice?.low ?? 0
      return { alternatives: object.alternatives, slice: { high: base + high, low: base + low } }
    }
    default:
      return { alternatives: [], slice: undefined }
  }
}

export function mapTarget(target: Target, step: (place: Place) => Place | undefined): Target {
  const alternatives = target.alternatives.flatMap(({ condition, place }) => {
    const next = step(place)
    return next === undefined ? [] : [{ condition, place: next }]
  })
  return { alternatives, slice: undefined }
}

/** One alternative per element; an index beyond the last selects none. */
export function indexed(target: Target, index: Expression): Target {
  const alternatives = target.alternatives.flatMap(({ condition, place }) => {
    if (place.kind !== 'stack') return []
    return place.elements.flatMap((element, position) => {
      const at = BigInt(position)
      if (index.width < 32 && at >= 1n << BigInt(index.width)) return []
      const isIt = fold.equal(index, fold.constant(at, index.width))
      return [{ condition: condition === undefined ? isIt : fold.and(condition, isIt), place: element }]
    })
  })
  return { alternatives, slice: undefined }
}

/** `next` and `last` of a stack, with the checks that §8.18 asks for. */
export function stackEnd(lower: Lowering, target: Target, member: string): Target {
  const stack = singlePlace(target)
  if (stack?.kind !== 'stack') return { alternatives: [], slice: undefined }
  const next = lower.builder.load(stack.next)
  const size = fold.constant(BigInt(stack.elements.length), 32)
  const isNext = member === 'next'
  const condition = isNext
    ? fold.compare('lt', false, next, size)
    : fold.and(fold.compare('gt', false, next, fold.constant(0n, 32)), fold.compare('le', false, next, size))
  lower.emit({ kind: 'verify', condition, error: lower.errorConstant('StackOutOfBounds') })
  const index = isNext ? next : fold.arithmetic('sub', next, fold.constant(1n, 32))
  return indexed(target, lower.capture(index))
}

export function readTarget(lower: Lowering, target: Target): Value {
  let value: Value | undefined
  for (const { condition, place } of [...target.alternatives].reverse()) {
    const one = read(lower, place)
    // The last alternative stands for an index out of range too, whose value is unspecified (§8.18).
    value = value === undefined || condition === undefined ? one : choose(condition, one, value)
  }
  if (value === undefined) return NONE
  if (target.slice === undefined || value.kind !== 'scalar') return value
  if (target.moving !== undefined) {
    const shifted = fold.shift('shr', false, value.expression, target.moving)
    return scalar(fold.slice(shifted, target.slice.high, 0))
  }
  return scalar(fold.slice(value.expression, target.slice.high, target.slice.low))
}

export function writeTarget(lower: Lowering, target: Target, value: Value): void {
  const isDynamic = target.alternatives.some((alternative) => alternative.condition !== undefined)
  const kept = isDynamic && target.alternatives.length > 1 ? freeze(lower, value) : value
  forEachAlternative(lower, target, (place) => {
    if (target.slice === undefined) {
      write(lower, place, kept)
      return
    }
    if (place.kind !== 'scalar') return
    const { high, low } = target.slice
    const width = high - low + 1
    if (target.moving !== undefined) {
      const current = lower.builder.load(place.slot)
      const ones = fold.constant((1n << BigInt(Math.min(width, place.width))) - 1n, place.width)
      const mask = fold.shift('shl', false, ones, target.moving)
      const bits = fold.shift('shl', false, fold.resize(scalarOf(kept, width), place.width, false), target.moving)
      const cleared = fold.arithmetic('and', current, fold.not(mask))
      write(lower, place, scalar(fold.arithmetic('or', cleared, bits)))
    } else if (width === place.width) write(lower, place, kept)
    else lower.emit({ kind: 'assignSlice', slot: place.slot, low, value: scalarOf(kept, width) })
  })
}

/** Emits `body` for the place that the target turns out to be. */
export function forEachAlternative(lower: Lowering, target: Target, body: (place: Place) => void): void {
  for (const { condition, place } of target.alternatives) {
    if (condition === undefined) {
      body(place)
      continue
    }
    const then = lower.collect(() => body(place))
    if (condition.op === 'const') {
      if (condition.value !== 0n) for (const statement of then) lower.emit(statement)
    } else if (then.length > 0) lower.emit({ kind: 'if', condition, then, else: [] })
  }
}
