/**
 * The BGP finite state machine of one peer (RFC 4271 §8), pure: `step(state, config, event, now)` edits the state and
 * returns what is to be done. It holds up to two connections while a collision is being resolved (§6.8).
 *
 *            start                 TCP up              OPEN               KEEPALIVE
 *   Idle ───────────► Connect ───────────► OpenSent ─────────► OpenConfirm ─────────► Established
 *    ▲  ◄─ idle hold ─   │ ▲ retry            │  TCP lost          │                      │
 *    │                   ▼ │                  ▼                    │                      │
 *    │                 Active ◄───────────────┘                    │                      │
 *    └──────────────────── any error: NOTIFICATION, close ─────────┴──────────────────────┘
 *
 * The name of the state is that of the most advanced connection. Where we differ from §8.2.2 on purpose:
 * a failed TCP attempt leads to Active rather than Idle, because an Idle peer refuses the other side's connections;
 * a connection that would lose a collision does not become Established while its rival is still being opened, so that no
 * session comes up only to be replaced; and a peer that connects anew long after a session came up has lost that session.
 *
 * Invariants: at most one outgoing attempt, and beside an Established connection at most one more per origin; an
 * Established peer starts no attempt;
 * every state but a stopped or link-down Idle has a timer running or a connection that can end.
 *
 * NOT IMPLEMENTED: DelayOpen (§8.1.1 optional attributes 1 to 3), TCP connection tracking (event 14).
 */
import { type BgpError, CeaseReason, describeNotification, ErrorCode, FsmError, sessionReset } from './bgp-error.ts'
import { allocateConnection, type DownCause, type FsmAction, type FsmConfig } from './fsm-state.ts'
import { type FsmConnection, type FsmEvent, type FsmState, fsmStateName } from './fsm-state.ts'
import { notificationFor } from './message.ts'
import { negotiate, type NegotiatedSession, openFor } from './negotiation.ts'
import type { OpenMessage } from './open-message.ts'

/** While waiting for the peer's OPEN (§8.2.2: "a large value", 4 minutes are suggested). */
const OPEN_HOLD_MS = 240_000
/** Two connections opened at once meet within this time; a connection that comes later is a peer that has restarted. */
const RACE_MS = 10_000
/** How long a connection waits for a rival that says nothing. */
const RIVAL_MS = 2000
/** A session that lived this long was healthy: its end does not count as one more failure in a row. */
const HEALTHY_MS = 30_000

export function step(state: FsmState, config: FsmConfig, event: FsmEvent, nowMs: number): FsmAction[] {
  const run = new Step(state, config, nowMs)
  const before = fsmStateName(state)
  run.handle(event)
  run.promote()
  const after = fsmStateName(state)
  if (before !== after) run.actions.push({ kind: 'transition', from: before, to: after, reason: run.reason })
  return run.actions
}

/** One event being handled. */
class Step {
  readonly state: FsmState
  readonly config: FsmConfig
  readonly nowMs: number
  readonly actions: FsmAction[] = []
  /** Why the state changed, for the history. */
  reason = ''

  constructor(state: FsmState, config: FsmConfig, nowMs: number) {
    this.state = state
    this.config = config
    this.nowMs = nowMs
  }

