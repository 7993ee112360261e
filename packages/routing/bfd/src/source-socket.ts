/**
 * The socket that one session sends from (RFC 5881 §4): a source port of its own in 49152 … 65535, hop limit 255.
 *
 * Opening takes time and may fail, because the address is not there yet or ports are taken; it is then tried again
 * every second until the socket is closed.
 */
import type { Clock, Network, Random, Timer, UdpSocket } from '@lodestone/host'

const FIRST_PORT = 49152
const PORT_COUNT = 16384
const PORT_TRIES = 64
const RETRY_MS = 1000
/** What was sent last is still on its way through the operating system's queue when a session ends. */
const LINGER_MS = 100

export interface SourceSocketOptions {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly address: string | undefined
  /** Ports of the other sessions; the socket's own is added while it is open. */
  readonly usedPorts: Set<number>
  /** Control packets come to the well-known port; what comes here is an echo that its returner sent to where it came from. */
  readonly onDatagram: (payload: Uint8Array) => void
  readonly onOpen: () => void
  readonly onFailure: () => void
}

export class SourceSocket {
  readonly #options: SourceSocketOptions
  #socket: UdpSocket | undefined
  #retry: Timer | undefined
  #error: string | undefined
  #isClosed = false

  constructor(options: SourceSocketOptions) {
    this.#options = options
    void this.#open()
  }

  get port(): number | undefined {
    return this.#socket?.port
  }

  get error(): string | undefined {
    return this.#error
  }

  /** @returns false when there is no socket. */
  send(payload: Uint8Array, address: string, port: number): boolean {
    if (this.#socket === undefined) return false
    this.#socket.send(payload, address, port)
    return true
  }

  close(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    const socket = this.#socket
    this.#socket = undefined
    if (socket === undefined) return
    const { clock, usedPorts } = this.#options
    clock.after(LINGER_MS, () => {
      usedPorts.delete(socket.port)
      socket.close()
    })
  }

  async #open(): Promise<void> {
    for (let tries = 0; tries < PORT_TRIES && !this.#isClosed; tries++) {
      const result = await this.#bind(this.#pickPort())
      if (result === 'port-taken') continue
      if (result === 'bound') return this.#options.onOpen()
      break
    }
    if (this.#isClosed) return
    this.#options.onFailure()
    this.#retry = this.#options.clock.after(RETRY_MS, () => void this.#open())
  }

  async #bind(port: number): Promise<'bound' | 'port-taken' | 'failed'> {
    const { network, address, usedPorts, onDatagram } = this.#options
    usedPorts.add(port)
    try {
      const where = { port, hopLimit: 255, ...(address === undefined ? {} : { address }) }
      const socket = await network.bindUdp(where, ({ payload }) => onDatagram(payload))
      this.#socket = socket
      this.#error = undefined
      if (!this.#isClosed) return 'bound'
      this.close()
      return 'failed'
    } catch (error) {
      usedPorts.delete(port)
      this.#error = error instanceof Error ? error.message : String(error)
      return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' ? 'port-taken' : 'failed'
    }
  }

  /** May be used by another session when most are (RFC 5881 §4 allows that); binding then tells. */
  #pickPort(): number {
    const { random, usedPorts } = this.#options
    let port = FIRST_PORT + random.below(PORT_COUNT)
    for (let tries = 0; tries < PORT_TRIES && usedPorts.has(port); tries++) port = FIRST_PORT + random.below(PORT_COUNT)
    return port
  }
}
