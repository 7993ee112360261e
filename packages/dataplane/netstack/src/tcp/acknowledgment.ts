/**
 * What an acknowledgment says of what was sent: bytes that arrived, reports of what lies beyond, round trips, marks, the window
 * (RFC 9293 §3.10.7.4 "ACK", RFC 6298, 7323 §4, 8985, 3168 §6.1.2). Whether it is to be believed `input.ts` has decided.
 */
import { onCongestionSign, onDelivered, onLoss, onNewAck } from './congestion.ts'
import { FRTO_OFF, onFrtoAck } from './frto.ts'
import { adaptWindow, detectLosses, takeAcknowledged, takeReports } from './rack.ts'
import { sampleRtt, setRto } from './rto.ts'
import type { InSegment } from './segment.ts'
import { onProbeAnswer, scheduleProbe } from './tail-probe.ts'
import type { Tcb } from './tcb.ts'
import { timestampAt } from './timestamp-clock.ts'
import { undoIfSpurious } from './undo.ts'

/** With SACK: what an acknowledgment that moved by `moved` and its reports say about what is under way. */
export function afterReports(
  tcb: Tcb,
  segment: InSegment,
  ack: number,
  moved: number,
  reportedBefore: number,
  nowMs: number,
): void {
  const wasRecovering = tcb.inRecovery
  const isDuplicate = segment.sackCount > 0 && takeReports(tcb, segment, ack, nowMs)
  if (isDuplicate) tcb.counts.duplicateReports++
  adaptWindow(tcb, isDuplicate)
  if (tcb.frto !== FRTO_OFF && moved <= 0 && segment.sackCount > 0) onFrtoAck(tcb, false)
  const isBareDuplicate = moved <= 0 && segment.payloadLength === 0 && segment.sackCount === 0
  if (onProbeAnswer(tcb, ack, isDuplicate, isBareDuplicate)) onCongestionSign(tcb)
  if (detectLosses(tcb, nowMs)) onLoss(tcb)
  const reported = tcb.flight.sackedBytes - reportedBefore
  if (tcb.inRecovery) onDelivered(tcb, wasRecovering ? moved + reported : Math.max(0, reported))
  else scheduleProbe(tcb, nowMs)
}

/** RFC 3168 §6.1.2. */
export function onEcho(tcb: Tcb): void {
  // The peer repeats it until it has been told.
  if (tcb.sndUna < tcb.reducedTo || !tcb.isReductionTold) return
  // A recovery has reduced the window already; that is told just as well.
  tcb.isReductionTold = false
  if (onCongestionSign(tcb)) tcb.counts.ecnReductions++
  else tcb.reducedTo = tcb.sndMax
}

export function advance(tcb: Tcb, segment: InSegment, ack: number, nowMs: number): void {
  const acked = ack - tcb.sndUna
  if (tcb.timedTo >= 0 && ack >= tcb.timedTo) {
    sampleRtt(tcb, nowMs - tcb.timedFromMs)
    tcb.timedTo = -1
  } else if (tcb.timedTo < 0 && hasEcho(tcb, segment)) {
    sampleEcho(tcb, segment, nowMs)
  } else if (tcb.retransmits > 0) {
    setRto(tcb) // progress ends the backoff even where Karn's rule gave no sample
  }
  tcb.retransmits = 0
  tcb.persistCount = 0
  tcb.sndUna = ack
  if (tcb.sndNxt < ack) tcb.sndNxt = ack
  if (tcb.isSackPermitted) takeAcknowledged(tcb, ack, segment, nowMs)
  undoIfSpurious(tcb, segment)
  if (tcb.frto !== FRTO_OFF) onFrtoAck(tcb, true)
  onNewAck(tcb, acked, nowMs)
  // RFC 6298 §5.2, §5.3
  tcb.retransmitAtMs = ack === tcb.sndMax ? Infinity : nowMs + tcb.rtoMs
}

export function hasEcho(tcb: Tcb, segment: InSegment): boolean {
  return tcb.hasTimestamps && segment.hasTimestamps && segment.tsEcho !== 0
}

/** RFC 7323 §4: where Karn's rule gives no sample the echo does, to the millisecond. */
export function sampleEcho(tcb: Tcb, segment: InSegment, nowMs: number): void {
  const rttMs = (timestampAt(tcb, nowMs) - segment.tsEcho) | 0
  sampleRtt(tcb, Math.min(tcb.parameters.maxRtoMs, Math.max(0, rttMs))) // a peer may echo anything
}

export function updateWindow(tcb: Tcb, window: number, position: number, ack: number): void {
  const isNewer = tcb.sndWl1 < position || (tcb.sndWl1 === position && tcb.sndWl2 <= ack)
  if (ack < tcb.sndUna || !isNewer) return
  tcb.sndWnd = window
  tcb.sndWl1 = position
  tcb.sndWl2 = ack
  if (window > tcb.maxSndWnd) tcb.maxSndWnd = window
  if (window > 0 && tcb.persistCount > 0) tcb.persistCount = 0
}
