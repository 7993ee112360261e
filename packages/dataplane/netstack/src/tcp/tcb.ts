/**
 * The transmission control block: everything TCP knows about one connection, as plain numbers (RFC 9293 §3.3.1).
 * Only the functions beside this file change it.
 *
 * Sequence numbers are kept as *positions*: whole numbers that count from the SYN (position 0; data starts at 1) and
 * never wrap, so they compare with `<`. The wire's 32-bit number is `(isn + position) mod 2^32`.
 */
import { Flight } from './flight.ts'
import { RangeSet } from './range-set.ts'
import { TcpCounts } from './tcp-counts.ts'

export type TcpState =
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSE-WAIT'
  | 'CLOSING'
  | 'LAST-ACK'
  | 'TIME-WAIT'
  | 'CLOSED'

export interface TcpParameters {
  /** Most bytes held for a reader that is slow or misses a segment. */
  readonly receiveBufferBytes: number
  /** Most bytes written and not yet acknowledged. */
  readonly sendBufferBytes: number
  /** Retransmission timeout before the first round-trip sample (RFC 6298 §2.1). */
  readonly initialRtoMs: number
  /** Bounds of the timeout. RFC 6298 §2.4 asks for at least 1 s; kernels take 200 ms, data centres 5 to 10. */
  readonly minRtoMs: number
  readonly maxRtoMs: number
  readonly delayedAckMs: number
  readonly timeWaitMs: number
  /** How long a closed socket waits for the peer to finish, too. */
  readonly finWait2Ms: number
  /** Consecutive timeouts before the connection is given up. */
  readonly maxRetransmits: number
  readonly maxSynRetransmits: number
  readonly initialWindowSegments: number
  readonly congestionControl: CongestionControl
  /** Whether timestamps are offered and accepted (RFC 7323 §3). */
  readonly timestamps: boolean
  /** Whether selective acknowledgments are offered and accepted (RFC 2018). */
  readonly sack: boolean
  /** Whether a lost tail is probed for before the retransmission timeout (RFC 8985 §7); needs SACK. */
  readonly tailLossProbe: boolean
  /** Whether the first slow start ends when round trips grow (RFC 9406); needs SACK. */
  readonly hystart: boolean
  /** Explicit congestion notification (RFC 3168): as Linux, it is accepted from those who offer it unless told otherwise. */
  readonly ecn: EcnUse
  /** Whether small segments wait for what is in flight (Nagle, RFC 9293 §3.7.4), until a socket says otherwise. */
  readonly nagle: boolean
  /** Silence before the first keep-alive probe of a socket that wants them, and between probes (RFC 9293 §3.8.4). */
  readonly keepAliveIdleMs: number
  readonly keepAliveIntervalMs: number
  /** Unanswered probes before the connection is given up. */
  readonly keepAliveProbes: number
  /** Answers a second and connection to segments that an attacker may have made up (RFC 5961 §7). */
  readonly challengeAcksPerSecond: number
  /** Half-open connections per listener. */
  readonly synBacklog: number
  /** Whether SYNs beyond the backlog are answered with a cookie (RFC 4987 §3.6) instead of being dropped. */
  readonly synCookies: boolean
}

/** RFC 9438, or RFC 5681 with RFC 6582. */
export type CongestionControl = 'cubic' | 'newreno'

export type EcnUse = 'off' | 'accept' | 'offer'

export const DEFAULT_TCP_PARAMETERS: TcpParameters = {
  receiveBufferBytes: 1_000_000,
  sendBufferBytes: 1_000_000,
  initialRtoMs: 1000,
  minRtoMs: 200,
  maxRtoMs: 60_000,
  delayedAckMs: 40,
  timeWaitMs: 1000,
  finWait2Ms: 60_000,
  // 10 timeouts from 200 ms on are more than the 100 s that RFC 9293 §3.8.3 asks for.
  maxRetransmits: 10,
  // The last of them is given up after 183 s; RFC 9293 §3.8.3 asks for 180.
  maxSynRetransmits: 7,
  initialWindowSegments: 10,
  congestionControl: 'cubic',
  timestamps: true,
  sack: true,
  tailLossProbe: true,
  hystart: true,
  ecn: 'accept',
  // Daemons here write messages, not keystrokes; sockets turn it on with `setNoDelay(false)`.
  nagle: false,
  keepAliveIdleMs: 7_200_000,
  keepAliveIntervalMs: 75_000,
  keepAliveProbes: 9,
  challengeAcksPerSecond: 10,
  synBacklog: 128,
  synCookies: true,
}

/** When an acknowledgment is owed. */
export const ACK_NONE = 0
/** With the delayed-acknowledgment timer. */
export const ACK_DELAYED = 1
/** At the end of the batch of frames at hand. */
export const ACK_SOON = 2
/** Before the next segment is looked at: duplicates are counted by the sender. */
export const ACK_NOW = 3

