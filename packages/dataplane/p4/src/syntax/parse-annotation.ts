/** Annotations (P4-16 §20), structured (`@x[…]`) or free (`@x(…)`, whose text is kept where it is no expression list). */
import type { Annotation, Expression, Name } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parseExpression } from './parse-expression.ts'

export function parseAnnotations(cursor: Cursor): Annotation[] {
  const annotations: Annotation[] = []
  while (cursor.is('@')) annotations.push(parseAnnotation(cursor))
  return annotations
}

function parseAnnotation(cursor: Cursor): Annotation {
  const start = cursor.next().range
  const token = cursor.token
  if (token.kind !== 'identifier' && token.kind !== 'keyword') {
    cursor.unexpected("an annotation name after '@'")
    const name = { text: '', range: start }
    return { name, values: [], pairs: [], text: '', isStructured: false, range: start }
  }
  cursor.next()
  const name: Name = { text: token.text, range: token.range }
  if (name.text === 'pragma' && !cursor.token.startsLine) return parsePragma(cursor, start)
  if (!cursor.is('(') && !cursor.is('[')) {
    return { name, values: [], pairs: [], text: '', isStructured: false, range: cursor.since(start) }
  }
  const isStructured = cursor.is('[')
  const text = bodyText(cursor)
  const content = isStructured ? parseBody(cursor, ']') : cursor.speculate(() => parseBody(cursor, ')'))
  if (content === undefined) {
    const end = cursor.afterMatching(0)
    if (end === undefined) cursor.unexpected(`a closing ')' of the annotation`)
    cursor.skipTokens(end ?? 1)
  }
  const { values, pairs } = content ?? { values: [], pairs: [] }
  return { name, values, pairs, text, isStructured, range: cursor.since(start) }
}

/** `@pragma name word…` runs to the end of its line. */
function parsePragma(cursor: Cursor, start: Annotation['range']): Annotation {
  const token = cursor.next()
  const words: string[] = []
  while (!cursor.isAtEnd && !cursor.token.startsLine) words.push(cursor.next().text)
  const name = { text: token.text, range: token.range }
  return { name, values: [], pairs: [], text: words.join(' '), isStructured: false, range: cursor.since(start) }
}

function bodyText(cursor: Cursor): string {
  const end = cursor.afterMatching(0) ?? 1
  const words: string[] = []
  for (let at = 1; at < end - 1; at++) words.push(cursor.peek(at).text)
  return words.join(' ')
}

function parseBody(
  cursor: Cursor,
  close: string,
): { values: Expression[]; pairs: { name: Name; value: Expression }[] } | undefined {
  cursor.next()
  const values: Expression[] = []
  const pairs: { name: Name; value: Expression }[] = []
  while (!cursor.is(close) && !cursor.isAtEnd) {
    if (cursor.isName() && cursor.is('=', 1)) {
      const name = cursor.name('a key')
      cursor.next()
      pairs.push({ name, value: parseExpression(cursor) })
    } else {
      values.push(parseExpression(cursor))
    }
    if (!cursor.accept(',')) break
  }
  return cursor.expect(close, 'to close the annotation') ? { values, pairs } : undefined
}
