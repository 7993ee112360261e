/** Numbers into field values and back, and whether they fit. */
import type { FieldShape, FieldValue, InstructionSyntax, InstructionValue } from '../spec/specification.ts'

/** The value of a field that is `number`, which must fit. */
export function fieldValue(field: FieldShape, number: bigint): FieldValue {
  if (field.type === 'boolean') return number === 1n
  return field.type === 'number' ? Number(number) : number
}

/** Why a value cannot be put in a field; undefined when it can. Whatever the value is. */
export function fieldProblem(field: FieldShape, value: unknown): string | undefined {
  if (value === undefined && field.isOptional) return undefined
  // Because a description of any value is wanted here, also of one that has the wrong type.
  const shown = typeof value === 'bigint' ? `${value}` : typeof value === 'number' ? `${value}` : typeof value
  const wanted = `'${field.name}' takes ${valueRange(field)}, not ${shown}`
  switch (field.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : wanted
    case 'number':
      if (typeof value !== 'number' || !Number.isInteger(value)) return wanted
      return value >= 0 && value < 2 ** field.width ? undefined : wanted
    case 'bigint':
      if (typeof value !== 'bigint') return wanted
      return value >= 0n && value >> BigInt(field.width) === 0n ? undefined : wanted
  }
}

function valueRange(field: FieldShape): string {
  if (field.type === 'boolean') return 'a boolean'
  const max = (1n << BigInt(field.width)) - 1n
  return `${field.type === 'bigint' ? 'a bigint of ' : ''}0 to ${max} (${field.width} ${field.width === 1 ? 'bit' : 'bits'})`
}

/** An instruction from the values of its fields; a field without a value is absent, or zero where it cannot be absent. */
export function instructionValue(shape: InstructionSyntax, values: readonly (bigint | undefined)[]): InstructionValue {
  const value: Record<string, FieldValue | string> = { kind: shape.name }
  for (const [index, field] of shape.fields.entries()) {
    const number = values[index]
    value[field.property] = number === undefined && field.isOptional ? undefined : fieldValue(field, number ?? 0n)
  }
  // Because the kind was put in first.
  return value as InstructionValue
}
