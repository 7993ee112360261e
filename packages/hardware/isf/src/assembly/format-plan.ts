/**
 * How an instruction is written: text, numbers, and parts that may be absent. A space that an absent part would leave
 * doubled belongs to the part, so that what is written has single spaces and is read back as the same instruction.
 */
import type { FieldValue, InstructionSyntax, SyntaxElement } from '../spec/specification.ts'

export type FormatPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly field: number }
  /** `text` when the boolean field is true. */
  | { readonly kind: 'flag'; readonly field: number; readonly text: string }
  /** `before`, the number and `after` when the field is not undefined. */
  | { readonly kind: 'optional'; readonly field: number; readonly before: string; readonly after: string }

export function planFormat(instruction: InstructionSyntax): FormatPart[] {
  const { syntax } = instruction
  const parts: FormatPart[] = []
  let isSpaceTaken = false
  const text = (value: string): void => {
    const last = parts.at(-1)
    if (last?.kind === 'text') parts[parts.length - 1] = { kind: 'text', text: last.text + value }
    else parts.push({ kind: 'text', text: value })
  }
  for (const [index, element] of syntax.entries()) {
    if (element.kind === 'space') {
      // A part before, at the start of the line, or the part after may write this space itself.
      if (!isSpaceTaken && !takesSpaceBefore(instruction, index + 1)) text(' ')
      isSpaceTaken = false
      continue
    }
    if (element.kind === 'literal') {
      text(element.text)
      continue
    }
    const before = takesSpaceBefore(instruction, index) ? ' ' : ''
    const isFirst = index === 0 && syntax[1]?.kind === 'space' && !takesSpaceBefore(instruction, 2)
    isSpaceTaken = isFirst && isAbsentable(instruction, element)
    const after = isSpaceTaken ? ' ' : ''
    const { field } = element
    if (element.kind === 'flag') {
      parts.push({ kind: 'flag', field, text: before + element.text + after })
    } else if (isAbsentable(instruction, element)) {
      const dot = element.kind === 'optional' && element.hasDot ? '.' : ''
      parts.push({ kind: 'optional', field, before: before + dot, after })
    } else {
      if (element.kind === 'optional' && element.hasDot) text('.')
      parts.push({ kind: 'number', field })
    }
  }
  return parts
}

function isAbsentable(instruction: InstructionSyntax, element: SyntaxElement): boolean {
  if (element.kind === 'flag') return true
  return element.kind === 'optional' && instruction.fields[element.field]?.isOptional === true
}

/** Whether the element can be absent and stands between spaces, or between a space and the end. */
function takesSpaceBefore(instruction: InstructionSyntax, index: number): boolean {
  const { syntax } = instruction
  const element = syntax[index]
  if (element === undefined || !isAbsentable(instruction, element)) return false
  const next = syntax[index + 1]
  return index > 1 && syntax[index - 1]?.kind === 'space' && (next === undefined || next.kind === 'space')
}

export function formatInstruction(parts: readonly FormatPart[], valueOf: (field: number) => FieldValue): string {
  let text = ''
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        text += part.text
        break
      case 'number':
        text += numberText(valueOf(part.field))
        break
      case 'flag':
        if (valueOf(part.field) === true || valueOf(part.field) === 1) text += part.text
        break
      case 'optional': {
        const value = valueOf(part.field)
        if (value !== undefined) text += part.before + numberText(value) + part.after
        break
      }
    }
  }
  return text
}

function numberText(value: FieldValue): string {
  return typeof value === 'boolean' ? (value ? '1' : '0') : String(value)
}