/**
 * Pieces that are kept of what arrives with holes in it. A slow start that overruns a queue loses every other segment of up to a window;
 * pieces that are not kept are sent again for nothing.
 */
const MOST_HOLES = 1024

/** For blocks that belong to no stack; nobody reads it. */
const UNREAD = new TcpCounts()

export class Tcb {
  readonly parameters: TcpParameters
  readonly family: 4 | 6
  counts: TcpCounts = UNREAD
  state: TcpState = 'CLOSED'
  /** Opened by a listener. */
  isPassive = false
  /** The application is gone; nobody will read. */
  isOrphan = false

  // Send side (positions in our stream).
  readonly iss: number
  sndUna = 0
  sndNxt = 0
  /** One past the highest position ever sent. */
  sndMax = 0
  /** Bytes past `sndUna` that the peer lets us send. */
  sndWnd = 0
  maxSndWnd = 0
  /** Segment numbers of the last window update (RFC 9293 §3.10.7.4). */
  sndWl1 = 0
  sndWl2 = 0
  sndShift = 0
  /** One past the last byte that the application wrote. */
  sendEnd = 1
  /** The application wrote its last byte; the FIN is at position `sendEnd`. */
  isFinQueued = false
  /** Most payload bytes per segment, options deducted. */
  mss = 536
  isNagleOn: boolean
  /** Send one byte (or the FIN) although the window is closed. */
  isProbeDue = false

  // Receive side (positions in the peer's stream).
  irs = 0
  rcvNxt = 0
  /** One past the last position that our window allowed. */
  rcvEdge = 0
  rcvShift = 0
  /** One past the last byte that the application took. */
  readTo = 1
  /** What the option announces. */
  readonly advertisedMss: number
  readonly outOfOrder: RangeSet = new RangeSet(MOST_HOLES)
  /** What arrived although it was there already, to be told in the next acknowledgment (RFC 2883); an end of 0 is none. */
  repeatStart = 0
  repeatEnd = 0
  /** Where the peer's FIN is; -1 until one arrived. */
  finAt = -1
  ackOwed = ACK_NONE
  /** Payload bytes received since the last acknowledgment. */
  unackedBytes = 0
  challengeAcks = 0
  challengeFromMs = -Infinity

  // Timestamps (RFC 7323 §4, §5).
  /** Both sides sent the option in their SYN. */
  hasTimestamps = false
  /** Added to the clock's milliseconds, so that it does not tell how long this host is up. */
  readonly timestampOffset: number
  tsRecent = 0
  tsRecentAtMs = -Infinity
  /** Position up to which our last segment acknowledged. */
  lastAckSent = 0

  // Round-trip time (RFC 6298).
  srttMs = -1
  /** The last one that was measured, and how many were. */
  lastRttMs = -1
  rttSamples = 0
  rttvarMs = 0
  rtoMs: number
  /** The timed segment ends here; -1 when none is timed. */
  timedTo = -1
  timedFromMs = 0
  /** Timeouts in a row. */
  retransmits = 0

  // Congestion control (RFC 5681, 6582, 6675).
  cwnd = 0
  ssthresh = Infinity
  dupAcks = 0
  /** Recovery ends when everything up to here is acknowledged. */
  recover = 0
  inRecovery = false
  /** Bytes acknowledged since the window grew, in congestion avoidance. */
  growth = 0
  /** CUBIC (RFC 9438 §4.1), windows in segments, times in seconds: the window before the last reduction, … */
  cubicMax = 0
  cubicPrior = 0
  /** … when the curve of this epoch began (-1: no epoch), how long it takes back to `cubicMax`, and Reno's window. */
  cubicEpochMs = -1
  cubicK = 0
  cubicRenoWindow = 0
  /** The window, and not a lack of bytes or the peer, held back the last segment. */
  isCwndLimited = false
  // HyStart++ (RFC 9406 §4.2), in the first slow start: the round's end, its least round trip and how many there were, that of the round before, …
  roundEnd = 0
  roundRttMs = Infinity
  roundSamples = 0
  lastRoundRttMs = Infinity
  /** … the one that made the growth conservative (Infinity: it is not), and the rounds since. */
  conservativeRttMs = Infinity
  conservativeRounds = 0
  isSackPermitted = false
  /** Of a connection with SACK: the segments from `sndUna` to `sndNxt`. */
  readonly flight: Flight = new Flight()
  /** Proportional rate reduction: in flight when the recovery began, bytes delivered and sent since, and still allowed. */
  recoverFlight = 0
  prrDelivered = 0
  prrOut = 0
  prrRoom = 0
  /** What the window was before the last reduction for a loss, as long as that may be taken back (see `undo.ts`); -1: no longer. */
  undoCwnd = -1
  undoSsthresh = 0
  undoCubicMax = 0
  undoCubicPrior = 0
  /** The time that what was sent again first was stamped with. */
  hasUndoStamp = false
  undoStamp = 0
  /** Where a timeout stands that may be for nothing (see `frto.ts`), and segments of new data that are to tell. */
  frto = 0
  frtoRoom = 0
  /** Without SACK: one past the highest position that was sent again. */
  repeatedTo = 0
  /** The segment at `sndUna` (with SACK the first lost one) is to be sent again, whatever the window says. */
  isRetransmitDue = false
  lastSendMs = -Infinity

