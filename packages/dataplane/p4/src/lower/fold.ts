/** Constructors of IR expressions that fold constants and the simplest identities; so lowering never has to. */
import type { Expression } from '../ir/index.ts'

export type ArithmeticOp = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor'
export type ComparisonOp = 'lt' | 'le' | 'gt' | 'ge'

export const TRUE: Expression = { op: 'const', width: 1, value: 1n }
export const FALSE: Expression = { op: 'const', width: 1, value: 0n }

export function constant(value: bigint, width: number): Expression {
  return { op: 'const', width, value: BigInt.asUintN(width, value) }
}

export function flag(value: boolean): Expression {
  return value ? TRUE : FALSE
}

export function constantOf(expression: Expression): bigint | undefined {
  return expression.op === 'const' ? expression.value : undefined
}

function signedValue(value: bigint, width: number, signed: boolean): bigint {
  return signed ? BigInt.asIntN(width, value) : value
}

export function not(operand: Expression): Expression {
  const { width } = operand
  if (operand.op === 'const') return constant(~operand.value, width)
  return operand.op === 'not' ? operand.operand : { op: 'not', width, operand }
}

export function negate(operand: Expression): Expression {
  const { width } = operand
  return operand.op === 'const' ? constant(-operand.value, width) : { op: 'neg', width, operand }
}

export function logicalNot(operand: Expression): Expression {
  if (operand.op === 'const') return flag(operand.value === 0n)
  return operand.op === 'lnot' ? operand.operand : { op: 'lnot', width: 1, operand }
}

export function arithmetic(op: ArithmeticOp, left: Expression, right: Expression): Expression {
  const { width } = left
  const a = constantOf(left)
  const b = constantOf(right)
  if (a !== undefined && b !== undefined) return constant(calculate(op, a, b, width), width)
  if (b === 0n && (op === 'add' || op === 'sub' || op === 'or' || op === 'xor')) return left
  if (a === 0n && (op === 'add' || op === 'or' || op === 'xor')) return right
  if ((a === 0n || b === 0n) && (op === 'and' || op === 'mul')) return constant(0n, width)
  if (b === 1n && (op === 'mul' || op === 'div')) return left
  if (b !== undefined && isSum(op) && isSum(left.op) && 'right' in left && left.right.op === 'const') {
    // (x + 3) - 5 is x + (3 - 5): results are taken modulo 2^width.
    const inner = left.op === 'add' ? left.right.value : -left.right.value
    return arithmetic('add', left.left, constant(inner + (op === 'add' ? b : -b), width))
  }
  return { op, width, left, right }
}

function isSum(op: string): boolean {
  return op === 'add' || op === 'sub'
}

function calculate(op: ArithmeticOp, a: bigint, b: bigint, width: number): bigint {
  switch (op) {
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'mul':
      return a * b
    case 'div':
      return b === 0n ? (1n << BigInt(width)) - 1n : a / b
    case 'mod':
      return b === 0n ? a : a % b
    case 'and':
      return a & b
    case 'or':
      return a | b
    case 'xor':
      return a ^ b
  }
}

export function saturating(
  op: 'addSaturating' | 'subSaturating',
  signed: boolean,
  left: Expression,
  right: Expression,
): Expression {
  const { width } = left
  if (left.op !== 'const' || right.op !== 'const') return { op, width, signed, left, right }
  const a = signedValue(left.value, width, signed)
  const b = signedValue(right.value, width, signed)
  const value = op === 'addSaturating' ? a + b : a - b
  const low = signed ? -(1n << BigInt(width - 1)) : 0n
  const high = (1n << BigInt(signed ? width - 1 : width)) - 1n
  return constant(value < low ? low : value > high ? high : value, width)
}

export function shift(op: 'shl' | 'shr', signed: boolean, left: Expression, right: Expression): Expression {
  const { width } = left
  const amount = constantOf(right)
  if (amount === 0n) return left
  if (amount !== undefined && left.op === 'const') {
    const value = signedValue(left.value, width, signed)
    if (op === 'shl') return constant(amount >= BigInt(width) ? 0n : value << amount, width)
    const bounded = amount > BigInt(width) ? BigInt(width) : amount
    return constant(value >> bounded, width)
  }
  return op === 'shl' ? { op, width, left, right } : { op, width, signed, left, right }
}

