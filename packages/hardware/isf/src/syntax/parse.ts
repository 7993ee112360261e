/**
 * Text → syntax tree. Never fails: what cannot be read is reported, skipped up to the next declaration, list element or
 * section, and the tree holds the rest. Grammar: characteristics, then classes, then instructions, each in its file order.
 */
import { DiagnosticSink, type Diagnostic } from '../source/diagnostic.ts'
import type {
  BaseArgument,
  BaseReference,
  Characteristic,
  ClassDeclaration,
  Doc,
  InstructionDeclaration,
  Name,
  SpecificationFile,
} from './ast.ts'
import { parseAssembly, parseFields, parseMachine, parseTiming, SECTIONS } from './parse-section.ts'
import { Scanner } from './scanner.ts'

export interface ParseResult {
  readonly file: SpecificationFile
  readonly diagnostics: readonly Diagnostic[]
}

const DECLARATION = /^[ \t]*(?:\/\/\/|(?:instruction|class|instruction_width)\b)/gm

export function parse(text: string): ParseResult {
  const sink = new DiagnosticSink()
  const file = parseFile(new Scanner(text, sink))
  return { file, diagnostics: sink.diagnostics }
}

function parseFile(scanner: Scanner): SpecificationFile {
  const characteristics: Characteristic[] = []
  const classes: ClassDeclaration[] = []
  const instructions: InstructionDeclaration[] = []
  const misplaced = (start: number, what: string, where: string): void =>
    scanner.sink.error('ISF2003', { start, end: scanner.end }, `${what} must come before the ${where}`)
  for (;;) {
    const doc = scanner.docs()
    if (scanner.isAtEnd) {
      if (doc.text !== '') scanner.sink.error('ISF2002', doc.span, 'this documents nothing: the file ends here')
      break
    }
    const start = scanner.at
    if (scanner.isWord('class')) {
      const declaration = parseClass(scanner, doc)
      if (declaration === undefined) continue
      if (instructions.length > 0) misplaced(start, 'classes', 'instructions')
      classes.push(declaration)
    } else if (scanner.isWord('instruction')) {
      const declaration = parseInstruction(scanner, doc)
      if (declaration !== undefined) instructions.push(declaration)
    } else if (scanner.peekIdentifier() !== undefined) {
      const characteristic = parseCharacteristic(scanner, doc)
      if (characteristic === undefined) continue
      if (classes.length > 0 || instructions.length > 0) misplaced(start, 'characteristics', 'classes and instructions')
      characteristics.push(characteristic)
    } else {
      scanner.unexpected("a characteristic, 'class' or 'instruction'")
      recover(scanner)
    }
  }
  const endTrivia = scanner.own(scanner.text.length, scanner.text.length)
  scanner.attachComments()
  return { characteristics, classes, instructions, endTrivia }
}

/** To the next line that starts a declaration; always advances. */
function recover(scanner: Scanner): void {
  DECLARATION.lastIndex = scanner.at + 1
  const match = DECLARATION.exec(scanner.text)
  scanner.advance((match?.index ?? scanner.text.length) - scanner.at)
}

function requireDoc(scanner: Scanner, doc: Doc, what: string, name: Name): void {
  if (doc.text === '' && doc.span.start === doc.span.end) {
    scanner.sink.error('ISF2004', name.span, `${what} '${name.text}' needs a documentation comment (///) before it`)
  }
}

function parseCharacteristic(scanner: Scanner, doc: Doc): Characteristic | undefined {
  if (doc.text !== '') scanner.sink.error('ISF2002', doc.span, 'characteristics take no documentation comment; use //')
  const name = scanner.name('a characteristic')
  if (name === undefined) return undefined
  const value = scanner.expect('=', `after ${name.text}`) ? scanner.expectNumber('a number') : undefined
  if (value === undefined) {
    recover(scanner)
    return undefined
  }
  scanner.expect(';', 'after the characteristic')
  const span = { start: name.span.start, end: scanner.end }
  return { name, value, span, trivia: scanner.own(span.start) }
}

function parseClass(scanner: Scanner, doc: Doc): ClassDeclaration | undefined {
  const start = doc.span.start
  scanner.identifier()
  const name = scanner.name('the name of a class')
  if (name === undefined) {
    recover(scanner)
    return undefined
  }
  requireDoc(scanner, doc, 'class', name)
  scanner.expect('{', 'after the name of the class')
  const trivia = scanner.own(start)
  scanner.skip()
  const widthStart = scanner.at
  const isWidth = scanner.isSection('width')
  if (isWidth) {
    scanner.identifier()
    scanner.accept(':')
  } else {
    scanner.unexpected("'width:'")
  }
  const width = isWidth ? scanner.expectNumber('a width in bits') : undefined
  if (width === undefined) {
    recover(scanner)
    return undefined
  }
  const widthTrivia = scanner.own(widthStart)
  if (!scanner.expect('}', 'after the width of the class')) recover(scanner)
  const endTrivia = scanner.own(scanner.end, scanner.end)
  return { doc, name, width, span: { start, end: scanner.end }, trivia, widthTrivia, endTrivia }
}

