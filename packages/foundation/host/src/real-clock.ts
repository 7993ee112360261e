/**
 * The clock of a live system. Node's own timers have a granularity of a millisecond; emulated links need tens of
 * microseconds. So this clock keeps its own queue: it sleeps in `setTimeout` until shortly before the next event and
 * turns the event loop (`setImmediate`) for the rest.
 */
import type { Clock, Timer } from './clock.ts'
import { EventQueue } from './event-queue.ts'

/** Below this, the loop is turned instead of sleeping: what `setTimeout(1)` may overshoot by. */
const SPIN_MS = 1.2
/** Events run in one turn before other I/O gets its chance. */
const EVENTS_PER_TURN = 512

export class RealClock implements Clock {
  readonly #queue = new EventQueue(() => this.#rest())
  #timeout: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #armedForMs = Infinity

  nowMs(): number {
    return performance.now()
  }

  wallMs(): number {
    return Date.now()
  }

  after(delayMs: number, fn: () => void): Timer {
    const event = this.#queue.push(performance.now() + Math.max(0, delayMs), fn)
    if (event.dueMs < this.#armedForMs) this.#arm()
    return event
  }

  #arm(): void {
    const next = this.#queue.peek()
    if (this.#immediate !== undefined) return // already turning
    clearTimeout(this.#timeout)
    this.#timeout = undefined
    this.#armedForMs = next?.dueMs ?? Infinity
    if (next === undefined) return
    const waitMs = next.dueMs - performance.now()
    if (waitMs <= SPIN_MS) this.#immediate = setImmediate(this.#turn)
    else this.#timeout = setTimeout(this.#turn, Math.min(waitMs - SPIN_MS, 0x7fffffff))
  }

  /** Nothing is left to wake up for: a sleep that went on would keep the process alive. */
  #rest(): void {
    if (this.#timeout === undefined) return
    clearTimeout(this.#timeout)
    this.#timeout = undefined
    this.#armedForMs = Infinity
  }

  readonly #turn = (): void => {
    this.#immediate = undefined
    this.#timeout = undefined
    this.#armedForMs = -Infinity // events asked for while running do not re-arm
    const nowMs = performance.now()
    try {
      for (let i = 0; i < EVENTS_PER_TURN; i++) {
        const run = this.#queue.take(nowMs)
        if (run === undefined) break
        run()
      }
    } finally {
      // Also when an event threw: the others still have their time.
      this.#armedForMs = Infinity
      this.#arm()
    }
  }
}
