import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { compile } from './compile.ts'
import { renderDiagnostics } from './source/render.ts'
import { CARD, problemsOf, specificationOf } from './specification.fixture.ts'

/** A block Main with one register of these fields. */
const register = (head: string, ...fields: readonly string[]): string =>
  `/// M.\nblock Main {\n/// r\nr: R @ 0\n}\n/// R.\n${head} {\n${fields.map((field) => `/// f\n${field}\n`).join('')}}\n`

/** A block Main with these elements, and registers of 8, 16 and 32 bits. */
const block = (...elements: readonly string[]): string =>
  `/// M.\nblock Main {\n${elements.map((element) => `/// e\n${element}\n`).join('')}}\n${WORDS}`
const WORDS = [8, 16, 32]
  .map((width) => `/// R.\nregister<${width}> R${width} {\n/// v\nv: rw b${width} @ 0\n}\n`)
  .join('')

test('the fixture has no problems and its blocks stand after what they hold', () => {
  assert.deepEqual(problemsOf(CARD), [])
  assert.deepEqual(
    specificationOf(CARD).blocks.map(({ name }) => name),
    ['Clock', 'Port', 'Main'],
  )
})

test('modules of one name in different folders are two modules', () => {
  const { enums } = specificationOf(CARD)
  const modes = enums.filter(({ name }) => name === 'Mode')
  assert.deepEqual(
    modes.map(({ module, width }) => `${module.join('/')} ${width}`),
    ['optics/channel 1', 'clock/channel 2'],
  )
})

test('a field past the end of its register is an error', () => {
  assert.deepEqual(problemsOf(register('register<8> R', 'a: rw b4 @ 5')), ['RSF4001 9:12'])
  assert.deepEqual(problemsOf(register('register<8> R', 'a: rw b4 @ 4')), [])
  assert.deepEqual(problemsOf(register('register<8> R', `a: ro bool @ ${(1n << 128n) - 1n}`)), ['RSF4001 9:14'])
})

test('fields that overlap are an error, also below a field in between', () => {
  assert.deepEqual(problemsOf(register('register<16> R', 'a: rw b4 @ 0', 'b: rw b2 @ 3')), ['RSF4002 11:1'])
  assert.deepEqual(problemsOf(register('register<16> R', 'a: rw b9 @ 0', 'b: reserved b1 @ 2', 'c: ro b1 @ 8')), [
    'RSF4002 11:1',
    'RSF4002 13:1',
  ])
})

test('enum values that are too wide or declared twice are errors', () => {
  const text = `/// E.\nenum<2> E {\n/// a\nA = 0b100,\n/// b\nB = 1,\n/// c\nC = 0x1,\n/// d\nA = 3,\n}\n`
  assert.deepEqual(problemsOf(text, { isLibrary: true }), ['RSF3004 10:1', 'RSF4003 4:5', 'RSF4004 8:5'])
})

test('widths are checked: of enums, of fields, of registers', () => {
  assert.deepEqual(problemsOf('/// E.\nenum<33> E {\n/// a\nA = 0\n}', { isLibrary: true }), ['RSF4005 2:6'])
  assert.deepEqual(problemsOf('/// E.\nenum<0> E {\n/// a\nA = 0\n}', { isLibrary: true }), ['RSF4005 2:6'])
  assert.deepEqual(problemsOf(register('register<32> R', 'a: rw b0 @ 0')), ['RSF4005 9:7'])
  assert.deepEqual(problemsOf(register('register<0> R')), ['RSF4005 7:10'])
  assert.deepEqual(problemsOf(register('register<12> R')), ['RSF4006 7:10'])
  assert.deepEqual(problemsOf(register(`register<${'9'.repeat(38)}> R`)), ['RSF4005 7:10'])
})

test('a reset value fits, whatever the width', () => {
  assert.deepEqual(problemsOf(register('register<8> R reset<0x100>')), ['RSF4007 7:21'])
  const wide = specificationOf(register(`register<128> R reset<0x${'f'.repeat(32)}>`, 'a: rw b128 @ 0'))
  assert.equal(wide.registers[0]?.reset, (1n << 128n) - 1n)
})

