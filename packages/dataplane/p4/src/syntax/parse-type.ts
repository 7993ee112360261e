/** Types, type arguments, type parameters and parameters (P4-16 §7.2, §6.8). */
import type { Argument, Direction, Expression, Parameter, TypeNode, TypeParameter } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseAnnotations } from './parse-annotation.ts'
import { parseExpression, parseWidth } from './parse-expression.ts'

const MAX_DIMENSIONS = 100
const SIMPLE_TYPES = new Set(['bool', 'string', 'error', 'match_kind', 'void', '_'])

/** Whether a type starts here, for places where an expression or statement could start too. */
export function startsType(cursor: Cursor, distance = 0): boolean {
  const token = cursor.peek(distance)
  if (token.kind === 'keyword') {
    return (
      token.text === 'bit' ||
      token.text === 'int' ||
      token.text === 'varbit' ||
      token.text === 'tuple' ||
      SIMPLE_TYPES.has(token.text)
    )
  }
  if (token.kind === 'identifier') {
    return cursor.isTypeName(token.text) || (token.text === 'list' && cursor.is('<', distance + 1))
  }
  return token.kind === 'operator' && token.text === '.' && cursor.isName(distance + 1)
}

export function parseType(cursor: Cursor): TypeNode {
  return cursor.nested(
    () => parseTypeAndSuffix(cursor),
    () => unknownType(cursor.token.range),
  )
}

/** Stands for a type that could not be read; nothing more is said about it. */
function unknownType(range: TypeNode['range']): TypeNode {
  return { kind: 'NamedType', name: { text: '', range }, isAbsolute: false, args: [], range }
}

function parseTypeAndSuffix(cursor: Cursor): TypeNode {
  const start = cursor.token.range
  let type = parsePlainType(cursor)
  for (let length = 0; cursor.is('['); length++) {
    if (length === MAX_DIMENSIONS) cursor.giveUp('the type has too many dimensions')
    cursor.next()
    const size = parseExpression(cursor)
    cursor.expect(']', 'after the size of a header stack')
    type = { kind: 'StackType', element: type, size, range: cursor.since(start) }
  }
  return type
}

function parsePlainType(cursor: Cursor): TypeNode {
  const token = cursor.token
  const start = token.range
  if (token.kind === 'keyword') {
    if (SIMPLE_TYPES.has(token.text)) {
      cursor.next()
      // because SIMPLE_TYPES holds exactly the names of SimpleType but 'int'
      return {
        kind: 'SimpleType',
        name: token.text as 'bool' | 'string' | 'error' | 'match_kind' | 'void' | '_',
        range: start,
      }
    }
    if (token.text === 'bit' || token.text === 'int') {
      cursor.next()
      const isSigned = token.text === 'int'
      if (!cursor.accept('<')) {
        if (isSigned) return { kind: 'SimpleType', name: 'int', range: start }
        return { kind: 'BitType', isSigned: false, width: undefined, range: start }
      }
      const width = parseWidth(cursor)
      closeAngle(cursor)
      return { kind: 'BitType', isSigned, width, range: cursor.since(start) }
    }
    if (token.text === 'varbit') {
      cursor.next()
      cursor.expect('<', "after 'varbit'")
      const width = parseWidth(cursor)
      closeAngle(cursor)
      return { kind: 'VarbitType', width, range: cursor.since(start) }
    }
    if (token.text === 'tuple') {
      cursor.next()
      const args = cursor.is('<') ? parseTypeArguments(cursor) : []
      return { kind: 'TupleType', args, range: cursor.since(start) }
    }
  }
  if (token.text === 'list' && cursor.is('<', 1)) {
    cursor.next()
    const element = parseTypeArguments(cursor)[0] ?? { kind: 'SimpleType', name: '_', range: start }
    return { kind: 'ListType', element, range: cursor.since(start) }
  }
  const isAbsolute = cursor.accept('.')
  if (!cursor.isName()) {
    cursor.unexpected('a type')
    return unknownType(start)
  }
  const name = cursor.name('a type name')
  const args = cursor.is('<') ? parseTypeArguments(cursor) : []
  return { kind: 'NamedType', name, isAbsolute, args, range: cursor.since(start) }
}

/** `<T, U>`, the cursor at `<`. `>>` closes two lists because the lexer never joins it. */
export function parseTypeArguments(cursor: Cursor): TypeNode[] {
  cursor.expect('<', 'before type arguments')
  const args: TypeNode[] = []
  while (!cursor.is('>') && !cursor.isAtEnd) {
    args.push(parseType(cursor))
    if (!cursor.accept(',')) break
  }
  closeAngle(cursor)
  return args
}

function closeAngle(cursor: Cursor): void {
  cursor.expect('>', 'to close the type')
}

/** Optional `<T, U>`; the names are types from here to the end of the scope. */
export function parseTypeParameters(cursor: Cursor): TypeParameter[] {
  if (!cursor.accept('<')) return []
  const parameters: TypeParameter[] = []
  while (!cursor.is('>') && !cursor.isAtEnd) {
    const name = cursor.name('a type parameter')
    if (name.text === '') break
    cursor.declare(name.text, 'type')
    parameters.push({ kind: 'TypeParameter', name, range: name.range })
    if (!cursor.accept(',')) break
  }
  closeAngle(cursor)
  return parameters
}

/** `( … )` after the name of anything callable. */
export function parseParameters(cursor: Cursor): Parameter[] {
  const parameters: Parameter[] = []
  if (!cursor.expect('(', 'before the parameters')) return parameters
  while (!cursor.is(')') && !cursor.isAtEnd) {
    const before = cursor.position
    const start = cursor.token.range
    const annotations = parseAnnotations(cursor)
    let direction: Direction = 'none'
    if (cursor.is('in') || cursor.is('out') || cursor.is('inout')) {
      // because the token is one of the three words just tested
      direction = cursor.next().text as Direction
    }
    const type = parseType(cursor)
    const name = cursor.name('a parameter name')
    const initializer = cursor.accept('=') ? parseExpression(cursor) : undefined
    if (name.text !== '') cursor.declare(name.text, 'value')
    parameters.push({ kind: 'Parameter', annotations, direction, type, name, initializer, range: cursor.since(start) })
    if (!cursor.accept(',') || cursor.position === before) break
  }
  if (!cursor.expect(')', 'after the parameters')) skipToParenthesis(cursor)
  return parameters
}

function skipToParenthesis(cursor: Cursor): void {
  while (!cursor.isAtEnd && !cursor.is(')') && !cursor.is('{') && !cursor.is(';') && !cursor.is('}')) cursor.next()
  cursor.accept(')')
}

/** `( … )` of a call or an instantiation. */
export function parseArguments(cursor: Cursor): Argument[] {
  const args: Argument[] = []
  if (!cursor.expect('(', 'before the arguments')) return args
  while (!cursor.is(')') && !cursor.isAtEnd) {
    const before = cursor.position
    const start = cursor.token.range
    const isNamed = cursor.isName() && cursor.is('=', 1)
    const name = isNamed ? cursor.name('an argument name') : undefined
    if (isNamed) cursor.next()
    const value: Expression = parseArgumentValue(cursor)
    args.push({ name, value, range: cursor.since(start) })
    if (!cursor.accept(',') || cursor.position === before) break
  }
  if (!cursor.expect(')', 'after the arguments')) skipToParenthesis(cursor)
  return args
}

function parseArgumentValue(cursor: Cursor): Expression {
  if (cursor.is('_')) {
    const { range } = cursor.next()
    return { kind: 'DontCare', range }
  }
  return parseExpression(cursor)
}
