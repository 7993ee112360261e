/**
 * Interning: equal values become the same object, so that a table of a million routes holds each attribute set once
 * and equality is identity. Values are held weakly; the last route that drops a set lets it go.
 */
export class InternTable<Value extends object> {
  readonly #entries = new Map<string, WeakRef<Value>>()
  readonly #registry = new FinalizationRegistry<string>((key) => {
    // A newer value may have taken the key since; only a dead reference is removed.
    if (this.#entries.get(key)?.deref() === undefined) this.#entries.delete(key)
  })

  /** The value known under `key`, or the one `make` returns, which is then known. */
  intern(key: string, make: () => Value): Value {
    const known = this.#entries.get(key)?.deref()
    if (known !== undefined) return known
    const value = make()
    this.#entries.set(key, new WeakRef(value))
    this.#registry.register(value, key)
    return value
  }

  /** Entries, including any whose value is gone but not yet swept. */
  get size(): number {
    return this.#entries.size
  }
}
