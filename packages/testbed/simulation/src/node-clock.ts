/**
 * The clock of one node or process in a simulation: the world's, but it may run fast or slow, its date may jump, and it ends with the
 * process that it belongs to. Monotonic time never steps, as on a real machine; only the date does.
 */
import type { Clock, Timer } from '@lodestone/host'

const DEAD: Timer = { cancel() {} }

export class NodeClock implements Clock {
  readonly #base: Clock
  /** Where the present rate began: on the base clock, and here. */
  #anchorBaseMs = 0
  #anchorMs = 0
  #rate = 1
  #dateOffsetMs = 0
  #isDead = false

  constructor(base: Clock) {
    this.#base = base
  }

  nowMs(): number {
    return this.#anchorMs + (this.#base.nowMs() - this.#anchorBaseMs) * this.#rate
  }

  wallMs(): number {
    return Math.floor(this.#base.wallMs() - this.#base.nowMs() + this.nowMs() + this.#dateOffsetMs)
  }

  after(delayMs: number, fn: () => void): Timer {
    if (this.#isDead) return DEAD
    return this.#base.after(Math.max(0, delayMs) / this.#rate, () => {
      if (!this.#isDead) fn()
    })
  }

  /** How much faster than the world's clock, in parts per million. Timers that wait already keep their time. */
  setSkew(ppm: number): void {
    this.#anchorMs = this.nowMs()
    this.#anchorBaseMs = this.#base.nowMs()
    this.#rate = 1 + ppm / 1e6
  }

  /** Moves the date, not the monotonic time. */
  stepDate(ms: number): void {
    this.#dateOffsetMs += ms
  }

  /** The date is right again. */
  setDateRight(): void {
    this.#dateOffsetMs = this.#base.nowMs() - this.nowMs()
  }

  /** Nothing that waits on this clock happens any more. */
  end(): void {
    this.#isDead = true
  }
}
