/**
 * Packets that wait for the MAC address of their next hop, as RFC 1122 §2.3.2.2 and RFC 4861 §7.2.2 ask: a few per next
 * hop, in order, for a few seconds. All bounds are fixed, so a scan of unused addresses cannot fill the arena.
 */
import type { Clock, Timer } from '@lodestone/host'
import type { Ip, Mac } from '@lodestone/net'

export const PACKETS_PER_NEIGHBOR = 8
export const NEIGHBORS_AWAITED = 64
export const WAIT_MS = 5000

export interface NeighborQueueOptions {
  readonly clock: Clock
  /** Asks for a MAC address; called once when a next hop is first waited for. */
  readonly resolve: (port: number, ip: Ip) => void
  /** The address is known: the slot becomes the callee's. Called in the order of arrival. */
  readonly send: (slot: number, port: number, ip: Ip, mac: Mac) => void
  /** The wait is over without one: the slot becomes the callee's. */
  readonly giveUp: (slot: number, ip: Ip) => void
  /** There is no room to wait: the slot becomes the callee's. */
  readonly refuse: (slot: number) => void
}

interface Waiting {
  readonly port: number
  readonly ip: Ip
  readonly slots: number[]
  readonly timer: Timer
}

export class NeighborQueue {
  readonly #options: NeighborQueueOptions
  readonly #waiting = new Map<string, Waiting>()

  constructor(options: NeighborQueueOptions) {
    this.#options = options
  }

  /** Packets that wait. */
  get length(): number {
    let sum = 0
    for (const { slots } of this.#waiting.values()) sum += slots.length
    return sum
  }

  hold(slot: number, port: number, ip: Ip): void {
    const key = `${port} ${ip}`
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      if (waiting.slots.length < PACKETS_PER_NEIGHBOR) waiting.slots.push(slot)
      else this.#options.refuse(slot)
      return
    }
    if (this.#waiting.size >= NEIGHBORS_AWAITED) return this.#options.refuse(slot)
    const timer = this.#options.clock.after(WAIT_MS, () => this.#expire(key))
    this.#waiting.set(key, { port, ip, slots: [slot], timer })
    this.#options.resolve(port, ip)
  }

  /** Sends what waits for this next hop, if anything does. */
  resolved(port: number, ip: Ip, mac: Mac): void {
    for (const slot of this.#take(`${port} ${ip}`)) this.#options.send(slot, port, ip, mac)
  }

  /** Refuses everything that waits. */
  close(): void {
    for (const key of this.#waiting.keys()) for (const slot of this.#take(key)) this.#options.refuse(slot)
  }

  #expire(key: string): void {
    const ip = this.#waiting.get(key)?.ip
    if (ip !== undefined) for (const slot of this.#take(key)) this.#options.giveUp(slot, ip)
  }

  #take(key: string): readonly number[] {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return []
    waiting.timer.cancel()
    this.#waiting.delete(key)
    return waiting.slots
  }
}
