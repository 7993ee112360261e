/** Values over 64 bits: lists of 64-bit words, least significant first, with carries written out. */
import type { Expression } from '../ir/index.ts'
import { signExtend } from './arithmetic-code.ts'
import type { Binary, Comparison, ExpressionCode, Saturating, Shift } from './expression-code.ts'
import { slotWords } from './slot-code.ts'
import { type Word, isRawWord, pushBits, pushRawWord, pushWord, stashWord } from './word-code.ts'
import { mask } from './value-class.ts'
import { wordsOf } from './layout.ts'

/** The words of an expression over 64 bits. */
export function wideWords(code: ExpressionCode, e: Expression): Word[] {
  const count = wordsOf(e.width)
  switch (e.op) {
    case 'const':
      return Array.from({ length: count }, (_, k) => ({
        kind: 'const',
        value: (e.value >> BigInt(64 * k)) & mask(64),
      }))
    case 'load':
      return slotWords(code, e.slot)
    case 'not': {
      const operand = code.words(e.operand)
      return operand.map((word, k) => {
        pushWord(code, word)
        code.f.i64(k === count - 1 ? mask(e.width - 64 * k) : -1n)
        code.f.op('i64.xor')
        return stashWord(code)
      })
    }
    case 'neg':
      return add(code, { op: 'sub', width: e.width, left: zero(e.width), right: e.operand })
    case 'add':
    case 'sub':
      return add(code, e)
    case 'mul':
      return multiply(code, e)
    case 'div':
    case 'mod':
      return divideWide(code, e)
    case 'and':
    case 'or':
    case 'xor': {
      const operator = `i64.${e.op}` as const
      const left = code.words(e.left)
      const right = code.words(e.right)
      return left.map((word, k) => {
        pushWord(code, word)
        pushWord(code, right[k]!)
        code.f.op(operator)
        return stashWord(code)
      })
    }
    case 'addSaturating':
    case 'subSaturating':
      return saturate(code, e)
    case 'shl':
    case 'shr':
      return shiftWide(code, e)
    case 'concat': {
      const left = code.words(e.left)
      const right = code.words(e.right)
      return Array.from({ length: count }, (_, k) => {
        pushConcatWord(code, left, right, e.right.width, k)
        return stashWord(code)
      })
    }
    case 'slice': {
      const operand = code.words(e.operand)
      return Array.from({ length: count }, (_, k) => {
        pushBits(code, operand, e.low + 64 * k, Math.min(64, e.width - 64 * k))
        return stashWord(code)
      })
    }
    case 'cast':
      return e.signed && e.operand.width < e.width ? signExtendWide(code, e.operand, e.width) : resize(code, e)
    case 'mux': {
      code.push(e.condition)
      const condition = code.f.stash('i32')
      const whenTrue = code.words(e.whenTrue)
      const whenFalse = code.words(e.whenFalse)
      return whenTrue.map((word, k) => {
        pushWord(code, word)
        pushWord(code, whenFalse[k]!)
        code.f.get(condition)
        code.f.op('select')
        return stashWord(code)
      })
    }
    default:
      throw new Error(`${e.op} has no ${e.width}-bit result`)
  }
}

export function compareWide(code: ExpressionCode, e: Comparison): void {
  const { f } = code
  const isSigned = 'signed' in e && e.signed
  const left = code.words(e.left)
  const right = code.words(e.right)
  if (e.op === 'eq' || e.op === 'ne') {
    left.forEach((word, k) => {
      const other = right[k]!
      const areRaw = isRawWord(code, word) && isRawWord(code, other)
      for (const one of [word, other]) {
        if (areRaw) pushRawWord(code, one)
        else pushWord(code, one)
      }
      f.op('i64.xor')
      if (k > 0) f.op('i64.or')
    })
    f.op('i64.eqz')
    if (e.op === 'ne') f.op('i32.eqz')
    return
  }
  // a > b is b < a; a <= b is not b < a.
  const isSwapped = e.op === 'gt' || e.op === 'le'
  const low = isSwapped ? right : left
  const high = isSwapped ? left : right
  const top = low.length - 1
  const lift = isSigned ? 64 * low.length - e.left.width : 0
  const pushLifted = (word: Word, k: number) => {
    pushWord(code, word)
    if (k !== top || lift === 0) return
    f.i64(BigInt(lift))
    f.op('i64.shl')
  }
  low.forEach((word, k) => {
    if (k > 0) {
      pushWord(code, word)
      pushWord(code, high[k]!)
      f.op('i64.eq')
      f.op('i32.and')
    }
    pushLifted(word, k)
    pushLifted(high[k]!, k)
    f.op(isSigned && k === top ? 'i64.lt_s' : 'i64.lt_u')
    if (k > 0) f.op('i32.or')
  })
  if (e.op === 'le' || e.op === 'ge') f.op('i32.eqz')
}

