/**
 * Source ports of a shared external address, leased to connections. First in, first out with a quarantine: the port that
 * was freed longest ago goes out next, and never before the quarantine is over, because the far end may still hold the
 * old connection in TIME_WAIT. One pool per protocol; an ICMP echo identifier counts as a port.
 */

export const SNAT_QUARANTINE_MS = 30_000

export class SnatPool {
  readonly firstPort: number
  readonly size: number
  /** A ring of free ports, the one freed longest ago at `#head`. */
  readonly #ring: Uint16Array
  readonly #freedAtMs: Float64Array
  readonly #leased: Uint8Array
  #head = 0
  #free: number

  constructor(firstPort: number, lastPort: number) {
    this.firstPort = firstPort
    this.size = lastPort - firstPort + 1
    this.#ring = new Uint16Array(this.size)
    this.#freedAtMs = new Float64Array(this.size).fill(-Infinity)
    this.#leased = new Uint8Array(this.size)
    this.#free = this.size
    for (let i = 0; i < this.size; i++) this.#ring[i] = firstPort + i
  }

  get leased(): number {
    return this.size - this.#free
  }

  /** The port that `lease` would give, or -1. */
  peek(nowMs: number): number {
    if (this.#free === 0 || nowMs - this.#freedAtMs[this.#head]! < SNAT_QUARANTINE_MS) return -1
    return this.#ring[this.#head]!
  }

  /** @returns a port, or -1 when all are leased or in quarantine. */
  lease(nowMs: number): number {
    const port = this.peek(nowMs)
    if (port < 0) return -1
    this.#head = (this.#head + 1) % this.size
    this.#free--
    this.#leased[port - this.firstPort] = 1
    return port
  }

  /** Takes one port for a connection that had it before. @returns whether it was free. */
  leaseExactly(port: number): boolean {
    const offset = port - this.firstPort
    if (offset < 0 || offset >= this.size || this.#leased[offset] === 1) return false
    // Its place in the ring is taken by the one at the head.
    for (let i = 0; i < this.#free; i++) {
      const at = (this.#head + i) % this.size
      if (this.#ring[at] !== port) continue
      this.#ring[at] = this.#ring[this.#head]!
      this.#freedAtMs[at] = this.#freedAtMs[this.#head]!
      this.#head = (this.#head + 1) % this.size
      this.#free--
      this.#leased[offset] = 1
      return true
    }
    return false
  }

  release(port: number, nowMs: number): void {
    const offset = port - this.firstPort
    // Releasing twice would hand one port to two connections.
    if (this.#leased[offset] !== 1) throw new Error(`port ${port} is not leased`)
    this.#leased[offset] = 0
    const tail = (this.#head + this.#free) % this.size
    this.#ring[tail] = port
    this.#freedAtMs[tail] = nowMs
    this.#free++
  }
}
