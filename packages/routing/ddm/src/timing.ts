/** The intervals of DDM, all in milliseconds except the item count. */
export interface Timing {
  readonly solicitIntervalMs: number
  /** A neighbour not heard from for this long is gone. */
  readonly expireMs: number
  /** Between attempts to bind the sockets of an interface. */
  readonly openRetryMs: number
  readonly pullTimeoutMs: number
  readonly pushTimeoutMs: number
  /** Between attempts of a pull that failed; also the least time between two solicitations. */
  readonly retryMs: number
  /** Changes within this time go out as one push. */
  readonly coalesceMs: number
  /** Between pulls that only check; Infinity for none. */
  readonly resyncMs: number
  /** Announcements and withdrawals in one push; the rest follows in the next. */
  readonly maxPushItems: number
}

export const DEFAULT_TIMING: Timing = {
  solicitIntervalMs: 2000,
  expireMs: 5000,
  openRetryMs: 1000,
  pullTimeoutMs: 250,
  pushTimeoutMs: 3000,
  retryMs: 250,
  coalesceMs: 10,
  resyncMs: 30_000,
  maxPushItems: 1000,
}
