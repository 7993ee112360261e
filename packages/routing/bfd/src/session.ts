/**
 * One BFD session (RFC 5880 §6.8), pure: `step(session, event, nowMs)` edits the session and returns what is to be done.
 *
 *                       ┌──────────────────────────────────────────┐
 *                       │ hears AdminDown or Down, time is up,     │
 *                       ▼ echo lost, path down                     │
 *   disable        ┌────────┐   hears Init                     ┌───┴──┐
 *  ◄────────────── │  Down  ├─────────────────────────────────►│  Up  │◄─┐ hears Init, Up
 *  AdminDown       └─┬────▲─┘                                  └───▲──┘──┘
 *  ──────────────►   │    │ hears AdminDown, time is up            │
 *   enable           │  ┌─┴────┐            hears Init, Up         │
 *                    └─►│ Init ├───────────────────────────────────┘
 *          hears Down   └──────┘
 *
 * `disable` leads to AdminDown from everywhere. A change is told to the peer at once; otherwise packets leave at the
 * negotiated interval, jittered (§6.8.7). While not Up we ask for no more than one packet a second (§6.8.3).
 *
 * Invariants: what would shorten the peer's patience or lengthen ours takes effect only when a poll sequence has
 * confirmed that the peer knows; one poll sequence runs at a time; a packet with F never has P.
 *
 * Demand mode: never asked for; a peer that asks for it is obeyed (§6.6).
 * NOT IMPLEMENTED: demand mode of our own, poll sequences while not Up (the parameters are in every packet anyway).
 */
import type { AuthenticationSection } from './authentication-section.ts'
import { sealPacket } from './authentication-section.ts'
import { authenticate, AUTHENTICATION_REFUSALS, type AuthenticationState, nextSection } from './authenticator.ts'
import { type ControlPacket, encodeControlPacket, type SessionState } from './control-packet.ts'
import { Diagnostic } from './diagnostic.ts'
import { alignEarlier, alignLater, jitteredMs } from './session-timing.ts'
import type { SessionConfig } from './session-config.ts'

export interface RemoteView {
  /** 0 while unknown. */
  discriminator: number
  state: SessionState
  diagnostic: number
  detectMult: number
  desiredMinTxUs: number
  requiredMinRxUs: number
  requiredMinEchoRxUs: number
  isDemand: boolean
}

export interface EchoState {
  isActive: boolean
  nextAtMs: number
  /** The session fails then, unless an echo comes back. */
  detectAtMs: number
  /** Of the last one sent and the last one that came back. */
  sentSequence: number
  returnedSequence: number
  /** As for control packets. */
  isProlonged: boolean
}

export interface BfdSession {
  readonly localDiscriminator: number
  config: SessionConfig
  state: SessionState
  stateSinceMs: number
  diagnostic: number
  remote: RemoteView
  /** What we tell the peer. */
  desiredMinTxUs: number
  requiredMinRxUs: number
  /** What we act on: behind the above while a poll sequence has yet to tell the peer. */
  pacedMinTxUs: number
  toleratedMinRxUs: number
  isPolling: boolean
  /** Parameters changed while a poll sequence was running: another one follows. */
  isPollQueued: boolean
  lastSentAtMs: number
  /** Infinity when nothing is sent periodically. */
  nextSendAtMs: number
  /** The interval that `nextSendAtMs` was made from; 0 when off. */
  scheduledIntervalUs: number
  lastReceivedAtMs: number
  /** The detection time when the last packet was accepted. */
  lastDetectionMs: number
  /** Infinity while the peer is not heard. */
  detectAtMs: number
  /** The detection time was prolonged once because we were late ourselves. */
  isProlonged: boolean
  authentication: AuthenticationState
  lastContents: Uint8Array
  echo: EchoState
  reportedTransmitUs: number
  reportedDetectionUs: number
}

