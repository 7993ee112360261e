/** Match-action tables and actions of the intermediate representation. */
import type { Expression, SlotId } from './expression.ts'
import type { ExternId, SourceRef, Statement } from './statement.ts'

export type MatchKind = 'exact' | 'lpm' | 'ternary' | 'range' | 'optional' | 'selector'

export interface TableKey {
  /** As the control plane names it: the `@name`, or the expression's text (`hdr.ipv4.dst`). */
  readonly name: string
  readonly match: MatchKind
  readonly expression: Expression
}

/** One key of an entry. `ternary` with a zero mask, `lpm` with length 0 and `any` match everything. */
export type KeySet =
  | { readonly kind: 'exact'; readonly value: bigint }
  | { readonly kind: 'lpm'; readonly value: bigint; readonly length: number }
  | { readonly kind: 'ternary'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'range'; readonly low: bigint; readonly high: bigint }
  | { readonly kind: 'any' }

/** A use of an action by a table. */
export interface ActionRef {
  /** Index into `Program.actions`. */
  readonly action: number
  readonly isDefaultOnly: boolean
  readonly isTableOnly: boolean
  /** Copy-in of arguments bound in the action list, and copy-out after. */
  readonly before: readonly Statement[]
  readonly after: readonly Statement[]
}

export interface BoundAction {
  /** Index into the table's `actions`. */
  readonly action: number
  /** One value per control-plane parameter of the action. */
  readonly parameters: readonly bigint[]
}

export interface TableEntry {
  readonly keys: readonly KeySet[]
  readonly action: BoundAction
  /** The larger number wins where several entries match (tables with ternary, range or optional keys). */
  readonly priority: number
}

export interface Table {
  /** Full control-plane path: `ingress.router.lookup`, or the `@name`. */
  readonly name: string
  readonly keys: readonly TableKey[]
  readonly actions: readonly ActionRef[]
  readonly defaultAction: BoundAction
  readonly isDefaultConst: boolean
  /** With a selector: what a hit does whose group has no members; absent: the default action. */
  readonly emptyGroupAction?: BoundAction
  /** Entries the program promises room for; undefined when it says nothing. */
  readonly size: number | undefined
  readonly entries: readonly TableEntry[]
  /** With const entries the control plane may not add any. */
  readonly areEntriesConst: boolean
  /** Width 1: whether the last apply hit. */
  readonly hitSlot: SlotId
  /** Width 16: index into `actions` of the action that the last apply ran. */
  readonly actionSlot: SlotId
  readonly directCounter?: ExternId
  readonly directMeter?: ExternId
  /** Action profile or selector that the table is implemented by. */
  readonly implementation?: ExternId
  /** 32 bits, for a selector: the hash of the selector keys, computed before every apply. */
  readonly selectorSlot?: SlotId
  /** Entries may have idle time-outs. */
  readonly supportsTimeout?: boolean
  readonly at?: SourceRef
}

export interface Action {
  /** Full path: `ingress.router.forward`. */
  readonly name: string
  /** The parameters that the control plane gives, in order; the table's apply loads them into these slots. */
  readonly parameters: readonly { readonly name: string; readonly width: number; readonly slot: SlotId }[]
  readonly body: readonly Statement[]
  readonly at?: SourceRef
}
