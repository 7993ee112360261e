/**
 * A network as a capability: sockets by name. Three makers give this interface: the operating system
 * (`OsNetwork`), the emulated TCP/IP stack (`dataplane/netstack`, so a daemon's packets cross the emulated
 * network) and plain memory (`MemoryNetwork`, tests).
 *
 * Addresses are text as in Node: `127.0.0.1`, `fd00::1`, or `fe80::1%if0` with the interface as zone.
 */
import type { Duplex } from 'node:stream'
import type { Ip } from '@lodestone/net'

/** A byte stream. `end()` half-closes, `destroy()` resets; errors come as 'error' with a Node-style `code`. */
export interface TcpSocket extends Duplex {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
}

export interface TcpListener {
  readonly port: number
  /** Stops accepting; open connections live on. */
  close(): void
}

export interface UdpSocket {
  readonly port: number
  send(payload: Uint8Array, address: string, port: number): void
  close(): void
}

export interface Datagram {
  readonly payload: Uint8Array
  readonly remoteAddress: string
  readonly remotePort: number
  /** TTL or hop limit on arrival, where the network knows it (GTSM, RFC 5082). */
  readonly hopLimit?: number
  /** The interface it came in on, where the network knows it. */
  readonly interfaceName?: string
}

export interface ListenOptions {
  /** Local address; all addresses when absent. */
  readonly address?: string
  /** 0 picks a free port. */
  readonly port: number
}

export interface ConnectOptions {
  readonly address: string
  readonly port: number
  readonly localAddress?: string
  /** Gives up after this long; default 30 000. */
  readonly timeoutMs?: number
  /** Sent TTL or hop limit. */
  readonly hopLimit?: number
}

export interface BindOptions {
  readonly address?: string
  readonly port: number
  /** Multicast groups to join, each `group%interface`. */
  readonly groups?: readonly string[]
  readonly hopLimit?: number
}

export interface Network {
  readonly name: string
  /** Rejects with a Node-style error: `EADDRINUSE`, `EADDRNOTAVAIL`. */
  listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener>
  /** Rejects with a Node-style error: `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`, `ENETUNREACH`. */
  connectTcp(options: ConnectOptions): Promise<TcpSocket>
  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket>
}

/** One interface of an emulated or kernel host, as routing protocols see it. */
export interface NetworkInterface {
  readonly name: string
  readonly isUp: boolean
  readonly mtuBytes: number
  readonly macText: string
  readonly addresses: readonly Ip[]
  readonly linkLocal: Ip | undefined
}

/** A network whose interfaces can be seen: what DDM and unnumbered BGP need beyond sockets. */
export interface InterfaceNetwork extends Network {
  interfaces(): readonly NetworkInterface[]
  /** Called after any interface appears, goes up or down, or changes addresses. @returns unsubscribe. */
  onInterfaceChange(fn: () => void): () => void
}

/** A Node-style socket error. */
export function socketError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
