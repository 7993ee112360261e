/**
 * Compile-time values (P4-16 §18.1): widths, sizes, constants, labels. Works on checked expressions; undefined means
 * "not known at compile time". Arithmetic is exact for `int` and modulo 2^W otherwise.
 */
import type { EnumDeclaration, Expression } from '../syntax/ast.ts'
import type { Context } from './context.ts'
import { sizeInBits } from './size.ts'
import type { Type } from './type.ts'

export type ConstantValue =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'error'; readonly name: string }
  | { readonly kind: 'enum'; readonly declaration: EnumDeclaration; readonly member: string }
  | { readonly kind: 'tuple'; readonly elements: readonly ConstantValue[] }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, ConstantValue> }

/** Shifts beyond this would only exhaust memory. */
export const MAX_SHIFT = 65536n

export function evaluate(context: Context, expression: Expression): ConstantValue | undefined {
  const value = evaluateUnconverted(context, expression)
  const target = context.conversions.get(expression)
  return value === undefined || target === undefined
    ? value
    : convert(context, value, context.inference.resolve(target))
}

/** The value of a numeric expression, or undefined. */
export function evaluateInteger(context: Context, expression: Expression): bigint | undefined {
  const value = evaluate(context, expression)
  if (value?.kind === 'number') return value.value
  return undefined
}

/** Brings a number into the range of its type: modulo 2^W, two's complement for signed. */
export function wrap(value: bigint, type: Type): bigint {
  if (type.kind === 'bit') return BigInt.asUintN(type.width, value)
  if (type.kind === 'int') return BigInt.asIntN(type.width, value)
  return value
}

export function convert(context: Context, value: ConstantValue, type: Type): ConstantValue | undefined {
  switch (type.kind) {
    case 'bit':
    case 'int':
    case 'integer':
      if (value.kind === 'bool') return { kind: 'number', value: value.value ? 1n : 0n }
      if (value.kind === 'enum') return enumValue(context, value.declaration, value.member)
      return value.kind === 'number' ? { kind: 'number', value: wrap(value.value, type) } : undefined
    case 'bool':
      return value.kind === 'number' ? { kind: 'bool', value: value.value !== 0n } : value
    case 'newtype':
      return convert(context, value, type.target)
    case 'enum':
      if (value.kind !== 'number') return value
      return type.underlying === undefined ? undefined : { kind: 'number', value: wrap(value.value, type.underlying) }
    case 'struct': {
      const fields = context.fieldsOf(type)
      const entries = new Map<string, ConstantValue>()
      for (const [index, field] of fields.entries()) {
        const part =
          value.kind === 'tuple'
            ? value.elements[index]
            : value.kind === 'struct'
              ? value.fields.get(field.name)
              : undefined
        const converted = part === undefined ? undefined : convert(context, part, context.inference.resolve(field.type))
        if (converted === undefined) return undefined
        entries.set(field.name, converted)
      }
      return { kind: 'struct', fields: entries }
    }
    case 'tuple': {
      if (value.kind !== 'tuple') return undefined
      const elements: ConstantValue[] = []
      for (const [index, element] of value.elements.entries()) {
        const converted = convert(context, element, type.elements[index] ?? { kind: 'unknown' })
        if (converted === undefined) return undefined
        elements.push(converted)
      }
      return { kind: 'tuple', elements }
    }
    case 'list': {
      if (value.kind !== 'tuple') return undefined
      const elements = value.elements.map((element) => convert(context, element, type.element))
      return elements.every((element) => element !== undefined) ? { kind: 'tuple', elements } : undefined
    }
    default:
      return value
  }
}

/** Value of a member of a serialisable enum. */
export function enumValue(context: Context, declaration: EnumDeclaration, member: string): ConstantValue | undefined {
  const found = declaration.members.find((item) => item.name.text === member)
  return found?.value === undefined ? undefined : evaluate(context, found.value)
}