test('a reset value that an enum field does not declare is a warning', () => {
  const text = `${register('register<8> R reset<2>', 'a: rw E @ 0')}/// E.\nenum<2> E {\n/// a\nA = 0\n}\n`
  assert.deepEqual(problemsOf(text), ['RSF4008 7:21'])
  assert.notEqual(specificationOf(text).main, undefined)
})

test('elements that overlap are an error; arrays that interleave are not', () => {
  assert.deepEqual(problemsOf(block('a: R32 @ 0', 'b: R8 @ 3')), ['RSF4014 6:1'])
  assert.deepEqual(problemsOf(block('a: R32[4; 8] @ 0', 'b: R32[4; 8] @ 4')), [])
  assert.deepEqual(problemsOf(block('a: R32[4; 8] @ 0', 'b: R16[4; 8] @ 2')), ['RSF4014 6:1'])
  assert.deepEqual(problemsOf(block('a: R32[4; 8] @ 0', 'b: R32 @ 28')), [])
  assert.deepEqual(problemsOf(block('a: R32[4; 8] @ 0', 'b: R32 @ 24')), ['RSF4014 6:1'])
})

test('a stride covers an element and an array has elements', () => {
  assert.deepEqual(problemsOf(block('a: R32[4; 3] @ 0')), ['RSF4009 4:11'])
  assert.deepEqual(problemsOf(block('a: R32[0; 4] @ 0')), ['RSF4010 4:8'])
})

test('addresses end below 2^53, and a few lines cannot ask for millions of registers', () => {
  assert.deepEqual(problemsOf(block('a: R32 @ 0x1ffffffffffffc')), ['RSF4011 4:10'])
  assert.deepEqual(problemsOf(block(`a: R32 @ ${(1n << 128n) - 1n}`)), ['RSF4011 4:10'])
  assert.deepEqual(problemsOf(block('a: R32[2; 0x20000000000000] @ 0')), ['RSF4011 4:11'])
  assert.deepEqual(problemsOf(block('a: R32[0x100001; 4] @ 0')), ['RSF4012 4:8'])
  const nested = `${block('a: B[0x1000; 0x10000] @ 0')}/// B.\nblock B {\n/// e\nr: R32[0x1000; 4] @ 0\n}\n`
  assert.deepEqual(problemsOf(nested), ['RSF4012 2:7'])
})

test('a register away from its alignment is a warning', () => {
  assert.deepEqual(problemsOf(block('a: R32 @ 2', 'b: R16[2; 3] @ 8', 'c: R8 @ 7')), ['RSF4013 4:10', 'RSF4013 6:16'])
})

test('blocks that hold each other are an error that names the way round', () => {
  const text = `/// M.\nblock Main {\n/// a\na: A @ 0\n}\n/// A.\nblock A {\n/// b\nb: B @ 0\n}\n/// B.\nblock B {\n/// a\na: A @ 0\n}\n`
  const { diagnostics } = compile('main.rsf', () => text)
  assert.deepEqual(
    diagnostics.map(({ message }) => message),
    ['blocks hold each other in a cycle: A -> B -> A'],
  )
})

test('names are declared once and exist', () => {
  assert.deepEqual(problemsOf(register('register<8> R', 'a: rw b1 @ 0', 'a: rw b1 @ 1')), ['RSF3004 11:1'])
  assert.deepEqual(problemsOf(block('a: R8 @ 0', 'a: R8 @ 1')), ['RSF3004 6:1'])
  assert.deepEqual(problemsOf(block('a: R8 @ 0') + WORDS.slice(0, WORDS.indexOf('}') + 2)), ['RSF3004 22:13'])
  assert.deepEqual(problemsOf(block('a: Nothing @ 0', 'b: no::Where @ 4')), ['RSF3006 4:4', 'RSF3005 6:4'])
  assert.deepEqual(problemsOf(register('register<8> R', 'a: rw R @ 0')), ['RSF3007 9:7'])
  assert.deepEqual(problemsOf(`${block('a: E @ 0')}/// E.\nenum<1> E {\n/// a\nA = 0\n}\n`), ['RSF3007 4:4'])
  assert.deepEqual(problemsOf('/// b8\nregister<8> b8 {\n}\n', { isLibrary: true }), ['RSF3011 2:13'])
})

