/**
 * Runs of consecutive indices out of 0 … size-1: a route's paths lie side by side, because the pipeline adds the flow's
 * hash to the first one. Best fit, with free neighbours merged at once.
 */
export class SpanAllocator {
  readonly size: number
  /** Free spans by their first index, never adjacent. */
  readonly #free: { first: number; count: number }[]

  constructor(size: number) {
    this.size = size
    this.#free = size > 0 ? [{ first: 0, count: size }] : []
  }

  /** Indices that are free, not necessarily side by side. */
  get freeCount(): number {
    return this.#free.reduce((sum, span) => sum + span.count, 0)
  }

  /** @returns the first of `count` consecutive indices, or -1 when there is no such run. */
  allocate(count: number): number {
    let best = -1
    for (let i = 0; i < this.#free.length; i++) {
      const have = this.#free[i]!.count
      if (have >= count && (best < 0 || have < this.#free[best]!.count)) best = i
    }
    if (best < 0) return -1
    const span = this.#free[best]!
    const first = span.first
    if (span.count === count) this.#free.splice(best, 1)
    else {
      span.first += count
      span.count -= count
    }
    return first
  }

  /** Gives back all or part of what was allocated. Giving back what is free is a bug and throws. */
  free(first: number, count: number): void {
    let at = this.#free.findIndex((span) => span.first > first)
    if (at < 0) at = this.#free.length
    const before = this.#free[at - 1]
    const after = this.#free[at]
    const end = first + count
    if ((before !== undefined && before.first + before.count > first) || (after !== undefined && end > after.first)) {
      throw new Error(`span ${first}+${count} is free already`)
    }
    const joinsBefore = before !== undefined && before.first + before.count === first
    const joinsAfter = after !== undefined && end === after.first
    if (joinsBefore && joinsAfter) {
      before.count += count + after.count
      this.#free.splice(at, 1)
    } else if (joinsBefore) before.count += count
    else if (joinsAfter) {
      after.first = first
      after.count += count
    } else this.#free.splice(at, 0, { first, count })
  }
}