export type BfdEvent =
  /** A decoded packet that was demultiplexed to this session, with the bytes it was decoded from. */
  | { readonly kind: 'packet'; readonly packet: ControlPacket; readonly bytes: Uint8Array }
  /** An echo packet of ours came back. */
  | { readonly kind: 'echo'; readonly sequence: number }
  /** Some timer may have expired. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'configure'; readonly config: SessionConfig }
  | { readonly kind: 'enable' }
  | { readonly kind: 'disable' }
  /** Somebody else knows that the path does not work; the reason is told to the peer (§6.8.17). */
  | { readonly kind: 'fail'; readonly diagnostic: number }

export const PACKET_REFUSALS = ['your-discriminator', 'admin-down', ...AUTHENTICATION_REFUSALS] as const
export type PacketRefusal = (typeof PACKET_REFUSALS)[number]

export interface Transition {
  readonly from: SessionState
  readonly to: SessionState
  readonly diagnostic: number
  /** The path was lost, rather than one side switched BFD off (RFC 5882 §4.2). */
  readonly isFailure: boolean
}

export type BfdAction =
  | { readonly kind: 'send'; readonly packet: ControlPacket; readonly bytes: Uint8Array }
  | { readonly kind: 'send-echo'; readonly sequence: number }
  | ({ readonly kind: 'transition' } & Transition)
  /** The packet of this event was not accepted. */
  | { readonly kind: 'refused'; readonly reason: PacketRefusal }
  /** The negotiated values changed; detection is 0 while the peer is unknown. */
  | { readonly kind: 'timers'; readonly transmitIntervalUs: number; readonly detectionTimeUs: number }
  | { readonly kind: 'poll'; readonly phase: 'started' | 'finished' }
  /** We ran this late when the detection time was up: what the peer sent may still wait to be read. */
  | { readonly kind: 'stalled'; readonly latenessMs: number }

/** RFC 5880 §6.8.3: the least interval while not Up. */
export const SLOW_INTERVAL_US = 1_000_000
/** Timers count as due this early: a sum of fractions of milliseconds may end below the due time. */
const EPSILON_MS = 0.001
/** Later than this, we did not run when we should have: timers fire before sockets are read. */
const STALL_MS = 20
const STALL_GRACE_MS = 10

/** @param initialSequence random: bfd.XmitAuthSeq starts there. The session is Down and sends with the first tick. */
export function createSession(
  config: SessionConfig,
  localDiscriminator: number,
  initialSequence: number,
  nowMs: number,
): BfdSession {
  const session: BfdSession = {
    localDiscriminator,
    config,
    state: 'Down',
    stateSinceMs: nowMs,
    diagnostic: Diagnostic.none,
    remote: unknownRemote(),
    desiredMinTxUs: 0,
    requiredMinRxUs: 0,
    pacedMinTxUs: 0,
    toleratedMinRxUs: 0,
    isPolling: false,
    isPollQueued: false,
    lastSentAtMs: -Infinity,
    nextSendAtMs: Infinity,
    scheduledIntervalUs: 0,
    lastReceivedAtMs: -Infinity,
    lastDetectionMs: 0,
    detectAtMs: Infinity,
    isProlonged: false,
    authentication: { sentSequence: initialSequence >>> 0, receivedSequence: undefined },
    lastContents: new Uint8Array(0),
    echo: {
      isActive: false,
      nextAtMs: Infinity,
      detectAtMs: Infinity,
      sentSequence: 0,
      returnedSequence: 0,
      isProlonged: false,
    },
    reportedTransmitUs: 0,
    reportedDetectionUs: 0,
  }
  adoptParameters(session, [])
  reschedule(session, nowMs)
  session.reportedTransmitUs = transmitIntervalUs(session)
  return session
}

