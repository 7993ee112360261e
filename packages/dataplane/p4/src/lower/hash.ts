/** What a hash or checksum runs over: the leaves of its argument, left to right. */
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import type { Lowering } from './lowering.ts'
import { leaves, type Value } from './value.ts'

type Hash = Extract<Statement, { kind: 'hash' }>

/** Each of these doubles the code; inputs of further headers count whether their header is valid or not. */
const HEADERS_MAX = 5

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
  emitByValidity(lower, hash, [...valid].slice(0, HEADERS_MAX))
}

function emitByValidity(lower: Lowering, hash: Hash, [first, ...rest]: readonly SlotId[]): void {
  if (first === undefined) return lower.emit(hash)
  const then = lower.collect(() => emitByValidity(lower, hash, rest))
  const inputs = hash.inputs.filter((input) => validityOf(lower, input) !== first)
  const otherwise = lower.collect(() => emitByValidity(lower, { ...hash, inputs }, rest))
  lower.emit({ kind: 'if', condition: lower.builder.load(first), then, else: otherwise })
}

/** The slot that says whether the header is valid, of an expression that is nothing but a header's field. */
export function validityOf(lower: Lowering, expression: Expression): SlotId | undefined {
  if (expression.op !== 'load') return undefined
  return lower.builder.headers.find(({ fields }) => fields.includes(expression.slot))?.valid
}
