/** Controls, parsers, their states and tables (P4-16 §13, §14). */
import type {
  Annotation,
  ControlDeclaration,
  Declaration,
  Expression,
  ParserDeclaration,
  ParserStateDeclaration,
  SelectCaseNode,
  Statement,
  TableActionElement,
  TableDeclaration,
  TableEntryElement,
  TableKeyElement,
  TableProperty,
  Transition,
} from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseAnnotations } from './parse-annotation.ts'
import { parseAction, parseConstant, parseVariableOrInstantiation } from './parse-declaration.ts'
import { parseExpression, parseKeyset } from './parse-expression.ts'
import { parseBlock, parseStatements } from './parse-statement.ts'
import { parseArguments, parseParameters, parseTypeArguments, parseTypeParameters, startsType } from './parse-type.ts'

export function parseControl(cursor: Cursor, annotations: readonly Annotation[]): ControlDeclaration {
  const start = cursor.next().range
  const name = cursor.name('a control name')
  cursor.declare(name.text, 'type')
  cursor.pushScope()
  const typeParameters = parseTypeParameters(cursor)
  const parameters = parseParameters(cursor)
  const locals: Declaration[] = []
  if (cursor.accept(';')) {
    cursor.popScope()
    return {
      kind: 'Control',
      annotations,
      name,
      typeParameters,
      parameters,
      constructorParameters: [],
      locals,
      apply: undefined,
      range: cursor.since(start),
    }
  }
  const constructorParameters = cursor.is('(') ? parseParameters(cursor) : []
  let apply: ControlDeclaration['apply']
  if (cursor.expect('{', 'to begin the control')) {
    while (!cursor.is('}') && !cursor.isAtEnd) {
      const before = cursor.position
      const inner = parseAnnotations(cursor)
      if (cursor.is('apply') && (cursor.is('{', 1) || cursor.is('@', 1))) {
        const word = cursor.next()
        if (apply !== undefined) cursor.error('P4C2006', word.range, 'a control has one apply block')
        apply = parseBlock(cursor, [...inner, ...parseAnnotations(cursor)])
      } else {
        // P4-16 §14: the apply block is the last of a control.
        if (apply !== undefined) cursor.unexpected(`'}': what a control declares stands before its apply block`)
        const declaration = parseControlLocal(cursor, inner)
        if (declaration !== undefined) locals.push(declaration)
      }
      if (cursor.position === before) {
        cursor.unexpected('a declaration or the apply block')
        cursor.skipStatement()
        if (cursor.position === before) cursor.next()
      }
    }
    if (apply === undefined) cursor.error('P4C2007', name.range, `control '${name.text}' has no apply block`)
    cursor.expect('}', 'to close the control')
  }
  cursor.popScope()
  const range = cursor.since(start)
  apply ??= { kind: 'Block', annotations: [], statements: [], range }
  return { kind: 'Control', annotations, name, typeParameters, parameters, constructorParameters, locals, apply, range }
}

function parseControlLocal(cursor: Cursor, annotations: readonly Annotation[]): Declaration | undefined {
  if (cursor.is('const')) return parseConstant(cursor, annotations)
  if (cursor.is('action')) return parseAction(cursor, annotations)
  if (cursor.is('table')) return parseTable(cursor, annotations)
  if (startsType(cursor) || cursor.isName()) return parseVariableOrInstantiation(cursor, annotations)
  return undefined
}