  // Loss detection by time (RFC 8985 §5.2): of the segment that was sent last of those that arrived, when it left and its end, …
  rackSentMs = -Infinity
  rackEnd = 0
  /** … the round trip of what arrived last and the least one, and one past the highest position that arrived. */
  rackRttMs = 0
  minRttMs = Infinity
  minRttAtMs = -Infinity
  rackHighest = 0
  isReorderingSeen = false
  /** The reordering window in quarters of the least round trip, for how many recoveries it stays, and the round trip that made it longer. */
  windowFactor = 1
  windowPersist = 0
  windowRoundEnd = -1
  /** End of the block that the last acknowledgment reported as a duplicate; -1 when it reported none. */
  duplicateEnd = -1
  /** When a hole may turn out to be a loss. */
  reorderAtMs = Infinity
  // Tail loss probe (RFC 8985 §7): when it is due, where the one under way ends (-1: none is), and whether that is a retransmission.
  probeAtMs = Infinity
  isTailProbeDue = false
  probeEnd = -1
  isProbeRepeat = false

  // Explicit congestion notification (RFC 3168).
  isEcn = false
  /** Congestion was experienced on the way here, and the peer has not said yet that it knows. */
  isEchoDue = false
  /** The peer's echo was obeyed, which the next new segment tells; not again before everything up to here is acknowledged. */
  isReductionTold = true
  reducedTo = 0

  // Timers: due times in ms, Infinity when off.
  retransmitAtMs = Infinity
  persistAtMs = Infinity
  /** Probes sent since the window closed, and those since the peer last said anything. */
  persistCount = 0
  persistSilent = 0
  delayedAckAtMs = Infinity
  /** TIME-WAIT, or an orphan in FIN-WAIT-2. */
  closeAtMs = Infinity
  /** Keep-alive: silence allowed (0: off), when to look, when the peer was last heard, probes since. */
  keepAliveIdleMs = 0
  keepAliveAtMs = Infinity
  heardMs = 0
  keepAliveCount = 0
  isKeepAliveDue = false

  constructor(parameters: TcpParameters, iss: number, advertisedMss: number, timestampOffset = 0, family: 4 | 6 = 4) {
    this.parameters = parameters
    this.family = family
    this.iss = iss >>> 0
    this.timestampOffset = timestampOffset
    this.isNagleOn = parameters.nagle
    this.rtoMs = parameters.initialRtoMs
    this.advertisedMss = advertisedMss
    // RFC 7323 §2.2: the smallest shift with which 16 bits can say the whole buffer.
    while (this.rcvShift < 14 && 0xffff << this.rcvShift < parameters.receiveBufferBytes) this.rcvShift++
  }
}

/** What one step asks of whoever holds the connection. Cleared by the caller before each step. */
export class TcpActions {
  /** The handshake is complete. */
  isConnected = false
  /** The peer's FIN was reached: no more bytes will come. */
  isPeerFinished = false
  /** The connection is over; its block can be forgotten. */
  isClosed = false
  /** Why it is over, as a Node-style error code; undefined for a clean close. */
  failure: TcpFailure | undefined = undefined
  /** Store this much of the payload at `storeAt` of the receive stream, starting at `storeFrom` of the payload. */
  storeLength = 0
  storeFrom = 0
  storeAt = 0
  /** Answer with this reset. */
  hasReset = false
  resetSequence = 0
  resetAcknowledgment = 0
  resetFlags = 0
  /** The segment was refused as old (RFC 7323 §5). */
  isStale = false
}

export type TcpFailure = 'ECONNREFUSED' | 'ECONNRESET' | 'ETIMEDOUT' | 'EHOSTUNREACH' | 'ENETUNREACH'

export function clearActions(actions: TcpActions): void {
  actions.isConnected = false
  actions.isPeerFinished = false
  actions.isClosed = false
  actions.failure = undefined
  actions.storeLength = 0
  actions.hasReset = false
  actions.isStale = false
}
