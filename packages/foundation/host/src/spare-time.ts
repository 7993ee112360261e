/**
 * Time for long work on a thread that others wait for: a sled's packets, a control plane's requests. Whoever has much to do asks
 * after each small piece; the pieces of everybody on one clock together take a quarter of a millisecond, then the thread turns to
 * what came in meanwhile. Who asked first goes on first.
 *
 * Invariant: without a clock that moves by itself (virtual time) a turn ends after a number of pieces, so a run repeats itself.
 */
import type { Clock } from './clock.ts'

const TURN_MS = 0.25
/** Between two turns: more than nothing, so that whatever waits gets its turn. */
const REST_MS = 0.25
const PIECES_PER_TURN = 32

const DONE = Promise.resolve()
const ofClock = new WeakMap<Clock, SpareTime>()

export class SpareTime {
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #isAsked = false
  #untilMs = -Infinity
  #pieces = 0

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Everybody on a clock shares a thread. */
  static of(clock: Clock): SpareTime {
    let spare = ofClock.get(clock)
    if (spare === undefined) {
      spare = new SpareTime(clock)
      ofClock.set(clock, spare)
    }
    return spare
  }

  /** To be awaited after each piece; a piece should take less than a tenth of a millisecond. */
  pause(): Promise<void> {
    return this.#isLeft() ? DONE : this.#turn()
  }

  /** Ends the turn: before something that cannot be taken apart. */
  rest(): Promise<void> {
    return this.#turn()
  }

  /** Runs work that yields after each piece. */
  async run<T>(pieces: Generator<unknown, T>): Promise<T> {
    for (;;) {
      const piece = pieces.next()
      if (piece.done === true) return piece.value
      if (!this.#isLeft()) await this.#turn()
    }
  }

  #isLeft(): boolean {
    return ++this.#pieces < PIECES_PER_TURN && this.#clock.nowMs() < this.#untilMs
  }

  #turn(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#ask()
    return turn
  }

  #ask(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    this.#clock.after(REST_MS, () => {
      this.#isAsked = false
      this.#untilMs = this.#clock.nowMs() + TURN_MS
      this.#pieces = 0
      this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#ask()
    })
  }
}
