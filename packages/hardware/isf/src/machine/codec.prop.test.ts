import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { fieldValue } from '../assembly/field-value.ts'
import {
  assembleProgram,
  checkSpecification,
  createInstructionSet,
  disassembleWord,
  disassembleWords,
  generateTypeScript,
  type FieldValue,
  type Instruction,
  type InstructionSet,
  type InstructionValue,
  type Specification,
  type Word,
} from '../index.ts'
import { ones } from './piece.ts'
import { Draw, randomSpecification } from '../testing/random-specification.ts'

function specificationOf(seed: number): Specification {
  const text = randomSpecification(seed)
  const { specification, diagnostics } = checkSpecification(text)
  assert.ok(specification !== undefined, `${diagnostics.map(({ message }) => message).join('\n')}\n${text}`)
  return specification
}

function randomValue(instruction: Instruction, draw: Draw): InstructionValue {
  const value: Record<string, FieldValue | string> = { kind: instruction.name }
  for (const field of instruction.fields) {
    const isAbsent = field.isOptional && draw.is()
    value[field.property] = isAbsent ? undefined : fieldValue(field, draw.bits(field.width))
  }
  // Because the kind was put in first.
  return value as InstructionValue
}

/** The word of a value, a bit at a time from the layout. */
function modelEncode(instruction: Instruction, value: InstructionValue): bigint {
  let word = 0n
  for (const placement of instruction.layout) {
    for (let index = 0; index < placement.width; index++) {
      let bit = 0n
      if (placement.kind === 'constant') bit = (placement.value >> BigInt(index)) & 1n
      if (placement.kind === 'presence') {
        const isThere = value[instruction.fields[placement.field]?.property ?? ''] !== undefined
        bit = BigInt(isThere ? placement.whenSet : 1 - placement.whenSet)
      }
      if (placement.kind === 'field') {
        const field = BigInt(value[instruction.fields[placement.field]?.property ?? ''] ?? 0)
        bit = (field >> BigInt(placement.low + index)) & 1n
        if (placement.isNegated) bit ^= 1n
      }
      word |= bit << BigInt(placement.bit + index)
    }
  }
  return word
}

function checkSet(set: InstructionSet<InstructionValue>, specification: Specification, draw: Draw): void {
  for (const instruction of specification.instructions) {
    for (let round = 0; round < 4; round++) {
      const value = randomValue(instruction, draw)
      const word = set.encode(value)
      assert.equal(BigInt(word), modelEncode(instruction, value))
      assert.deepEqual(set.decode(word), value)
      const text = set.format(value)
      assert.doesNotMatch(text, /^ | $| {2}/)
      const { words, diagnostics } = assembleProgram(set, text)
      assert.deepEqual([diagnostics, words], [[], [word]], text)
    }
  }
}

test('encode agrees with a bit-at-a-time model, decode undoes it, and text comes back as the same word', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const specification = specificationOf(seed)
      checkSet(createInstructionSet(specification), specification, new Draw(seed + 1))
    }),
    { numRuns: 120 },
  )
})

test('a constant of 31 bits in one limb keeps to its bits', () => {
  assert.deepEqual(
    [1, 8, 30, 31, 32].map((width) => ones(width)),
    [1, 0xff, 0x3fffffff, 0x7fffffff, 0xffffffff],
  )
  const specification = specificationOf(1631535810)
  checkSet(createInstructionSet(specification), specification, new Draw(1631535811))
})

test('disassembling any words and assembling the text gives the same words', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const specification = specificationOf(seed)
      const set = createInstructionSet(specification)
      const draw = new Draw(seed + 2)
      const words = Array.from({ length: 12 }, (): Word => {
        const bits = draw.bits(specification.instructionWidth)
        const opcode = BigInt(draw.below(specification.instructions.length + 1))
        const word = (bits & ~31n) | opcode
        return specification.instructionWidth <= 32 ? Number(word) : word
      })
      const text = disassembleWords(set, words).map((line) => line.text)
      const result = assembleProgram(set, text.join('\n'))
      assert.deepEqual([result.diagnostics, result.words], [[], words])
    }),
    { numRuns: 100 },
  )
})

interface Generated {
  readonly instructionSet: InstructionSet<InstructionValue>
}

test('generated code and the interpreter agree on every instruction and on any word', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isf-'))
  try {
    const runtime = new URL('../index.ts', import.meta.url).href
    for (let seed = 1; seed <= 15; seed++) {
      const specification = specificationOf(seed * 7919)
      const file = join(folder, `set-${seed}.ts`)
      writeFileSync(file, generateTypeScript(specification, { source: `seed ${seed}`, runtime }))
      // Because the generator's output has this export.
      const { instructionSet } = (await import(pathToFileURL(file).href)) as Generated
      const interpreted = createInstructionSet(specification)
      const draw = new Draw(seed)
      checkSet(instructionSet, specification, draw)
      for (let round = 0; round < 40; round++) {
        const bits = (draw.bits(specification.instructionWidth) & ~31n) | BigInt(draw.below(8))
        const word = specification.instructionWidth <= 32 ? Number(bits) : bits
        assert.deepEqual(instructionSet.decode(word), interpreted.decode(word))
        assert.equal(disassembleWord(instructionSet, word), disassembleWord(interpreted, word))
      }
      const tooWide = 1n << BigInt(specification.instructionWidth)
      assert.equal(instructionSet.decode(specification.instructionWidth <= 32 ? Number(tooWide) : tooWide), undefined)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
