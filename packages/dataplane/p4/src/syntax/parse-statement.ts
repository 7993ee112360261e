/** Statements (P4-16 §12) with recovery at `;` and `}`. */
import type { Annotation, BinaryOperator, BlockStatement, Expression, Statement, SwitchCase } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseAnnotations } from './parse-annotation.ts'
import { parseConstant, parseVariableOrInstantiation } from './parse-declaration.ts'
import { parseExpression, parseSimpleKeyset } from './parse-expression.ts'
import { parseType, startsType } from './parse-type.ts'

const ASSIGNMENTS: ReadonlyMap<string, BinaryOperator> = new Map([
  ['+=', '+'],
  ['-=', '-'],
  ['*=', '*'],
  ['/=', '/'],
  ['%=', '%'],
  ['<<=', '<<'],
  ['&=', '&'],
  ['|=', '|'],
  ['^=', '^'],
  ['|+|=', '|+|'],
  ['|-|=', '|-|'],
])

/** `{ … }` with a scope of its own. */
export function parseBlock(cursor: Cursor, annotations: readonly Annotation[] = []): BlockStatement {
  const start = cursor.token.range
  const statements: Statement[] = []
  if (cursor.accept('{#}')) {
    cursor.error('P4C2004', start, "'{#}' is not a block")
    return { kind: 'Block', annotations, statements, range: start }
  }
  if (!cursor.expect('{', 'to begin a block')) return { kind: 'Block', annotations, statements, range: start }
  cursor.pushScope()
  parseStatements(cursor, statements)
  cursor.popScope()
  cursor.expect('}', 'to close the block')
  return { kind: 'Block', annotations, statements, range: cursor.since(start) }
}

/** Statements up to a `}` or, in parser states, `transition`. */
export function parseStatements(cursor: Cursor, into: Statement[]): void {
  while (!cursor.isAtEnd && !cursor.is('}') && !cursor.is('transition')) {
    const before = cursor.position
    into.push(parseStatement(cursor))
    if (cursor.position === before) {
      cursor.unexpected('a statement')
      cursor.skipStatement()
      if (cursor.position === before) cursor.next()
    }
  }
}

export function parseStatement(cursor: Cursor): Statement {
  return cursor.nested(
    () => parseAnnotatedStatement(cursor),
    () => ({ kind: 'Empty', range: cursor.token.range }),
  )
}

function parseAnnotatedStatement(cursor: Cursor): Statement {
  const start = cursor.token.range
  const annotations = parseAnnotations(cursor)
  switch (cursor.token.kind === 'string' ? '' : cursor.token.text) {
    case '{':
      return parseBlock(cursor, annotations)
    case ';':
      cursor.next()
      return { kind: 'Empty', range: start }
    case 'if':
      return parseIf(cursor)
    case 'switch':
      return parseSwitch(cursor)
    case 'for':
      return parseFor(cursor)
    case 'return': {
      cursor.next()
      const value = cursor.is(';') ? undefined : parseExpression(cursor)
      endStatement(cursor, "after 'return'")
      return { kind: 'Return', value, range: cursor.since(start) }
    }
    case 'exit':
    case 'break':
    case 'continue': {
      const word = cursor.next().text
      endStatement(cursor, `after '${word}'`)
      const kind = word === 'exit' ? 'Exit' : word === 'break' ? 'Break' : 'Continue'
      return { kind, range: cursor.since(start) }
    }
    case 'const': {
      const declaration = parseConstant(cursor, annotations)
      return { kind: 'DeclarationStatement', declaration, range: cursor.since(start) }
    }
    default:
      break
  }
  if (startsDeclaration(cursor)) {
    const declaration = parseVariableOrInstantiation(cursor, annotations)
    return { kind: 'DeclarationStatement', declaration, range: cursor.since(start) }
  }
  const statement = parseSimpleStatement(cursor)
  endStatement(cursor, 'after the statement')
  return { ...statement, range: cursor.since(start) }
}

function endStatement(cursor: Cursor, context: string): void {
  if (!cursor.expect(';', context) && !cursor.token.startsLine) cursor.skipStatement()
}

/** An assignment or a call, without its `;`. */
function parseSimpleStatement(cursor: Cursor): Statement {
  const start = cursor.token.range
  const target: Expression = cursor.is('_') ? { kind: 'DontCare', range: cursor.next().range } : parseExpression(cursor)
  if (cursor.accept('=')) {
    const value = parseExpression(cursor)
    return { kind: 'Assign', target, operator: undefined, value, range: cursor.since(start) }
  }
  const isShift = cursor.is('>') && cursor.is('>=', 1) && !cursor.peek(1).hasSpaceBefore
  const operator = isShift ? '>>' : cursor.token.kind === 'operator' ? ASSIGNMENTS.get(cursor.token.text) : undefined
  if (operator !== undefined) {
    cursor.next()
    if (isShift) cursor.next()
    const value = parseExpression(cursor)
    return { kind: 'Assign', target, operator, value, range: cursor.since(start) }
  }
  if (target.kind !== 'Call' && target.kind !== 'BadExpression') {
    cursor.error('P4C2005', target.range, 'an expression is not a statement; expected a call or an assignment')
  }
  return { kind: 'CallStatement', call: target, range: cursor.since(start) }
}

