/**
 * Congestion control: slow start (the first one: `slow-start.ts`) and avoidance (RFC 5681, counting bytes as RFC 3465 does), fast retransmit and
 * recovery (NewReno, RFC 6582; with SACK, what RACK finds lost and RFC 6937), reaction to ECN (RFC 3168 §6.1.2). What a window grows to
 * and what a loss leaves of it is CUBIC's or Reno's choice (`congestionControl`). Windows are in bytes.
 */
import { CUBIC_BETA, growCubic, noteCubicLoss } from './cubic.ts'
import { FRTO_OFF, isProbingFrto, onFrtoAck, startFrto } from './frto.ts'
import { ageWindow, markLossesOnTimeout } from './rack.ts'
import { growFirst } from './slow-start.ts'
import type { Tcb } from './tcb.ts'
import { rememberWindow } from './undo.ts'

const DUPLICATE_THRESHOLD = 3

export function startCongestion(tcb: Tcb): void {
  tcb.cwnd = initialWindow(tcb)
  // RFC 5681 §3.1: after a lost SYN the window starts at one segment.
  if (tcb.retransmits > 0) tcb.cwnd = tcb.mss
}

/** RFC 6928 §2 with the number of segments that the parameters give. */
function initialWindow(tcb: Tcb): number {
  const segments = tcb.parameters.initialWindowSegments
  return Math.min(segments * tcb.mss, Math.max(2 * tcb.mss, segments * 1460))
}

/** `acked` new bytes were acknowledged. */
export function onNewAck(tcb: Tcb, acked: number, nowMs: number): void {
  tcb.dupAcks = 0
  if (tcb.sndUna >= tcb.recover && tcb.sndUna - acked < tcb.recover) ageWindow(tcb)
  if (tcb.inRecovery) {
    if (tcb.sndUna >= tcb.recover) leaveRecovery(tcb)
    else if (!tcb.isSackPermitted) partialAck(tcb, acked)
    return
  }
  // RFC 7661: a window that is not used does not grow; nor does one that was just reduced (RFC 3168 §6.1.2).
  if (!tcb.isCwndLimited || tcb.sndUna < tcb.reducedTo) return
  if (tcb.ssthresh === Infinity && growFirst(tcb, acked)) return
  // A jump of the acknowledgment (a hole was filled) must not blow the window past what was found to fit.
  const slowStart = Math.max(0, Math.min(acked, tcb.ssthresh - tcb.cwnd))
  tcb.cwnd += slowStart
  const avoidance = Math.min(acked - slowStart, tcb.cwnd)
  if (avoidance === 0) return
  if (tcb.parameters.congestionControl === 'cubic') return growCubic(tcb, avoidance, nowMs)
  tcb.growth += avoidance
  if (tcb.growth >= tcb.cwnd) {
    tcb.growth -= tcb.cwnd
    tcb.cwnd += tcb.mss
  }
}

/** RFC 6582 §3.2 step 3: the next hole is lost, too. */
function partialAck(tcb: Tcb, acked: number): void {
  tcb.isRetransmitDue = true
  tcb.cwnd = Math.max(tcb.mss, tcb.cwnd - acked + (acked >= tcb.mss ? tcb.mss : 0))
}

function leaveRecovery(tcb: Tcb): void {
  tcb.inRecovery = false
  // RFC 6582 §3.2 step 3: no burst after an acknowledgment of everything.
  tcb.cwnd = Math.min(tcb.ssthresh, Math.max(tcb.sndMax - tcb.sndUna, tcb.mss) + tcb.mss)
  tcb.growth = 0
}

/** Without SACK: an acknowledgment that moved nothing. */
export function onDuplicateAck(tcb: Tcb): void {
  if (tcb.inRecovery) {
    tcb.cwnd += tcb.mss
    return
  }
  if (tcb.frto !== FRTO_OFF) return onFrtoAck(tcb, false)
  tcb.dupAcks++
  // RFC 6582 §3.2 step 2: duplicates caused by our own timeout do not start another recovery.
  if (tcb.dupAcks >= DUPLICATE_THRESHOLD && tcb.sndUna >= tcb.recover) enterRecovery(tcb)
}

/** With SACK: something under way was found lost. What is lost after a timeout, or in a recovery, belongs to that. */
export function onLoss(tcb: Tcb): void {
  if (!tcb.inRecovery && tcb.sndUna >= tcb.recover) enterRecovery(tcb)
}

/**
 * What a loss leaves of `outstanding` bytes: RFC 5681 §3.1 equation 4, RFC 9438 §4.6. Within a recovery NewReno's window holds
 * what duplicates have let out besides (RFC 6582 §3.2 step 3); that is no measure of what fits.
 */
function reduce(tcb: Tcb, outstanding: number): void {
  if (tcb.inRecovery) tcb.cwnd = Math.min(tcb.cwnd, tcb.ssthresh)
  // After a timeout much below `sndMax` is lost, not in flight; the window says how much of it may be.
  const inFlight = Math.min(tcb.cwnd, outstanding)
  const isCubic = tcb.parameters.congestionControl === 'cubic'
  if (isCubic) noteCubicLoss(tcb)
  tcb.ssthresh = Math.max(inFlight * (isCubic ? CUBIC_BETA : 0.5), 2 * tcb.mss)
}

