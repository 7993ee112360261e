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
  flags: Uint8Array = new Uint8Array(INITIAL)
  receivedAtMs: Float64Array = new Float64Array(INITIAL)
  /** Slots in use are below this. */
  end = 0
  size = 0
  /** Empty until a path identifier is not 0, as with add-path (RFC 7911) only. */
  #pathIds: Uint32Array = new Uint32Array(0)
  #free = NONE

  pathId(slot: number): number {
    return this.#pathIds.length === 0 ? 0 : this.#pathIds[slot]!
  }

  setPathId(slot: number, pathId: number): void {
    if (this.#pathIds.length === 0) {
      if (pathId === 0) return
      this.#pathIds = new Uint32Array(this.next.length)
    }
    this.#pathIds[slot] = pathId
  }

  /** A slot whose columns the caller sets, all of them. */
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
    if (this.#pathIds.length > 0) this.#pathIds = grown(this.#pathIds, capacity)
    this.flags = grown(this.flags, capacity)
    this.receivedAtMs = grown(this.receivedAtMs, capacity)
  }
}
