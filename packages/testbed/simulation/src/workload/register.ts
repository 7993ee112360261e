/**
 * What a value of the API may be, judging only by the answers that its users got. A request that was acknowledged took effect between its
 * sending and its answer. One that was refused had no effect. One whose answer never came may have had its effect, may have it later, or
 * never.
 */

export type Outcome = 'acknowledged' | 'refused' | 'unknown'

interface Write {
  readonly startMs: number
  readonly endMs: number
  readonly value: string
  readonly outcome: Outcome
}

export class Register {
  readonly #writes: Write[]

  constructor(initial: string) {
    this.#writes = [{ startMs: -Infinity, endMs: -Infinity, value: initial, outcome: 'acknowledged' }]
  }

  write(startMs: number, endMs: number, value: string, outcome: Outcome): void {
    if (outcome !== 'refused') this.#writes.push({ startMs, endMs, value, outcome })
  }

  /** The values that it may have now: nothing that was acknowledged is lost. */
  candidates(): ReadonlySet<string> {
    const acknowledged = this.#writes.filter((write) => write.outcome === 'acknowledged')
    const last = Math.max(...acknowledged.map((write) => write.startMs))
    return new Set(
      this.#writes.filter((write) => write.outcome === 'unknown' || write.endMs >= last).map((write) => write.value),
    )
  }
}
