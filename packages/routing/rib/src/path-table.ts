/**
 * The paths of all prefixes: parallel typed arrays, one slot per path. The paths of a prefix are a list through `next`. What many
 * paths have in common (next hop, attributes, preference) is one `Offer` that they share by index.
 */
import { grown } from './grown.ts'

/** `flags` of a path. */
export const PathFlag = {
  /** Among the selected paths of its prefix. */
  selected: 1,
  /** Kept from before a restart of its peer, not confirmed since (RFC 4724 §4.2). */
  stale: 2,
  unusable: 4,
} as const

const NONE = -1
const INITIAL = 64

export class PathTable {
  /** Which route: index × 2, plus 1 for IPv6. */
  route: Int32Array = new Int32Array(INITIAL)
  /** Next path of the same prefix, -1 at the end. */
  next: Int32Array = new Int32Array(INITIAL)
  /** Number of the adjacency; 0 for a free slot. */
  source: Uint16Array = new Uint16Array(INITIAL)
  offer: Int32Array = new Int32Array(INITIAL)
  pathId: Uint32Array = new Uint32Array(INITIAL)
  flags: Uint8Array = new Uint8Array(INITIAL)
  receivedAtMs: Float64Array = new Float64Array(INITIAL)
  /** Slots in use are below this. */
  end = 0
  size = 0
  #free = NONE

  /** A slot with everything but `route` and `next` set by the caller. */
  allocate(): number {
    this.size++
    const free = this.#free
    if (free !== NONE) {
      this.#free = this.next[free]!
      return free
    }
    if (this.end === this.next.length) this.#grow()
    return this.end++
  }

  release(slot: number): void {
    this.size--
    this.source[slot] = 0
    this.next[slot] = this.#free
    this.#free = slot
  }

  #grow(): void {
    const capacity = this.next.length * 2
    this.route = grown(this.route, capacity)
    this.next = grown(this.next, capacity)
    this.source = grown(this.source, capacity)
    this.offer = grown(this.offer, capacity)
    this.pathId = grown(this.pathId, capacity)
    this.flags = grown(this.flags, capacity)
    this.receivedAtMs = grown(this.receivedAtMs, capacity)
  }
}
