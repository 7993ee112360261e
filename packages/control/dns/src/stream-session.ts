/**
 * One TCP connection of a client (RFC 1035 section 4.2.2, RFC 7766): messages behind a length of two bytes, any number of them, answered in
 * their order. Bounded: one message is held at a time, reading waits while answers are not taken, and silence ends it.
 */
import type { Clock, TcpSocket, Timer } from '@lodestone/host'
import { MAX_MESSAGE_BYTES } from './message.ts'

const LENGTH_BYTES = 2

export interface StreamSessionOptions {
  readonly clock: Clock
  readonly idleMs: number
  /** @returns the answer; undefined: the connection is not worth keeping. */
  readonly respond: (message: Uint8Array) => Uint8Array | undefined
  readonly onIdle: () => void
  readonly onClose: () => void
}

export class StreamSession {
  readonly #socket: TcpSocket
  readonly #options: StreamSessionOptions
  #pending: Buffer = Buffer.alloc(0)
  #timer: Timer | undefined

  constructor(socket: TcpSocket, options: StreamSessionOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('drain', () => this.#answer())
    socket.on('end', () => socket.end())
    socket.on('error', () => socket.destroy()) // a peer that resets is no event of ours
    socket.on('close', () => {
      this.#timer?.cancel()
      options.onClose()
    })
    this.#restartTimer()
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
    this.#answer()
  }

  /** Answers what is there, until the client does not take more. */
  #answer(): void {
    const socket = this.#socket
    let isTaken = true
    while (isTaken && this.#pending.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#pending.readUInt16BE(0)
      if (this.#pending.length < end) break
      const answer = this.#options.respond(this.#pending.subarray(LENGTH_BYTES, end))
      this.#pending = this.#pending.subarray(end)
      if (answer === undefined) {
        socket.destroy()
        return
      }
      this.#restartTimer()
      isTaken = socket.write(framed(answer))
    }
    if (isTaken) socket.resume()
    else socket.pause()
  }

  /** Only whole messages count: a client that sends a byte now and then is idle. */
  #restartTimer(): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(this.#options.idleMs, () => {
      this.#options.onIdle()
      this.#socket.destroy()
    })
  }
}

/** Length and message in one write, so that they leave in one segment (RFC 7766 section 8). */
function framed(message: Uint8Array): Buffer {
  if (message.length > MAX_MESSAGE_BYTES) throw new Error(`a DNS message of ${message.length} bytes has no frame`)
  const frame = Buffer.alloc(LENGTH_BYTES + message.length)
  frame.writeUInt16BE(message.length, 0)
  frame.set(message, LENGTH_BYTES)
  return frame
}
