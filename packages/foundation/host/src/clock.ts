/**
 * Time as a capability. Daemons and packet code never look at the wall or start a timer by themselves: they are
 * given a clock, so the same code runs live, slowed down, or hundreds of times faster than life.
 */

export interface Timer {
  /** Idempotent; a timer that fired may be cancelled too. */
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds since an arbitrary start, with sub-millisecond fraction. */
  nowMs(): number
  /** Milliseconds since 1970-01-01T00:00:00Z, for what people and protocols call a date. */
  wallMs(): number
  /** Runs `fn` once, `delayMs` (fractions allowed, at least 0) from now. Equal due times run in the order asked. */
  after(delayMs: number, fn: () => void): Timer
}

/** Resolves after `delayMs` on the clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve))
}

/** Runs `fn` every `periodMs`, first after one period. Cancel to stop. */
export function every(clock: Clock, periodMs: number, fn: () => void): Timer {
  let timer: Timer | undefined
  let stopped = false
  const arm = (): void => {
    timer = clock.after(periodMs, () => {
      fn()
      if (!stopped) arm()
    })
  }
  arm()
  return {
    cancel() {
      stopped = true
      timer?.cancel()
    },
  }
}
