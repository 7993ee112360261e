/** Expressions to values and targets. Effects (calls) are emitted as statements in evaluation order (P4-16 §8.1). */
import type { Expression, Statement } from '../ir/index.ts'
import { evaluate, evaluateInteger, evaluateUnconverted } from '../check/evaluate.ts'
import { isHeader, type Type } from '../check/type.ts'
import type { BinaryOperator, Expression as Ast } from '../syntax/ast.ts'
import { lowerCall } from './call.ts'
import * as fold from './fold.ts'
import type { Lowering, Target } from './lowering.ts'
import { scalarShape, type HeaderPlace, type Place } from './place.ts'
import {
  baseType,
  choose,
  convert,
  equalValues,
  freeze,
  fromConstant,
  NONE,
  read,
  scalar,
  scalarOf,
  write,
  type Value,
} from './value.ts'

/** The value of an expression, converted as its place demands. */
export function lowerValue(lower: Lowering, expression: Ast): Value {
  const target = lower.context.conversions.get(expression)
  const value = lowerRaw(lower, expression)
  if (target === undefined) return value
  const type = lower.resolve(target)
  return convert(lower, value, lower.typeOf(expression), type.kind === 'set' ? type.element : type)
}

/** A value whose type fits one slot. */
export function lowerScalar(lower: Lowering, expression: Ast): Expression {
  const value = lowerValue(lower, expression)
  const type = lower.resolve(lower.context.conversions.get(expression) ?? lower.context.typeOf(expression))
  const width = scalarShape(type)?.width ?? (value.kind === 'scalar' ? value.expression.width : 32)
  return scalarOf(value, width)
}

/** Several values in order; those that later ones could change are read into temporaries first. */
export function lowerAll(lower: Lowering, thunks: readonly (() => Value)[]): Value[] {
  const parts = thunks.map((thunk) => lower.collectWith(thunk))
  let lastEffect = -1
  for (const [index, part] of parts.entries()) if (part.statements.length > 0) lastEffect = index
  return parts.map((part, index) => {
    for (const statement of part.statements) lower.emit(statement)
    return index < lastEffect ? freeze(lower, part.result) : part.result
  })
}

function lowerRaw(lower: Lowering, expression: Ast): Value {
  const known = constantOf(lower, expression)
  if (known !== undefined) return known
  switch (expression.kind) {
    case 'Integer': {
      if (expression.width === undefined) return { kind: 'integer', value: expression.value }
      return scalar(fold.constant(expression.value, Math.max(1, expression.width)))
    }
    case 'Bool':
      return scalar(fold.flag(expression.value))
    case 'String':
      return { kind: 'string', value: expression.value }
    case 'Name':
      return lowerName(lower, expression)
    case 'Member':
      return lowerMember(lower, expression)
    case 'Index': {
      const objectType = lower.typeOf(expression.object)
      if (objectType.kind === 'stack') return readTarget(lower, lowerTarget(lower, expression))
      const object = lowerValue(lower, expression.object)
      const index = lowerScalar(lower, expression.index)
      if (object.kind !== 'tuple' || index.op !== 'const') return NONE
      return object.elements[Number(index.value)] ?? NONE
    }
    case 'Slice': {
      if (isMovingSlice(lower, expression)) return lowerMovingSlice(lower, expression)
      const bounds = sliceBounds(lower, expression)
      const object = lowerValue(lower, expression.object)
      if (object.kind === 'integer')
        return scalar(fold.constant(object.value >> BigInt(bounds.low), bounds.high - bounds.low + 1))
      if (object.kind !== 'scalar') return NONE
      return scalar(fold.slice(object.expression, bounds.high, bounds.low))
    }
    case 'Unary':
      return lowerUnary(lower, expression)
    case 'Binary':
      return lowerBinary(lower, expression)
    case 'Conditional':
      return lowerConditional(lower, expression)
    case 'Cast': {
      const value = lowerValue(lower, expression.operand)
      const from = lower.context.conversions.get(expression.operand) ?? lower.context.typeOf(expression.operand)
      return convert(lower, value, from, lower.typeOf(expression))
    }
    case 'Call':
      return lowerCall(lower, expression)
    case 'List': {
      const elements = lowerAll(
        lower,
        expression.elements.map((element) => () => lowerValue(lower, element)),
      )
      return { kind: 'tuple', elements, hasDots: expression.hasDots }
    }
    case 'Struct': {
      const values = lowerAll(
        lower,
        expression.fields.map((field) => () => lowerValue(lower, field.value)),
      )
      const fields = new Map<string, Value>()
      for (const [index, field] of expression.fields.entries()) fields.set(field.name.text, values[index] ?? NONE)
      return { kind: 'struct', fields, hasDots: expression.hasDots }
    }
    case 'Invalid':
      return { kind: 'invalid' }
    case 'Dots':
    case 'Default':
      return { kind: 'dots' }
    default:
      return NONE
  }
}

