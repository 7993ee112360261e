/**
 * A peer's connections: bytes in and messages out, with what is counted and kept of them. What the messages mean is for the state machine
 * and the session.
 */
import type { TcpSocket, Timer } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { Counters } from '@lodestone/probe'
import { type BgpError, CeaseReason, describeNotification, ErrorCode, sessionReset } from './bgp-error.ts'
import { Connection } from './connection.ts'
import type { FsmEvent } from './fsm-state.ts'
import {
  decodeMessage,
  encodeMessage,
  HEADER_BYTES,
  type Message,
  MessageType,
  type NotificationMessage,
  type RouteRefreshMessage,
} from './message.ts'
import { MessageHistory } from './message-history.ts'
import type { PeerSurroundings } from './peer.ts'
import { BGP_PORT, DEFAULT_CONNECT_RETRY_S, type PeerConfig } from './peer-config.ts'
import { type NotificationRecord, PEER_COUNTERS, type PeerCounter } from './peer-status.ts'
import { isUpdate, limitOf, type Session } from './session.ts'
import type { PeerIdentity, SpeakerListener } from './speaker-events.ts'
import type { UpdateChunk } from './update-builder.ts'

export interface PeerWireOptions {
  readonly around: PeerSurroundings
  readonly config: () => PeerConfig
  readonly remoteAddress: () => Ip | undefined
  readonly dispatch: (event: FsmEvent) => void
  /** UPDATEs of the session have been taken in: the hold timer starts again. */
  readonly heard: (id: number) => void
  /** The session's socket has room again. */
  readonly drained: () => void
}

/** Connections that are closing and may still send, at most. */
const MAX_LINGERING = 8
const DEFAULT_HISTORY_BYTES = 32_768
const MAX_CONNECT_MS = 30_000
/** RFC 9687 §3: a peer that takes nothing for so long, or twice the hold time, is gone. */
const SEND_HOLD_MS = 480_000

export class PeerWire {
  readonly counters: Counters<PeerCounter> = new Counters(PEER_COUNTERS)
  readonly messages: MessageHistory
  readonly connections = new Map<number, Connection>()
  /** Set by the peer while there is one. */
  session: Session | undefined
  /** The ROUTE-REFRESH whose event is being handled. */
  inFlight: RouteRefreshMessage | undefined
  lastSent: NotificationRecord | undefined
  lastReceived: NotificationRecord | undefined
  /** The last NOTIFICATION of this session in either direction. */
  lastWord: { readonly direction: 'sent' | 'received'; readonly record: NotificationRecord } | undefined
  readonly #options: PeerWireOptions
  #sendHold: Timer | undefined
  #lingering = 0

  constructor(options: PeerWireOptions) {
    this.#options = options
    this.messages = new MessageHistory(options.config().historyBytes ?? DEFAULT_HISTORY_BYTES)
  }

  /** The configuration says how much is kept. */
  resizeHistory(): void {
    this.messages.limitBytes = this.#options.config().historyBytes ?? DEFAULT_HISTORY_BYTES
  }

  close(id: number, isAbrupt: boolean): void {
    const connection = this.connections.get(id)
    if (connection === undefined) return
    this.connections.delete(id)
    // A peer that comes again and again does not pile up sockets that are saying goodbye.
    if (isAbrupt || this.#lingering >= MAX_LINGERING) connection.close(true, () => undefined)
    else {
      this.#lingering++
      connection.close(false, () => this.#lingering--)
    }
  }

  cancelSendHold(): void {
    this.#sendHold?.cancel()
    this.#sendHold = undefined
  }

  connect(id: number): void {
    const {
      remotePort,
      localAddress,
      interface: zone,
      md5Password,
      ttl,
      minTtl,
      connectRetryS,
    } = this.#options.config()
    const remoteAddress = this.#options.remoteAddress()
    if (remoteAddress === undefined) return
    this.counters.add('connect-attempts')
    const text = (ip: Ip): string => (ip.isLinkLocal && zone !== undefined ? `${ip}%${zone}` : ip.toString())
    const sentTtl = ttl ?? (minTtl === undefined ? undefined : 255)
    this.#options.around.network
      .connectTcp({
        address: text(remoteAddress),
        port: remotePort ?? BGP_PORT,
        // Another attempt takes its place then; one that went on would get through with it, and be in its way.
        timeoutMs: Math.min(MAX_CONNECT_MS, (connectRetryS ?? DEFAULT_CONNECT_RETRY_S) * 1000),
        ...(localAddress === undefined ? {} : { localAddress: text(localAddress) }),
        ...(md5Password === undefined ? {} : { md5Password }),
        ...(sentTtl === undefined ? {} : { ttl: sentTtl }),
        ...(minTtl === undefined ? {} : { minTtl }),
      })
      .then(
        (socket) => {
          this.open(id, socket)
          this.#options.dispatch({ kind: 'connected', id })
        },
        (error: Error & { code?: string }) => {
          this.counters.add('connect-failures')
          this.#options.dispatch({ kind: 'connect-failed', id, reason: error.code ?? error.message })
        },
      )
  }

  open(id: number, socket: TcpSocket): void {
    const connection: Connection = new Connection(id, socket, this.#options.around.clock, {
      received: (chunk) => this.#received(connection, chunk),
      closed: (reason) => this.#options.dispatch({ kind: 'closed', id, reason }),
      drained: () => this.#drained(connection),
    })
    this.connections.set(id, connection)
  }

  #drained(connection: Connection): void {
    this.cancelSendHold()
    if (this.session?.connection === connection) this.#options.drained()
  }

