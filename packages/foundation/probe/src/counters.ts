/** Named monotonic counters. A component makes its counters once and then increments numbers. */

export class Counters<Name extends string> {
  readonly #values: Record<Name, number>

  constructor(names: readonly Name[]) {
    this.#values = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
  }

  add(name: Name, count = 1): void {
    this.#values[name] += count
  }

  get(name: Name): number {
    return this.#values[name]
  }

  snapshot(): Readonly<Record<Name, number>> {
    return { ...this.#values }
  }
}