  handle(event: FsmEvent): void {
    switch (event.kind) {
      case 'start':
        this.#start()
        return
      case 'stop':
        this.#stop(event.subcode, event.data)
        return
      case 'reset':
        this.#reset()
        return
      case 'link':
        this.#link(event.isUp)
        return
      case 'addresses':
        this.#addresses()
        return
      case 'bfd':
        this.#bfd(event.isUp)
        return
      case 'connected':
        this.#connected(event.id)
        return
      case 'connect-failed':
        this.#connectFailed(event.id, event.reason)
        return
      case 'accepted':
        this.#accepted(event.id)
        return
      case 'tick':
        this.#tick()
        return
      default:
        break
    }
    const connection = this.state.connections.find(({ id }) => id === event.id)
    if (connection === undefined) return // it was closed while the event was on its way
    switch (event.kind) {
      case 'closed':
        this.#closed(connection, event.reason)
        return
      case 'open':
        this.#open(connection, event.open)
        return
      case 'keepalive':
        this.#keepalive(connection)
        return
      case 'update':
        if (connection.phase !== 'Established') this.#unexpected(connection, 2)
        else {
          this.#restartHold(connection)
          this.actions.push({ kind: 'deliver', id: connection.id })
        }
        return
      case 'route-refresh':
        this.#routeRefresh(connection)
        return
      case 'notification': {
        const { code, subcode } = event.message
        this.#fail(connection, undefined, `received ${describeNotification(code, subcode)}`)
        return
      }
      case 'error':
        this.#fail(connection, event.error, event.error.sentence, event.pauseMs)
        return
      default: {
        const never: never = event
        throw new Error(`unknown event ${JSON.stringify(never)}`)
      }
    }
  }

  #start(): void {
    if (this.state.isStarted) return
    this.state.isStarted = true
    this.state.consecutiveFailures = 0
    this.reason = 'started'
    if (!this.#isBlocked) this.#leaveIdle()
  }

