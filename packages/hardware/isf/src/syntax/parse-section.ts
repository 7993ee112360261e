/** The four sections of an instruction: timing, fields, assembly (syntax and examples), machine. */
import type {
  AssemblyElement,
  AssemblySection,
  Example,
  FieldDeclaration,
  FieldsSection,
  MachineElement,
  MachineSection,
  MachineValue,
  Name,
  TimingSection,
  TimingValue,
  Trivia,
} from './ast.ts'
import type { Scanner } from './scanner.ts'

/** In the order they must have. */
export const SECTIONS = ['timing', 'fields', 'assembly', 'machine'] as const

const LIST_RECOVERY = /[,}]|^[ \t]*(?:\/\/\/|(?:timing|fields|assembly|machine)[ \t]*:)/gm

/** Passes over `word:` and makes it an owner of comments. */
function openSection(scanner: Scanner): { readonly start: number; readonly trivia: Trivia } {
  const start = scanner.at
  scanner.identifier()
  scanner.accept(':')
  return { start, trivia: scanner.own(start) }
}

function isSectionAhead(scanner: Scanner): boolean {
  return SECTIONS.some((word) => scanner.isSection(word))
}

/** To the next comma, section, closing brace or documented thing; true when a comma was there and is passed. */
function recoverInList(scanner: Scanner): boolean {
  LIST_RECOVERY.lastIndex = scanner.at
  const match = LIST_RECOVERY.exec(scanner.text)
  scanner.advance((match?.index ?? scanner.text.length) - scanner.at)
  return scanner.accept(',')
}

export function parseTiming(scanner: Scanner): TimingSection | undefined {
  const start = scanner.at
  scanner.identifier()
  scanner.accept(':')
  scanner.skip()
  let value: TimingValue | undefined
  const count = scanner.number()
  if (count !== undefined) {
    scanner.skip()
    if (scanner.isWord('cycle')) scanner.identifier()
    else scanner.unexpected("'cycle'")
    value = { kind: 'cycle', count }
  } else {
    for (const kind of ['async', 'multi'] as const) {
      if (!scanner.isWord(kind)) continue
      scanner.identifier()
      value = { kind }
      break
    }
  }
  if (value === undefined) {
    scanner.unexpected("a number of cycles, 'async' or 'multi'")
    return undefined
  }
  return { value, span: { start, end: scanner.end }, trivia: scanner.own(start) }
}

export function parseFields(scanner: Scanner): FieldsSection {
  const { start, trivia } = openSection(scanner)
  const fields: FieldDeclaration[] = []
  for (;;) {
    const doc = scanner.docs()
    const hasDoc = doc.span.end > doc.span.start
    if (scanner.char === '}' || scanner.isAtEnd || (!hasDoc && isSectionAhead(scanner))) {
      if (hasDoc) scanner.sink.error('ISF2002', doc.span, 'this documents nothing: the fields end here')
      break
    }
    const name = scanner.name('a field')
    if (name === undefined) {
      if (recoverInList(scanner)) continue
      if (scanner.text.startsWith('///', scanner.at)) continue
      break
    }
    if (!hasDoc) {
      scanner.sink.error('ISF2004', name.span, `field '${name.text}' needs a documentation comment (///) before it`)
    }
    const type = scanner.expect(':', `after the field '${name.text}'`) ? fieldType(scanner) : undefined
    if (type !== undefined) {
      const span = { start: hasDoc ? doc.span.start : name.span.start, end: scanner.end }
      fields.push({ doc, name, type, span, trivia: scanner.own(span.start) })
      refuseValue(scanner, name)
      if (scanner.accept(',')) continue
      if (scanner.char === '}' || scanner.isAtEnd || isSectionAhead(scanner)) break
      scanner.unexpected("',' or the next section")
    }
    if (recoverInList(scanner) || scanner.text.startsWith('///', blanksAhead(scanner))) continue
    break
  }
  return { fields, span: { start, end: scanner.end }, trivia }
}

