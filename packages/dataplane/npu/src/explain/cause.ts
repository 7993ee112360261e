/**
 * From a run's verdict back to what brought it about: over what each event read, and over the branches, selects and
 * lookups that decided that it happened. What an event only overwrote is no cause.
 */
import { type Program, RESERVED_DROP, VERDICT } from '@lodestone/p4'
import type { RunOutcome } from './explanation.ts'
import type { Recount, Run } from './recount.ts'
import type { RunEvent } from './run-event.ts'

export interface Cause {
  /** The event that decided; undefined where a slot kept the value it began with. */
  readonly decisive: RunEvent | undefined
  /** All events that had a part, in order. */
  readonly events: readonly RunEvent[]
}

/** Events that the end of a run rests on. */
export function causeOf(recount: Recount, run: Run, verdict: number, outcome?: RunOutcome): Cause {
  const root = rootOf(recount, run, settledVerdict(verdict, outcome))
  if (root === undefined) return { decisive: undefined, events: [] }
  const decisive = decisiveOf(recount, root)
  const roots = [root, ...(decisive === undefined ? [] : guards(recount, decisive))]
  const ids = [...backwards(recount.events, roots, true)].sort((a, b) => a - b)
  return { decisive, events: ids.map((id) => recount.events[id]!) }
}

/** Where a run stopped for its target, which then did what the program had decided about drops: that decision. */
function settledVerdict(verdict: number, outcome: RunOutcome | undefined): number {
  if (verdict >>> 24 !== VERDICT.target || outcome?.kind !== 'dropped') return verdict
  const { number } = outcome
  const isProgram = number < RESERVED_DROP.parserReject || number === RESERVED_DROP.badPriority
  return isProgram ? (VERDICT.drop << 24) | number : verdict
}

/** Branches before an event, in its block, that might have ended the block instead. */
function guards(recount: Recount, { id: end, run, block }: RunEvent): number[] {
  const found: number[] = []
  for (let id = recount.runs[run]?.firstEvent ?? end; id < end; id++) {
    const event = recount.events[id]!
    if (event.kind !== 'branch' || event.block !== block || event.statement.kind !== 'if') continue
    const other = event.isTaken ? event.statement.else : event.statement.then
    if (other.some(({ kind }) => kind === 'exit' || kind === 'return')) found.push(id)
  }
  return found
}

/** Everything that the given events rest on, they included. @param withControl also what decided that they happened. */
export function backwards(events: readonly RunEvent[], from: readonly number[], withControl: boolean): Set<number> {
  const found = new Set<number>()
  const open = from.filter((id) => id >= 0)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    const event = events[id]!
    for (const read of event.reads) if (read >= 0) open.push(read)
    if (withControl && event.parent >= 0) open.push(event.parent)
  }
  return found
}

/** The event that gave the verdict. */
function rootOf(recount: Recount, run: Run, verdict: number): number | undefined {
  const { intrinsics } = recount.program
  const writer = (name: string): number | undefined => {
    const slot = intrinsics[name]
    const event = slot === undefined ? -1 : run.writers[slot]!
    return event < 0 ? undefined : event
  }
  const value = verdict & 0xffff
  switch (verdict >>> 24) {
    case VERDICT.drop:
      if (value === RESERVED_DROP.parserReject) {
        for (let id = run.lastEvent - 1; id >= run.firstEvent; id--) {
          if (recount.events[id]!.kind === 'parserError') return id
        }
      }
      if (value === RESERVED_DROP.noHeadRoom) return undefined
      return writer('egress.drop')
    case VERDICT.unicast:
      return writer('egress.port')
    case VERDICT.broadcast:
      return writer('egress.broadcast')
    case VERDICT.multicast:
      return writer('egress.multicastGroup')
    default:
      return writer('target.special')
  }
}

/** Behind what the compiler added (assignments without a place in the source): what they were computed from. */
function decisiveOf(recount: Recount, root: number): RunEvent | undefined {
  let event: RunEvent | undefined = recount.events[root]
  // Programs that were not made from source have no places at all.
  if (recount.program.files.length === 0) return event
  while (event !== undefined && event.at === undefined) {
    const before: number = Math.max(-1, ...event.reads)
    event = before < 0 ? undefined : recount.events[before]
  }
  return event
}

/** Assignments that mean to drop and were undone in the same run: pairs of events. */
export function undoneDrops(recount: Recount, run: Run): { readonly dropped: RunEvent; readonly undone: RunEvent }[] {
  const signals = dropSignals(recount.program)
  const found: { dropped: RunEvent; undone: RunEvent }[] = []
  const open = new Map<number, RunEvent>()
  for (let id = run.firstEvent; id < run.lastEvent; id++) {
    const event = recount.events[id]!
    if (event.kind !== 'assign' || event.at === undefined) continue
    const { slot, after } = event.write
    const isDrop = signals.get(slot)
    if (isDrop === undefined) continue
    const dropped = open.get(slot)
    if (isDrop(after)) open.set(slot, event)
    else if (dropped !== undefined) {
      // What the target puts back between ingress and egress is not the program's doing.
      if (dropped.block === event.block) found.push({ dropped, undone: event })
      open.delete(slot)
    }
  }
  return found
}

/** Slots whose value says that the packet is to be dropped. */
function dropSignals(program: Program): ReadonlyMap<number, (value: bigint) => boolean> {
  const { intrinsics } = program
  const signals = new Map<number, (value: bigint) => boolean>()
  const spec = intrinsics['standard.egress_spec']
  if (program.architecture === 'v1model' && spec !== undefined) signals.set(spec, (value) => value === 511n)
  const drop = intrinsics['egress.drop']
  if (drop !== undefined) signals.set(drop, (value) => value === 1n)
  for (const name of ['ingress.drop', 'standard.drop']) {
    const slot = intrinsics[name]
    if (slot !== undefined) signals.set(slot, (value) => value === 1n)
  }
  return signals
}
