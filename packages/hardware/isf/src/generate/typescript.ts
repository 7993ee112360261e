/**
 * Specification → a TypeScript module: branded register types, an interface for each instruction, their union, and
 * `encode`, `decode`, `format`, `assemble`, `disassemble`. Straight-line code over 32-bit numbers; only assembling text
 * uses the library. What `lode isf gen` does.
 */
import { buildDecisionTree } from '../machine/decision-tree.ts'
import type { Field, Instruction, RegisterClass, Specification, Timing } from '../spec/specification.ts'
import { decodeFunction, instructionDecoder, instructionEncoder } from './codec-code.ts'
import { formatExpression } from './format-code.ts'
import { classValueType, docComment, nameTypes, quote, type TypeNames } from './name.ts'

export interface GenerateOptions {
  /** The specification's file name, for the first line. */
  readonly source: string
  /** Where the generated module finds this library; by default `@lodestone/isf`. */
  readonly runtime?: string
}

/** The module's text. Valid, but laid out by no formatter. */
export function generateTypeScript(specification: Specification, options: GenerateOptions): string {
  const names = nameTypes(specification)
  const { instructions, classes, instructionWidth } = specification
  const tree = buildDecisionTree(instructions, instructionWidth)
  return `${[
    header(options),
    wordTypes(specification),
    ...(classes.length === 0 ? [] : ['declare const brand: unique symbol']),
    ...classes.map((declared) => classType(declared, names)),
    ...instructions.map((instruction) => instructionType(instruction, names)),
    `export type Instruction = ${instructions.map(({ name }) => names.instructions.get(name)).join(' | ') || 'never'}`,
    timings(instructions),
    rejectFunction(instructions),
    docComment(
      'The instruction of a word; undefined when it is none. Bits without meaning are ignored. Never throws.',
    ) + decodeFunction(specification, tree, names),
    ...instructions.map((instruction) => instructionDecoder(specification, instruction, names)),
    docComment('The word of an instruction.\n@throws RangeError when a field does not fit.') +
      dispatch(instructions, 'encode', 'Word', ({ name }) => `encode${names.instructions.get(name) ?? ''}(i)`),
    ...instructions.map((instruction) => instructionEncoder(specification, instruction, names)),
    docComment('The assembly of an instruction.') +
      dispatch(instructions, 'format', 'string', ({ name }) => `format${names.instructions.get(name) ?? ''}(i)`),
    ...instructions.map((instruction) => formatFunction(instruction, names)),
    tables(instructions),
    INTERFACE,
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`
}

function header({ source, runtime }: GenerateOptions): string {
  return `/** Made from ${source.replaceAll('*/', '')} by @lodestone/isf; do not edit. */
import {
  assembleProgram,
  disassembleWords,
  type AssembleOptions,
  type AssembleResult,
  type DisassembledWord,
  type InstructionSet,
  type InstructionSyntax,
  type Timing,
} from ${quote(runtime ?? '@lodestone/isf')}`
}

function wordTypes({ instructionWidth }: Specification): string {
  const type = instructionWidth <= 32 ? 'number' : 'bigint'
  return `export const WORD_BITS = ${instructionWidth}

/** ${instructionWidth} bits, unsigned. */
export type Word = ${type}`
}

function classType(declared: RegisterClass, names: TypeNames): string {
  const name = names.classes.get(declared.name) ?? ''
  const type = classValueType(declared)
  const max = (1n << BigInt(declared.width)) - 1n
  const suffix = type === 'bigint' ? 'n' : ''
  const isInteger = type === 'number' ? 'Number.isInteger(value) && ' : ''
  return `${docComment(declared.doc)}export type ${name} = ${type} & { readonly [brand]: ${quote(declared.name)} }

/** Whether a number is a ${declared.name}: 0 to ${max}. */
export function is${name}(value: ${type}): value is ${name} {
  return ${isInteger}value >= 0${suffix} && value <= ${max}${suffix}
}

/** @throws RangeError unless \`value\` is 0 to ${max}. */
export function to${name}(value: ${type}): ${name} {
  if (!is${name}(value)) throw new RangeError(\`${declared.name} is 0 to ${max}, not \${String(value)}\`)
  return value
}`
}

