/**
 * The network of the admin interface: Unix sockets that only their owner can open, made where an earlier daemon may have left
 * one; everything else is the operating system's.
 */
import type {
  BindOptions,
  ConnectOptions,
  Datagram,
  ListenOptions,
  Network,
  TcpListener,
  TcpSocket,
  UdpSocket,
} from '@lodestone/host'
import { chmodSync } from 'node:fs'
import { mkdir, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

export class AdminNetwork implements Network {
  readonly name = 'admin'
  readonly #network: Network

  constructor(network: Network) {
    this.#network = network
  }

  async listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    const { address } = options
    if (address?.startsWith('/') !== true) return this.#network.listenTcp(options, onConnection)
    await mkdir(dirname(address), { recursive: true, mode: 0o700 })
    if (await this.#isAnswering(address)) throw new Error(`another daemon serves ${address}; set admin.listen`)
    await unlink(address).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    const listener = await this.#network.listenTcp(options, onConnection)
    chmodSync(address, 0o600)
    return listener
  }

  connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    return this.#network.connectTcp(options)
  }

  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    return this.#network.bindUdp(options, onDatagram)
  }

  async #isAnswering(path: string): Promise<boolean> {
    try {
      const socket = await this.#network.connectTcp({ address: path, port: 0, timeoutMs: 1000 })
      socket.destroy()
      return true
    } catch {
      return false // nobody is there, or what is there is no socket
    }
  }
}
