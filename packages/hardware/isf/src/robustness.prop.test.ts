import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  assembleProgram,
  checkSpecification,
  createInstructionSet,
  formatSpecification,
  parse,
  renderDiagnostics,
  type Diagnostic,
} from './index.ts'
import { randomSpecification } from './testing/random-specification.ts'

const PIECES = [
  'instruction',
  'class',
  'instruction_width',
  'timing:',
  'fields:',
  'assembly:',
  'examples:',
  'machine:',
  'width:',
  '{',
  '}',
  '<',
  '>',
  '[',
  ']',
  ':',
  ';',
  ',',
  '.',
  '=',
  '!',
  '?',
  '?!',
  '$',
  "'",
  "'a'",
  '///',
  '// c\n',
  '/// d\n',
  '\n',
  ' ',
  'x',
  'y',
  '0',
  '7',
  '0x',
  '0x1f',
  '128',
  '18446744073709551616',
  'cycle',
  'async',
  '_',
  '\u0000',
  '😀',
  '\r\n',
]

/** Every diagnostic lies in the text. */
function assertPlaced(diagnostics: readonly Diagnostic[], text: string): void {
  for (const { span } of diagnostics) assert.ok(span.start >= 0 && span.start <= span.end && span.start <= text.length)
  renderDiagnostics(diagnostics, 'x', text)
}

function exercise(text: string): void {
  assertPlaced(parse(text).diagnostics, text)
  formatSpecification(text)
  const { diagnostics, specification } = checkSpecification(text)
  assertPlaced(diagnostics, text)
  assert.equal(
    specification === undefined,
    diagnostics.some(({ severity }) => severity === 'error'),
  )
}

test('no text makes the parser, the checker or the formatter throw', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), exercise), { numRuns: 150 })
  const soup = fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join(''))
  fc.assert(fc.property(soup, exercise), { numRuns: 200 })
})

test('no damage to a specification makes them throw', () => {
  const damage = fc.tuple(
    fc.nat(200),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.nat(30),
    fc.constantFrom(...PIECES, ''),
  )
  fc.assert(
    fc.property(damage, ([seed, place, length, insert]) => {
      const text = randomSpecification(seed)
      const at = Math.floor(place * text.length)
      exercise(text.slice(0, at) + insert + text.slice(at + length))
    }),
    { numRuns: 150 },
  )
})

test('no program makes the assembler throw', () => {
  const { specification } = checkSpecification(randomSpecification(12))
  assert.ok(specification !== undefined)
  const set = createInstructionSet(specification)
  const words = [
    'op0',
    'op1',
    ' ',
    ',',
    '\n',
    ':',
    ';',
    '.org',
    '.word',
    '.equ',
    'a',
    '0x',
    '99999999999999999999',
    '0',
    'r',
    '#f0=',
    '@',
  ]
  const soup = fc.array(fc.constantFrom(...words), { maxLength: 50 }).map((pieces) => pieces.join(''))
  for (const arbitrary of [soup, fc.string({ unit: 'binary' })]) {
    fc.assert(
      fc.property(arbitrary, (text) => assertPlaced(assembleProgram(set, text).diagnostics, text)),
      { numRuns: 150 },
    )
  }
})
