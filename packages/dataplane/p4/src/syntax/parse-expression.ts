/**
 * Expressions by precedence climbing (P4-16 §8). Bitwise operators bind more tightly than comparisons, unlike C.
 * `&&&` and `..` exist only where a set may stand (`parseKeyset`).
 */
import type { BinaryOperator, Expression, Name, UnaryOperator } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseArguments, parseType, parseTypeArguments, startsType } from './parse-type.ts'

const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ['||', 1],
  ['&&', 2],
  ['==', 3],
  ['!=', 3],
  ['<', 4],
  ['<=', 4],
  ['>', 4],
  ['>=', 4],
  ['|', 5],
  ['^', 6],
  ['&', 7],
  ['<<', 8],
  ['>>', 8],
  ['+', 9],
  ['-', 9],
  ['++', 9],
  ['|+|', 9],
  ['|-|', 9],
  ['*', 10],
  ['/', 10],
  ['%', 10],
])

/** The expression between `bit<` and `>`: one of which a `>` outside of parentheses is no operator. */
export function parseWidth(cursor: Cursor): Expression {
  const token = cursor.token
  if (token.kind === 'integer' && cursor.is('>', 1)) return parsePrimary(cursor)
  return cursor.betweenAngles(true, () => parseExpression(cursor))
}

export function parseExpression(cursor: Cursor): Expression {
  return cursor.nested(
    () => parseConditional(cursor),
    () => ({ kind: 'BadExpression', range: cursor.token.range }),
  )
}

/** Operators and members in a row: every phase recurses over them. */
const MAX_CHAIN = 1000

function parseConditional(cursor: Cursor): Expression {
  const start = cursor.token.range
  const condition = parseBinary(cursor, 1)
  if (!cursor.accept('?')) return condition
  const whenTrue = parseExpression(cursor)
  cursor.expect(':', "between the branches of '?'")
  const whenFalse = parseExpression(cursor)
  return { kind: 'Conditional', condition, whenTrue, whenFalse, range: cursor.since(start) }
}

/** A set element: an expression, `a &&& b`, `a .. b`, `default` or `_` (§8.14). */
export function parseSimpleKeyset(cursor: Cursor): Expression {
  const start = cursor.token.range
  if (cursor.accept('default')) return { kind: 'Default', range: start }
  if (cursor.accept('_')) return { kind: 'DontCare', range: start }
  if (cursor.accept('...')) return { kind: 'Dots', range: start }
  const left = parseExpression(cursor)
  if (!cursor.is('&&&') && !cursor.is('..')) return left
  // because the token is one of the two operators just tested
  const operator = cursor.next().text as BinaryOperator
  const right = parseExpression(cursor)
  return { kind: 'Binary', operator, left, right, range: cursor.since(start) }
}

/** The keys before the `:` of a select case or table entry: one set, or several in parentheses. */
export function parseKeyset(cursor: Cursor): Expression[] {
  if (cursor.is('(')) {
    const after = cursor.afterMatching(0)
    if (after !== undefined && cursor.is(':', after)) {
      cursor.next()
      const keys: Expression[] = []
      while (!cursor.is(')') && !cursor.isAtEnd) {
        keys.push(parseSimpleKeyset(cursor))
        if (!cursor.accept(',')) break
      }
      cursor.expect(')', 'after the keys')
      return keys
    }
  }
  return [parseSimpleKeyset(cursor)]
}

function binaryOperatorAt(cursor: Cursor): BinaryOperator | undefined {
  const token = cursor.token
  if (token.kind !== 'operator') return undefined
  if (cursor.isBetweenAngles && (token.text === '>' || token.text === '>=')) return undefined
  if (token.text === '>') {
    const following = cursor.peek(1)
    if (following.kind === 'operator' && !following.hasSpaceBefore && !following.startsLine) {
      if (following.text === '>') return '>>'
      // `>>=` arrives as `>` and `>=`.
      if (following.text === '>=') return undefined
    }
  }
  // because PRECEDENCE holds only binary operators
  return PRECEDENCE.has(token.text) ? (token.text as BinaryOperator) : undefined
}

