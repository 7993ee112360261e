/**
 * When each entry of the packet engine got what it says, and which requests to the control plane's API that is due to. Everything is stated
 * whole and often; an entry that says the same as before keeps what was written down then.
 */

export interface EntryStatement {
  readonly key: string
  /** What it says; it may carry causes, which are no part of that. */
  readonly content: unknown
  readonly causes?: readonly string[] | undefined
}

export interface EntryWriting {
  /** Milliseconds since 1970. */
  readonly atWallMs: number
  readonly causes: readonly string[]
}

interface Kept extends EntryWriting {
  readonly text: string
}

export class EntryLedger {
  readonly #wallMs: () => number
  readonly #sections = new Map<string, ReadonlyMap<string, Kept>>()

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  /** All entries of a section; those that are not among them are forgotten. */
  state(section: string, entries: readonly EntryStatement[]): void {
    const before = this.#sections.get(section)
    const now = new Map<string, Kept>()
    for (const { key, content, causes = [] } of entries) {
      const text = JSON.stringify(content, (name, value: unknown) => (name === 'causes' ? undefined : value))
      const old = before?.get(key)
      now.set(key, old?.text === text ? old : { text, atWallMs: this.#wallMs(), causes })
    }
    this.#sections.set(section, now)
  }

  forget(section: string): void {
    this.#sections.delete(section)
  }

  of(section: string, key: string): EntryWriting | undefined {
    return this.#sections.get(section)?.get(key)
  }
}
