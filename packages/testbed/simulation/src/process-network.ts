/** The sockets of one process: when it dies, the kernel under it closes them all, and nothing is told to it any more. */
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

interface Closable {
  close(): void
}

export class ProcessNetwork implements Network {
  readonly name: string
  readonly #under: Network
  readonly #streams = new Set<TcpSocket>()
  readonly #others = new Set<Closable>()
  #isDead = false

  constructor(under: Network) {
    this.name = under.name
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
    if (this.#isDead) throw socketError('ENETDOWN', 'the process is gone')
    const socket = await this.#under.connectTcp(options)
    if (this.#isDead) socket.destroy()
    else this.#keep(socket)
    return socket
  }

  async bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    return this.#own(await this.#under.bindUdp(options, onDatagram))
  }

  end(): void {
    this.#isDead = true
    for (const other of this.#others) other.close()
    for (const socket of this.#streams) socket.destroy()
    this.#streams.clear()
  }

  #keep(socket: TcpSocket): void {
    this.#streams.add(socket)
    socket.once('close', () => this.#streams.delete(socket))
  }

  #own<T extends Closable>(socket: T): T {
    if (this.#isDead) socket.close()
    else this.#others.add(socket)
    return socket
  }
}