export function equal(left: Expression, right: Expression): Expression {
  if (left.op === 'const' && right.op === 'const') return flag(left.value === right.value)
  if (left.width === 1) {
    // Comparing with a constant flag is the flag or its negation.
    if (right.op === 'const') return right.value === 1n ? left : logicalNot(left)
    if (left.op === 'const') return left.value === 1n ? right : logicalNot(right)
  }
  return { op: 'eq', width: 1, left, right }
}

export function notEqual(left: Expression, right: Expression): Expression {
  if (left.width === 1 || (left.op === 'const' && right.op === 'const')) return logicalNot(equal(left, right))
  return { op: 'ne', width: 1, left, right }
}

export function compare(op: ComparisonOp, signed: boolean, left: Expression, right: Expression): Expression {
  if (left.op !== 'const' || right.op !== 'const') return { op, width: 1, signed, left, right }
  const a = signedValue(left.value, left.width, signed)
  const b = signedValue(right.value, right.width, signed)
  return flag(op === 'lt' ? a < b : op === 'le' ? a <= b : op === 'gt' ? a > b : a >= b)
}

export function and(left: Expression, right: Expression): Expression {
  if (left.op === 'const') return left.value === 0n ? FALSE : right
  if (right.op === 'const') return right.value === 0n ? FALSE : left
  return { op: 'land', width: 1, left, right }
}

export function or(left: Expression, right: Expression): Expression {
  if (left.op === 'const') return left.value === 0n ? right : TRUE
  if (right.op === 'const') return right.value === 0n ? left : TRUE
  return { op: 'lor', width: 1, left, right }
}

export function concat(left: Expression, right: Expression): Expression {
  const width = left.width + right.width
  if (left.op === 'const' && right.op === 'const') {
    return constant((left.value << BigInt(right.width)) | right.value, width)
  }
  return { op: 'concat', width, left, right }
}

export function slice(operand: Expression, high: number, low: number): Expression {
  const width = high - low + 1
  if (low === 0 && width === operand.width) return operand
  if (operand.op === 'const') return constant(operand.value >> BigInt(low), width)
  if (operand.op === 'slice') return { op: 'slice', width, low: low + operand.low, operand: operand.operand }
  return { op: 'slice', width, low, operand }
}

/** To another width, from an operand that is read as signed or not. */
export function resize(operand: Expression, width: number, signed: boolean): Expression {
  if (operand.width === width) return operand
  if (operand.op === 'const') return constant(signedValue(operand.value, operand.width, signed), width)
  return { op: 'cast', width, signed, operand }
}

export function mux(condition: Expression, whenTrue: Expression, whenFalse: Expression): Expression {
  if (condition.op === 'const') return condition.value === 0n ? whenFalse : whenTrue
  if (whenTrue.op === 'const' && whenFalse.op === 'const' && whenTrue.value === whenFalse.value) return whenTrue
  if (whenTrue.op === 'load' && whenFalse.op === 'load' && whenTrue.slot === whenFalse.slot) return whenTrue
  return { op: 'mux', width: whenTrue.width, condition, whenTrue, whenFalse }
}

/** Calls `visit` for every slot that the expression reads. */
export function forEachSlot(expression: Expression, visit: (slot: number) => void): void {
  switch (expression.op) {
    case 'const':
      return
    case 'load':
      visit(expression.slot)
      return
    case 'not':
    case 'neg':
    case 'lnot':
    case 'slice':
    case 'cast':
      forEachSlot(expression.operand, visit)
      return
    case 'mux':
      forEachSlot(expression.condition, visit)
      forEachSlot(expression.whenTrue, visit)
      forEachSlot(expression.whenFalse, visit)
      return
    default:
      forEachSlot(expression.left, visit)
      forEachSlot(expression.right, visit)
  }
}
