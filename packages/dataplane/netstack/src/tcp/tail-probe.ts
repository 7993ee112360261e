/**
 * Tail loss probes (TLP, RFC 8985 §7) for connections with SACK: when acknowledgments stay out for two round trips, the next segment, or
 * the last one again, makes the peer say what it has, so that RACK and not a timeout finds the loss. A loss that the probe itself made
 * good counts as one for congestion control.
 *
 * One probe is under way at a time. The peer's delay of acknowledgments is taken to be our own.
 */
import type { Tcb } from './tcb.ts'

/** Timers are not better than this. */
const LEAST_MS = 2
/** Without a measurement of the round trip. */
const UNKNOWN_MS = 1000

/** §7.2: after new data was sent, or an acknowledgment came. */
export function scheduleProbe(tcb: Tcb, nowMs: number): void {
  const { flight } = tcb
  tcb.probeAtMs = Infinity
  if (flight.count === 0 || tcb.probeEnd >= 0 || !tcb.parameters.tailLossProbe) return
  if (flight.sackedCount > 0 || flight.lostBytes > 0 || tcb.sndUna < tcb.recover) return
  let delayMs = tcb.srttMs < 0 ? UNKNOWN_MS : Math.max(LEAST_MS, 2 * tcb.srttMs)
  if (flight.count === 1) delayMs += tcb.parameters.delayedAckMs
  tcb.probeAtMs = Math.min(nowMs + delayMs, tcb.retransmitAtMs)
}

/** The timer rang. */
export function onProbeTimer(tcb: Tcb, nowMs: number): void {
  tcb.probeAtMs = Infinity
  tcb.isTailProbeDue = true
  tcb.retransmitAtMs = nowMs + tcb.rtoMs
}

/**
 * §7.4: what the acknowledgment of a probe says.
 * @returns whether the probe made a loss good.
 */
export function onProbeAnswer(tcb: Tcb, ack: number, isDuplicate: boolean, isBareDuplicate: boolean): boolean {
  if (tcb.probeEnd < 0 || ack < tcb.probeEnd) return false
  const isForNothing = isDuplicate && tcb.duplicateEnd >= tcb.probeEnd
  const isRepaired = tcb.isProbeRepeat && !isForNothing && ack > tcb.probeEnd
  if (tcb.isProbeRepeat && !isForNothing && !isRepaired && !isBareDuplicate) return false
  tcb.probeEnd = -1
  return isRepaired
}
