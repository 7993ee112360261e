/**
 * A checked specification: names resolved, numbers in range, places known. The tree says what was written, the model
 * what it means; generators, maps, documents and comparisons read only the model.
 *
 * Invariant: blocks hold no cycle, fields lie inside their register and do not overlap, elements do not overlap, and
 * every address is a safe integer.
 */
import type { Range } from '../source/range.ts'
import type { FieldMode } from '../syntax/syntax-tree.ts'

export type { FieldMode } from '../syntax/syntax-tree.ts'

export interface Specification {
  /** Path of the root file, as given. */
  readonly file: string
  /** The block `Main`, at address 0. */
  readonly main: BlockType
  /** Every definition of every module used, a block after the blocks it holds. */
  readonly enums: readonly EnumType[]
  readonly registers: readonly RegisterType[]
  readonly blocks: readonly BlockType[]
}

/** What every definition has. */
interface Definition {
  readonly name: string
  /** Segments of the module's path below the root file's folder; empty for the root file. */
  readonly module: readonly string[]
  /** Lines, without the blank after the slashes. */
  readonly doc: readonly string[]
  readonly attributes: readonly AttributeValue[]
  readonly range: Range
}

export interface AttributeValue {
  readonly name: string
  readonly value: string
}

export interface EnumType extends Definition {
  readonly kind: 'enum'
  /** In bits, 1 to 32. */
  readonly width: number
  readonly alternatives: readonly EnumAlternative[]
  /** Every value of `width` bits is declared. */
  readonly isExhaustive: boolean
}

export interface EnumAlternative {
  readonly name: string
  readonly doc: readonly string[]
  readonly value: number
}

export interface RegisterType extends Definition {
  readonly kind: 'register'
  /** In bits, a multiple of 8. */
  readonly width: number
  readonly reset: bigint
  /** Reached through a memory selector instead of an address. */
  readonly isSram: boolean
  /** By offset. */
  readonly fields: readonly RegisterField[]
}

export interface RegisterField {
  readonly name: string
  readonly doc: readonly string[]
  readonly attributes: readonly AttributeValue[]
  readonly mode: FieldMode
  readonly access: FieldAccess
  readonly type: FieldType
  /** In bits from the least significant. */
  readonly offset: number
  /** In bits. */
  readonly width: number
}

/** Side effects of an access, from `#[attr(access = "…")]`; see `ACCESS_MODES`. */
export type FieldAccess = 'plain' | 'w1c' | 'w1s' | 'rc' | 'pulse'

export type FieldType =
  | { readonly kind: 'bits' }
  | { readonly kind: 'bool' }
  | { readonly kind: 'enum'; readonly type: EnumType }

export interface BlockType extends Definition {
  readonly kind: 'block'
  readonly isSram: boolean
  /** By offset. */
  readonly elements: readonly BlockElement[]
  /** Bytes up to the end of the last element. */
  readonly size: number
  /** Registers in one block, all arrays counted out. */
  readonly registerCount: number
}

export interface BlockElement {
  readonly name: string
  readonly doc: readonly string[]
  readonly attributes: readonly AttributeValue[]
  readonly type: RegisterType | BlockType
  /** In bytes from the start of the block. */
  readonly offset: number
  readonly array: { readonly length: number; readonly stride: number } | undefined
  /** In an sram block: rank by offset, from 0. */
  readonly selector: number | undefined
}

/** Which modes allow which access. */
export const ACCESS_MODES: Readonly<Record<Exclude<FieldAccess, 'plain'>, readonly FieldMode[]>> = {
  /** Writing 1 clears the bit, writing 0 leaves it. */
  w1c: ['rw'],
  /** Writing 1 sets the bit, writing 0 leaves it. */
  w1s: ['rw'],
  /** Reading clears the field. */
  rc: ['ro', 'rw'],
  /** Writing starts something; reads as 0. */
  pulse: ['rw', 'wo'],
}

/** `ethernet::DataRate`, the module's path in front. */
export function qualifiedName(definition: Definition): string {
  return [...definition.module, definition.name].join('::')
}

/** Bytes that an element's type takes. */
export function sizeOf(type: RegisterType | BlockType): number {
  return type.kind === 'register' ? type.width / 8 : type.size
}

/** Bits of a register that no field names, as [offset, width], from the least significant. */
export function gapsOf(register: RegisterType): readonly (readonly [offset: number, width: number])[] {
  const gaps: (readonly [number, number])[] = []
  let next = 0
  for (const field of register.fields) {
    if (field.offset > next) gaps.push([next, field.offset - next])
    next = field.offset + field.width
  }
  if (next < register.width) gaps.push([next, register.width - next])
  return gaps
}
