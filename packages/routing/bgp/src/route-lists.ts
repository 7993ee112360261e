/** Lists of routes by a number, chained through arrays: thousands of short lists without an object for each. */
import { grown } from '@lodestone/rib'

const END = -1
/** Entries for which a list that is used again keeps room. */
const KEPT_ROOM = 16_384
const NO_ROOM = new Int32Array(0)

export class RouteLists {
  refs: Int32Array = new Int32Array(0)
  pathIds: Int32Array = new Int32Array(0)
  /** Position of the next entry of the same list, -1 at the end. */
  next: Int32Array = new Int32Array(0)
  #count = 0
  /** By number: first and last position; parallel to `#keys`. */
  readonly #listOf = new Map<number, number>()
  readonly #keys: number[] = []
  readonly #heads: number[] = []
  readonly #tails: number[] = []
  #lastKey = -1
  #lastList = -1

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Empties it for the next user; a very large one gives its room back. */
  clear(): void {
    if (this.#count === 0) return
    this.#count = 0
    this.#listOf.clear()
    this.#keys.length = this.#heads.length = this.#tails.length = 0
    this.#lastKey = this.#lastList = -1
    if (this.refs.length > KEPT_ROOM) this.refs = this.pathIds = this.next = NO_ROOM
  }

  /** Appends a route. @returns whether it is the first of its list. */
  add(key: number, ref: number, pathId: number): boolean {
    const at = this.#count++
    if (at === this.refs.length) this.#grow()
    this.refs[at] = ref
    this.pathIds[at] = pathId
    this.next[at] = END
    // Routes that belong together mostly come one after the other.
    const list = key === this.#lastKey ? this.#lastList : this.#listOf.get(key)
    if (list !== undefined) {
      this.next[this.#tails[list]!] = at
      this.#tails[list] = at
      this.#lastKey = key
      this.#lastList = list
      return false
    }
    this.#lastKey = key
    this.#lastList = this.#keys.length
    this.#listOf.set(key, this.#keys.length)
    this.#keys.push(key)
    this.#heads.push(at)
    this.#tails.push(at)
    return true
  }

  /** In the order in which the lists began. */
  forEach(fn: (key: number, head: number) => void): void {
    for (let i = 0; i < this.#keys.length; i++) fn(this.#keys[i]!, this.#heads[i]!)
  }

  #grow(): void {
    const capacity = Math.max(64, this.refs.length * 4)
    this.refs = grown(this.refs, capacity)
    this.pathIds = grown(this.pathIds, capacity)
    this.next = grown(this.next, capacity)
  }
}
