/**
 * What to send next (RFC 9293 §3.8, §3.10.7.4 "data", RFC 1122 §4.2.3.4 sender side of the silly window, RFC 5681).
 * Call until it says no: each call makes one segment and notes it as sent.
 */
import { afterIdle, congestionRoom, noteRecoverySend } from './congestion.ts'
import { MOST_SEGMENTS, REPEATED } from './flight.ts'
import { isProbingFrto, noteNothingNew } from './frto.ts'
import { ACK, CWR, ECE, ECT_0, FIN, MAX_SACK_BLOCKS, type OutSegment, PSH, startSegment, SYN } from './segment.ts'
import { scheduleProbe } from './tail-probe.ts'
import { ACK_NONE, ACK_SOON, type Tcb } from './tcb.ts'
import { timestampAt } from './timestamp-clock.ts'
import { noteRetransmission } from './undo.ts'

/** Fills `out` with the next segment that may leave now. @returns false when there is none. */
export function nextSegment(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  if (!fillNext(tcb, nowMs, out)) return false
  tcb.lastAckSent = tcb.rcvNxt
  const isOffer = tcb.state === 'SYN-SENT' && tcb.parameters.timestamps
  if (tcb.hasTimestamps || isOffer) stamp(tcb, nowMs, out)
  return true
}

/** RFC 7323 §3.2. */
export function stamp(tcb: Tcb, nowMs: number, out: OutSegment): void {
  out.hasTimestamps = true
  out.tsValue = timestampAt(tcb, nowMs)
  out.tsEcho = tcb.tsRecent
}

function fillNext(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  switch (tcb.state) {
    case 'CLOSED':
      return false
    case 'SYN-SENT':
    case 'SYN-RECEIVED':
      if (tcb.sndNxt === 0) return sendSyn(tcb, nowMs, out)
      return tcb.ackOwed >= ACK_SOON && tcb.state === 'SYN-RECEIVED' && sendAck(tcb, out)
    case 'TIME-WAIT':
      return tcb.ackOwed >= ACK_SOON && sendAck(tcb, out)
  }
  // Holes are reported in bare acknowledgments, which have room for the blocks; so these go before data.
  if (tcb.ackOwed >= ACK_SOON && (tcb.outOfOrder.count > 0 || tcb.repeatEnd > 0)) return sendAck(tcb, out)
  if (tcb.isTailProbeDue && sendTailProbe(tcb, nowMs, out)) return true
  if (isProbingFrto(tcb)) {
    if (sendNew(tcb, nowMs, out)) return true
    noteNothingNew(tcb)
  }
  if (sendHole(tcb, nowMs, out) || sendNew(tcb, nowMs, out) || sendProbe(tcb, nowMs, out)) return true
  armPersist(tcb, nowMs)
  if (tcb.isKeepAliveDue) return sendKeepAlive(tcb, out)
  return tcb.ackOwed >= ACK_SOON && sendAck(tcb, out)
}

function sendSyn(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  const isAnswer = tcb.state === 'SYN-RECEIVED'
  startSegment(out, isAnswer ? SYN | ACK : SYN, tcb.iss, isAnswer ? tcb.irs + tcb.rcvNxt : 0)
  // RFC 3168 §6.1.1; §6.1.1.1: not again in a SYN that got no answer, which some box on the way may have disliked.
  if (isAnswer && tcb.isEcn) out.flags |= ECE
  else if (!isAnswer && tcb.parameters.ecn === 'offer' && tcb.sndMax === 0) out.flags |= ECE | CWR
  // RFC 7323 §2.2: the window of a SYN is never scaled.
  out.window = Math.min(0xffff, tcb.parameters.receiveBufferBytes)
  tcb.rcvEdge = Math.max(tcb.rcvEdge, 1 + out.window)
  out.mss = tcb.advertisedMss
  // Options are offered in a SYN and only echoed in its answer (RFC 7323 §1.3, RFC 2018 §2).
  if (!isAnswer || tcb.rcvShift > 0 || tcb.sndShift > 0) out.windowShift = tcb.rcvShift
  out.sackPermitted = isAnswer ? tcb.isSackPermitted : tcb.parameters.sack
  if (tcb.sndMax === 0) {
    tcb.timedTo = 1
    tcb.timedFromMs = nowMs
  }
  tcb.sndNxt = 1
  tcb.sndMax = Math.max(tcb.sndMax, 1)
  tcb.ackOwed = ACK_NONE
  tcb.delayedAckAtMs = Infinity
  tcb.retransmitAtMs = nowMs + tcb.rtoMs
  return true
}

