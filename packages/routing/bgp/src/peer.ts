/**
 * One peer: the state machine joined to sockets, clock and RIB. All protocol decisions are in `fsm.ts`, all route
 * decisions in `route-judgement.ts` and `route-export.ts`; here their actions are carried out.
 */
import type { Clock, Network, Random, TcpSocket, Timer } from '@lodestone/host'
import { Ip, type Prefix } from '@lodestone/net'
import type { Adjacency, Rib } from '@lodestone/rib'
import type { Family } from './address-family.ts'
import type { AttributeBook } from './attribute-book.ts'
import { CeaseReason } from './bgp-error.ts'
import {
  allocateConnection,
  type FsmAction,
  type FsmConfig,
  fsmDeadlineMs,
  type FsmEvent,
  type FsmState,
  heardFrom,
  initialFsm,
} from './fsm-state.ts'
import { step } from './fsm.ts'
import type { GroupBook } from './group-book.ts'
import { History } from './history.ts'
import type { RouteRefreshMessage } from './message.ts'
import type { NegotiatedSession } from './negotiation.ts'
import type { PeerConfig } from './peer-config.ts'
import { exportContextOf, fsmConfigOf, groupOptionsOf, importContextOf, isUnnumbered } from './peer-contexts.ts'
import type { FsmTransition, MessageRecord, PeerStatus } from './peer-status.ts'
import { peerStatusOf } from './peer-status-view.ts'
import { PeerWire } from './peer-wire.ts'
import type { DryRun, Policy } from './policy.ts'
import { dryRunExport, dryRunImport } from './policy-dry-run.ts'
import { RestartKeeper } from './restart-keeper.ts'
import type { ExportedRoute, ExportResult } from './route-export.ts'
import { Session } from './session.ts'
import type { SpeakerEvent, SpeakerListener } from './speaker-events.ts'

/** What a peer needs of its speaker. */
export interface PeerSurroundings {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly rib: Rib
  readonly asn: number
  readonly routerId: number
  readonly clusterId: number
  readonly requiresPolicy: boolean
  readonly book: GroupBook
  /** What internal and external peers have sent. */
  readonly attributes: { readonly internal: AttributeBook; readonly external: AttributeBook }
  readonly resolveNextHop:
    | ((nextHop: Ip, interfaceName: string | undefined) => { readonly metric: number } | undefined)
    | undefined
  readonly listeners: ReadonlySet<SpeakerListener>
  isLocalAddress(address: Ip): boolean
  /** RFC 4456: whether a peer's routes are those of a client. */
  isClient(peer: string): boolean
  /** Changes when the set of clients does. */
  clientsKey(): string
  /** This speaker has restarted and waits for its peers' routes. */
  isRestarting(): boolean
  /** A family's end-of-RIB marker has come, or the session ended. */
  progressed(): void
  /** The peer has neither a connection nor an attempt, nor kept routes. */
  quiet(peer: Peer): void
  /** A session has come or gone. */
  sessionsChanged(): void
}

/** Timers are never armed shorter: a difference lost in rounding must not spin. */
const MIN_TIMER_MS = 0.01
export class Peer {
  readonly isDynamic: boolean
  #config: PeerConfig
  #fsmConfig: FsmConfig
  readonly #around: PeerSurroundings
  readonly #fsm: FsmState = initialFsm()
  readonly #history = new History<FsmTransition>()
  readonly #wire: PeerWire
  readonly #keeper: RestartKeeper
  #session: Session | undefined
  #timer: Timer | undefined
  #timerDueMs = Infinity
  #stateSinceMs: number
  /** Learned from router advertisements or from the peer's own connection. */
  #neighbour: Ip | undefined
  #isInterfaceUp = true
  #isShuttingDown = false

