/**
 * Segment arrival: RFC 9293 §3.10.7.3 (SYN-SENT) and §3.10.7.4 (the states after it), with the blind-attack defences
 * of RFC 5961, the SACK reports of RFC 2018, and timestamps with their protection against old segments (RFC 7323).
 *
 *     LISTEN ──SYN──▶ SYN-RECEIVED ──ACK──▶ ESTABLISHED ──FIN──▶ CLOSE-WAIT ──close──▶ LAST-ACK ──ACK──▶ CLOSED
 *     SYN-SENT ──SYN,ACK──────────────────────▲   └─close─▶ FIN-WAIT-1 ─ACK─▶ FIN-WAIT-2 ─FIN─▶ TIME-WAIT ─▶ CLOSED
 *     SYN-SENT ──SYN─▶ SYN-RECEIVED                            └─FIN─▶ CLOSING ─ACK─▶ TIME-WAIT
 *
 * Invariant: no segment, whatever it holds, makes these functions throw; what is not acceptable changes nothing but
 * may owe an acknowledgment.
 */
import { advance, afterReports, hasEcho, onEcho, sampleEcho, updateWindow } from './acknowledgment.ts'
import { onDuplicateAck, startCongestion } from './congestion.ts'
import { sampleRtt, setUnmeasuredRto } from './rto.ts'
import { ACK, CONGESTION_EXPERIENCED, CWR, ECE, FIN, type InSegment, RST, SYN, TIMESTAMPS_LENGTH } from './segment.ts'
import {
  ACK_DELAYED,
  ACK_NONE,
  ACK_NOW,
  ACK_SOON,
  type TcpActions,
  type TcpFailure,
  type TcpParameters,
  Tcb,
} from './tcb.ts'

/** RFC 9293 §3.7.1: what a peer takes that does not say. */
export const DEFAULT_MSS: Readonly<Record<4 | 6, number>> = { 4: 536, 6: 1220 }
const LEAST_MSS = 64
/** RFC 7323 §5.5: after 24 days the comparison would mean nothing. */
const TS_RECENT_LIFE_MS = 24 * 86_400_000

/** LISTEN: a block in SYN-RECEIVED for a SYN that arrived. */
export function acceptSyn(
  parameters: TcpParameters,
  segment: InSegment,
  iss: number,
  advertisedMss: number,
  timestampOffset = 0,
  nowMs = 0,
  family: 4 | 6 = 4,
): Tcb {
  const tcb = new Tcb(parameters, iss, advertisedMss, timestampOffset, family)
  tcb.state = 'SYN-RECEIVED'
  tcb.isPassive = true
  takeSyn(tcb, segment, nowMs)
  return tcb
}

/**
 * A block for the last step of a handshake whose first steps were kept in a cookie only: SYN-RECEIVED, without any
 * option but `mss`, the peer's. The segment that proved the cookie is then given to `onSegment`.
 */
export function acceptCookie(
  parameters: TcpParameters,
  segment: InSegment,
  advertisedMss: number,
  mss: number,
  nowMs: number,
): Tcb {
  const tcb = new Tcb(parameters, segment.acknowledgment - 1, advertisedMss)
  tcb.state = 'SYN-RECEIVED'
  tcb.isPassive = true
  tcb.irs = (segment.sequence - 1) >>> 0
  tcb.rcvNxt = 1
  tcb.readTo = 1
  tcb.rcvShift = 0
  tcb.rcvEdge = 1 + Math.min(0xffff, parameters.receiveBufferBytes)
  tcb.mss = Math.max(LEAST_MSS, Math.min(mss, advertisedMss))
  tcb.sndNxt = 1
  tcb.sndMax = 1
  tcb.heardMs = nowMs
  return tcb
}

