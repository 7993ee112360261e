/** What the finite state machine of a peer knows, what can happen to it, and what it wants done (RFC 4271 §8.1): plain data. `fsm.ts` moves it. */
import type { BgpError } from './bgp-error.ts'
import type { Message, NotificationMessage, RouteRefreshMessage } from './message.ts'
import type { NegotiatedSession, SpeakerIdentity } from './negotiation.ts'
import type { OpenMessage } from './open-message.ts'

export type FsmStateName = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established'

export interface FsmConfig extends SpeakerIdentity {
  readonly connectRetryMs: number
  /** Pause after the first failure; doubles with each further one up to 64 times (§8.1.1 DampPeerOscillations). */
  readonly idleHoldMs: number
  /** Never connects, only accepts. */
  readonly isPassive: boolean
  /** Uniform in [0, 1): timers run for 75 to 100 % of their value (§10). */
  readonly jitter: () => number
}

type Phase = 'OpenSent' | 'OpenConfirm' | 'Established'

export interface FsmConnection {
  readonly id: number
  readonly origin: 'outgoing' | 'incoming'
  phase: Phase
  session: NegotiatedSession | undefined
  /** Infinity when the timer is off. */
  holdAtMs: number
  keepaliveAtMs: number
  establishedAtMs: number
  /** Its KEEPALIVE has come, and it waits until this time for a rival that would win the collision; Infinity: it does not. */
  waitsUntilMs: number
}

export interface FsmState {
  isStarted: boolean
  isLinkDown: boolean
  /** Told that the path to the peer is dead (RFC 5882 §4.1): no session until it is told otherwise. */
  isBfdDown: boolean
  /** Without a connection or attempt: waiting for the peer to connect (true) or refusing it (false). */
  isActive: boolean
  /** The outgoing TCP attempt in flight. */
  attempt: number | undefined
  /** Infinity when the timer is off. */
  connectRetryAtMs: number
  idleUntilMs: number
  consecutiveFailures: number
  connections: FsmConnection[]
  nextConnectionId: number
}

export function initialFsm(): FsmState {
  return {
    isStarted: false,
    isLinkDown: false,
    isBfdDown: false,
    isActive: false,
    attempt: undefined,
    connectRetryAtMs: Infinity,
    idleUntilMs: Infinity,
    consecutiveFailures: 0,
    connections: [],
    nextConnectionId: 1,
  }
}

export type FsmEvent =
  /** ManualStart (1). */
  | { readonly kind: 'start' }
  /** ManualStop (2); `subcode` is the reason given in the CEASE. */
  | { readonly kind: 'stop'; readonly subcode: number; readonly data?: Uint8Array | undefined }
  /** Closes and starts over at once. */
  | { readonly kind: 'reset' }
  /** Fast external fallover: the interface to the peer went down, or came back. */
  | { readonly kind: 'link'; readonly isUp: boolean }
  /** We have other addresses than before, so that there may be a way to the peer now. */
  | { readonly kind: 'addresses' }
  /** BFD says that the peer cannot be reached, or that it can again (RFC 5882, RFC 9384). */
  | { readonly kind: 'bfd'; readonly isUp: boolean }
  /** Tcp_CR_Acked (16): the attempt `id` is connected. */
  | { readonly kind: 'connected'; readonly id: number }
  /** The attempt `id` failed. */
  | { readonly kind: 'connect-failed'; readonly id: number; readonly reason: string }
  /** TcpConnectionConfirmed (17): the peer connected; `id` from `allocateConnection`. */
  | { readonly kind: 'accepted'; readonly id: number }
  /** TcpConnectionFails (18). */
  | { readonly kind: 'closed'; readonly id: number; readonly reason: string }
  /** BGPOpen (19), NotifMsg (24, 25), KeepAliveMsg (26), UpdateMsg (27). */
  | { readonly kind: 'open'; readonly id: number; readonly open: OpenMessage }
  | { readonly kind: 'keepalive'; readonly id: number }
  | { readonly kind: 'update'; readonly id: number }
  | { readonly kind: 'route-refresh'; readonly id: number; readonly message: RouteRefreshMessage }
  | { readonly kind: 'notification'; readonly id: number; readonly message: NotificationMessage }
  /** BGPHeaderErr (21), BGPOpenMsgErr (22), UpdateMsgErr (28), and limits that we enforce. */
  | { readonly kind: 'error'; readonly id: number; readonly error: BgpError; readonly pauseMs?: number | undefined }
  /** Some timer may have expired. */
  | { readonly kind: 'tick' }

export type DownCause = 'lost' | 'notification' | 'local'

export type FsmAction =
  /** Start a TCP connection; answer with `connected` or `connect-failed`. */
  | { readonly kind: 'connect'; readonly id: number }
  /** Forget the attempt; if it connects later, close it. */
  | { readonly kind: 'abandon'; readonly id: number }
  | { readonly kind: 'send'; readonly id: number; readonly message: Message }
  /** After what was sent has gone out, unless `isAbrupt`. No event is expected for it any more. */
  | { readonly kind: 'close'; readonly id: number; readonly isAbrupt: boolean }
  | { readonly kind: 'established'; readonly id: number; readonly session: NegotiatedSession }
  /**
   * The established session is gone: its routes go too, unless it was `lost` (no NOTIFICATION) and graceful restart was
   * agreed on.
   */
  | { readonly kind: 'down'; readonly id: number; readonly reason: string; readonly cause: DownCause }
  /** The UPDATE or ROUTE-REFRESH of this event is for the session. */
  | { readonly kind: 'deliver'; readonly id: number }
  | { readonly kind: 'transition'; readonly from: FsmStateName; readonly to: FsmStateName; readonly reason: string }

export function fsmStateName(state: FsmState): FsmStateName {
  let best: FsmStateName | undefined
  for (const { phase } of state.connections) {
    if (best === undefined || phase === 'Established' || (phase === 'OpenConfirm' && best === 'OpenSent')) best = phase
  }
  if (best !== undefined) return best
  if (state.attempt !== undefined) return 'Connect'
  return state.isActive ? 'Active' : 'Idle'
}

/** When the next `tick` is due; Infinity when no timer runs. */
export function fsmDeadlineMs(state: FsmState): number {
  let due = Math.min(state.connectRetryAtMs, state.idleUntilMs)
  for (const { holdAtMs, keepaliveAtMs, waitsUntilMs } of state.connections) {
    due = Math.min(due, holdAtMs, keepaliveAtMs, waitsUntilMs)
  }
  return due
}

/** Restarts the hold timer for UPDATEs that were taken without an event each (§8.2.2, event 27). */
export function heardFrom(state: FsmState, id: number, nowMs: number): void {
  for (const connection of state.connections) {
    if (connection.id !== id || connection.session === undefined) continue
    const { holdTimeMs } = connection.session
    connection.holdAtMs = holdTimeMs === 0 ? Infinity : nowMs + holdTimeMs
  }
}

export function allocateConnection(state: FsmState): number {
  return state.nextConnectionId++
}