/** What the checker's evaluator knows; only for kinds that it handles fully. */
function constantOf(lower: Lowering, expression: Ast): Value | undefined {
  switch (expression.kind) {
    case 'Member':
    case 'Unary':
    case 'Binary':
    case 'Conditional':
    case 'Cast':
    case 'Name':
    case 'Slice': {
      const value = evaluateUnconverted(lower.context, expression)
      if (value === undefined || value.kind === 'tuple' || value.kind === 'struct') return undefined
      return fromConstant(lower, value, lower.typeOf(expression))
    }
    default:
      return undefined
  }
}

function lowerName(lower: Lowering, expression: Extract<Ast, { kind: 'Name' }>): Value {
  const symbol = lower.context.references.get(expression)
  if (symbol === undefined) return NONE
  const binding = lower.environment.lookup(symbol)
  if (binding?.kind === 'place') return read(lower, binding.place)
  if (binding?.kind === 'value') return binding.value
  return symbol.kind === 'constant' ? lowerValue(lower, symbol.declaration.initializer) : NONE
}

function lowerMember(lower: Lowering, expression: Extract<Ast, { kind: 'Member' }>): Value {
  const { object, member } = expression
  const type = lower.typeOf(object)
  if (type.kind === 'applyResult' && object.kind === 'Call') return lowerApplyMember(lower, object, member.text)
  if (type.kind === 'stack') {
    if (member.text === 'size') return scalar(fold.constant(BigInt(type.size), 32))
    if (member.text === 'lastIndex') {
      const stack = singlePlace(lowerTarget(lower, object))
      if (stack?.kind !== 'stack') return NONE
      return scalar(fold.arithmetic('sub', lower.builder.load(stack.next), fold.constant(1n, 32)))
    }
    return readTarget(lower, lowerTarget(lower, expression))
  }
  if (type.kind === 'tuple' && member.text === 'size') return { kind: 'integer', value: BigInt(type.elements.length) }
  const value = lowerValue(lower, object)
  if (value.kind === 'struct' || value.kind === 'header' || value.kind === 'union')
    return value.fields.get(member.text) ?? NONE
  return NONE
}

function lowerApplyMember(lower: Lowering, call: Extract<Ast, { kind: 'Call' }>, member: string): Value {
  const info = lower.context.calls.get(call)
  lowerCall(lower, call)
  if (info?.kind !== 'tableApply') return NONE
  const table = tableOf(lower, info.table)
  const lowered = table === undefined ? undefined : lower.builder.tables[table.id]
  if (lowered === undefined) return NONE
  if (member === 'action_run') return scalar(lower.builder.load(lowered.actionSlot))
  const hit = lower.builder.load(lowered.hitSlot)
  return scalar(member === 'hit' ? hit : fold.logicalNot(hit))
}

export function tableOf(lower: Lowering, expression: Ast): import('./lowering.ts').TableObject | undefined {
  const symbol = lower.context.references.get(expression)
  const binding = symbol === undefined ? undefined : lower.environment.lookup(symbol)
  return binding?.kind === 'object' && binding.object.kind === 'table' ? binding.object : undefined
}

function sliceBounds(lower: Lowering, expression: Extract<Ast, { kind: 'Slice' }>): { high: number; low: number } {
  const number = (part: Ast): number => {
    const value = lowerValue(lower, part)
    if (value.kind === 'integer') return Number(value.value)
    return value.kind === 'scalar' && value.expression.op === 'const' ? Number(value.expression.value) : 0
  }
  const low = number(expression.low)
  const second = number(expression.high)
  return { low, high: expression.isPlus ? low + second - 1 : second }
}

