/** What a digest tells the control plane: the leaves of its data, by name. */
import type { Type } from '../check/type.ts'
import type { Lowering } from './lowering.ts'
import { scalarShape } from './place.ts'

export function digestFields(
  lower: Lowering,
  input: Type,
  name = '',
): { readonly name: string; readonly width: number }[] {
  const type = lower.resolve(input)
  const shape = scalarShape(type)
  if (shape !== undefined) return [{ name: name === '' ? 'value' : name, width: shape.width }]
  const inner = (part: string): string => (name === '' ? part : `${name}.${part}`)
  if (type.kind === 'struct') {
    return lower.context.fieldsOf(type).flatMap((field) => digestFields(lower, field.type, inner(field.name)))
  }
  if (type.kind === 'tuple' || type.kind === 'listLiteral') {
    return type.elements.flatMap((element, k) => digestFields(lower, element, inner(`field${k}`)))
  }
  if (type.kind === 'structLiteral') {
    return type.fields.flatMap((field) => digestFields(lower, field.type, inner(field.name)))
  }
  return []
}
