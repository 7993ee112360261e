import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { DiagnosticSink } from '../source/diagnostic.ts'
import { startOf } from '../source/range.ts'
import { CARD } from '../specification.fixture.ts'
import { parse } from './parser.ts'
import { print } from './printer.ts'
import type { Item, Surroundings, SyntaxTree } from './syntax-tree.ts'

const range = startOf('a.rsf')
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).map((text) => ({ name: text, range }))
const typeName = name.filter(({ name: text }) => !/^(bool|b(0x[0-9a-fA-F]+|0b[01]+|[0-9]+))$/.test(text))
const number = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), fc.constantFrom('', '0x', '0b'), fc.nat(3))
  .map(([value, prefix, zeros]) => {
    const digits = value.toString(prefix === '0x' ? 16 : prefix === '0b' ? 2 : 10)
    return { value, text: `${prefix}${'0'.repeat(zeros)}${digits}`, range }
  })
const line = fc.stringMatching(/^[ -~äß…]{0,20}$/)
const doc = fc.array(line, { minLength: 1, maxLength: 3 })
const commentLine = line.map((text) => `//!${text}`.trimEnd())
const comments = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  fc.array(commentLine, { minLength: 1, maxLength: 2 }),
  fc.tuple(commentLine, commentLine).map(([a, b]) => [a, '', b, '']),
)
const trailing = fc.option(commentLine, { nil: undefined, freq: 3 })
const path = fc.array(typeName, { minLength: 1, maxLength: 3 }).map((segments) => ({ segments, range }))
const attributes = fc.array(fc.record({ name, value: line, range: fc.constant(range) }), { maxLength: 2 })
const closing = comments.map((all) => (all.at(-1) === '' ? all.slice(0, -1) : all))
const around = (canHaveBlank: boolean): fc.Arbitrary<Surroundings> =>
  fc.record({ comments, trailing, isAfterBlank: canHaveBlank ? fc.boolean() : fc.constant(false) })
const heading = { doc, attributes, range: fc.constant(range) }
const members = <T extends { readonly around: Surroundings }>(member: fc.Arbitrary<T>, minLength: number) =>
  fc
    .array(member, { minLength, maxLength: 4 })
    .map((all) => all.map((each, i) => (i > 0 ? each : { ...each, around: { ...each.around, isAfterBlank: false } })))

const type = fc.oneof(
  number.map((width) => ({ kind: 'bits' as const, width, range })),
  fc.constant({ kind: 'bool' as const, range }),
  path.map((each) => ({ kind: 'named' as const, path: each, range })),
)
const mode = fc.constantFrom('ro' as const, 'wo' as const, 'rw' as const, 'reserved' as const)
const array = fc.option(fc.record({ length: number, stride: number }), { nil: undefined })
const alternative = fc.record({ doc, name, value: number, range: fc.constant(range), around: around(true) })
const field = fc.record({ ...heading, name, mode, type, offset: number, around: around(true) })
const element = fc.record({ ...heading, name, type: path, array, offset: number, around: around(true) })
const body = { name: typeName, closing, around: around(false) }
const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ kind: fc.constant('use' as const), path, range: fc.constant(range), around: around(false) }),
  fc.record({
    kind: fc.constant('enum' as const),
    ...heading,
    width: number,
    ...body,
    members: members(alternative, 1),
  }),
  fc.record({
    kind: fc.constant('register' as const),
    ...heading,
    isSram: fc.boolean(),
    width: number,
    reset: fc.option(number, { nil: undefined }),
    ...body,
    members: members(field, 0),
  }),
  fc.record({
    kind: fc.constant('block' as const),
    ...heading,
    isSram: fc.boolean(),
    ...body,
    members: members(element, 0),
  }),
)

function withoutRanges(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRanges)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (key === 'range' ? [] : [[key, withoutRanges(each)]])),
  )
}

test('what is printed parses to the same tree', () => {
  const tree = fc.record({ file: fc.constant('a.rsf'), items: fc.array(item, { minLength: 1, maxLength: 5 }), closing })
  fc.assert(
    fc.property(tree, (before: SyntaxTree) => {
      const sink = new DiagnosticSink()
      const text = print(before)
      const after = parse('a.rsf', text, sink)
      assert.deepEqual(sink.diagnostics, [], text)
      assert.deepEqual(withoutRanges(after), withoutRanges(before), text)
      assert.equal(print(after), text)
    }),
    { numRuns: 200 },
  )
})

test('a canonical file prints byte for byte', () => {
  for (const [file, text] of Object.entries(CARD)) {
    const sink = new DiagnosticSink()
    assert.equal(print(parse(file, text, sink)), text)
    assert.equal(sink.errorCount, 0)
  }
})

test('no text makes the parser throw or lose its end', () => {
  const pieces = Object.values(CARD).flatMap((text) => text.match(/\S+|\s+/g) ?? [])
  const soup = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 })), { maxLength: 40 })
  fc.assert(
    fc.property(soup, (parts) => {
      const text = parts.join('')
      const sink = new DiagnosticSink()
      const tree = parse('a.rsf', text, sink)
      for (const { range: at } of sink.diagnostics) assert.ok(at.line >= 1 && at.column >= 1)
      if (sink.errorCount > 0) return
      const again = new DiagnosticSink()
      assert.deepEqual(withoutRanges(parse('a.rsf', print(tree), again)), withoutRanges(tree), text)
    }),
    { numRuns: 1000 },
  )
})
