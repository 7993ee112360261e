/**
 * A network as a capability: sockets by name. Three makers give this interface: the operating system
 * (`OsNetwork`), the emulated TCP/IP stack (`dataplane/netstack`, so a daemon's packets cross the emulated
 * network) and plain memory (`MemoryNetwork`, tests).
 *
 * Addresses are text as in Node: `127.0.0.1`, `fd00::1`, or `fe80::1%if0` with the interface as zone.
 */
import type { Duplex } from 'node:stream'
import type { Ip, Prefix } from '@lodestone/net'
import type { Icmp6Options, Icmp6Socket, NetlinkOptions, NetlinkSocket } from './netlink-socket.ts'

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
  /**
   * Makes `peers` the list of peers whose connections are protected; where it is absent, there are none. Connections
   * that are open keep what they had. Throws a Node-style error, and then the old list is in force.
   */
  setPeers?(peers: readonly ListenPeer[]): void
}

export interface SenderHopLimit {
  readonly address: Ip
  readonly minHopLimit: number
}

export interface UdpSocket {
  readonly port: number
  send(payload: Uint8Array, address: string, port: number): void
  close(): void
  /** Datagrams that the network dropped at this socket since it was opened, below `minHopLimit` for one. */
  dropped?(): number
  /**
   * Datagrams of these senders that arrive with less are dropped unseen; others come in. Only on sockets that were bound with
   * `minHopLimit`, on networks with the feature `minTtl`; replaces that limit.
   */
  setMinHopLimits?(limits: readonly SenderHopLimit[]): void
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

/**
 * What a network can do beyond plain sockets. A network without this can do none of it, and refuses to be asked for it
 * with `ENOTSUP` instead of leaving a session unprotected.
 */
export interface NetworkFeatures {
  /** `md5Password`. */
  readonly md5: boolean
  /** `minTtl` of streams, `minHopLimit` of datagrams. */
  readonly minTtl: boolean
  /** `interface`, for other addresses than link-local ones too. */
  readonly interfaceScope: boolean
}

/** How the segments of one connection are protected. */
export interface StreamProtection {
  /** Signs each segment (RFC 2385); 1 to 80 bytes of UTF-8. The other side needs the same. */
  readonly md5Password?: string
  /** Sent TTL or hop limit, 1 to 255. */
  readonly ttl?: number
  /** Segments that arrive with less are dropped unseen (GTSM, RFC 5082): 255 admits neighbours only. */
  readonly minTtl?: number
  /** The link that the connection has to use. */
  readonly interface?: string
}

/** What a listener asks of the connections of one peer, or of all peers within a prefix. */
export interface ListenPeer extends Pick<StreamProtection, 'md5Password' | 'ttl' | 'minTtl'> {
  /** An address, with its zone where it is link-local, or a prefix in CIDR form; the longest match counts. */
  readonly remote: string
}

export interface ListenOptions {
  /** Local address; all addresses when absent. */
  readonly address?: string
  /** 0 picks a free port. */
  readonly port: number
  /** Peers whose connections are protected; `TcpListener.setPeers` changes them. */
  readonly peers?: readonly ListenPeer[]
  /** The link that connections have to come in on. */
  readonly interface?: string
}

export interface ConnectOptions extends StreamProtection {
  readonly address: string
  /** Asked of each address that a name stands for, before anything is sent to it; without one that may be, `EACCES`. */
  readonly allows?: (address: string) => boolean
  readonly port: number
  readonly localAddress?: string
  /** Gives up after this long; default 30 000. */
  readonly timeoutMs?: number
}

export interface BindOptions {
  /** `::` is all of IPv6, and IPv6 only. Default: all of IPv4, or of IPv6 with IPv6 groups. */
  readonly address?: string
  readonly port: number
  /** Multicast groups to join, each `group%interface`. */
  readonly groups?: readonly string[]
  readonly hopLimit?: number
  /** Datagrams that arrive with less are dropped unseen; with 255 `Datagram.hopLimit` is known to be 255. */
  readonly minHopLimit?: number
  /** The link that datagrams have to come in on. */
  readonly interface?: string
}

export interface Network {
  readonly name: string
  /** Absent: no features. */
  readonly features?: NetworkFeatures
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
  /** The subnets that are reached over the link itself; absent where they are not known. */
  readonly subnets?: readonly Prefix[]
  readonly linkLocal: Ip | undefined
}

/** A network whose interfaces can be seen: what DDM and unnumbered BGP need beyond sockets. */
export interface InterfaceNetwork extends Network {
  interfaces(): readonly NetworkInterface[]
  /** Called after any interface appears, goes up or down, or changes addresses. @returns unsubscribe. */
  onInterfaceChange(fn: () => void): () => void
}

/** A network whose links can be asked who is there: what unnumbered peers are found by. */
export interface DiscoveryNetwork extends InterfaceNetwork {
  /** Throws a Node-style error. `onMessage` gets the message from its type on, valid during the call. */
  openIcmp6(options: Icmp6Options, onMessage: (message: Uint8Array, from: Ip) => void): Icmp6Socket
}

/** The network of a kernel: its tables can be reached, too. */
export interface KernelNetwork extends DiscoveryNetwork {
  /** Netlink names interfaces by number; `undefined` for one that is not there (any more). */
  interfaceIndex(name: string): number | undefined
  interfaceName(index: number): string | undefined
  /** Throws a Node-style error. */
  openNetlink(options?: NetlinkOptions): NetlinkSocket
}

/**
 * What of `options` a network with `features` cannot do, as the error to refuse it with; `undefined` when it can. To be
 * asked by every network before it opens a socket.
 */
export function unsupported(
  options: ConnectOptions | ListenOptions | BindOptions,
  features: Partial<NetworkFeatures> = {},
): (Error & { code: string }) | undefined {
  const peers = 'peers' in options ? (options.peers ?? []) : []
  const refuse = (what: string): Error & { code: string } => socketError('ENOTSUP', `this network cannot do ${what}`)
  const asks = (name: 'md5Password' | 'minTtl' | 'minHopLimit' | 'interface'): boolean =>
    name in options || peers.some((peer) => name in peer)
  if (features.md5 !== true && asks('md5Password')) return refuse('TCP MD5 signatures')
  if (features.minTtl !== true && (asks('minTtl') || asks('minHopLimit'))) return refuse('a least TTL on arrival')
  if (features.interfaceScope !== true && asks('interface')) return refuse('sockets bound to an interface')
  return undefined
}

/** A Node-style socket error. */
export function socketError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