function add(code: ExpressionCode, e: Binary): Word[] {
  const { f } = code
  const left = code.words(e.left)
  const right = code.words(e.right)
  const count = left.length
  const operator = e.op === 'add' ? 'i64.add' : 'i64.sub'
  const out: Word[] = []
  let carry: number | undefined
  for (let k = 0; k < count; k++) {
    pushWord(code, left[k]!)
    pushWord(code, right[k]!)
    f.op(operator)
    const partial = f.stash('i64')
    f.get(partial)
    if (carry !== undefined) {
      f.get(carry)
      f.op(operator)
    }
    if (k === count - 1) trimWord(code, e.width, k)
    const sum = f.stash('i64')
    if (k < count - 1) {
      // A sum wrapped when it is below an addend; a difference borrows when the minuend is below the subtrahend.
      const isAdd = e.op === 'add'
      if (isAdd) f.get(partial)
      pushWord(code, left[k]!)
      if (!isAdd) pushWord(code, right[k]!)
      f.op('i64.lt_u')
      if (carry !== undefined) {
        f.get(isAdd ? sum : partial)
        f.get(isAdd ? partial : carry)
        f.op('i64.lt_u')
        f.op('i32.or')
      }
      f.op('i64.extend_i32_u')
      carry = f.stash('i64')
    }
    out.push({ kind: 'local', local: sum })
  }
  return out
}

function localOf(code: ExpressionCode, word: Word): number {
  if (word.kind === 'local') return word.local
  pushWord(code, word)
  return code.f.stash('i64')
}

/** Masks the i64 on the stack as word `k` of a value of `width` bits. */
function trimWord(code: ExpressionCode, width: number, k: number): void {
  const rest = width - 64 * k
  if (rest >= 64) return
  code.f.i64(mask(rest))
  code.f.op('i64.and')
}

function multiply(code: ExpressionCode, e: Binary): Word[] {
  const { f } = code
  const left = code.words(e.left).map((word) => localOf(code, word))
  const right = code.words(e.right).map((word) => localOf(code, word))
  const count = left.length
  const out = left.map(() => {
    f.i64(0n)
    return f.stash('i64')
  })
  const carry = f.temp('i64')
  const low = f.temp('i64')
  for (let i = 0; i < count; i++) {
    f.i64(0n)
    f.set(carry)
    for (let j = 0; i + j < count; j++) {
      // out[i+j] + low + carry, and what overflows goes with the product's high half into the next carry.
      const target = out[i + j]!
      f.get(left[i]!)
      f.get(right[j]!)
      f.op('i64.mul')
      f.tee(low)
      f.get(target)
      f.op('i64.add')
      f.tee(target)
      f.get(low)
      f.op('i64.lt_u')
      f.op('i64.extend_i32_u')
      f.get(target)
      f.get(carry)
      f.op('i64.add')
      f.tee(target)
      f.get(carry)
      f.op('i64.lt_u')
      f.op('i64.extend_i32_u')
      f.op('i64.add')
      f.get(left[i]!)
      f.get(right[j]!)
      f.call(code.runtime.multiplyHigh())
      f.op('i64.add')
      f.set(carry)
    }
  }
  f.get(out[count - 1]!)
  trimWord(code, e.width, count - 1)
  f.set(out[count - 1]!)
  return out.map((local) => ({ kind: 'local', local }))
}

function divideWide(code: ExpressionCode, e: Binary): Word[] {
  const { f } = code
  const count = wordsOf(e.width)
  const left = code.words(e.left)
  const right = code.words(e.right)
  for (const word of [...left, ...right]) pushWord(code, word)
  f.call(code.runtime.divide(count))
  // Results: quotient words, then remainder words, the last on top.
  const remainder = left.map(() => stashWord(code)).reverse()
  const quotient = left.map(() => stashWord(code)).reverse()
  if (e.op === 'mod') return remainder
  pushWord(code, quotient[count - 1]!)
  trimWord(code, e.width, count - 1)
  return [...quotient.slice(0, -1), stashWord(code)]
}

function shiftWide(code: ExpressionCode, e: Shift): Word[] {
  const { f } = code
  const count = wordsOf(e.width)
  const isSigned = e.op === 'shr' && e.signed
  let value = isSigned ? signExtendWide(code, e.left, 64 * count) : code.words(e.left)
  let fill: Word = { kind: 'const', value: 0n }
  if (isSigned) {
    pushWord(code, value[count - 1]!)
    f.i64(63n)
    f.op('i64.shr_s')
    fill = stashWord(code)
  }
  if (e.right.op === 'const') {
    const amount = e.right.value >= BigInt(e.width) ? 64 * count : Number(e.right.value)
    return trimTop(code, e.width, shiftBy(code, value, e.op, amount, fill))
  }
  code.pushClamped32(e.right)
  const amount = f.stash('i32')
  for (let step = 1; step < 64 * count; step *= 2) {
    const shifted = shiftBy(code, value, e.op, step, fill)
    value = value.map((word, k) => {
      pushWord(code, shifted[k]!)
      pushWord(code, word)
      f.get(amount)
      f.i32(step)
      f.op('i32.and')
      f.op('select')
      return stashWord(code)
    })
  }
  const clamped = value.map((word) => {
    pushWord(code, word)
    pushWord(code, fill)
    f.get(amount)
    f.i32(e.width)
    f.op('i32.lt_u')
    f.op('select')
    return stashWord(code)
  })
  return trimTop(code, e.width, clamped)
}