/** Whether a variable or instantiation starts here rather than an expression. */
function startsDeclaration(cursor: Cursor): boolean {
  const token = cursor.token
  if (token.kind === 'keyword')
    return startsType(cursor) && !cursor.is('.', 1) && !(token.text === '_' && cursor.is('=', 1))
  if (token.kind === 'operator' && token.text !== '.') return false
  if (token.kind !== 'identifier' && token.kind !== 'operator') return false
  if (token.kind === 'identifier') {
    if (cursor.isName(1)) return true
    if (!cursor.is('<', 1) && !cursor.is('[', 1) && !cursor.is('(', 1)) return false
  }
  return cursor.looksLike(() => {
    parseType(cursor)
    if (cursor.is('(')) {
      const after = cursor.afterMatching(0)
      return after !== undefined && cursor.isName(after)
    }
    return cursor.isName() && (cursor.is(';', 1) || cursor.is('=', 1) || cursor.is(',', 1) || cursor.is('in', 1))
  })
}

function parseIf(cursor: Cursor): Statement {
  const start = cursor.next().range
  cursor.expect('(', "after 'if'")
  const condition = parseExpression(cursor)
  cursor.expect(')', 'after the condition')
  const then = parseStatement(cursor)
  const otherwise = cursor.accept('else') ? parseStatement(cursor) : undefined
  return { kind: 'If', condition, then, else: otherwise, range: cursor.since(start) }
}

function parseSwitch(cursor: Cursor): Statement {
  const start = cursor.next().range
  cursor.expect('(', "after 'switch'")
  const selector = parseExpression(cursor)
  cursor.expect(')', 'after the selector')
  const cases: SwitchCase[] = []
  if (cursor.expect('{', 'to begin the switch cases')) {
    while (!cursor.is('}') && !cursor.isAtEnd) {
      const before = cursor.position
      const first = cursor.token.range
      const label = parseSimpleKeyset(cursor)
      cursor.expect(':', 'after the switch label')
      const body = cursor.is('{') ? parseBlock(cursor) : undefined
      cases.push({ label, body, range: cursor.since(first) })
      if (cursor.position === before) cursor.next()
    }
    cursor.expect('}', 'to close the switch')
  }
  return { kind: 'Switch', selector, cases, range: cursor.since(start) }
}

function parseFor(cursor: Cursor): Statement {
  const start = cursor.next().range
  cursor.expect('(', "after 'for'")
  cursor.pushScope()
  const statement = parseForIn(cursor, start) ?? parseForLoop(cursor, start)
  cursor.popScope()
  return statement
}

function parseForIn(cursor: Cursor, start: Expression['range']): Statement | undefined {
  const head = cursor.speculate(() => {
    parseAnnotations(cursor)
    const type = cursor.isName() && cursor.is('in', 1) ? undefined : parseType(cursor)
    const variable = cursor.name('a loop variable')
    return cursor.accept('in') ? { type, variable } : undefined
  })
  if (head === undefined) return undefined
  if (head.type === undefined) {
    cursor.error('P4C2008', head.variable.range, "the loop variable needs a type, as in 'bit<8> i'")
  }
  cursor.declare(head.variable.text, 'value')
  const collection = parseSimpleKeyset(cursor)
  cursor.expect(')', 'after the collection')
  const body = parseStatement(cursor)
  return { kind: 'ForIn', type: head.type, variable: head.variable, collection, body, range: cursor.since(start) }
}

function parseForLoop(cursor: Cursor, start: Expression['range']): Statement {
  const init: Statement[] = []
  while (!cursor.is(';') && !cursor.isAtEnd) {
    const first = cursor.token.range
    const annotations = parseAnnotations(cursor)
    if (startsDeclaration(cursor)) {
      const declaration = parseVariableOrInstantiation(cursor, annotations, false)
      init.push({ kind: 'DeclarationStatement', declaration, range: cursor.since(first) })
    } else {
      init.push(parseSimpleStatement(cursor))
    }
    if (!cursor.accept(',')) break
  }
  cursor.expect(';', 'after the loop initialisation')
  const condition: Expression = cursor.is(';')
    ? { kind: 'Bool', value: true, range: cursor.token.range }
    : parseExpression(cursor)
  cursor.expect(';', 'after the loop condition')
  const update: Statement[] = []
  while (!cursor.is(')') && !cursor.isAtEnd) {
    update.push(parseSimpleStatement(cursor))
    if (!cursor.accept(',')) break
  }
  cursor.expect(')', 'after the loop update')
  const body = parseStatement(cursor)
  return { kind: 'For', init, condition, update, body, range: cursor.since(start) }
}
