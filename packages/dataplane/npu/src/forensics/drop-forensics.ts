/**
 * Finds out why packets are dropped while they flow. Forwarded packets run the code without instrumentation; a dropped one
 * is sent once more through the traced variant, with the frame, the clock, the random numbers and the registers and meters
 * that it had, and what comes out is aggregated by (reason, source line, port). Where the replay cannot be sure to see what
 * the packet saw, the explanation says so. Replays are rationed; every drop is counted.
 *
 * What each kind of packet costs: forwarded nothing (programs with registers, meters or random numbers: the undo log);
 * dropped and not replayed, one map operation.
 */
import type { DropReason } from '@lodestone/probe'
import { dropCategoryOf } from '../drop-reason.ts'
import { causeOf } from '../explain/cause.ts'
import type { Explanation, Position, RunExplanation } from '../explain/explanation.ts'
import type { PacketObserver } from '../explain/observer.ts'
import { positionOf } from '../explain/position.ts'
import type {
  DropGroup,
  DropReport,
  Exemplar,
  Forensics,
  ForensicsOptions,
  MetEntry,
  ReasonCount,
} from './drop-report.ts'

/** What it needs of its pipeline. */
export interface ForensicsScope {
  readonly nowMs: () => number
  readonly dropReason: (reason: number) => DropReason
  /** Sends a frame through the traced variant as it was when the packet came; undefined when there is no frame for it. */
  readonly replay: (frame: Uint8Array, port: number) => PacketObserver | undefined
  readonly explain: (
    observer: PacketObserver,
    frame: Uint8Array,
    port: number,
    notes: readonly string[],
    entriesMax: number,
  ) => Explanation
  /** Prepares for being on or off. */
  readonly onSwitch: (isOn: boolean) => void
}

interface Group {
  readonly number: number
  readonly port: number
  readonly at: Position | undefined
  readonly decidedBy: string | undefined
  replayed: number
  readonly exemplars: Exemplar[]
}

const DEFAULTS: Required<Omit<ForensicsOptions, 'burst'>> = {
  replaysPerSecond: 50,
  groupsMax: 64,
  exemplarsMax: 3,
  entriesMax: 1000,
}
/** Pairs of reason and port that are counted apart; the rest goes under port -1. */
const COUNTS_MAX = 4096
/** Port of packets that come from a queue: it is not known, and they are not replayed. */
export const NO_PORT = -1
/** Of a full group, every so many replays become its latest exemplar. */
const RENEW_EVERY = 64

export class DropForensics implements Forensics {
  isOn = false
  readonly #scope: ForensicsScope
  #options = DEFAULTS
  #burst = DEFAULTS.replaysPerSecond
  #tokens = 0
  #filledMs = 0
  #sinceMs = 0
  #dropped = 0
  #replayed = 0
  #approximate = 0
  #ungrouped = 0
  /** Reason number times 65536 plus port → packets, and replays. */
  readonly #counts = new Map<number, { packets: number; replayed: number }>()
  readonly #groups = new Map<string, Group>()

  constructor(scope: ForensicsScope) {
    this.#scope = scope
  }

  enable(options: ForensicsOptions = {}): void {
    this.#options = { ...DEFAULTS, ...options }
    this.#burst = options.burst ?? this.#options.replaysPerSecond
    this.#tokens = this.#burst
    this.#filledMs = this.#scope.nowMs()
    this.reset()
    this.isOn = true
    this.#scope.onSwitch(true)
  }

  disable(): void {
    this.isOn = false
    this.#scope.onSwitch(false)
  }

  reset(): void {
    this.#sinceMs = this.#scope.nowMs()
    this.#dropped = 0
    this.#replayed = 0
    this.#approximate = 0
    this.#ungrouped = 0
    this.#counts.clear()
    this.#groups.clear()
  }

