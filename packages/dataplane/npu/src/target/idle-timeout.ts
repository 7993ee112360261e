/**
 * Idle time-outs of table entries. The packet path counts what matches an entry; whether the count has moved since the
 * last look is all there is to know, so a look costs one read per entry with a time-out and the packet path nothing.
 */
import type { Entry, EntryKey } from '../pipeline.ts'
import type { TableControl } from '../table/table-control.ts'

export interface IdleEntry {
  readonly table: string
  readonly entry: EntryKey
  readonly idleMs: number
}

interface Watched {
  readonly entry: EntryKey
  readonly timeoutMs: number
  packets: number
  activeMs: number
  isTold: boolean
}

export class IdleTimeouts {
  readonly #watched = new Map<TableControl, Map<string, Watched>>()

  /** An entry was written. Without a time-out it is no longer watched. */
  watch(control: TableControl, entry: Entry, nowMs: number): void {
    const { idleTimeoutMs } = entry
    const text = textOf(entry)
    if (idleTimeoutMs === undefined || idleTimeoutMs === 0) {
      this.#watched.get(control)?.delete(text)
      return
    }
    let table = this.#watched.get(control)
    if (table === undefined) {
      table = new Map()
      this.#watched.set(control, table)
    }
    const key = { keys: entry.keys, ...(entry.priority === undefined ? {} : { priority: entry.priority }) }
    const at = control.locate(entry)
    const packets = at === 0 ? 0 : control.store.packets(at)
    table.set(text, { entry: key, timeoutMs: idleTimeoutMs, packets, activeMs: nowMs, isTold: false })
  }

  forget(control: TableControl, entry: EntryKey): void {
    this.#watched.get(control)?.delete(textOf(entry))
  }

  clear(control: TableControl): void {
    this.#watched.delete(control)
  }

  /** Entries whose time is up, each once until something matches it again. */
  expired(nowMs: number): IdleEntry[] {
    const found: IdleEntry[] = []
    for (const [control, entries] of this.#watched) {
      for (const [text, watched] of entries) {
        const at = control.locate(watched.entry)
        if (at === 0) {
          entries.delete(text)
          continue
        }
        const packets = control.store.packets(at)
        if (packets !== watched.packets) {
          watched.packets = packets
          watched.activeMs = nowMs
          watched.isTold = false
          continue
        }
        const idleMs = nowMs - watched.activeMs
        if (watched.isTold || idleMs < watched.timeoutMs) continue
        watched.isTold = true
        found.push({ table: control.description.name, entry: watched.entry, idleMs })
      }
    }
    return found
  }
}

function textOf({ keys, priority }: EntryKey): string {
  return `${keys.map((key) => Object.values(key).map(String).join(':')).join()};${priority ?? ''}`
}