function parseInstruction(scanner: Scanner, doc: Doc): InstructionDeclaration | undefined {
  const start = doc.span.start
  scanner.identifier()
  const name = scanner.name('the name of an instruction')
  if (name === undefined) {
    recover(scanner)
    return undefined
  }
  requireDoc(scanner, doc, 'instruction', name)
  const parameters = scanner.accept('<') ? parseParameters(scanner) : []
  const base = scanner.accept(':') ? parseBase(scanner) : undefined
  if (!scanner.expect('{', 'before the sections of the instruction')) {
    recover(scanner)
    return undefined
  }
  const trivia = scanner.own(start)
  const sections = parseSections(scanner)
  return {
    doc,
    name,
    parameters,
    ...(base === undefined ? {} : { base }),
    ...sections,
    span: { start, end: scanner.end },
    trivia,
    endTrivia: scanner.own(scanner.end, scanner.end),
  }
}

function parseParameters(scanner: Scanner): readonly Name[] {
  const parameters: Name[] = []
  do {
    const parameter = scanner.name('the name of a parameter')
    if (parameter === undefined) break
    parameters.push(parameter)
  } while (scanner.accept(','))
  scanner.expect('>', 'after the parameters')
  return parameters
}

function parseBase(scanner: Scanner): BaseReference | undefined {
  const name = scanner.name('the name of a generic instruction')
  if (name === undefined) return undefined
  const args: BaseArgument[] = []
  if (scanner.expect('<', 'before the arguments of the generic instruction')) {
    do {
      scanner.skip()
      const number = scanner.number()
      if (number !== undefined) args.push({ kind: 'number', number })
      else if (scanner.char === "'") args.push({ kind: 'text', text: scanner.string() })
      else {
        scanner.unexpected('a number or a string')
        break
      }
    } while (scanner.accept(','))
    scanner.expect('>', 'after the arguments')
  }
  return { name, args, span: { start: name.span.start, end: scanner.end } }
}

type Sections = Pick<InstructionDeclaration, 'timing' | 'fields' | 'assembly' | 'machine'>

/** The sections up to and with the closing brace. One out of order is reported and kept; a second of a kind is dropped. */
function parseSections(scanner: Scanner): Sections {
  // Mutable while it is filled; `exactOptionalPropertyTypes` forbids writing undefined.
  const sections: { -readonly [K in keyof Sections]: Sections[K] } = {}
  let last = -1
  for (;;) {
    scanner.skip()
    if (scanner.accept('}')) return sections
    const order = SECTIONS.findIndex((word) => scanner.isSection(word))
    const word = SECTIONS[order]
    if (word === undefined) {
      scanner.unexpected(`a section (${SECTIONS.map((section) => `${section}:`).join(' ')}) or '}'`)
      if (!recoverSection(scanner)) return sections
      continue
    }
    const span = { start: scanner.at, end: scanner.at + word.length }
    if (sections[word] !== undefined) {
      scanner.sink.error('ISF2005', span, `a second '${word}:' section`)
    } else if (order < last) {
      scanner.sink.error('ISF2005', span, `'${word}:' must come before '${SECTIONS[last]}:'`)
    }
    last = Math.max(last, order)
    switch (word) {
      case 'timing': {
        const timing = parseTiming(scanner)
        if (timing !== undefined) sections.timing ??= timing
        break
      }
      case 'fields': {
        const fields = parseFields(scanner)
        sections.fields ??= fields
        break
      }
      case 'assembly': {
        const assembly = parseAssembly(scanner)
        sections.assembly ??= assembly
        break
      }
      case 'machine': {
        const machine = parseMachine(scanner)
        sections.machine ??= machine
        break
      }
    }
  }
}

const IN_INSTRUCTION = /\}|\b(?:timing|fields|assembly|machine)\s*:|^[ \t]*(?:instruction|class)\b/gm

/** To the next section or closing brace; false when the instruction must be given up. */
function recoverSection(scanner: Scanner): boolean {
  IN_INSTRUCTION.lastIndex = scanner.at + 1
  const match = IN_INSTRUCTION.exec(scanner.text)
  scanner.advance((match?.index ?? scanner.text.length) - scanner.at)
  return match !== null && !/^\s*(?:instruction|class)$/.test(match[0])
}