test('a root file has a Main; a library needs none', () => {
  assert.deepEqual(problemsOf(WORDS), ['RSF3010 1:1'])
  assert.deepEqual(problemsOf(WORDS, { isLibrary: true }), [])
})

test('uses: missing files, loops in their order, two of one name, none used', () => {
  const library = { isLibrary: true }
  assert.deepEqual(problemsOf({ 'main.rsf': `use a::b;\n${WORDS}` }, library), ['RSF3001 1:5'])
  const { diagnostics } = compile(
    'main.rsf',
    (path) => ({ 'main.rsf': 'use z;', 'z.rsf': 'use b;', 'b.rsf': 'use z;' })[path],
    library,
  )
  assert.deepEqual(diagnostics.map(({ code, message }) => `${code} ${message}`).slice(0, 1), [
    'RSF3002 files use each other in a loop: z.rsf -> b.rsf -> z.rsf',
  ])
  const two = { 'main.rsf': `use a::c;\nuse b::c;\n${WORDS}`, 'a/c.rsf': WORDS, 'b/c.rsf': WORDS }
  assert.deepEqual(problemsOf(two, library), ['RSF3003 2:5', 'RSF3012 1:5'])
  assert.deepEqual(problemsOf({}), ['RSF3001 1:1'])
})

test('access attributes are known ones and fit the mode', () => {
  const access = (value: string, mode: string): readonly string[] =>
    problemsOf(register('register<8> R', `#[attr(access = "${value}")]\na: ${mode} bool @ 0`))
  assert.deepEqual(access('w1c', 'rw'), [])
  assert.deepEqual(access('w2c', 'rw'), ['RSF5001 9:1'])
  assert.deepEqual(access('constructor', 'rw'), ['RSF5001 9:1'])
  assert.deepEqual(access('w1c', 'ro'), ['RSF5002 9:1'])
  assert.deepEqual(access('pulse', 'wo'), [])
  assert.deepEqual(access('rc', 'wo'), ['RSF5002 9:1'])
})

test('sram registers stand in sram blocks', () => {
  assert.deepEqual(problemsOf(register('sram register<8> R')), ['RSF4015 4:4'])
  assert.deepEqual(problemsOf(block('a: R8 @ 0').replace('block', 'sram block')), ['RSF4015 4:4'])
})

test('a diagnostic shows the line and what it refers to', () => {
  const text = register('register<16> R', 'a: rw b4 @ 0', 'bad: rw b2 @ 3')
  const { diagnostics } = compile('main.rsf', () => text)
  assert.equal(
    renderDiagnostics(diagnostics, () => text),
    `main.rsf:11:1: error RSF4002: field bad (bits 4:3) overlaps a
 11 | bad: rw b2 @ 3
    | ^^^
  main.rsf:9:1: note: a has bits 3:0
 9 | a: rw b4 @ 0
   | ^`,
  )
})

test('no change of a few characters makes the checker throw', () => {
  const text = Object.values(CARD).join('\n')
  const pieces = [
    '0',
    '99999999999999999999',
    '0x',
    ';',
    '{',
    '}',
    '@',
    'Main',
    'use main;',
    '[0; 0]',
    'Port',
    '///\n',
    '::',
  ]
  const edit = fc.tuple(fc.nat(text.length), fc.nat(12), fc.constantFrom(...pieces))
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let edited = text
      for (const [at, length, piece] of edits) edited = edited.slice(0, at) + piece + edited.slice(at + length)
      const { specification, diagnostics } = compile('main.rsf', (path) => (path === 'main.rsf' ? edited : CARD[path]))
      assert.equal(
        specification === undefined,
        diagnostics.some(({ severity }) => severity === 'error'),
      )
    }),
    { numRuns: 500 },
  )
})
