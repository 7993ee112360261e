/**
 * When each entry of the packet engine got what it says, and which requests to the control plane's API that is due to. Everything is stated
 * whole and often; an entry that says the same as before keeps what was written down then.
 */

export interface EntryStatement {
  readonly key: string
  /** What it says; it may carry causes, which are no part of that. */
  readonly content: object
  readonly causes?: readonly string[] | undefined
}

export interface EntryWriting {
  /** Milliseconds since 1970. */
  readonly atWallMs: number
  readonly causes: readonly string[]
}

/** What is not stated any more, or says something else now. */
export interface EntryRemoval {
  readonly key: string
  /** As it was stated: JSON without causes. */
  readonly text: string
  readonly written: EntryWriting
  /** Milliseconds since 1970. */
  readonly atWallMs: number
  /** Of the statement that did not have it any more; absent where that had none. */
  readonly generation?: number
}

/** Of the statement that an entry is from; undefined where that has none. */
type GenerationOf = (key: string) => number | undefined
const nobody: GenerationOf = () => undefined

/** The last removals of a section that are kept. */
const MAX_REMOVALS = 128

interface Kept extends EntryWriting {
  readonly content: object
}

/** Entries of a section as they are being stated. */
export class LedgerStatement {
  readonly now = new Map<string, Kept>()
  readonly atWallMs: number
  readonly before: ReadonlyMap<string, Kept> | undefined
  readonly #keep: (statement: LedgerStatement) => void

  constructor(
    before: ReadonlyMap<string, Kept> | undefined,
    atWallMs: number,
    keep: (statement: LedgerStatement) => void,
  ) {
    this.before = before
    this.atWallMs = atWallMs
    this.#keep = keep
  }

  add(key: string, content: object, causes: readonly string[] = []): void {
    const old = this.before?.get(key)
    const isOld = old !== undefined && saysTheSame(old.content, content)
    this.now.set(key, isOld ? old : { content, atWallMs: this.atWallMs, causes })
  }

  end(): void {
    this.#keep(this)
  }
}

export class EntryLedger {
  readonly #wallMs: () => number
  readonly #removals = new Map<string, EntryRemoval[]>()
  readonly #sections = new Map<string, ReadonlyMap<string, Kept>>()

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  /**
   * All entries of a section; of those that are not among them the last ones are remembered as removed.
   * @param generationOf of the statement that an entry is from now on.
   */
  state(section: string, entries: readonly EntryStatement[], generationOf: GenerationOf = nobody): void {
    const statement = this.begin(section, generationOf)
    for (const { key, content, causes } of entries) statement.add(key, content, causes)
    statement.end()
  }

  /** As `state`, one entry at a time: it holds from its end on, unless another statement has come and ended meanwhile. */
  begin(section: string, generationOf: GenerationOf = nobody): LedgerStatement {
    return new LedgerStatement(this.#sections.get(section), this.#wallMs(), (statement) => {
      this.#keep(section, statement, generationOf)
    })
  }

  #keep(section: string, { before, now, atWallMs }: LedgerStatement, generationOf: GenerationOf): void {
    if (this.#sections.get(section) !== before) return
    this.#sections.set(section, now)
    if (before === undefined) return
    const removals = this.#removals.get(section) ?? []
    this.#removals.set(section, removals)
    const gone: (readonly [string, Kept])[] = []
    for (const [key, written] of before) {
      if (now.get(key) === written) continue
      gone.push([key, written])
    }
    // Thousands may go at once; text is made of those only that are kept.
    for (const [key, written] of gone.slice(-MAX_REMOVALS)) {
      const text = JSON.stringify({ ...written.content, causes: undefined })
      const generation = generationOf(key)
      removals.push({ key, text, written, atWallMs, ...(generation === undefined ? {} : { generation }) })
    }
    removals.splice(0, removals.length - MAX_REMOVALS)
  }

  /** The last first. */
  removals(section: string): readonly EntryRemoval[] {
    return this.#removals.get(section)?.toReversed() ?? []
  }

  /** The section is gone, and what was removed from it, too. */
  forget(section: string): void {
    this.#sections.delete(section)
    this.#removals.delete(section)
  }

  of(section: string, key: string): EntryWriting | undefined {
    return this.#sections.get(section)?.get(key)
  }
}

/** But for causes. */
function saysTheSame(a: object, b: object): boolean {
  return a === b || isSame({ ...a, causes: undefined }, { ...b, causes: undefined })
}

/** Of JSON. A member that is undefined is one that is not there. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = a as Readonly<Record<string, unknown>> // because arrays are records of their indices
  const right = b as Readonly<Record<string, unknown>>
  for (const key in left) if (!isSame(left[key], right[key])) return false
  for (const key in right) if (left[key] === undefined && right[key] !== undefined) return false
  return true
}
