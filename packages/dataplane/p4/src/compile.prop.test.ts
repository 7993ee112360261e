/** The compiler never throws: token soup, mutated programs, and truncation at any place give diagnostics. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { verifyProgram } from './lower/verify-program.ts'
import { OPERATORS, KEYWORDS } from './syntax/token.ts'
import { compileText } from './testing/compile-text.test.ts'
import type { CompileResult } from './compile.ts'

const FEATURES = readFileSync(new URL('../testdata/features.p4', import.meta.url), 'utf8')
const BASIC = readFileSync(new URL('../testdata/v1model-basic.p4', import.meta.url), 'utf8')
const PIECES = [
  ...FEATURES.matchAll(/[A-Za-z_]\w*|\d\w*|[^\s\w]+|\s+/g),
  ...BASIC.matchAll(/[A-Za-z_]\w*|\d\w*|[^\s\w]+|\s+/g),
].map((match) => match[0])

/** Ends without an internal error, and with a program only when there is no error. */
function assertCalm(result: CompileResult): void {
  const internal = result.diagnostics.find((diagnostic) => diagnostic.code === 'P4C9002')
  assert.equal(internal?.message, undefined)
  const hasErrors = result.diagnostics.some((diagnostic) => diagnostic.severity === 'error')
  if (result.program === undefined) assert.ok(hasErrors)
  else assert.deepEqual(verifyProgram(result.program), [])
  for (const { range } of result.diagnostics) {
    assert.ok(range.line >= 1 && range.column >= 1 && range.endLine >= range.line)
  }
}

const word = fc.oneof(
  fc.constantFrom(...KEYWORDS, ...OPERATORS),
  fc.constantFrom(
    'x',
    'T',
    'apply',
    'key',
    'actions',
    'entries',
    'state',
    'start',
    'main',
    '8w3',
    '0',
    '"s"',
    '#define',
    '\n',
  ),
  fc.constantFrom(...PIECES),
)

test('any sequence of tokens', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (words) => assertCalm(compileText(words.join(' ')))),
    { numRuns: 250 },
  )
})

test('any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => assertCalm(compileText(text))),
    { numRuns: 100 },
  )
})

/** A program as a list of pieces of which some are changed. */
function mutate(source: string, edits: readonly (readonly [number, number, string])[]): string {
  const pieces = [...source.matchAll(/[A-Za-z_]\w*|\d\w*|[^\s\w]|\s+/g)].map((match) => match[0])
  for (const [at, kind, text] of edits) {
    const index = at % pieces.length
    if (kind === 0) pieces.splice(index, 1)
    else if (kind === 1) pieces.splice(index, 0, text, ' ')
    else if (kind === 2) pieces[index] = text
    else pieces[index] = pieces[(index + 2) % pieces.length] ?? ''
  }
  return pieces.join('')
}

const edit = fc.tuple(fc.nat(), fc.nat(3), word)

for (const [name, source] of [
  ['the feature program', FEATURES],
  ['the v1model program', BASIC],
] as const) {
  test(`${name} with one to four changed tokens`, () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) =>
        assertCalm(compileText(mutate(source, edits))),
      ),
      { numRuns: 100 },
    )
  })
}

test('a program cut off anywhere', () => {
  fc.assert(
    fc.property(fc.nat(FEATURES.length), (end) => assertCalm(compileText(FEATURES.slice(0, end)))),
    { numRuns: 60 },
  )
})

test('long chains and deep nesting end in a diagnostic, not in a crash', () => {
  const chain = `const int a = ${'1 + '.repeat(30_000)}1;`
  assertCalm(compileText(chain))
  assertCalm(compileText(`control c() { apply { ${'{'.repeat(5000)} } }`))
  assertCalm(compileText(`control c() { apply { ${'if (true) '.repeat(5000)}; } }`))
  assertCalm(
    compileText(
      '#define A A1 A1\n' +
        Array.from({ length: 40 }, (_, i) => `#define A${i + 1} A${i + 2} A${i + 2}\n`).join('') +
        'A',
    ),
  )
})
