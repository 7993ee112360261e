/**
 * HyStart++ (RFC 9406): the first slow start of a connection ends when round trips grow, and not only with the losses of a queue that
 * has overflown. Once the least round trip of a round is longer than that of the round before by an eighth of it (4 to 16 ms), the
 * window grows at a quarter of the rate ("conservative slow start"). If the round trip falls again, that was jitter and slow start goes
 * on; after five such rounds congestion avoidance begins.
 *
 * Needs the round trip of every acknowledgment, which RACK has of connections with SACK. Only the first slow start, whose threshold is
 * infinite: later ones know from a loss where to end. Rounds that the window does not limit say nothing about it and do not count.
 */
import type { Tcb } from './tcb.ts'

const LEAST_THRESHOLD_MS = 4
const MOST_THRESHOLD_MS = 16
const THRESHOLD_PART = 8
/** Of a round, before its least one says anything. */
const SAMPLES = 8
const CONSERVATIVE_PART = 4
const CONSERVATIVE_ROUNDS = 5
/** §4.2 "L": segments that one acknowledgment adds at most, where sending is not paced. */
const MOST_SEGMENTS = 8

/**
 * `acked` new bytes were acknowledged, and RACK has noted how long that took; the threshold is infinite.
 * @returns whether the window has grown by slow start; if not, the threshold has been set to it
 */
export function growFirst(tcb: Tcb, acked: number): boolean {
  if (!tcb.isSackPermitted || !tcb.parameters.hystart) {
    tcb.cwnd += acked
    return true
  }
  // Not already with the round's last byte: what the next one sends may not have left yet.
  if (tcb.sndUna > tcb.roundEnd && !startRound(tcb)) return false
  noteRtt(tcb)
  const bytes = Math.min(acked, MOST_SEGMENTS * tcb.mss)
  tcb.cwnd += tcb.conservativeRttMs === Infinity ? bytes : bytes / CONSERVATIVE_PART
  return true
}

function noteRtt(tcb: Tcb): void {
  if (tcb.rackRttMs < tcb.roundRttMs) tcb.roundRttMs = tcb.rackRttMs
  if (++tcb.roundSamples < SAMPLES) return
  if (tcb.conservativeRttMs < Infinity) {
    if (tcb.roundRttMs < tcb.conservativeRttMs) tcb.conservativeRttMs = Infinity
  } else if (tcb.roundRttMs >= tcb.lastRoundRttMs + thresholdMs(tcb.lastRoundRttMs)) {
    tcb.conservativeRttMs = tcb.roundRttMs
    tcb.conservativeRounds = 0
  }
}

function thresholdMs(lastRttMs: number): number {
  return Math.max(LEAST_THRESHOLD_MS, Math.min(lastRttMs / THRESHOLD_PART, MOST_THRESHOLD_MS))
}

/** @returns false: slow start is over. */
function startRound(tcb: Tcb): boolean {
  // §4.2: the round in which it began counts.
  if (tcb.conservativeRttMs < Infinity && ++tcb.conservativeRounds >= CONSERVATIVE_ROUNDS) {
    tcb.ssthresh = tcb.cwnd
    tcb.counts.slowStartExits++
    return false
  }
  tcb.lastRoundRttMs = tcb.roundRttMs
  tcb.roundRttMs = Infinity
  tcb.roundSamples = 0
  tcb.roundEnd = tcb.sndNxt
  return true
}