export function step(session: BfdSession, event: BfdEvent, nowMs: number): BfdAction[] {
  const actions: BfdAction[] = []
  const before = session.state
  let isFinalDue = false
  let mustSend = false
  switch (event.kind) {
    case 'packet':
      isFinalDue = receive(session, event.packet, event.bytes, nowMs, actions)
      break
    case 'echo':
      echoReturned(session, event.sequence, nowMs)
      break
    case 'tick':
      expire(session, nowMs, actions)
      break
    case 'configure':
      mustSend = configure(session, event.config)
      break
    case 'enable':
      if (session.state === 'AdminDown') {
        forgetRemote(session)
        enter(session, 'Down', Diagnostic.none, nowMs, actions)
      }
      break
    case 'disable':
      if (session.state !== 'AdminDown') {
        session.detectAtMs = Infinity
        enter(session, 'AdminDown', Diagnostic.administrativelyDown, nowMs, actions)
      }
      break
    case 'fail':
      if (session.state === 'Init' || session.state === 'Up') {
        enter(session, 'Down', event.diagnostic, nowMs, actions)
      }
  }
  updateEcho(session, nowMs)
  const isPollNew = adoptParameters(session, actions)
  if (session.detectAtMs !== Infinity && !session.isProlonged) {
    session.detectAtMs = session.lastReceivedAtMs + detectionTimeUs(session) / 1000
  }
  if (isFinalDue) send(session, true, actions)
  // A final answer that follows a change tells it already, but cannot carry the poll.
  mustSend ||= isPollNew || (session.state !== before && !isFinalDue)
  reschedule(session, nowMs)
  if (mustSend || nowMs >= session.nextSendAtMs - EPSILON_MS) sendPeriodic(session, nowMs, actions)
  sendEcho(session, nowMs, actions)
  reportTimers(session, actions)
  return actions
}

/** When the next `tick` is due; Infinity when no timer runs. */
export function sessionDeadlineMs(session: BfdSession): number {
  const { alignmentMs } = session.config
  return Math.min(
    session.nextSendAtMs,
    alignLater(session.detectAtMs, alignmentMs),
    session.echo.nextAtMs,
    alignLater(session.echo.detectAtMs, alignmentMs),
  )
}

/** RFC 5880 §6.8.7: what both sides agreed on for our packets, before jitter. */
export function transmitIntervalUs(session: BfdSession): number {
  return Math.max(session.pacedMinTxUs, session.remote.requiredMinRxUs)
}

/** RFC 5880 §6.8.4: the peer's multiplier times the agreed interval of its packets; 0 while the peer is unknown. */
export function detectionTimeUs(session: BfdSession): number {
  return session.remote.detectMult * Math.max(session.toleratedMinRxUs, session.remote.desiredMinTxUs)
}

// ── Reception ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** RFC 5880 §6.8.6, from the selection of the session on. @returns whether an answer with F is due. */
function receive(
  session: BfdSession,
  packet: ControlPacket,
  bytes: Uint8Array,
  nowMs: number,
  actions: BfdAction[],
): boolean {
  if (packet.yourDiscriminator !== 0 && packet.yourDiscriminator !== session.localDiscriminator) {
    actions.push({ kind: 'refused', reason: 'your-discriminator' })
    return false
  }
  // RFC 5880 §6.8.1, bfd.AuthSeqKnown: a peer silent for twice the detection time may have started over.
  if (nowMs - session.lastReceivedAtMs >= 2 * session.lastDetectionMs) {
    session.authentication.receivedSequence = undefined
  }
  const refusal = authenticate(session.config.authentication, session.authentication, packet, bytes)
  if (refusal !== undefined) {
    actions.push({ kind: 'refused', reason: refusal })
    return false
  }
  const { remote } = session
  remote.discriminator = packet.myDiscriminator
  remote.state = packet.state
  remote.diagnostic = packet.diagnostic
  remote.detectMult = packet.detectMult
  remote.desiredMinTxUs = packet.desiredMinTxUs
  remote.requiredMinRxUs = packet.requiredMinRxUs
  remote.requiredMinEchoRxUs = packet.requiredMinEchoRxUs
  remote.isDemand = packet.isDemand
  session.lastReceivedAtMs = nowMs
  session.lastDetectionMs = detectionTimeUs(session) / 1000
  if (session.state === 'AdminDown') {
    actions.push({ kind: 'refused', reason: 'admin-down' })
    return false
  }
  if (packet.isFinal) finishPoll(session, actions)
  session.isProlonged = false
  session.detectAtMs = nowMs // plus the detection time, once it is known what we ask for in the new state
  follow(session, packet.state, nowMs, actions)
  return packet.isPoll
}