/** A retransmission that does not move `sndNxt`: what is lost; without SACK fast retransmit and NewReno's partial step. */
function sendHole(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  if (tcb.isSackPermitted) return sendLost(tcb, nowMs, out)
  if (!tcb.isRetransmitDue) return false
  tcb.isRetransmitDue = false
  const end = Math.min(tcb.sndUna + tcb.mss, tcb.sndMax, tcb.sendEnd + (finSent(tcb) ? 1 : 0))
  if (end <= tcb.sndUna) return false
  noteRetransmission(tcb, tcb.sndUna, tcb.sndUna < tcb.repeatedTo, nowMs)
  tcb.repeatedTo = Math.max(tcb.repeatedTo, end)
  return sendAgain(tcb, nowMs, out, tcb.sndUna, end)
}

function sendLost(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  const { flight } = tcb
  const isDue = tcb.isRetransmitDue
  tcb.isRetransmitDue = false
  const index = flight.firstLost()
  if (index < 0) return false
  const start = flight.start(index)
  const end = flight.end(index)
  const wasRepeated = flight.is(index, REPEATED)
  if (!isDue && congestionRoom(tcb) < end - start) {
    tcb.isCwndLimited = true
    return false
  }
  flight.noteRepeated(index, nowMs)
  // What was sent again is given the time that anything is.
  if (index === 0) tcb.retransmitAtMs = nowMs + tcb.rtoMs
  noteRetransmission(tcb, start, wasRepeated, nowMs)
  return sendAgain(tcb, nowMs, out, start, end)
}

/** RFC 8985 §7.3. */
function sendTailProbe(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  tcb.isTailProbeDue = false
  const { flight } = tcb
  if (flight.count === 0 || tcb.inRecovery) return false
  const length = Math.min(tcb.sendEnd - tcb.sndNxt, tcb.mss)
  tcb.isProbeRepeat = length <= 0 || tcb.sndNxt + length > tcb.sndUna + tcb.sndWnd
  if (tcb.isProbeRepeat) {
    const last = flight.count - 1
    flight.noteRepeated(last, nowMs)
    sendAgain(tcb, nowMs, out, flight.start(last), flight.end(last))
  } else {
    sendFresh(tcb, nowMs, out, length, false)
  }
  tcb.counts.tailProbes++
  tcb.probeEnd = tcb.sndNxt
  tcb.probeAtMs = Infinity
  return true
}

/** @param end one past the FIN where that is to be sent, too */
function sendAgain(tcb: Tcb, nowMs: number, out: OutSegment, start: number, end: number): boolean {
  startData(tcb, out, start, Math.max(0, Math.min(end, tcb.sendEnd) - start), end > tcb.sendEnd)
  if (tcb.inRecovery) noteRecoverySend(tcb, end - start)
  tcb.counts.retransmits++
  tcb.timedTo = -1 // Karn's algorithm
  if (tcb.retransmitAtMs === Infinity) tcb.retransmitAtMs = nowMs + tcb.rtoMs
  tcb.lastSendMs = nowMs
  return true
}

function finSent(tcb: Tcb): boolean {
  return tcb.isFinQueued && tcb.sndMax > tcb.sendEnd
}