function parseBinary(cursor: Cursor, minimum: number): Expression {
  const start = cursor.token.range
  let left = parseUnary(cursor)
  for (let length = 0; ; length++) {
    if (length === MAX_CHAIN) cursor.giveUp('the expression is too long to be read')
    const operator = binaryOperatorAt(cursor)
    if (operator === undefined) return left
    const precedence = PRECEDENCE.get(operator) ?? 0
    if (precedence < minimum) return left
    cursor.next()
    if (operator === '>>') cursor.next()
    const right = parseBinary(cursor, precedence + 1)
    left = { kind: 'Binary', operator, left, right, range: cursor.since(start) }
  }
}

function parseUnary(cursor: Cursor): Expression {
  const token = cursor.token
  if (
    token.kind === 'operator' &&
    (token.text === '!' || token.text === '~' || token.text === '-' || token.text === '+')
  ) {
    return cursor.nested<Expression>(
      () => {
        cursor.next()
        const operand = parseUnary(cursor)
        // because the token is one of the four operators just tested
        return { kind: 'Unary', operator: token.text as UnaryOperator, operand, range: cursor.since(token.range) }
      },
      () => ({ kind: 'BadExpression', range: token.range }),
    )
  }
  if (cursor.is('(')) {
    const cast = parseCast(cursor)
    if (cast !== undefined) return cast
  }
  return parsePostfix(cursor)
}

/** `(type) operand`, where the parenthesis holds a type and nothing else. */
function parseCast(cursor: Cursor): Expression | undefined {
  if (!startsType(cursor, 1)) return undefined
  const start = cursor.token.range
  const type = cursor.speculate(() => {
    cursor.next()
    const parsed = parseType(cursor)
    return cursor.accept(')') ? parsed : undefined
  })
  if (type === undefined) return undefined
  const operand = cursor.nested<Expression>(
    () => parseUnary(cursor),
    () => ({ kind: 'BadExpression', range: start }),
  )
  return { kind: 'Cast', type, operand, range: cursor.since(start) }
}

function parsePostfix(cursor: Cursor): Expression {
  const start = cursor.token.range
  let expression = parsePrimary(cursor)
  for (let length = 0; ; length++) {
    if (length === MAX_CHAIN) cursor.giveUp('the expression is too long to be read')
    if (cursor.accept('.')) {
      const member = memberName(cursor)
      expression = { kind: 'Member', object: expression, member, range: cursor.since(start) }
    } else if (cursor.accept('[')) {
      expression = parseSubscript(cursor, expression, start)
    } else if (cursor.is('(')) {
      const args = parseArguments(cursor)
      expression = { kind: 'Call', callee: expression, typeArgs: [], args, range: cursor.since(start) }
    } else if (cursor.is('<') && (expression.kind === 'Name' || expression.kind === 'Member')) {
      const generic = parseGenericUse(cursor, expression, start)
      if (generic === undefined) return expression
      expression = generic
    } else {
      return expression
    }
  }
}

function memberName(cursor: Cursor): Name {
  const token = cursor.token
  // Members of `extern` objects and tables may be called like keywords, e.g. `t.apply()`.
  if (token.kind === 'keyword' && /^[a-z]/.test(token.text)) {
    cursor.next()
    return { text: token.text, range: token.range }
  }
  return cursor.name("a member name after '.'")
}

function parseSubscript(cursor: Cursor, object: Expression, start: Expression['range']): Expression {
  const index = parseExpression(cursor)
  if (cursor.is(':') || cursor.is('+:')) {
    const isPlus = cursor.next().text === '+:'
    const second = parseExpression(cursor)
    cursor.expect(']', 'after the slice')
    const [high, low] = isPlus ? [second, index] : [index, second]
    return { kind: 'Slice', object, high, low, isPlus, range: cursor.since(start) }
  }
  cursor.expect(']', 'after the index')
  return { kind: 'Index', object, index, range: cursor.since(start) }
}

