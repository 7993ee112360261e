/**
 * What is known about one path: its smoothed delay and round trip, when that was measured, and the measurement that is on
 * its way. There is one of these per peer and path, and one per path for all peers together.
 */

export class PathDelay {
  /** Smoothed one-way delay without the queue of our own cable, µs. */
  delayUs = 0
  /** Smoothed round trip, µs; 0 before the first answer. */
  rttUs = 0
  measuredAtUs = -Infinity
  /** Of the measurement that waits for its answer; -1 when none does. */
  pendingId = -1
  pendingStamp = 0
  sentAtUs = -Infinity
  /** What it had to wait for its own cable, µs. */
  sentBacklogUs = 0
  /** The last one that was given up: its answer still tells that the path lives, and how slow it is. */
  lateId = -1
  lateStamp = 0
  lateSentAtUs = -Infinity
  lateBacklogUs = 0
  sequence = 0
  /** The last one was lost, the path is not dead, and nothing has measured it since. */
  isOwed = false
  /** Measurements lost in a row. */
  misses = 0
  sent = 0
  answered = 0
  lost = 0
}

/** Takes a new measurement: an old one is replaced, a recent one is averaged with it. */
export function book(path: PathDelay, delayUs: number, rttUs: number, nowUs: number, smoothingUs: number): void {
  const age = nowUs - path.measuredAtUs
  const gain = age === Infinity ? 1 : Math.max(1 / 8, age / (age + smoothingUs))
  path.delayUs += gain * (delayUs - path.delayUs)
  path.rttUs += gain * (rttUs - path.rttUs)
  path.measuredAtUs = nowUs
}

/** How much a measurement still counts: 1 when new, 0 from `staleUs` on. */
export function freshness(path: PathDelay, nowUs: number, staleUs: number): number {
  const age = nowUs - path.measuredAtUs
  return age >= staleUs ? 0 : 1 - age / staleUs
}

/**
 * A measurement that is overdue says that the delay is at least this, before its answer comes. µs; 0 when nothing is overdue.
 * Half of the waiting is taken for the way back, which the answer has to share with other traffic, too.
 */
export function overdueUs(path: PathDelay, nowUs: number): number {
  if (path.pendingId < 0) return 0
  const waiting = nowUs - path.sentAtUs - path.sentBacklogUs
  return path.rttUs > 0 && waiting > path.rttUs ? path.delayUs + (waiting - path.rttUs) / 2 : 0
}