/** By a constant, within whole words; `fill` comes in from above. */
function shiftBy(code: ExpressionCode, value: readonly Word[], op: 'shl' | 'shr', amount: number, fill: Word): Word[] {
  const { f } = code
  const zeroWord: Word = { kind: 'const', value: 0n }
  const whole = amount >> 6
  const bits = BigInt(amount & 63)
  return value.map((_, k) => {
    const near = (op === 'shl' ? value[k - whole] : value[k + whole]) ?? (op === 'shl' ? zeroWord : fill)
    if (bits === 0n) {
      // A word that is still read from a variable may be written, as a lower one of the same, before it is read.
      if (op === 'shr' || near.kind === 'const') return near
      pushWord(code, near)
      return stashWord(code)
    }
    const far = (op === 'shl' ? value[k - whole - 1] : value[k + whole + 1]) ?? (op === 'shl' ? zeroWord : fill)
    pushWord(code, near)
    f.i64(bits)
    f.op(op === 'shl' ? 'i64.shl' : 'i64.shr_u')
    pushWord(code, far)
    f.i64(64n - bits)
    f.op(op === 'shl' ? 'i64.shr_u' : 'i64.shl')
    f.op('i64.or')
    return stashWord(code)
  })
}

function trimTop(code: ExpressionCode, width: number, words: Word[]): Word[] {
  if (width % 64 === 0) return words
  pushWord(code, words.at(-1)!)
  trimWord(code, width, words.length - 1)
  return [...words.slice(0, -1), stashWord(code)]
}

function signExtendWide(code: ExpressionCode, operand: Expression, width: number): Word[] {
  const { f } = code
  const words = code.words(operand)
  const top = words.length - 1
  pushWord(code, words[top]!)
  signExtend(code, operand.width - 64 * top, 'i64')
  const extended = stashWord(code)
  pushWord(code, extended)
  f.i64(63n)
  f.op('i64.shr_s')
  const fill = stashWord(code)
  const out = Array.from({ length: wordsOf(width) }, (_, k) => (k < top ? words[k]! : k === top ? extended : fill))
  return trimTop(code, width, out)
}

function resize(code: ExpressionCode, e: Extract<Expression, { op: 'cast' }>): Word[] {
  const words = code.words(e.operand)
  const zeroWord: Word = { kind: 'const', value: 0n }
  const out = Array.from({ length: wordsOf(e.width) }, (_, k) => words[k] ?? zeroWord)
  return e.operand.width > e.width ? trimTop(code, e.width, out) : out
}

export function saturate(code: ExpressionCode, e: Saturating): Word[] {
  const { f } = code
  const { width } = e
  const operand = (inner: Expression): Expression => ({
    op: 'cast',
    width: width + 1,
    signed: e.signed,
    operand: inner,
  })
  // One bit more holds the exact result.
  const exact = code.words({
    op: e.op === 'addSaturating' ? 'add' : 'sub',
    width: width + 1,
    left: operand(e.left),
    right: operand(e.right),
  })
  pushBits(code, exact, width, 1)
  const high = stashWord(code)
  pushWord(code, high)
  if (e.signed) {
    pushBits(code, exact, width - 1, 1)
    f.op('i64.xor')
  }
  f.op('i64.eqz')
  const isExact = f.stash('i32')
  const [whenHigh, whenLow] = e.signed
    ? [1n << BigInt(width - 1), mask(width - 1)]
    : [e.op === 'addSaturating' ? mask(width) : 0n, 0n]
  return Array.from({ length: wordsOf(width) }, (_, k) => {
    pushBits(code, exact, 64 * k, Math.min(64, width - 64 * k))
    f.i64((whenHigh >> BigInt(64 * k)) & mask(64))
    f.i64((whenLow >> BigInt(64 * k)) & mask(64))
    pushWord(code, high)
    f.op('i64.eqz')
    f.op('i32.eqz')
    f.op('select')
    f.get(isExact)
    f.op('select')
    return stashWord(code)
  })
}

function pushConcatWord(
  code: ExpressionCode,
  left: readonly Word[],
  right: readonly Word[],
  rightWidth: number,
  k: number,
): void {
  const { f } = code
  const low = 64 * k
  const fromRight = low < rightWidth
  if (fromRight) pushWord(code, right[k]!)
  if (low + 64 <= rightWidth) return
  if (fromRight) {
    pushWord(code, left[0]!)
    f.i64(BigInt(rightWidth - low))
    f.op('i64.shl')
    f.op('i64.or')
  } else {
    pushBits(code, left, low - rightWidth, 64)
  }
}

function zero(width: number): Expression {
  return { op: 'const', width, value: 0n }
}