function enterRecovery(tcb: Tcb): void {
  tcb.counts.recoveries++
  if (tcb.hasTimestamps) rememberWindow(tcb)
  // A round trip that was reduced for its marks is not reduced for its losses as well (RFC 3168 §6.1.2).
  if (tcb.sndUna >= tcb.reducedTo) reduce(tcb, tcb.sndMax - tcb.sndUna)
  tcb.cwnd = tcb.isSackPermitted ? tcb.ssthresh : tcb.ssthresh + DUPLICATE_THRESHOLD * tcb.mss
  tcb.recover = tcb.sndMax
  tcb.inRecovery = true
  tcb.isRetransmitDue = true
  tcb.probeEnd = -1
  tcb.probeAtMs = Infinity
  tcb.growth = 0
  tcb.recoverFlight = tcb.sndMax - tcb.sndUna
  tcb.prrDelivered = 0
  tcb.prrOut = 0
  tcb.prrRoom = 0
}

/**
 * Congestion without a hole: marks that the peer echoed, or a loss that a probe has made good. At most once in a round trip, and a
 * recovery has reduced the window already.
 * @returns whether the window was reduced
 */
export function onCongestionSign(tcb: Tcb): boolean {
  if (tcb.sndUna < tcb.recover || tcb.sndUna < tcb.reducedTo) return false
  reduce(tcb, tcb.sndMax - tcb.sndUna)
  tcb.cwnd = tcb.ssthresh
  tcb.growth = 0
  tcb.reducedTo = tcb.sndMax
  return true
}

/**
 * Proportional rate reduction (RFC 6937): in a recovery with SACK an acknowledgment of `delivered` bytes lets out as many as
 * bring what is on the path to `ssthresh` evenly, so that retransmissions do not meet the full queue that caused the loss.
 */
export function onDelivered(tcb: Tcb, delivered: number): void {
  tcb.prrDelivered += delivered
  const onPath = pipe(tcb)
  if (onPath > tcb.ssthresh) {
    tcb.prrRoom = Math.ceil((tcb.prrDelivered * tcb.ssthresh) / Math.max(1, tcb.recoverFlight)) - tcb.prrOut
    return
  }
  const limit = Math.max(tcb.prrDelivered - tcb.prrOut, delivered) + tcb.mss
  tcb.prrRoom = Math.floor(Math.min(tcb.ssthresh - onPath, limit))
}

/** `length` bytes were sent while in recovery. */
export function noteRecoverySend(tcb: Tcb, length: number): void {
  tcb.prrOut += length
  tcb.prrRoom -= length
}

/**
 * RFC 5681 §3.1 equation 4, RFC 6582 §4.1. With SACK what is lost is marked, and sent again as the window lets it; without, everything
 * is sent again from the first unacknowledged byte.
 */
export function onRetransmitTimeout(tcb: Tcb, nowMs: number): void {
  tcb.counts.timeouts++
  if (tcb.isSackPermitted) markLossesOnTimeout(tcb, nowMs)
  startFrto(tcb)
  if (tcb.retransmits === 0) {
    if (tcb.hasTimestamps) rememberWindow(tcb)
    reduce(tcb, tcb.sndMax - tcb.sndUna - tcb.flight.sackedBytes)
  }
  tcb.cwnd = tcb.mss
  tcb.growth = 0
  tcb.dupAcks = 0
  tcb.inRecovery = false
  tcb.recover = tcb.sndMax
  tcb.isRetransmitDue = tcb.isSackPermitted
  tcb.probeEnd = -1
  tcb.probeAtMs = Infinity
  tcb.reorderAtMs = Infinity
}

/** RFC 5681 §4.1: after an idle timeout the old window says nothing about the path. */
export function afterIdle(tcb: Tcb, nowMs: number): void {
  if (tcb.sndNxt !== tcb.sndUna || nowMs - tcb.lastSendMs <= tcb.rtoMs) return
  tcb.cwnd = Math.min(tcb.cwnd, initialWindow(tcb))
  tcb.cubicEpochMs = -1 // time without traffic is not time on the curve
}

/** How many more bytes congestion control lets out now. */
export function congestionRoom(tcb: Tcb): number {
  if (isProbingFrto(tcb)) return tcb.frtoRoom * tcb.mss
  if (tcb.isSackPermitted) return tcb.inRecovery ? tcb.prrRoom : Math.floor(tcb.cwnd) - pipe(tcb)
  // RFC 3042: the first two duplicates each let one new segment out, so that a small window can reach the threshold.
  const limited = tcb.inRecovery ? 0 : Math.min(tcb.dupAcks, 2) * tcb.mss
  return Math.floor(tcb.cwnd) + limited - (tcb.sndNxt - tcb.sndUna)
}

/** RFC 6675 §4 SetPipe: bytes thought to be on the path. What is reported lets out as much (RFC 3042). */
function pipe(tcb: Tcb): number {
  return tcb.sndNxt - tcb.sndUna - tcb.flight.sackedBytes - tcb.flight.lostBytes
}