  #received(connection: Connection, chunk: Uint8Array): void {
    this.counters.add('bytes-received', chunk.length)
    const { clock, rib } = this.#options.around
    const { id } = connection
    let updates = 0
    let keptAt = -1
    let endAt = 0
    let whole: Uint8Array = chunk
    const isHeard = isTapped(this.#options.around.listeners)
    rib.batch(() => {
      const error = connection.stream.pushRanges(chunk, (bytes, start, end) => {
        whole = bytes
        endAt = end
        // For the history only the end of a long run of messages is kept.
        if (keptAt < 0 || end - keptAt > 8192) keptAt = start
        if (isHeard) this.#tap(connection, 'received', bytes, start, end)
        const session = this.session
        if (session?.connection === connection && isUpdate(bytes, start)) {
          updates++
          const failure = session.update(bytes, start, end)
          if (failure !== undefined) this.#failed(id, failure)
        } else this.#message(connection, bytes, start, end)
        return this.connections.has(id)
      })
      if (updates > 0) {
        this.counters.add('updates-received', updates)
        this.session?.settleCounts()
        this.#options.heard(id)
      }
      if (error !== undefined) this.#failed(id, error)
    })
    if (keptAt >= 0) this.messages.add('received', whole, keptAt, endAt, clock.nowMs(), clock.wallMs())
  }

  #failed(id: number, error: BgpError): void {
    if (error.code !== ErrorCode.cease) this.counters.add('messages-malformed')
    const isLimit = error.code === ErrorCode.cease && error.subcode === CeaseReason.maximumPrefixes
    const restartS = isLimit
      ? (limitOf(this.#options.config(), 4)?.restartAfterS ?? limitOf(this.#options.config(), 6)?.restartAfterS)
      : undefined
    this.#options.dispatch({ kind: 'error', id, error, pauseMs: restartS === undefined ? undefined : restartS * 1000 })
  }

  /** Anything but an UPDATE of the session. */
  #message(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const { id } = connection
    const type = bytes[start + 18]!
    if (type === MessageType.update) {
      this.counters.add('updates-received')
      this.#options.dispatch({ kind: 'update', id }) // too early: not even decoded
      return
    }
    const body = bytes.subarray(start + HEADER_BYTES, end)
    const whole = bytes.subarray(start, end)
    const decoded = decodeMessage({ type, body, bytes: whole }, { isFourOctetAs: true, isExternal: true })
    if (!decoded.ok) {
      this.#failed(id, decoded.error)
      return
    }
    const message = decoded.value
    switch (message.kind) {
      case 'open':
        this.counters.add('opens-received')
        connection.receivedOpen = whole.slice()
        this.#options.dispatch({ kind: 'open', id, open: message })
        return
      case 'keepalive':
        this.counters.add('keepalives-received')
        this.#options.dispatch({ kind: 'keepalive', id })
        return
      case 'route-refresh':
        this.counters.add('route-refreshes-received')
        this.#refreshMessage(connection, message, whole)
        return
      case 'notification':
        this.counters.add('notifications-received')
        this.lastReceived = this.#record(message)
        this.lastWord = { direction: 'received', record: this.lastReceived }
        this.#options.dispatch({ kind: 'notification', id, message })
        return
      default:
        return // an UPDATE, handled above
    }
  }