function sendNew(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  const end = tcb.sendEnd + (tcb.isFinQueued ? 1 : 0)
  if (tcb.sndNxt >= end || tcb.flight.count >= MOST_SEGMENTS) return false
  afterIdle(tcb, nowMs)
  const available = Math.max(0, tcb.sendEnd - tcb.sndNxt)
  const windowRoom = tcb.sndUna + tcb.sndWnd - tcb.sndNxt
  let length = Math.min(available, tcb.mss, Math.max(0, windowRoom))
  const room = congestionRoom(tcb)
  tcb.isCwndLimited = length > room
  if (length > room) {
    // Part of a segment is not worth sending while acknowledgments are on their way.
    if (tcb.sndNxt > tcb.sndUna || room <= 0) return false
    length = room
  }
  const isSmall = length === windowRoom && length < tcb.mss && length < available
  if (isSmall && length * 2 < tcb.maxSndWnd) return false
  const isFin = tcb.isFinQueued && tcb.sndNxt + length === tcb.sendEnd && windowRoom > length
  // RFC 9293 §3.7.4: less than a segment waits until nothing is in flight.
  if (tcb.isNagleOn && length < tcb.mss && !isFin && tcb.sndNxt > tcb.sndUna && tcb.sndNxt >= tcb.sndMax) return false
  if (length === 0 && !isFin) return false
  sendFresh(tcb, nowMs, out, length, isFin)
  if (isProbingFrto(tcb)) tcb.frtoRoom--
  scheduleProbe(tcb, nowMs)
  return true
}

function sendFresh(tcb: Tcb, nowMs: number, out: OutSegment, length: number, isFin: boolean): void {
  startData(tcb, out, tcb.sndNxt, length, isFin)
  // RFC 3168 §6.1.5: what is sent again, and acknowledgments alone, are not marked as capable.
  const next = tcb.sndNxt + length + (isFin ? 1 : 0)
  if (tcb.isEcn && length > 0 && tcb.sndNxt >= tcb.sndMax) {
    out.ecn = ECT_0
    if (!tcb.isReductionTold) {
      out.flags |= CWR
      tcb.isReductionTold = true
      tcb.reducedTo = next
    }
  }
  if (tcb.isSackPermitted) tcb.flight.push(next, nowMs)
  noteSent(tcb, nowMs, next)
}

function noteSent(tcb: Tcb, nowMs: number, next: number): void {
  if (tcb.inRecovery) noteRecoverySend(tcb, next - tcb.sndNxt)
  if (tcb.sndNxt < tcb.sndMax) {
    tcb.counts.retransmits++
    noteRetransmission(tcb, tcb.sndNxt, tcb.sndNxt < tcb.repeatedTo, nowMs)
    tcb.repeatedTo = Math.max(tcb.repeatedTo, next)
    tcb.timedTo = -1
  } else if (tcb.timedTo < 0) {
    tcb.timedTo = next
    tcb.timedFromMs = nowMs
  }
  tcb.sndNxt = next
  if (next > tcb.sndMax) tcb.sndMax = next
  if (tcb.retransmitAtMs === Infinity) tcb.retransmitAtMs = nowMs + tcb.rtoMs
  tcb.persistAtMs = Infinity
  tcb.persistCount = 0
  tcb.isProbeDue = false
  tcb.lastSendMs = nowMs
}

/**
 * RFC 9293 §3.8.6.1: one byte past a closed window makes the peer tell its window again. §3.8.6.2.1: what a window takes that has
 * been too small for a segment all the time is sent now.
 */
function sendProbe(tcb: Tcb, nowMs: number, out: OutSegment): boolean {
  if (!tcb.isProbeDue) return false
  tcb.isProbeDue = false
  const taken = Math.min(tcb.sendEnd - tcb.sndNxt, tcb.sndUna + tcb.sndWnd - tcb.sndNxt, tcb.mss)
  if (taken > 0) {
    sendFresh(tcb, nowMs, out, taken, false)
    return true
  }
  const length = tcb.sndNxt < tcb.sendEnd ? 1 : 0
  if (length === 0 && !(tcb.isFinQueued && tcb.sndNxt === tcb.sendEnd)) return false
  startData(tcb, out, tcb.sndNxt, length, length === 0)
  // Not in flight (`sndNxt` stays), but the peer may accept it.
  tcb.sndMax = Math.max(tcb.sndMax, tcb.sndNxt + 1)
  return true
}

/** RFC 9293 §3.8.4: a segment just before the window, which the peer answers with an acknowledgment. */
function sendKeepAlive(tcb: Tcb, out: OutSegment): boolean {
  tcb.isKeepAliveDue = false
  startSegment(out, ACK, tcb.iss + tcb.sndUna - 1, tcb.irs + tcb.rcvNxt)
  out.window = advertise(tcb)
  noteAcked(tcb)
  return true
}