export function parseParser(cursor: Cursor, annotations: readonly Annotation[]): ParserDeclaration {
  const start = cursor.next().range
  const name = cursor.name('a parser name')
  cursor.declare(name.text, 'type')
  cursor.pushScope()
  const typeParameters = parseTypeParameters(cursor)
  const parameters = parseParameters(cursor)
  const locals: Declaration[] = []
  const states: ParserStateDeclaration[] = []
  const isType = cursor.accept(';')
  const constructorParameters = !isType && cursor.is('(') ? parseParameters(cursor) : []
  if (!isType && cursor.expect('{', 'to begin the parser')) {
    while (!cursor.is('}') && !cursor.isAtEnd) {
      const before = cursor.position
      const inner = parseAnnotations(cursor)
      if (cursor.is('state') && cursor.peek(1).kind !== 'operator') {
        states.push(parseState(cursor, inner))
      } else {
        // P4-16 §13.2: a parser's declarations stand before its states.
        if (states.length > 0) cursor.unexpected(`a state or '}': what a parser declares stands before its states`)
        const declaration = parseParserLocal(cursor, inner)
        if (declaration !== undefined) locals.push(declaration)
      }
      if (cursor.position === before) {
        cursor.unexpected('a declaration or a state')
        cursor.skipStatement()
        if (cursor.position === before) cursor.next()
      }
    }
    cursor.expect('}', 'to close the parser')
  }
  cursor.popScope()
  const range = cursor.since(start)
  return {
    kind: 'Parser',
    isType,
    annotations,
    name,
    typeParameters,
    parameters,
    constructorParameters,
    locals,
    states,
    range,
  }
}

function parseParserLocal(cursor: Cursor, annotations: readonly Annotation[]): Declaration | undefined {
  if (cursor.is('const')) return parseConstant(cursor, annotations)
  if (cursor.is('value_set')) {
    const start = cursor.next().range
    const type = parseTypeArguments(cursor)[0] ?? { kind: 'SimpleType', name: '_', range: start }
    cursor.expect('(', 'before the size of the value set')
    const size = parseExpression(cursor)
    cursor.expect(')', 'after the size of the value set')
    const name = cursor.name('a value set name')
    cursor.declare(name.text, 'value')
    cursor.expect(';', 'after the value set')
    return { kind: 'ValueSet', annotations, type, size, name, range: cursor.since(start) }
  }
  if (startsType(cursor) || cursor.isName()) return parseVariableOrInstantiation(cursor, annotations)
  return undefined
}

function parseState(cursor: Cursor, annotations: readonly Annotation[]): ParserStateDeclaration {
  const start = cursor.next().range
  const name = cursor.name('a state name')
  const statements: Statement[] = []
  let transition: Transition | undefined
  cursor.pushScope()
  if (cursor.expect('{', 'to begin the state')) {
    parseStatements(cursor, statements)
    if (cursor.is('transition')) transition = parseTransition(cursor)
    while (!cursor.is('}') && !cursor.isAtEnd) {
      cursor.unexpected("'}' after the transition of a state")
      const before = cursor.position
      cursor.skipStatement()
      if (cursor.position === before) cursor.next()
    }
    cursor.expect('}', 'to close the state')
  }
  cursor.popScope()
  return { kind: 'State', annotations, name, statements, transition, range: cursor.since(start) }
}

function parseTransition(cursor: Cursor): Transition {
  const start = cursor.next().range
  if (!cursor.is('select')) {
    const next = cursor.name('a state name')
    cursor.expect(';', 'after the transition')
    return { kind: 'Goto', next, range: cursor.since(start) }
  }
  cursor.next()
  const keys: Expression[] = []
  cursor.expect('(', "after 'select'")
  while (!cursor.is(')') && !cursor.isAtEnd) {
    keys.push(parseExpression(cursor))
    if (!cursor.accept(',')) break
  }
  cursor.expect(')', 'after the keys')
  const cases: SelectCaseNode[] = []
  if (cursor.expect('{', 'to begin the select cases')) {
    while (!cursor.is('}') && !cursor.isAtEnd) {
      const before = cursor.position
      const first = cursor.token.range
      const set = parseKeyset(cursor)
      cursor.expect(':', 'after the keys of a select case')
      const next = cursor.name('a state name')
      if (!cursor.expect(';', 'after the select case') && !cursor.token.startsLine) cursor.skipStatement()
      cases.push({ keys: set, next, range: cursor.since(first) })
      if (cursor.position === before) cursor.next()
    }
    cursor.expect('}', 'to close the select')
  }
  // The grammar has no ';' here, but it is a frequent slip that hurts nobody.
  return { kind: 'Select', keys, cases, range: cursor.since(start) }
}

