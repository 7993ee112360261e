/**
 * Source ports of a shared external address, leased to connections. First in, first out with a rest: the port that was
 * freed longest ago goes out next, and never before it has rested, because the far end may still hold the old connection
 * in TIME_WAIT. Where there is a choice a port is as even or odd as the guest's own (RFC 4787 §4.2.2: some pairs of ports
 * mean something by it). One pool per protocol; an ICMP echo identifier counts as a port.
 */

/** As long as the stacks in use keep a closed connection in TIME_WAIT; RFC 9293 §3.6.1 allows up to four minutes. */
export const TCP_REST_MS = 60_000
export const REST_MS = 30_000

export interface PoolUsage {
  readonly size: number
  readonly leased: number
  /** Freed, and not to be leased yet. */
  readonly resting: number
  /** The most that were leased at once. */
  readonly peak: number
  /** Connections that found no port. */
  readonly refused: number
}

export class SnatPool {
  readonly firstPort: number
  readonly size: number
  readonly #restMs: number
  /** Of even and of odd ports. */
  readonly #rings: readonly [Ring, Ring]
  readonly #leased: Uint8Array
  #free: number
  #peak = 0
  refused = 0

  constructor(firstPort: number, lastPort: number, restMs: number = REST_MS) {
    this.firstPort = firstPort
    this.size = lastPort - firstPort + 1
    this.#restMs = restMs
    const first = (parity: number): number => firstPort + ((firstPort ^ parity) & 1)
    this.#rings = [new Ring(first(0), lastPort), new Ring(first(1), lastPort)]
    this.#leased = new Uint8Array(this.size)
    this.#free = this.size
  }

  /** The same ports leased and resting, to be leased and released without this pool. */
  copy(): SnatPool {
    const copy = new SnatPool(this.firstPort, this.firstPort + this.size - 1, this.#restMs)
    copy.#leased.set(this.#leased)
    copy.#free = this.#free
    copy.#peak = this.#peak
    copy.#rings[0].become(this.#rings[0])
    copy.#rings[1].become(this.#rings[1])
    return copy
  }

  get leased(): number {
    return this.size - this.#free
  }

  usage(nowMs: number): PoolUsage {
    const resting = this.#rings.reduce((sum, ring) => sum + ring.countFreedAfter(nowMs - this.#restMs), 0)
    return { size: this.size, leased: this.leased, resting, peak: this.#peak, refused: this.refused }
  }

  /** The port that a connection would get, or -1. @param guestPort whose parity is kept if it can be. */
  peek(nowMs: number, guestPort: number): number {
    const latestMs = nowMs - this.#restMs
    const port = this.#rings[(guestPort & 1) as 0 | 1].head(latestMs)
    return port >= 0 ? port : this.#rings[(~guestPort & 1) as 0 | 1].head(latestMs)
  }

  /** Leases the port that `peek` has just named. */
  lease(port: number): void {
    if (this.#rings[(port & 1) as 0 | 1].shift() !== port) throw new Error(`port ${port} is not the next one`)
    this.#mark(port)
  }

  /** Takes one port for a connection that had it before. @returns whether it was free. */
  leaseExactly(port: number): boolean {
    const offset = port - this.firstPort
    if (this.#leased[offset] !== 0) return false
    this.#rings[(port & 1) as 0 | 1].take(port)
    this.#mark(port)
    return true
  }

  release(port: number, nowMs: number): void {
    const offset = port - this.firstPort
    // Releasing twice would hand one port to two connections.
    if (this.#leased[offset] !== 1) throw new Error(`port ${port} is not leased`)
    this.#leased[offset] = 0
    this.#free++
    this.#rings[(port & 1) as 0 | 1].push(port, nowMs)
  }

  #mark(port: number): void {
    this.#leased[port - this.firstPort] = 1
    this.#free--
    this.#peak = Math.max(this.#peak, this.leased)
  }
}

/** Free ports, the one that was freed longest ago first. */
class Ring {
  readonly #ports: Uint16Array
  readonly #freedAtMs: Float64Array
  #head = 0
  #count: number

  /** Every second port from `first` on. */
  constructor(first: number, last: number) {
    const size = Math.max(0, (last - first + 2) >> 1)
    this.#ports = Uint16Array.from({ length: size }, (_, i) => first + i * 2)
    this.#freedAtMs = new Float64Array(size).fill(-Infinity)
    this.#count = size
  }

  /** @param other of the same ports. */
  become(other: Ring): void {
    this.#ports.set(other.#ports)
    this.#freedAtMs.set(other.#freedAtMs)
    this.#head = other.#head
    this.#count = other.#count
  }

  /** The first port, if it was freed no later than that; else -1. */
  head(latestMs: number): number {
    return this.#count === 0 || this.#freedAtMs[this.#head]! > latestMs ? -1 : this.#ports[this.#head]!
  }

  shift(): number {
    if (this.#count === 0) return -1
    const port = this.#ports[this.#head]!
    this.#head = (this.#head + 1) % this.#ports.length
    this.#count--
    return port
  }

  push(port: number, nowMs: number): void {
    const tail = (this.#head + this.#count) % this.#ports.length
    this.#ports[tail] = port
    this.#freedAtMs[tail] = nowMs
    this.#count++
  }

  /** Removes a port that is free, from wherever it is: its place is taken by the first one. */
  take(port: number): void {
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#head + i) % this.#ports.length
      if (this.#ports[at] !== port) continue
      this.#ports[at] = this.#ports[this.#head]!
      this.#freedAtMs[at] = this.#freedAtMs[this.#head]!
      this.shift()
      return
    }
    throw new Error(`port ${port} is not free`)
  }

  countFreedAfter(latestMs: number): number {
    let count = 0
    for (let i = 0; i < this.#count; i++) {
      if (this.#freedAtMs[(this.#head + i) % this.#ports.length]! > latestMs) count++
    }
    return count
  }
}
