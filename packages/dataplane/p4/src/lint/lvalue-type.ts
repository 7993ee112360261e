/** Which field of which struct or header type an lvalue writes. */
import type { CheckedProgram } from '../check/context.ts'
import { isHeader, type StructType } from '../check/type.ts'
import type { Expression, MemberExpression } from '../syntax/ast.ts'

export type { StructType } from '../check/type.ts'

export function withTarget(
  checked: CheckedProgram,
  target: Expression,
): { readonly struct: string; readonly field: string; readonly type: StructType | undefined } | undefined {
  if (target.kind === 'Slice') return withTarget(checked, target.object)
  const own = checked.context.typeOf(target)
  if (own.kind === 'struct') return { struct: own.declaration.name.text, field: '', type: own }
  if (target.kind !== 'Member') return undefined
  const type = checked.context.typeOf(target.object)
  return type.kind === 'struct' ? { struct: type.declaration.name.text, field: target.member.text, type } : undefined
}

/** `header.field`, as opposed to a method of the header. */
export function isHeaderField(checked: CheckedProgram, member: MemberExpression): boolean {
  const type = checked.context.typeOf(member.object)
  return isHeader(type) && checked.context.fieldsOf(type).some((field) => field.name === member.member.text)
}

/** v1model's output port, which `mark_to_drop` writes too. */
export function isEgressSpec(checked: CheckedProgram, target: Expression): boolean {
  if (target.kind !== 'Member' || target.member.text !== 'egress_spec') return false
  const type = checked.context.typeOf(target.object)
  return type.kind === 'struct' && type.declaration.name.text === 'standard_metadata_t'
}
