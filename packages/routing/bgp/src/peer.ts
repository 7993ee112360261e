/**
 * One peer: the state machine joined to sockets, clock and RIB. All protocol decisions are in `fsm.ts`, all route
 * decisions in `route-import.ts` and `route-export.ts`; here their actions are carried out.
 */
import type { Clock, Network, Random, TcpSocket, Timer } from '@lodestone/host'
import { Ip, type Prefix } from '@lodestone/net'
import { Counters } from '@lodestone/probe'
import type { Adjacency, Path, Rib } from '@lodestone/rib'
import { FAMILIES, type Family } from './address-family.ts'
import { AdjRibOut } from './adj-rib-out.ts'
import { AttributeSet } from './attribute-set.ts'
import { CeaseReason, describeNotification, ErrorCode, sessionReset } from './bgp-error.ts'
import { describeCapability } from './capability.ts'
import {
  allocateConnection,
  type FsmAction,
  type FsmConfig,
  fsmDeadlineMs,
  type FsmEvent,
  type FsmState,
  fsmStateName,
  initialFsm,
  step,
} from './fsm.ts'
import { History } from './history.ts'
import {
  decodeMessage,
  encodeMessage,
  type Message,
  MessageType,
  type NotificationMessage,
  type RawMessage,
  type ReceivedMessage,
  type RouteRefreshMessage,
} from './message.ts'
import { MessageStream } from './message-stream.ts'
import type { NegotiatedSession } from './negotiation.ts'
import type { DecodeContext } from './path-attribute.ts'
import {
  BGP_PORT,
  DEFAULT_CONNECT_RETRY_S,
  DEFAULT_HOLD_TIME_S,
  DEFAULT_IDLE_HOLD_S,
  type PeerConfig,
} from './peer-config.ts'
import { type FsmTransition, type NotificationRecord, PEER_COUNTERS, type PeerStatus } from './peer-status.ts'
import { type ExportContext, type ExportedRoute, exportRoute, type ExportResult } from './route-export.ts'
import { type ImportContext, importRoute, type ReceivedRoute } from './route-import.ts'
import { endOfRibFamily, type ReceivedUpdate, type Reach } from './update-message.ts'

/** What a peer needs of its speaker. */
export interface PeerSurroundings {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly rib: Rib
  readonly asn: number
  readonly routerId: number
  isLocalAddress(address: Ip): boolean
  isOriginated(prefix: Prefix): boolean
  originated(): Iterable<Prefix>
}

/** A closing connection gets this long to say goodbye. */
const LINGER_MS = 3000
/** Timers are never armed shorter: a difference lost in rounding must not spin. */
const MIN_TIMER_MS = 0.01

interface Channel {
  readonly socket: TcpSocket
  readonly stream: MessageStream
  /** How UPDATEs are read; set once the session is established. */
  context: DecodeContext | undefined
}

interface Established {
  readonly id: number
  readonly session: NegotiatedSession
  readonly adjacency: Adjacency
  readonly out: AdjRibOut
  readonly localAddress: Ip | undefined
  importContext: ImportContext
  exportContext: ExportContext
  /** Transformed attribute sets (`exportRoute`). */
  readonly exportCache: WeakMap<AttributeSet, AttributeSet>
  readonly disabledFamilies: Set<Family>
  readonly endOfRib: Set<Family>
}

export class Peer {
  #config: PeerConfig
  #fsmConfig: FsmConfig
  readonly #around: PeerSurroundings
  readonly #fsm: FsmState = initialFsm()
  readonly #counters = new Counters(PEER_COUNTERS)
  readonly #history = new History<FsmTransition>()
  readonly #channels = new Map<number, Channel>()
  #established: Established | undefined
  #inFlight: ReceivedMessage | undefined
  #timer: Timer | undefined
  #timerDueMs = Infinity
  #flushTimer: Timer | undefined
  #stateSinceMs: number
  #lastSent: NotificationRecord | undefined
  #lastReceived: NotificationRecord | undefined

