/**
 * Writes to the pipeline's tables, several as one: either all of them stand at the end, or none does. A write that has
 * to be undone and cannot be is kept and tried again before anything else is written, so the tables converge on what
 * the daemon believes; until then new writes are refused. Deletions of what nothing refers to any more (`cleanUp`) are
 * kept and tried again too, but hold up nobody.
 */
import type { Entry, TableResult } from '@lodestone/npu'
import type { SwitchPipeline } from './switch-pipeline.ts'
import { DONE, failed, type Outcome, tableFailure } from './outcome.ts'
import type { SwitchTable } from './switch-tables.ts'
import type { TableJournal } from './table-journal.ts'
import { type Origin, WriteRecord } from './write-record.ts'

export type Write =
  | { readonly kind: 'add'; readonly table: SwitchTable; readonly entry: Entry }
  /** `before` is what stands there now. */
  | { readonly kind: 'modify'; readonly table: SwitchTable; readonly entry: Entry; readonly before: Entry }
  /** With its action, so that it can be put back. */
  | { readonly kind: 'delete'; readonly table: SwitchTable; readonly entry: Entry }

/** Writes, and what to remember once they stand. */
export interface Plan {
  readonly writes: readonly Write[]
  commit(): void
}

interface CleanUp {
  readonly writes: Write[]
  readonly done: () => void
}

/** How often one undo is tried before it is put aside. */
const UNDO_ATTEMPTS = 4

export class TableWriter {
  /** Of what stands in the tables. */
  readonly record: WriteRecord
  readonly #pipeline: SwitchPipeline
  readonly #journal: TableJournal | undefined
  readonly #defaults = new Map<string, string>()
  /** Tables that have to be emptied before anything is written. */
  readonly #unclean = new Set<string>()
  #undos: Write[] = []
  #cleanUps: CleanUp[] = []

  /** @param wallMs the time of day, for the record. @param journal told how to take each write back. */
  constructor(pipeline: SwitchPipeline, wallMs: () => number, journal?: TableJournal) {
    this.#pipeline = pipeline
    this.#journal = journal
    this.record = new WriteRecord(wallMs)
  }

  /** Writes that still have to happen before the tables are what the daemon believes. */
  get pending(): number {
    return this.#unclean.size + this.#undos.length + this.#cleanUps.reduce((sum, { writes }) => sum + writes.length, 0)
  }

  /** The default action that was set, by table name. */
  defaultAction(table: string): string | undefined {
    return this.#defaults.get(table)
  }

  /** All writes in order, or none. */
  apply(writes: readonly Write[], origin: Origin): Outcome {
    const unsettled = this.settle()
    if (!unsettled.ok) return unsettled
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i]!
      const result = this.#write(write)
      if (result.ok) continue
      for (let back = i - 1; back >= 0; back--) this.#undo(inverse(writes[back]!))
      return failed(tableFailure(write.table.name, result.error))
    }
    const writing = this.record.writing(origin)
    for (const write of writes) {
      const { kind, table, entry } = write
      if (kind === 'delete') this.record.delete(table.name, entry, writing)
      else {
        if (kind === 'modify') this.record.changed(table.name, write.before, writing)
        this.record.set(table.name, entry, writing)
      }
    }
    return DONE
  }

  /** Several plans as one. */
  run(origin: Origin, ...plans: readonly Plan[]): Outcome {
    const outcome = this.apply(
      plans.flatMap((plan) => plan.writes),
      origin,
    )
    if (outcome.ok) for (const plan of plans) plan.commit()
    return outcome
  }

  /** Deletes entries that nothing refers to any more. `done` is called once all are gone, now or later. */
  cleanUp(writes: readonly Write[], done: () => void = () => {}): void {
    this.#cleanUps.push({ writes: [...writes], done })
    this.#sweep()
  }

  setDefault(table: SwitchTable, action: string, parameters: readonly bigint[]): Outcome {
    const result = this.#pipeline.setDefault(table.name, table.action(action), parameters)
    if (!result.ok) return failed(tableFailure(table.name, result.error))
    this.#defaults.set(table.name, table.action(action))
    this.#journal?.setDefault(table.name, table.action(action), parameters)
    return DONE
  }

  /** Empties every table that can be written, and forgets what was pending. What cannot be emptied now is pending. */
  clear(): Outcome {
    this.#undos = []
    this.#cleanUps = []
    this.record.clear()
    for (const table of this.#pipeline.tables) if (!table.isConst) this.#unclean.add(table.name)
    return this.settle()
  }

  /** Tries what is pending once more. @returns the failure of a write without which the tables are wrong. */
  settle(): Outcome {
    for (const table of this.#unclean) {
      const entries = this.#journal === undefined ? [] : (this.#pipeline.entries(table) ?? [])
      const result = retry(() => this.#pipeline.clearTable(table))
      if (!result.ok) return failed(tableFailure(table, result.error))
      if (entries.length > 0) this.#journal?.note({ kind: 'fill', table, entries })
      this.#unclean.delete(table)
    }
    while (this.#undos.length > 0) {
      const write = this.#undos[0]!
      const result = this.#write(write)
      if (!result.ok) return failed(tableFailure(write.table.name, result.error))
      this.#undos.shift()
    }
    this.#sweep()
    return DONE
  }

  #sweep(): void {
    this.#cleanUps = this.#cleanUps.filter((cleanUp) => {
      for (let i = cleanUp.writes.length - 1; i >= 0; i--) {
        const write = cleanUp.writes[i]!
        if (!retry(() => this.#write(write)).ok) continue
        this.record.delete(write.table.name, write.entry)
        cleanUp.writes.splice(i, 1)
      }
      if (cleanUp.writes.length > 0) return true
      cleanUp.done()
      return false
    })
  }

  /** Undos keep their order: once one is put aside, so are those after it. */
  #undo(write: Write): void {
    if (this.#undos.length === 0 && retry(() => this.#write(write)).ok) return
    this.#undos.push(write)
  }

  #write(write: Write): TableResult {
    const table = write.table.name
    const note = (result: TableResult): TableResult => {
      if (result.ok) {
        const { kind, entry } = inverse(write)
        this.#journal?.note({ kind, table, entry })
      }
      return result
    }
    switch (write.kind) {
      case 'add':
        return note(this.#pipeline.addEntry(table, write.entry))
      case 'modify':
        return note(this.#pipeline.modifyEntry(table, write.entry))
      case 'delete': {
        const result = note(this.#pipeline.deleteEntry(table, write.entry))
        // What is not there need not be deleted.
        return !result.ok && result.error.kind === 'notFound' ? { ok: true } : result
      }
      default: {
        const unreachable: never = write
        return unreachable
      }
    }
  }
}

function retry(attempt: () => TableResult): TableResult {
  let result = attempt()
  for (let i = 1; i < UNDO_ATTEMPTS && !result.ok; i++) result = attempt()
  return result
}

function inverse(write: Write): Write {
  switch (write.kind) {
    case 'add':
      return { kind: 'delete', table: write.table, entry: write.entry }
    case 'modify':
      return { kind: 'modify', table: write.table, entry: write.before, before: write.entry }
    case 'delete':
      return { kind: 'add', table: write.table, entry: write.entry }
    default: {
      const unreachable: never = write
      return unreachable
    }
  }
}