  /** Counts a drop. @returns whether it may be replayed. */
  count(reason: number, port: number): boolean {
    this.#dropped++
    const count = this.#countOf(reason, port)
    count.packets++
    if (port === NO_PORT) return false
    if (this.#tokens < 1) {
      const now = this.#scope.nowMs()
      const elapsedMs = Math.max(0, now - this.#filledMs)
      this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#options.replaysPerSecond) / 1000)
      this.#filledMs = now
    }
    if (this.#tokens < 1) return false
    this.#tokens--
    count.replayed++
    return true
  }

  /** A dropped packet that `count` let through. `notes`: what will not be as the packet saw it. */
  investigate(frame: Uint8Array, port: number, reason: number, notes: readonly string[]): void {
    const { replay, explain } = this.#scope
    const observer = replay(frame, port)
    if (observer === undefined) {
      this.#countOf(reason, port).replayed--
      return
    }
    // A copy that was lost before it ran has no run of its own: the first one asked for it.
    const isLost = observer.lost.includes(reason)
    const dropped = isLost
      ? observer.runs[0]
      : observer.runs.find(({ outcome }) => outcome.kind === 'dropped' && outcome.number === reason)
    const all = dropped === undefined ? [...notes, 'the replayed packet was not dropped for this reason'] : notes
    this.#replayed++
    if (all.length > 0 || dropped?.run.gap !== undefined) this.#approximate++
    const cause =
      dropped === undefined
        ? undefined
        : causeOf(observer.recount, dropped.run, dropped.verdict, dropped.outcome).decisive
    const at = positionOf(observer.recount.program, cause?.at)
    const key = `${reason} ${port} ${at === undefined ? '' : `${at.file}:${at.line}`}`
    let group = this.#groups.get(key)
    if (group === undefined && this.#groups.size >= this.#options.groupsMax) {
      this.#ungrouped++
      return
    }
    const wanted = this.#options.exemplarsMax
    const isFull = group !== undefined && group.exemplars.length >= wanted
    if (wanted === 0 || (isFull && group!.replayed % RENEW_EVERY !== 0)) {
      if (group !== undefined) group.replayed++
      if (group !== undefined) return
    }
    const explanation = explain(observer, frame, port, all, this.#options.entriesMax)
    if (group === undefined) {
      const decidedBy = explanation.runs[dropped?.run.index ?? -1]?.decidedBy
      group = { number: reason, port, at, decidedBy, replayed: 0, exemplars: [] }
      this.#groups.set(key, group)
    }
    group.replayed++
    if (wanted === 0) return
    const exemplar = { atMs: this.#scope.nowMs(), explanation, entries: metEntries(explanation.runs) }
    if (isFull) group.exemplars[wanted - 1] = exemplar
    else group.exemplars.push(exemplar)
  }

  report(): DropReport {
    const { dropReason, nowMs } = this.#scope
    const reasons = [...this.#counts].map(([key, { packets }]): ReasonCount => {
      const number = key >>> 17
      return { number, category: dropCategoryOf(number), reason: dropReason(number), port: portOf(key), packets }
    })
    const groups = [...this.#groups.values()].map((group): DropGroup => {
      const { number, port, at, decidedBy, replayed, exemplars } = group
      const count = this.#countOf(number, port)
      return {
        number,
        category: dropCategoryOf(number),
        reason: dropReason(number),
        port,
        ...(at === undefined ? {} : { at }),
        ...(decidedBy === undefined ? {} : { decidedBy }),
        replayed,
        packets: Math.round((count.packets * replayed) / Math.max(1, count.replayed)),
        exemplars: [...exemplars],
      }
    })
    return {
      version: 1,
      sinceMs: this.#sinceMs,
      nowMs: nowMs(),
      dropped: this.#dropped,
      replayed: this.#replayed,
      approximate: this.#approximate,
      reasons: reasons.sort((a, b) => b.packets - a.packets),
      groups: groups.sort((a, b) => b.packets - a.packets),
      ungrouped: this.#ungrouped,
    }
  }

  #countOf(reason: number, port: number): { packets: number; replayed: number } {
    const key = keyOf(reason, port)
    let count = this.#counts.get(key)
    if (count === undefined && this.#counts.size >= COUNTS_MAX) count = this.#counts.get(keyOf(reason, -1))
    if (count === undefined) {
      const isMore = this.#counts.size >= COUNTS_MAX
      count = { packets: 0, replayed: 0 }
      this.#counts.set(isMore ? keyOf(reason, -1) : key, count)
    }
    return count
  }
}

/** Reason in the upper bits, the port plus one in the lower 17. */
function keyOf(reason: number, port: number): number {
  return (reason << 17) | (port + 1)
}

function portOf(key: number): number {
  return (key & 0x1ffff) - 1
}

function metEntries(runs: readonly RunExplanation[]): MetEntry[] {
  return runs.flatMap(({ steps }) =>
    steps.flatMap((step): MetEntry[] => {
      if (step.kind !== 'table') return []
      const { table, entry, action, parameters } = step
      return [{ table, ...(entry === undefined ? {} : { entry }), action, parameters }]
    }),
  )
}
