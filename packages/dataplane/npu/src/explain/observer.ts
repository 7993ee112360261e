/**
 * Accompanies one packet through the pipeline: every run of the program that it causes, and what became of each. The
 * pipeline reports to it while somebody watches; stories and explanations are made from what it gathered.
 */
import type { Arena } from '@lodestone/frame'
import type { Generated } from '@lodestone/p4'
import type { DropReason } from '@lodestone/probe'
import { dropCategoryOf } from '../drop-reason.ts'
import type { StateMemory } from '../state-memory.ts'
import { hexOf } from './byte-string.ts'
import type { RunCause, RunOutcome } from './explanation.ts'
import type { ReadEntry, Recount, Run } from './recount.ts'
import { Watch } from './watch.ts'

export interface ObservedRun {
  readonly run: Run
  readonly cause: RunCause
  readonly port: number
  readonly verdict: number
  readonly outcome: RunOutcome
}

/** What an observer needs of its pipeline. */
export interface ObserverScope {
  readonly generated: Generated
  readonly state: StateMemory
  readonly arena: Arena
  readonly readEntry: ReadEntry
  readonly portName: (port: number) => string
  readonly dropReason: (reason: number) => DropReason
}

const UNKNOWN: RunOutcome = { kind: 'continued', as: 'nothing more' }

export class PacketObserver {
  readonly runs: ObservedRun[] = []
  /** Reasons that copies were dropped for before they had a run of their own. */
  readonly lost: number[] = []
  readonly #scope: ObserverScope
  readonly #watch: Watch
  #cause: RunCause = 'received'
  #port = 0
  #origin = -1

  constructor(scope: ObserverScope) {
    this.#scope = scope
    this.#watch = new Watch(scope.generated, scope.state, scope.arena, scope.readEntry)
  }

  get recount(): Recount {
    return this.#watch.recount
  }

  /** Index of the latest run: where what comes next comes from. */
  get current(): number {
    return this.runs.length - 1
  }

  /** A run over this frame begins. `origin`: the run whose state it begins with; -1: none, it begins anew. */
  before(slot: number, cause: RunCause, port: number, origin = -1): void {
    this.#cause = cause === 'received' && origin >= 0 ? 'egress' : cause
    this.#port = port
    this.#origin = origin
    this.#watch.before(slot, this.#cause !== 'received')
  }

  after(verdict: number): void {
    const run = this.#watch.after(verdict, this.#origin)
    this.runs.push({ run, cause: this.#cause, port: this.#port, verdict, outcome: UNKNOWN })
  }

  /** What became of the latest run. */
  sent(slot: number, port: number): void {
    const bytes = hexOf(this.#scope.arena.peek(slot))
    this.#end({ kind: 'sent', port, portName: this.#scope.portName(port), bytes })
  }

  dropped(number: number): void {
    const reason = this.#scope.dropReason(number)
    this.#end({ kind: 'dropped', category: dropCategoryOf(number), reason, number })
  }

  continued(as: string): void {
    this.#end({ kind: 'continued', as })
  }

  /** A copy that could not be made, or was dropped before egress. */
  lostCopy(number: number): void {
    this.lost.push(number)
  }

  reasonOf(number: number): DropReason {
    return this.#scope.dropReason(number)
  }

  #end(outcome: RunOutcome): void {
    const last = this.runs.at(-1)
    if (last !== undefined) this.runs[this.runs.length - 1] = { ...last, outcome }
  }
}
