/**
 * The TCP state machine's remaining events: calls of the application, timers, and what ICMP reports. Like `input.ts`
 * and `output.ts` these are functions of (control block, event, time); whoever holds the block then calls
 * `nextSegment` until it says no, and waits until `nextDeadlineMs`.
 */
import { onDelivered, onLoss, onRetransmitTimeout } from './congestion.ts'
import { stopFrto } from './frto.ts'
import { close } from './input.ts'
import { windowCandidate } from './output.ts'
import { detectLosses } from './rack.ts'
import { backOff } from './rto.ts'
import { ACK, RST, TIMESTAMPS_LENGTH } from './segment.ts'
import { onProbeTimer } from './tail-probe.ts'
import { ACK_SOON, Tcb, type TcpActions, type TcpFailure, type TcpParameters } from './tcb.ts'

/** Active open: a block whose first segment is a SYN. */
export function open(
  parameters: TcpParameters,
  iss: number,
  advertisedMss: number,
  timestampOffset = 0,
  family: 4 | 6 = 4,
): Tcb {
  const tcb = new Tcb(parameters, iss, advertisedMss, timestampOffset, family)
  tcb.state = 'SYN-SENT'
  return tcb
}

/** The application wrote `length` more bytes. */
export function written(tcb: Tcb, length: number): void {
  tcb.sendEnd += length
}

/** The application took `length` more bytes: the window may be worth telling. */
export function read(tcb: Tcb, length: number): void {
  tcb.readTo += length
  if (tcb.finAt >= 0 && tcb.rcvNxt > tcb.finAt) return
  const told = tcb.rcvEdge - tcb.rcvNxt
  const gain = windowCandidate(tcb) - told
  // RFC 9293 §3.8.6.2.2, and at once when the peer is about to stop.
  const half = tcb.parameters.receiveBufferBytes / 2
  if (gain >= half || (told < 2 * tcb.advertisedMss && gain >= Math.min(2 * tcb.advertisedMss, half))) {
    if (tcb.ackOwed < ACK_SOON) tcb.ackOwed = ACK_SOON
  }
}

/** The application has no more to write (RFC 9293 §3.10.4). Bytes keep arriving. */
export function finish(tcb: Tcb): void {
  if (tcb.isFinQueued) return
  tcb.isFinQueued = true
  if (tcb.state === 'ESTABLISHED') tcb.state = 'FIN-WAIT-1'
  else if (tcb.state === 'CLOSE-WAIT') tcb.state = 'LAST-ACK'
}

/** The application let go of a connection that it finished: what arrives from now on is refused. */
export function orphan(tcb: Tcb, nowMs: number): void {
  tcb.isOrphan = true
  if (tcb.state === 'FIN-WAIT-2') tcb.closeAtMs = nowMs + tcb.parameters.finWait2Ms
}

/** RFC 9293 §3.10.5. */
export function abort(tcb: Tcb, actions: TcpActions): void {
  if (tcb.state === 'CLOSED') return
  if (tcb.state !== 'SYN-SENT' && tcb.state !== 'TIME-WAIT') {
    actions.hasReset = true
    actions.resetSequence = (tcb.iss + tcb.sndNxt) >>> 0
    actions.resetAcknowledgment = (tcb.irs + tcb.rcvNxt) >>> 0
    actions.resetFlags = RST | ACK
  }
  close(tcb, undefined, actions)
}

/** When `onTimer` next has something to do; Infinity when never. */
export function nextDeadlineMs(tcb: Tcb): number {
  const lossMs = Math.min(tcb.retransmitAtMs, tcb.probeAtMs, tcb.reorderAtMs)
  return Math.min(lossMs, tcb.persistAtMs, tcb.delayedAckAtMs, tcb.closeAtMs, tcb.keepAliveAtMs)
}

/** Does what is due at `nowMs`. Harmless when nothing is. */
export function onTimer(tcb: Tcb, nowMs: number, actions: TcpActions): void {
  if (tcb.closeAtMs <= nowMs) return close(tcb, undefined, actions)
  if (tcb.delayedAckAtMs <= nowMs) {
    tcb.delayedAckAtMs = Infinity
    if (tcb.ackOwed < ACK_SOON) tcb.ackOwed = ACK_SOON
  }
  if (tcb.reorderAtMs <= nowMs) onReorderTimer(tcb, nowMs)
  if (tcb.probeAtMs <= nowMs) onProbeTimer(tcb, nowMs)
  if (tcb.retransmitAtMs <= nowMs) onRto(tcb, nowMs, actions)
  // because `onRto` may have closed the block
  if ((tcb.state as string) !== 'CLOSED' && tcb.persistAtMs <= nowMs) onPersist(tcb, actions)
  if (tcb.keepAliveAtMs <= nowMs) onKeepAlive(tcb, nowMs, actions)
}

