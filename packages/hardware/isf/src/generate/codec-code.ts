/** Code that encodes and decodes: a function for each instruction, and the switch that finds the instruction of a word. */
import type { DecisionTree } from '../machine/decision-tree.ts'
import { limbCount, limbOf, ones, piecesOf, type Piece } from '../machine/piece.ts'
import type { Field, Instruction, Specification } from '../spec/specification.ts'
import { hex, quote, type TypeNames } from './name.ts'

type FieldPiece = Piece & { readonly kind: 'field' }

function limbNames(specification: Specification): string[] {
  return Array.from({ length: limbCount(specification.instructionWidth) }, (_, limb) => `w${limb}`)
}

export function decodeFunction(specification: Specification, tree: DecisionTree, names: TypeNames): string {
  const { instructionWidth } = specification
  const limbs = limbNames(specification)
  const lines: string[] = ['export function decode(word: Word): Instruction | undefined {']
  if (instructionWidth <= 32) {
    const isTooWide = instructionWidth < 32 ? ` || w0 > ${hex(ones(instructionWidth))}` : ''
    lines.push('const w0 = word >>> 0', `if (w0 !== word${isTooWide}) return undefined`)
  } else {
    lines.push(`if (word < 0n || word >> ${instructionWidth}n !== 0n) return undefined`)
    for (const [limb, name] of limbs.entries()) {
      lines.push(`const ${name} = Number((word >> ${32 * limb}n) & 0xffffffffn)`)
    }
  }
  emitTree(specification, tree, names, 0n, lines)
  lines.push('}')
  return lines.join('\n')
}

function emitTree(
  specification: Specification,
  tree: DecisionTree,
  names: TypeNames,
  tested: bigint,
  lines: string[],
): void {
  if (tree.kind === 'switch') {
    const bits = BigInt(ones(tree.width)) << BigInt(32 * tree.limb + tree.shift)
    lines.push(`switch (${extract(`w${tree.limb}`, tree.shift, tree.width)}) {`)
    for (const [value, child] of tree.children) {
      lines.push(`case ${hex(value)}: {`)
      emitTree(specification, child, names, tested | bits, lines)
      lines.push('}')
    }
    lines.push('}', 'return undefined')
    return
  }
  const args = limbNames(specification).join(', ')
  for (const index of tree.candidates) {
    const instruction = specification.instructions[index]
    if (instruction === undefined) continue
    const call = `return decode${names.instructions.get(instruction.name) ?? ''}(${args})`
    const conditions: string[] = []
    for (let limb = 0; limb < limbCount(specification.instructionWidth); limb++) {
      const mask = limbOf(instruction.mask & ~tested, limb)
      const match = limbOf(instruction.match & ~tested, limb)
      if (mask !== 0) conditions.push(`(w${limb} & ${hex(mask)}) >>> 0 === ${hex(match)}`)
    }
    if (conditions.length === 0) {
      lines.push(call)
      return
    }
    lines.push(`if (${conditions.join(' && ')}) ${call}`)
  }
  lines.push('return undefined')
}

export function instructionDecoder(specification: Specification, instruction: Instruction, names: TypeNames): string {
  const type = names.instructions.get(instruction.name) ?? ''
  const pieces = piecesOf(instruction)
  const properties = instruction.fields.map((field, index) => {
    const own = pieces.filter((piece): piece is FieldPiece => piece.kind === 'field' && piece.field === index)
    const value = fieldExpression(field, own, names)
    const conditions = pieces
      .filter((piece) => piece.kind === 'presence' && piece.field === index)
      .map(
        (piece) => `${extract(`w${piece.limb}`, piece.shift, 1)} === ${piece.kind === 'presence' ? piece.whenSet : 1}`,
      )
    const isThere = conditions.join(' && ')
    return `${field.property}: ${isThere === '' ? value : `${isThere} ? ${value} : undefined`},`
  })
  // Instructions without fields do not look at their word.
  const isUsed = properties.length > 0
  const parameters = limbNames(specification).map(
    (name) => `${isUsed && usesLimb(properties, name) ? '' : '_'}${name}: number`,
  )
  return [
    `function decode${type}(${parameters.join(', ')}): ${type} {`,
    `return { kind: ${quote(instruction.name)}, ${properties.join('\n')} }`,
    '}',
  ].join('\n')
}

function usesLimb(code: readonly string[], name: string): boolean {
  return code.some((line) => new RegExp(`\\b${name}\\b`).test(line))
}

function extract(limb: string, shift: number, width: number): string {
  if (width === 32) return limb
  if (shift + width === 32) return `(${limb} >>> ${shift})`
  return shift === 0 ? `(${limb} & ${hex(ones(width))})` : `((${limb} >>> ${shift}) & ${hex(ones(width))})`
}

