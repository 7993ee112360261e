/**
 * A specification at work without generating code: encodes, decodes and formats by following its layouts. The same
 * results as generated code, several times slower; for tools that meet a specification at run time.
 */
import { fieldProblem } from '../assembly/field-value.ts'
import { formatInstruction, planFormat, type FormatPart } from '../assembly/format-plan.ts'
import type { InstructionSet } from '../assembly/instruction-set.ts'
import type { FieldValue, Instruction, InstructionValue, Specification, Word } from '../spec/specification.ts'
import { buildDecisionTree, type DecisionTree } from './decision-tree.ts'
import { limbCount, limbOf, ones, piecesOf, type Piece } from './piece.ts'

interface Codec {
  readonly instruction: Instruction
  readonly pieces: readonly Piece[]
  readonly format: readonly FormatPart[]
}

export function createInstructionSet(specification: Specification): InstructionSet<InstructionValue> {
  const { instructionWidth, instructions } = specification
  const tree = buildDecisionTree(instructions, instructionWidth)
  const codecs = instructions.map((instruction): Codec => ({
    instruction,
    pieces: piecesOf(instruction),
    format: planFormat(instruction),
  }))
  const byName = new Map(codecs.map((codec) => [codec.instruction.name, codec]))
  const codecOf = (kind: string): Codec => {
    const codec = byName.get(kind)
    if (codec === undefined) throw new RangeError(`there is no instruction '${kind}'`)
    return codec
  }
  return {
    wordBits: instructionWidth,
    syntaxes: instructions,
    encode: (value) => encode(codecOf(value.kind), value, instructionWidth),
    decode: (word) => {
      const bits = wordBits(word, instructionWidth)
      const codec = bits === undefined ? undefined : codecs[find(tree, bits, instructions)]
      return codec === undefined || bits === undefined ? undefined : decode(codec, bits)
    },
    format: (value) => {
      const { format, instruction } = codecOf(value.kind)
      return formatInstruction(format, (field) => readField(instruction, value, field))
    },
  }
}

/** A word as a bigint; undefined when it is negative, fractional or too wide. */
function wordBits(word: Word, width: number): bigint | undefined {
  if (typeof word === 'number' && !Number.isSafeInteger(word)) return undefined
  const bits = BigInt(word)
  return bits >= 0n && bits >> BigInt(width) === 0n ? bits : undefined
}

/** The index of the instruction, or -1. */
function find(tree: DecisionTree, bits: bigint, instructions: readonly Instruction[]): number {
  let node = tree
  while (node.kind === 'switch') {
    const next = node.children.get((limbOf(bits, node.limb) >>> node.shift) & ones(node.width))
    if (next === undefined) return -1
    node = next
  }
  return (
    node.candidates.find((index) => {
      const instruction = instructions[index]
      return instruction !== undefined && (bits & instruction.mask) === instruction.match
    }) ?? -1
  )
}

function readField(instruction: Instruction, value: InstructionValue, index: number): FieldValue {
  const field = value[instruction.fields[index]?.property ?? 'kind']
  return typeof field === 'string' ? undefined : field
}

function encode({ instruction, pieces }: Codec, value: InstructionValue, width: number): Word {
  const limbs = [0, 0, 0, 0]
  const numbers = instruction.fields.map((field, index) => {
    const problem = fieldProblem(field, value[field.property])
    if (problem !== undefined) throw new RangeError(`${instruction.name}: ${problem}`)
    return BigInt(readField(instruction, value, index) ?? 0)
  })
  for (const piece of pieces) {
    let bits: number
    if (piece.kind === 'constant') {
      bits = piece.value
    } else if (piece.kind === 'presence') {
      bits = readField(instruction, value, piece.field) === undefined ? 1 - piece.whenSet : piece.whenSet
    } else {
      bits = (limbOf(numbers[piece.field] ?? 0n, piece.fieldLimb) >>> piece.fieldShift) & ones(piece.width)
      if (piece.isNegated) bits ^= ones(piece.width)
    }
    limbs[piece.limb] = (limbs[piece.limb] ?? 0) | (bits << piece.shift)
  }
  if (width <= 32) return (limbs[0] ?? 0) >>> 0
  return join(limbs.slice(0, limbCount(width)))
}

function join(limbs: readonly number[]): bigint {
  return limbs.reduceRight((sum, limb) => (sum << 32n) | BigInt(limb >>> 0), 0n)
}

function decode({ instruction, pieces }: Codec, bits: bigint): InstructionValue {
  const fields = instruction.fields.map(() => [0, 0, 0, 0])
  const isAbsent = instruction.fields.map(() => false)
  for (const piece of pieces) {
    if (piece.kind === 'constant') continue
    let value = (limbOf(bits, piece.limb) >>> piece.shift) & ones(piece.width)
    if (piece.kind === 'presence') {
      isAbsent[piece.field] ||= value !== piece.whenSet
      continue
    }
    if (piece.isNegated) value ^= ones(piece.width)
    const limbs = fields[piece.field]
    if (limbs !== undefined) limbs[piece.fieldLimb] = (limbs[piece.fieldLimb] ?? 0) | (value << piece.fieldShift)
  }
  const result: Record<string, FieldValue | string> = { kind: instruction.name }
  for (const [index, field] of instruction.fields.entries()) {
    const limbs = fields[index] ?? []
    const low = (limbs[0] ?? 0) >>> 0
    const value = field.type === 'boolean' ? low === 1 : field.type === 'number' ? low : join(limbs)
    result[field.property] = isAbsent[index] === true ? undefined : value
  }
  // Because the kind was put in first.
  return result as InstructionValue
}
