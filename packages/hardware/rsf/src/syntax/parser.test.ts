import assert from 'node:assert/strict'
import test from 'node:test'
import { DiagnosticSink } from '../source/diagnostic.ts'
import { parse } from './parser.ts'
import type { RegisterItem } from './syntax-tree.ts'

function parsed(text: string): { readonly tree: ReturnType<typeof parse>; readonly problems: readonly string[] } {
  const sink = new DiagnosticSink()
  const tree = parse('a.rsf', text, sink)
  return { tree, problems: sink.diagnostics.map(({ code, range }) => `${code} ${range.line}:${range.column}`) }
}

function fieldsOf(text: string): RegisterItem['members'] {
  const { tree, problems } = parsed(`/// R.\nregister<32> R {\n${text}\n}\n`)
  assert.deepEqual(problems, [])
  // Because the text above declares one register.
  return (tree.items[0] as RegisterItem).members
}

test('reads all forms of a register', () => {
  const text = `/// One.
/// Two.
#[attr(bus = "a \\"quoted\\" \\\\ word")]
sram register<0b1000> R reset<0x0f> {
  /// A.
  a: ro bool @ 0
  /// B.
  b: wo b3 @ 1, /// C.
  c: reserved x::y::Z @ 0x4
}`
  const { tree, problems } = parsed(text)
  assert.deepEqual(problems, [])
  const register = tree.items[0] as RegisterItem
  assert.deepEqual(register.doc, [' One.', ' Two.'])
  assert.equal(register.attributes[0]?.value, 'a "quoted" \\ word')
  assert.equal(register.isSram, true)
  assert.equal(register.width.value, 8n)
  assert.deepEqual([register.reset?.value, register.reset?.text], [15n, '0x0f'])
  assert.deepEqual(
    register.members.map(({ name, mode, type }) => `${name.name} ${mode} ${type.kind}`),
    ['a ro bool', 'b wo bits', 'c reserved named'],
  )
})

test('takes words for keywords and built-in types only where they are whole', () => {
  const fields = fieldsOf(`
/// .
rotation: ro b8foo @ 0,
/// .
reset: rw boolean @ 1,
/// .
reserved: reserved b0x10 @ 2,
/// .
register: wo robust @ 3`)
  assert.deepEqual(
    fields.map(({ name, mode, type }) => `${name.name} ${mode} ${type.kind}`),
    ['rotation ro named', 'reset rw named', 'reserved reserved bits', 'register wo named'],
  )
})

test('says where a mistake is and reads on', () => {
  const text = `/// R.
register<32> R {
  /// Bad.
  a: rx b3 @ 0,
  /// Good.
  b: rw b3 @ 4,
  c: rw b3 @ 8,
}
/// Nothing to see.
registre<32> S { }
/// E.
enum<2> E {
  /// A.
  A = 0
  /// B.
  B = 1
}`
  const { tree, problems } = parsed(text)
  assert.deepEqual(problems, ['RSF2004 4:6', 'RSF2002 7:3', 'RSF2004 10:1', 'RSF2004 15:3'])
  assert.deepEqual(
    tree.items.map((item) => item.kind),
    ['register', 'enum'],
  )
  assert.equal((tree.items[0] as RegisterItem).members.length, 2)
})

test('a missing closing brace costs one message', () => {
  const { tree, problems } = parsed(
    '/// A.\nblock A {\n/// r\nr: R @ 0,\n\n/// R.\nregister<8> R {\n/// f\nf: rw bool @ 0\n}\n',
  )
  assert.deepEqual(problems, ['RSF2004 6:1'])
  assert.equal(tree.items.length, 2)
})

test('numbers above 128 bits, half numbers and unclosed strings are diagnostics', () => {
  const big = '3'.repeat(100_000)
  assert.deepEqual(parsed(`/// R.\nregister<${big}> R { }`).problems, ['RSF1003 2:10'])
  assert.deepEqual(parsed(`/// R.\nregister<0x1${'0'.repeat(32)}> R { }`).problems, ['RSF1003 2:10'])
  assert.deepEqual(parsed(`/// R.\nregister<0b12> R { }`).problems, ['RSF1002 2:10'])
  assert.deepEqual(parsed(`/// R.\n#[attr(a = "b)]\nregister<8> R { }`).problems[0], 'RSF1004 2:12')
  assert.deepEqual(parsed(`/// R.\nregister<8> R { } $$`).problems, ['RSF1001 2:19'])
  assert.deepEqual(parsed(`// nothing\n`).problems, ['RSF2001 2:1'])
})

test('documentation and attributes stand where they may', () => {
  assert.deepEqual(parsed('/// U.\nuse a;').problems, ['RSF2003 2:1'])
  assert.deepEqual(parsed('/// E.\nenum<1> E {\n/// A.\n#[attr(a = "b")]\nA = 0\n}').problems, ['RSF2003 4:1'])
  assert.deepEqual(parsed('/// E.\nenum<1> E { }').problems, ['RSF2005 2:9'])
})
