/**
 * Headers as the packet function keeps them: in memory, byte for byte as on the wire. Extracting and emitting are then a few
 * moves of up to 16 bytes, whatever the number of fields, and nothing has to be carried through the merges of control flow;
 * a field costs its byte swap where it is used, and most fields never are.
 *
 * A header with a varbit has no image: the place of what follows the varbit changes. Its fields are cells like any variable.
 */
import type { HeaderId, Program, SlotId } from '../ir/index.ts'
import type { FunctionBuilder } from '../wasm/index.ts'

export interface HeaderImages {
  /** By header: the address of its first byte; undefined where it has no image. */
  readonly addresses: readonly (number | undefined)[]
  /** By field of a header with an image: its first bit, counted from address 0. */
  readonly bits: ReadonlyMap<SlotId, number>
}

export function mayHaveImage(program: Program, header: HeaderId): boolean {
  const { fields } = program.headers[header]!
  return fields.length > 0 && fields.every((slot) => program.slots[slot]!.kind !== 'varbit')
}

/** Whole bytes. */
export function imageBytes(program: Program, header: HeaderId): number {
  return program.headers[header]!.fields.reduce((sum, slot) => sum + program.slots[slot]!.width, 0) >> 3
}

/** Where moved bytes are: in which memory, in front of which offset a local is added. */
export interface BytePlace {
  readonly memory: number
  readonly pointer: number | undefined
  readonly offset: number
}

/**
 * Moves a number of bytes known here. Pieces overlap rather than leave a rest of odd sizes, so the two places must not be
 * the same bytes partly.
 */
export function moveBytes(f: FunctionBuilder, to: BytePlace, from: BytePlace, bytes: number): void {
  for (const { at, size } of pieces(bytes)) {
    const push = ({ pointer }: BytePlace): void => (pointer === undefined ? f.i32(0) : f.get(pointer))
    push(to)
    push(from)
    if (size === 16) {
      f.loadVector(from.memory, from.offset + at)
      f.storeVector(to.memory, to.offset + at)
    } else {
      const [load, store] = MOVE[size]
      f.access(load, from.memory, from.offset + at)
      f.access(store, to.memory, to.offset + at)
    }
  }
}

const MOVE = {
  1: ['i32.load8_u', 'i32.store8'],
  2: ['i32.load16_u', 'i32.store16'],
  4: ['i32.load', 'i32.store'],
  8: ['i64.load', 'i64.store'],
} as const

function pieces(bytes: number): { at: number; size: 1 | 2 | 4 | 8 | 16 }[] {
  const found: { at: number; size: 1 | 2 | 4 | 8 | 16 }[] = []
  for (let at = 0; at < bytes;) {
    const left = bytes - at
    const exact = ([16, 8, 4, 2, 1] as const).find((size) => size <= left)!
    // One wider piece that reaches back over what is moved already saves several narrow ones.
    const wider = ([2, 4, 8, 16] as const).find((size) => size >= left && size <= bytes)
    const size = exact !== left && wider !== undefined ? wider : exact
    found.push({ at: Math.min(at, bytes - size), size })
    at = Math.min(at, bytes - size) + size
  }
  return found
}
