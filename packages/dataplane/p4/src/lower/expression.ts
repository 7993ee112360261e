/** Expressions to values and targets. Effects (calls) are emitted as statements in evaluation order (P4-16 §8.1). */
import type { Expression, Statement } from '../ir/index.ts'
import { evaluate, evaluateInteger, evaluateUnconverted } from '../check/evaluate.ts'
import type { Type } from '../check/type.ts'
import type { BinaryOperator, Expression as Ast } from '../syntax/ast.ts'
import { lowerCall } from './call.ts'
import { lowerTarget, readTarget, singlePlace } from './target.ts'
import * as fold from './fold.ts'
import type { Lowering, TableObject } from './lowering.ts'
import { scalarShape } from './place.ts'
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

export function tableOf(lower: Lowering, expression: Ast): TableObject | undefined {
  const symbol = lower.context.references.get(expression)
  const binding = symbol === undefined ? undefined : lower.environment.lookup(symbol)
  return binding?.kind === 'object' && binding.object.kind === 'table' ? binding.object : undefined
}

export function sliceBounds(
  lower: Lowering,
  expression: Extract<Ast, { kind: 'Slice' }>,
): { high: number; low: number } {
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
export function isMovingSlice(lower: Lowering, expression: Extract<Ast, { kind: 'Slice' }>): boolean {
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