export function onSegment(tcb: Tcb, segment: InSegment, nowMs: number, actions: TcpActions): void {
  if (tcb.state === 'CLOSED') return
  if (tcb.state === 'SYN-SENT') return inSynSent(tcb, segment, nowMs, actions)
  const { flags } = segment
  tcb.heardMs = nowMs
  tcb.keepAliveCount = 0
  const position = tcb.rcvNxt + ((segment.sequence - (tcb.irs + tcb.rcvNxt)) | 0)
  if (isCrossedSynAck(tcb, segment, position)) {
    tcb.sndWnd = segment.window
    tcb.ackOwed = ACK_SOON
    return establish(tcb, segment, nowMs, actions)
  }
  if (tcb.hasTimestamps && !isYoung(tcb, segment, position, nowMs)) {
    actions.isStale = true
    if (segment.hasTimestamps) answerOld(tcb, segment, nowMs)
    return
  }
  if (tcb.state === 'SYN-RECEIVED' && position === 0 && (flags & (SYN | ACK | RST)) === SYN)
    return repeatAnswer(tcb, nowMs)
  if (!isAcceptable(tcb, segment, position)) return unacceptable(tcb, segment, nowMs)
  if ((flags & RST) !== 0) return onReset(tcb, position, nowMs, actions)
  // RFC 5961 §4.2: a SYN inside a connection is answered, not believed.
  if ((flags & SYN) !== 0) return challenge(tcb, nowMs)
  if ((flags & ACK) === 0 || !onAck(tcb, segment, position, nowMs, actions)) return
  if (tcb.isEcn) onMark(tcb, segment)
  if (segment.payloadLength > 0) onPayload(tcb, segment, position, nowMs, actions)
  // because TypeScript does not see that the calls above change the state
  if ((flags & FIN) !== 0 && (tcb.state as string) !== 'CLOSED') tcb.finAt = position + segment.payloadLength
  if (tcb.finAt >= 0 && tcb.finAt === tcb.rcvNxt) onFin(tcb, nowMs, actions)
}

/**
 * RFC 7323 §5.3 R1 to R3: whether the segment is not from the past of the sequence space; notes its timestamp. A reset
 * is always looked at, a segment without the option is not (§3.2).
 */
function isYoung(tcb: Tcb, segment: InSegment, position: number, nowMs: number): boolean {
  const isReset = (segment.flags & RST) !== 0
  if (!segment.hasTimestamps) return isReset
  const age = (segment.tsValue - tcb.tsRecent) | 0
  if (age < 0 && !isReset && nowMs - tcb.tsRecentAtMs < TS_RECENT_LIFE_MS) {
    // Acknowledgments that overtook each other are not from another turn of the sequence space.
    const isBare = segment.payloadLength === 0 && (segment.flags & (SYN | FIN)) === 0 && position === tcb.rcvNxt
    return isBare && -age <= tcb.rtoMs
  }
  const length = segment.payloadLength + (segment.flags & (SYN | FIN) ? 1 : 0)
  // Inside of the window, and at or before what was acknowledged last: the peer wants to know how long that took.
  if (age >= 0 && position <= tcb.lastAckSent && position + length >= tcb.rcvNxt) {
    tcb.tsRecent = segment.tsValue
    tcb.tsRecentAtMs = nowMs
  }
  return true
}

/** RFC 9293 §3.10.7.3. */
function inSynSent(tcb: Tcb, segment: InSegment, nowMs: number, actions: TcpActions): void {
  const { flags } = segment
  const hasAck = (flags & ACK) !== 0
  if (hasAck && ((segment.acknowledgment - tcb.iss) | 0) !== 1) {
    if ((flags & RST) === 0) answerWithReset(segment.acknowledgment, actions)
    return
  }
  if ((flags & RST) !== 0) {
    if (hasAck) close(tcb, 'ECONNREFUSED', actions)
    return
  }
  if ((flags & SYN) === 0) return
  takeSyn(tcb, segment, nowMs)
  if (!hasAck) {
    // Simultaneous open: the SYN is sent again, now with an acknowledgment.
    tcb.state = 'SYN-RECEIVED'
    tcb.sndNxt = 0
    return
  }
  tcb.sndWnd = segment.window
  establish(tcb, segment, nowMs, actions)
  tcb.ackOwed = ACK_SOON
  // Data that came with the SYN is not taken: the peer sends it again.
}

function takeSyn(tcb: Tcb, segment: InSegment, nowMs: number): void {
  tcb.irs = segment.sequence
  tcb.rcvNxt = 1
  tcb.readTo = 1
  tcb.sndWnd = segment.window
  tcb.maxSndWnd = segment.window
  tcb.mss = Math.max(LEAST_MSS, Math.min(segment.mss === 0 ? DEFAULT_MSS[tcb.family] : segment.mss, tcb.advertisedMss))
  if (segment.windowShift >= 0) {
    tcb.sndShift = Math.min(14, segment.windowShift)
  } else {
    tcb.rcvShift = 0
  }
  tcb.isSackPermitted = segment.sackPermitted && tcb.parameters.sack
  takeEcn(tcb, segment.flags)
  tcb.hasTimestamps = segment.hasTimestamps && tcb.parameters.timestamps
  if (tcb.hasTimestamps) {
    tcb.mss = Math.max(LEAST_MSS, tcb.mss - TIMESTAMPS_LENGTH)
    tcb.tsRecent = segment.tsValue
    tcb.tsRecentAtMs = nowMs
  }
  tcb.heardMs = nowMs
}

