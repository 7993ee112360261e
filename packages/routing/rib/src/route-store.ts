/**
 * Routes, paths and offers as numbers: what the RIB, its adjacencies and its subscribers share. A route is named by a reference,
 * index × 2 plus 1 for IPv6, which stays valid while the route has paths or somebody holds it.
 */
import { Ip, Prefix } from '@lodestone/net'
import { OfferTable } from './offer.ts'
import type { Path } from './path.ts'
import { PathFlag, PathTable } from './path-table.ts'
import { RouteTable } from './route-table.ts'
import type { Route } from './route.ts'

const NONE = -1

export class RouteStore {
  readonly v4 = new RouteTable(4)
  readonly v6 = new RouteTable(6)
  readonly paths = new PathTable()
  readonly offers = new OfferTable()
  /** Selected paths beside the best, for the routes that have such. */
  readonly others = new Map<number, readonly number[]>()

  table(ref: number): RouteTable {
    return (ref & 1) === 0 ? this.v4 : this.v6
  }

  /** @returns -1 when the prefix is not known. */
  find(prefix: Prefix): number {
    const { address, length } = prefix
    if (prefix.family === 4) {
      const index = this.v4.find(maskedWord(address, length, 0), 0, 0, 0, length)
      return index === NONE ? NONE : index * 2
    }
    const index = this.v6.find(
      maskedWord(address, length, 0),
      maskedWord(address, length, 1),
      maskedWord(address, length, 2),
      maskedWord(address, length, 3),
      length,
    )
    return index === NONE ? NONE : index * 2 + 1
  }

  /** The reference of the prefix, which is added when it is not there: the caller gives it a path or holds it. */
  insert(prefix: Prefix): number {
    const { address, length } = prefix
    if (prefix.family === 4) return this.v4.insert(maskedWord(address, length, 0), 0, 0, 0, length) * 2
    return (
      this.v6.insert(
        maskedWord(address, length, 0),
        maskedWord(address, length, 1),
        maskedWord(address, length, 2),
        maskedWord(address, length, 3),
        length,
      ) *
        2 +
      1
    )
  }

  prefix(ref: number): Prefix {
    const index = ref >>> 1
    if ((ref & 1) === 0) return new Prefix(Ip.v4(this.v4.addresses[index]!), this.v4.lengths[index]!)
    const bytes = new Uint8Array(16)
    for (let i = 0; i < 4; i++) {
      const word = this.v6.word(index, i)
      bytes[4 * i] = word >>> 24
      bytes[4 * i + 1] = word >>> 16
      bytes[4 * i + 2] = word >>> 8
      bytes[4 * i + 3] = word
    }
    return new Prefix(Ip.fromBytes(bytes, 0, 16), this.v6.lengths[index]!)
  }

  /** Keeps the reference valid although the route may lose its paths. */
  hold(ref: number): void {
    this.table(ref).holds[ref >>> 1]!++
  }

  release(ref: number): void {
    this.table(ref).holds[ref >>> 1]!--
    this.collect(ref)
  }

  /** Gives the index back when nothing needs it. */
  collect(ref: number): void {
    const table = this.table(ref)
    const index = ref >>> 1
    // Live and nothing else: not dirty, not changed, not originated.
    if (table.flags[index] === 1 && table.firstPath[index] === NONE && table.holds[index] === 0) table.remove(index)
  }

  /** The slot of the path of one source, -1 when there is none. */
  findPath(ref: number, sourceId: number, pathId: number): number {
    const { paths } = this
    let slot = this.table(ref).firstPath[ref >>> 1]!
    while (slot !== NONE && (paths.source[slot] !== sourceId || paths.pathId(slot) !== pathId)) slot = paths.next[slot]!
    return slot
  }

  /** A path as an object, for whoever wants to look at it. */
  path(slot: number, prefix: Prefix): Path {
    const { paths } = this
    const offer = this.offers.get(paths.offer[slot]!)
    return {
      prefix,
      nextHop: offer.nextHop,
      nextHopInterface: offer.nextHopInterface,
      source: offer.source,
      pathId: paths.pathId(slot),
      preference: offer.preference,
      metric: offer.metric,
      attributes: offer.attributes,
      received: offer.received ?? offer.attributes,
      policy: offer.policy,
      receivedAtMs: paths.receivedAtMs[slot]!,
      isStale: (paths.flags[slot]! & PathFlag.stale) !== 0,
      unusable: offer.unusable,
    }
  }

  /** The selected paths as objects. */
  selected(ref: number, prefix: Prefix): readonly Path[] {
    const best = this.table(ref).best[ref >>> 1]!
    if (best === NONE) return []
    const others = this.others.get(ref)
    if (others === undefined) return [this.path(best, prefix)]
    return [best, ...others].map((slot) => this.path(slot, prefix))
  }

  route(ref: number): Route {
    return new RouteView(this, ref)
  }
}

/** Looks at the store when asked, so that walking over a large table makes no paths that nobody reads. */
class RouteView implements Route {
  readonly prefix: Prefix
  readonly #store: RouteStore
  readonly #ref: number
  #paths: readonly Path[] | undefined
  #selected: readonly Path[] | undefined

  constructor(store: RouteStore, ref: number) {
    this.prefix = store.prefix(ref)
    this.#store = store
    this.#ref = ref
  }

  get paths(): readonly Path[] {
    this.#read()
    return this.#paths!
  }

  get selected(): readonly Path[] {
    this.#read()
    return this.#selected!
  }

  /** Both at once, so that a selected path is the same object in both lists. */
  #read(): void {
    if (this.#paths !== undefined) return
    const { paths, others } = this.#store
    const table = this.#store.table(this.#ref)
    const bySlot = new Map<number, Path>()
    for (let slot = table.firstPath[this.#ref >>> 1]!; slot !== NONE; slot = paths.next[slot]!) {
      bySlot.set(slot, this.#store.path(slot, this.prefix))
    }
    const best = table.best[this.#ref >>> 1]!
    this.#paths = [...bySlot.values()]
    this.#selected = best === NONE ? [] : [best, ...(others.get(this.#ref) ?? [])].map((slot) => bySlot.get(slot)!)
  }
}

/** Word `index` of the address with the host bits cleared. */
export function maskedWord(address: Ip, length: number, index: number): number {
  const bits = length - 32 * index
  if (bits <= 0) return 0
  const word = address.word(index)
  return bits >= 32 ? word : (word & (0xffffffff << (32 - bits))) >>> 0
}
