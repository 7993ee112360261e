/**
 * Who wrote each entry that stands in the pipeline's tables, and when. An entry that is written again keeps the last writing only; one that
 * somebody asks for again in vain, because it is there already, keeps the writing that made it.
 */
import type { Entry, EntryKey } from '@lodestone/npu'
import type { KeySet } from '@lodestone/p4'

/** On whose behalf something is written. */
export interface Origin {
  /** Which part of the daemon: it tells where to look further. */
  readonly by: 'start' | 'port' | 'address' | 'loopback' | 'neighbor' | 'route' | 'nat'
  /** A port, a prefix, a generation. */
  readonly about: string
  /** Requests to the control plane's API, by their ids, where whoever asked said so. */
  readonly causes?: readonly string[]
}

export interface Writing {
  /** Milliseconds since 1970. */
  readonly atWallMs: number
  readonly origin: Origin
}

/** An entry that was deleted, or became another one. */
export interface Removal {
  readonly table: string
  readonly entry: Entry
  /** Absent for what nobody kept the writing of. */
  readonly written?: Writing
  /** Absent for what was taken away because nothing referred to it any more. */
  readonly removed?: Writing
}

/** The last removals that are kept. */
const MAX_REMOVALS = 512

export class WriteRecord {
  readonly #wallMs: () => number
  readonly #tables = new Map<string, Map<string, Writing>>()
  readonly #removals: Removal[] = []
  /** How often anything was written or taken out. */
  changes = 0

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  of(table: string, entry: EntryKey): Writing | undefined {
    return this.#tables.get(table)?.get(keyText(entry))
  }

  /** One writing may be shared by all entries of a change. */
  writing(origin: Origin): Writing {
    return { atWallMs: this.#wallMs(), origin }
  }

  set(table: string, entry: EntryKey, writing: Writing): void {
    this.changes++
    const known = this.#tables.get(table)
    if (known === undefined) this.#tables.set(table, new Map([[keyText(entry), writing]]))
    else known.set(keyText(entry), writing)
  }

  /** @param removed on whose behalf. */
  delete(table: string, entry: Entry, removed?: Writing): void {
    this.changes++
    this.changed(table, entry, removed)
    this.#tables.get(table)?.delete(keyText(entry))
  }

  /** An entry is about to be another one, or none. */
  changed(table: string, entry: Entry, removed?: Writing): void {
    const written = this.of(table, entry)
    this.#removals.push({
      table,
      entry,
      ...(written === undefined ? {} : { written }),
      ...(removed === undefined ? {} : { removed }),
    })
    if (this.#removals.length > MAX_REMOVALS) this.#removals.shift()
  }

  /** Of a table, the last first. */
  removals(table: string): readonly Removal[] {
    return this.#removals.filter((each) => each.table === table).toReversed()
  }

  clear(): void {
    this.changes++
    this.#tables.clear()
  }
}

/** All ports: what a range over them all is read back as. */
const LAST_PORT = 0xffffn

/**
 * As the table would read the key back, where a set that holds everything is `any`; ranges of these tables are of ports. Priorities are
 * left out: no two entries have the same key sets.
 */
function keyText({ keys }: EntryKey): string {
  let text = ''
  for (const key of keys) text += setText(key)
  return text
}

function setText(key: KeySet): string {
  switch (key.kind) {
    case 'exact':
      return `${key.value} `
    case 'lpm':
      return `${key.value}/${key.length} `
    case 'ternary':
      return key.mask === 0n ? '* ' : `${key.value}&${key.mask} `
    case 'range':
      return key.low === 0n && key.high === LAST_PORT ? '* ' : `${key.low}-${key.high} `
    case 'any':
      return '* '
    default: {
      const unreachable: never = key
      return unreachable
    }
  }
}