/** The state table of RFC 5880 §6.8.6. */
function follow(session: BfdSession, heard: SessionState, nowMs: number, actions: BfdAction[]): void {
  const { state } = session
  if (heard === 'AdminDown') {
    if (state !== 'Down') enter(session, 'Down', Diagnostic.neighborSignaledSessionDown, nowMs, actions)
  } else if (state === 'Down') {
    if (heard === 'Down') enter(session, 'Init', session.diagnostic, nowMs, actions)
    else if (heard === 'Init') enter(session, 'Up', Diagnostic.none, nowMs, actions)
  } else if (state === 'Init') {
    if (heard !== 'Down') enter(session, 'Up', Diagnostic.none, nowMs, actions)
  } else if (heard === 'Down') {
    enter(session, 'Down', Diagnostic.neighborSignaledSessionDown, nowMs, actions)
  }
}

function enter(session: BfdSession, to: SessionState, diagnostic: number, nowMs: number, actions: BfdAction[]): void {
  const from = session.state
  session.state = to
  session.stateSinceMs = nowMs
  session.diagnostic = diagnostic
  const isFailure = from === 'Up' && to === 'Down' && session.remote.state !== 'AdminDown'
  actions.push({ kind: 'transition', from, to, diagnostic, isFailure })
}

// ── Timers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function expire(session: BfdSession, nowMs: number, actions: BfdAction[]): void {
  const { echo } = session
  const stallMs = STALL_MS + session.config.alignmentMs
  if (nowMs >= session.detectAtMs - EPSILON_MS) {
    const latenessMs = nowMs - session.detectAtMs
    if (latenessMs > stallMs && !session.isProlonged) {
      session.isProlonged = true
      session.detectAtMs = nowMs + STALL_GRACE_MS
      actions.push({ kind: 'stalled', latenessMs })
    } else {
      // RFC 5880 §6.8.1: after a detection time of silence the peer's discriminator is unknown again. Its intervals go
      // too: a peer that asked for no packets and then started over would never be told that we are here.
      forgetRemote(session)
      if (session.state !== 'Down') enter(session, 'Down', Diagnostic.controlDetectionTimeExpired, nowMs, actions)
    }
  }
  if (session.state === 'Up' && nowMs >= echo.detectAtMs - EPSILON_MS) {
    const latenessMs = nowMs - echo.detectAtMs
    if (latenessMs > stallMs && !echo.isProlonged) {
      echo.isProlonged = true
      echo.detectAtMs = nowMs + STALL_GRACE_MS
      actions.push({ kind: 'stalled', latenessMs })
    } else {
      enter(session, 'Down', Diagnostic.echoFunctionFailed, nowMs, actions)
    }
  }
}

function forgetRemote(session: BfdSession): void {
  session.remote = unknownRemote()
  session.detectAtMs = Infinity
  session.isProlonged = false
}

function unknownRemote(): RemoteView {
  return {
    discriminator: 0,
    state: 'Down',
    diagnostic: Diagnostic.none,
    detectMult: 0,
    desiredMinTxUs: 0,
    requiredMinRxUs: 1,
    requiredMinEchoRxUs: 0,
    isDemand: false,
  }
}

/** Makes `nextSendAtMs` follow the interval when that changed or sending became (im)possible. */
function reschedule(session: BfdSession, nowMs: number): void {
  const intervalUs = maySendPeriodically(session) ? transmitIntervalUs(session) : 0
  if (intervalUs === session.scheduledIntervalUs) return
  session.scheduledIntervalUs = intervalUs
  session.nextSendAtMs = intervalUs === 0 ? Infinity : Math.max(nowMs, nextSendMs(session, intervalUs))
}