function parseTable(cursor: Cursor, annotations: readonly Annotation[]): TableDeclaration {
  const start = cursor.next().range
  const name = cursor.name('a table name')
  cursor.declare(name.text, 'value')
  const properties: TableProperty[] = []
  if (cursor.expect('{', 'to begin the table')) {
    while (!cursor.is('}') && !cursor.isAtEnd) {
      const before = cursor.position
      const property = parseProperty(cursor)
      if (property !== undefined) properties.push(property)
      if (cursor.position === before) {
        cursor.unexpected('a table property')
        cursor.skipStatement()
        if (cursor.position === before) cursor.next()
      }
    }
    cursor.expect('}', 'to close the table')
  }
  return { kind: 'Table', annotations, name, properties, range: cursor.since(start) }
}

function parseProperty(cursor: Cursor): TableProperty | undefined {
  const start = cursor.token.range
  const annotations = parseAnnotations(cursor)
  const isConst = cursor.accept('const')
  if (!cursor.isName()) return undefined
  const name = cursor.name('a table property')
  cursor.expect('=', 'after the name of a table property')
  if (name.text === 'key' && !isConst) {
    const elements = parseBraced(cursor, 'the key', parseKeyElement)
    return { kind: 'KeyProperty', elements, range: cursor.since(start) }
  }
  if (name.text === 'actions' && !isConst) {
    const actions = parseBraced(cursor, 'the actions', parseActionElement)
    return { kind: 'ActionsProperty', actions, range: cursor.since(start) }
  }
  if (name.text === 'entries') {
    const entries = parseBraced(cursor, 'the entries', parseEntry)
    return { kind: 'EntriesProperty', isConst, entries, range: cursor.since(start) }
  }
  const value = parseExpression(cursor)
  if (!cursor.expect(';', 'after the table property') && !cursor.token.startsLine) cursor.skipStatement()
  return { kind: 'OtherProperty', annotations, isConst, name, value, range: cursor.since(start) }
}

function parseBraced<T>(cursor: Cursor, what: string, parse: (cursor: Cursor) => T): T[] {
  const list: T[] = []
  if (!cursor.expect('{', `to begin ${what}`)) {
    cursor.skipStatement()
    return list
  }
  while (!cursor.is('}') && !cursor.isAtEnd) {
    const before = cursor.position
    list.push(parse(cursor))
    if (cursor.position === before) cursor.next()
  }
  cursor.expect('}', `to close ${what}`)
  cursor.accept(';')
  return list
}

function endElement(cursor: Cursor): void {
  if (!cursor.expect(';', 'after the element') && !cursor.token.startsLine) cursor.skipStatement()
}

function parseKeyElement(cursor: Cursor): TableKeyElement {
  const start = cursor.token.range
  const expression = parseExpression(cursor)
  cursor.expect(':', 'and a match kind after the key expression')
  const match = cursor.name('a match kind')
  const annotations = parseAnnotations(cursor)
  endElement(cursor)
  return { annotations, expression, match, range: cursor.since(start) }
}

function parseActionElement(cursor: Cursor): TableActionElement {
  const start = cursor.token.range
  const annotations = parseAnnotations(cursor)
  const first = cursor.token.range
  const isAbsolute = cursor.accept('.')
  const { text } = cursor.name('an action name')
  const name = { kind: 'Name', name: text, isAbsolute, range: cursor.since(first) } as const
  const args = cursor.is('(') ? parseArguments(cursor) : undefined
  endElement(cursor)
  return { annotations, name, args, range: cursor.since(start) }
}

function parseEntry(cursor: Cursor): TableEntryElement {
  const start = cursor.token.range
  const isConst = cursor.accept('const')
  let priority: Expression | undefined
  if (cursor.is('priority') && cursor.is('=', 1)) {
    cursor.next()
    cursor.next()
    priority = parseExpression(cursor)
    cursor.expect(':', 'after the priority')
  }
  const keys = parseKeyset(cursor)
  cursor.expect(':', 'and an action after the keys of an entry')
  const action = parseExpression(cursor)
  const annotations = parseAnnotations(cursor)
  endElement(cursor)
  return { annotations, isConst, priority, keys, action, range: cursor.since(start) }
}
