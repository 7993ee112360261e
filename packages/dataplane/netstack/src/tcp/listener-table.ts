/** Who listens, on which ports and addresses. */
import { socketError, type TcpSocket } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { Interface } from '../interface.ts'

export interface Listener {
  readonly port: number
  readonly address: Ip | undefined
  readonly interface: Interface | undefined
  readonly accept: (socket: TcpSocket) => void
  halfOpen: number
  isClosed: boolean
}

export class ListenerTable {
  readonly #byPort = new Map<number, Listener[]>()

  usesPort(port: number): boolean {
    return this.#byPort.has(port)
  }

  /** Throws `EADDRINUSE` when somebody listens there. */
  add(listener: Listener): void {
    const others = this.#byPort.get(listener.port) ?? []
    if (others.some((other) => isSame(other, listener))) {
      throw socketError('EADDRINUSE', `TCP port ${listener.port} of ${listener.address ?? '*'} is in use`)
    }
    this.#byPort.set(listener.port, [...others, listener])
  }

  close(listener: Listener): void {
    listener.isClosed = true
    const rest = (this.#byPort.get(listener.port) ?? []).filter((other) => other !== listener)
    if (rest.length > 0) this.#byPort.set(listener.port, rest)
    else this.#byPort.delete(listener.port)
  }

  closeAll(): void {
    for (const listeners of this.#byPort.values()) for (const each of listeners) each.isClosed = true
    this.#byPort.clear()
  }

  /** An exact address beats a wildcard. */
  find(port: number, local: Ip, iface: Interface): Listener | undefined {
    let wildcard: Listener | undefined
    for (const listener of this.#byPort.get(port) ?? []) {
      if (listener.interface !== undefined && listener.interface !== iface) continue
      if (listener.address === undefined) wildcard ??= listener
      else if (listener.address.equals(local)) return listener
    }
    return wildcard
  }
}

function isSame(a: Listener, b: Listener): boolean {
  if (a.address === undefined || b.address === undefined) return a.address === b.address
  return a.address.equals(b.address) && a.interface === b.interface
}
