/**
 * A layout as moves between 32-bit limbs: limb i of a word or field has its bits 32i to 32i+31. The interpreter follows
 * the pieces, the generator writes a line of code for each; so neither computes with wide integers.
 */
import type { Instruction } from '../spec/specification.ts'

/** `width` bits at `shift` in limb `limb` of the word; at most 32, and none crosses a limb. */
export type Piece = { readonly limb: number; readonly shift: number; readonly width: number } & (
  | { readonly kind: 'constant'; readonly value: number }
  | {
      readonly kind: 'field'
      readonly field: number
      readonly fieldLimb: number
      readonly fieldShift: number
      readonly isNegated: boolean
    }
  | { readonly kind: 'presence'; readonly field: number; readonly whenSet: 0 | 1 }
)

export function limbCount(width: number): number {
  return Math.ceil(width / 32)
}

/** `width` ones, at most 32, as an unsigned number. */
export function ones(width: number): number {
  // Not a shift: `1 << 31` is negative.
  return 2 ** width - 1
}

export function limbOf(value: bigint, limb: number): number {
  return Number(BigInt.asUintN(32, value >> BigInt(32 * limb)))
}

/** The pieces of an instruction, in the order of its layout; unused bits have none. */
export function piecesOf(instruction: Instruction): Piece[] {
  const pieces: Piece[] = []
  for (const placement of instruction.layout) {
    if (placement.kind === 'unused') continue
    const low = placement.kind === 'field' ? placement.low : 0
    for (let done = 0; done < placement.width;) {
      const bit = placement.bit + done
      const fieldBit = low + done
      const width = Math.min(placement.width - done, 32 - (bit % 32), 32 - (fieldBit % 32))
      const place = { limb: bit >> 5, shift: bit & 31, width }
      if (placement.kind === 'constant') {
        const value = Number((placement.value >> BigInt(done)) & BigInt(ones(width)))
        pieces.push({ ...place, kind: 'constant', value })
      } else if (placement.kind === 'presence') {
        pieces.push({ ...place, kind: 'presence', field: placement.field, whenSet: placement.whenSet })
      } else {
        const { field, isNegated } = placement
        pieces.push({ ...place, kind: 'field', field, fieldLimb: fieldBit >> 5, fieldShift: fieldBit & 31, isNegated })
      }
      done += width
    }
  }
  return pieces
}
