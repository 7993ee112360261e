/**
 * Timeouts for nothing, found without timestamps (F-RTO, RFC 5682 §2.1, which serves connections with SACK as well). After a timeout only
 * the first segment is sent again. If the acknowledgment that comes then moves, new data is sent instead of more of the old; if the next
 * one moves, too, it acknowledges what was never sent again: that had only been late, and the timeout is taken back (`undo.ts`).
 */
import type { Tcb } from './tcb.ts'
import { forgetUndo, rememberWindow, undo } from './undo.ts'

export const FRTO_OFF = 0
/** The first segment was sent again. */
const FRTO_ASKED = 1
/** New data is sent and nothing old. */
const FRTO_PROBING = 2

/** Segments of new data. */
const PROBE_SEGMENTS = 2
/** §2.1 step 3a: most segments in the window when the loss turns out to be one. */
const LOSS_SEGMENTS = 3

/** The timer rang, and nothing was changed for that yet. */
export function startFrto(tcb: Tcb): void {
  // Again, before anything was acknowledged: still the first segment only was sent again. (The RFC gives up here, Linux does not.)
  if (tcb.frto === FRTO_ASKED) return
  if (tcb.frto === FRTO_PROBING) return stopFrto(tcb)
  // Step 1: not within a recovery, whose retransmissions would be taken for late originals.
  if (tcb.hasTimestamps || tcb.retransmits > 0 || tcb.inRecovery || tcb.sndUna < tcb.recover) return
  rememberWindow(tcb)
  tcb.frto = FRTO_ASKED
}

/** It was a loss, or nobody will ever know. */
export function stopFrto(tcb: Tcb): void {
  tcb.frto = FRTO_OFF
  forgetUndo(tcb)
}

/** After a timeout (`frto` is not off) an acknowledgment moved `sndUna`, or was a duplicate. */
export function onFrtoAck(tcb: Tcb, hasMoved: boolean): void {
  if (tcb.frto === FRTO_PROBING) {
    // Step 3b: what is acknowledged now was sent once.
    if (hasMoved) undo(tcb)
    else endProbing(tcb)
    return stopFrto(tcb)
  }
  // Step 2a: something is missing, or the peer had everything else.
  if (!hasMoved || tcb.sndUna >= tcb.recover) return stopFrto(tcb)
  tcb.frto = FRTO_PROBING
  tcb.frtoRoom = PROBE_SEGMENTS
  tcb.sndNxt = tcb.sndMax
}

/** Step 3a: slow start goes on with what is old. */
function endProbing(tcb: Tcb): void {
  tcb.cwnd = Math.min(tcb.cwnd, LOSS_SEGMENTS * tcb.mss)
  if (tcb.isSackPermitted) tcb.isRetransmitDue = true
  else tcb.sndNxt = tcb.sndUna
}

export function isProbingFrto(tcb: Tcb): boolean {
  return tcb.frto === FRTO_PROBING
}

/** There is no new data, or no window for it: nothing can be learned. */
export function noteNothingNew(tcb: Tcb): void {
  if (tcb.frtoRoom < PROBE_SEGMENTS) return
  endProbing(tcb)
  stopFrto(tcb)
}
