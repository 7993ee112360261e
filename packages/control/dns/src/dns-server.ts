/**
 * An authoritative name server: questions over UDP and TCP on one network, its configuration over HTTP by a handler that the owner
 * serves wherever the configuration may come from. Counts everything; throws at nothing that a client sends.
 */
import { type HttpHandler, implement } from '@lodestone/api'
import { DNS_PORT, dnsApi } from '@lodestone/contract-dns'
import type { Clock, Files, Network, TcpListener, TcpSocket, UdpSocket } from '@lodestone/host'
import { ConfigStore } from './config-store.ts'
import { type DnsCounters, zeroCounters } from './counters.ts'
import { decodeQuery, encodeAnswer, isBadVersion, MAX_MESSAGE_BYTES, type Query, udpLimit } from './message.ts'
import { StreamSession } from './stream-session.ts'
import { Rcode, type ZoneAnswer } from './zone-set.ts'

/** RFC 7766 section 6.2.3: seconds, not minutes. */
const DEFAULT_IDLE_MS = 10_000
const DEFAULT_CONNECTIONS = 64
const TC_BYTE = 2
const TC_BIT = 0x02

export interface DnsServerOptions {
  /** Where questions come from. */
  readonly network: Network
  readonly clock: Clock
  /** Where the configuration is kept. */
  readonly files: Files
  /** Default: all addresses of the network. */
  readonly address?: string
  /** Default 53; 0 picks one for UDP, and the same for TCP. */
  readonly port?: number
  /** TCP connections that may be open at once. */
  readonly connectionLimit?: number
  /** A connection on which no whole message came for this long is closed. */
  readonly connectionIdleMs?: number
}

export class DnsServer {
  readonly #options: DnsServerOptions
  readonly #store: ConfigStore
  readonly #counters = zeroCounters()
  readonly #sessions = new Set<StreamSession>()
  #udp: UdpSocket | undefined
  #tcp: TcpListener | undefined
  /** The configuration API of `@lodestone/contract-dns`. */
  readonly configHandler: HttpHandler

  constructor(options: DnsServerOptions) {
    this.#options = options
    this.#store = new ConfigStore(options.files, options.clock)
    this.configHandler = implement(dnsApi, {
      dns_config_get: () => this.#store.config,
      dns_config_put: ({ body }) => this.#store.replace(body),
    })
  }

  get port(): number {
    return this.#udp?.port ?? 0
  }

  get generation(): number {
    return this.#store.config.generation
  }

  counters(): Readonly<DnsCounters> {
    return { ...this.#counters }
  }

  /** Reads the configuration that was kept and listens. Rejects with a Node-style error when the port is taken. */
  async start(): Promise<void> {
    const { network, address, port } = this.#options
    await this.#store.load()
    const where = { ...(address === undefined ? {} : { address }), port: port ?? DNS_PORT }
    const udp = await network.bindUdp(where, ({ payload, remoteAddress, remotePort }) => {
      const answer = this.#respond(payload, udpLimit)
      if (answer !== undefined) udp.send(answer, remoteAddress, remotePort)
    })
    this.#udp = udp
    this.#tcp = await network.listenTcp({ ...where, port: udp.port }, (socket) => this.#accept(socket))
  }

  close(): void {
    this.#udp?.close()
    this.#tcp?.close()
    for (const session of this.#sessions) session.close()
  }

  #accept(socket: TcpSocket): void {
    const { clock, connectionLimit, connectionIdleMs } = this.#options
    if (this.#sessions.size >= (connectionLimit ?? DEFAULT_CONNECTIONS)) {
      this.#counters.connectionsRefused++
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    const session: StreamSession = new StreamSession(socket, {
      clock,
      idleMs: connectionIdleMs ?? DEFAULT_IDLE_MS,
      respond: (message) => this.#respond(message, () => MAX_MESSAGE_BYTES),
      onIdle: () => void this.#counters.connectionsIdle++,
      onClose: () => void this.#sessions.delete(session),
    })
    this.#sessions.add(session)
  }

  /** @returns undefined where an answer would do harm. */
  #respond(message: Uint8Array, limitOf: (query: Query) => number): Uint8Array | undefined {
    const decoded = decodeQuery(message)
    switch (decoded.kind) {
      case 'drop':
        this.#counters.dropped++
        return undefined
      case 'reply':
        if (decoded.reason === 'opcode') this.#counters.notImplemented++
        else this.#counters.malformed++
        return decoded.message
      case 'query': {
        const { query } = decoded
        const bytes = encodeAnswer(query, this.#answer(query), limitOf(query))
        if ((bytes[TC_BYTE]! & TC_BIT) !== 0) this.#counters.truncated++
        return bytes
      }
    }
  }

  #answer(query: Query): ZoneAnswer {
    const nothing = { isAuthoritative: false, answers: [], authorities: [], additionals: [] } as const
    if (isBadVersion(query)) {
      this.#counters.badVersion++
      return { rcode: Rcode.noError, ...nothing }
    }
    // dns-packet leaves the class out where it is none that it knows.
    const answer =
      query.question.class === 'IN'
        ? this.#store.zones.answer(query.question)
        : ({ rcode: Rcode.refused, ...nothing } as const)
    if (answer.rcode === Rcode.nxDomain) this.#counters.nxDomain++
    else if (answer.rcode === Rcode.refused) this.#counters.refused++
    else this.#counters.noError++
    return answer
  }
}