/** `[i +: W]` with `i` known at run time only. */
function isMovingSlice(lower: Lowering, expression: Extract<Ast, { kind: 'Slice' }>): boolean {
  return (
    expression.isPlus &&
    evaluate(lower.context, expression.low) === undefined &&
    lower.typeOf(expression.low).kind !== 'integer'
  )
}

function lowerMovingSlice(lower: Lowering, expression: Extract<Ast, { kind: 'Slice' }>): Value {
  const [object = NONE, low = NONE] = lowerAll(lower, [
    () => lowerValue(lower, expression.object),
    () => scalar(lowerScalar(lower, expression.low)),
  ])
  if (object.kind !== 'scalar' || low.kind !== 'scalar') return NONE
  const width = Number(evaluateInteger(lower.context, expression.high) ?? 1n)
  const shifted = fold.shift('shr', false, object.expression, low.expression)
  return scalar(fold.slice(fold.resize(shifted, Math.max(width, shifted.width), false), width - 1, 0))
}

function lowerUnary(lower: Lowering, expression: Extract<Ast, { kind: 'Unary' }>): Value {
  const operand = lowerValue(lower, expression.operand)
  if (operand.kind === 'integer') {
    return { kind: 'integer', value: expression.operator === '-' ? -operand.value : operand.value }
  }
  if (operand.kind !== 'scalar') return operand
  switch (expression.operator) {
    case '!':
      return scalar(fold.logicalNot(operand.expression))
    case '~':
      return scalar(fold.not(operand.expression))
    case '-':
      return scalar(fold.negate(operand.expression))
    case '+':
      return operand
  }
}

function lowerBinary(lower: Lowering, expression: Extract<Ast, { kind: 'Binary' }>): Value {
  const { operator, left, right } = expression
  if (operator === '&&' || operator === '||') return lowerLogical(lower, operator, left, right)
  const [a = NONE, b = NONE] = lowerAll(lower, [() => lowerValue(lower, left), () => lowerValue(lower, right)])
  const type = lower.resolve(lower.context.conversions.get(left) ?? lower.context.typeOf(left))
  return combine(lower, operator, a, b, type)
}

/** `a operator b`; `type` is the left operand's. */
export function combine(lower: Lowering, operator: BinaryOperator, a: Value, b: Value, type: Type): Value {
  if (operator === '==' || operator === '!=') {
    const equal = equalValues(a, b)
    return scalar(operator === '==' ? equal : fold.logicalNot(equal))
  }
  if (a.kind === 'integer' && b.kind === 'integer') return combineIntegers(operator, a.value, b.value)
  const width = a.kind === 'scalar' ? a.expression.width : b.kind === 'scalar' ? b.expression.width : 1
  const left = scalarOf(a, width)
  const signed = baseType(type).kind === 'int'
  if (operator === '<<' || operator === '>>') {
    const amount =
      b.kind === 'integer' ? fold.constant(b.value, 32) : scalarOf(b, b.kind === 'scalar' ? b.expression.width : 1)
    return scalar(fold.shift(operator === '<<' ? 'shl' : 'shr', signed, left, amount))
  }
  if (operator === '++') return scalar(fold.concat(left, scalarOf(b, b.kind === 'scalar' ? b.expression.width : 1)))
  const right = scalarOf(b, width)
  switch (operator) {
    case '+':
      return scalar(fold.arithmetic('add', left, right))
    case '-':
      return scalar(fold.arithmetic('sub', left, right))
    case '*':
      return scalar(fold.arithmetic('mul', left, right))
    case '/':
      return scalar(fold.arithmetic('div', left, right))
    case '%':
      return scalar(fold.arithmetic('mod', left, right))
    case '&':
      return scalar(fold.arithmetic('and', left, right))
    case '|':
      return scalar(fold.arithmetic('or', left, right))
    case '^':
      return scalar(fold.arithmetic('xor', left, right))
    case '|+|':
      return scalar(fold.saturating('addSaturating', signed, left, right))
    case '|-|':
      return scalar(fold.saturating('subSaturating', signed, left, right))
    case '<':
      return scalar(fold.compare('lt', signed, left, right))
    case '<=':
      return scalar(fold.compare('le', signed, left, right))
    case '>':
      return scalar(fold.compare('gt', signed, left, right))
    case '>=':
      return scalar(fold.compare('ge', signed, left, right))
    default:
      return NONE
  }
}