  constructor(config: PeerConfig, around: PeerSurroundings) {
    this.#config = config
    this.#around = around
    this.#fsmConfig = this.#makeFsmConfig()
    this.#stateSinceMs = around.clock.nowMs()
  }

  get config(): PeerConfig {
    return this.#config
  }

  get isEstablished(): boolean {
    return this.#established !== undefined
  }

  start(): void {
    this.#dispatch({ kind: 'start' })
  }

  /** @param reason subcode of the CEASE. */
  stop(reason: number = CeaseReason.administrativeShutdown): void {
    this.#dispatch({ kind: 'stop', subcode: reason })
  }

  /** Closes the session and starts a new one. */
  reset(): void {
    this.#dispatch({ kind: 'reset' })
  }

  setLinkUp(isUp: boolean): void {
    this.#dispatch({ kind: 'link', isUp })
  }

  /** Takes policies and limits that need no new session; the peer is asked for its routes again. */
  reconfigure(config: PeerConfig): void {
    this.#config = config
    this.#fsmConfig = this.#makeFsmConfig()
    const established = this.#established
    if (established === undefined) return
    const { out, session, localAddress } = established
    established.importContext = this.#importContext(session)
    established.exportContext = this.#exportContext(session, localAddress)
    this.requestRefresh()
    for (const route of this.#around.rib.routes()) out.enqueue(route.prefix)
    for (const prefix of this.#around.originated()) out.enqueue(prefix)
    this.#scheduleFlush()
  }

  /** Asks the peer to send its routes again (RFC 2918). @returns false when it cannot. */
  requestRefresh(): boolean {
    const established = this.#established
    if (established === undefined || !established.session.hasRouteRefresh) return false
    for (const family of established.session.families) {
      this.#send(established.id, { kind: 'route-refresh', family, subtype: 0 })
    }
    return true
  }

  /** Takes a connection from the peer. */
  accept(socket: TcpSocket): void {
    this.#counters.add('connections-accepted')
    const id = allocateConnection(this.#fsm)
    this.#open(id, socket)
    this.#dispatch({ kind: 'accepted', id })
  }

  /** The routes of these prefixes may have changed. */
  routesChanged(prefixes: Iterable<Prefix>): void {
    const out = this.#established?.out
    if (out === undefined) return
    for (const prefix of prefixes) out.enqueue(prefix)
    this.#scheduleFlush()
  }

  /** A prefix became ours or ceased to be: what the peer offered for it is judged again. */
  reconsider(prefix: Prefix): void {
    const established = this.#established
    if (established === undefined) return
    for (const path of this.#around.rib.get(prefix)?.paths ?? []) {
      if (path.source !== established.adjacency.source || !(path.attributes instanceof AttributeSet)) continue
      if (path.unusable?.code === 'locally-originated' && this.requestRefresh()) return
      const { nextHop, attributes } = path
      this.#import(established, { prefix, nextHop, attributes })
    }
  }

  /** What the peer has been told, and what it has not been told and why. */
  *exported(): IterableIterator<{ readonly prefix: Prefix } & ExportedRoute> {
    if (this.#established !== undefined) yield* this.#established.out.advertised()
  }

  /** Why `prefix` is told to the peer or not. */
  explainExport(prefix: Prefix): ExportResult | undefined {
    return this.#established === undefined ? undefined : this.#desired(this.#established, prefix)
  }

  history(): readonly FsmTransition[] {
    return this.#history.list()
  }

  status(): PeerStatus {
    const nowMs = this.#around.clock.nowMs()
    const established = this.#established
    const connection = this.#fsm.connections.find(({ id }) => id === established?.id) ?? this.#fsm.connections[0]
    const session = connection?.session
    const until = (dueMs: number | undefined): number | undefined =>
      dueMs === undefined || dueMs === Infinity ? undefined : Math.max(0, dueMs - nowMs)
    return {
      name: this.#config.name,
      remoteAddress: this.#config.remoteAddress,
      remoteAsn: this.#config.remoteAsn,
      state: fsmStateName(this.#fsm),
      isLinkDown: this.#fsm.isLinkDown,
      inStateMs: nowMs - this.#stateSinceMs,
      localAddress: connection === undefined ? undefined : this.#channels.get(connection.id)?.socket.localAddress,
      peerId: session?.peerId,
      families: session?.families ?? [],
      capabilities: session?.peerCapabilities.map(describeCapability) ?? [],
      timers: {
        configuredHoldS: this.#config.holdTimeS ?? DEFAULT_HOLD_TIME_S,
        negotiatedHoldS: session === undefined ? undefined : session.holdTimeMs / 1000,
        negotiatedKeepaliveS: session === undefined ? undefined : session.keepaliveMs / 1000,
        holdRemainingMs: until(connection?.holdAtMs),
        keepaliveRemainingMs: until(connection?.keepaliveAtMs),
        connectRetryRemainingMs: until(this.#fsm.connectRetryAtMs),
        idleHoldRemainingMs: until(this.#fsm.idleUntilMs),
      },
      endOfRibReceived: [...(established?.endOfRib ?? [])],
      pathsReceived: established?.adjacency.pathCount ?? 0,
      prefixesAdvertised: established?.out.advertisedCount ?? 0,
      lastNotificationSent: this.#lastSent,
      lastNotificationReceived: this.#lastReceived,
      counters: this.#counters.snapshot(),
    }
  }

  /** Ends the session and frees everything; the object is of no use afterwards. */
  close(reason: number = CeaseReason.peerDeconfigured): void {
    this.stop(reason)
    this.#timer?.cancel()
    this.#flushTimer?.cancel()
  }

  // --- state machine ------------------------------------------------------------------------------------------

  #makeFsmConfig(): FsmConfig {
    const config = this.#config
    return {
      localAsn: this.#around.asn,
      localId: this.#around.routerId,
      remoteAsn: config.remoteAsn,
      holdTimeS: config.holdTimeS ?? DEFAULT_HOLD_TIME_S,
      keepaliveS: config.keepaliveS,
      families: config.families ?? FAMILIES,
      ipv4OverIpv6: config.ipv4OverIpv6 ?? false,
      connectRetryMs: (config.connectRetryS ?? DEFAULT_CONNECT_RETRY_S) * 1000,
      idleHoldMs: (config.idleHoldS ?? DEFAULT_IDLE_HOLD_S) * 1000,
      isPassive: config.isPassive ?? false,
      jitter: () => this.#around.random.float(),
    }
  }

  #dispatch(event: FsmEvent): void {
    const actions = step(this.#fsm, this.#fsmConfig, event, this.#around.clock.nowMs())
    for (const action of actions) this.#perform(action)
    this.#arm()
  }

  /** One timer for all deadlines. It may fire early, which costs an empty tick; that is cheaper than re-arming. */
  #arm(): void {
    const dueMs = fsmDeadlineMs(this.#fsm)
    if (dueMs === Infinity || dueMs >= this.#timerDueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = this.#around.clock.after(Math.max(MIN_TIMER_MS, dueMs - this.#around.clock.nowMs()), () => {
      this.#timerDueMs = Infinity
      this.#dispatch({ kind: 'tick' })
    })
  }

  #perform(action: FsmAction): void {
    switch (action.kind) {
      case 'connect':
        this.#connect(action.id)
        return
      case 'abandon':
        return // `connected` of an abandoned attempt makes the state machine close it
      case 'send':
        this.#send(action.id, action.message)
        return
      case 'close':
        this.#close(action.id, action.isAbrupt)
        return
      case 'established':
        this.#up(action.id, action.session)
        return
      case 'down':
        this.#down(action.reason)
        return
      case 'deliver':
        this.#deliver()
        return
      case 'transition': {
        const { clock } = this.#around
        this.#stateSinceMs = clock.nowMs()
        this.#history.add({ ...action, atMs: clock.nowMs(), wallMs: clock.wallMs() })
        return
      }
      default: {
        const never: never = action
        throw new Error(`unknown action ${JSON.stringify(never)}`)
      }
    }
  }

  // --- sockets ------------------------------------------------------------------------------------------------

  #connect(id: number): void {
    const { remoteAddress, remotePort, localAddress, interface: zone } = this.#config
    this.#counters.add('connect-attempts')
    const text = (ip: Ip): string => (ip.isLinkLocal && zone !== undefined ? `${ip}%${zone}` : ip.toString())
    this.#around.network
      .connectTcp({
        address: text(remoteAddress),
        port: remotePort ?? BGP_PORT,
        ...(localAddress === undefined ? {} : { localAddress: text(localAddress) }),
      })
      .then(
        (socket) => {
          this.#open(id, socket)
          this.#dispatch({ kind: 'connected', id })
        },
        (error: Error & { code?: string }) => {
          this.#counters.add('connect-failures')
          this.#dispatch({ kind: 'connect-failed', id, reason: error.code ?? error.message })
        },
      )
  }

  #open(id: number, socket: TcpSocket): void {
    const channel: Channel = { socket, stream: new MessageStream(), context: undefined }
    this.#channels.set(id, channel)
    socket.on('data', (chunk: Uint8Array) => this.#received(id, channel, chunk))
    socket.on('drain', () => this.#scheduleFlush())
    socket.on('end', () => this.#dispatch({ kind: 'closed', id, reason: 'closed by the peer' }))
    socket.on('error', (error: Error & { code?: string }) =>
      this.#dispatch({ kind: 'closed', id, reason: error.code ?? error.message }),
    )
    socket.on('close', () => this.#dispatch({ kind: 'closed', id, reason: 'closed' }))
  }

  #close(id: number, isAbrupt: boolean): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) return
    this.#channels.delete(id)
    const { socket } = channel
    socket.removeAllListeners('data')
    socket.on('error', () => socket.destroy())
    if (isAbrupt) {
      socket.destroy()
      return
    }
    socket.resume() // what still arrives is read and dropped, so that the end can arrive too
    socket.end()
    const linger = this.#around.clock.after(LINGER_MS, () => socket.destroy())
    socket.on('close', () => linger.cancel())
  }

  #received(id: number, channel: Channel, chunk: Uint8Array): void {
    this.#counters.add('bytes-received', chunk.length)
    this.#around.rib.batch(() => {
      const error = channel.stream.push(chunk, (raw) => {
        this.#onRaw(id, channel, raw)
        return this.#channels.has(id)
      })
      if (error === undefined) return
      this.#counters.add('messages-malformed')
      this.#dispatch({ kind: 'error', id, error })
    })
  }

  #onRaw(id: number, channel: Channel, raw: RawMessage): void {
    if (channel.context === undefined && raw.type === MessageType.update) {
      this.#dispatch({ kind: 'update', id }) // too early: not even decoded
      return
    }
    const decoded = decodeMessage(raw, channel.context ?? { isFourOctetAs: true, isExternal: true })
    if (!decoded.ok) {
      this.#counters.add('messages-malformed')
      this.#dispatch({ kind: 'error', id, error: decoded.error })
      return
    }
    const message = decoded.value
    this.#inFlight = message
    switch (message.kind) {
      case 'open':
        this.#counters.add('opens-received')
        this.#dispatch({ kind: 'open', id, open: message })
        return
      case 'keepalive':
        this.#counters.add('keepalives-received')
        this.#dispatch({ kind: 'keepalive', id })
        return
      case 'update':
        this.#counters.add('updates-received')
        this.#dispatch({ kind: 'update', id })
        return
      case 'route-refresh':
        this.#counters.add('route-refreshes-received')
        this.#dispatch({ kind: 'route-refresh', id, message })
        return
      case 'notification':
        this.#counters.add('notifications-received')
        this.#lastReceived = this.#record(message)
        this.#dispatch({ kind: 'notification', id, message })
        return
      default: {
        const never: never = message
        throw new Error(`unknown message ${JSON.stringify(never)}`)
      }
    }
  }

  /** @returns false when the socket is full. */
  #send(id: number, message: Message): boolean {
    const channel = this.#channels.get(id)
    if (channel === undefined || channel.socket.writableEnded || channel.socket.destroyed) return true
    const bytes = encodeMessage(message, { isFourOctetAs: this.#established?.session.isFourOctetAs ?? true })
    this.#counters.add(SENT_COUNTER[message.kind])
    this.#counters.add('bytes-sent', bytes.length)
    if (message.kind === 'notification') {
      this.#lastSent = this.#record(message)
      if (message.code === ErrorCode.holdTimer) this.#counters.add('hold-timer-expirations')
    }
    return channel.socket.write(bytes)
  }

  #record({ code, subcode, data }: NotificationMessage): NotificationRecord {
    return { wallMs: this.#around.clock.wallMs(), code, subcode, data, text: describeNotification(code, subcode) }
  }

  // --- session ------------------------------------------------------------------------------------------------

  #up(id: number, session: NegotiatedSession): void {
    const channel = this.#channels.get(id)
    if (channel === undefined) throw new Error('a session was established on a connection without a socket')
    channel.context = { isFourOctetAs: session.isFourOctetAs, isExternal: session.isExternal }
    this.#counters.add('sessions-established')
    const { rib } = this.#around
    const localAddress = socketAddress(channel.socket.localAddress)
    const established: Established = {
      id,
      session,
      adjacency: rib.adjacency({
        protocol: 'bgp',
        peer: this.#config.name,
        bgp: { isExternal: session.isExternal, routerId: session.peerId, peerAddress: this.#config.remoteAddress },
      }),
      out: new AdjRibOut({
        families: session.families,
        encoding: { isFourOctetAs: session.isFourOctetAs },
        desired: (prefix) => this.#desired(established, prefix),
        send: (update) => this.#send(id, update),
        onOversized: () => this.#counters.add('routes-oversized'),
      }),
      localAddress,
      importContext: this.#importContext(session),
      exportContext: this.#exportContext(session, localAddress),
      exportCache: new WeakMap(),
      disabledFamilies: new Set(),
      endOfRib: new Set(),
    }
    this.#established = established
    for (const route of rib.routes()) established.out.enqueue(route.prefix)
    for (const prefix of this.#around.originated()) established.out.enqueue(prefix)
    this.#scheduleFlush()
  }

  #down(_reason: string): void {
    this.#counters.add('sessions-lost')
    const established = this.#established
    this.#established = undefined
    established?.adjacency.close()
  }

  #scheduleFlush(): void {
    // All changes of this instant go out together.
    this.#flushTimer ??= this.#around.clock.after(0, () => {
      this.#flushTimer = undefined
      this.#established?.out.flush()
    })
  }

  #desired({ exportContext, exportCache }: Established, prefix: Prefix): ExportResult {
    const best: Path | 'originated' | undefined = this.#around.isOriginated(prefix)
      ? 'originated'
      : this.#around.rib.get(prefix)?.selected[0]
    return exportRoute(prefix, best, exportContext, exportCache)
  }

  #exportContext(session: NegotiatedSession, localAddress: Ip | undefined): ExportContext {
    const config = this.#config
    return {
      localAsn: this.#around.asn,
      peer: config.name,
      session,
      policy: config.export ?? {},
      nextHop4: config.nextHop4 ?? (localAddress?.family === 4 ? localAddress : undefined),
      nextHop6: config.nextHop6 ?? (localAddress?.family === 6 ? localAddress : undefined),
      nextHopSelf: config.nextHopSelf ?? false,
    }
  }

  #importContext(session: NegotiatedSession): ImportContext {
    return {
      localAsn: this.#around.asn,
      localId: this.#around.routerId,
      session,
      enforceFirstAs: this.#config.enforceFirstAs ?? true,
      policy: this.#config.import ?? {},
      isLocalAddress: (address) => this.#around.isLocalAddress(address),
      isOriginated: (prefix) => this.#around.isOriginated(prefix),
      interface: this.#config.interface,
    }
  }

  #deliver(): void {
    const message = this.#inFlight
    const established = this.#established
    if (established === undefined || message === undefined) return
    if (message.kind === 'update') this.#update(established, message)
    else if (message.kind === 'route-refresh') this.#refresh(established, message)
  }

  #refresh(established: Established, { family, subtype }: RouteRefreshMessage): void {
    // NOT IMPLEMENTED: enhanced route refresh (RFC 7313); its subtypes are not requests.
    if (family === undefined || subtype !== 0) return
    established.out.forget(family)
    this.#scheduleFlush()
  }

  #update(established: Established, received: ReceivedUpdate): void {
    const { update, errors } = received
    const { adjacency } = established
    for (const { treatment } of errors)
      if (treatment === 'attribute-discard') this.#counters.add('attributes-discarded')
    if (errors.some(({ treatment }) => treatment === 'treat-as-withdraw')) {
      this.#counters.add('updates-treated-as-withdraw')
    }
    for (const family of received.disabledFamilies) {
      // RFC 4760 §7: the family's routes go, and what still comes for it is ignored.
      this.#counters.add('families-disabled')
      established.disabledFamilies.add(family)
      adjacency.clear((path) => path.prefix.family === family)
    }
    const ended = errors.length === 0 ? endOfRibFamily(update) : undefined
    if (ended !== undefined) established.endOfRib.add(ended)
    for (const prefix of update.withdrawnIpv4) this.#withdraw(adjacency, prefix)
    for (const prefix of update.mpUnreach?.prefixes ?? []) this.#withdraw(adjacency, prefix)
    if (update.attributes !== undefined) {
      for (const reach of [update.ipv4, update.mpReach]) {
        if (reach !== undefined) this.#reach(established, reach, update.attributes)
      }
    }
    const { maxPaths } = this.#config
    if (maxPaths !== undefined && adjacency.pathCount > maxPaths) {
      const sentence = `the peer sent more than ${maxPaths} paths`
      const error = sessionReset(ErrorCode.cease, CeaseReason.maximumPrefixes, sentence)
      this.#dispatch({ kind: 'error', id: established.id, error })
    }
  }

  #withdraw(adjacency: Adjacency, prefix: Prefix): void {
    this.#counters.add('prefixes-withdrawn-received')
    adjacency.withdraw(prefix)
  }

  #reach(established: Established, reach: Reach, attributes: AttributeSet): void {
    if (established.disabledFamilies.has(reach.family) || !established.session.families.includes(reach.family)) return
    this.#counters.add('prefixes-announced-received', reach.prefixes.length)
    const { nextHop, linkLocalNextHop } = reach
    for (const prefix of reach.prefixes) this.#import(established, { prefix, attributes, nextHop, linkLocalNextHop })
  }

  #import(established: Established, route: ReceivedRoute): void {
    established.adjacency.announce(route.prefix, importRoute(route, established.importContext))
  }

  /** Our address in the session, for the speaker's list of local addresses. */
  get localAddress(): Ip | undefined {
    return this.#established?.localAddress
  }
}

const SENT_COUNTER = {
  open: 'opens-sent',
  update: 'updates-sent',
  notification: 'notifications-sent',
  keepalive: 'keepalives-sent',
  'route-refresh': 'route-refreshes-sent',
} as const

/** A socket's address without zone; IPv4-mapped ones (`::ffff:192.0.2.1`) as the IPv4 address that they are. */
export function socketAddress(text: string): Ip | undefined {
  const plain = text.split('%')[0]!
  return Ip.parse(/^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(plain) ? plain.slice(7) : plain)
}