function nextSendMs(session: BfdSession, intervalUs: number): number {
  if (session.lastSentAtMs === -Infinity) return session.lastSentAtMs
  const { jitter, detectMult, alignmentMs } = session.config
  const delayMs = jitteredMs(intervalUs, detectMult, jitter())
  const atMs = session.lastSentAtMs + delayMs
  const alignedMs = alignEarlier(atMs, alignmentMs)
  return alignedMs - session.lastSentAtMs >= jitteredMs(intervalUs, detectMult, 0) ? alignedMs : atMs
}

function maySendPeriodically(session: BfdSession): boolean {
  const { remote, state } = session
  if (remote.requiredMinRxUs === 0) return false
  // RFC 5880 §6.6: a peer in demand mode wants silence once both sides are Up, except for poll sequences.
  return !(remote.isDemand && state === 'Up' && remote.state === 'Up' && !session.isPolling) && maySend(session)
}

function maySend(session: BfdSession): boolean {
  return !session.config.isPassive || session.remote.discriminator !== 0
}

function reportTimers(session: BfdSession, actions: BfdAction[]): void {
  const transmitUs = transmitIntervalUs(session)
  const detectionUs = detectionTimeUs(session)
  if (transmitUs === session.reportedTransmitUs && detectionUs === session.reportedDetectionUs) return
  session.reportedTransmitUs = transmitUs
  session.reportedDetectionUs = detectionUs
  actions.push({ kind: 'timers', transmitIntervalUs: transmitUs, detectionTimeUs: detectionUs })
}

// ── Parameters and poll sequences ────────────────────────────────────────────────────────────────────────────────────

/** @returns whether the peer should be told at once. */
function configure(session: BfdSession, config: SessionConfig): boolean {
  const before = session.config
  session.config = config
  if (before.authentication?.kind !== config.authentication?.kind) session.authentication.receivedSequence = undefined
  session.scheduledIntervalUs = -1 // the multiplier decides about jitter
  return before.detectMult !== config.detectMult || before.requiredMinEchoRxUs !== config.requiredMinEchoRxUs
}

/** Derives what we ask for from configuration and state. @returns whether a poll sequence started. */
function adoptParameters(session: BfdSession, actions: BfdAction[]): boolean {
  const { config, echo } = session
  const isUp = session.state === 'Up'
  const desiredMinTxUs = isUp ? config.desiredMinTxUs : Math.max(config.desiredMinTxUs, SLOW_INTERVAL_US)
  // RFC 5880 §6.8.9: while echo packets watch the path, control packets may be rare.
  const requiredMinRxUs = echo.isActive ? Math.max(config.requiredMinRxUs, SLOW_INTERVAL_US) : config.requiredMinRxUs
  const isChanged = desiredMinTxUs !== session.desiredMinTxUs || requiredMinRxUs !== session.requiredMinRxUs
  session.desiredMinTxUs = desiredMinTxUs
  session.requiredMinRxUs = requiredMinRxUs
  if (!isUp) {
    session.isPolling = false
    session.isPollQueued = false
    session.pacedMinTxUs = desiredMinTxUs
    session.toleratedMinRxUs = requiredMinRxUs
    return false
  }
  if (!isChanged) return false
  // RFC 5880 §6.8.3: slower sending and quicker detection wait until the peer has confirmed.
  session.pacedMinTxUs = Math.min(session.pacedMinTxUs, desiredMinTxUs)
  session.toleratedMinRxUs = Math.max(session.toleratedMinRxUs, requiredMinRxUs)
  if (session.isPolling) {
    session.isPollQueued = true
    return false
  }
  session.isPolling = true
  actions.push({ kind: 'poll', phase: 'started' })
  return true
}

