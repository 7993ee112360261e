/** One TCP connection to a peer: bytes in, messages out. What they mean is decided elsewhere. */
import type { Clock, TcpSocket } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { MessageStream } from './message-stream.ts'
import type { DecodeContext } from './path-attribute.ts'

/** A closing connection gets this long to say goodbye. */
const LINGER_MS = 3000

export interface ConnectionHandlers {
  readonly received: (chunk: Uint8Array) => void
  readonly closed: (reason: string) => void
  readonly drained: () => void
}

export class Connection {
  readonly id: number
  readonly socket: TcpSocket
  readonly stream = new MessageStream()
  /** How UPDATEs are read; set once the session is established. */
  context: DecodeContext | undefined
  /** The OPEN messages whole, as the monitoring protocols want them. */
  sentOpen: Uint8Array = new Uint8Array(0)
  receivedOpen: Uint8Array = new Uint8Array(0)
  readonly #clock: Clock

  constructor(id: number, socket: TcpSocket, clock: Clock, handlers: ConnectionHandlers) {
    this.id = id
    this.socket = socket
    this.#clock = clock
    socket.on('data', handlers.received)
    socket.on('drain', handlers.drained)
    socket.on('end', () => handlers.closed('closed by the peer'))
    socket.on('error', (error: Error & { code?: string }) => handlers.closed(error.code ?? error.message))
    socket.on('close', () => handlers.closed('closed'))
  }

  get isWritable(): boolean {
    return !this.socket.writableEnded && !this.socket.destroyed
  }

  get queuedBytes(): number {
    return this.socket.writableLength
  }

  get localAddress(): Ip | undefined {
    return socketAddress(this.socket.localAddress)
  }

  /**
   * No event is told any more.
   * @param isAbrupt what was sent last need not arrive.
   * @param onClosed when nothing is left of it; not called when it is abrupt.
   */
  close(isAbrupt: boolean, onClosed: () => void): void {
    const { socket } = this
    socket.removeAllListeners('data')
    socket.on('error', () => socket.destroy())
    if (isAbrupt) {
      socket.destroy()
      return
    }
    socket.resume() // what still arrives is read and dropped, so that the end can arrive too
    socket.end()
    const timer = this.#clock.after(LINGER_MS, () => socket.destroy())
    socket.once('close', () => {
      onClosed()
      timer.cancel()
    })
  }
}

/** A socket's address without zone; IPv4-mapped ones (`::ffff:192.0.2.1`) as the IPv4 address that they are. */
export function socketAddress(text: string | undefined): Ip | undefined {
  const plain = (text ?? '').split('%')[0]!
  return Ip.parse(/^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(plain) ? plain.slice(7) : plain)
}
