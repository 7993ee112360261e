/** A network that is another one's at the moment of each call: for a daemon that moves when the host under it loses power. */
import {
  type BindOptions,
  type ConnectOptions,
  type Datagram,
  type ListenOptions,
  type Network,
  socketError,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
} from '@lodestone/host'

export class CurrentNetwork implements Network {
  readonly name: string
  readonly #current: () => Network | undefined

  constructor(name: string, current: () => Network | undefined) {
    this.name = name
    this.#current = current
  }

  listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    return this.#current()?.listenTcp(options, onConnection) ?? this.#nowhere()
  }

  connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    return this.#current()?.connectTcp(options) ?? this.#nowhere()
  }

  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    return this.#current()?.bindUdp(options, onDatagram) ?? this.#nowhere()
  }

  #nowhere(): Promise<never> {
    return Promise.reject(socketError('ENETUNREACH', `${this.name}: nothing under it has power`))
  }
}
