/** What lowering must know about a target: its package, blocks and externs. Targets are descriptions of this shape. */
import type { Block, Expression, Program, SlotId, Statement } from '../ir/index.ts'
import type { BoundArgument } from '../check/context.ts'
import type { ExternType, Type } from '../check/type.ts'
import type { Range } from '../source/range.ts'
import type { Expression as AstExpression } from '../syntax/ast.ts'
import type { BlockObject, ExternObject, Lowering, Target } from './lowering.ts'
import type { Value } from './value.ts'

/** A call of an extern function or method, its parts on demand. */
export interface ExternCall {
  readonly name: string
  readonly range: Range
  readonly args: readonly BoundArgument[]
  readonly typeArgs: readonly Type[]
  readonly returnType: Type
  /** The argument's value, converted to the parameter's type; NONE when omitted. */
  value(index: number): Value
  /** A scalar argument. */
  expression(index: number): Expression
  /** An `out` or `inout` argument; undefined for `_`. */
  target(index: number): Target | undefined
  /** Name of an enumerator or error passed as a constant. */
  enumerator(index: number): string | undefined
  ast(index: number): AstExpression | undefined
  /** A slot of the return type and the value that reads it. */
  result(): { readonly slot: SlotId; readonly value: Value }
}

export interface LoweredBlocks {
  readonly blocks: readonly Block[]
  readonly intrinsics: Readonly<Record<string, SlotId>>
  readonly fieldLists?: readonly (readonly SlotId[])[]
}

/** Attributes of a table that come from architecture-specific properties. */
export interface TableAttributes {
  directCounter?: number
  directMeter?: number
  implementation?: number
  /** The direct counter counts every application, not only those whose action says so. */
  doesCountAlways?: boolean
  /** Before the action of an entry, not before the default action. */
  onHit?: readonly Statement[]
}

export interface Architecture {
  readonly name: Program['architecture']
  /** Of the package that `main` instantiates. */
  readonly packageName: string
  /** Lowers the blocks that `main` was given, by the package's parameter names. */
  lowerBlocks(lower: Lowering, blocks: ReadonlyMap<string, BlockObject>): LoweredBlocks
  /** Makes an extern instance, adding its state to the program. Undefined: unknown extern. */
  construct(
    lower: Lowering,
    type: ExternType,
    name: string,
    args: readonly Value[],
    range: Range,
  ): ExternObject | undefined
  /** Undefined: unknown method. */
  method(lower: Lowering, object: ExternObject, call: ExternCall): Value | undefined
  /** Undefined: unknown function. */
  function(lower: Lowering, call: ExternCall): Value | undefined
  /** A table property other than key, actions, entries, default_action and size. */
  property(lower: Lowering, name: string, value: ExternObject, attributes: TableAttributes): void
}
