/** A peer that sends prepared bytes and counts what it is told: the other ends of the benchmark. */
import net from 'node:net'
import { KEEPALIVE, open } from './table-stream.ts'

export class WirePeer {
  readonly socket: net.Socket
  announced = 0
  withdrawn = 0
  updates = 0
  lastAtMs = 0
  isUp = false
  #pending: Buffer = Buffer.alloc(0)
  #waiters: (() => void)[] = []

  private constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#received(chunk))
    socket.on('error', () => undefined)
  }

  static async connect(port: number, localAddress: string, asn: number, identifier: number): Promise<WirePeer> {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    const peer = new WirePeer(socket)
    socket.write(open(asn, identifier))
    socket.write(KEEPALIVE)
    await peer.until(() => peer.isUp)
    return peer
  }

  /** Resolves when the condition holds after some received chunk. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const check = (): void => {
        if (condition()) {
          this.#waiters = this.#waiters.filter((other) => other !== check)
          resolve()
        }
      }
      this.#waiters.push(check)
    })
  }

  /** Writes as fast as the other side takes it. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += 262_144) {
      if (!this.socket.write(bytes.subarray(at, at + 262_144))) {
        await new Promise((resolve) => this.socket.once('drain', resolve))
      }
    }
  }

  #received(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    let at = 0
    while (bytes.length - at >= 19) {
      const length = bytes.readUInt16BE(at + 16)
      if (bytes.length - at < length) break
      const type = bytes[at + 18]
      if (type === 4) this.isUp = true
      if (type === 2) this.#update(bytes, at, at + length)
      at += length
    }
    this.#pending = bytes.subarray(at)
    this.lastAtMs = performance.now()
    for (const check of [...this.#waiters]) check()
  }

  #update(bytes: Buffer, start: number, end: number): void {
    this.updates++
    const withdrawnEnd = start + 21 + bytes.readUInt16BE(start + 19)
    const nlriAt = withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd)
    this.withdrawn += count(bytes, start + 21, withdrawnEnd)
    this.announced += count(bytes, nlriAt, end)
  }
}

function count(bytes: Buffer, start: number, end: number): number {
  let prefixes = 0
  for (let at = start; at < end; prefixes++) at += 1 + ((bytes[at]! + 7) >> 3)
  return prefixes
}
