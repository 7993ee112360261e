/**
 * What was in the pipeline's tables before what is in them now, as far back as its room reaches: each write with the one that takes it back. It
 * outlives the daemon, whose tables begin empty.
 */
import type { Entry, Pipeline, TableResult } from '@lodestone/npu'

export type Undo =
  | { readonly kind: 'add' | 'modify' | 'delete'; readonly table: string; readonly entry: Entry }
  /** The table was emptied. */
  | { readonly kind: 'fill'; readonly table: string; readonly entries: readonly Entry[] }
  | { readonly kind: 'default'; readonly table: string; readonly before: DefaultAction | undefined }

export interface DefaultAction {
  readonly action: string
  readonly parameters: readonly bigint[]
}

type Tables = Pick<
  Pipeline,
  'tables' | 'entries' | 'addEntry' | 'modifyEntry' | 'deleteEntry' | 'setDefault' | 'resetDefault' | 'clearTable'
>

/** Entries that are kept: a few megabytes at most. */
const ROOM = 8192

export class TableJournal {
  readonly #nowMs: () => number
  readonly #room: number
  readonly #undos: { readonly atMs: number; readonly undo: Undo }[] = []
  readonly #defaults = new Map<string, DefaultAction>()
  #weight = 0
  #reachesBackToMs: number

  constructor(nowMs: () => number, room: number = ROOM) {
    this.#nowMs = nowMs
    this.#room = room
    // What was before the switch began, nobody knows.
    this.#reachesBackToMs = nowMs()
  }

  /** What was before this time is not known. */
  get reachesBackToMs(): number {
    return this.#reachesBackToMs
  }

  note(undo: Undo): void {
    this.#undos.push({ atMs: this.#nowMs(), undo })
    this.#weight += weightOf(undo)
    while (this.#weight > this.#room) {
      const first = this.#undos.shift()!
      this.#weight -= weightOf(first.undo)
      this.#reachesBackToMs = first.atMs
    }
  }

  setDefault(table: string, action: string, parameters: readonly bigint[]): void {
    this.note({ kind: 'default', table, before: this.#defaults.get(table) })
    this.#defaults.set(table, { action, parameters })
  }

  /** Makes the tables of another pipeline of the same program what those of `live` were then. Asked for no earlier than it reaches back. */
  restore(live: Tables, atMs: number, into: Tables): void {
    const defaults = new Map<string, DefaultAction | undefined>(this.#defaults)
    for (const { name, isConst } of live.tables) {
      if (isConst) continue
      must(into.clearTable(name))
      for (const entry of live.entries(name) ?? []) must(into.addEntry(name, entry))
    }
    for (let i = this.#undos.length - 1; i >= 0 && this.#undos[i]!.atMs > atMs; i--) {
      const { undo } = this.#undos[i]!
      if (undo.kind === 'default') defaults.set(undo.table, undo.before)
      else takeBack(into, undo)
    }
    for (const [table, set] of defaults) {
      must(set === undefined ? into.resetDefault(table) : into.setDefault(table, set.action, set.parameters))
    }
  }
}

function takeBack(into: Tables, undo: Exclude<Undo, { kind: 'default' }>): void {
  switch (undo.kind) {
    case 'add':
      return must(into.addEntry(undo.table, undo.entry))
    case 'modify':
      return must(into.modifyEntry(undo.table, undo.entry))
    case 'delete':
      return must(into.deleteEntry(undo.table, undo.entry))
    case 'fill':
      for (const entry of undo.entries) must(into.addEntry(undo.table, entry))
      return
    default: {
      const unreachable: never = undo
      return unreachable
    }
  }
}

function weightOf(undo: Undo): number {
  return undo.kind === 'fill' ? 1 + undo.entries.length : 1
}

/** They were written before, in this order: what fails here is a bug. */
function must(result: TableResult): void {
  if (!result.ok) throw new Error(`a table cannot be made what it was: ${result.error.kind}`)
}
