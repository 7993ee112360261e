/**
 * Expressions of the intermediate representation. They are pure: whatever has an effect (extract, apply, extern calls,
 * function calls) is a statement, and its result is read back from a slot. Every name is resolved, every generic
 * instantiated, every implicit cast explicit, every constant folded where both operands are constant.
 *
 * Widths are in bits, 1 or more, without upper limit. A boolean is `kind: 'bool'`, width 1. Values of `int<W>` are kept
 * as their two's complement bits in W bits; `signed` on an operator says how to read them. Results are taken modulo
 * 2^width (P4-16 §8.5 to §8.9).
 */

/** Index into `Program.slots`. */
export type SlotId = number

export type Expression =
  | { readonly op: 'const'; readonly width: number; readonly value: bigint }
  /** The current value of a slot; width is the slot's. Reading a field of an invalid header gives its last value. */
  | { readonly op: 'load'; readonly width: number; readonly slot: SlotId }
  /** Bitwise complement, negation, and logical not (width 1). */
  | { readonly op: 'not' | 'neg' | 'lnot'; readonly width: number; readonly operand: Expression }
  /** Both operands have the result's width. `div` and `mod` are unsigned; by zero gives all ones and the dividend. */
  | {
      readonly op: 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor'
      readonly width: number
      readonly left: Expression
      readonly right: Expression
    }
  /** Saturating (P4-16 §8.5, `|+|` and `|-|`). */
  | {
      readonly op: 'addSaturating' | 'subSaturating'
      readonly width: number
      readonly signed: boolean
      readonly left: Expression
      readonly right: Expression
    }
  /** The amount is unsigned, of any width; amounts of `width` or more give 0, or all sign bits for a signed `shr`. */
  | { readonly op: 'shl'; readonly width: number; readonly left: Expression; readonly right: Expression }
  | {
      readonly op: 'shr'
      readonly width: number
      readonly signed: boolean
      readonly left: Expression
      readonly right: Expression
    }
  /** Comparison of equal-width operands; the result has width 1. */
  | { readonly op: 'eq' | 'ne'; readonly width: 1; readonly left: Expression; readonly right: Expression }
  | {
      readonly op: 'lt' | 'le' | 'gt' | 'ge'
      readonly width: 1
      readonly signed: boolean
      readonly left: Expression
      readonly right: Expression
    }
  /** Logical, width 1. Operands are pure, so evaluating both is allowed. */
  | { readonly op: 'land' | 'lor'; readonly width: 1; readonly left: Expression; readonly right: Expression }
  /** `left` becomes the high bits; width is the sum. */
  | { readonly op: 'concat'; readonly width: number; readonly left: Expression; readonly right: Expression }
  /** Bits `low` … `low + width - 1` of the operand, bit 0 the least significant. */
  | { readonly op: 'slice'; readonly width: number; readonly low: number; readonly operand: Expression }
  /** To another width: truncate, or extend with zeros (`signed` false) or the sign bit. */
  | { readonly op: 'cast'; readonly width: number; readonly signed: boolean; readonly operand: Expression }
  | {
      readonly op: 'mux'
      readonly width: number
      readonly condition: Expression
      readonly whenTrue: Expression
      readonly whenFalse: Expression
    }