/**
 * RFC 3168 §6.1.1: a SYN offers with both bits; its answer agrees with one. Some answer with what they got, and mean nothing by it.
 */
function takeEcn(tcb: Tcb, flags: number): void {
  const said = flags & (ECE | CWR)
  const isAnswer = (flags & ACK) !== 0
  const { ecn } = tcb.parameters
  tcb.isEcn = isAnswer ? ecn === 'offer' && said === ECE : ecn !== 'off' && said === (ECE | CWR)
}

function establish(tcb: Tcb, segment: InSegment, nowMs: number, actions: TcpActions): void {
  startCongestion(tcb)
  if (tcb.timedTo >= 0) sampleRtt(tcb, nowMs - tcb.timedFromMs)
  else if (hasEcho(tcb, segment)) sampleEcho(tcb, segment, nowMs)
  else setUnmeasuredRto(tcb)
  tcb.timedTo = -1
  tcb.retransmits = 0
  tcb.retransmitAtMs = Infinity
  tcb.sndUna = 1
  tcb.sndNxt = Math.max(1, tcb.sndNxt)
  tcb.recover = 1
  tcb.sndWl1 = tcb.rcvNxt
  tcb.sndWl2 = 1
  tcb.maxSndWnd = Math.max(tcb.maxSndWnd, tcb.sndWnd)
  tcb.state = tcb.isFinQueued ? 'FIN-WAIT-1' : 'ESTABLISHED'
  actions.isConnected = true
}

/** RFC 9293 figure 7: the answer to our SYN in a simultaneous open repeats the SYN that we know already. */
function isCrossedSynAck(tcb: Tcb, segment: InSegment, position: number): boolean {
  if (tcb.state !== 'SYN-RECEIVED' || tcb.isPassive || position !== 0) return false
  return (segment.flags & (SYN | ACK | RST)) === (SYN | ACK) && ((segment.acknowledgment - tcb.iss) | 0) === 1
}

/** RFC 9293 §3.10.7.4 "First, check sequence number". */
function isAcceptable(tcb: Tcb, segment: InSegment, position: number): boolean {
  const length = segment.payloadLength + (segment.flags & FIN ? 1 : 0) + (segment.flags & SYN ? 1 : 0)
  const edge = tcb.rcvEdge
  if (length === 0) return position >= tcb.rcvNxt && position <= edge
  if (position + length <= tcb.rcvNxt) return false
  // A full window still takes the ACK and RST of the segment that would come next.
  return position < edge || (position === tcb.rcvNxt && edge === tcb.rcvNxt)
}

/** The peer sent its SYN again, so our answer was lost: it says what it said, within the limit of what an attacker can ask for. */
function repeatAnswer(tcb: Tcb, nowMs: number): void {
  if (!mayChallenge(tcb, nowMs)) return
  tcb.sndNxt = 0
  tcb.timedTo = -1 // Karn's algorithm
}

function unacceptable(tcb: Tcb, segment: InSegment, nowMs: number): void {
  if ((segment.flags & RST) !== 0) return
  // RFC 9293 §3.10.7.4 eighth: the peer's repeated FIN restarts the wait.
  if (tcb.state === 'TIME-WAIT') tcb.closeAtMs = nowMs + tcb.parameters.timeWaitMs
  const position = tcb.rcvNxt + ((segment.sequence - (tcb.irs + tcb.rcvNxt)) | 0)
  if (segment.payloadLength > 0 && position < tcb.rcvNxt) noteRepeat(tcb, position, position + segment.payloadLength)
  answerOld(tcb, segment, nowMs)
}

/**
 * Data is sent again when its acknowledgment was lost, and that is answered each time. Answers to anything else are counted: two hosts
 * that both take the other's acknowledgments for old would answer each other for ever.
 */
function answerOld(tcb: Tcb, segment: InSegment, nowMs: number): void {
  const isRepeat = (segment.payloadLength > 0 || (segment.flags & FIN) !== 0) && (segment.flags & SYN) === 0
  if (isRepeat) tcb.ackOwed = ACK_NOW
  else challenge(tcb, nowMs)
}

