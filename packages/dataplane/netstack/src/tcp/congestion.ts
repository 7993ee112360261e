/**
 * Congestion control: slow start and avoidance (RFC 5681, counting bytes as RFC 3465 does), fast retransmit and
 * recovery (NewReno, RFC 6582; with SACK, RFC 6675). Windows are in bytes.
 */
import type { Tcb } from './tcb.ts'

const DUPLICATE_THRESHOLD = 3

/** RFC 6928 §2. */
export function startCongestion(tcb: Tcb): void {
  tcb.cwnd = Math.min(tcb.parameters.initialWindowSegments * tcb.mss, Math.max(2 * tcb.mss, 14_600))
  // RFC 5681 §3.1: after a lost SYN the window starts at one segment.
  if (tcb.retransmits > 0) tcb.cwnd = tcb.mss
}

/** `acked` new bytes were acknowledged. */
export function onNewAck(tcb: Tcb, acked: number): void {
  tcb.dupAcks = 0
  if (tcb.inRecovery) {
    if (tcb.sndUna >= tcb.recover) leaveRecovery(tcb)
    else if (!tcb.isSackPermitted) partialAck(tcb, acked)
    return
  }
  // RFC 7661: a window that is not used does not grow.
  if (!tcb.isCwndLimited) return
  if (tcb.cwnd < tcb.ssthresh) {
    tcb.cwnd += acked
    return
  }
  tcb.growth += acked
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
  tcb.cwnd = Math.min(tcb.ssthresh, Math.max(tcb.sndMax - tcb.sndUna, tcb.mss) + tcb.mss)
  tcb.growth = 0
}

/** An acknowledgment that moved nothing but says that something arrived out of order. */
export function onDuplicateAck(tcb: Tcb): void {
  if (tcb.inRecovery) {
    if (!tcb.isSackPermitted) tcb.cwnd += tcb.mss
    return
  }
  tcb.dupAcks++
  const isLost = tcb.dupAcks >= DUPLICATE_THRESHOLD || (tcb.isSackPermitted && lostEdge(tcb) > tcb.sndUna)
  // RFC 6582 §3.2 step 2: duplicates caused by our own timeout do not start another recovery.
  if (isLost && tcb.sndUna >= tcb.recover) enterRecovery(tcb)
}

function enterRecovery(tcb: Tcb): void {
  tcb.ssthresh = Math.max((tcb.sndMax - tcb.sndUna) / 2, 2 * tcb.mss)
  tcb.cwnd = tcb.isSackPermitted ? tcb.ssthresh : tcb.ssthresh + DUPLICATE_THRESHOLD * tcb.mss
  tcb.recover = tcb.sndMax
  tcb.inRecovery = true
  tcb.retransmittedTo = tcb.sndUna
  tcb.isRetransmitDue = true
  tcb.growth = 0
}

/** RFC 5681 §3.1 equation 4, RFC 6582 §4.1, RFC 2018 §8: start over from the first unacknowledged byte. */
export function onRetransmitTimeout(tcb: Tcb): void {
  if (tcb.retransmits === 0) tcb.ssthresh = Math.max((tcb.sndMax - tcb.sndUna) / 2, 2 * tcb.mss)
  tcb.cwnd = tcb.mss
  tcb.growth = 0
  tcb.dupAcks = 0
  tcb.inRecovery = false
  tcb.recover = tcb.sndMax
  tcb.isRetransmitDue = false
  tcb.sacked.clear()
}

/** RFC 5681 §4.1: after an idle timeout the old window says nothing about the path. */
export function afterIdle(tcb: Tcb, nowMs: number): void {
  if (tcb.sndNxt !== tcb.sndUna || nowMs - tcb.lastSendMs <= tcb.rtoMs) return
  const restart = Math.min(tcb.parameters.initialWindowSegments * tcb.mss, Math.max(2 * tcb.mss, 14_600))
  tcb.cwnd = Math.min(tcb.cwnd, restart)
}

/** How many more bytes congestion control lets out now. */
export function congestionRoom(tcb: Tcb): number {
  if (tcb.inRecovery && tcb.isSackPermitted) return tcb.cwnd - pipe(tcb)
  // RFC 3042: the first two duplicates each let one new segment out, so that a small window can reach the threshold.
  const limited = tcb.inRecovery ? 0 : Math.min(tcb.dupAcks, 2) * tcb.mss
  return tcb.sndUna + tcb.cwnd + limited - tcb.sndNxt
}

/** RFC 6675 §4 IsLost: everything unreported below this position counts as lost. */
export function lostEdge(tcb: Tcb): number {
  let above = 0
  for (let i = tcb.sacked.count - 1; i >= 0; i--) {
    above += tcb.sacked.ends[i]! - tcb.sacked.starts[i]!
    if (above > (DUPLICATE_THRESHOLD - 1) * tcb.mss) return tcb.sacked.starts[i]!
  }
  return tcb.sndUna
}

/** RFC 6675 §4 SetPipe: bytes thought to be on the path. */
function pipe(tcb: Tcb): number {
  const unreported = tcb.sacked.missing(tcb.sndUna, tcb.sndNxt)
  const lost = tcb.sacked.missing(Math.max(tcb.sndUna, tcb.retransmittedTo), lostEdge(tcb))
  return unreported - lost
}