/** A value is passed over, so that the rest is still checked. */
function refuseValue(scanner: Scanner, name: Name): void {
  scanner.skip()
  if (scanner.char !== '=') return
  const start = scanner.at
  const text = /^=(?:(?!\/\/)[^,}\n])*/.exec(scanner.text.slice(start))?.[0].trimEnd() ?? '='
  scanner.advance(text.length)
  const message = `field '${name.text}' cannot have a value here; write it into the machine layout: ${name.text}: WIDTH = VALUE`
  scanner.sink.error('ISF2006', { start, end: start + text.length }, message)
}

function blanksAhead(scanner: Scanner): number {
  let at = scanner.at
  while (/\s/.test(scanner.text[at] ?? '')) at += 1
  return at
}

function fieldType(scanner: Scanner): FieldDeclaration['type'] | undefined {
  scanner.skip()
  const width = scanner.number()
  if (width !== undefined) return { kind: 'width', width }
  const name = scanner.name('a width in bits or the name of a class')
  return name === undefined ? undefined : { kind: 'class', name }
}

export function parseAssembly(scanner: Scanner): AssemblySection {
  const { start, trivia } = openSection(scanner)
  scanner.skip()
  const syntaxStart = scanner.at
  const syntax: AssemblyElement[] = []
  if (!isAssemblyEnd(scanner)) parseSyntax(scanner, syntax)
  const syntaxTrivia: Trivia = syntax.length > 0 ? scanner.own(syntaxStart) : { leading: [], trailing: [] }
  scanner.skip()
  const hasExamples = scanner.isSection('examples')
  let examplesTrivia: Trivia = { leading: [], trailing: [] }
  const examples: Example[] = []
  if (hasExamples) {
    examplesTrivia = openSection(scanner).trivia
    parseExamples(scanner, examples)
  }
  return { syntax, syntaxTrivia, examples, hasExamples, examplesTrivia, span: { start, end: scanner.end }, trivia }
}

function isAssemblyEnd(scanner: Scanner): boolean {
  return scanner.isAtEnd || scanner.char === '}' || scanner.isSection('examples') || isSectionAhead(scanner)
}

/** Up to and with the semicolon. A run of blanks and comments is one space; there is none at either end. */
function parseSyntax(scanner: Scanner, syntax: AssemblyElement[]): void {
  for (;;) {
    const start = scanner.at
    scanner.skip()
    if (scanner.char === ';') {
      scanner.advance(1)
      return
    }
    if (isAssemblyEnd(scanner)) {
      scanner.unexpected("';' after the assembly syntax")
      return
    }
    if (scanner.at > start && syntax.length > 0) syntax.push({ kind: 'space', span: { start, end: scanner.at } })
    const element = syntaxElement(scanner)
    if (element !== undefined) syntax.push(element)
  }
}

function syntaxElement(scanner: Scanner): AssemblyElement | undefined {
  const start = scanner.at
  const span = (): { start: number; end: number } => ({ start, end: scanner.end })
  switch (scanner.char) {
    case "'": {
      const text = scanner.string()
      return { kind: 'literal', text, span: span() }
    }
    case '$': {
      scanner.advance(1)
      const parameter = scanner.identifier()
      if (parameter === undefined) scanner.unexpected('the name of a parameter')
      return parameter === undefined ? undefined : { kind: 'expansion', parameter, span: span() }
    }
    case '[':
      scanner.advance(1)
      return optionalElement(scanner, start)
    case '.':
      scanner.advance(1)
      return { kind: 'dot', span: span() }
    case ',':
      scanner.advance(1)
      return { kind: 'comma', span: span() }
  }
  const field = scanner.identifier()
  if (field !== undefined) return { kind: 'field', field, span: span() }
  scanner.unexpected("a field, a string, '$', '[', '.', ',' or ';'")
  scanner.advance(1)
  return undefined
}

function optionalElement(scanner: Scanner, start: number): AssemblyElement | undefined {
  scanner.skip()
  if (scanner.char === "'") {
    const text = scanner.string()
    scanner.expect('=', 'after the string of a flag')
    const field = scanner.name('the field of the flag')
    scanner.expect(']', 'after the flag')
    return field === undefined ? undefined : { kind: 'flag', text, field, span: { start, end: scanner.end } }
  }
  const hasDot = scanner.accept('.')
  const field = scanner.name('a field or a string')
  scanner.expect(']', 'after the optional field')
  return field === undefined ? undefined : { kind: 'optional', hasDot, field, span: { start, end: scanner.end } }
}

