/**
 * Syntax tree → text, in one layout: two spaces, a blank line between sections and declarations, one field, example or
 * machine element a line. Comments and the spelling of numbers stay. Printing what was printed changes nothing.
 */
import type { Diagnostic } from '../source/diagnostic.ts'
import type {
  AssemblyElement,
  AssemblySection,
  Doc,
  InstructionDeclaration,
  MachineElement,
  SpecificationFile,
  TimingValue,
  Trivia,
} from './ast.ts'
import { parse } from './parse.ts'

export interface FormatResult {
  /** Undefined when the text has syntax errors: formatting it could lose something. */
  readonly text: string | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/** What `lode isf fmt` does. */
export function formatSpecification(text: string): FormatResult {
  const { file, diagnostics } = parse(text)
  const isBroken = diagnostics.some((diagnostic) => diagnostic.severity === 'error')
  return { text: isBroken ? undefined : printSpecification(file), diagnostics }
}

export function printSpecification(file: SpecificationFile): string {
  const printer = new Printer()
  for (const { name, value, trivia } of file.characteristics) {
    printer.item(0, trivia, undefined, `${name.text} = ${value.text};`)
  }
  for (const declaration of file.classes) {
    printer.blank()
    printer.item(0, declaration.trivia, declaration.doc, `class ${declaration.name.text} {`)
    printer.item(1, declaration.widthTrivia, undefined, `width: ${declaration.width.text}`)
    printer.item(0, declaration.endTrivia, undefined, '}')
  }
  for (const declaration of file.instructions) {
    printer.blank()
    printInstruction(printer, declaration)
  }
  if (file.endTrivia.leading.length > 0 && file.instructions.length + file.classes.length > 0) printer.blank()
  printer.comments(0, file.endTrivia)
  return printer.text()
}

class Printer {
  readonly #lines: string[] = []

  blank(): void {
    if (this.#lines.length > 0 && this.#lines.at(-1) !== '') this.#lines.push('')
  }

  comments(depth: number, trivia: Trivia): void {
    for (const comment of trivia.leading) this.#lines.push(comment === '' ? '' : '  '.repeat(depth) + comment)
  }

  item(depth: number, trivia: Trivia, doc: Doc | undefined, text: string): void {
    const indent = '  '.repeat(depth)
    this.comments(depth, trivia)
    if (doc !== undefined && doc.span.end > doc.span.start) {
      for (const line of doc.text.split('\n')) this.#lines.push(`${indent}///${line === '' ? '' : ` ${line}`}`)
    }
    this.#lines.push([indent + text, ...trivia.trailing].join(' '))
  }

  text(): string {
    const text = this.#lines.join('\n').trimEnd()
    return text === '' ? '' : `${text}\n`
  }
}

function printInstruction(printer: Printer, declaration: InstructionDeclaration): void {
  const { timing, fields, assembly, machine } = declaration
  printer.item(0, declaration.trivia, declaration.doc, `instruction ${head(declaration)} {`)
  if (timing !== undefined) printer.item(1, timing.trivia, undefined, `timing: ${timingText(timing.value)}`)
  if (fields !== undefined) {
    printer.item(1, fields.trivia, undefined, 'fields:')
    for (const field of fields.fields) {
      const type = field.type.kind === 'width' ? field.type.width.text : field.type.name.text
      printer.item(2, field.trivia, field.doc, `${field.name.text}: ${type},`)
    }
  }
  if (assembly !== undefined) {
    if (timing !== undefined || fields !== undefined) printer.blank()
    printAssembly(printer, assembly)
  }
  if (machine !== undefined) {
    if (timing !== undefined || fields !== undefined || assembly !== undefined) printer.blank()
    printer.item(1, machine.trivia, undefined, 'machine:')
    for (const element of machine.elements) {
      printer.item(2, element.trivia, undefined, `${machineElementText(element)},`)
    }
  }
  printer.item(0, declaration.endTrivia, undefined, '}')
}

function head({ name, parameters, base }: InstructionDeclaration): string {
  let text = name.text
  if (parameters.length > 0) text += `<${parameters.map((parameter) => parameter.text).join(', ')}>`
  if (base !== undefined) {
    const args = base.args.map((arg) => (arg.kind === 'number' ? arg.number.text : `'${arg.text.value}'`))
    text += `: ${base.name.text}<${args.join(', ')}>`
  }
  return text
}

function timingText(value: TimingValue): string {
  return value.kind === 'cycle' ? `${value.count.text} cycle` : value.kind
}

function printAssembly(printer: Printer, assembly: AssemblySection): void {
  printer.item(1, assembly.trivia, undefined, 'assembly:')
  if (assembly.syntax.length > 0) {
    printer.item(2, assembly.syntaxTrivia, undefined, `${syntaxText(assembly.syntax)};`)
  }
  if (!assembly.hasExamples) return
  printer.item(2, assembly.examplesTrivia, undefined, 'examples:')
  for (const example of assembly.examples) printer.item(3, example.trivia, example.doc, `${example.text};`)
}

/** The elements as they are written in a specification, without the semicolon. */
export function syntaxText(syntax: readonly AssemblyElement[]): string {
  return syntax.map(elementText).join('')
}

function elementText(element: AssemblyElement): string {
  switch (element.kind) {
    case 'expansion':
      return `$${element.parameter.text}`
    case 'literal':
      return `'${element.text.value}'`
    case 'flag':
      return `['${element.text.value}' = ${element.field.text}]`
    case 'optional':
      return `[${element.hasDot ? '.' : ''}${element.field.text}]`
    case 'field':
      return element.field.text
    case 'dot':
      return '.'
    case 'comma':
      return ','
    case 'space':
      return ' '
  }
}

function machineElementText(element: MachineElement): string {
  const name = element.name.text
  switch (element.kind) {
    case 'constant': {
      const { value } = element
      if (value === undefined) return `${name}: ${element.width.text}`
      const text = value.kind === 'number' ? value.number.text : `$${value.parameter.text}`
      return `${name}: ${element.width.text} = ${text}`
    }
    case 'field':
      return name
    case 'negated':
      return `${name}!`
    case 'present':
      return `${name}?`
    case 'absent':
      return `${name}?!`
    case 'slice':
      return `${name}[${element.begin.text}:${element.end.text}]`
  }
}
