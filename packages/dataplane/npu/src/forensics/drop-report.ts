/** Why packets were dropped, over all traffic: exact counts, and for a sample of them the place in the program. */
import type { DropReason } from '@lodestone/probe'
import type { DropCategory } from '../drop-reason.ts'
import type { Explanation, Position } from '../explain/explanation.ts'

export interface ForensicsOptions {
  /** Dropped packets that are replayed per second of the pipeline's clock; the others are counted. Default 50. */
  readonly replaysPerSecond?: number
  /** Replays that may come at once. Default: one second's. */
  readonly burst?: number
  /** Groups of (reason, place, port) that are kept apart. Default 64. */
  readonly groupsMax?: number
  /** Explained packets kept per group: the first ones, and the latest in place of the last of them. Default 3. */
  readonly exemplarsMax?: number
  /** Entries per table that are looked through for the nearest one. Default 1000. */
  readonly entriesMax?: number
}

/** What an entry was when the packet met it. */
export interface MetEntry {
  readonly table: string
  /** Absent for the default action. */
  readonly entry?: string
  readonly action: string
  readonly parameters: readonly { readonly name: string; readonly value: string }[]
}

export interface Exemplar {
  readonly atMs: number
  readonly explanation: Explanation
  readonly entries: readonly MetEntry[]
}

/** All dropped packets of one reason and port of ingress; -1 is for packets that a queue held, and for ports beyond count. */
export interface ReasonCount {
  readonly number: number
  readonly category: DropCategory
  readonly reason: DropReason
  readonly port: number
  readonly packets: number
}

export interface DropGroup {
  readonly number: number
  readonly category: DropCategory
  readonly reason: DropReason
  readonly port: number
  /** The statement that decided; absent where none did. */
  readonly at?: Position
  readonly decidedBy?: string
  /** Packets of the sample. */
  readonly replayed: number
  /** Estimate of all: the sample's share of its reason and port. */
  readonly packets: number
  readonly exemplars: readonly Exemplar[]
}

export interface DropReport {
  readonly version: 1
  /** When forensics was switched on or reset, and now, by the pipeline's clock. */
  readonly sinceMs: number
  readonly nowMs: number
  readonly dropped: number
  readonly replayed: number
  /** Replays that were not like the original: their explanations say why. */
  readonly approximate: number
  readonly reasons: readonly ReasonCount[]
  /** Most packets first. */
  readonly groups: readonly DropGroup[]
  /** Replayed packets of groups beyond the limit. */
  readonly ungrouped: number
}

export interface Forensics {
  readonly isOn: boolean
  enable(options?: ForensicsOptions): void
  disable(): void
  /** Forgets what was gathered. */
  reset(): void
  report(): DropReport
}
