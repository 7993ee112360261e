/**
 * TCP of one stack: finds the connection or listener of each segment, turns segments into packets and back, and keeps
 * the list of connections that have something to do at the end of the turn.
 */
import { type Clock, type ConnectOptions, type ListenOptions, socketError } from '@lodestone/host'
import type { TcpListener, TcpSocket } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import {
  finishChecksum,
  IPV4_DST,
  IPV4_SRC,
  IPV6_DST,
  IPV6_SRC,
  IpProtocol,
  ROW_L3,
  ROW_L4,
  ROW_PAYLOAD,
  setTcpChecksum,
  TCP_MIN,
  tcpDstPort,
  tcpSrcPort,
} from '@lodestone/packet'
import { formatZoned, parseZoned } from '../address-text.ts'
import { keyOf } from '../address-map.ts'
import { type ArenaSum, arenaSum } from '../arena-sum.ts'
import { NS_DROP } from '../drop.ts'
import { ErrorKind } from '../error-kind.ts'
import type { Interface } from '../interface.ts'
import { TO_UNICAST } from '../ip-input.ts'
import { ipHeaderLength, outputIp, outputOn, writeIpHeader } from '../ip-output.ts'
import { PortSpace } from '../port-space.ts'
import type { Stack } from '../stack.ts'
import { Connection } from './connection.ts'
import { ConnectionTable } from './connection-table.ts'
import { acceptCookie, acceptSyn, DEFAULT_MSS } from './input.ts'
import { keyedHash } from './keyed-hash.ts'
import { type Listener, ListenerTable } from './listener-table.ts'
import { isInFlight, open } from './machine.ts'
import { nextSegment, stamp } from './output.ts'
import { readSegment, segmentHeaderLength, sumSegment, writeSegment } from './segment-packet.ts'
import { ACK, FIN, InSegment, OutSegment, resetFor, RST, startSegment, SYN } from './segment.ts'
import { makeCookie, openCookie } from './syn-cookie.ts'
import { DEFAULT_TCP_PARAMETERS, type Tcb, type TcpActions, type TcpFailure, type TcpParameters } from './tcb.ts'
import { TcpCounts } from './tcp-counts.ts'
import type { TcpEvent, TcpObserver } from './tcp-event.ts'
import { makeTuple, readTuple, TUPLE_WORDS } from './tuple.ts'

/** Acknowledgments are looked at for cookies this long after one was sent: two periods. */
const COOKIE_LIFE_MS = 128_000
const CONNECTION_LIMIT = 16_384
const HOP_LIMIT = 64
const CONNECT_TIMEOUT_MS = 30_000

export interface ConnectionEntry {
  readonly local: string
  readonly localPort: number
  readonly remote: string
  readonly remotePort: number
  readonly state: string
}

export class Tcp {
  readonly clock: Clock
  readonly parameters: TcpParameters
  readonly #stack: Stack
  readonly #ports: PortSpace
  readonly #listeners = new ListenerTable()
  readonly #connections: ConnectionTable
  readonly #in = new InSegment()
  readonly #out = new OutSegment()
  readonly #tuple = new Int32Array(TUPLE_WORDS)
  readonly #dirty: Connection[] = []
  readonly #sum: ArenaSum
  /** For initial sequence numbers, timestamps and cookies; a secret on a host with the system's randomness. */
  readonly #secret: Uint32Array<ArrayBuffer>
  #cookieAtMs = -Infinity
  readonly counts: TcpCounts = new TcpCounts()
  /** Read for every segment; true while anyone watches. */
  isObserved = false
  readonly #observers = new Set<TcpObserver>()

  constructor(stack: Stack, parameters: Partial<TcpParameters>) {
    this.#stack = stack
    this.clock = stack.clock
    this.parameters = { ...DEFAULT_TCP_PARAMETERS, ...parameters }
    this.#ports = new PortSpace(stack.random.fork('tcp-ports'))
    this.#sum = arenaSum(stack.arena)
    const secret = stack.random.fork('tcp-secret')
    this.#secret = Uint32Array.from([secret.u32(), secret.u32(), secret.u32(), secret.u32()])
    this.#connections = new ConnectionTable(secret.u32())
  }

