/**
 * Timers of many sessions on one clock: those that are due in the same instant share one event. Together with aligned
 * timers this turns hundreds of sessions into a few hundred wake-ups a second, however many they are.
 */
import type { Clock, Timer } from '@lodestone/host'

interface Batch {
  readonly waiting: Set<() => void>
  timer: Timer
}

export class WakeUps {
  readonly #clock: Clock
  readonly #batches = new Map<number, Batch>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs `fn` once at `dueMs` of the clock, or as soon as possible when that is past. `fn` must not wait already. */
  at(dueMs: number, fn: () => void): Timer {
    let batch = this.#batches.get(dueMs)
    if (batch === undefined) {
      const waiting = new Set<() => void>()
      batch = { waiting, timer: this.#clock.after(dueMs - this.#clock.nowMs(), () => this.#fire(dueMs, waiting)) }
      this.#batches.set(dueMs, batch)
    }
    const { waiting, timer } = batch
    waiting.add(fn)
    return {
      cancel: () => {
        if (!waiting.delete(fn) || waiting.size > 0 || this.#batches.get(dueMs)?.waiting !== waiting) return
        this.#batches.delete(dueMs)
        timer.cancel()
      },
    }
  }

  /** Instants that something waits for. */
  get count(): number {
    return this.#batches.size
  }

  #fire(dueMs: number, waiting: Set<() => void>): void {
    if (this.#batches.get(dueMs)?.waiting === waiting) this.#batches.delete(dueMs)
    try {
      for (const fn of waiting) {
        waiting.delete(fn)
        fn()
      }
    } finally {
      // When one threw, the others still have their time.
      if (waiting.size > 0) this.#clock.after(0, () => this.#fire(dueMs, waiting))
    }
  }
}
