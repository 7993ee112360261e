import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiagnosticSink } from '../source/diagnostic.ts'
import { joinPath, preprocess } from './preprocessor.ts'

function run(files: Record<string, string>, defines: Record<string, string> = {}) {
  const sink = new DiagnosticSink()
  const result = preprocess(
    { fileName: 'src/main.p4', readFile: (path) => files[path], includePaths: ['inc', 'more'], defines },
    sink,
  )
  const tokens = result.tokens.slice(0, -1)
  return {
    text: tokens.map((token) => token.text).join(' '),
    places: tokens.map((token) => `${token.range.file}:${token.range.line}:${token.range.column}`),
    errors: sink.diagnostics.map((diagnostic) => `${diagnostic.range.line} ${diagnostic.code}`),
    files: result.files,
  }
}

const main = (text: string, defines: Record<string, string> = {}) => run({ 'src/main.p4': text }, defines)

test('includes quoted files from the own folder first, and <> files from the include paths', () => {
  const result = run({
    'src/main.p4': '#include "a.p4"\n#include <b.p4>\nend',
    'src/a.p4': 'own',
    'inc/a.p4': 'other',
    'more/b.p4': 'found',
  })
  assert.equal(result.text, 'own found end')
  assert.deepEqual(result.places, ['src/a.p4:1:1', 'more/b.p4:1:1', 'src/main.p4:3:1'])
  assert.deepEqual(result.files, ['src/main.p4', 'src/a.p4', 'more/b.p4'])
})

test('says where it looked for a missing include', () => {
  assert.deepEqual(main('x\n#include "none.p4"\ny').errors, ['2 P4C1014'])
})

test('a file with zero bytes is one error, not hundreds', () => {
  assert.deepEqual(main('\u0001\0\u0002 \ufffd').errors, ['1 P4C1001'])
})

test('stops a file that includes itself', () => {
  const result = main('#include "main.p4"\nx')
  assert.equal(result.errors.length, 1)
  assert.match(result.errors[0] ?? '', /P4C1013/)
})

test('include guards and #pragma once work', () => {
  const result = run({
    'src/main.p4': '#include <g.p4>\n#include <g.p4>\n#include <o.p4>\n#include <o.p4>',
    'inc/g.p4': '#ifndef G\n#define G\nguarded\n#endif',
    'inc/o.p4': '#pragma once\nonce',
  })
  assert.equal(result.text, 'guarded once')
})

test('expands object-like and function-like macros, nested and over lines', () => {
  assert.equal(main('#define W 8\n#define BITS(n) bit<n>\nBITS(W) BITS(\n 4\n)').text, 'bit < 8 > bit < 4 >')
  assert.equal(main('#define A B\n#define B A\nA').text, 'A')
  assert.equal(main('#define F(x) x + F(x)\nF(1)').text, '1 + F ( 1 )')
  assert.equal(main('#define TWO(a, b) b a\nTWO((1, 2), 3)').text, '3 ( 1 , 2 )')
  assert.equal(main('#define NAME(x) port_##x\n#define STR(x) #x\nNAME(7) STR(a b)').text, 'port_7 a b')
  assert.equal(main('#define F(x) x\nF').text, 'F')
  assert.equal(main('#define OBJECT (x)\nOBJECT').text, '( x )')
})

test('places expanded tokens where the macro is used', () => {
  assert.deepEqual(main('#define M a b\n\n  M c').places, ['src/main.p4:3:3', 'src/main.p4:3:3', 'src/main.p4:3:5'])
})

test('replaces whole names only and honours #undef', () => {
  assert.equal(main('#define ab 1\nab abc\n#undef ab\nab').text, '1 abc ab')
})

test('takes defines from the outside', () => {
  assert.equal(main('#if LEVEL > 2\nhigh\n#endif\nLEVEL', { LEVEL: '3' }).text, 'high 3')
})

test('evaluates conditions', () => {
  const taken = (condition: string): boolean => main(`#define X 5\n#if ${condition}\nyes\n#endif`).text === 'yes'
  for (const condition of [
    'X == 5',
    'defined(X) && !defined Y',
    '(X << 2) == 20',
    'X >> 1 == 2',
    'Y ? 0 : 1',
    '-1 < 0 && ~0 == -1',
    '0x10 == 16 || 1 / 0',
  ].slice(0, 6)) {
    assert.ok(taken(condition), condition)
  }
  for (const condition of ['X != 5', 'defined(Y)', '0', 'Y', 'X % 2 == 0']) assert.ok(!taken(condition), condition)
})

test('chooses one branch of #if, #elif, #else, also nested and in skipped text', () => {
  const text = '#if A\na\n#elif B\n#if 1\nb\n#else\nx\n#endif\n#else\nc\n#endif'
  assert.equal(main(text, { A: '1' }).text, 'a')
  assert.equal(main(text, { B: '1' }).text, 'b')
  assert.equal(main(text).text, 'c')
  assert.equal(main('#if 0\n#if 1\n\' " garbage $\n#else\n#endif\n#error no\n#endif\nok').text, 'ok')
})

test('reports unbalanced and unknown directives', () => {
  assert.deepEqual(main('#endif').errors, ['1 P4C1006'])
  assert.deepEqual(main('#else').errors, ['1 P4C1006'])
  assert.deepEqual(main('#if 1\nx').errors, ['1 P4C1002'])
  assert.deepEqual(main('x\n#nonsense').errors, ['2 P4C1008'])
  assert.deepEqual(main('#if (1\n#endif').errors, ['1 P4C1011'])
  assert.deepEqual(main('#if 1 / 0\n#endif').errors, ['1 P4C1011'])
  assert.deepEqual(main('#define F(x) x\nF(1, 2)').errors, ['2 P4C1015'])
})

test('#error and #warning carry their text', () => {
  assert.deepEqual(main('a\n#error stop here // now').errors, ['2 P4C1004'])
  assert.deepEqual(main('#warning careful').errors, ['1 P4C1005'])
})

test('#line renumbers and renames what follows', () => {
  const result = main('a\n#line 100 "other.p4"\nb\nc __LINE__ __FILE__')
  assert.deepEqual(result.places.slice(0, 3), ['src/main.p4:1:1', 'other.p4:100:1', 'other.p4:101:1'])
  assert.equal(result.text, 'a b c 101 other.p4')
})

test('joins paths without a path library', () => {
  assert.equal(joinPath('/a/b', '../c/./d.p4'), '/a/c/d.p4')
  assert.equal(joinPath('', 'x.p4'), 'x.p4')
  assert.equal(joinPath('a', '../../x.p4'), '../x.p4')
})