  get hasWork(): boolean {
    return this.#dirty.length > 0
  }

  enter(): Stack {
    this.#stack.enter()
    return this.#stack
  }

  noteDirty(connection: Connection): void {
    if (connection.isDirty) return
    connection.isDirty = true
    this.#dirty.push(connection)
  }

  endTurn(): void {
    let connection: Connection | undefined
    while ((connection = this.#dirty.pop()) !== undefined) {
      connection.isDirty = false
      connection.settle()
      this.pump(connection)
      connection.arm(this.#stack.nowMs)
    }
  }

  /** Sends what may be sent. */
  pump(connection: Connection): void {
    const { tcb } = connection
    let before = tcb.sndMax
    while (nextSegment(tcb, this.#stack.nowMs, this.#out)) {
      this.#transmit(connection, this.#out)
      if (this.isObserved) this.#tellSent(connection, this.#out, before)
      before = tcb.sndMax
    }
  }

  // ── Observers ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns the end of it. */
  observe(observer: TcpObserver): () => void {
    this.#observers.add(observer)
    this.isObserved = true
    return () => {
      this.#observers.delete(observer)
      this.isObserved = this.#observers.size > 0
    }
  }

  tell(connection: Connection, event: TcpEvent): void {
    const { localText: local, localPort, remoteText: remote, remotePort } = connection
    for (const observer of this.#observers) observer({ local, localPort, remote, remotePort }, event)
  }

  /** @param before one past the highest position that had been sent. */
  #tellSent(connection: Connection, out: OutSegment, before: number): void {
    if (out.payloadLength === 0 && (out.flags & (SYN | FIN)) === 0) return
    const { tcb } = connection
    const isAgain = (out.flags & SYN) === 0 ? out.position < before : before > 0
    this.tell(connection, {
      kind: isAgain ? 'retransmit' : 'send',
      bytes: out.payloadLength,
      inFlight: tcb.sndNxt - tcb.sndUna,
      windowBytes: tcb.cwnd,
    })
  }

  // ── Input ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The segment described by the stack's row. */
  input(iface: Interface, slot: number, addressed: number): void {
    const stack = this.#stack
    const { bytes } = stack.arena
    const l3 = stack.row[ROW_L3]!
    const l4 = stack.row[ROW_L4]!
    const end = stack.arena.end(slot)
    if (addressed !== TO_UNICAST) return stack.drop(slot, NS_DROP.TCP_NO_CONNECTION)
    if (finishChecksum(sumSegment(this.#sum, bytes, l3, l4, end)) !== 0)
      return stack.drop(slot, NS_DROP.TRANSPORT_CHECKSUM)
    const payload = stack.row[ROW_PAYLOAD]!
    readSegment(this.#in, bytes, l3, l4, payload, end)
    readTuple(this.#tuple, bytes, l3, l4, iface)
    let connection = this.#connections.find(this.#tuple)
    let after: number | undefined
    if (connection !== undefined && isReborn(connection.tcb, this.#in)) {
      after = connection.tcb.iss + connection.tcb.sndMax
      connection.abort()
      connection = undefined
    }
    if (connection === undefined) return this.#onStranger(iface, slot, l3, l4, after)
    stack.noteDelivered(slot, l3)
    if (!connection.onSegment(this.#in, bytes, payload, stack.nowMs)) return stack.drop(slot, NS_DROP.TCP_OLD)
    stack.arena.free(slot)
  }

  /**
   * A segment without a connection: a SYN for a listener, or something to reset.
   * @param after where the connection between the same ends stopped that this SYN takes the place of
   */
  #onStranger(iface: Interface, slot: number, l3: number, l4: number, after: number | undefined): void {
    const stack = this.#stack
    const segment = this.#in
    const { bytes } = stack.arena
    const isV4 = bytes[l3]! >>> 4 === 4
    const local = isV4 ? Ip.fromBytes(bytes, l3 + IPV4_DST, 4) : Ip.fromBytes(bytes, l3 + IPV6_DST, 16)
    const remote = isV4 ? Ip.fromBytes(bytes, l3 + IPV4_SRC, 4) : Ip.fromBytes(bytes, l3 + IPV6_SRC, 16)
    if (!this.#mayBePeer(iface, remote)) return stack.drop(slot, NS_DROP.MARTIAN)
    const isSyn = (segment.flags & (SYN | ACK | RST)) === SYN
    const isCookie = (segment.flags & (SYN | ACK | RST)) === ACK && stack.nowMs - this.#cookieAtMs < COOKIE_LIFE_MS
    const listener = isSyn || isCookie ? this.#listeners.find(tcpDstPort(bytes, l4), local, iface) : undefined
    const cookieMss = isCookie && listener !== undefined ? this.#cookieMss() : -1
    if (listener === undefined || (isCookie && cookieMss < 0)) {
      if (resetFor(segment, this.#out)) {
        const scope = remote.family === 6 && remote.isLinkLocal ? iface : undefined
        this.#send(local, tcpDstPort(bytes, l4), remote, tcpSrcPort(bytes, l4), HOP_LIMIT, scope, this.#out, undefined)
      }
      return stack.drop(slot, NS_DROP.TCP_NO_CONNECTION)
    }
    const isFull = listener.halfOpen >= this.parameters.synBacklog
    if (this.#connections.count >= CONNECTION_LIMIT || (isSyn && isFull && !this.parameters.synCookies)) {
      return stack.drop(slot, NS_DROP.TCP_BACKLOG)
    }
    stack.noteDelivered(slot, l3)
    const mss = this.#mssFor(iface, remote)
    if (isSyn && isFull) {
      this.#sendCookie(iface, local, remote, l4, mss)
      return stack.arena.free(slot)
    }
    const tcb = isSyn
      ? acceptSyn(
          this.parameters,
          segment,
          this.#initialSequence(after),
          mss,
          this.#timestampOffset(),
          stack.nowMs,
          remote.family,
        )
      : acceptCookie(this.parameters, segment, mss, cookieMss, stack.nowMs)
    listener.halfOpen++
    const connection = this.#add(tcb, local, tcpDstPort(bytes, l4), remote, tcpSrcPort(bytes, l4), iface, {
      listener,
      hopLimit: HOP_LIMIT,
      onOpened: undefined,
    })
    if (isSyn) {
      this.noteDirty(connection)
    } else {
      this.counts.synCookiesAccepted++
      connection.onSegment(segment, bytes, stack.row[ROW_PAYLOAD]!, stack.nowMs)
    }
    stack.arena.free(slot)
  }

  /** Answers the SYN at hand and forgets it. */
  #sendCookie(iface: Interface, local: Ip, remote: Ip, l4: number, mss: number): void {
    const segment = this.#in
    const { bytes } = this.#stack.arena
    const { nowMs } = this.#stack
    const peerMss = Math.min(mss, segment.mss === 0 ? DEFAULT_MSS[remote.family] : segment.mss)
    const cookie = makeCookie(this.#secret, this.#tuple, segment.sequence, peerMss, nowMs)
    startSegment(this.#out, SYN | ACK, cookie, segment.sequence + 1)
    this.#out.window = Math.min(0xffff, this.parameters.receiveBufferBytes)
    this.#out.mss = mss
    this.#cookieAtMs = nowMs
    this.counts.synCookiesSent++
    const scope = remote.family === 6 && remote.isLinkLocal ? iface : undefined
    this.#send(local, tcpDstPort(bytes, l4), remote, tcpSrcPort(bytes, l4), HOP_LIMIT, scope, this.#out, undefined)
  }

  /** The segment size that the acknowledgment at hand proves to have been agreed on, or -1. */
  #cookieMss(): number {
    const { sequence, acknowledgment } = this.#in
    const value = (acknowledgment - 1) >>> 0
    return openCookie(this.#secret, this.#tuple, (sequence - 1) >>> 0, value, this.#stack.nowMs)
  }

  /**
   * RFC 6528 §3 for the connection in `#tuple`: a clock of 4 µs plus what nobody else can compute. A connection that sent faster than
   * this clock counts leaves the next one to begin behind it (RFC 9293 §3.10.7.4).
   */
  #initialSequence(after?: number): number {
    const sequence = (Math.floor(this.#stack.nowMs * 250) + keyedHash(this.#secret, this.#tuple, TUPLE_WORDS)) >>> 0
    return after === undefined || ((sequence - after) | 0) > 0 ? sequence : (after + 0x10000) >>> 0
  }

  /** RFC 9293 §3.9.2.3: no connection begins with a group, with everybody, with nobody, or from outside with ourselves. */
  #mayBePeer(iface: Interface, remote: Ip): boolean {
    if (remote.isUnspecified || remote.isMulticast) return false
    if (remote.family === 4 && remote.word(0) === 0xffffffff) return false
    return iface.port === undefined || this.#stack.localKind(iface, keyOf(remote)) < 0
  }

  /** RFC 7323 §5.4: the same for every connection between the same ends, so that their timestamps go on rising. */
  #timestampOffset(): number {
    return keyedHash(this.#secret.subarray(2), this.#tuple, TUPLE_WORDS)
  }

  /** An ICMP error quotes a segment of ours. */
  onError(
    kind: ErrorKind,
    mtuBytes: number,
    local: Ip,
    localPort: number,
    remote: Ip,
    remotePort: number,
    sequence: number,
  ): void {
    const scopes = local.family === 6 && local.isLinkLocal ? this.#stack.interfaces : [undefined]
    for (const scope of scopes) {
      const connection = this.#connections.find(makeTuple(local, localPort, remote, remotePort, scope))
      if (connection !== undefined) this.#failed(connection, kind, mtuBytes, sequence)
    }
  }

  #failed(connection: Connection, kind: ErrorKind, mtuBytes: number, sequence: number): void {
    switch (kind) {
      case ErrorKind.tooBig: {
        if (!isInFlight(connection.tcb, sequence)) return
        const { pathMtu, nowMs } = this.#stack
        pathMtu.learn(connection.remote, mtuBytes, nowMs)
        const knownBytes = pathMtu.get(connection.remote, nowMs)
        return connection.onPathMss(sequence, knownBytes - ipHeaderLength(connection.remote.family) - TCP_MIN)
      }
      case ErrorKind.port:
      case ErrorKind.protocol:
        return connection.onUnreachable(sequence, 'ECONNREFUSED')
      case ErrorKind.net:
        return connection.onUnreachable(sequence, 'ENETUNREACH')
      case ErrorKind.host:
      case ErrorKind.prohibited:
        return connection.onUnreachable(sequence, 'EHOSTUNREACH')
      case ErrorKind.timeExceeded:
      case ErrorKind.reassembly:
    }
  }

  // ── Output ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #transmit(connection: Connection, out: OutSegment): void {
    this.#send(
      connection.local,
      connection.localPort,
      connection.remote,
      connection.remotePort,
      connection.hopLimit,
      connection.scope,
      out,
      connection,
    )
  }

  #send(
    local: Ip,
    localPort: number,
    remote: Ip,
    remotePort: number,
    hopLimit: number,
    scope: Interface | undefined,
    out: OutSegment,
    connection: Connection | undefined,
  ): void {
    const stack = this.#stack
    const ip = ipHeaderLength(remote.family)
    const header = segmentHeaderLength(out)
    const slot = stack.allocIp(ip + header + out.payloadLength)
    if (slot < 0) return // as if it were lost on the way
    const { bytes } = stack.arena
    const at = stack.arena.start(slot)
    const l4 = at + ip
    writeIpHeader(stack, slot, local, remote, IpProtocol.tcp, hopLimit, out.ecn)
    writeSegment(out, bytes, l4, localPort, remotePort)
    if (out.payloadLength > 0) connection!.sendRing.read(out.position, bytes, l4 + header, out.payloadLength) // because only connections send data
    setTcpChecksum(bytes, l4, finishChecksum(sumSegment(this.#sum, bytes, at, l4, stack.arena.end(slot))))
    if (scope === undefined) outputIp(stack, slot)
    else outputOn(stack, scope, slot)
  }

  /** Sends the reset that the machine asked for. */
  reset(connection: Connection, actions: TcpActions): void {
    startSegment(this.#out, actions.resetFlags, actions.resetSequence, actions.resetAcknowledgment)
    if (connection.tcb.hasTimestamps) stamp(connection.tcb, this.#stack.nowMs, this.#out)
    this.#transmit(connection, this.#out)
  }

  // ── Connections ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when the handshake is complete; rejects with a Node-style error. */
  connect(options: ConnectOptions): Promise<TcpSocket> {
    const stack = this.#stack
    const to = parseZoned(options.address)
    if (to === undefined) return reject('EINVAL', `${options.address} is not an IP address`)
    const from = options.localAddress === undefined ? undefined : parseZoned(options.localAddress)
    if (
      options.localAddress !== undefined &&
      (from === undefined || !stack.hasAddress(from.ip, from.zone ?? to.zone))
    ) {
      return reject('EADDRNOTAVAIL', `${options.localAddress} is not an address of ${stack.name}`)
    }
    const zone = to.zone ?? from?.zone
    const route = stack.route(to.ip)
    const iface = to.ip.family === 6 && to.ip.isLinkLocal ? zone && stack.interface(zone) : route?.interface
    if (iface === undefined || iface === '') return reject('ENETUNREACH', `no route to ${options.address}`)
    const isOwn = stack.hasAddress(to.ip, zone)
    if (!isOwn && !this.#mayBePeer(iface, to.ip)) return reject('ENETUNREACH', `${options.address} is no single host`)
    const local = from?.ip ?? stack.sourceFor(to.ip, iface, route?.source)
    if (local === undefined) return reject('EADDRNOTAVAIL', `no address to reach ${options.address} from`)
    if (this.#connections.count >= CONNECTION_LIMIT) return reject('EMFILE', 'too many connections')
    return new Promise((resolve, fail) => {
      const localPort = this.#freePort()
      const scope = to.ip.family === 6 && to.ip.isLinkLocal ? iface : undefined
      this.#tuple.set(makeTuple(local, localPort, to.ip, options.port, scope))
      const mss = this.#mssFor(iface, to.ip)
      const tcb = open(this.parameters, this.#initialSequence(), mss, this.#timestampOffset(), to.ip.family)
      const where = `${options.address} port ${options.port}`
      const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS
      const timer = this.clock.after(timeoutMs, () => {
        fail(socketError('ETIMEDOUT', `${where} did not answer in ${timeoutMs} ms`))
        connection.stream.destroy()
      })
      const connection: Connection = this.#add(tcb, local, localPort, to.ip, options.port, iface, {
        listener: undefined,
        hopLimit: options.ttl ?? HOP_LIMIT,
        onOpened: (failure) => {
          timer.cancel()
          if (failure === undefined) resolve(connection.stream)
          else fail(socketError(failure, where))
        },
      })
      stack.enter()
      this.noteDirty(connection)
      stack.leave()
    })
  }

  listen(options: ListenOptions, onConnection: (socket: TcpSocket) => void): TcpListener {
    const stack = this.#stack
    const local = options.address === undefined ? undefined : parseZoned(options.address)
    if (options.address !== undefined && local === undefined) {
      throw socketError('EINVAL', `${options.address} is not an IP address`)
    }
    const isAny = local === undefined || local.ip.isUnspecified
    if (!isAny && !stack.hasAddress(local.ip, local.zone)) {
      throw socketError('EADDRNOTAVAIL', `${options.address} is not an address of ${stack.name}`)
    }
    const listener: Listener = {
      port: options.port === 0 ? this.#freePort() : options.port,
      address: isAny ? undefined : local.ip,
      interface: local?.zone === undefined ? undefined : stack.interface(local.zone),
      accept: onConnection,
      halfOpen: 0,
      isClosed: false,
    }
    this.#listeners.add(listener)
    return { port: listener.port, close: () => this.#listeners.close(listener) }
  }

  #freePort(): number {
    return this.#ports.pick((port) => this.#connections.usesPort(port) || this.#listeners.usesPort(port))
  }

  /** The handshake of a passive connection is complete. */
  opened(connection: Connection): void {
    const { listener } = connection
    if (listener === undefined) return
    listener.halfOpen--
    if (listener.isClosed) connection.stream.destroy()
    else listener.accept(connection.stream)
  }

  /** The connection is over. */
  forget(connection: Connection): void {
    if (!this.#connections.remove(connection)) return
    const { listener, tcb } = connection
    if (listener !== undefined && tcb.sndUna === 0) listener.halfOpen--
  }

  connections(): ConnectionEntry[] {
    return this.#connections.all().map((each) => ({
      local: each.localText,
      localPort: each.localPort,
      remote: each.remoteText,
      remotePort: each.remotePort,
      state: each.tcb.state,
    }))
  }

  /** Resets everything. */
  close(): void {
    this.#listeners.closeAll()
    for (const each of this.#connections.all()) {
      each.stream.on('error', () => undefined)
      each.stream.destroy(socketError('ECONNABORTED', `${this.#stack.name} was closed`))
      each.abort()
    }
  }

  #add(
    tcb: Tcb,
    local: Ip,
    localPort: number,
    remote: Ip,
    remotePort: number,
    iface: Interface,
    rest: {
      listener: Listener | undefined
      hopLimit: number
      onOpened: ((failure: TcpFailure | undefined) => void) | undefined
    },
  ): Connection {
    const scope = remote.family === 6 && remote.isLinkLocal ? iface : undefined
    const tuple = makeTuple(local, localPort, remote, remotePort, scope)
    const connection = new Connection({
      ...rest,
      tcp: this,
      tcb,
      local,
      localPort,
      remote,
      remotePort,
      localText: formatZoned(local, iface.name),
      remoteText: formatZoned(remote, iface.name),
      scope,
      tuple,
      hash: this.#connections.hash(tuple),
    })
    this.#connections.add(connection)
    return connection
  }

  /** Payload bytes per segment that fit the interface and what is known of the path. */
  #mssFor(iface: Interface, remote: Ip): number {
    const mtuBytes = Math.min(iface.mtuBytes, this.#stack.pathMtu.get(remote, this.#stack.nowMs))
    return Math.min(0xffff, mtuBytes - ipHeaderLength(remote.family) - TCP_MIN)
  }
}

function reject(code: string, message: string): Promise<never> {
  return Promise.reject(socketError(code, message))
}

/** RFC 9293 §3.10.7.4, RFC 6191: a SYN beyond the old connection's end may open the next one out of TIME-WAIT. */
function isReborn(tcb: Tcb, segment: InSegment): boolean {
  if (tcb.state !== 'TIME-WAIT' || (segment.flags & (SYN | ACK | RST)) !== SYN) return false
  if (tcb.hasTimestamps && segment.hasTimestamps && ((segment.tsValue - tcb.tsRecent) | 0) > 0) return true
  return ((segment.sequence - (tcb.irs + tcb.rcvNxt)) | 0) > 0
}
