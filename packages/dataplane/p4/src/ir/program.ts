/**
 * A compiled P4 program before code generation: the seam between the front end (source → `Program`) and the back end
 * (`Program` → WebAssembly, and the reference interpreter in tests). Plain data, no cycles: ids are indices.
 */
import type { Expression, SlotId } from './expression.ts'
import type { HashAlgorithm, HeaderId, ProcedureId, SourceRef, Statement } from './statement.ts'
import type { Action, KeySet, MatchKind, Table } from './table.ts'

/** A variable of the program. All slots are 0 (headers invalid, booleans false) when a packet enters. */
export interface Slot {
  /** As the source names it, qualified: `hdr.ipv4.ttl`, `meta.nat_hit`, `ingress.nat.tmp`. */
  readonly name: string
  readonly kind: 'bit' | 'int' | 'bool' | 'error' | 'varbit'
  /** In bits; for a varbit its maximum. */
  readonly width: number
  /** For traces: how people read it. */
  readonly format?: 'decimal' | 'hex' | 'mac' | 'ipv4' | 'ipv6'
}

export interface HeaderInstance {
  /** `hdr.ipv4`, `hdr.option[2]`. */
  readonly name: string
  /** Width-1 slot. */
  readonly valid: SlotId
  /** In wire order; at most one has kind varbit. The widths of the others sum to whole bytes. */
  readonly fields: readonly SlotId[]
}

/** One key of a select: the same sets as table entries. */
export interface SelectCase {
  readonly keys: readonly KeySet[]
  /** A parser value set by id instead of constant keys (`Program.valueSets`). */
  readonly valueSet?: number
  readonly next: StateTarget
}

/** Index of a state of the same parser, or the end. */
export type StateTarget = number | 'accept' | 'reject'

export interface ParserState {
  readonly name: string
  readonly body: readonly Statement[]
  /** `keys` empty: goes to `otherwise` unconditionally. First matching case wins; none: `otherwise`. */
  readonly select: {
    readonly keys: readonly Expression[]
    readonly cases: readonly SelectCase[]
    /** Without a default case in the source: 'noMatch' raises error.NoMatch and rejects. */
    readonly otherwise: StateTarget | 'noMatch'
  }
  readonly at?: SourceRef
}

/** Sub-parsers are inlined: their states appear here with qualified names. State 0 is `start`. */
export interface Parser {
  readonly name: string
  readonly states: readonly ParserState[]
}

/** A control's apply body, a function, or code shared by several of them. */
export interface Procedure {
  readonly name: string
  readonly body: readonly Statement[]
}

export type Extern =
  | {
      readonly kind: 'counter'
      readonly name: string
      readonly size: number
      readonly counts: 'packets' | 'bytes' | 'both'
    }
  | { readonly kind: 'directCounter'; readonly name: string; readonly counts: 'packets' | 'bytes' | 'both' }
  | {
      readonly kind: 'register'
      readonly name: string
      readonly size: number
      readonly width: number
      /** Of every cell; absent: 0. */
      readonly initial?: bigint
    }
  | { readonly kind: 'meter'; readonly name: string; readonly size: number; readonly unit: 'packets' | 'bytes' }
  | { readonly kind: 'directMeter'; readonly name: string; readonly unit: 'packets' | 'bytes' }
  | { readonly kind: 'actionProfile'; readonly name: string; readonly size: number }
  | {
      readonly kind: 'actionSelector'
      readonly name: string
      readonly size: number
      readonly maxGroupSize: number
      /** Of the selector keys; its low `outputWidth` bits, modulo the group's size, choose the member. */
      readonly algorithm?: HashAlgorithm
      readonly outputWidth?: number
    }
  | {
      readonly kind: 'digest'
      readonly name: string
      readonly fields: readonly { readonly name: string; readonly width: number }[]
    }

export interface ValueSet {
  readonly name: string
  readonly size: number
  readonly keys: readonly { readonly name: string; readonly width: number; readonly match: MatchKind }[]
}

/** A programmable block in the order the architecture runs them: `parser`, `ingress`, `egress`, `deparser`, … */
export type Block =
  | { readonly name: string; readonly kind: 'parser'; readonly parser: number }
  | { readonly name: string; readonly kind: 'control'; readonly procedure: ProcedureId }

export interface Program {
  readonly name: string
  readonly architecture: 'softnpu' | 'v1model' | 'psa'
  readonly slots: readonly Slot[]
  readonly headers: readonly HeaderInstance[]
  readonly parsers: readonly Parser[]
  readonly procedures: readonly Procedure[]
  readonly actions: readonly Action[]
  readonly tables: readonly Table[]
  readonly externs: readonly Extern[]
  readonly valueSets: readonly ValueSet[]
  readonly blocks: readonly Block[]
  /**
   * What resubmitted, recirculated and cloned packets keep (v1model): slots by list. Packets name a list by its index plus
   * one, in the intrinsics `target.cloneList`, `target.resubmit` and `target.recirculate`.
   */
  readonly fieldLists?: readonly (readonly SlotId[])[]
  /** Compiled to behave like BMv2 where it departs from the language: parser errors do not drop. */
  readonly isBmv2?: boolean
  /**
   * The slots through which program and target talk, by the architecture's own names. softnpu:
   * `ingress.port` (16), `egress.port` (16), `egress.drop` (1), `egress.broadcast` (1), `egress.dropReason` (8),
   * `egress.multicastGroup` (16), `packet.length` (32), `parser.error` (16).
   */
  readonly intrinsics: Readonly<Record<string, SlotId>>
  /** Error code → name; 0 is NoError, 1 PacketTooShort, 2 NoMatch, 3 StackOutOfBounds, 4 HeaderTooShort, 5 ParserTimeout, 6 ParserInvalidArgument. */
  readonly errors: readonly string[]
  /** Source file names that `SourceRef.file` points into. */
  readonly files: readonly string[]
  /** Names of enumerators, constants and the like that make traces readable: slot → value → name. */
  readonly valueNames: ReadonlyMap<SlotId, ReadonlyMap<bigint, string>>
}

export type { HeaderId }
