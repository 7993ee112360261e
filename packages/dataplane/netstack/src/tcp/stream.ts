/**
 * A TCP connection as a Node stream: back-pressure both ways, half-close, Node-style errors. Time-outs use the host's
 * clock, so that node:http on top of it runs in virtual time.
 */
import { Duplex } from 'node:stream'
import type { Clock, TcpSocket, Timer } from '@lodestone/host'
import type { Connection } from './connection.ts'

type Done = (error?: Error | null) => void

const HIGH_WATER_MARK = 256 * 1024

export class TcpStream extends Duplex implements TcpSocket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly #connection: Connection
  readonly #clock: Clock
  /** As in net.Socket: a stream is made when its connection stands. */
  readonly connecting = false
  readonly pending = false
  /** Of `setTimeout`; undefined until that was called. */
  timeout: number | undefined
  /** Of the application's bytes. */
  bytesRead = 0
  bytesWritten = 0
  #idleMs = 0
  #idleTimer: Timer | undefined
  #activeMs = 0

  constructor(connection: Connection, clock: Clock) {
    super({ allowHalfOpen: true, readableHighWaterMark: HIGH_WATER_MARK, writableHighWaterMark: HIGH_WATER_MARK })
    this.remoteAddress = connection.remoteText
    this.remotePort = connection.remotePort
    this.localAddress = connection.localText
    this.localPort = connection.localPort
    this.#connection = connection
    this.#clock = clock
  }

  get remoteFamily(): 'IPv4' | 'IPv6' {
    return this.#connection.remote.family === 4 ? 'IPv4' : 'IPv6'
  }

  get localFamily(): 'IPv4' | 'IPv6' {
    return this.remoteFamily
  }

  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.readable) return this.writable ? 'open' : 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }

  address(): { readonly address: string; readonly port: number; readonly family: 'IPv4' | 'IPv6' } {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily }
  }

  override _read(): void {
    this.#connection.resumeReading()
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#touch()
    this.bytesWritten += chunk.length
    this.#connection.write([chunk], done)
  }

  override _writev(chunks: { chunk: Uint8Array; encoding: string }[], done: Done): void {
    this.#touch()
    for (const { chunk } of chunks) this.bytesWritten += chunk.length
    this.#connection.write(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  override _final(done: Done): void {
    this.#connection.finish()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#idleTimer?.cancel()
    this.#connection.release(error)
    done(error)
  }

  /** Bytes arrived. @returns whether more are wanted now. */
  arrived(chunk: Uint8Array): boolean {
    this.#touch()
    this.bytesRead += chunk.length
    return this.push(chunk)
  }

  /** As Node's sockets: ends, and lets go once everything written is on its way. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** Resets the connection, also one whose end was sent. */
  resetAndDestroy(): this {
    this.#connection.reset()
    return this.destroy()
  }

  /** Emits 'timeout' after `idleMs` without traffic; 0 turns it off. Closes nothing by itself. */
  setTimeout(idleMs: number, listener?: () => void): this {
    this.#idleTimer?.cancel()
    this.#idleTimer = undefined
    this.#idleMs = idleMs
    this.timeout = idleMs
    if (listener !== undefined) {
      if (idleMs === 0) this.off('timeout', listener)
      else this.once('timeout', listener)
    }
    this.#touch()
    if (idleMs > 0) this.#watchIdle(idleMs)
    return this
  }

  /** Small writes wait for the acknowledgment of earlier ones (Nagle) only after `setNoDelay(false)`. */
  setNoDelay(noDelay = true): this {
    this.#connection.setNoDelay(noDelay)
    return this
  }

  /** Asks a peer that has been silent for `initialDelayMs` (0: the stack's parameter) whether it is still there. */
  setKeepAlive(isOn = false, initialDelayMs = 0): this {
    const { keepAliveIdleMs } = this.#connection.tcb.parameters
    this.#connection.setKeepAlive(!isOn ? 0 : initialDelayMs > 0 ? initialDelayMs : keepAliveIdleMs)
    return this
  }

  /** Emulated sockets never keep a process alive; the clock does. */
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  #touch(): void {
    this.#activeMs = this.#clock.nowMs()
  }

  #watchIdle(inMs: number): void {
    this.#idleTimer = this.#clock.after(inMs, () => {
      const restMs = this.#activeMs + this.#idleMs - this.#clock.nowMs()
      if (restMs > 0) return this.#watchIdle(restMs)
      this.#idleTimer = undefined
      this.emit('timeout')
    })
  }
}
