/**
 * A specification after generic instructions are expanded and everything was checked: what encoders, assemblers, generators
 * and documents work from. Machine words are laid out from bit 0 (least significant) upward, in the file's order.
 */
import type { Span } from '../source/span.ts'

/** Words and fields are at most this wide. */
export const MAX_WIDTH = 128

export type Timing = { readonly kind: 'cycle'; readonly count: number } | { readonly kind: 'async' | 'multi' }

export interface RegisterClass {
  readonly name: string
  readonly doc: string
  readonly width: number
}

/** The part of a field that assembling and encoding need; generated code carries it too. */
export interface FieldShape {
  readonly name: string
  /** Its property in instruction values: the name, changed where it would hide the discriminant or a prototype. */
  readonly property: string
  /** In bits. */
  readonly width: number
  /** One bit without a class: boolean. At most 32 bits: number. Else bigint. */
  readonly type: 'boolean' | 'number' | 'bigint'
  /** The machine word says whether it is present: its value may be undefined. */
  readonly isOptional: boolean
}

export interface Field extends FieldShape {
  readonly doc: string
  readonly className?: string
}

/** One element of assembly syntax; `field` is an index into the instruction's fields. */
export type SyntaxElement =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'flag'; readonly text: string; readonly field: number }
  | { readonly kind: 'optional'; readonly hasDot: boolean; readonly field: number }
  | { readonly kind: 'field'; readonly field: number }
  | { readonly kind: 'space' }

/** A run of bits of the machine word, `width` bits from `bit` upward. */
export type Placement = { readonly bit: number; readonly width: number } & (
  | { readonly kind: 'constant'; readonly name: string; readonly value: bigint }
  /** Written as zero, not looked at when decoding. */
  | { readonly kind: 'unused'; readonly name: string }
  /** Bits `low` upward of a field, all of them inverted when `isNegated`. */
  | { readonly kind: 'field'; readonly field: number; readonly low: number; readonly isNegated: boolean }
  /** One bit: `whenSet` when the field is present, else the opposite. */
  | { readonly kind: 'presence'; readonly field: number; readonly whenSet: 0 | 1 }
)

export interface InstructionExample {
  readonly text: string
  readonly doc: string
  readonly span: Span
}

/** The part of an instruction that assembling text needs; generated code carries it too. */
export interface InstructionSyntax {
  readonly name: string
  readonly fields: readonly FieldShape[]
  readonly syntax: readonly SyntaxElement[]
}

export interface Instruction extends InstructionSyntax {
  readonly doc: string
  readonly timing: Timing
  readonly fields: readonly Field[]
  readonly layout: readonly Placement[]
  readonly examples: readonly InstructionExample[]
  /** The constant bits, and what they must be: a word is this instruction when `(word & mask) === match`. */
  readonly mask: bigint
  readonly match: bigint
  /** Of its name in the file. */
  readonly span: Span
}

export interface Specification {
  /** Of every machine word, in bits. */
  readonly instructionWidth: number
  readonly classes: readonly RegisterClass[]
  readonly instructions: readonly Instruction[]
}

/** `undefined` only for an optional field that is absent. */
export type FieldValue = number | bigint | boolean | undefined

/** An instruction as a value: its kind, and a property for each field. Generated code has a union of exact types. */
export interface InstructionValue {
  readonly kind: string
  readonly [property: string]: FieldValue | string
}

/** A number up to 2^32-1 where words are at most 32 bits wide, else a bigint. Never negative. */
export type Word = number | bigint

/** For documents and listings: the cost of one instruction. */
export function describeTiming(timing: Timing): string {
  if (timing.kind === 'cycle') return timing.count === 1 ? '1 cycle' : `${timing.count} cycles`
  return timing.kind === 'async' ? 'async' : 'multiple cycles'
}
