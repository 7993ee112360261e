/** The serial line between a sled's host and its service processor: a shell on the host's stack while the host has power. */
import type { Clock } from '@lodestone/host'
import { type Netstack, Shell } from '@lodestone/netstack'
import type { HostUart } from '@lodestone/sp'

export class SledUart implements HostUart {
  readonly #name: string
  readonly #clock: Clock
  readonly #printed = new Set<(bytes: Uint8Array) => void>()
  readonly #typed = new Set<(bytes: Uint8Array) => void>()
  #shell: Shell | undefined

  constructor(name: string, clock: Clock) {
    this.#name = name
    this.#clock = clock
  }

  write(bytes: Uint8Array): void {
    for (const fn of this.#typed) fn(bytes)
  }

  listen(fn: (bytes: Uint8Array) => void): () => void {
    this.#printed.add(fn)
    return () => void this.#printed.delete(fn)
  }

  /** The host has started, or its power is gone. */
  setHost(network: Netstack | undefined): void {
    this.#shell?.close()
    this.#shell = undefined
    if (network === undefined) return
    this.#shell = new Shell({
      network,
      clock: this.#clock,
      hostName: this.#name,
      console: {
        write: (bytes) => {
          for (const fn of this.#printed) fn(bytes)
        },
        onInput: (fn) => {
          this.#typed.add(fn)
          return () => void this.#typed.delete(fn)
        },
      },
    })
  }
}
