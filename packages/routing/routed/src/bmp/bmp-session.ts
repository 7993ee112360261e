/**
 * One station: connects to it, tells it of every peer and its routes, connects again when the connection is lost. The station never
 * says anything; what it sends is read and dropped.
 *
 * Only as much is written as the connection takes: a slow station is told later, and of fewer states in between.
 */
import type { SpeakerEvent } from '@lodestone/bgp'
import { every, type Network, type TcpSocket, type Timer } from '@lodestone/host'
import { ByteSink } from '../byte-sink.ts'
import type { BmpStationConfig } from '../daemon-config.ts'
import type { Routed } from '../routed.ts'
import {
  bmpPeer,
  locRibPeer,
  PeerDownReason,
  Stat,
  writeInitiation,
  writePeerDown,
  writePeerUp,
  writeStatistics,
  writeTermination,
} from './bmp-message.ts'
import { LOC_RIB, MonitoredTable } from './monitored-table.ts'
import { SentPaths } from './sent-paths.ts'
import { emptyOpen } from './update-bytes.ts'

export type SessionUp = Extract<SpeakerEvent, { kind: 'session-up' }>
export type SessionDown = Extract<SpeakerEvent, { kind: 'session-down' }>

export interface BmpStationStatus {
  readonly name: string
  readonly isConnected: boolean
  readonly queuedBytes: number
  /** Why it is not connected. */
  readonly problem: string | undefined
  readonly counters: Readonly<Record<'connects' | 'failures' | 'bytes-sent' | 'routes-oversized' | 'stalls', number>>
}

/** Prefixes written in one turn. */
const SLICE = 500
/** Nothing more is written while so much waits in the connection. */
const HIGH_WATER_BYTES = 256 * 1024
const MAX_RETRY_S = 300
/** A connection that takes nothing for this long is given up. */
const STALL_MS = 60_000

export class BmpSession {
  readonly config: BmpStationConfig
  readonly #routed: Routed
  readonly #network: Network
  /** The sessions that are up, with what Peer Up says of them. */
  readonly #sessions: ReadonlyMap<string, SessionUp>
  readonly #out = new ByteSink(1 << 16)
  readonly #counters = { connects: 0, failures: 0, 'bytes-sent': 0, 'routes-oversized': 0, stalls: 0 }
  #socket: TcpSocket | undefined
  #tables: readonly MonitoredTable[] = []
  #retry: Timer | undefined
  #retryS: number
  #turn: Timer | undefined
  #statistics: Timer | undefined
  #stall: Timer | undefined
  #problem: string | undefined
  #isClosed = false

  constructor(config: BmpStationConfig, routed: Routed, network: Network, sessions: ReadonlyMap<string, SessionUp>) {
    this.config = config
    this.#routed = routed
    this.#network = network
    this.#sessions = sessions
    this.#retryS = config.retryS
    this.#connect()
  }

