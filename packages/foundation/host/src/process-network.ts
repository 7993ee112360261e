/**
 * The sockets of one process: when it is killed, the kernel under it closes them all, and nothing is told to it any more. What the process
 * still wants to say on its way out is not heard.
 */
import type { Ip } from '@lodestone/net'
import type { Icmp6Options, Icmp6Socket } from './netlink-socket.ts'
import {
  type BindOptions,
  type ConnectOptions,
  type Datagram,
  type DiscoveryNetwork,
  type ListenOptions,
  type NetworkFeatures,
  type NetworkInterface,
  type SenderHopLimit,
  socketError,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
} from './network.ts'

interface Closable {
  close(): void
}

export class ProcessNetwork implements DiscoveryNetwork {
  readonly name: string
  readonly features: NetworkFeatures
  readonly #under: DiscoveryNetwork
  readonly #streams = new Set<TcpSocket>()
  readonly #others = new Set<Closable>()
  #isDead = false

  constructor(under: DiscoveryNetwork) {
    this.name = under.name
    this.features = under.features ?? { md5: false, minTtl: false, interfaceScope: false }
    this.#under = under
  }

  async listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    return this.#own(
      await this.#under.listenTcp(options, (socket) => {
        this.#keep(socket)
        onConnection(socket)
      }),
    )
  }

  async connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    this.#refuseTheDead()
    const socket = await this.#under.connectTcp(options)
    if (this.#isDead) socket.destroy()
    else this.#keep(socket)
    return socket
  }

  async bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    const socket = await this.#under.bindUdp(options, onDatagram)
    return this.#own({
      port: socket.port,
      send: (payload, address, port) => {
        if (!this.#isDead) socket.send(payload, address, port)
      },
      close: () => socket.close(),
      ...(socket.dropped === undefined ? {} : { dropped: () => socket.dropped!() }),
      ...(socket.setMinHopLimits === undefined
        ? {}
        : { setMinHopLimits: (limits: readonly SenderHopLimit[]) => socket.setMinHopLimits!(limits) }),
    })
  }

  openIcmp6(options: Icmp6Options, onMessage: (message: Uint8Array, from: Ip) => void): Icmp6Socket {
    this.#refuseTheDead()
    return this.#own(this.#under.openIcmp6(options, onMessage))
  }

  interfaces(): readonly NetworkInterface[] {
    return this.#under.interfaces()
  }

  onInterfaceChange(fn: () => void): () => void {
    const unwatch = this.#under.onInterfaceChange(fn)
    this.#own({ close: unwatch })
    return unwatch
  }

  /** The process dies. */
  end(): void {
    this.#isDead = true
    for (const other of this.#others) other.close()
    for (const socket of this.#streams) socket.destroy()
    this.#others.clear()
    this.#streams.clear()
  }

  #refuseTheDead(): void {
    if (this.#isDead) throw socketError('ENETDOWN', 'the process is gone')
  }

  #keep(socket: TcpSocket): void {
    this.#streams.add(socket)
    socket.once('close', () => this.#streams.delete(socket))
  }

  /** What the process closes itself stays here: to close it again does nothing. */
  #own<T extends Closable>(socket: T): T {
    if (this.#isDead) socket.close()
    else this.#others.add(socket)
    return socket
  }
}