/** RFC 2883 §4: [start, end) arrived although what of it is in the window was there. */
function noteRepeat(tcb: Tcb, start: number, end: number): void {
  if (!tcb.isSackPermitted) return
  tcb.repeatStart = start
  tcb.repeatEnd = end
}

/** RFC 3168 §6.1.3: the echo goes on until the sender says that it has slowed down. */
function onMark(tcb: Tcb, segment: InSegment): void {
  if ((segment.flags & CWR) !== 0) tcb.isEchoDue = false
  if (segment.ecn !== CONGESTION_EXPERIENCED) return
  tcb.counts.ecnMarks++
  // The first mark is not to wait for a timer.
  if (!tcb.isEchoDue && tcb.ackOwed < ACK_SOON) tcb.ackOwed = ACK_SOON
  tcb.isEchoDue = true
}

/** RFC 5961 §3.2: only the very next position resets. */
function onReset(tcb: Tcb, position: number, nowMs: number, actions: TcpActions): void {
  if (position !== tcb.rcvNxt) return challenge(tcb, nowMs)
  switch (tcb.state) {
    case 'SYN-RECEIVED':
      return close(tcb, tcb.isPassive ? 'ECONNRESET' : 'ECONNREFUSED', actions)
    case 'CLOSING':
    case 'LAST-ACK':
    case 'TIME-WAIT':
      return close(tcb, undefined, actions)
    default:
      return close(tcb, 'ECONNRESET', actions)
  }
}

/** @returns whether the rest of the segment is to be looked at. */
function onAck(tcb: Tcb, segment: InSegment, position: number, nowMs: number, actions: TcpActions): boolean {
  const ack = tcb.sndUna + ((segment.acknowledgment - (tcb.iss + tcb.sndUna)) | 0)
  if (tcb.state === 'SYN-RECEIVED') {
    if (ack !== 1) {
      answerWithReset(segment.acknowledgment, actions)
      return false
    }
    tcb.sndWnd = segment.window << tcb.sndShift
    establish(tcb, segment, nowMs, actions)
  }
  // RFC 5961 §5.2.
  if (ack > tcb.sndMax || ack < tcb.sndUna - tcb.maxSndWnd) {
    challenge(tcb, nowMs)
    return false
  }
  tcb.persistSilent = 0
  const window = segment.window << tcb.sndShift
  const before = tcb.sndUna
  const reportedBefore = tcb.flight.sackedBytes
  if (ack > before) advance(tcb, segment, ack, nowMs)
  if (tcb.isSackPermitted) {
    const isProgress = ack > before || segment.sackCount > 0
    if (isProgress || tcb.probeEnd >= 0) afterReports(tcb, segment, ack, ack - before, reportedBefore, nowMs)
  } else if (ack === before && tcb.sndMax > before) {
    if (segment.payloadLength === 0 && (segment.flags & FIN) === 0 && window === tcb.sndWnd) onDuplicateAck(tcb)
  }
  if (tcb.isEcn && (segment.flags & ECE) !== 0) onEcho(tcb)
  updateWindow(tcb, window, position, ack)
  return afterAck(tcb, nowMs, actions)
}

/** What an acknowledgment of our FIN means. @returns whether the rest of the segment is to be looked at. */
function afterAck(tcb: Tcb, nowMs: number, actions: TcpActions): boolean {
  const isFinAcked = tcb.isFinQueued && tcb.sndUna > tcb.sendEnd
  if (!isFinAcked) return true
  switch (tcb.state) {
    case 'FIN-WAIT-1':
      tcb.state = 'FIN-WAIT-2'
      if (tcb.isOrphan) tcb.closeAtMs = nowMs + tcb.parameters.finWait2Ms
      return true
    case 'CLOSING':
      startTimeWait(tcb, nowMs)
      return true
    case 'LAST-ACK':
      close(tcb, undefined, actions)
      return false
    default:
      return true
  }
}