function parseExamples(scanner: Scanner, examples: Example[]): void {
  for (;;) {
    const doc = scanner.docs()
    const hasDoc = doc.span.end > doc.span.start
    if (scanner.isAtEnd || scanner.char === '}' || (!hasDoc && isSectionAhead(scanner))) {
      if (hasDoc) scanner.sink.error('ISF2002', doc.span, 'this documents nothing: the examples end here')
      return
    }
    const start = scanner.at
    const rest = scanner.text.slice(start)
    const length = rest.search(/[;\n]/)
    const end = start + (length === -1 ? rest.length : length)
    const text = scanner.text.slice(start, end).trim()
    scanner.advance(end - start)
    const span = { start, end: start + text.length }
    if (!hasDoc) scanner.sink.error('ISF2004', span, 'an example needs a documentation comment (///) before it')
    if (scanner.char === ';') scanner.advance(1)
    else scanner.sink.error('ISF2001', { start: span.end, end: span.end }, "expected ';' at the end of the example")
    if (text === '') {
      scanner.sink.error('ISF2001', span, 'the example is empty')
      continue
    }
    examples.push({ doc, text, span, trivia: scanner.own(hasDoc ? doc.span.start : start) })
  }
}

export function parseMachine(scanner: Scanner): MachineSection {
  const { start, trivia } = openSection(scanner)
  const elements: MachineElement[] = []
  for (;;) {
    scanner.skip()
    if (scanner.char === '}' || scanner.isAtEnd) break
    const name = scanner.name('an element of the machine layout')
    const element = name === undefined ? undefined : machineElement(scanner, name)
    if (element !== undefined) {
      elements.push({ ...element, trivia: scanner.own(element.span.start) })
      if (scanner.accept(',')) continue
      if (scanner.char === '}' || scanner.isAtEnd) break
      // `assembly:` and `fields:` cannot be elements here: what follows their colon is no number.
      if (isSectionAhead(scanner)) break
      scanner.unexpected("',' or '}'")
    }
    if (recoverInList(scanner)) continue
    if (scanner.char === '}' || scanner.isAtEnd) break
    if (!scanner.text.startsWith('///', blanksAhead(scanner))) break
    scanner.skip()
  }
  return { elements, span: { start, end: scanner.end }, trivia }
}

type WithoutTrivia<T> = T extends unknown ? Omit<T, 'trivia'> : never

function machineElement(scanner: Scanner, name: Name): WithoutTrivia<MachineElement> | undefined {
  const span = (): { start: number; end: number } => ({ start: name.span.start, end: scanner.end })
  if (scanner.char === '[') {
    scanner.advance(1)
    const begin = scanner.expectNumber('the first bit of the slice')
    scanner.expect(':', 'between the bits of the slice')
    const end = scanner.expectNumber('the last bit of the slice')
    scanner.expect(']', 'after the slice')
    return begin === undefined || end === undefined ? undefined : { kind: 'slice', name, begin, end, span: span() }
  }
  if (scanner.char === '!') {
    scanner.advance(1)
    return { kind: 'negated', name, span: span() }
  }
  if (scanner.char === '?') {
    scanner.advance(1)
    const isAbsent = scanner.text[scanner.at] === '!'
    if (isAbsent) scanner.advance(1)
    return { kind: isAbsent ? 'absent' : 'present', name, span: span() }
  }
  if (!scanner.accept(':')) return { kind: 'field', name, span: { start: name.span.start, end: name.span.end } }
  const width = scanner.expectNumber(`the width of '${name.text}' in bits`)
  if (width === undefined) return undefined
  if (!scanner.accept('='))
    return { kind: 'constant', name, width, span: { start: name.span.start, end: width.span.end } }
  scanner.skip()
  const value = machineValue(scanner)
  return value === undefined ? undefined : { kind: 'constant', name, width, value, span: span() }
}

function machineValue(scanner: Scanner): MachineValue | undefined {
  const number = scanner.number()
  if (number !== undefined) return { kind: 'number', number }
  if (scanner.char === '$') {
    scanner.advance(1)
    const parameter = scanner.name('the name of a parameter')
    return parameter === undefined ? undefined : { kind: 'parameter', parameter }
  }
  scanner.unexpected("a number or '$' and a parameter")
  return undefined
}
