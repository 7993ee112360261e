/**
 * The clock of one node or process in a simulation: the world's, but it may run fast or slow, its date may jump, and it ends with the
 * process that it belongs to. Monotonic time never steps, as on a real machine; only the date does.
 */
import type { Clock, Timer } from '@lodestone/host'

const ROUNDING_MS = 1e-6
const DEAD: Timer = { cancel() {} }

export class NodeClock implements Clock {
  readonly #base: Clock
  /** Where the present rate began: on the base clock, and here. */
  #anchorBaseMs = 0
  #anchorMs = 0
  #rate = 1
  #dateOffsetMs = 0
  #isDead = false
  /** When the last timer was due to ring: conversion to the base clock and back must not make that a moment before. */
  #reachedMs = -Infinity

  constructor(base: Clock) {
    this.#base = base
  }

  nowMs(): number {
    const nowMs = this.#anchorMs + (this.#base.nowMs() - this.#anchorBaseMs) * this.#rate
    return nowMs < this.#reachedMs ? this.#reachedMs : nowMs
  }

  wallMs(): number {
    return Math.floor(this.#base.wallMs() - this.#base.nowMs() + this.nowMs() + this.#dateOffsetMs)
  }

  after(delayMs: number, fn: () => void): Timer {
    if (this.#isDead) return DEAD
    const dueMs = this.nowMs() + delayMs
    return this.#base.after(Math.max(0, delayMs) / this.#rate, () => {
      if (this.#isDead) return
      // Whoever waits for a moment and finds it not come yet waits again, for a time too short to move the base clock.
      if (dueMs > this.#reachedMs && dueMs - this.nowMs() < ROUNDING_MS) this.#reachedMs = dueMs
      fn()
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
