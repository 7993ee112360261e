/**
 * Queues between ingress and egress: per port a rate in packets per second and strict priorities (the larger number
 * first), each with a depth in packets. A port without a rate never holds anything, so its depth does not matter. Pure: time comes in
 * microseconds, and nothing happens between calls.
 */

export interface QueueLimits {
  /** Packets that one priority of the port may hold. */
  readonly depth: number
  /** Packets per second; 0: as fast as they come. */
  readonly ratePps: number
}

const DEFAULTS: QueueLimits = { depth: 64, ratePps: 0 }

interface Port<Item> {
  readonly port: number
  /** By priority. */
  readonly queues: Item[][]
  count: number
  /** When the next packet may leave. */
  readyUs: number
}

export class EgressQueues<Item> {
  /** Priorities 0 to this less one exist. */
  readonly priorities: number
  readonly #limits = new Map<number, QueueLimits>()
  #all: QueueLimits = DEFAULTS
  readonly #ports = new Map<number, Port<Item>>()
  #held = 0

  constructor(priorities: number) {
    this.priorities = priorities
  }

  /** For one port, or for all that have none of their own. */
  setLimits(port: number | undefined, limits: Partial<QueueLimits>): void {
    if (port === undefined) this.#all = { ...this.#all, ...limits }
    else this.#limits.set(port, { ...this.limits(port), ...limits })
  }

  limits(port: number): QueueLimits {
    return this.#limits.get(port) ?? this.#all
  }

  /** Whether any packet may have to wait. */
  get isActive(): boolean {
    if (this.#held > 0 || this.#all.ratePps > 0) return true
    for (const { ratePps } of this.#limits.values()) if (ratePps > 0) return true
    return false
  }

  /** Packets waiting. */
  get held(): number {
    return this.#held
  }

  depth(port: number, priority: number): number {
    return this.#ports.get(port)?.queues[priority]?.length ?? 0
  }

  /** @returns false when the queue is full. */
  push(port: number, priority: number, item: Item, nowUs: number): boolean {
    let own = this.#ports.get(port)
    if (own === undefined) {
      own = { port, queues: Array.from({ length: this.priorities }, () => []), count: 0, readyUs: 0 }
      this.#ports.set(port, own)
    }
    const queue = own.queues[priority]!
    if (queue.length >= this.limits(port).depth) return false
    if (own.count === 0) own.readyUs = Math.max(own.readyUs, nowUs)
    queue.push(item)
    own.count++
    this.#held++
    return true
  }

  /** The next packet that may leave by now, of the port whose turn it has been for longest; undefined: none. */
  pop(nowUs: number): { readonly item: Item; readonly port: number; readonly depth: number } | undefined {
    const own = this.#next()
    if (own === undefined || own.readyUs > nowUs) return undefined
    const queue = own.queues.findLast((one) => one.length > 0)!
    const item = queue.shift()!
    own.count--
    this.#held--
    const { ratePps } = this.limits(own.port)
    if (ratePps > 0) own.readyUs += 1e6 / ratePps
    return { item, port: own.port, depth: queue.length }
  }

  /** When a packet may leave next, in microseconds. */
  get nextUs(): number | undefined {
    return this.#next()?.readyUs
  }

  #next(): Port<Item> | undefined {
    if (this.#held === 0) return undefined
    let best: Port<Item> | undefined
    for (const own of this.#ports.values()) {
      if (own.count > 0 && (best === undefined || own.readyUs < best.readyUs)) best = own
    }
    return best
  }
}