/** Before the implicit conversion that the expression's place asks for. */
export function evaluateUnconverted(context: Context, expression: Expression): ConstantValue | undefined {
  switch (expression.kind) {
    case 'Integer': {
      const type = context.typeOf(expression)
      return { kind: 'number', value: wrap(expression.value, type) }
    }
    case 'Bool':
      return { kind: 'bool', value: expression.value }
    case 'String':
      return { kind: 'string', value: expression.value }
    case 'Name': {
      const symbol = context.references.get(expression)
      return symbol?.kind === 'constant' ? evaluate(context, symbol.declaration.initializer) : undefined
    }
    case 'Member':
      return evaluateMember(context, expression.object, expression.member.text)
    case 'Index': {
      const object = evaluate(context, expression.object)
      const index = evaluateInteger(context, expression.index)
      return object?.kind === 'tuple' && index !== undefined ? object.elements[Number(index)] : undefined
    }
    case 'Slice': {
      const object = evaluateInteger(context, expression.object)
      const low = evaluateInteger(context, expression.low)
      const high = evaluateInteger(context, expression.high)
      if (object === undefined || low === undefined || high === undefined || low < 0n || high > MAX_SHIFT)
        return undefined
      const width = expression.isPlus ? high : high - low + 1n
      return width < 1n ? undefined : { kind: 'number', value: BigInt.asUintN(Number(width), object >> low) }
    }
    case 'Unary':
      return evaluateUnary(context, expression)
    case 'Binary':
      return evaluateBinary(context, expression)
    case 'Conditional': {
      const condition = evaluate(context, expression.condition)
      if (condition?.kind !== 'bool') return undefined
      return evaluate(context, condition.value ? expression.whenTrue : expression.whenFalse)
    }
    case 'Cast': {
      const operand = evaluate(context, expression.operand)
      return operand === undefined ? undefined : convert(context, operand, context.typeOf(expression))
    }
    case 'List': {
      const elements = expression.elements.map((element) => evaluate(context, element))
      return elements.every((element) => element !== undefined) ? { kind: 'tuple', elements } : undefined
    }
    case 'Struct': {
      const fields = new Map<string, ConstantValue>()
      for (const field of expression.fields) {
        const value = evaluate(context, field.value)
        if (value === undefined) return undefined
        fields.set(field.name.text, value)
      }
      return { kind: 'struct', fields }
    }
    case 'Call': {
      const call = context.calls.get(expression)
      if (call?.kind === 'function' && call.symbol.name === 'static_assert') return { kind: 'bool', value: true }
      if (call?.kind !== 'builtin') return undefined
      const size = sizeInBits(context, call.type, call.name.startsWith('max'))
      if (size === undefined || !call.name.includes('SizeIn')) return undefined
      return { kind: 'number', value: BigInt(call.name.endsWith('Bits') ? size : Math.ceil(size / 8)) }
    }
    default:
      return undefined
  }
}

function evaluateMember(context: Context, object: Expression, member: string): ConstantValue | undefined {
  const type = context.typeOf(object)
  if (type.kind === 'typeName') {
    if (type.type.kind === 'error') return { kind: 'error', name: member }
    if (type.type.kind !== 'enum') return undefined
    const { declaration, underlying } = type.type
    return underlying === undefined ? { kind: 'enum', declaration, member } : enumValue(context, declaration, member)
  }
  if (type.kind === 'stack' && member === 'size') return { kind: 'number', value: BigInt(type.size) }
  const value = evaluate(context, object)
  return value?.kind === 'struct' ? value.fields.get(member) : undefined
}

function evaluateUnary(
  context: Context,
  expression: Extract<Expression, { kind: 'Unary' }>,
): ConstantValue | undefined {
  const operand = evaluate(context, expression.operand)
  if (operand?.kind === 'bool') return expression.operator === '!' ? { kind: 'bool', value: !operand.value } : undefined
  if (operand?.kind !== 'number') return undefined
  const { value } = operand
  const result = expression.operator === '-' ? -value : expression.operator === '~' ? ~value : value
  return { kind: 'number', value: wrap(result, context.typeOf(expression)) }
}

