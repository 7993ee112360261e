/**
 * Idle time-outs of table entries, kept in the entries (`IDLE` of `layout.ts`). The packet path counts what matches an
 * entry; whether the count has moved since the last look is all there is to know, so a look costs one read per entry with a
 * time-out and the packet path nothing.
 */
import { IDLE } from '@lodestone/p4'
import type { Entry, EntryKey } from '../pipeline.ts'
import type { StateMemory } from '../state-memory.ts'
import type { TableControl } from '../table/table-control.ts'

export interface IdleEntry {
  readonly table: string
  readonly entry: EntryKey
  readonly idleMs: number
}

/** An entry was written. Without a time-out it is no longer watched. */
export function watchEntry(control: TableControl, entry: Entry, state: StateMemory, nowMs: number): void {
  const { idleOffset } = control.store.layout
  const address = idleOffset === undefined ? 0 : control.locate(entry)
  if (idleOffset === undefined || address === 0) return
  const at = (address + idleOffset) >> 3
  state.f64[at + IDLE.timeoutMs / 8] = entry.idleTimeoutMs ?? 0
  state.f64[at + IDLE.activeMs / 8] = nowMs
  state.f64[at + IDLE.packets / 8] = control.store.packets(address)
  state.f64[at + IDLE.isTold / 8] = 0
}

/** Entries whose time is up, each once until something matches it again. */
export function expiredEntries(control: TableControl, state: StateMemory, nowMs: number): IdleEntry[] {
  const { store } = control
  const { idleOffset } = store.layout
  if (idleOffset === undefined) return []
  const found: IdleEntry[] = []
  const { f64 } = state
  for (const address of store.addresses()) {
    const at = (address + idleOffset) >> 3
    const timeoutMs = f64[at + IDLE.timeoutMs / 8]!
    if (timeoutMs === 0) continue
    const packets = store.packets(address)
    if (packets !== f64[at + IDLE.packets / 8]) {
      f64[at + IDLE.packets / 8] = packets
      f64[at + IDLE.activeMs / 8] = nowMs
      f64[at + IDLE.isTold / 8] = 0
      continue
    }
    const idleMs = nowMs - f64[at + IDLE.activeMs / 8]!
    if (f64[at + IDLE.isTold / 8] === 1 || idleMs < timeoutMs) continue
    f64[at + IDLE.isTold / 8] = 1
    found.push({ table: control.description.name, entry: control.entryKey(address), idleMs })
  }
  return found
}