function fieldExpression(field: Field, pieces: readonly FieldPiece[], names: TypeNames): string {
  if (field.type === 'boolean') {
    const [piece] = pieces
    if (piece === undefined) return 'false'
    return `${extract(`w${piece.limb}`, piece.shift, 1)} ${piece.isNegated ? '!==' : '==='} 1`
  }
  const brand = field.className === undefined ? '' : ` as ${names.classes.get(field.className) ?? ''}`
  if (field.type === 'number') {
    const value = limbExpression(pieces)
    return brand === '' ? value : `(${value})${brand}`
  }
  const limbs = Array.from({ length: limbCount(field.width) }, (_, limb) => {
    const value = `BigInt(${limbExpression(pieces.filter((piece) => piece.fieldLimb === limb))})`
    return limb === 0 ? value : `(${value} << ${32 * limb}n)`
  })
  return `(${limbs.join(' | ')})${brand}`
}

/** At most 32 bits, unsigned. */
function limbExpression(pieces: readonly FieldPiece[]): string {
  const parts = pieces.map((piece) => {
    let part = extract(`w${piece.limb}`, piece.shift, piece.width)
    if (piece.isNegated) part = `(${part} ^ ${hex(ones(piece.width))})`
    return piece.fieldShift === 0 ? part : `(${part} << ${piece.fieldShift})`
  })
  const reachesSign = pieces.some((piece) => piece.fieldShift + piece.width === 32)
  const isPlain = pieces.length === 1 && pieces[0]?.isNegated === false && pieces[0].fieldShift === 0
  const sum = parts.length === 0 ? '0' : parts.join(' | ')
  return reachesSign && !isPlain ? `(${sum}) >>> 0` : sum
}

export function instructionEncoder(specification: Specification, instruction: Instruction, names: TypeNames): string {
  const type = names.instructions.get(instruction.name) ?? ''
  const limbs: string[][] = limbNames(specification).map(() => [])
  const lines: string[] = []
  for (const [index, field] of instruction.fields.entries()) lines.push(...fieldLocals(instruction, field, index))
  for (const piece of piecesOf(instruction)) {
    const part = encodedPart(instruction, piece)
    if (part !== '0') limbs[piece.limb]?.push(shifted(part, piece.shift))
  }
  const values = limbs.map((parts) => (parts.length === 0 ? '0' : `(${parts.join(' | ')}) >>> 0`))
  const result =
    specification.instructionWidth <= 32
      ? values[0]
      : values
          .map((value, limb) => (limb === 0 ? `BigInt(${value})` : `(BigInt(${value}) << ${32 * limb}n)`))
          .join(' | ')
  const parameter = instruction.fields.length === 0 ? `_i: ${type}` : `i: ${type}`
  return [`function encode${type}(${parameter}): Word {`, ...lines, `return ${result ?? '0'}`, '}'].join('\n')
}

function shifted(part: string, shift: number): string {
  return shift === 0 ? part : `(${part} << ${shift})`
}

/** Reads the field into `v<index>` (for wide fields, limbs `v<index>_<limb>`) and rejects what does not fit. */
function fieldLocals(instruction: Instruction, field: Field, index: number): string[] {
  const value = `i.${field.property}`
  const local = `v${index}`
  const absent = field.isOptional
    ? ` ?? ${field.type === 'bigint' ? '0n' : field.type === 'number' ? '0' : 'false'}`
    : ''
  if (field.type === 'boolean') return [`const ${local} = ${field.isOptional ? `(${value}${absent})` : value} ? 1 : 0`]
  const max = (1n << BigInt(field.width)) - 1n
  const reject = `reject(${quote(instruction.name)}, ${quote(field.name)}, ${local}, ${quote(String(max))})`
  const lines = [`const ${local}${field.className === undefined ? '' : `: ${field.type}`} = ${value}${absent}`]
  if (field.type === 'number') {
    const isTooLarge = field.width < 32 ? ` || ${local} > ${hex(Number(max))}` : ''
    lines.push(`if (${local} >>> 0 !== ${local}${isTooLarge}) ${reject}`)
    return lines
  }
  lines.push(`if (BigInt.asUintN(${field.width}, ${local}) !== ${local}) ${reject}`)
  for (let limb = 0; limb < limbCount(field.width); limb++) {
    lines.push(`const ${local}_${limb} = Number((${local} >> ${32 * limb}n) & 0xffffffffn)`)
  }
  return lines
}

function encodedPart(instruction: Instruction, piece: Piece): string {
  if (piece.kind === 'constant') return hex(piece.value)
  const field = instruction.fields[piece.field]
  if (piece.kind === 'presence') {
    const value = `i.${field?.property ?? ''}`
    return `(${value} === undefined ? ${1 - piece.whenSet} : ${piece.whenSet})`
  }
  const local = field?.type === 'bigint' ? `v${piece.field}_${piece.fieldLimb}` : `v${piece.field}`
  // A number fits its field, so a piece that holds all of it needs no mask.
  const isWhole = field !== undefined && field.type !== 'bigint' && piece.width === field.width
  const part = isWhole ? local : extract(local, piece.fieldShift, piece.width)
  return piece.isNegated ? `(${part} ^ ${hex(ones(piece.width))})` : part
}