function evaluateBinary(
  context: Context,
  expression: Extract<Expression, { kind: 'Binary' }>,
): ConstantValue | undefined {
  const left = evaluate(context, expression.left)
  const { operator } = expression
  if (left === undefined) return undefined
  // The right operand of a decided `&&` or `||` need not be known.
  if (left.kind === 'bool' && operator === '&&' && !left.value) return left
  if (left.kind === 'bool' && operator === '||' && left.value) return left
  const right = evaluate(context, expression.right)
  if (right === undefined) return undefined
  if (operator === '==' || operator === '!=') {
    return { kind: 'bool', value: equalConstants(left, right) === (operator === '==') }
  }
  if (left.kind === 'bool' && right.kind === 'bool') {
    if (operator === '&&' || operator === '||') return right
    return undefined
  }
  if (left.kind === 'string' && right.kind === 'string' && operator === '++') {
    return { kind: 'string', value: left.value + right.value }
  }
  if (left.kind !== 'number' || right.kind !== 'number') return undefined
  const type = context.typeOf(expression)
  const result = calculate(context, expression, left.value, right.value, type)
  if (typeof result === 'boolean') return { kind: 'bool', value: result }
  return result === undefined ? undefined : { kind: 'number', value: wrap(result, type) }
}

function calculate(
  context: Context,
  expression: Extract<Expression, { kind: 'Binary' }>,
  a: bigint,
  b: bigint,
  type: Type,
): bigint | boolean | undefined {
  switch (expression.operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return b === 0n ? undefined : a / b
    case '%':
      return b === 0n ? undefined : a % b
    case '&':
      return a & b
    case '|':
      return a | b
    case '^':
      return a ^ b
    case '<<':
      return b < 0n || b > MAX_SHIFT ? undefined : a << b
    case '>>':
      return b < 0n || b > MAX_SHIFT ? undefined : a >> b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    case '|+|':
    case '|-|':
      return saturate(expression.operator === '|+|' ? a + b : a - b, type)
    case '++': {
      const right = context.inference.resolve(
        context.conversions.get(expression.right) ?? context.typeOf(expression.right),
      )
      if (right.kind !== 'bit' && right.kind !== 'int') return undefined
      return (a << BigInt(right.width)) | BigInt.asUintN(right.width, b)
    }
    default:
      return undefined
  }
}

function saturate(value: bigint, type: Type): bigint | undefined {
  if (type.kind !== 'bit' && type.kind !== 'int') return undefined
  const width = BigInt(type.width)
  const low = type.kind === 'bit' ? 0n : -(1n << (width - 1n))
  const high = type.kind === 'bit' ? (1n << width) - 1n : (1n << (width - 1n)) - 1n
  return value < low ? low : value > high ? high : value
}

function equalConstants(a: ConstantValue, b: ConstantValue): boolean {
  if (a.kind === 'number' && b.kind === 'number') return a.value === b.value
  if (a.kind === 'bool' && b.kind === 'bool') return a.value === b.value
  if (a.kind === 'string' && b.kind === 'string') return a.value === b.value
  if (a.kind === 'error' && b.kind === 'error') return a.name === b.name
  if (a.kind === 'enum' && b.kind === 'enum') return a.member === b.member
  if (a.kind === 'tuple' && b.kind === 'tuple') {
    return a.elements.every((element, index) => {
      const other = b.elements[index]
      return other !== undefined && equalConstants(element, other)
    })
  }
  if (a.kind === 'struct' && b.kind === 'struct') {
    return [...a.fields].every(([name, value]) => {
      const other = b.fields.get(name)
      return other !== undefined && equalConstants(value, other)
    })
  }
  return false
}