function instructionType(instruction: Instruction, names: TypeNames): string {
  const properties = instruction.fields.map((field) => {
    const range = field.className === undefined && field.type !== 'boolean' ? `\n${fieldRange(field)}` : ''
    return `${docComment(field.doc + range, '  ')}  readonly ${field.property}: ${fieldType(field, names)}\n`
  })
  const name = names.instructions.get(instruction.name) ?? ''
  return `${docComment(instruction.doc)}export interface ${name} {
  readonly kind: ${quote(instruction.name)}
${properties.join('')}}`
}

function fieldRange(field: Field): string {
  return `0 to ${(1n << BigInt(field.width)) - 1n}${field.isOptional ? '; undefined when absent' : ''}.`
}

function fieldType(field: Field, names: TypeNames): string {
  const type = field.className === undefined ? field.type : (names.classes.get(field.className) ?? field.type)
  return field.isOptional ? `${type} | undefined` : type
}

function timings(instructions: readonly Instruction[]): string {
  const entries = instructions.map(({ name, timing }) => `  ${quote(name)}: ${timingValue(timing)},\n`)
  return `/** What each instruction costs. */
export const TIMING: Readonly<Record<Instruction['kind'], Timing>> = {
${entries.join('')}}`
}

function timingValue(timing: Timing): string {
  return timing.kind === 'cycle' ? `{ kind: 'cycle', count: ${timing.count} }` : `{ kind: ${quote(timing.kind)} }`
}

function rejectFunction(instructions: readonly Instruction[]): string {
  if (!instructions.some(({ fields }) => fields.some((field) => field.type !== 'boolean'))) return ''
  return `function reject(kind: string, field: string, value: number | bigint, max: string): never {
  throw new RangeError(\`\${kind}: '\${field}' takes 0 to \${max}, not \${String(value)}\`)
}`
}

function dispatch(
  instructions: readonly Instruction[],
  name: string,
  type: string,
  expression: (instruction: Instruction) => string,
): string {
  const cases = instructions.map((instruction) => `case ${quote(instruction.name)}: return ${expression(instruction)}`)
  if (cases.length === 0) return `export function ${name}(i: Instruction): ${type} { return i }`
  return `export function ${name}(i: Instruction): ${type} {
  switch (i.kind) {
    ${cases.join('\n    ')}
  }
}`
}

function formatFunction(instruction: Instruction, names: TypeNames): string {
  const type = names.instructions.get(instruction.name) ?? ''
  const expression = formatExpression(instruction)
  return `function format${type}(${expression.startsWith("'") ? '_i' : 'i'}: ${type}): string {\n  return ${expression}\n}`
}

/** The syntaxes as data, for the assembler. */
function tables(instructions: readonly Instruction[]): string {
  const entries = instructions.map(({ name, fields, syntax }) => {
    const shapes = fields.map(({ name: field, property, width, type, isOptional }) =>
      literal({ name: field, property, width, type, isOptional }),
    )
    return `  { name: ${quote(name)}, fields: [${shapes.join(', ')}], syntax: [${syntax.map(literal).join(', ')}] },\n`
  })
  return `const SYNTAXES: readonly InstructionSyntax[] = [\n${entries.join('')}]`
}

function literal(value: Readonly<Record<string, string | number | boolean>>): string {
  const properties = Object.entries(value).map(
    ([key, entry]) => `${key}: ${typeof entry === 'string' ? quote(entry) : String(entry)}`,
  )
  return `{ ${properties.join(', ')} }`
}

const INTERFACE = `export const instructionSet: InstructionSet<Instruction, Word> = {
  wordBits: WORD_BITS,
  syntaxes: SYNTAXES,
  encode,
  decode,
  format,
}

/** Assembles a program; what is wrong with it is in the result's diagnostics. */
export function assemble(text: string, options?: AssembleOptions): AssembleResult<Instruction, Word> {
  return assembleProgram(instructionSet, text, options)
}

/** A line for each word; their text assembles to the same words. */
export function disassemble(words: ArrayLike<Word>, origin?: number): DisassembledWord<Instruction, Word>[] {
  return disassembleWords(instructionSet, words, origin)
}`