/** Something waits, nothing is in flight, and so no acknowledgment will come to open the window. */
function armPersist(tcb: Tcb, nowMs: number): void {
  const waits = tcb.sndNxt < tcb.sendEnd + (tcb.isFinQueued ? 1 : 0) && tcb.sndNxt === tcb.sndUna
  if (!waits) {
    tcb.persistAtMs = Infinity
  } else if (tcb.persistAtMs === Infinity && tcb.retransmitAtMs === Infinity) {
    tcb.persistAtMs = nowMs + Math.min(tcb.parameters.maxRtoMs, tcb.rtoMs * 2 ** tcb.persistCount)
  }
}

function startData(tcb: Tcb, out: OutSegment, position: number, length: number, isFin: boolean): void {
  const isLast = length > 0 && position + length === tcb.sendEnd
  const flags = ACK | (isLast ? PSH : 0) | (isFin ? FIN : 0) | (tcb.isEchoDue ? ECE : 0)
  startSegment(out, flags, tcb.iss + position, tcb.irs + tcb.rcvNxt)
  out.position = position
  out.payloadLength = length
  out.window = advertise(tcb)
  noteAcked(tcb)
}

function sendAck(tcb: Tcb, out: OutSegment): boolean {
  // While everything is sent again `sndNxt` lies left of what the peer has; it would not look at such a segment.
  const position = Math.max(tcb.sndNxt, Math.min(tcb.sndMax, tcb.sndUna + tcb.sndWnd))
  startSegment(out, ACK | (tcb.isEchoDue ? ECE : 0), tcb.iss + position, tcb.irs + tcb.rcvNxt)
  out.window = advertise(tcb)
  if (tcb.isSackPermitted && (tcb.outOfOrder.count > 0 || tcb.repeatEnd > 0)) reportHoles(tcb, out)
  noteAcked(tcb)
  return true
}

function noteAcked(tcb: Tcb): void {
  tcb.ackOwed = ACK_NONE
  tcb.unackedBytes = 0
  tcb.delayedAckAtMs = Infinity
}

/** RFC 2018 §4: the block that changed last goes first; RFC 2883 §4: before it what arrived once more, which is told once. */
function reportHoles(tcb: Tcb, out: OutSegment): void {
  const { outOfOrder } = tcb
  const most = tcb.hasTimestamps ? MAX_SACK_BLOCKS - 1 : MAX_SACK_BLOCKS
  let count = 0
  if (tcb.repeatEnd > 0) {
    out.sackStarts[0] = tcb.irs + tcb.repeatStart
    out.sackEnds[0] = tcb.irs + tcb.repeatEnd
    count = 1
    tcb.repeatEnd = 0
  }
  let first = 0
  while (first < outOfOrder.count - 1 && outOfOrder.starts[first] !== outOfOrder.latest) first++
  for (let i = 0; i < outOfOrder.count && count < most; i++) {
    const at = (first + i) % outOfOrder.count
    out.sackStarts[count] = tcb.irs + outOfOrder.starts[at]!
    out.sackEnds[count] = tcb.irs + outOfOrder.ends[at]!
    count++
  }
  out.sackCount = count
}

/** Bytes past `rcvNxt` that the window would allow if it were opened as far as the buffer goes. */
export function windowCandidate(tcb: Tcb): number {
  return tcb.readTo + tcb.parameters.receiveBufferBytes - tcb.rcvNxt
}

/**
 * The window field. RFC 9293 §3.8.6.2.2: the right edge never moves back, and moves forward only by a worthwhile amount.
 */
function advertise(tcb: Tcb): number {
  const candidate = tcb.rcvNxt + windowCandidate(tcb)
  const worthwhile = Math.min(tcb.advertisedMss, tcb.parameters.receiveBufferBytes / 2)
  if (candidate - tcb.rcvEdge >= worthwhile) tcb.rcvEdge = candidate
  // Rounded up, because rounding down would move the edge back.
  const unit = 1 << tcb.rcvShift
  const window = Math.min(0xffff, Math.ceil(Math.max(0, tcb.rcvEdge - tcb.rcvNxt) / unit))
  tcb.rcvEdge = tcb.rcvNxt + window * unit
  return window
}
