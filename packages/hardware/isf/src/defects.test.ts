/** One test for each known defect of the first implementation of the format, and for its published vectors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assembleProgram,
  checkSpecification,
  createInstructionSet,
  disassembleWord,
  renderMarkdown,
  runExamples,
  type InstructionSet,
  type InstructionValue,
  type Word,
} from './index.ts'

function setOf(text: string): InstructionSet<InstructionValue> {
  const { specification, diagnostics } = checkSpecification(text)
  assert.ok(specification !== undefined, diagnostics.map((diagnostic) => diagnostic.message).join('\n'))
  return createInstructionSet(specification)
}

function assembled(set: InstructionSet<InstructionValue>, line: string): Word | undefined {
  const { words, diagnostics } = assembleProgram(set, line)
  assert.deepEqual(diagnostics, [])
  return words[0]
}

function codes(text: string): string[] {
  return checkSpecification(text).diagnostics.map((diagnostic) => diagnostic.code)
}

const ADD_FIELDS = `  fields:
    /// The register written.
    dst: 5,
    /// The first register read.
    src1: 5,
    /// The second register read.
    src2: 5,
    /// Sign-extend.
    sign_extend: 1`

const ADD = `instruction_width = 32;
/// Addition.
instruction Add {
${ADD_FIELDS}
  assembly: 'add'['.sx' = sign_extend] 'r'dst 'r'src1 'r'src2;
  machine: opcode: 7 = 2, sign_extend!, dst, _: 3, src1, _: 3, src2, _: 3
}`

test('vector: a three-register addition with a flag that is stored inverted', () => {
  const set = setOf(ADD)
  const word = 0b00000101_00000100_00000011_10000010
  const value = { kind: 'Add', dst: 3, src1: 4, src2: 5, sign_extend: false }
  assert.deepEqual(set.decode(word), value)
  assert.equal(set.encode(value), word)
  assert.equal(disassembleWord(set, word), 'add r3 r4 r5')
  assert.equal(assembled(set, 'add r3 r4 r5'), word)
  assert.equal(assembled(set, 'add.sx r3 r4 r5'), word & ~0x80)
})

function binop(width: number, rest: string): string {
  return `instruction_width = ${width};
/// Two registers.
instruction BinOp<name, opcode> {
  timing: async
${ADD_FIELDS}
  assembly:
    $name['.sx' = sign_extend]
    'r'dst 'r'src1 'r'src2;
  machine: opcode: 7 = $opcode, sign_extend, dst, _: 3, src1, _: 3, src2, _: 3${rest}
}
/// Addition.
instruction Add: BinOp<'add', 2> { }
/// Subtraction.
instruction Sub: BinOp<'sub', 3> { timing: 47 cycle }
`
}

test('vector: two instructions from one generic instruction, one with a timing of its own; words of 64 bits', () => {
  const set = setOf(binop(64, ', _: 32'))
  for (const [text, word] of [
    ['add r3 r4 r5', 0x05040302n],
    ['sub r3 r4 r5', 0x05040303n],
  ] as const) {
    assert.equal(assembled(set, text), word)
    assert.equal(disassembleWord(set, word), text)
  }
  const { specification } = checkSpecification(binop(64, ', _: 32'))
  assert.deepEqual(
    specification?.instructions.map(({ timing }) => timing.kind),
    ['async', 'cycle'],
  )
})

function sliceAdd(first: string, second: string, example = 'add r0 0x1122'): string {
  return `instruction_width = 32;
/// Addition of one long field.
instruction SliceAdd {
  fields:
    /// The register written.
    dst: 5,
    /// Both operands.
    src: 14,
    /// Sign-extend.
    sign_extend: 1,
  assembly:
    'add'['.sx' = sign_extend] 'r'dst src;
    examples:
      /// Some value.
      ${example};
  machine: opcode: 7 = 2, sign_extend, dst, _: 3, ${first}, _: 2, ${second}
}`
}

test('vector: a field in two slices', () => {
  const set = setOf(sliceAdd('src[0:6]', 'src[7:13]'))
  for (const src of [0x1122, 0x3344]) {
    const word = set.encode({ kind: 'SliceAdd', dst: 0, src, sign_extend: false })
    assert.equal(word, (2 | ((src & 0x7f) << 16) | ((src >> 7) << 25)) >>> 0)
    assert.equal(set.decode(word)?.['src'], src)
  }
})

const OPTIONAL = `instruction_width = 32;
/// Addition.
instruction Add {
  fields:
    /// The register written.
    dst: 5,
    /// The register read.
    src1: 5,
    /// Selects a part of it.
    src1_sel: 3,
    /// Another operand.
    a: 3,
    /// The last operand.
    b: 2,
    /// Sign-extend.
    sign_extend: 1,
  assembly: 'add'['.sx' = sign_extend] 'r'dst 'r'src1[.src1_sel] [a] b;
  machine: opcode: 7 = 2, sign_extend!, dst, _: 3, src1, src1_sel, a, b, src1_sel?, _: 2
}`

test('vector and defect: an optional field is written as its value, so it round-trips', () => {
  const set = setOf(OPTIONAL)
  const without = assembled(set, 'add r4 r3 2 1') ?? 0
  const value = { kind: 'Add', dst: 4, src1: 3, src1_sel: undefined, a: 2, b: 1, sign_extend: false }
  assert.deepEqual(set.decode(without), value)
  assert.equal(disassembleWord(set, without), 'add r4 r3 2 1')
  const present = assembled(set, 'add r4 r3.7 2 1') ?? 0
  assert.deepEqual(set.decode(present), { ...value, src1_sel: 7 })
  assert.equal((Number(present) >>> 29) & 1, 1)
  assert.equal(disassembleWord(set, present), 'add r4 r3.7 2 1')
})

test('an optional field before a required one can be left out', () => {
  const set = setOf(OPTIONAL)
  assert.equal(assembled(set, 'add r4 r3 1'), assembled(set, 'add r4 r3 0 1'))
})

test('defect: every width works, of words and of fields', () => {
  for (const width of [8, 16, 19, 31, 32, 33, 47, 64, 65, 96, 127, 128]) {
    const set = setOf(`instruction_width = ${width};
/// One field.
instruction One {
  fields:
    /// All the rest.
    rest: ${width - 3}
  assembly: 'one' rest;
  machine: op: 3 = 5, rest
}`)
    const largest = (1n << BigInt(width - 3)) - 1n
    const word = assembled(set, `one ${largest}`) ?? 0
    assert.equal(BigInt(word), (largest << 3n) | 5n, `${width} bits`)
    assert.equal(disassembleWord(set, word), `one ${largest}`)
  }
})

test('defect: a first slice that does not begin at bit 0 is read back where it belongs', () => {
  const set = setOf(sliceAdd('src[7:13]', 'src[0:6]'))
  const word = set.encode({ kind: 'SliceAdd', dst: 1, src: 0x2abc, sign_extend: true })
  assert.equal(set.decode(word)?.['src'], 0x2abc)
})

test('defect: presence bits of both polarities are set, cleared and read', () => {
  for (const [mark, whenAbsent] of [
    ['?', 0],
    ['?!', 1],
  ] as const) {
    const set = setOf(`instruction_width = 8;
/// Drop.
instruction Drop {
  fields:
    /// Why.
    reason: 4
  assembly: 'drop' [reason];
  machine: op: 3 = 1, reason, reason${mark}
}`)
    assert.equal(assembled(set, 'drop'), 1 | (whenAbsent << 7))
    assert.equal(assembled(set, 'drop 0'), 1 | ((1 - whenAbsent) << 7))
    for (const text of ['drop', 'drop 0', 'drop 15']) {
      assert.equal(disassembleWord(set, assembled(set, text) ?? 0), text)
    }
  }
})

test('defect: a value wider than its field is an error, located, not cut', () => {
  const text = sliceAdd('src[0:6]', 'src[7:13]', 'add r0 0xaabb')
  const [diagnostic] = checkSpecification(text).diagnostics
  assert.equal(diagnostic?.message, "'src' takes 0 to 16383 (14 bits), not 43707")
  assert.equal(text.slice(diagnostic?.span.start, diagnostic?.span.end), '0xaabb')
  const set = setOf(sliceAdd('src[0:6]', 'src[7:13]'))
  const program = assembleProgram(set, 'add r0 1\nadd r32 1')
  assert.deepEqual(
    program.diagnostics.map(({ code, span }) => [code, span]),
    [['ISF7007', { start: 14, end: 16 }]],
  )
  assert.throws(() => set.encode({ kind: 'SliceAdd', dst: 0, src: 0x4000, sign_extend: false }), RangeError)
})

test('defect: the width of the layout is compared with instruction_width', () => {
  assert.deepEqual(codes(binop(64, '')), ['ISF4008', 'ISF4008'])
  assert.deepEqual(codes(binop(32, '')), [])
})

test('defect: overlaps, duplicates and undefined names are diagnostics', () => {
  const twice = ADD.replace('src2, _: 3', 'src1, _: 3')
  assert.deepEqual(codes(twice), ['ISF4003', 'ISF4002'])
  assert.deepEqual(codes(ADD.replace('opcode: 7 = 2', 'opcode: 7 = $op')), ['ISF3001'])
  assert.deepEqual(codes(`${ADD}\n/// Again.\ninstruction Add { }`), ['ISF3002'])
  assert.deepEqual(codes(`${ADD}\n/// X.\ninstruction X: Missing<1> { assembly: 'x'; machine: op: 32 = 1 }`), [
    'ISF3001',
  ])
})

test('defect: examples are executed', () => {
  const { specification } = checkSpecification(sliceAdd('src[0:6]', 'src[7:13]'))
  assert.ok(specification !== undefined)
  assert.deepEqual(
    runExamples(specification).map(({ example, outcome }) => [example.text, outcome.isOk && outcome.text]),
    [['add r0 0x1122', 'add r0 4386']],
  )
  assert.deepEqual(codes(sliceAdd('src[0:6]', 'src[7:13]', 'sub r0 1')), ['ISF6001'])
})

test('defect: one decoder covers the whole set, and a word of none is none', () => {
  const set = setOf(binop(32, ''))
  assert.deepEqual(
    [2, 3, 4].map((word) => set.decode(word)?.kind),
    ['Add', 'Sub', undefined],
  )
  for (const word of [-1, 2 ** 32, 0.5, NaN, Infinity]) assert.equal(set.decode(word), undefined)
})

test('defect: the class of a field is known where it is used', () => {
  const text = `instruction_width = 8;
/// A register.
class Reg { width: 3 }
/// Copy.
instruction Copy {
  fields:
    /// The register.
    r: Reg
  assembly: 'copy' 'r'r;
  machine: op: 5 = 1, r
}`
  const { specification } = checkSpecification(text)
  assert.ok(specification !== undefined)
  assert.equal(specification.instructions[0]?.fields[0]?.className, 'Reg')
  assert.match(renderMarkdown(specification, { title: 'Copier' }), /\| `r` \| Reg, 3 bits \|/)
})

test('defect: a value in the fields section is refused where it stands, and the rest is still checked', () => {
  const text = ADD.replace('dst: 5,', 'dst: 5 = 3, // why').replace('src2: 5,', 'src2: 5 = $op,')
  const { diagnostics } = checkSpecification(text)
  assert.deepEqual(
    diagnostics.map(({ code, span }) => [code, text.slice(span.start, span.end)]),
    [
      ['ISF2006', '= 3'],
      ['ISF2006', '= $op'],
    ],
  )
  assert.match(diagnostics[0]?.message ?? '', /field 'dst' .* machine layout/)
  assert.deepEqual(codes(text.replace('opcode: 7 = 2', 'opcode: 7 = $op')), ['ISF2006', 'ISF2006', 'ISF3001'])
  assert.deepEqual(codes(ADD.replace('sign_extend: 1', 'sign_extend: 1 =')), ['ISF2006'])
})

test('defect: words of exactly 128 bits are allowed, of 129 are not', () => {
  assert.deepEqual(codes('instruction_width = 128;'), [])
  assert.deepEqual(codes('instruction_width = 129;'), ['ISF4001'])
})
