/**
 * From a timeline that fails to a short one that fails the same way: delta debugging (Zeller and Hildebrandt, 2002) over its events, after
 * whole kinds of events have been tried. Each event stands alone, so what is left is still a timeline; runs get shorter as it does.
 */
import type { SimEvent } from './fault/sim-event.ts'
import { simulate, type Failure, type SimulationOptions, type Verdict } from './simulation.ts'

export interface ShrinkOptions extends SimulationOptions {
  readonly timeline: readonly SimEvent[]
  readonly failure: Failure
  /** How many runs it may take; default 100. */
  readonly maxRuns?: number
  readonly onStep?: (events: number, runs: number) => void
}

export interface Shrunk {
  readonly timeline: readonly SimEvent[]
  /** Of the last run that failed; undefined when the failure did not come again at all. */
  readonly verdict: Verdict | undefined
  readonly runs: number
  /** Minutes of the first phase that the short timeline needs. */
  readonly minutes: number
}

/** After the last event's end, so that what it breaks can show. */
const AFTER_MS = 1000

export async function shrink(options: ShrinkOptions): Promise<Shrunk> {
  const { failure, maxRuns = 100, onStep } = options
  const wanted = signatures(failure)
  let runs = 0
  let verdict: Verdict | undefined
  const fails = async (timeline: readonly SimEvent[]): Promise<boolean> => {
    if (runs >= maxRuns) return false
    runs++
    const found = await simulate({ ...options, timeline, minutes: minutesOf(timeline) })
    const isSame =
      found.failure !== undefined && [...signatures(found.failure)].some((signature) => wanted.has(signature))
    if (isSame) verdict = found
    onStep?.(timeline.length, runs)
    return isSame
  }
  let timeline = await withoutKinds(options.timeline, fails)
  timeline = await minimal(timeline, fails)
  return { timeline, verdict, runs, minutes: minutesOf(timeline) }
}

export function minutesOf(timeline: readonly SimEvent[]): number {
  return Math.max(AFTER_MS, ...timeline.map(({ atMs, forMs }) => atMs + forMs + AFTER_MS)) / 60_000
}

type Fails = (timeline: readonly SimEvent[]) => Promise<boolean>

/** Most timelines fail because of one kind of event. */
async function withoutKinds(timeline: readonly SimEvent[], fails: Fails): Promise<readonly SimEvent[]> {
  let left = timeline
  for (const kind of new Set(timeline.map(({ action }) => action.kind))) {
    const without = left.filter(({ action }) => action.kind !== kind)
    if (without.length < left.length && (await fails(without))) left = without
  }
  return left
}

/** Such that no chunk of it can be left out: ddmin. */
export async function minimal<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = items
  let chunks = 2
  while (left.length >= 2) {
    const size = Math.ceil(left.length / chunks)
    let reduced: readonly T[] | undefined
    for (let at = 0; at < left.length && reduced === undefined; at += size) {
      const without = [...left.slice(0, at), ...left.slice(at + size)]
      if (await fails(without)) reduced = without
    }
    if (reduced !== undefined) {
      left = reduced
      chunks = Math.max(chunks - 1, 2)
    } else if (size === 1) break
    else chunks = Math.min(chunks * 2, left.length)
  }
  return left
}

/** What failed, without the names and numbers that another timeline changes. */
function signatures({ phase, problems }: Failure): Set<string> {
  return new Set(problems.map((problem) => `${phase} ${problem.replaceAll(/[0-9a-f.:/%]*\d[0-9a-f.:/%]*/g, '#')}`))
}