function finishPoll(session: BfdSession, actions: BfdAction[]): void {
  if (!session.isPolling) return
  actions.push({ kind: 'poll', phase: 'finished' })
  if (session.isPollQueued) {
    // The answer may be older than the last change: ask again, and wait for that answer.
    session.isPollQueued = false
    actions.push({ kind: 'poll', phase: 'started' })
    return
  }
  session.isPolling = false
  session.pacedMinTxUs = session.desiredMinTxUs
  session.toleratedMinRxUs = session.requiredMinRxUs
}

// ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function sendPeriodic(session: BfdSession, nowMs: number, actions: BfdAction[]): void {
  if (!maySend(session)) return
  send(session, false, actions)
  session.lastSentAtMs = nowMs
  session.scheduledIntervalUs = 0
  session.nextSendAtMs = Infinity
  reschedule(session, nowMs)
}

function send(session: BfdSession, isFinal: boolean, actions: BfdAction[]): void {
  const { config, authentication } = session
  const plain: ControlPacket = {
    diagnostic: session.diagnostic,
    state: session.state,
    isPoll: session.isPolling && !isFinal,
    isFinal,
    isControlPlaneIndependent: false,
    isDemand: false,
    detectMult: config.detectMult,
    myDiscriminator: session.localDiscriminator,
    yourDiscriminator: session.remote.discriminator,
    desiredMinTxUs: session.desiredMinTxUs,
    requiredMinRxUs: session.requiredMinRxUs,
    requiredMinEchoRxUs: config.requiredMinEchoRxUs,
  }
  const contents = encodeControlPacket(plain)
  if (config.authentication === undefined) {
    actions.push({ kind: 'send', packet: plain, bytes: contents })
    return
  }
  // RFC 5880 §6.7.3: the number of the keyed kind moves when the contents do.
  const isNew = contents.some((byte, i) => byte !== session.lastContents[i])
  session.lastContents = contents
  const section: AuthenticationSection = nextSection(config.authentication, authentication, isNew)
  const packet = { ...plain, authentication: section }
  const bytes = encodeControlPacket(packet)
  if (section.kind !== 'simple-password') sealPacket(bytes, config.authentication.keys[0]!.secret)
  actions.push({ kind: 'send', packet, bytes })
}

// ── Echo (RFC 5880 §6.4, §6.8.5, §6.8.8, §6.8.9) ─────────────────────────────────────────────────────────────────────

/** What both sides agreed on for our echo packets, before jitter. */
export function echoIntervalUs(session: BfdSession): number {
  return Math.max(session.config.echoMinTxUs ?? 0, session.remote.requiredMinEchoRxUs)
}

function updateEcho(session: BfdSession, nowMs: number): void {
  const { echo, config, remote } = session
  const isWanted = session.state === 'Up' && config.echoMinTxUs !== undefined && remote.requiredMinEchoRxUs > 0
  if (isWanted === echo.isActive) return
  echo.isActive = isWanted
  echo.nextAtMs = isWanted ? nowMs : Infinity
  echo.detectAtMs = isWanted ? nowMs + echoDetectionMs(session) : Infinity
  echo.returnedSequence = echo.sentSequence
  echo.isProlonged = false
}

function echoDetectionMs(session: BfdSession): number {
  return (session.config.detectMult * echoIntervalUs(session)) / 1000
}

function sendEcho(session: BfdSession, nowMs: number, actions: BfdAction[]): void {
  const { echo, config } = session
  if (nowMs < echo.nextAtMs - EPSILON_MS) return
  echo.sentSequence++
  echo.nextAtMs = nowMs + jitteredMs(echoIntervalUs(session), config.detectMult, config.jitter())
  actions.push({ kind: 'send-echo', sequence: echo.sentSequence })
}

function echoReturned(session: BfdSession, sequence: number, nowMs: number): void {
  const { echo } = session
  // An old one that comes again shows nothing about the path now.
  if (!echo.isActive || sequence <= echo.returnedSequence || sequence > echo.sentSequence) return
  echo.returnedSequence = sequence
  echo.isProlonged = false
  echo.detectAtMs = nowMs + echoDetectionMs(session)
}
