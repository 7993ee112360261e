/**
 * A nanomsg PAIR socket over a Unix socket, the side that connects: how BMv2 takes packets (`--packet-in ipc://…`).
 * Both sides say "\0SP\0", their protocol (16, big endian) and two zeros; a message is 0x01, its length (64 bits, big endian)
 * and its bytes.
 */
import { createConnection, type Socket } from 'node:net'

const GREETING = Buffer.from([0, 0x53, 0x50, 0, 0, 16, 0, 0])
const MESSAGE = 1
const HEADER_BYTES = 9

export class NanomsgPair {
  readonly #socket: Socket
  readonly #take: (message: Buffer) => void
  #rest: Buffer = Buffer.alloc(0)
  #isGreeted = false

  private constructor(socket: Socket, take: (message: Buffer) => void) {
    this.#socket = socket
    this.#take = take
    socket.on('data', (bytes) => this.#read(bytes))
    // The other side ended; whoever waits for its packets finds out by its exit.
    socket.on('error', () => socket.destroy())
    socket.write(GREETING)
  }

  /** @param take is given each message; it may keep it. */
  static connect(path: string, take: (message: Buffer) => void): Promise<NanomsgPair> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new NanomsgPair(socket, take))
      })
    })
  }

  send(message: Uint8Array): void {
    const header = Buffer.alloc(HEADER_BYTES)
    header[0] = MESSAGE
    header.writeBigUInt64BE(BigInt(message.length), 1)
    this.#socket.write(Buffer.concat([header, message]))
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    if (!this.#isGreeted && rest.length >= GREETING.length) {
      this.#isGreeted = true
      rest = rest.subarray(GREETING.length)
    }
    while (this.#isGreeted && rest.length >= HEADER_BYTES) {
      const length = Number(rest.readBigUInt64BE(1))
      if (rest.length < HEADER_BYTES + length) break
      this.#take(rest.subarray(HEADER_BYTES, HEADER_BYTES + length))
      rest = rest.subarray(HEADER_BYTES + length)
    }
    this.#rest = rest
  }
}
