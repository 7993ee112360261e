/**
 * Conditions, of one bit: branches rather than values where that will do, with the flags that share a word tested together, and
 * those that are known to be set not at all.
 */
import type { Expression, SlotId } from '../ir/index.ts'
import type { Label } from '../wasm/index.ts'
import type { ExpressionCode } from './expression-code.ts'

interface Conjuncts {
  /** By local: the bits that matter, and what they must be. */
  readonly flags: ReadonlyMap<number, { readonly mask: bigint; readonly wanted: bigint }>
  readonly others: readonly { readonly e: Expression; readonly isNegated: boolean }[]
  /** No packet can fulfil them all. */
  readonly isNever: boolean
}

/** Pushes an i32 that is not 0 when a one-bit expression is true: enough for a branch, and shorter than 0 or 1. */
export function pushCondition(code: ExpressionCode, e: Expression): void {
  const flag = e.op === 'load' ? code.bits.get(e.slot) : undefined
  if (flag === undefined || e.op !== 'load') return code.push(e)
  const fact = code.fact(e.slot)
  if (fact !== undefined) return code.f.i32(Number(fact))
  pushFlags(code, flag.local, 1n << BigInt(flag.bit), 1n << BigInt(flag.bit))
}

/** `then` where a one-bit expression is true, else `otherwise`: a branch for each part of it, and none is computed in vain. */
export function writeIf(code: ExpressionCode, e: Expression, then: () => void, otherwise?: () => void): void {
  const { f } = code
  const isNegated = e.op === 'lnot'
  const plain = isNegated ? e.operand : e
  const fact = plain.op === 'load' ? code.fact(plain.slot) : undefined
  if (fact !== undefined) return (fact === 1n) !== isNegated ? then() : otherwise?.()
  const inside = (): void => knowing(code, e, then)
  const outside = otherwise === undefined ? undefined : (): void => knowing(code, e, otherwise, true)
  if (e.op !== 'land' && e.op !== 'lor' && e.op !== 'lnot') {
    pushCondition(code, e)
    return f.if(undefined, inside, outside)
  }
  f.block(undefined, (end) => {
    f.block(undefined, (isFalse) => {
      f.scope(() => branch(code, e, false, isFalse))
      inside()
      if (outside !== undefined) f.br(end)
    })
    outside?.()
  })
}

/** Writes code that runs only where `e` is true, or where it is false. */
function knowing(code: ExpressionCode, e: Expression, write: () => void, isFalse = false): void {
  const set: SlotId[] = []
  const clear: SlotId[] = []
  const collect = (one: Expression, isNot: boolean): void => {
    if (one.op === (isNot ? 'lor' : 'land')) {
      collect(one.left, isNot)
      collect(one.right, isNot)
    } else if (one.op === 'lnot') collect(one.operand, !isNot)
    else if (one.op === 'load' && code.bits.has(one.slot) && code.fact(one.slot) === undefined) {
      ;(isNot ? clear : set).push(one.slot)
    }
  }
  collect(e, isFalse)
  for (const slot of set) code.known.add(slot)
  for (const slot of clear) code.clear.add(slot)
  write()
  for (const slot of set) code.known.delete(slot)
  for (const slot of clear) code.clear.delete(slot)
}

/** Writes code that may run again after itself, so that what it writes later counts, too. */
export function unknowing(code: ExpressionCode, write: () => void): void {
  code.known.clear()
  code.clear.clear()
  write()
  // What the loop wrote is not told apart from the rest.
  code.known.clear()
  code.clear.clear()
}

/** Branches to the label if a one-bit expression has code value. */
export function branch(code: ExpressionCode, e: Expression, value: boolean, label: Label): void {
  const { f } = code
  if (e.op === 'lnot') return branch(code, e.operand, !value, label)
  if (e.op !== 'land' && e.op !== 'lor') {
    pushCondition(code, e)
    if (!value) f.op('i32.eqz')
    return f.brIf(label)
  }
  const { flags, others, isNever } = conjunctsOf(code, e, e.op === 'lor')
  // The value of all conjuncts together that leads to the label.
  const wanted = e.op === 'lor' ? !value : value
  if (isNever) return wanted ? undefined : f.br(label)
  const leave = (target: Label): void => {
    for (const [local, { mask: bits, wanted: set }] of flags) {
      pushFlags(code, local, bits, set)
      f.op('i32.eqz')
      f.brIf(target)
    }
    for (const other of others) branch(code, other.e, other.isNegated, target)
  }
  if (!wanted) return leave(label)
  f.block(undefined, (no) => {
    leave(no)
    f.br(label)
  })
}

/** Parts that must all hold for `e`, or for its opposite: bits of words of flags, and the rest. */
export function conjunctsOf(code: ExpressionCode, e: Expression, isNegated: boolean): Conjuncts {
  const flags = new Map<number, { mask: bigint; wanted: bigint }>()
  const others: { readonly e: Expression; readonly isNegated: boolean }[] = []
  let isNever = false
  const collect = (one: Expression, isFalse: boolean): void => {
    if (one.op === (isFalse ? 'lor' : 'land')) {
      collect(one.left, isFalse)
      collect(one.right, isFalse)
      return
    }
    if (one.op === 'lnot') return collect(one.operand, !isFalse)
    const flag = one.op === 'load' ? code.bits.get(one.slot) : undefined
    if (flag === undefined) {
      others.push({ e: one, isNegated: isFalse })
      return
    }
    const fact = one.op === 'load' ? code.fact(one.slot) : undefined
    if (fact !== undefined) {
      isNever ||= (fact === 0n) !== isFalse
      return
    }
    const bit = 1n << BigInt(flag.bit)
    const known = flags.get(flag.local) ?? { mask: 0n, wanted: 0n }
    const wanted = isFalse ? 0n : bit
    isNever ||= (known.mask & bit) !== 0n && (known.wanted & bit) !== wanted
    flags.set(flag.local, { mask: known.mask | bit, wanted: known.wanted | wanted })
  }
  collect(e, isNegated)
  return { flags, others, isNever }
}

/**
 * All of several conditions, or with `isNegated` not none of them. Flags in one word are tested together; the rest are
 * combined.
 */
export function pushConjunction(code: ExpressionCode, e: Expression, isNegated: boolean): void {
  const { f } = code
  const { flags, others, isNever } = conjunctsOf(code, e, isNegated)
  if (isNever) return f.i32(isNegated ? 1 : 0)
  let isFirst = true
  const and = (): void => {
    if (!isFirst) f.op('i32.and')
    isFirst = false
  }
  for (const [local, { mask: bits, wanted }] of flags) {
    pushFlags(code, local, bits, wanted)
    and()
  }
  for (const other of others) {
    code.push(other.e)
    if (other.isNegated) f.op('i32.eqz')
    and()
  }
  if (isFirst) f.i32(1)
  if (isNegated) f.op('i32.eqz')
}

/** Pushes whether the masked bits of a word of flags are the wanted ones. */
export function pushFlags(code: ExpressionCode, local: number, bits: bigint, wanted: bigint): void {
  const { f } = code
  f.get(local)
  f.i64(BigInt.asIntN(64, bits))
  f.op('i64.and')
  if (wanted === 0n) return f.op('i64.eqz')
  // One bit: not 0 says it, too.
  const isSingle = (bits & (bits - 1n)) === 0n
  f.i64(isSingle ? 0n : BigInt.asIntN(64, wanted))
  f.op(isSingle ? 'i64.ne' : 'i64.eq')
}
