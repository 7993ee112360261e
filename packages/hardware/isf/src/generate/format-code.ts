/** Code that writes an instruction as assembly. */
import { planFormat, type FormatPart } from '../assembly/format-plan.ts'
import type { Instruction } from '../spec/specification.ts'
import { quote } from './name.ts'

/** An expression for the text of the instruction `i`. */
export function formatExpression(instruction: Instruction): string {
  const parts = planFormat(instruction)
  const [only] = parts
  if (parts.length === 1 && only?.kind === 'text') return quote(only.text)
  return `\`${parts.map((part) => templatePart(instruction, part)).join('')}\``
}

function templatePart(instruction: Instruction, part: FormatPart): string {
  if (part.kind === 'text') return escapeTemplate(part.text)
  const field = instruction.fields[part.field]
  const value = `i.${field?.property ?? ''}`
  const isBoolean = field?.type === 'boolean'
  const text = isBoolean ? `(${value} ? 1 : 0)` : value
  switch (part.kind) {
    case 'number':
      return `\${${isBoolean ? `${value} ? 1 : 0` : value}}`
    case 'flag':
      return `\${${isBoolean ? value : `${value} !== 0`} ? ${quote(part.text)} : ''}`
    case 'optional': {
      const before = part.before === '' ? "''" : quote(part.before)
      const after = part.after === '' ? '' : ` + ${quote(part.after)}`
      return `\${${value} === undefined ? '' : ${before} + ${text}${after}}`
    }
  }
}

function escapeTemplate(text: string): string {
  return text.replace(/[\\`]|\$(?=\{)/g, '\\$&').replace(/\$$/, '\\$')
}