function onPayload(tcb: Tcb, segment: InSegment, position: number, nowMs: number, actions: TcpActions): void {
  if (tcb.state !== 'ESTABLISHED' && tcb.state !== 'FIN-WAIT-1' && tcb.state !== 'FIN-WAIT-2') return
  const skip = Math.max(0, tcb.rcvNxt - position)
  if (skip > 0) noteRepeat(tcb, position, tcb.rcvNxt)
  const start = position + skip
  const end = Math.min(position + segment.payloadLength, tcb.rcvEdge)
  if (end <= start) {
    tcb.ackOwed = ACK_NOW
    return
  }
  if (tcb.isOrphan) {
    // RFC 9293 §3.6.1: nobody will read this, and the peer should know.
    answerWithReset(segment.acknowledgment, actions)
    return close(tcb, undefined, actions)
  }
  if (start > tcb.rcvNxt) {
    tcb.ackOwed = ACK_NOW
    const added = tcb.outOfOrder.add(start, end)
    if (added < 0) return // full: the peer sends it again
    if (added === 0) noteRepeat(tcb, start, end)
    return store(actions, start, skip, end - start)
  }
  store(actions, start, skip, end - start)
  const filled = tcb.outOfOrder.count > 0
  tcb.rcvNxt = end
  if (filled) {
    tcb.rcvNxt = tcb.outOfOrder.reach(end)
    tcb.outOfOrder.trim(tcb.rcvNxt)
    tcb.ackOwed = ACK_NOW // RFC 5681 §4.2: at once when a hole is filled
    return
  }
  oweAck(tcb, end - start, nowMs)
}

function store(actions: TcpActions, at: number, from: number, length: number): void {
  actions.storeAt = at
  actions.storeFrom = from
  actions.storeLength = length
}

/** RFC 5681 §4.2: at least every second full-sized segment, and not later than the timer. */
function oweAck(tcb: Tcb, bytes: number, nowMs: number): void {
  tcb.unackedBytes += bytes
  if (tcb.unackedBytes >= 2 * tcb.mss) {
    if (tcb.ackOwed < ACK_SOON) tcb.ackOwed = ACK_SOON
  } else if (tcb.ackOwed === ACK_NONE) {
    tcb.ackOwed = ACK_DELAYED
    tcb.delayedAckAtMs = nowMs + tcb.parameters.delayedAckMs
  }
}

/** The peer's last byte is in. */
function onFin(tcb: Tcb, nowMs: number, actions: TcpActions): void {
  switch (tcb.state) {
    case 'ESTABLISHED':
      tcb.state = 'CLOSE-WAIT'
      break
    case 'FIN-WAIT-1':
      tcb.state = 'CLOSING'
      break
    case 'FIN-WAIT-2':
      startTimeWait(tcb, nowMs)
      break
    default:
      return
  }
  tcb.rcvNxt++
  tcb.ackOwed = ACK_NOW
  actions.isPeerFinished = true
}

function startTimeWait(tcb: Tcb, nowMs: number): void {
  tcb.state = 'TIME-WAIT'
  stopLossTimers(tcb)
  tcb.persistAtMs = Infinity
  tcb.closeAtMs = nowMs + tcb.parameters.timeWaitMs
}

/** RFC 5961 §7: acknowledgments that an attacker can ask for are counted. */
function challenge(tcb: Tcb, nowMs: number): void {
  if (mayChallenge(tcb, nowMs)) tcb.ackOwed = ACK_NOW
}

function mayChallenge(tcb: Tcb, nowMs: number): boolean {
  if (nowMs - tcb.challengeFromMs >= 1000) {
    tcb.challengeFromMs = nowMs
    tcb.challengeAcks = 0
  }
  if (tcb.challengeAcks++ >= tcb.parameters.challengeAcksPerSecond) {
    tcb.counts.challengesHeldBack++
    return false
  }
  tcb.counts.challenges++
  return true
}

function answerWithReset(sequence: number, actions: TcpActions): void {
  actions.hasReset = true
  actions.resetSequence = sequence
  actions.resetAcknowledgment = 0
  actions.resetFlags = RST
}

export function close(tcb: Tcb, failure: TcpFailure | undefined, actions: TcpActions): void {
  tcb.state = 'CLOSED'
  tcb.ackOwed = ACK_NONE
  stopLossTimers(tcb)
  tcb.persistAtMs = Infinity
  tcb.delayedAckAtMs = Infinity
  tcb.closeAtMs = Infinity
  tcb.keepAliveAtMs = Infinity
  actions.isClosed = true
  actions.failure = failure
}

function stopLossTimers(tcb: Tcb): void {
  tcb.retransmitAtMs = Infinity
  tcb.probeAtMs = Infinity
  tcb.reorderAtMs = Infinity
}
