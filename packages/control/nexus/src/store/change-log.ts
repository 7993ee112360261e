/**
 * Which requests changed desired state between two generations of what a target is told: what is no longer in desired state has no row left
 * that could name them. Kept in memory and bounded: a control plane that begins anew knows nothing of the generations before.
 */

const MAX_CHANGES = 512
const MAX_GENERATIONS = 32

interface Generation {
  readonly generation: number
  readonly requests: readonly string[]
  /** Changes up to here are in its content for certain. */
  readonly seen: number
}

export class ChangeLog {
  /** Ids of requests, and their places in the order of changes. */
  readonly #changes: { readonly place: number; readonly request: string }[] = []
  #last = 0
  /** How many changes there were when a snapshot was begun. */
  readonly #snapshots = new Map<number, number>()
  /** Of each kind and target, the oldest first. */
  readonly #generations = new Map<string, Generation[]>()

  /** A request has changed desired state; undefined: what was no request's doing. */
  note(request: string | undefined): void {
    if (request === undefined) return
    this.#changes.push({ place: ++this.#last, request })
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift()
  }

  /** How many changes there were. */
  get last(): number {
    return this.#last
  }

  /** @param last as it was before the first row of the snapshot was read. */
  read(snapshot: number, last: number): void {
    this.#snapshots.set(snapshot, last)
    for (const old of this.#snapshots.keys()) {
      if (this.#snapshots.size <= MAX_GENERATIONS) break
      this.#snapshots.delete(old)
    }
  }

  /** A target's content has this generation from this snapshot on. */
  made(kind: string, target: string, generation: number, snapshot: number): void {
    const key = `${kind}/${target}`
    const known = this.#generations.get(key) ?? []
    this.#generations.set(key, known)
    const before = known.at(-1)
    const seen = this.#snapshots.get(snapshot) ?? this.#last
    if (before?.generation === generation) {
      known[known.length - 1] = { ...before, seen }
      return
    }
    // Without one before, nobody can tell which changes are new.
    const requests =
      before === undefined ? [] : this.#changes.filter(({ place }) => place > before.seen).map(({ request }) => request)
    known.push({ generation, requests, seen })
    if (known.length > MAX_GENERATIONS) known.shift()
  }

  /** The requests since the generation before, of which one or more made this one; the last first. */
  requestsOf(kind: string, target: string, generation: number): readonly string[] {
    const found: string[] = []
    for (const [key, made] of this.#generations) {
      // Some kinds have a part of their own for each network of a target.
      if (key !== `${kind}/${target}` && !key.startsWith(`${kind}/${target}/`)) continue
      found.push(...(made.find((each) => each.generation === generation)?.requests.toReversed() ?? []))
    }
    return [...new Set(found)]
  }
}
