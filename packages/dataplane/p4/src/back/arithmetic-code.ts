/** Division, shifts and comparisons of values up to 64 bits, and their signs. */
import type { ExpressionCode, Binary, Shift, Comparison } from './expression-code.ts'
import { isWhollyRaw, pushImageCompare, pushRaw } from './raw-code.ts'
import { type Class, classOf, mask } from './value-class.ts'

export function signExtend(code: ExpressionCode, width: number, type: Class): void {
  const bits = type === 'i32' ? 32 : 64
  if (width === bits) return
  const amount = BigInt(bits - width)
  code.constant(bits, amount)
  code.f.op(`${type}.shl`)
  code.constant(bits, amount)
  code.f.op(`${type}.shr_s`)
}

export function pushDivision(code: ExpressionCode, e: Binary): void {
  const { f } = code
  const type = classOf(e.width)
  if (e.right.op === 'const' && e.right.value !== 0n) {
    code.push(e.left)
    code.push(e.right)
    return f.op(e.op === 'div' ? `${type}.div_u` : `${type}.rem_u`)
  }
  code.push(e.left)
  const left = f.stash(type)
  code.push(e.right)
  const right = f.temp(type)
  f.tee(right)
  f.op(`${type}.eqz`)
  f.if(
    type,
    () => (e.op === 'div' ? code.constant(e.width, mask(e.width)) : f.get(left)),
    () => {
      f.get(left)
      f.get(right)
      f.op(e.op === 'div' ? `${type}.div_u` : `${type}.rem_u`)
    },
  )
}

export function pushShift(code: ExpressionCode, e: Shift): void {
  const { f } = code
  const type = classOf(e.width)
  const bits = type === 'i32' ? 32 : 64
  const isSigned = e.op === 'shr' && e.signed
  const operator = e.op === 'shl' ? 'shl' : isSigned ? 'shr_s' : 'shr_u'
  if (e.right.op === 'const') {
    let amount = e.right.value
    if (amount >= BigInt(e.width)) {
      if (!isSigned) return code.constant(e.width, 0n)
      amount = BigInt(e.width - 1)
    }
    code.push(e.left)
    if (isSigned) signExtend(code, e.width, type)
    code.constant(bits, amount)
    f.op(`${type}.${operator}`)
    return e.op === 'shl' || isSigned ? code.trim(e.width) : undefined
  }
  code.pushClamped32(e.right)
  const amount = f.stash('i32')
  code.push(e.left)
  if (isSigned) {
    signExtend(code, e.width, type)
    f.get(amount)
    f.i32(e.width - 1)
    f.get(amount)
    f.i32(e.width)
    f.op('i32.lt_u')
    f.op('select')
  } else {
    f.get(amount)
  }
  if (type === 'i64') f.op('i64.extend_i32_u')
  f.op(`${type}.${operator}`)
  if (e.op === 'shl' || isSigned) code.trim(e.width)
  if (isSigned) return
  code.constant(e.width, 0n)
  f.get(amount)
  f.i32(e.width)
  f.op('i32.lt_u')
  f.op('select')
}

export function pushComparison(code: ExpressionCode, e: Comparison): void {
  const { f } = code
  const { width } = e.left
  const isSigned = 'signed' in e && e.signed
  const type = classOf(width)
  if (e.op === 'eq' || e.op === 'ne') {
    if (e.right.op === 'const' && pushImageCompare(code, e.left, e.right.value, mask(width), e.op)) return
    if (isWhollyRaw(code, e.left) && isWhollyRaw(code, e.right)) {
      pushRaw(code, e.left)
      pushRaw(code, e.right)
      return f.op(`${type}.${e.op}`)
    }
    if (e.op === 'eq' && e.right.op === 'const' && e.right.value === 0n) {
      code.push(e.left)
      return f.op(`${type}.eqz`)
    }
    code.push(e.left)
    code.push(e.right)
    return f.op(`${type}.${e.op}`)
  }
  // Two signed values keep their order when both are moved up to the register's sign bit.
  const amount = BigInt((type === 'i32' ? 32 : 64) - width)
  for (const operand of [e.left, e.right]) {
    code.push(operand)
    if (!isSigned || amount === 0n) continue
    code.constant(width, amount)
    f.op(`${type}.shl`)
  }
  f.op(`${type}.${e.op}_${isSigned ? 's' : 'u'}`)
}