  constructor(config: PeerConfig, around: PeerSurroundings, isDynamic = false) {
    this.#config = config
    this.#around = around
    this.isDynamic = isDynamic
    this.#fsmConfig = fsmConfigOf(config, around)
    this.#stateSinceMs = around.clock.nowMs()
    this.#wire = new PeerWire({
      around,
      config: () => this.#config,
      remoteAddress: () => this.remoteAddress,
      dispatch: (event) => this.#dispatch(event),
      heard: (id) => heardFrom(this.#fsm, id, around.clock.nowMs()),
      drained: () => {
        if (this.#session !== undefined) around.book.drained(this.#session)
      },
    })
    this.#keeper = new RestartKeeper({
      clock: around.clock,
      rib: around.rib,
      onRemoved: (count) => this.#wire.counters.add('stale-paths-removed', count),
      onDone: () => this.#checkQuiet(),
    })
    this.#fsm.isLinkDown = isUnnumbered(config)
  }

  get config(): PeerConfig {
    return this.#config
  }

  get isEstablished(): boolean {
    return this.#session !== undefined
  }

  /** Configured, or discovered on the interface. */
  get remoteAddress(): Ip | undefined {
    return this.#config.remoteAddress ?? this.#neighbour
  }

  /** Our address in the session, for the speaker's list of local addresses. */
  get localAddress(): Ip | undefined {
    return this.#session?.localAddress
  }

  /** Families whose end-of-RIB marker has come in this session. */
  get endOfRib(): ReadonlySet<Family> {
    return this.#session?.endOfRib ?? new Set()
  }

  get families(): readonly Family[] {
    return this.#session?.negotiated.families ?? []
  }

  start(): void {
    this.#dispatch({ kind: 'start' })
  }

  /**
   * @param reason subcode of the CEASE.
   * @param text for the peer's operator, at most 255 bytes of UTF-8 (RFC 9003).
   */
  stop(reason: number = CeaseReason.administrativeShutdown, text?: string): void {
    const bytes = text === undefined ? undefined : new TextEncoder().encode(text).subarray(0, 255)
    const data = bytes === undefined ? undefined : new Uint8Array([bytes.length, ...bytes])
    this.#dispatch({ kind: 'stop', subcode: reason, data })
  }

  /** Closes the session and starts a new one. */
  reset(): void {
    this.#dispatch({ kind: 'reset' })
  }

  /** Fast external fallover. */
  setLinkUp(isUp: boolean): void {
    this.#isInterfaceUp = isUp
    if (!isUp && isUnnumbered(this.#config)) this.#neighbour = undefined
    this.#updateLink()
  }

  /** BFD down ends the session (RFC 5882, RFC 9384) and its routes at once; no new one before BFD is up again. */
  setBfdUp(isUp: boolean): void {
    this.#dispatch({ kind: 'bfd', isUp })
  }

  /** The neighbour on the interface of an unnumbered peer: it announced itself, or `undefined` when it is gone. */
  setNeighbour(address: Ip | undefined): void {
    if (!isUnnumbered(this.#config)) return
    // A session goes on with whom it was made with; its own timers tell when that one is gone.
    if (this.#session !== undefined || (address !== undefined && this.#neighbour?.equals(address) === true)) return
    this.#neighbour = undefined
    this.#updateLink()
    this.#neighbour = address
    this.#updateLink()
  }

  #updateLink(): void {
    const isReachable = !isUnnumbered(this.#config) || this.#neighbour !== undefined
    this.#dispatch({ kind: 'link', isUp: this.#isInterfaceUp && isReachable })
  }

  /** Tells the peer with every route that the session is about to end (RFC 8326). */
  setGracefulShutdown(isOn: boolean): void {
    if (this.#isShuttingDown === isOn) return
    this.#isShuttingDown = isOn
    if (this.#session !== undefined) this.#regroup(this.#session)
  }

  /** Takes policies and limits that need no new session; everything received and sent is judged again. */
  reconfigure(config: PeerConfig): void {
    this.#config = config
    this.#wire.resizeHistory()
    this.#fsmConfig = fsmConfigOf(config, this.#around)
    const session = this.#session
    if (session === undefined) return
    session.importer.reconfigure(importContextOf(config, this.#around, session.negotiated))
    this.#regroup(session)
    // Routes beyond an old limit were not kept: they have to come again.
    if (this.#wire.counters.get('prefixes-over-limit') > 0) this.requestRefresh()
  }

  /** The set of local addresses changed: every path is judged again, and a peer that could not be reached is tried. */
  localAddressesChanged(): void {
    this.#dispatch({ kind: 'addresses' })
    const session = this.#session
    session?.importer.reconfigure(importContextOf(this.#config, this.#around, session.negotiated))
  }

  /** Other ways lead to these next hops: the paths through them are judged again. */
  nextHopsChanged(nextHops: readonly Ip[]): void {
    this.#session?.importer.nextHopsChanged(nextHops)
  }

  /** What others are may have changed how this peer is told: reflection clients. */
  regroup(): void {
    if (this.#session !== undefined) this.#regroup(this.#session)
  }

  /** Asks the peer to send its routes again (RFC 2918). @returns false when it cannot. */
  requestRefresh(families?: readonly Family[]): boolean {
    const session = this.#session
    if (session === undefined || !session.negotiated.hasRouteRefresh) return false
    for (const family of session.negotiated.families) {
      if (families?.includes(family) !== false)
        this.#wire.send(session.connection.id, { kind: 'route-refresh', family, subtype: 0 })
    }
    return true
  }

  /** Sends everything to the peer once more. @returns false without a session. */
  resendOut(families?: readonly Family[]): boolean {
    if (this.#session === undefined) return false
    this.#around.book.sendAgain(this.#session, families ?? this.#session.negotiated.families)
    return true
  }

  /** Takes a connection from the peer. */
  accept(socket: TcpSocket): void {
    this.#wire.counters.add('connections-accepted')
    if (isUnnumbered(this.#config) && this.#neighbour === undefined) {
      this.#neighbour = Ip.parse(socket.remoteAddress.split('%')[0]!)
      this.#updateLink()
    }
    const id = allocateConnection(this.#fsm)
    this.#wire.open(id, socket)
    this.#dispatch({ kind: 'accepted', id })
    if (!this.#wire.connections.has(id)) this.#wire.counters.add('connections-refused')
  }

  /** A prefix became ours or ceased to be: what the peer offered for it is judged again. */
  reconsider(ref: number): void {
    this.#session?.importer.reconsider(ref)
  }

  /** What the peer has been told. */
  *exported(): IterableIterator<{ readonly prefix: Prefix; readonly pathId: number } & ExportedRoute> {
    const session = this.#session
    const group = session === undefined ? undefined : this.#around.book.groupOf(session)
    if (session === undefined || group === undefined) return
    for (const { ref, pathId, id } of group.sentTo(session)) {
      yield { prefix: this.#around.rib.store.prefix(ref), pathId, ...group.plan.describe(id) }
    }
  }

  /** Why `prefix` is told to the peer or not. */
  explainExport(prefix: Prefix): ExportResult | undefined {
    const session = this.#session
    const group = session === undefined ? undefined : this.#around.book.groupOf(session)
    if (session === undefined || group === undefined) return undefined
    const best = this.#around.rib.get(prefix)?.selected[0]
    if (best !== undefined && best.source === session.adjacency.source) {
      return { kind: 'suppress', code: 'split-horizon', sentence: 'the route came from this peer' }
    }
    return group.plan.explain(prefix)
  }

  /**
   * What would change if the policy of that direction were `policy`. Nothing changes.
   * @param limit differences that are told in full. @returns undefined without a session.
   */
  dryRun(direction: 'import' | 'export', policy: Policy | undefined, limit = 100): DryRun | undefined {
    const session = this.#session
    if (session === undefined) return undefined
    const config = { ...this.#config, [direction]: policy }
    if (direction === 'import') {
      const context = importContextOf(config, this.#around, session.negotiated)
      return dryRunImport(this.#around.rib, session, context, limit)
    }
    const group = this.#around.book.groupOf(session)
    if (group === undefined) return undefined
    return dryRunExport(this.#around.rib, session, group.plan, this.#exportContext(session, config), limit)
  }

  /** State machine transitions, oldest first. */
  history(): readonly FsmTransition[] {
    return this.#history.list()
  }

  /** The last messages in both directions, oldest first. */
  messages(): readonly MessageRecord[] {
    return this.#wire.messages.list()
  }

  status(): PeerStatus {
    const { clock, book } = this.#around
    const session = this.#session
    return peerStatusOf({
      config: this.#config,
      remoteAddress: this.remoteAddress,
      isDynamic: this.isDynamic,
      fsm: this.#fsm,
      session,
      localAddress: this.#wire.connections.get(session?.connection.id ?? this.#fsm.connections[0]?.id ?? 0)?.socket
        .localAddress,
      keeper: this.#keeper,
      advertised: session === undefined ? 0 : (book.groupOf(session)?.sentCountTo(session) ?? 0),
      stateSinceMs: this.#stateSinceMs,
      lastSent: this.#wire.lastSent,
      lastReceived: this.#wire.lastReceived,
      counters: this.#wire.counters.snapshot(),
      nowMs: clock.nowMs(),
    })
  }

  /** Ends the session and frees everything; the object is of no use afterwards. */
  close(reason: number = CeaseReason.peerDeconfigured): void {
    this.stop(reason)
    this.#timer?.cancel()
    this.#wire.cancelSendHold()
    this.#keeper.forget()
  }

  // --- state machine ------------------------------------------------------------------------------------------------

  #dispatch(event: FsmEvent): void {
    this.#fsmConfig = { ...this.#fsmConfig, isRestarting: this.#around.isRestarting() }
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
        this.#wire.connect(action.id)
        return
      case 'abandon':
        return // `connected` of an abandoned attempt makes the state machine close it
      case 'send':
        this.#wire.send(action.id, action.message)
        return
      case 'close':
        this.#wire.close(action.id, action.isAbrupt)
        return
      case 'established':
        this.#up(action.id, action.session)
        return
      case 'down':
        this.#down(action)
        return
      case 'deliver':
        if (this.#wire.inFlight !== undefined) this.#refresh(this.#wire.inFlight)
        return
      case 'transition': {
        const { clock } = this.#around
        this.#stateSinceMs = clock.nowMs()
        const transition = { ...action, atMs: clock.nowMs(), wallMs: clock.wallMs() }
        this.#history.add(transition)
        this.#tell({ kind: 'transition', peer: this.#config.name, transition })
        this.#checkQuiet()
        return
      }
      default: {
        const never: never = action
        throw new Error(`unknown action ${JSON.stringify(never)}`)
      }
    }
  }

  #checkQuiet(): void {
    const { connections, attempt } = this.#fsm
    if (connections.length === 0 && attempt === undefined && !this.#keeper.isKeeping) this.#around.quiet(this)
  }

  #tell(event: SpeakerEvent): void {
    for (const listener of this.#around.listeners) listener.event?.(event)
  }

  // --- session ------------------------------------------------------------------------------------------------------

  #up(id: number, negotiated: NegotiatedSession): void {
    const connection = this.#wire.connections.get(id)
    if (connection === undefined) throw new Error('a session was established on a connection without a socket')
    this.#wire.counters.add('sessions-established')
    this.#wire.lastWord = undefined
    const adjacency = this.#adjacency(negotiated)
    const session: Session = new Session({
      clock: this.#around.clock,
      rib: this.#around.rib,
      connection,
      negotiated,
      adjacency,
      importContext: importContextOf(this.#config, this.#around, negotiated),
      attributes: this.#around.attributes[negotiated.isExternal ? 'external' : 'internal'],
      counters: this.#wire.counters,
      config: () => this.#config,
      send: (message) => void this.#wire.send(id, message),
      write: (chunk) => this.#wire.write(connection, chunk),
      sweepStale: (family) => this.#keeper.sweep(adjacency, { family, isStale: true }),
      onEndOfRib: (family) => {
        this.#tell({ kind: 'end-of-rib', peer: this.#config.name, family })
        this.#around.progressed()
      },
      onLimit: (family, count, limit) =>
        this.#tell({ kind: 'prefix-limit', peer: this.#config.name, family, count, limit }),
    })
    this.#session = session
    this.#wire.session = session
    this.#around.sessionsChanged()
    this.#keeper.returned(adjacency, negotiated, this.#config.gracefulRestart)
    const { book } = this.#around
    book.join(session, groupOptionsOf(this.#config, this.#exportContext(session, this.#config), this.#around))
    const { sentOpen, receivedOpen } = connection
    this.#tell({ kind: 'session-up', identity: this.#wire.identity(session), sentOpen, receivedOpen })
  }

  /** The routes kept over the peer's restart, or an empty adj-RIB-in. */
  #adjacency(negotiated: NegotiatedSession): Adjacency {
    const remote = this.remoteAddress ?? Ip.of('::')
    const kept = this.#keeper.claim(negotiated, remote)
    if (kept !== undefined) return kept
    return this.#around.rib.adjacency({
      protocol: 'bgp',
      peer: this.#config.name,
      preference: this.#config.preference,
      bgp: { isExternal: negotiated.isExternal, routerId: negotiated.peerId, peerAddress: remote },
      onUnused: (offer) => this.#session?.importer.unused(offer),
    })
  }

  #exportContext(session: Session, config: PeerConfig) {
    const isShuttingDown = this.#isShuttingDown || config.gracefulShutdown === true
    return exportContextOf(config, this.#around, session.negotiated, session.localAddress, isShuttingDown)
  }

  #regroup(session: Session): void {
    const options = groupOptionsOf(this.#config, this.#exportContext(session, this.#config), this.#around)
    this.#around.book.change(session, options)
  }

  #down({ reason, cause }: Extract<FsmAction, { kind: 'down' }>): void {
    this.#wire.counters.add('sessions-lost')
    this.#wire.cancelSendHold()
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    this.#wire.session = undefined
    this.#around.sessionsChanged()
    session.close()
    session.settleCounts()
    this.#around.book.leave(session)
    const isRestarting = cause === 'lost' && this.#keeper.keep(session.adjacency, session.negotiated)
    if (isRestarting) this.#wire.counters.add('graceful-restarts')
    else this.#keeper.drop(session.adjacency)
    const notification = cause === 'lost' ? undefined : this.#wire.lastWord
    this.#tell({ kind: 'session-down', identity: this.#wire.identity(session), reason, notification, isRestarting })
    this.#around.progressed()
  }

  #refresh(message: RouteRefreshMessage): void {
    const session = this.#session
    if (session === undefined) return
    const families = session.refresh(message)
    if (families.length > 0) this.#around.book.sendAgain(session, families)
  }
}
