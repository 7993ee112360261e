/**
 * Taking back what a retransmission was for nothing cost (Eifel: RFC 3522, RFC 4015). Timestamps tell: when the first acknowledgment of
 * what was sent again echoes a time before it was sent again, the first transmission had arrived. Then the window is what it was, what
 * counted as lost is under way, and sending goes on with new data.
 *
 * Of peers without timestamps the order of acknowledgments after a timeout tells (`frto.ts`); their recoveries are believed. Times are whole
 * milliseconds: a retransmission within the same one as the segment whose time comes back decides nothing.
 */
import type { InSegment } from './segment.ts'
import type { Tcb } from './tcb.ts'
import { timestampAt } from './timestamp-clock.ts'

/** The window is about to be reduced for a loss that may be none. */
export function rememberWindow(tcb: Tcb): void {
  // Of several reductions before an answer the first one is taken back.
  if (tcb.undoCwnd >= 0) return
  tcb.undoCwnd = tcb.inRecovery ? Math.min(tcb.cwnd, tcb.ssthresh) : tcb.cwnd
  tcb.undoSsthresh = tcb.ssthresh
  tcb.undoCubicMax = tcb.cubicMax
  tcb.undoCubicPrior = tcb.cubicPrior
  tcb.hasUndoStamp = false
}

/**
 * What begins at `position` is sent again. Only of the very next segment that the peer waits for, and only if that had been sent once, an
 * acknowledgment tells which of the two arrived.
 */
export function noteRetransmission(tcb: Tcb, position: number, wasRepeated: boolean, nowMs: number): void {
  if (tcb.undoCwnd < 0 || tcb.hasUndoStamp || !tcb.hasTimestamps) return
  if (position !== tcb.sndUna || wasRepeated) return forgetUndo(tcb)
  tcb.hasUndoStamp = true
  tcb.undoStamp = timestampAt(tcb, nowMs)
}

export function forgetUndo(tcb: Tcb): void {
  tcb.undoCwnd = -1
}

/**
 * An acknowledgment of new data came, and `sndUna` has moved.
 * @returns whether all was for nothing, and has been taken back.
 */
export function undoIfSpurious(tcb: Tcb, segment: InSegment): boolean {
  if (tcb.undoCwnd < 0 || !tcb.hasUndoStamp) return false
  const isSpurious = segment.hasTimestamps && segment.tsEcho !== 0 && ((segment.tsEcho - tcb.undoStamp) | 0) < 0
  if (isSpurious) undo(tcb)
  forgetUndo(tcb)
  return isSpurious
}

/** Takes the last reduction back. */
export function undo(tcb: Tcb): void {
  tcb.counts.undone++
  tcb.flight.forgetLosses()
  if (!tcb.isSackPermitted) tcb.sndNxt = Math.max(tcb.sndNxt, tcb.sndMax)
  // RFC 4015 §3.2 step 6, §3.3: up to the old window by slow start, so that there is no burst.
  const inFlight = tcb.sndMax - tcb.sndUna
  tcb.ssthresh = Math.max(tcb.undoSsthresh === Infinity ? tcb.undoCwnd : tcb.undoSsthresh, tcb.undoCwnd)
  tcb.cwnd = Math.min(tcb.undoCwnd, inFlight + tcb.parameters.initialWindowSegments * tcb.mss)
  tcb.cubicMax = tcb.undoCubicMax
  tcb.cubicPrior = tcb.undoCubicPrior
  tcb.cubicEpochMs = -1
  tcb.inRecovery = false
  tcb.isRetransmitDue = false
  tcb.dupAcks = 0
  // What is lost from here on is a loss of its own.
  tcb.recover = tcb.sndUna
}