/** `f<T>(…)` or `Type<T>.apply(…)`; undefined when `<` is a comparison after all. */
function parseGenericUse(cursor: Cursor, callee: Expression, start: Expression['range']): Expression | undefined {
  // A name that nobody declared is taken for a type where a list of types could go on.
  const isMaybeType = cursor.isName(1) && !cursor.isValueName(cursor.peek(1).text)
  const isListed = cursor.is('>', 2) || cursor.is(',', 2) || cursor.is('<', 2)
  if (!startsType(cursor, 1) && !(isMaybeType && isListed)) return undefined
  const typeArgs = cursor.speculate(() => {
    const args = parseTypeArguments(cursor)
    return cursor.is('(') || cursor.is('.') ? args : undefined
  })
  if (typeArgs === undefined) return undefined
  if (cursor.is('(')) {
    const args = parseArguments(cursor)
    return { kind: 'Call', callee, typeArgs, args, range: cursor.since(start) }
  }
  if (callee.kind !== 'Name') return undefined
  const name = { text: callee.name, range: callee.range }
  const range = cursor.since(start)
  return {
    kind: 'TypeExpression',
    type: { kind: 'NamedType', name, isAbsolute: callee.isAbsolute, args: typeArgs, range },
    range,
  }
}

function parsePrimary(cursor: Cursor): Expression {
  const token = cursor.token
  const range = token.range
  switch (token.kind) {
    case 'integer':
      cursor.next()
      return {
        kind: 'Integer',
        value: token.integer?.value ?? 0n,
        width: token.integer?.width,
        isSigned: token.integer?.signed ?? false,
        range,
      }
    case 'string':
      return parseString(cursor)
    case 'identifier':
      if (token.text === 'list' && cursor.is('<', 1) && startsType(cursor, 2)) {
        const type = parseType(cursor)
        return { kind: 'TypeExpression', type, range: cursor.since(range) }
      }
      cursor.next()
      return { kind: 'Name', name: token.text, isAbsolute: false, range }
    case 'keyword':
      return parseKeywordExpression(cursor)
    default:
      break
  }
  if (cursor.is('(')) {
    cursor.next()
    const inner = cursor.isBetweenAngles
      ? cursor.betweenAngles(false, () => parseExpression(cursor))
      : parseExpression(cursor)
    cursor.expect(')', 'after the expression')
    return inner
  }
  if (cursor.is('{')) return parseBraces(cursor)
  if (cursor.accept('{#}')) return { kind: 'Invalid', range }
  if (cursor.accept('...')) return { kind: 'Dots', range }
  if (cursor.is('.') && cursor.isName(1)) {
    cursor.next()
    const name = cursor.next()
    return { kind: 'Name', name: name.text, isAbsolute: true, range: cursor.since(range) }
  }
  cursor.unexpected('an expression')
  return { kind: 'BadExpression', range }
}

function parseString(cursor: Cursor): Expression {
  const start = cursor.next()
  let value = start.text
  // Adjacent strings are one, as in C.
  while (cursor.token.kind === 'string') value += cursor.next().text
  return { kind: 'String', value, range: cursor.since(start.range) }
}

function parseKeywordExpression(cursor: Cursor): Expression {
  const token = cursor.token
  const range = token.range
  switch (token.text) {
    case 'true':
    case 'false':
      cursor.next()
      return { kind: 'Bool', value: token.text === 'true', range }
    case 'this':
      cursor.next()
      return { kind: 'This', range }
    case 'default':
      cursor.next()
      return { kind: 'Default', range }
    case '_':
      cursor.next()
      return { kind: 'DontCare', range }
    default:
      break
  }
  if (startsType(cursor)) {
    const type = parseType(cursor)
    return { kind: 'TypeExpression', type, range: cursor.since(range) }
  }
  cursor.unexpected('an expression')
  return { kind: 'BadExpression', range }
}

/** `{a, b}`, `{f = a}`, `{}`, each with an optional trailing comma or `...`. */
function parseBraces(cursor: Cursor): Expression {
  const start = cursor.next().range
  const elements: Expression[] = []
  const fields: { name: Name; value: Expression }[] = []
  let hasDots = false
  const isStruct = cursor.isName() && cursor.is('=', 1)
  while (!cursor.is('}') && !cursor.isAtEnd) {
    if (cursor.accept('...')) {
      hasDots = true
      break
    }
    if (isStruct) {
      const name = cursor.name('a field name')
      if (!cursor.expect('=', 'after the field name')) break
      fields.push({ name, value: parseExpression(cursor) })
    } else {
      elements.push(parseExpression(cursor))
    }
    if (!cursor.accept(',')) break
  }
  cursor.expect('}', 'to close the list')
  const range = cursor.since(start)
  return isStruct ? { kind: 'Struct', fields, hasDots, range } : { kind: 'List', elements, hasDots, range }
}
