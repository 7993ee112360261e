/**
 * What happened in a run of a program, statement by statement, with what each depended on. Events are numbered through
 * all runs of one packet; a reference is such a number, and -1 stands for what was there before the first run.
 */
import type { ExternId, HeaderId, SlotId, SourceRef, StateTarget, Statement } from '@lodestone/p4'

interface Happened {
  readonly id: number
  /** Index of the run. */
  readonly run: number
  /** Index into `Program.blocks`. */
  readonly block: number
  readonly at: SourceRef | undefined
  /** The event that decided that this one happens: a branch, a select, a lookup; -1 at the start of a block. */
  readonly parent: number
  /** The events that wrote what this one read. */
  readonly reads: readonly number[]
}

/** A value that a slot was given. */
export interface Write {
  readonly slot: SlotId
  readonly before: bigint
  readonly after: bigint
}

export type RunEvent = Happened &
  (
    | { readonly kind: 'state'; readonly parser: number; readonly state: number }
    | {
        readonly kind: 'select'
        readonly parser: number
        readonly state: number
        readonly values: readonly bigint[]
        /** Index into the cases; -1 for the default. */
        readonly chosen: number
        readonly next: StateTarget | 'noMatch'
      }
    /** `offset`, `length`: bytes from the start of the frame. */
    | { readonly kind: 'extract'; readonly header: HeaderId; readonly offset: number; readonly length: number }
    | { readonly kind: 'advance'; readonly offset: number; readonly bits: bigint }
    /** The parser stops with this error. `offset`: how far it had got. `available`: bytes from there on. */
    | {
        readonly kind: 'parserError'
        readonly error: number
        readonly offset: number
        readonly available: number
        /** The target goes on as if the parser had accepted, and tells the program nothing. */
        readonly isIgnored: boolean
      }
    | { readonly kind: 'branch'; readonly statement: Branch; readonly value: bigint; readonly isTaken: boolean }
    | {
        readonly kind: 'apply'
        readonly table: number
        readonly keys: readonly bigint[]
        /** Address; the default entry's on a miss. */
        readonly entry: number
        readonly sequence: number
        readonly hit: boolean
        /** Index into the table's actions. */
        readonly action: number
        readonly parameters: readonly bigint[]
      }
    | { readonly kind: 'assign'; readonly write: Write; readonly statement: Assignment }
    /** An extern gave a value: register, meter, hash, random number, lookahead, a call of the target. */
    | { readonly kind: 'result'; readonly statement: Statement; readonly write: Write; readonly index?: bigint }
    | { readonly kind: 'registerWrite'; readonly register: ExternId; readonly index: bigint; readonly value: bigint }
    /** A call that changes nothing here: clone, digest, log and the like. */
    | { readonly kind: 'call'; readonly statement: Statement; readonly values: readonly bigint[] }
    | { readonly kind: 'assertion'; readonly statement: Extract<Statement, { kind: 'assert' }> }
    | { readonly kind: 'emit'; readonly header: HeaderId; readonly length: number }
    | { readonly kind: 'leave'; readonly how: 'return' | 'exit' }
  )

export type Branch = Extract<Statement, { kind: 'if' | 'switch' }>
export type Assignment = Extract<Statement, { kind: 'assign' | 'assignSlice' | 'assignVarbit' }>
/** An event before it has its number and its place. */
export type NewEvent = RunEvent extends infer Event
  ? Event extends RunEvent
    ? Omit<Event, keyof Happened>
    : never
  : never
