import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assembleProgram, checkSpecification, createInstructionSet, disassembleWords, formatListing } from '../index.ts'

const { specification } = checkSpecification(`instruction_width = 16;
/// Jump.
instruction Jump {
  fields:
    /// Where to.
    target: 10
  assembly: 'jmp' target;
  machine: op: 4 = 1, target, _: 2
}
/// Jump to a register.
instruction JumpRegister {
  fields:
    /// Which.
    r: 3
  assembly: 'jmp' 'r'r;
  machine: op: 4 = 2, r, _: 9
}
/// Stop.
instruction Stop { assembly: 'stop'; machine: op: 4 = 3, _: 12 }
`)
assert.ok(specification !== undefined)
const set = createInstructionSet(specification)

/** Each diagnostic as its code and the text it marks. */
function marks(text: string): string[] {
  return assembleProgram(set, text).diagnostics.map(({ code, span }) => `${code} ${text.slice(span.start, span.end)}`)
}

test('labels, constants, data and gaps have the addresses they stand at', () => {
  const text = `
.equ here 0x20
start:  jmp end      ; forward
        jmp here     // a constant
.org 4
data: table: .word 1, 0xffff start
end:    stop
`
  const result = assembleProgram(set, text)
  assert.deepEqual(result.diagnostics, [])
  assert.deepEqual(result.words, [1 | (7 << 4), 1 | (0x20 << 4), 0, 0, 1, 0xffff, 0, 3])
  assert.deepEqual(
    [...result.labels],
    [
      ['start', 0],
      ['data', 4],
      ['table', 4],
      ['end', 7],
    ],
  )
  assert.deepEqual(result.instructions.get(0), { kind: 'Jump', target: 7 })
  assert.equal(
    formatListing(result, 16),
    '0000: 0071  jmp end\n0001: 0201  jmp here\n0004: 0001 ffff 0000  .word 1, 0xffff start\n0007: 0003  stop\n',
  )
})

test('a register is not taken for a label, and a label that looks like one can still be defined', () => {
  assert.deepEqual(assembleProgram(set, 'r1: jmp r1').words, [2 | (1 << 4)])
})

test('relative targets are the caller`s to compute', () => {
  const options = { labelValue: (target: number, address: number): number => target - address }
  assert.deepEqual(assembleProgram(set, 'jmp a\nstop\na: stop', options).words, [1 | (2 << 4), 3, 3])
  const back = assembleProgram(set, 'a: stop\njmp a', options)
  assert.deepEqual(
    back.diagnostics.map(({ code }) => code),
    ['ISF7007'],
  )
})

test('what is wrong is located, and the rest is assembled', () => {
  assert.deepEqual(marks('jmp 1024'), ['ISF7007 1024'])
  assert.deepEqual(marks('jpm 1'), ['ISF7001 jpm'])
  assert.deepEqual(marks('jmp 1 2'), ['ISF7001 2'])
  assert.deepEqual(marks('jmp loop'), ['ISF7004 loop'])
  assert.deepEqual(marks('a: stop\na: stop'), ['ISF7002 a'])
  assert.deepEqual(marks('.word 65536'), ['ISF7007 65536'])
  assert.deepEqual(marks('.word 1x'), ['ISF7003 1x'])
  assert.deepEqual(marks('.org 3\nstop\n.org 2'), ['ISF7005 2'])
  assert.deepEqual(marks('.org 0xffffffffff'), ['ISF7006 0xffffffffff'])
  assert.deepEqual(marks('.equ x'), ['ISF7003 .equ x'])
  assert.deepEqual(assembleProgram(set, 'stop\nwhat\nstop').words, [3, 0, 3])
})

test('a diagnostic says what was expected, or meant', () => {
  const message = (text: string): string | undefined => assembleProgram(set, text).diagnostics[0]?.message
  assert.equal(message('jpm 1'), "no instruction begins with 'jpm'; did you mean 'jmp'?")
  assert.equal(message('jmp'), "expected a number for target or 'r', found the end of the line")
  assert.equal(message('lop: jmp loop'), "'loop' is not defined; did you mean 'lop'?")
})

test('blanks are free between words and marks, and needed between words', () => {
  assert.deepEqual(marks('  jmp \t r1  '), [])
  assert.deepEqual(marks('jmpr1').length, 1)
})

test('words that are no instruction, or have bits set without meaning, become data', () => {
  assert.deepEqual(
    disassembleWords(set, [3, 0x13, 0xf], 8).map(({ address, text }) => `${address} ${text}`),
    ['8 stop', '9 .word 0x0013 ; stop', '10 .word 0x000f'],
  )
})
