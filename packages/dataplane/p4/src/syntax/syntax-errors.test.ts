/** Each syntax error and preprocessor error at its own line, and the fixes that some of them offer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertMarked, checkText } from '../testing/compile-text.test.ts'
import type { Diagnostic } from '../source/diagnostic.ts'

test('syntax errors are at the token that is wrong', () => {
  assertMarked(`
    const bit<8> table = 1;                      //! P4C2002
    control c(inout bit<8> x) {
      apply { x + 1;                             //! P4C2005
      }
      apply { }                                  //! P4C2006
    }
    action hollow() {#}                          //! P4C2004
    control empty() { }                          //! P4C2007
    const bit<8> odd = 8 \` 2;                    //! P4C1003 P4C2001
  `)
})

test('declarations come before the apply block and before the states', () => {
  assertMarked(`
    parser p() {
      bit<8> early = 1;
      state start { transition accept; }
      bit<8> late = 1;                           //! P4C2001
    }
    control c() {
      bit<8> early = 1;
      apply { }
      bit<8> late = 1;                           //! P4C2001
    }
  `)
})

test('preprocessor errors are at their directive', () => {
  assertMarked(`
#include nothing                                 //! P4C1012
#define                                          //! P4C1007
#define F(a                                      //! P4C1010
#line soon                                       //! P4C1009
#frobnicate                                      //! P4C1008
#if 1 +                                          //! P4C1011
#endif
#endif                                           //! P4C1006
#define TWO(a, b) a
const bit<8> x = TWO(1);                         //! P4C1015 P4C2001
  `)
})

test('a file that cannot be read is an error, not an exception', () => {
  const { diagnostics } = checkText('', { fileName: 'absent.p4', readFile: () => undefined })
  assert.deepEqual(
    diagnostics.map((diagnostic) => diagnostic.code),
    ['P4C1001'],
  )
})

/** The program after the fix of its only diagnostic. */
function repaired(text: string): string {
  const { diagnostics } = checkText(text)
  assert.equal(diagnostics.length, 1, diagnostics.map((diagnostic) => diagnostic.message).join('\n'))
  const fix = diagnostics[0]?.fix
  assert.ok(fix !== undefined, `no fix for: ${diagnostics[0]?.message}`)
  return apply(text, fix)
}

function apply(text: string, { range, text: added }: NonNullable<Diagnostic['fix']>): string {
  const lines = text.split('\n')
  assert.equal(range.line, range.endLine)
  const line = lines[range.line - 1] ?? ''
  lines[range.line - 1] = line.slice(0, range.column - 1) + added + line.slice(range.endColumn - 1)
  return lines.join('\n')
}

for (const [what, wrong, right] of [
  ['a missing semicolon', 'const bit<8> a = 1\n', 'const bit<8> a = 1;\n'],
  ['a missing parenthesis', 'const bit<8> a = (1;\n', 'const bit<8> a = (1);\n'],
  [
    'a misspelt name',
    'const bit<8> width = 1; const bit<8> b = widht;',
    'const bit<8> width = 1; const bit<8> b = width;',
  ],
  [
    'a misspelt type',
    'struct point { bit<8> x; } struct s { piont p; }',
    'struct point { bit<8> x; } struct s { point p; }',
  ],
  [
    'a misspelt member',
    'struct s { bit<8> len; } control c(inout s v) { apply { v.lne = 1; } }',
    'struct s { bit<8> len; } control c(inout s v) { apply { v.len = 1; } }',
  ],
  ['a missing include', 'parser p(packet_in b);', '#include <core.p4>\nparser p(packet_in b);'],
  [
    'a missing cast',
    'control c(inout bit<8> a, in bit<16> b) { apply { a = b; } }',
    'control c(inout bit<8> a, in bit<16> b) { apply { a = (bit<8>) b; } }',
  ],
  [
    'a number as condition',
    'control c(inout bit<8> a) { apply { if (a) { a = 1; } } }',
    'control c(inout bit<8> a) { apply { if (a != 0) { a = 1; } } }',
  ],
  [
    'a misspelt argument name',
    'void f(in bit<8> size) { } control c() { apply { f(sise = 1); } }',
    'void f(in bit<8> size) { } control c() { apply { f(size = 1); } }',
  ],
] as const) {
  test(`the fix for ${what} makes the program right`, () => {
    const result = repaired(wrong)
    assert.equal(result, right)
    assert.deepEqual(checkText(result).diagnostics, [])
  })
}

test('an array of instances and comparisons within a width are read', () => {
  assertMarked(`
    const bit<2 + 2> a = 5;
    const bit<a < 3 ? 5 : 4> b = 6;
    const bit<(a > 3) ? 5 : 4> c = 6;
    extern T func<T>(in T arg);
    action act(bit<5> x) { func<bit<5>>(x); func<bit<b ^ 3>>(x); }
  `)
})
