/** What a hash or checksum runs over: the leaves of its argument, left to right. */
import type { Expression } from '../ir/index.ts'
import { leaves, type Value } from './value.ts'

export function hashInputs(value: Value): Expression[] {
  const parts: Expression[] = []
  leaves(value, parts)
  return parts
}
