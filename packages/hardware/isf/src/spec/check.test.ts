import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSpecification, renderDiagnostics } from '../index.ts'

interface Parts {
  readonly head?: string
  readonly fields?: string
  readonly assembly?: string
  readonly machine?: string
  readonly more?: string
}

/** A correct instruction of 16 bits, with parts replaced. */
function specification(parts: Parts = {}): string {
  return `instruction_width = 16;
/// Register.
class Reg { width: 3 }
/// One.
instruction One${parts.head ?? ''} {
  fields:
    ${parts.fields ?? '/// A.\n a: Reg,\n /// B.\n b: 4'}
  assembly:
    ${parts.assembly ?? "'one' 'r'a, b;"}
  machine:
    ${parts.machine ?? 'op: 4 = 1, a, b, _: 5'}
}
${parts.more ?? ''}`
}

/** Each diagnostic as its code and the text it marks. */
function marks(parts: Parts): string[] {
  const text = specification(parts)
  return checkSpecification(text).diagnostics.map(({ code, span }) => `${code} ${text.slice(span.start, span.end)}`)
}

test('the specification that the others vary is right', () => {
  assert.deepEqual(marks({}), [])
})

test('widths must add up to instruction_width', () => {
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b, _: 6' }), ['ISF4008 One'])
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b' }), ['ISF4008 One'])
})

test('every bit of every field is placed exactly once', () => {
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, _: 9' }), ['ISF4002 b'])
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b[0:1], b[3:3], _: 6' }), ['ISF4002 b'])
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b, b, _: 1' }), ['ISF4003 b'])
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b[0:2], b[2:3], _: 4' }), ['ISF4003 b[2:3]'])
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b[0:4], _: 4' }), ['ISF4005 b[0:4]'])
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b[2:1], b, _: 3' }), ['ISF4005 b[2:1]'])
})

test('constants must fit, and a field cannot be given a width in the layout', () => {
  assert.deepEqual(marks({ machine: 'op: 4 = 16, a, b, _: 5' }), ['ISF4004 16'])
  assert.deepEqual(marks({ machine: 'op: 4 = 1, a, b: 4, _: 5' }), ['ISF4006 b: 4'])
  assert.deepEqual(marks({ fields: '/// A.\n a: Reg,\n /// B.\n b: 129' }), ['ISF4001 129'])
})

test('undefined names are reported with the name that was meant', () => {
  const text = specification({ machine: 'op: 4 = 1, a, bb, _: 5', assembly: "'one' 'r'a, c;" })
  const shown = renderDiagnostics(checkSpecification(text).diagnostics, 'x.isf', text)
  assert.match(shown, /machine: 'One' has no field 'bb'; did you mean 'b'\?/)
  assert.match(shown, /assembly: 'One' has no field 'c'/)
  assert.deepEqual(marks({ fields: '/// A.\n a: Rge,\n /// B.\n b: 4' }), ['ISF3001 Rge'])
  assert.deepEqual(marks({ head: ": Bse<'x'>" }), ['ISF3001 Bse'])
})

test('names are declared once', () => {
  assert.deepEqual(marks({ fields: '/// A.\n a: Reg,\n /// B.\n b: 4,\n /// B.\n b: 4' }), ['ISF3002 b'])
  const second = "/// One.\ninstruction One { assembly: 'x'; machine: op: 16 = 2 }"
  assert.deepEqual(marks({ more: second }), ['ISF3002 One'])
})

const GENERIC = `/// G.
instruction G<name, op> { assembly: $name; machine: op: 16 = $op }
`

test('a generic instruction gets as many arguments as it has parameters, of the right kind', () => {
  const make = (args: string): string[] => marks({ more: `${GENERIC}/// X.\ninstruction X: G<${args}> { }` })
  assert.deepEqual(make("'x', 2"), [])
  assert.deepEqual(make("'x'"), ["ISF3005 G<'x'>"])
  assert.deepEqual(make("'x', 2, 3"), ["ISF3005 G<'x', 2, 3>"])
  assert.deepEqual(make("'x', 'y'"), ["ISF3006 'y'"])
  assert.deepEqual(make("'x', 65536"), ['ISF4004 65536'])
  assert.deepEqual(marks({ more: GENERIC }), ['ISF3008 G'])
  assert.deepEqual(marks({ head: '<p>' }), ['ISF3009 p', 'ISF3008 One'])
})

