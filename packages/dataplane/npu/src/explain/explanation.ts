/**
 * Why a program did with a packet what it did: one versioned form for machines, from which the text for people is made
 * (`explanation-text.ts`). Values are formatted as people read them. Version 1.
 *
 * A packet makes one run through the program, and one more for each copy, clone and further round; runs refer to the run
 * they came from, so together they are a tree.
 */
import type { DropReason } from '@lodestone/probe'
import type { DropCategory } from '../drop-reason.ts'

/** Lines and columns count from 1. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A step of a run: index into `Explanation.runs` and into that run's `steps`. */
export interface StepRef {
  readonly run: number
  readonly step: number
}

export interface FormattedValue {
  readonly name: string
  readonly value: string
}

/** A field of an entry that did not match. */
export interface FailedKey {
  readonly key: string
  readonly match: string
  readonly width: number
  /** What the entry asks for, as the control plane would write it. */
  readonly wanted: string
  /** What the packet has. */
  readonly value: string
  /** Bits that are compared and differ, counted from 1 at the most significant bit. Empty for a range. */
  readonly differingBits: readonly number[]
  /** For a range: how far outside, as a decimal number. */
  readonly distance?: string
}

export interface NearestEntry {
  readonly entry: string
  readonly failed: readonly FailedKey[]
  /** Entries that were looked at, and all there are. Less than all only where time is short. */
  readonly examined: number
  readonly entries: number
}

export type ExplainedStep = {
  readonly at?: Position
  /** Whether it had a part in the verdict or in the bytes that left. */
  readonly matters: boolean
} & (
  | { readonly kind: 'state'; readonly parser: string; readonly state: string }
  /** Where the parser went from a state. `chosen`: the case's keys as in the source, or `default`. */
  | {
      readonly kind: 'select'
      readonly keys: readonly FormattedValue[]
      readonly chosen: string
      readonly next: string
    }
  | {
      readonly kind: 'extract'
      readonly header: string
      /** Bytes from the start of the frame. */
      readonly offset: number
      readonly length: number
      readonly fields: readonly FormattedValue[]
    }
  | {
      readonly kind: 'parserError'
      readonly error: string
      /** Bytes that the parser had consumed, and how many there were from there on. */
      readonly offset: number
      readonly available: number
      readonly isIgnored: boolean
    }
  | { readonly kind: 'branch'; readonly condition: string; readonly value: string; readonly isTaken: boolean }
  | {
      readonly kind: 'table'
      readonly table: string
      readonly keys: readonly (FormattedValue & { readonly match: string })[]
      readonly hit: boolean
      /** The matched entry; absent on a miss. */
      readonly entry?: string
      /** On a miss. */
      readonly nearest?: NearestEntry
      readonly action: string
      readonly actionAt?: Position
      readonly parameters: readonly FormattedValue[]
    }
  | {
      readonly kind: 'assign'
      readonly field: string
      readonly from: string
      readonly to: string
      /** Action that it stands in, if any. */
      readonly action?: string
    }
  /** A value that an extern gave: `register counts[3]`, `hash crc32`, `lookahead`. */
  | {
      readonly kind: 'extern'
      readonly source: string
      /** Absent where it is only part of a larger expression. */
      readonly field?: string
      readonly value: string
    }
  | { readonly kind: 'registerWrite'; readonly register: string; readonly index: string; readonly value: string }
  | { readonly kind: 'call'; readonly name: string; readonly values: readonly string[] }
  | { readonly kind: 'assertion'; readonly text: string }
  | { readonly kind: 'leave'; readonly how: 'return' | 'exit' }
)

/** What deparsing changed. */
export interface HeaderChange {
  readonly header: string
  readonly change: 'added' | 'removed' | 'changed' | 'kept'
  readonly fields: readonly {
    readonly name: string
    /** Absent in an added header. */
    readonly from?: string
    /** Absent in a removed one. */
    readonly to?: string
    /** What set it last. */
    readonly by?: Position
  }[]
}

/** An assignment that meant to drop the packet and was undone by a later one. */
export interface UndoneDrop {
  readonly dropped: StepRef
  readonly undone: StepRef
}

export type RunCause =
  | 'received'
  /** It goes on to egress alone, after a clone was made or a queue let it go. */
  | 'egress'
  | 'broadcast'
  | 'multicast'
  | 'ingress clone'
  | 'egress clone'
  | 'resubmitted'
  | 'recirculated'

export type RunOutcome =
  | { readonly kind: 'sent'; readonly port: number; readonly portName: string; readonly bytes: string }
  | {
      readonly kind: 'dropped'
      readonly category: DropCategory
      readonly reason: DropReason
      /** As `Pipeline.drops` counts it. */
      readonly number: number
    }
  /** It goes on as other runs (copies, another round), which name this one as their parent. */
  | { readonly kind: 'continued'; readonly as: string }

export interface RunExplanation {
  readonly cause: RunCause
  /** The run that this one came from; absent for the first. */
  readonly parent?: number
  /** Port of ingress, or of a copy. */
  readonly port: number
  readonly portName: string
  readonly steps: readonly ExplainedStep[]
  readonly outcome: RunOutcome
  /** The statement that decided; absent where nothing in the program did (a field kept its initial value). */
  readonly decisive?: StepRef
  /** In words: `ingress.acl.drop in table ingress.acl`. */
  readonly decidedBy?: string
  /** The steps that led to the verdict, in order: what was computed from what, and the branches and lookups that led there. */
  readonly because: readonly StepRef[]
  readonly undoneDrops: readonly UndoneDrop[]
  /** Present where the run wrote headers back. */
  readonly headers?: readonly HeaderChange[]
}

export interface Explanation {
  readonly version: 1
  readonly program: string
  readonly architecture: string
  readonly packet: { readonly port: number; readonly length: number; readonly bytes: string; readonly summary: string }
  readonly runs: readonly RunExplanation[]
  /** False when something could not be seen as the packet saw it; `notes` say what. */
  readonly isExact: boolean
  readonly notes: readonly string[]
}
