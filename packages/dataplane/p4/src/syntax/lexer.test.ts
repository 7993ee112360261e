import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lexer, parseInteger } from './lexer.ts'
import type { Token } from './token.ts'

function lex(text: string): Token[] {
  const lexer = new Lexer('a.p4', text)
  const tokens: Token[] = []
  for (let token = lexer.next(); token.kind !== 'end'; token = lexer.next()) tokens.push(token)
  return tokens
}

test('reads every form of integer literal', () => {
  assert.deepEqual(parseInteger('10'), { value: 10n, signed: false })
  assert.deepEqual(parseInteger('0xff_ff'), { value: 0xffffn, signed: false })
  assert.deepEqual(parseInteger('0b1010_'), { value: 10n, signed: false })
  assert.deepEqual(parseInteger('0o17'), { value: 15n, signed: false })
  assert.deepEqual(parseInteger('0d17'), { value: 17n, signed: false })
  assert.deepEqual(parseInteger('8w0x1F'), { value: 31n, width: 8, signed: false })
  assert.deepEqual(parseInteger('4s0b11'), { value: 3n, width: 4, signed: true })
  assert.deepEqual(parseInteger('128w10'), { value: 10n, width: 128, signed: false })
})

test('gives a reason for malformed numbers', () => {
  for (const word of ['0x', '0b2', '0o8', '10a', '8w', '8wx', '99999999w1']) {
    assert.equal(typeof parseInteger(word), 'string', word)
  }
})

test('takes the longest operator, but leaves >> to the parser', () => {
  assert.deepEqual(
    lex('a |+|= b <<= c &&& d ... e .. f >> g ++ {#}').map((token) => token.text),
    ['a', '|+|=', 'b', '<<=', 'c', '&&&', 'd', '...', 'e', '..', 'f', '>', '>', 'g', '++', '{#}'],
  )
})

test('keeps positions over comments and continued lines', () => {
  const tokens = lex('a /* x\n y */ b \\\n c // d \\\n still comment\ne')
  assert.deepEqual(
    tokens.map((token) => `${token.text}@${token.range.line}:${token.range.column}`),
    ['a@1:1', 'b@2:7', 'c@3:2', 'e@5:1'],
  )
  assert.deepEqual(
    tokens.map((token) => token.startsLine),
    [true, false, false, true],
  )
})

test('resolves string escapes and reports a string that never ends', () => {
  assert.equal(lex('"a\\n\\"b"')[0]?.text, 'a\n"b')
  assert.equal(lex('"over\nlines"')[0]?.text, 'over\nlines')
  const [bad, next] = lex('"open\nnext')
  assert.equal(bad?.kind, 'bad')
  assert.equal(next?.text, 'next')
})

test('turns unknown characters and unfinished comments into bad tokens', () => {
  assert.deepEqual(
    lex('a $ ö 😀').map((token) => token.kind),
    ['identifier', 'bad', 'bad', 'bad'],
  )
  assert.equal(lex('a /* never').at(-1)?.kind, 'bad')
})

test('distinguishes keywords from contextual words', () => {
  assert.deepEqual(
    lex('table key apply in state type header').map((token) => token.kind),
    ['keyword', 'identifier', 'identifier', 'keyword', 'identifier', 'identifier', 'keyword'],
  )
})
