/** What an observer gathered → an explanation. */
import { summarize } from '@lodestone/packet'
import type { DropReason } from '@lodestone/probe'
import type { TableControl } from '../table/table-control.ts'
import type { Explanation, RunOutcome, StepRef } from './explanation.ts'
import { type ExplainContext, explainRun, mattering } from './explain-run.ts'
import { hexOf } from './byte-string.ts'
import type { ObservedRun } from './observer.ts'
import type { Recount } from './recount.ts'

const ENTRIES_MAX = 250_000

export interface ExplainPacketOptions {
  readonly frame: Uint8Array
  readonly port: number
  readonly tables: readonly TableControl[]
  readonly portName: (port: number) => string
  /** Entries per table that may be looked through for the nearest one. Default 250 000: a few seconds. */
  readonly entriesMax?: number
  /** What is known to be different from what the packet saw. */
  readonly notes?: readonly string[]
}

/** What is to be explained: an observer, or recorded runs. */
interface Observed {
  readonly recount: Recount
  readonly runs: readonly ObservedRun[]
  readonly lost?: readonly number[]
  reasonOf?(number: number): DropReason
}

export function explainPacket(observer: Observed, options: ExplainPacketOptions): Explanation {
  const { recount } = observer
  const { program } = recount
  const { frame, port } = options
  const context: ExplainContext = {
    recount,
    tables: options.tables,
    portName: options.portName,
    entriesMax: options.entriesMax ?? ENTRIES_MAX,
    matters: new Set(observer.runs.flatMap((watched) => [...mattering(recount, watched)])),
    steps: new Map<number, StepRef>(),
  }
  const notes = [...(options.notes ?? [])]
  const runs = observer.runs.map((watched) => {
    const { gap, deparsed, index } = watched.run
    const run = observer.runs.length === 1 ? 'the run' : `run ${index + 1}`
    if (gap !== undefined) notes.push(`${run} is not told to its end: ${gap}`)
    // A self-check: what follows from the records must be what the generated code did.
    else if (
      watched.outcome.kind === 'sent' &&
      watched.outcome.bytes !== '' &&
      deparsed !== undefined &&
      !isSame(watched, deparsed)
    ) {
      notes.push(`${run} as it is told would have sent other bytes: part of the explanation may be wrong`)
    }
    return explainRun(context, { ...watched, outcome: outcomeOf(observer, watched) })
  })
  const isExact = notes.length === 0
  for (const number of observer.lost ?? []) {
    notes.push(`a copy was not made: ${observer.reasonOf?.(number).sentence ?? `reason ${number}`}`)
  }
  return {
    version: 1,
    program: program.name,
    architecture: program.architecture,
    packet: { port, length: frame.length, bytes: hexOf(frame), summary: summarize(frame, 0, frame.length) },
    runs,
    isExact,
    notes,
  }
}

/** Whether the frame that was sent is the one that the records tell, cut to the length that the program asked for. */
function isSame({ run, outcome }: ObservedRun, deparsed: Uint8Array): boolean {
  return (
    outcome.kind !== 'sent' ||
    (hexOf(deparsed).startsWith(outcome.bytes) && (outcome.bytes.length === 2 * deparsed.length || run.isTruncated))
  )
}

/** What a run that did not end at a port goes on as. */
function outcomeOf(observer: Observed, { run, outcome }: ObservedRun): RunOutcome {
  if (outcome.kind !== 'continued') return outcome
  const next = observer.runs.filter((one) => one.run.parent === run.index)
  return { kind: 'continued', as: next.map((one) => `run ${one.run.index + 1} (${one.cause})`).join(', ') || 'nothing' }
}
