/**
 * The tree of one file, in source order. It keeps what printing needs: how numbers were written, comments, and empty
 * lines between members, so that a canonically laid out file prints byte for byte.
 */
import type { Range } from '../source/range.ts'

export interface Identifier {
  readonly name: string
  readonly range: Range
}

export interface NumberLiteral {
  readonly value: bigint
  /** As written: base and leading zeros stay. */
  readonly text: string
  readonly range: Range
}

/** `a::b::C`. */
export interface Path {
  readonly segments: readonly Identifier[]
  readonly range: Range
}

export interface Attribute {
  readonly name: Identifier
  /** Decoded: no backslashes before quotes. */
  readonly value: string
  readonly range: Range
}

/** What stands around a node without being part of it. Comments keep their slashes. */
export interface Surroundings {
  readonly comments: readonly string[]
  /** A comment at the end of the node's last line. */
  readonly trailing: string | undefined
  /** Between members only; between items there is always an empty line. */
  readonly isAfterBlank: boolean
}

interface Node {
  readonly around: Surroundings
  readonly range: Range
}

interface Documented extends Node {
  /** Lines as written after the slashes. */
  readonly doc: readonly string[]
  readonly attributes: readonly Attribute[]
}

export interface UseItem extends Node {
  readonly kind: 'use'
  readonly path: Path
}

export interface Alternative extends Node {
  readonly doc: readonly string[]
  readonly name: Identifier
  readonly value: NumberLiteral
}

export interface EnumItem extends Documented {
  readonly kind: 'enum'
  readonly width: NumberLiteral
  readonly name: Identifier
  readonly members: readonly Alternative[]
  /** Comments before the closing brace. */
  readonly closing: readonly string[]
}

export type FieldMode = 'ro' | 'wo' | 'rw' | 'reserved'

export type FieldTypeSyntax =
  | { readonly kind: 'bits'; readonly width: NumberLiteral; readonly range: Range }
  | { readonly kind: 'bool'; readonly range: Range }
  | { readonly kind: 'named'; readonly path: Path; readonly range: Range }

export interface Field extends Documented {
  readonly name: Identifier
  readonly mode: FieldMode
  readonly type: FieldTypeSyntax
  /** In bits from the least significant. */
  readonly offset: NumberLiteral
}

export interface RegisterItem extends Documented {
  readonly kind: 'register'
  readonly isSram: boolean
  readonly width: NumberLiteral
  readonly name: Identifier
  readonly reset: NumberLiteral | undefined
  readonly members: readonly Field[]
  readonly closing: readonly string[]
}

export interface Element extends Documented {
  readonly name: Identifier
  readonly type: Path
  /** Number of elements and their distance in bytes. */
  readonly array: { readonly length: NumberLiteral; readonly stride: NumberLiteral } | undefined
  /** In bytes from the start of the block. */
  readonly offset: NumberLiteral
}

export interface BlockItem extends Documented {
  readonly kind: 'block'
  readonly isSram: boolean
  readonly name: Identifier
  readonly members: readonly Element[]
  readonly closing: readonly string[]
}

export type Item = UseItem | EnumItem | RegisterItem | BlockItem

export interface SyntaxTree {
  readonly file: string
  readonly items: readonly Item[]
  /** Comments after the last item. */
  readonly closing: readonly string[]
}