  status(): BmpStationStatus {
    const oversized = this.#tables.reduce((sum, table) => sum + table.oversized, 0)
    return {
      name: this.config.name,
      isConnected: this.#socket !== undefined,
      queuedBytes: this.#socket?.writableLength ?? 0,
      problem: this.#problem,
      counters: { ...this.#counters, 'routes-oversized': this.#counters['routes-oversized'] + oversized },
    }
  }

  sessionUp(session: SessionUp): void {
    if (this.#socket === undefined) return
    this.#peerUp(session)
    this.#send()
    this.#schedule()
  }

  sessionDown({ identity, notification }: SessionDown): void {
    if (this.#socket === undefined) return
    const reason =
      notification?.direction === 'sent'
        ? PeerDownReason.localNotification
        : notification?.direction === 'received'
          ? PeerDownReason.remoteNotification
          : PeerDownReason.remoteWithoutNotification
    const data = notification === undefined ? new Uint8Array(0) : notificationBytes(notification.record)
    for (const table of this.#tables) {
      if (!table.has(identity.name)) continue
      table.down(identity.name)
      const peer = bmpPeer(identity, table.view === 'post-policy')
      writePeerDown(this.#out, peer, this.#routed.host.clock.wallMs(), reason, data)
    }
    this.#send()
  }

  /** Says goodbye. */
  close(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    const socket = this.#socket
    if (socket === undefined) return
    writeTermination(this.#out, 0)
    this.#send()
    this.#lost('closed')
    socket.end()
  }

  #connect(): void {
    const { address, localAddress } = this.config
    const { address: ip, zone, port } = address
    this.#network
      .connectTcp({
        address: zone === undefined ? ip.toString() : `${ip}%${zone}`,
        port,
        ...(localAddress === undefined ? {} : { localAddress: localAddress.toString() }),
      })
      .then(
        (socket) => this.#connected(socket),
        (error: Error & { code?: string }) => this.#failed(error.code ?? error.message),
      )
  }

  #failed(reason: string): void {
    if (this.#isClosed) return
    const { host } = this.#routed
    this.#counters.failures++
    if (this.#problem !== reason) host.log('warn', 'routed.bmp-failed', { station: this.config.name, reason })
    this.#problem = reason
    this.#retry = host.clock.after(this.#retryS * 1000, () => this.#connect())
    this.#retryS = Math.min(MAX_RETRY_S, this.#retryS * 2)
  }

  #connected(socket: TcpSocket): void {
    if (this.#isClosed) return void socket.destroy()
    const { clock } = this.#routed.host
    this.#counters.connects++
    this.#problem = undefined
    this.#socket = socket
    this.#retryS = this.config.retryS
    const lose = (reason: string) => (): void => {
      if (this.#socket !== socket) return
      socket.destroy()
      this.#lost(reason)
      this.#failed(reason)
    }
    socket.resume()
    socket.on('drain', () => this.#drained())
    socket.on('error', lose('the connection broke'))
    socket.on('end', lose('closed by the station'))
    socket.on('close', lose('closed'))

    const { speaker } = this.#routed
    writeInitiation(this.#out, this.#routed.host.name, `lodestone routed, AS ${speaker?.asn ?? 0}`)
    this.#tables = this.config.routes.map((view) => new MonitoredTable(view, this.#routed, () => this.#schedule()))
    for (const session of this.#sessions.values()) this.#peerUp(session)
    this.#locRibUp()
    this.#send()
    const { statsIntervalS } = this.config
    if (statsIntervalS !== undefined) {
      this.#statistics = every(clock, statsIntervalS * 1000, () => this.#sendStatistics())
    }
    this.#schedule()
  }

  /** Ends everything that belongs to the connection. */
  #lost(reason: string): void {
    this.#problem = reason
    this.#socket = undefined
    for (const table of this.#tables) {
      this.#counters['routes-oversized'] += table.oversized
      table.close()
    }
    this.#tables = []
    this.#statistics?.cancel()
    this.#turn?.cancel()
    this.#turn = undefined
    this.#stall?.cancel()
    this.#stall = undefined
    this.#out.take()
  }

  #peerUp({ identity, sentOpen, receivedOpen }: SessionUp): void {
    const status = this.#routed.speaker?.peer(identity.name)?.status()
    for (const table of this.#tables) {
      if (table.view === 'loc-rib' || table.has(identity.name)) continue
      const header = bmpPeer(identity, table.view === 'post-policy')
      writePeerUp(this.#out, header, this.#routed.host.clock.wallMs(), {
        localAddress: identity.localAddress?.bytes ?? new Uint8Array(identity.remoteAddress.bytes.length),
        localPort: identity.localPort,
        remotePort: identity.remotePort,
        sentOpen,
        receivedOpen,
      })
      table.up(identity.name, {
        header,
        sent: new SentPaths(),
        pathIds: status?.addPathReceive ?? [],
        endOfRib: status?.families ?? [4],
      })
    }
  }

  /** RFC 9069: the loc-RIB looks like a peer that is always up. */
  #locRibUp(): void {
    const { speaker, host } = this.#routed
    const table = this.#tables.find(({ view }) => view === 'loc-rib')
    if (table === undefined || speaker === undefined) return
    const id = speaker.routerId.word(0)
    const header = locRibPeer(speaker.asn, id)
    const open = emptyOpen(speaker.asn, id)
    const ends = { localAddress: new Uint8Array(0), localPort: 0, remotePort: 0, sentOpen: open, receivedOpen: open }
    writePeerUp(this.#out, header, host.clock.wallMs(), { ...ends, tableName: 'global' })
    table.up(LOC_RIB, { header, sent: new SentPaths(), pathIds: [], endOfRib: [4, 6] })
  }

  #sendStatistics(): void {
    const wallMs = this.#routed.host.clock.wallMs()
    for (const { identity } of this.#sessions.values()) {
      const status = this.#routed.speaker?.peer(identity.name)?.status()
      if (status === undefined) continue
      writeStatistics(this.#out, bmpPeer(identity, false), wallMs, [
        [Stat.rejectedByPolicy, status.pathsRefused],
        [Stat.treatedAsWithdraw, status.counters['updates-treated-as-withdraw']],
        [Stat.adjRibInRoutes, status.pathsReceived],
      ])
    }
    this.#send()
  }

  // --- writing ------------------------------------------------------------------------------------------------

  #schedule(): void {
    if (this.#socket === undefined) return
    this.#turn ??= this.#routed.host.clock.after(0, () => {
      this.#turn = undefined
      this.#writeRoutes()
    })
  }

  #writeRoutes(): void {
    const socket = this.#socket
    if (socket === undefined || socket.writableLength > HIGH_WATER_BYTES) return // `drain` goes on
    const wallMs = this.#routed.host.clock.wallMs()
    let isMore = false
    for (const table of this.#tables) if (table.write(this.#out, wallMs, SLICE)) isMore = true
    this.#send()
    if (isMore) this.#schedule()
  }

  #send(): void {
    const socket = this.#socket
    if (socket === undefined || this.#out.length === 0) return
    const bytes = this.#out.take()
    this.#counters['bytes-sent'] += bytes.length
    if (socket.write(bytes)) return
    const { clock } = this.#routed.host
    this.#stall ??= clock.after(STALL_MS, () => {
      this.#counters.stalls++
      socket.destroy(new Error('the station takes nothing'))
    })
  }

  #drained(): void {
    this.#stall?.cancel()
    this.#stall = undefined
    this.#schedule()
  }
}

/** The NOTIFICATION as it was on the wire (RFC 7854 §4.9). */
function notificationBytes({ code, subcode, data }: { code: number; subcode: number; data: Uint8Array }): Uint8Array {
  const out = new ByteSink(64)
  for (let i = 0; i < 16; i++) out.u8(0xff)
  out.u16(21 + data.length)
  out.u8(3)
  out.u8(code)
  out.u8(subcode)
  out.bytes(data)
  return out.take()
}
