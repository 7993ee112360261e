/** The host's serial console: between the host's UART and one client on the management network. */
import type { Clock } from '@lodestone/host'
import {
  attachConsole,
  type ConsoleClient,
  type ConsoleRefusal,
  isConsoleIdle,
  typeConsole,
} from './console-machine.ts'

/** The host's end of the serial line. */
export interface HostUart {
  /** What is typed. */
  write(bytes: Uint8Array): void
  /** Called with what the host prints. @returns unsubscribe. */
  listen(fn: (bytes: Uint8Array) => void): () => void
}

/** Data of one datagram at most, beside the message. */
const MAX_PRINT_BYTES = 900

export class ConsoleTask {
  readonly #clock: Clock
  readonly #uart: HostUart | undefined
  readonly #print: (key: string, offset: bigint, bytes: Uint8Array) => void
  #client: ConsoleClient | undefined
  #stop: (() => void) | undefined

  /** @param print sends to the client; nobody repeats it. */
  constructor(
    clock: Clock,
    uart: HostUart | undefined,
    print: (key: string, offset: bigint, bytes: Uint8Array) => void,
  ) {
    this.#clock = clock
    this.#uart = uart
    this.#print = print
    this.#stop = uart?.listen((bytes) => this.printed(bytes))
  }

  get isThere(): boolean {
    return this.#uart !== undefined
  }

  get client(): string | undefined {
    return this.#client?.key
  }

  attach(key: string): ConsoleRefusal | undefined {
    const result = attachConsole(this.#client, key, this.#clock.nowMs())
    if (!result.ok) return result.refusal
    this.#client = result.client
    return undefined
  }

  detach(): void {
    this.#client = undefined
  }

  /** @returns up to where everything typed has been taken. */
  type(key: string, offset: bigint, data: Uint8Array): bigint | ConsoleRefusal {
    const result = typeConsole(this.#client, key, offset, data, this.#clock.nowMs())
    if (!result.ok) return result.refusal
    this.#client = result.client
    if (result.bytes.length > 0) this.#uart?.write(result.bytes)
    return result.client.typed
  }

  keepAlive(key: string): ConsoleRefusal | undefined {
    if (this.#client?.key !== key) return 'not-attached'
    this.#client = { ...this.#client, heardMs: this.#clock.nowMs() }
    return undefined
  }

  /** The host, or a fault, prints. Without a client it is lost, as on a real line. */
  printed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#client !== undefined; at += MAX_PRINT_BYTES) {
      const part = bytes.slice(at, at + MAX_PRINT_BYTES)
      const { key, printed } = this.#client
      this.#client = { ...this.#client, printed: printed + BigInt(part.length) }
      this.#print(key, printed, part)
    }
  }

  /** A client that went away does not keep the line. */
  dropIdle(): boolean {
    if (this.#client === undefined || !isConsoleIdle(this.#client, this.#clock.nowMs())) return false
    this.#client = undefined
    return true
  }

  close(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#client = undefined
  }
}