/** The application wants (or, with 0, no longer wants) a silent peer to be asked after `idleMs` whether it is there. */
export function setKeepAlive(tcb: Tcb, idleMs: number, nowMs: number): void {
  tcb.keepAliveIdleMs = idleMs
  tcb.keepAliveCount = 0
  tcb.keepAliveAtMs = idleMs === 0 ? Infinity : Math.max(nowMs, tcb.heardMs + idleMs)
}

/** RFC 9293 §3.8.4: only a connection with nothing in flight needs probes; others have the retransmission timer. */
function onKeepAlive(tcb: Tcb, nowMs: number, actions: TcpActions): void {
  const { keepAliveIntervalMs, keepAliveProbes } = tcb.parameters
  const isOpen = tcb.state === 'ESTABLISHED' || tcb.state === 'CLOSE-WAIT' || tcb.state.startsWith('FIN-WAIT')
  const dueMs = tcb.heardMs + tcb.keepAliveIdleMs + tcb.keepAliveCount * keepAliveIntervalMs
  if (!isOpen || dueMs > nowMs || tcb.sndUna < tcb.sndMax || tcb.persistAtMs < Infinity) {
    tcb.keepAliveAtMs = dueMs > nowMs ? dueMs : nowMs + keepAliveIntervalMs
    return
  }
  if (tcb.keepAliveCount >= keepAliveProbes) return close(tcb, 'ETIMEDOUT', actions)
  tcb.keepAliveCount++
  tcb.isKeepAliveDue = true
  tcb.keepAliveAtMs = nowMs + keepAliveIntervalMs
}

/** RFC 8985 §6.2: what has not arrived within the reordering window is lost; the first of it leaves at once. */
function onReorderTimer(tcb: Tcb, nowMs: number): void {
  if (!detectLosses(tcb, nowMs)) return
  onLoss(tcb)
  if (!tcb.inRecovery) return
  tcb.isRetransmitDue = true
  onDelivered(tcb, 0)
}

/** RFC 6298 §5.4 to §5.6. */
function onRto(tcb: Tcb, nowMs: number, actions: TcpActions): void {
  const isOpening = tcb.state === 'SYN-SENT' || tcb.state === 'SYN-RECEIVED'
  const limit = isOpening ? tcb.parameters.maxSynRetransmits : tcb.parameters.maxRetransmits
  // A peer that shut its window over what is in flight (it should not) takes nothing and may be well: what counts is whether it answers.
  const isShut = !isOpening && tcb.sndWnd === 0 && !tcb.isOrphan
  if ((isShut ? tcb.persistSilent++ : tcb.retransmits) >= limit) return close(tcb, 'ETIMEDOUT', actions)
  if (!isOpening) onRetransmitTimeout(tcb, nowMs)
  tcb.retransmits = isShut ? 1 : tcb.retransmits + 1
  backOff(tcb)
  tcb.timedTo = -1
  tcb.retransmitAtMs = Infinity
  if (isOpening || !tcb.isSackPermitted) tcb.sndNxt = tcb.sndUna
}

function onPersist(tcb: Tcb, actions: TcpActions): void {
  // A peer that answers may keep its window closed for ever, unless nobody here waits for it.
  const count = tcb.isOrphan ? tcb.persistCount : tcb.persistSilent
  if (count >= tcb.parameters.maxRetransmits) return close(tcb, 'ETIMEDOUT', actions)
  tcb.persistCount++
  tcb.persistSilent++
  tcb.persistAtMs = Infinity
  tcb.isProbeDue = true
}

/**
 * An ICMP error quotes a segment of ours with wire number `sequence`. RFC 5927 §4: it counts only while that is in
 * flight, and RFC 9293 §3.9.2.2: once the connection stands, unreachability is not a reason to give up.
 */
export function onUnreachable(tcb: Tcb, sequence: number, failure: TcpFailure, actions: TcpActions): void {
  if (tcb.state !== 'SYN-SENT' || !isInFlight(tcb, sequence)) return
  close(tcb, failure, actions)
}

/** The path carries segments of at most `mss` bytes behind a bare TCP header (RFC 1191, RFC 8201): what is in flight is cut anew. */
export function onPathMss(tcb: Tcb, sequence: number, mss: number): void {
  const most = tcb.hasTimestamps ? mss - TIMESTAMPS_LENGTH : mss
  if (most >= tcb.mss || !isInFlight(tcb, sequence)) return
  tcb.mss = Math.max(64, most)
  if (tcb.state === 'SYN-SENT' || tcb.state === 'SYN-RECEIVED') return
  tcb.timedTo = -1
  tcb.inRecovery = false
  tcb.isRetransmitDue = false
  stopFrto(tcb)
  if (tcb.isSackPermitted) tcb.flight.recut(tcb.mss)
  else tcb.sndNxt = tcb.sndUna
}

/** Whether an error that quotes wire number `sequence` may be about something that was sent and is not acknowledged. */
export function isInFlight(tcb: Tcb, sequence: number): boolean {
  const position = tcb.sndUna + ((sequence - (tcb.iss + tcb.sndUna)) | 0)
  return position >= tcb.sndUna && position < tcb.sndMax
}
