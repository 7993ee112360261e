/** What an instruction set page says, before it is Markdown or HTML. What `lode isf docs` shows comes from here. */
import { wordText } from '../assembly/instruction-set.ts'
import { runExamples } from '../spec/check-example.ts'
import {
  describeTiming,
  type Field,
  type Instruction,
  type Placement,
  type Specification,
} from '../spec/specification.ts'

export interface ExampleEntry {
  readonly text: string
  readonly doc: string
  /** Hexadecimal with 0x. */
  readonly word: string
}

export interface LayoutEntry {
  /** `7` or `8–11`. */
  readonly bits: string
  readonly content: string
}

export interface InstructionEntry {
  readonly name: string
  readonly doc: string
  readonly timing: string
  readonly assembly: string
  readonly fields: readonly { readonly name: string; readonly type: string; readonly doc: string }[]
  readonly layout: readonly LayoutEntry[]
  readonly examples: readonly ExampleEntry[]
}

export interface Page {
  readonly title: string
  readonly summary: string
  readonly classes: readonly { readonly name: string; readonly width: string; readonly doc: string }[]
  readonly instructions: readonly InstructionEntry[]
}

export function describeSpecification(specification: Specification, title: string): Page {
  const { instructionWidth, classes, instructions } = specification
  const runs = runExamples(specification)
  return {
    title,
    summary: `${instructions.length} instructions of ${instructionWidth} bits; bit 0 is the least significant.`,
    classes: classes.map(({ name, width, doc }) => ({ name, width: bitCount(width), doc })),
    instructions: instructions.map((instruction) => ({
      name: instruction.name,
      doc: instruction.doc,
      timing: describeTiming(instruction.timing),
      assembly: assemblyText(instruction),
      fields: instruction.fields.map((field) => ({ name: field.name, type: typeText(field), doc: field.doc })),
      layout: instruction.layout.map((placement) => layoutEntry(instruction, placement)),
      examples: runs.flatMap(({ instruction: name, example, outcome }) =>
        name === instruction.name && outcome.isOk
          ? [{ text: example.text, doc: example.doc, word: `0x${wordText(outcome.word, instructionWidth)}` }]
          : [],
      ),
    })),
  }
}

function bitCount(width: number): string {
  return width === 1 ? '1 bit' : `${width} bits`
}

function typeText(field: Field): string {
  const type = `${field.className === undefined ? '' : `${field.className}, `}${bitCount(field.width)}`
  return field.isOptional ? `${type}, optional` : type
}

/** `ldb{.le} r<dst>, [r<base> + <offset>]`: fields in angle brackets, what may be absent in braces. */
function assemblyText({ syntax, fields }: Instruction): string {
  const name = (index: number): string => `<${fields[index]?.name ?? ''}>`
  return syntax
    .map((element) => {
      switch (element.kind) {
        case 'literal':
          return element.text
        case 'space':
          return ' '
        case 'field':
          return name(element.field)
        case 'flag':
          return `{${element.text}}`
        case 'optional':
          return `{${element.hasDot ? '.' : ''}${name(element.field)}}`
      }
    })
    .join('')
}

function layoutEntry({ fields }: Instruction, placement: Placement): LayoutEntry {
  const last = placement.bit + placement.width - 1
  const bits = placement.width === 1 ? String(placement.bit) : `${placement.bit}–${last}`
  switch (placement.kind) {
    case 'constant':
      return {
        bits,
        content: `${placement.name === '_' ? '' : `${placement.name} = `}0x${placement.value.toString(16)}`,
      }
    case 'unused':
      return { bits, content: placement.name === '_' ? 'unused' : `${placement.name} (unused)` }
    case 'presence': {
      const name = fields[placement.field]?.name ?? ''
      return { bits, content: `${placement.whenSet} when ${name} is there` }
    }
    case 'field': {
      const field = fields[placement.field]
      const isWhole = placement.width === field?.width
      const slice = isWhole ? '' : `[${placement.low}:${placement.low + placement.width - 1}]`
      return { bits, content: `${field?.name ?? ''}${slice}${placement.isNegated ? ', inverted' : ''}` }
    }
  }
}