function combineIntegers(operator: BinaryOperator, a: bigint, b: bigint): Value {
  const integer = (value: bigint): Value => ({ kind: 'integer', value })
  switch (operator) {
    case '+':
      return integer(a + b)
    case '-':
      return integer(a - b)
    case '*':
      return integer(a * b)
    case '/':
      return integer(b === 0n ? 0n : a / b)
    case '%':
      return integer(b === 0n ? 0n : a % b)
    case '&':
      return integer(a & b)
    case '|':
      return integer(a | b)
    case '^':
      return integer(a ^ b)
    case '<<':
      return integer(b < 0n || b > 65536n ? 0n : a << b)
    case '>>':
      return integer(b < 0n || b > 65536n ? 0n : a >> b)
    case '<':
      return scalar(fold.flag(a < b))
    case '<=':
      return scalar(fold.flag(a <= b))
    case '>':
      return scalar(fold.flag(a > b))
    case '>=':
      return scalar(fold.flag(a >= b))
    default:
      return NONE
  }
}

/** The right operand runs only when the left leaves the result open (§8.6). */
function lowerLogical(lower: Lowering, operator: '&&' | '||', left: Ast, right: Ast): Value {
  const first = lowerScalar(lower, left)
  if (first.op === 'const' && (first.value === 0n) === (operator === '&&')) return scalar(first)
  const { result: second, statements } = lower.collectWith(() => lowerScalar(lower, right))
  if (statements.length === 0) return scalar(operator === '&&' ? fold.and(first, second) : fold.or(first, second))
  const slot = lower.builder.temporary(lower.path, 1, 'bool')
  lower.emit({ kind: 'assign', slot, value: first })
  const whenRun: Statement[] = [...statements, { kind: 'assign', slot, value: second }]
  const condition = lower.builder.load(slot)
  const isAnd = operator === '&&'
  lower.emit({ kind: 'if', condition, then: isAnd ? whenRun : [], else: isAnd ? [] : whenRun })
  return scalar(condition)
}

function lowerConditional(lower: Lowering, expression: Extract<Ast, { kind: 'Conditional' }>): Value {
  const condition = lowerScalar(lower, expression.condition)
  if (condition.op === 'const')
    return lowerValue(lower, condition.value === 0n ? expression.whenFalse : expression.whenTrue)
  const whenTrue = lower.collectWith(() => lowerValue(lower, expression.whenTrue))
  const whenFalse = lower.collectWith(() => lowerValue(lower, expression.whenFalse))
  if (whenTrue.statements.length === 0 && whenFalse.statements.length === 0) {
    return choose(condition, whenTrue.result, whenFalse.result)
  }
  const kept = lower.capture(condition)
  const then = lower.collectWith(() => {
    for (const statement of whenTrue.statements) lower.emit(statement)
    return freeze(lower, whenTrue.result)
  })
  const otherwise = lower.collectWith(() => {
    for (const statement of whenFalse.statements) lower.emit(statement)
    return freeze(lower, whenFalse.result)
  })
  lower.emit({ kind: 'if', condition: kept, then: then.statements, else: otherwise.statements })
  return choose(kept, then.result, otherwise.result)
}

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

function mapTarget(target: Target, step: (place: Place) => Place | undefined): Target {
  const alternatives = target.alternatives.flatMap(({ condition, place }) => {
    const next = step(place)
    return next === undefined ? [] : [{ condition, place: next }]
  })
  return { alternatives, slice: undefined }
}

/** One alternative per element; an index beyond the last selects none. */
function indexed(target: Target, index: Expression): Target {
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
function stackEnd(lower: Lowering, target: Target, member: string): Target {
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

/** Header places of a target, for extract and emit. */
export function isHeaderPlace(place: Place): place is HeaderPlace {
  return place.kind === 'header'
}

export { isHeader }