test('an instruction made from itself is reported, not followed', () => {
  const loop = '/// A.\ninstruction A<x>: B<1> { }\n/// B.\ninstruction B<x>: A<1> { }\n/// C.\ninstruction C: A<1> { }'
  assert.ok(marks({ more: loop }).includes('ISF3004 A'))
})

test('a word that two instructions have is shown', () => {
  const text = specification({ more: "/// Two.\ninstruction Two { assembly: 'two'; machine: _: 4, x: 12 = 0 }" })
  const [diagnostic] = checkSpecification(text).diagnostics
  assert.deepEqual([diagnostic?.code, diagnostic?.message], ['ISF4009', "0x0001 is both 'One' and 'Two'"])
})

test('a line that two instructions have is shown, and the shortest', () => {
  const two = (syntax: string): string =>
    specification({
      more: `/// Two.\ninstruction Two { fields:\n/// V.\nv: 8\n assembly: ${syntax}; machine: op: 8 = 2, v }`,
    })
  const message = (syntax: string): string | undefined => checkSpecification(two(syntax)).diagnostics[0]?.message
  assert.equal(message("'one' 'r'v, '0'"), "'one r0,0' is both 'One' and 'Two'")
  assert.equal(message("'one' 'r'v"), undefined)
  // A blank is needed between words, so these differ.
  assert.equal(message("'oner' v"), undefined)
})

test('one instruction cannot be read in two ways', () => {
  const fields = '/// A.\n a: Reg,\n /// B.\n b: 4'
  assert.deepEqual(marks({ fields, assembly: "'one' [a] [b];", machine: 'op: 4 = 1, a, b, a?, b?, _: 3' }), [
    'ISF5009 One',
  ])
  assert.deepEqual(marks({ fields, assembly: "'one' [a] b;", machine: 'op: 4 = 1, a, b, a?, _: 4' }), [])
})

test('assembly syntax: every field once, flags of one bit, numbers that end', () => {
  assert.deepEqual(marks({ assembly: "'one' 'r'a, a, b;" }), ['ISF5003 a'])
  assert.deepEqual(marks({ assembly: "'one' 'r'a;" }), ['ISF5004 b'])
  assert.deepEqual(marks({ assembly: "'one'['.b' = b] a;" }), ["ISF5001 ['.b' = b]"])
  assert.deepEqual(marks({ assembly: "'one' a'0' b;" }), ['ISF5008 a'])
  assert.deepEqual(marks({ assembly: "'one' a [b];" }), ['ISF5005 [b]'])
  assert.deepEqual(marks({ assembly: "'one' a b;", machine: 'op: 4 = 1, a, b, b?, _: 4' }), ['ISF5010 b'])
  assert.deepEqual(marks({ assembly: "'' a b;" }), ["ISF5006 ''"])
  assert.deepEqual(marks({ assembly: "'one//' a b;" }), ["ISF5007 'one//'"])
})

test('examples run both ways, and one that fails is located', () => {
  const make = (example: string): string[] => marks({ assembly: `'one' 'r'a, b; examples:\n/// E.\n${example};` })
  assert.deepEqual(make('one r7, 0xf'), [])
  assert.deepEqual(make('one   r7,15'), [])
  assert.deepEqual(make('one r8, 1'), ['ISF6001 8'])
  assert.deepEqual(make('one r1, 16'), ['ISF6001 16'])
  assert.deepEqual(make('two r1, 1'), ['ISF6001 two'])
  assert.deepEqual(make('one r1 1'), ['ISF6001 1'])
})

test('a file without instruction_width, or with a strange one, is reported', () => {
  const codes = (text: string): string[] => checkSpecification(text).diagnostics.map(({ code }) => code)
  assert.deepEqual(codes(''), ['ISF3003'])
  assert.deepEqual(codes('instruction_width = 0;'), ['ISF4001'])
  assert.deepEqual(codes('instruction_width = 129;'), ['ISF4001'])
  assert.deepEqual(codes('instruction_width = 128;'), [])
  assert.deepEqual(codes('instruction_with = 32;'), ['ISF3001', 'ISF3003'])
})
