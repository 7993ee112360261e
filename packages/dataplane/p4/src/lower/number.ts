/** Constructor arguments as numbers. */
import type { Expression } from '../ir/index.ts'
import { constantOf } from './fold.ts'
import type { Value } from './value.ts'

/** A number, or the position of an enumerator; 0 for anything that is not constant. */
export function numberOf(value: Value | undefined): number {
  if (value?.kind === 'integer') return Number(value.value)
  return value?.kind === 'scalar' ? Number(constantOf(value.expression) ?? 0n) : 0
}

export function numberExpression(value: Value | undefined, width: number): Expression {
  return { op: 'const', width, value: BigInt.asUintN(width, BigInt(numberOf(value))) }
}
