/**
 * Expressions evaluated with BigInt: the reference that generated code is tested against. Written for obviousness, close
 * to the definitions of `ir/expression.ts`.
 */
import type { Expression, SlotId } from '../ir/index.ts'

export function evaluate(e: Expression, load: (slot: SlotId) => bigint): bigint {
  const value = (inner: Expression): bigint => evaluate(inner, load)
  const wrap = (result: bigint): bigint => BigInt.asUintN(e.width, result)
  const bool = (condition: boolean): bigint => (condition ? 1n : 0n)
  switch (e.op) {
    case 'const':
      return e.value
    case 'load':
      return load(e.slot)
    case 'not':
      return wrap(~value(e.operand))
    case 'neg':
      return wrap(-value(e.operand))
    case 'lnot':
      return bool(value(e.operand) === 0n)
    case 'add':
      return wrap(value(e.left) + value(e.right))
    case 'sub':
      return wrap(value(e.left) - value(e.right))
    case 'mul':
      return wrap(value(e.left) * value(e.right))
    case 'div': {
      const divisor = value(e.right)
      return divisor === 0n ? wrap(-1n) : value(e.left) / divisor
    }
    case 'mod': {
      const divisor = value(e.right)
      return divisor === 0n ? value(e.left) : value(e.left) % divisor
    }
    case 'and':
    case 'land':
      return value(e.left) & value(e.right)
    case 'or':
    case 'lor':
      return value(e.left) | value(e.right)
    case 'xor':
      return value(e.left) ^ value(e.right)
    case 'addSaturating':
    case 'subSaturating': {
      const read = (operand: Expression): bigint => number(value(operand), e.width, e.signed)
      const exact = e.op === 'addSaturating' ? read(e.left) + read(e.right) : read(e.left) - read(e.right)
      const low = e.signed ? -(1n << BigInt(e.width - 1)) : 0n
      const high = (1n << BigInt(e.signed ? e.width - 1 : e.width)) - 1n
      return wrap(exact < low ? low : exact > high ? high : exact)
    }
    case 'shl': {
      const amount = value(e.right)
      return amount >= BigInt(e.width) ? 0n : wrap(value(e.left) << amount)
    }
    case 'shr': {
      const amount = value(e.right)
      const left = number(value(e.left), e.width, e.signed)
      return wrap(left >> (amount > BigInt(e.width) ? BigInt(e.width) : amount))
    }
    case 'eq':
      return bool(value(e.left) === value(e.right))
    case 'ne':
      return bool(value(e.left) !== value(e.right))
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge': {
      const left = number(value(e.left), e.left.width, e.signed)
      const right = number(value(e.right), e.right.width, e.signed)
      if (e.op === 'lt') return bool(left < right)
      if (e.op === 'le') return bool(left <= right)
      return bool(e.op === 'gt' ? left > right : left >= right)
    }
    case 'concat':
      return (value(e.left) << BigInt(e.right.width)) | value(e.right)
    case 'slice':
      return wrap(value(e.operand) >> BigInt(e.low))
    case 'cast':
      return wrap(number(value(e.operand), e.operand.width, e.signed))
    case 'mux':
      return value(e.condition) === 1n ? value(e.whenTrue) : value(e.whenFalse)
  }
}

function number(bits: bigint, width: number, isSigned: boolean): bigint {
  return isSigned ? BigInt.asIntN(width, bits) : bits
}
