/** The compiler never throws: token soup, mutated programs, and truncation at any place give diagnostics. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { verifyProgram } from './lower/verify-program.ts'
import { OPERATORS, KEYWORDS } from './syntax/token.ts'
import { checkText, compileText } from './testing/compile-text.test.ts'
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
  result.p4info?.()
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
    fc.property(fc.array(word, { maxLength: 60 }), (words) => assertCalm(compileText(words.join(' '), { lint: true }))),
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
        assertCalm(compileText(mutate(source, edits), { lint: true })),
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

/** Inputs that are meant to exhaust a compiler; each must end in an error of the program, not of the compiler. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a sum of 30000 terms': `const int a = ${'1 + '.repeat(30_000)}1;`,
  'a path of 30000 members': `control c() { apply { a${'.b'.repeat(30_000)} = 1; } }`,
  '10000 opening parentheses': `const int a = ${'('.repeat(10_000)}1;`,
  '10000 balanced parentheses': `const int a = ${'('.repeat(10_000)}1${')'.repeat(10_000)};`,
  '10000 signs': `const int a = ${'-'.repeat(10_000)}1;`,
  '10000 casts': `const int a = ${'(bit<8>)'.repeat(10_000)}1;`,
  '10000 conditionals': `const int a = ${'true ? '.repeat(10_000)}1;`,
  '10000 blocks': `control c() { apply { ${'{'.repeat(10_000)} ${'}'.repeat(10_000)} } }`,
  '10000 ifs': `control c() { apply { ${'if (true) '.repeat(10_000)}; } }`,
  '10000 elses': `control c() { apply { ${'if (true) ; else '.repeat(10_000)}; } }`,
  '10000 lists': `const int a = ${'{'.repeat(10_000)}1${'}'.repeat(10_000)};`,
  '10000 type arguments': `const ${'tuple<'.repeat(10_000)}bit${'>'.repeat(10_000)} a = 1;`,
  '10000 stack dimensions': `struct s { bit${'[1]'.repeat(10_000)} a; }`,
  '10000 brackets in an annotation': `@x(${'('.repeat(10_000)}${')'.repeat(10_000)}) const bit<8> a = b;`,
  'a width of a million digits': `const bit<${'9'.repeat(1_000_000)}> a = 1;`,
  'a huge literal width': 'const bit<8> a = 99999999999999999999w1;',
  'a huge shift': 'const int a = 1 << 1 << 1000000000000;',
  'a token of a megabyte': `const bit<8> a = ${'x'.repeat(1_000_000)};`,
  'a string of a megabyte': `const bit<8> a = "${'x'.repeat(1_000_000)}";`,
  'a string that never ends': 'const bit<8> a = "',
  'a comment that never ends': 'const bit<8> a = b; /*',
  'a directive that never ends': '#if (((((',
  'an include of itself': '#include "test.p4"',
  'macros that double forty times': `#define A0 A1 A1\n${Array.from({ length: 40 }, (_, i) => `#define A${i + 1} A${i + 2} A${i + 2}\n`).join('')}A0`,
  'macros that nest 5000 deep': `${Array.from({ length: 5000 }, (_, i) => `#define B${i} B${i + 1}\n`).join('')}B0`,
  'calls of a macro in itself': '#define F(x) F(x F(x) F(x))\nF(F(F(F(F(F(F(F(1))))))))',
  'ten thousand conditionals': '#if 1\n'.repeat(10_000),
  'only control characters': '\u0000\u0001\u001b\ufffe'.repeat(1000),
  'surrogates that do not pair': 'const bit<8> \ud800 = \udfff;',
  'a struct within itself': 'struct s { s a; }',
  'types that alias each other': 'typedef a_t b_t; typedef b_t a_t;',
  'a constant that is itself': 'const bit<8> a = a;',
  'controls that apply each other': 'control a() { apply { b.apply(); } } control b() { apply { a.apply(); } }',
  'structs that double thirty times': `struct s0 { bit<8> a; }${Array.from({ length: 30 }, (_, i) => `struct s${i + 1} { s${i} a; s${i} b; }`).join('')} const bit<8> x = y;`,
  'a stack of four billion': 'header h { bit<8> a; } struct s { h[4294967296] a; }',
}

for (const [name, text] of Object.entries(HOSTILE)) {
  test(`${name}: ends in an error, soon`, () => {
    const before = process.cpuUsage()
    const result = checkText(text)
    const { user } = process.cpuUsage(before)
    assertCalm(result)
    assert.ok(result.diagnostics.some((diagnostic) => diagnostic.severity === 'error'))
    assert.equal(result.diagnostics.find((diagnostic) => diagnostic.code === 'P4C9001')?.message, undefined)
    // Far above what any of them takes (the longest a second) on any machine, far below what a doubling would.
    assert.ok(user < 60_000_000, `${user} microseconds`)
  })
}

test('limits have codes of their own', () => {
  const codeOf = (name: string): string | undefined => checkText(HOSTILE[name] ?? '').diagnostics[0]?.code
  assert.equal(codeOf('10000 opening parentheses'), 'P4C2003')
  assert.equal(codeOf('macros that nest 5000 deep'), 'P4C1016')
})

test('bytes put at random places of a program', () => {
  const byte = fc.tuple(fc.nat(BASIC.length), fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }))
  fc.assert(
    fc.property(fc.array(byte, { minLength: 1, maxLength: 5 }), (bytes) => {
      let text = BASIC
      for (const [at, added] of bytes) text = text.slice(0, at) + added + text.slice(at + 1)
      assertCalm(compileText(text, { lint: true }))
    }),
    { numRuns: 60 },
  )
})

test('a mistake within the compiler becomes a diagnostic that says how to report it', () => {
  const { diagnostics } = checkText('', {
    readFile: () => {
      throw new Error('the disk is on fire')
    },
  })
  const [internal] = diagnostics
  assert.equal(internal?.code, 'P4C9002')
  assert.match(internal?.message ?? '', /the disk is on fire/)
  assert.match(internal?.notes.map((note) => note.message).join(' ') ?? '', /please report it/)
})