  #refreshMessage({ id }: Connection, message: RouteRefreshMessage, whole: Uint8Array): void {
    // RFC 7313 §5: with enhanced refresh agreed on, a message of another size is an error; outbound filters are not.
    if (whole.length !== 23 && this.session?.negotiated.hasEnhancedRefresh === true && message.subtype !== 0) {
      this.#failed(
        id,
        sessionReset(ErrorCode.routeRefresh, 1, `a ROUTE-REFRESH of ${whole.length} bytes`, whole.slice()),
      )
      return
    }
    this.inFlight = message
    this.#options.dispatch({ kind: 'route-refresh', id, message })
    this.inFlight = undefined
  }

  /** @returns false when the socket is full. */
  send(id: number, message: Message): boolean {
    const connection = this.connections.get(id)
    if (connection === undefined || !connection.isWritable) return true
    const bytes = encodeMessage(message, { isFourOctetAs: this.session?.negotiated.isFourOctetAs ?? true })
    this.counters.add(SENT_COUNTER[message.kind])
    this.counters.add('bytes-sent', bytes.length)
    if (message.kind === 'open') connection.sentOpen = bytes
    if (message.kind === 'notification') {
      this.lastSent = this.#record(message)
      this.lastWord = { direction: 'sent', record: this.lastSent }
      if (message.code === ErrorCode.holdTimer) this.counters.add('hold-timer-expirations')
    }
    const { clock } = this.#options.around
    this.messages.add('sent', bytes, 0, bytes.length, clock.nowMs(), clock.wallMs())
    this.#tap(connection, 'sent', bytes, 0, bytes.length)
    return connection.socket.write(bytes)
  }

  /** UPDATEs as the group wrote them. */
  write(connection: Connection, { bytes, count, tailAt }: UpdateChunk): void {
    if (!connection.isWritable) return
    this.counters.add('updates-sent', count)
    this.counters.add('bytes-sent', bytes.length)
    const { clock, listeners } = this.#options.around
    this.messages.add('sent', bytes, tailAt, bytes.length, clock.nowMs(), clock.wallMs())
    if (isTapped(listeners)) {
      for (let at = 0; at < bytes.length;) {
        const next = at + ((bytes[at + 16]! << 8) | bytes[at + 17]!)
        this.#tap(connection, 'sent', bytes, at, next)
        at = next
      }
    }
    if (connection.socket.write(bytes) || this.#sendHold !== undefined) return
    const session = this.session
    const holdMs = session?.negotiated.holdTimeMs ?? 0
    if (holdMs === 0) return
    this.#sendHold = clock.after(Math.max(SEND_HOLD_MS, 2 * holdMs), () => {
      this.#sendHold = undefined
      this.counters.add('send-hold-timer-expirations')
      const sentence = 'the peer has taken nothing for the send hold time'
      this.#options.dispatch({
        kind: 'error',
        id: connection.id,
        error: sessionReset(ErrorCode.sendHoldTimer, 0, sentence),
      })
    })
  }

  #tap(connection: Connection, direction: 'received' | 'sent', bytes: Uint8Array, start: number, end: number): void {
    const { listeners } = this.#options.around
    const session = this.session
    if (!isTapped(listeners) || session?.connection !== connection) return
    const identity = this.identity(session)
    for (const listener of listeners) listener.message?.(identity, direction, bytes.subarray(start, end))
  }

  #record({ code, subcode, data }: NotificationMessage): NotificationRecord {
    return {
      wallMs: this.#options.around.clock.wallMs(),
      code,
      subcode,
      data,
      text: describeNotification(code, subcode),
    }
  }

  identity({ negotiated, connection, localAddress }: Session): PeerIdentity {
    const { socket } = connection
    return {
      name: this.#options.config().name,
      remoteAddress: this.#options.remoteAddress() ?? Ip.of('::'),
      remotePort: socket.remotePort,
      remoteAsn: negotiated.peerAsn,
      remoteId: negotiated.peerId,
      localAddress,
      localPort: socket.localPort,
      localAsn: this.#options.around.asn,
      localId: this.#options.around.routerId,
      isFourOctetAs: negotiated.isFourOctetAs,
      interface: this.#options.config().interface,
    }
  }
}

/** Whether anybody wants the messages themselves: most of those who listen want the events. */
function isTapped(listeners: ReadonlySet<SpeakerListener>): boolean {
  for (const listener of listeners) if (listener.message !== undefined) return true
  return false
}

const SENT_COUNTER = {
  open: 'opens-sent',
  update: 'updates-sent',
  notification: 'notifications-sent',
  keepalive: 'keepalives-sent',
  'route-refresh': 'route-refreshes-sent',
} as const
