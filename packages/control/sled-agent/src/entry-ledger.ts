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
  /** Of the statement that did not have it any more. */
  readonly generation: number
}

/** The last removals of a section that are kept. */
const MAX_REMOVALS = 128

interface Kept extends EntryWriting {
  readonly text: string
}

export class EntryLedger {
  readonly #wallMs: () => number
  readonly #texts = new WeakMap<object, string>()
  readonly #removals = new Map<string, EntryRemoval[]>()
  readonly #sections = new Map<string, ReadonlyMap<string, Kept>>()

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  /**
   * All entries of a section; those that are not among them are forgotten.
   * @param generation of the statement, for sections whose removals are to be kept.
   */
  state(section: string, entries: readonly EntryStatement[], generation?: number): void {
    const before = this.#sections.get(section)
    const now = new Map<string, Kept>()
    const atWallMs = this.#wallMs()
    for (const { key, content, causes = [] } of entries) {
      const text = this.prepare(content)
      const old = before?.get(key)
      now.set(key, old?.text === text ? old : { text, atWallMs, causes })
    }
    this.#sections.set(section, now)
    if (generation === undefined || before === undefined) return
    const removals = this.#removals.get(section) ?? []
    this.#removals.set(section, removals)
    for (const [key, written] of before) {
      if (now.get(key) !== written) removals.push({ key, text: written.text, written, atWallMs, generation })
    }
    removals.splice(0, removals.length - MAX_REMOVALS)
  }

  /** The last first. */
  removals(section: string): readonly EntryRemoval[] {
    return this.#removals.get(section)?.toReversed() ?? []
  }

  /** Works out ahead what `state` needs of an entry, so that many of them can be stated without a pause. */
  prepare(content: object): string {
    let text = this.#texts.get(content)
    if (text === undefined) {
      text = JSON.stringify(content, (name, value: unknown) => (name === 'causes' ? undefined : value))
      this.#texts.set(content, text)
    }
    return text
  }

  forget(section: string): void {
    this.#sections.delete(section)
  }

  of(section: string, key: string): EntryWriting | undefined {
    return this.#sections.get(section)?.get(key)
  }
}
