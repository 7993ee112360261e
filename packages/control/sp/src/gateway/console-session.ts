/** One attachment to a host's console: what it printed, what is typed with offsets, and a sign of life every few seconds. */
import { type Clock, every, type Timer } from '@lodestone/host'
import type { SpConnection } from './sp-connection.ts'

const KEEP_BYTES = 65_536
const KEEP_ALIVE_MS = 5000
/** Without a reader for this long the console is left to others. */
const READER_GONE_MS = 60_000
const TYPE_BYTES = 900

export interface ConsoleRead {
  readonly data: Uint8Array
  readonly nextOffset: number
  /** Bytes that never arrived, or are kept no longer. */
  readonly lost: number
}

/** Whoever is told of a session instead of asking. */
export interface ConsoleFollower {
  onPrinted(): void
  onClose(reason: ConsoleEnd): void
}

/** Asked for; somebody attached anew; the service processor, or the gateway, is gone. */
export type ConsoleEnd = 'detached' | 'taken' | 'lost'

export class ConsoleSession {
  readonly #clock: Clock
  readonly #connection: SpConnection
  readonly #timer: Timer
  #kept: { readonly offset: number; readonly bytes: Uint8Array }[] = []
  #size = 0
  #next = 0
  #typed = 0n
  #readMs: number
  #follower: ConsoleFollower | undefined
  isOpen = true

  constructor(clock: Clock, connection: SpConnection) {
    this.#clock = clock
    this.#connection = connection
    this.#readMs = clock.nowMs()
    connection.onConsole = (_component, offset, bytes) => this.#printed(Number(offset), bytes)
    this.#timer = every(clock, KEEP_ALIVE_MS, () => this.#keepAlive())
  }

  read(fromOffset = 0): ConsoleRead {
    this.#readMs = this.#clock.nowMs()
    const parts = this.#kept.filter((each) => each.offset + each.bytes.length > fromOffset)
    const data: number[] = []
    for (const { offset, bytes } of parts) data.push(...bytes.subarray(Math.max(0, fromOffset - offset)))
    const nextOffset = Math.max(fromOffset, this.#next)
    return { data: Uint8Array.from(data), nextOffset, lost: nextOffset - fromOffset - data.length }
  }

  /** While there is a follower the console stays attached, asked for or not. One follower, the last given. */
  follow(follower: ConsoleFollower): void {
    this.#follower = follower
  }

  /** @returns false when the service processor does not take it. */
  async type(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; at += TYPE_BYTES) {
      const data = bytes.subarray(at, at + TYPE_BYTES)
      const offset = this.#typed
      const result = await this.#connection.ask({ kind: 'SerialConsoleWrite', offset }, ['SerialConsoleWriteAck'], data)
      if (!result.ok) return false
      this.#typed = result.response.furthestIngestedOffset
    }
    return true
  }

  close(reason: ConsoleEnd): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#timer.cancel()
    this.#connection.onConsole = () => {}
    this.#follower?.onClose(reason)
  }

  #printed(offset: number, bytes: Uint8Array): void {
    // Datagrams may come twice or out of order; what was passed over stays lost.
    if (offset < this.#next) return
    this.#kept.push({ offset, bytes })
    this.#next = offset + bytes.length
    this.#size += bytes.length
    while (this.#size > KEEP_BYTES) this.#size -= this.#kept.shift()?.bytes.length ?? 0
    this.#follower?.onPrinted()
  }

  #keepAlive(): void {
    if (this.#follower === undefined && this.#clock.nowMs() - this.#readMs > READER_GONE_MS)
      return this.close('detached')
    void this.#connection.ask({ kind: 'SerialConsoleKeepAlive' }, ['SerialConsoleKeepAliveAck']).then((result) => {
      if (!result.ok) this.close('lost')
    })
  }
}
