/** A value for each of many routes of the RIB, by reference: two arrays, as references are twice an index and the family. */
export class EntryTable<Entry extends object> {
  readonly #byFamily: readonly [(Entry | undefined)[], (Entry | undefined)[]] = [[], []]

  get(ref: number): Entry | undefined {
    return this.#byFamily[(ref & 1) as 0 | 1][ref >>> 1]
  }

  set(ref: number, entry: Entry): void {
    const entries = this.#byFamily[(ref & 1) as 0 | 1]
    // Without holes: V8 reads and grows such an array faster.
    while (entries.length < ref >>> 1) entries.push(undefined)
    entries[ref >>> 1] = entry
  }

  /** @returns false when there was none. */
  delete(ref: number): boolean {
    if (this.get(ref) === undefined) return false
    this.#byFamily[(ref & 1) as 0 | 1][ref >>> 1] = undefined
    return true
  }

  clear(): void {
    for (const entries of this.#byFamily) entries.length = 0
  }

  *values(): IterableIterator<Entry> {
    for (const entries of this.#byFamily) for (const entry of entries) if (entry !== undefined) yield entry
  }
}