  get #isBlocked(): boolean {
    return this.state.isLinkDown || this.state.isBfdDown
  }

  #stop(subcode: number, data?: Uint8Array): void {
    this.state.isStarted = false
    this.#closeAll(subcode, `stopped: ${describeNotification(ErrorCode.cease, subcode)}`, false, data)
    this.#toIdle(Infinity)
  }

  #reset(): void {
    if (!this.state.isStarted) return
    this.#closeAll(CeaseReason.administrativeReset, 'reset by the administrator', false)
    this.state.consecutiveFailures = 0
    this.#toIdle(this.#isBlocked ? Infinity : this.nowMs)
  }

  #link(isUp: boolean): void {
    if (this.state.isLinkDown === !isUp) return
    this.state.isLinkDown = !isUp
    if (!isUp) {
      this.#closeAll(undefined, 'the link to the peer went down', true)
      this.#toIdle(Infinity)
    } else if (this.state.isStarted && !this.state.isBfdDown) {
      this.state.consecutiveFailures = 0
      this.reason = 'the link to the peer came up'
      this.#leaveIdle()
    }
  }

  /** An attempt that has failed, perhaps for want of a way, need not wait for the retry timer. */
  #addresses(): void {
    const { state } = this
    if (state.attempt !== undefined || state.connections.length > 0 || state.connectRetryAtMs === Infinity) return
    this.reason = 'our addresses changed'
    this.#tryConnect()
  }

  #bfd(isUp: boolean): void {
    if (this.state.isBfdDown === !isUp) return
    this.state.isBfdDown = !isUp
    if (!isUp) {
      // RFC 9384 §3.
      this.#closeAll(CeaseReason.bfdDown, 'BFD says that the peer is down', false)
      this.#toIdle(Infinity)
    } else if (this.state.isStarted && !this.state.isLinkDown) {
      this.state.consecutiveFailures = 0
      this.reason = 'BFD says that the peer is up'
      this.#leaveIdle()
    }
  }

  /** Idle to Connect, or to Active where we do not connect ourselves. */
  #leaveIdle(): void {
    this.state.idleUntilMs = Infinity
    this.state.isActive = true
    this.#tryConnect()
  }

  #tryConnect(): void {
    const { state } = this
    if (state.attempt !== undefined) {
      this.actions.push({ kind: 'abandon', id: state.attempt })
      state.attempt = undefined
    }
    if (this.config.isPassive) {
      state.connectRetryAtMs = Infinity
      return
    }
    state.attempt = allocateConnection(state)
    state.connectRetryAtMs = this.nowMs + this.#jittered(this.config.connectRetryMs)
    this.actions.push({ kind: 'connect', id: state.attempt })
  }

  #connected(id: number): void {
    const { state } = this
    if (state.attempt !== id) {
      // Abandoned in the meantime.
      this.actions.push({ kind: 'close', id, isAbrupt: true })
      return
    }
    state.attempt = undefined
    state.connectRetryAtMs = Infinity
    this.reason = 'connected'
    this.#begin(id, 'outgoing')
  }

  #connectFailed(id: number, reason: string): void {
    if (this.state.attempt !== id) return
    this.state.attempt = undefined
    this.reason = `connecting failed: ${reason}`
    // The retry timer, started with the attempt, goes on.
  }

  #accepted(id: number): void {
    const { state } = this
    const isWelcome = state.attempt !== undefined || state.isActive || state.connections.length > 0
    if (!isWelcome) {
      // §8.2.2: in Idle connections are refused.
      this.actions.push({ kind: 'close', id, isAbrupt: true })
      return
    }
    const established = state.connections.find(({ phase }) => phase === 'Established')
    if (established?.origin === 'outgoing' && this.nowMs - established.establishedAtMs < RACE_MS) {
      // §6.8: the peer opened this one while ours became a session; it notices when it hears from us there.
      const sentence = 'connection collision: the session that is up was kept'
      const error = sessionReset(ErrorCode.cease, CeaseReason.connectionCollision, sentence)
      this.actions.push({ kind: 'send', id, message: notificationFor(error) }, { kind: 'close', id, isAbrupt: false })
      return
    }
    const older = state.connections.find(({ origin, phase }) => origin === 'incoming' && phase !== 'Established')
    if (older !== undefined) {
      // The peer opens a second connection only when it has given up the first.
      this.#drop(older, 'replaced by a newer connection', 'local')
      this.actions.push({ kind: 'close', id: older.id, isAbrupt: true })
    }
    this.reason = 'the peer connected'
    this.#begin(id, 'incoming')
  }

  #begin(id: number, origin: 'outgoing' | 'incoming'): void {
    this.state.connections.push({
      id,
      origin,
      phase: 'OpenSent',
      session: undefined,
      holdAtMs: this.nowMs + OPEN_HOLD_MS,
      keepaliveAtMs: Infinity,
      establishedAtMs: Infinity,
      waitsUntilMs: Infinity,
    })
    this.actions.push({ kind: 'send', id, message: openFor(this.config) })
    // A second connection attempt of our own would only collide; one already in flight is left to collide (§6.8).
    if (this.state.attempt === undefined) this.state.connectRetryAtMs = Infinity
  }

  #open(connection: FsmConnection, open: OpenMessage): void {
    if (connection.phase !== 'OpenSent') {
      this.#unexpected(connection, 1)
      return
    }
    const session = negotiate(this.config, open)
    if ('treatment' in session) {
      this.#fail(connection, session, session.sentence)
      return
    }
    const other = this.state.connections.find((c) => c !== connection && c.phase !== 'OpenSent')
    if (other !== undefined && !this.#resolveCollision(connection, other, session)) return
    connection.session = session
    connection.phase = 'OpenConfirm'
    this.reason = 'received OPEN'
    this.actions.push({ kind: 'send', id: connection.id, message: { kind: 'keepalive' } })
    this.#restartHold(connection)
    this.#restartKeepalive(connection)
  }

  /**
   * §6.8: of two connections to the same peer the one started by the speaker with the higher identifier stays;
   * of two started by the peer, the newer. @returns whether `connection` stays.
   */
  #resolveCollision(connection: FsmConnection, other: FsmConnection, session: NegotiatedSession): boolean {
    // A peer that connects long after the session came up has lost it: the newer connection is the real one.
    const isStale = other.phase === 'Established' && this.nowMs - other.establishedAtMs >= RACE_MS
    const kept = isStale || connection.origin === other.origin ? connection.origin : this.#winningOrigin(session)
    const loser = connection.origin === kept ? other : connection
    const sentence = 'connection collision: the other connection was kept'
    this.actions.push({
      kind: 'send',
      id: loser.id,
      message: notificationFor(sessionReset(ErrorCode.cease, CeaseReason.connectionCollision, sentence)),
    })
    this.#drop(loser, sentence, isStale ? 'lost' : 'local')
    this.actions.push({ kind: 'close', id: loser.id, isAbrupt: false })
    this.reason = sentence
    return loser !== connection
  }

  /** Whose connection stays in a collision (§6.8; RFC 6286 §2.3: with equal identifiers the AS numbers decide). */
  #winningOrigin(session: NegotiatedSession): 'outgoing' | 'incoming' {
    const { localId, localAsn } = this.config
    const weWin = localId !== session.peerId ? localId > session.peerId : localAsn > session.peerAsn
    return weWin ? 'outgoing' : 'incoming'
  }

  #keepalive(connection: FsmConnection): void {
    if (connection.phase === 'OpenSent') {
      this.#unexpected(connection, 4)
      return
    }
    this.#restartHold(connection)
    if (connection.phase === 'Established') return
    if (connection.waitsUntilMs === Infinity) connection.waitsUntilMs = this.nowMs + RIVAL_MS
    this.reason = 'received KEEPALIVE'
  }

  /** Makes a connection whose KEEPALIVE has come the session, unless a rival that would win is being opened. */
  promote(): void {
    const connection = this.state.connections.find(
      ({ phase, waitsUntilMs }) => phase === 'OpenConfirm' && waitsUntilMs !== Infinity,
    )
    if (connection === undefined) return
    const rival = this.state.connections.find((other) => other !== connection && other.phase === 'OpenSent')
    // because OpenConfirm is only entered with a session
    if (rival?.origin === this.#winningOrigin(connection.session!) && connection.origin !== rival.origin) {
      if (connection.waitsUntilMs > this.nowMs) return
      this.#drop(rival, 'it said nothing', 'local')
      this.actions.push({ kind: 'close', id: rival.id, isAbrupt: true })
    }
    connection.phase = 'Established'
    connection.establishedAtMs = this.nowMs
    connection.waitsUntilMs = Infinity
    this.state.connectRetryAtMs = Infinity
    if (this.state.attempt !== undefined) {
      this.actions.push({ kind: 'abandon', id: this.state.attempt })
      this.state.attempt = undefined
    }
    // because OpenConfirm is only entered with a session
    this.actions.push({ kind: 'established', id: connection.id, session: connection.session! })
  }

  #routeRefresh(connection: FsmConnection): void {
    if (connection.phase === 'Established') this.actions.push({ kind: 'deliver', id: connection.id })
    else this.#unexpected(connection, 5)
  }

  /** RFC 6608: a message that the state does not allow. */
  #unexpected(connection: FsmConnection, type: number): void {
    const subcodes = {
      OpenSent: FsmError.inOpenSent,
      OpenConfirm: FsmError.inOpenConfirm,
      Established: FsmError.inEstablished,
    } as const
    const sentence = `a message of type ${type} in ${connection.phase}`
    const error = sessionReset(ErrorCode.fsm, subcodes[connection.phase], sentence, new Uint8Array([type]))
    this.#fail(connection, error, sentence)
  }

  #closed(connection: FsmConnection, reason: string): void {
    const { phase } = connection
    this.#drop(connection, `connection lost: ${reason}`, 'lost')
    this.actions.push({ kind: 'close', id: connection.id, isAbrupt: true })
    this.reason = `connection lost: ${reason}`
    if (this.state.connections.length > 0 || this.state.attempt !== undefined) return
    if (phase === 'OpenSent') {
      // §8.2.2 OpenSent, event 18: listen, and try again when the retry timer expires.
      this.state.isActive = true
      if (!this.config.isPassive) {
        this.state.connectRetryAtMs = this.nowMs + this.#jittered(this.config.connectRetryMs)
      }
    } else this.#holdIdle(connection)
  }

  /** Ends one connection with an error of ours (sent as NOTIFICATION) or of the peer's (nothing is sent). */
  #fail(connection: FsmConnection, error: BgpError | undefined, reason: string, pauseMs?: number): void {
    if (error !== undefined) {
      this.actions.push({ kind: 'send', id: connection.id, message: notificationFor(error) })
    }
    this.#drop(connection, reason, error === undefined ? 'notification' : 'local')
    this.actions.push({ kind: 'close', id: connection.id, isAbrupt: false })
    this.reason = reason
    if (this.state.connections.length > 0 || this.state.attempt !== undefined) return
    if (pauseMs === undefined) this.#holdIdle(connection)
    else this.#toIdle(this.nowMs + pauseMs)
  }

  /** Takes the connection out; tells when it was the established one. */
  #drop(connection: FsmConnection, reason: string, cause: DownCause): void {
    this.state.connections = this.state.connections.filter((other) => other !== connection)
    if (connection.phase === 'Established') this.actions.push({ kind: 'down', id: connection.id, reason, cause })
  }

  #closeAll(subcode: number | undefined, reason: string, isAbrupt: boolean, data?: Uint8Array): void {
    for (const connection of this.state.connections) {
      if (subcode !== undefined) {
        const message = notificationFor(sessionReset(ErrorCode.cease, subcode, reason, data))
        this.actions.push({ kind: 'send', id: connection.id, message })
      }
      this.#drop(connection, reason, 'local')
      this.actions.push({ kind: 'close', id: connection.id, isAbrupt })
    }
    if (this.state.attempt !== undefined) {
      this.actions.push({ kind: 'abandon', id: this.state.attempt })
      this.state.attempt = undefined
    }
    this.reason = reason
  }

  #toIdle(untilMs: number): void {
    this.state.isActive = false
    this.state.connectRetryAtMs = Infinity
    this.state.idleUntilMs = untilMs
  }

  /** Idle with the pause that grows with each failure in a row (§8.1.1 DampPeerOscillations). */
  #holdIdle(connection: FsmConnection): void {
    const { state, config } = this
    const wasHealthy = this.nowMs - connection.establishedAtMs >= HEALTHY_MS
    state.consecutiveFailures = wasHealthy ? 1 : state.consecutiveFailures + 1
    const pauseMs = config.idleHoldMs * 2 ** Math.min(6, state.consecutiveFailures - 1)
    this.#toIdle(this.nowMs + this.#jittered(pauseMs))
  }

  #tick(): void {
    const { state, nowMs } = this
    for (const connection of [...state.connections]) {
      if (connection.holdAtMs <= nowMs) {
        const sentence = `nothing heard for the hold time in ${connection.phase}`
        this.#fail(connection, sessionReset(ErrorCode.holdTimer, 0, sentence), sentence)
      } else if (connection.keepaliveAtMs <= nowMs) {
        this.actions.push({ kind: 'send', id: connection.id, message: { kind: 'keepalive' } })
        this.#restartKeepalive(connection)
      }
    }
    if (state.idleUntilMs <= nowMs) {
      this.reason = 'idle hold timer expired'
      this.#leaveIdle()
    } else if (state.connectRetryAtMs <= nowMs && state.connections.length > 0) {
      // The peer's connection came meanwhile; an attempt that took this long is not worth a collision.
      state.connectRetryAtMs = Infinity
      if (state.attempt !== undefined) this.actions.push({ kind: 'abandon', id: state.attempt })
      state.attempt = undefined
    } else if (state.connectRetryAtMs <= nowMs) {
      this.reason = 'connect retry timer expired'
      this.#tryConnect()
    }
  }

  #restartHold(connection: FsmConnection): void {
    const holdTimeMs = connection.session?.holdTimeMs ?? 0
    connection.holdAtMs = holdTimeMs === 0 ? Infinity : this.nowMs + holdTimeMs
  }

  #restartKeepalive(connection: FsmConnection): void {
    const keepaliveMs = connection.session?.keepaliveMs ?? 0
    connection.keepaliveAtMs = keepaliveMs === 0 ? Infinity : this.nowMs + this.#jittered(keepaliveMs)
  }

  #jittered(ms: number): number {
    return ms * (0.75 + 0.25 * this.config.jitter())
  }
}
