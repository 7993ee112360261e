/** What a hash or checksum runs over: the leaves of its argument, left to right. */
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import * as fold from './fold.ts'
import type { Lowering } from './lowering.ts'
import { leaves, type Value } from './value.ts'

type Hash = Extract<Statement, { kind: 'hash' }>

/** So many headers are told apart by a branch each, which doubles the code; more are put together bit by bit. */
const HEADERS_MAX = 3
/** Where a varbit is among the inputs; further headers count whether they are valid or not. */
const HEADERS_WITH_VARBIT_MAX = 5

export function hashInputs(value: Value): Expression[] {
  const parts: Expression[] = []
  leaves(value, parts)
  return parts
}

/**
 * Emits a hash of v1model. BMv2 leaves out the fields of headers that are not valid, so that what follows them moves up;
 * the specification says nothing about their values.
 */
export function emitHash(lower: Lowering, hash: Hash): void {
  if (!lower.isBmv2) return lower.emit(hash)
  const valid = new Set<SlotId>()
  for (const input of hash.inputs) {
    const slot = validityOf(lower, input)
    if (slot !== undefined) valid.add(slot)
  }
  const { slots } = lower.builder
  const hasVarbit = hash.inputs.some((input) => input.op === 'load' && slots[input.slot]?.kind === 'varbit')
  if (hasVarbit) emitByValidity(lower, hash, [...valid].slice(0, HEADERS_WITH_VARBIT_MAX))
  else if (valid.size <= HEADERS_MAX) emitByValidity(lower, hash, [...valid])
  else emitPieced(lower, hash)
}

function emitByValidity(lower: Lowering, hash: Hash, [first, ...rest]: readonly SlotId[]): void {
  if (first === undefined) return lower.emit(hash)
  const then = lower.collect(() => emitByValidity(lower, hash, rest))
  const inputs = hash.inputs.filter((input) => validityOf(lower, input) !== first)
  const otherwise = lower.collect(() => emitByValidity(lower, { ...hash, inputs }, rest))
  lower.emit({ kind: 'if', condition: lower.builder.load(first), then, else: otherwise })
}

/** Shifts the inputs whose header is valid into one number, from its low end, and hashes as many of its bytes. */
function emitPieced(lower: Lowering, hash: Hash): void {
  const { builder } = lower
  const { inputs } = hash
  const bits = inputs.reduce((sum, { width }) => sum + width, 0)
  const width = bits + ((8 - (bits % 8)) % 8)
  const whole = builder.temporary(lower.path, width)
  const length = builder.temporary(lower.path, 32)
  const assign = (slot: SlotId, value: Expression): Statement => ({ kind: 'assign', slot, value })
  const lengthNow = builder.load(length)
  lower.emit(assign(whole, fold.constant(0n, width)))
  lower.emit(assign(length, fold.constant(0n, 32)))
  for (let from = 0; from < inputs.length;) {
    const valid = validityOf(lower, inputs[from]!)
    let to = from
    while (to < inputs.length && validityOf(lower, inputs[to]!) === valid) to++
    const run = inputs.slice(from, to).reduce(fold.concat)
    from = to
    const kept = width - run.width
    const moved = kept === 0 ? run : fold.concat(fold.slice(builder.load(whole), kept - 1, 0), run)
    const then = [
      assign(whole, moved),
      assign(length, fold.arithmetic('add', lengthNow, fold.constant(BigInt(run.width), 32))),
    ]
    if (valid === undefined) for (const statement of then) lower.emit(statement)
    else lower.emit({ kind: 'if', condition: builder.load(valid), then, else: [] })
  }
  const seven = fold.constant(7n, 32)
  const missing = fold.arithmetic('and', fold.negate(lengthNow), seven)
  const padded = fold.shift('shl', false, builder.load(whole), missing)
  const bytes = fold.shift('shr', false, fold.arithmetic('add', lengthNow, seven), fold.constant(3n, 32))
  const skip = fold.arithmetic('sub', fold.constant(BigInt(width >> 3), 32), bytes)
  lower.emit({ ...hash, inputs: [padded], skip })
}

/** The slot that says whether the header is valid, of an expression that is nothing but a header's field. */
export function validityOf(lower: Lowering, expression: Expression): SlotId | undefined {
  if (expression.op !== 'load') return undefined
  return lower.builder.headers.find(({ fields }) => fields.includes(expression.slot))?.valid
}
