/**
 * The adj-RIB-in of one peer: what it offered, including what was refused and why (RFC 4271 §3.2, §9).
 *
 * Invariant: an adjacency has at most one path per (prefix, path ID); announcing again replaces it (implicit withdraw).
 */
import type { Ip, Prefix } from '@lodestone/net'
import {
  type BgpAttributes,
  type BgpPeerFacts,
  DEFAULT_PREFERENCE,
  type Path,
  type PathSource,
  type Protocol,
  type Unusable,
} from './path.ts'
import { maskedPrefix } from './prefix-table.ts'
import type { MutableRoute } from './route.ts'

export interface AdjacencyOptions {
  readonly protocol: Protocol
  /** Names the peer within the protocol. */
  readonly peer: string
  /** Default preference of its paths, lower wins. */
  readonly preference?: number
  readonly bgp?: BgpPeerFacts
}

export interface Announcement {
  readonly nextHop: Ip
  readonly nextHopInterface?: string | undefined
  readonly pathId?: number
  readonly preference?: number
  readonly metric?: number
  readonly attributes?: BgpAttributes
  /** Set: the path is kept for the record and takes no part in the decision. */
  readonly unusable?: Unusable | undefined
}

/** What an adjacency needs of its RIB. */
export interface RibAccess {
  route(prefix: Prefix): MutableRoute
  known(prefix: Prefix): MutableRoute | undefined
  touch(route: MutableRoute): void
  batch(fn: () => void): void
  nowMs(): number
}

export class Adjacency {
  readonly source: PathSource
  readonly preference: number
  readonly #rib: RibAccess
  readonly #routes = new Set<MutableRoute>()
  readonly #onClose: () => void
  #pathCount = 0
  #isClosed = false

  constructor(options: AdjacencyOptions, rib: RibAccess, onClose: () => void) {
    this.source = {
      protocol: options.protocol,
      peer: options.peer,
      ...(options.bgp === undefined ? {} : { bgp: options.bgp }),
    }
    this.preference = options.preference ?? DEFAULT_PREFERENCE[options.protocol]
    this.#rib = rib
    this.#onClose = onClose
  }

  /** Paths held, usable or not. */
  get pathCount(): number {
    return this.#pathCount
  }

  /** Adds a path or replaces the one of the same prefix and path ID. */
  announce(prefix: Prefix, announcement: Announcement): void {
    if (this.#isClosed) throw new Error(`adjacency ${this.source.protocol} ${this.source.peer} is closed`)
    const masked = maskedPrefix(prefix)
    const route: MutableRoute = this.#rib.route(masked)
    const path: Path = {
      prefix: route.prefix,
      nextHop: announcement.nextHop,
      nextHopInterface: announcement.nextHopInterface,
      source: this.source,
      pathId: announcement.pathId ?? 0,
      preference: announcement.preference ?? this.preference,
      metric: announcement.metric ?? 0,
      attributes: announcement.attributes,
      receivedAtMs: this.#rib.nowMs(),
      unusable: announcement.unusable,
    }
    const at = this.#indexOf(route, path.pathId)
    if (at < 0) {
      route.paths.push(path)
      this.#routes.add(route)
      this.#pathCount++
    } else {
      // A path announced again unchanged is the same path: it keeps its age and nobody is told.
      if (isSameOffer(route.paths[at]!, path)) return
      route.paths[at] = path
    }
    this.#rib.touch(route)
  }

  /** @returns false when there was no such path. */
  withdraw(prefix: Prefix, pathId = 0): boolean {
    const route: MutableRoute | undefined = this.#rib.known(prefix)
    if (route === undefined) return false
    const at = this.#indexOf(route, pathId)
    if (at < 0) return false
    route.paths.splice(at, 1)
    this.#pathCount--
    if (!route.paths.some((path) => path.source === this.source)) this.#routes.delete(route)
    this.#rib.touch(route)
    return true
  }

  /** Withdraws everything, or the paths that `condition` holds for, as one batch. */
  clear(condition: (path: Path) => boolean = () => true): void {
    this.#rib.batch(() => {
      for (const route of [...this.#routes]) {
        const before = route.paths.length
        for (let i = route.paths.length - 1; i >= 0; i--) {
          const path = route.paths[i]!
          if (path.source === this.source && condition(path)) route.paths.splice(i, 1)
        }
        if (route.paths.length === before) continue
        this.#pathCount -= before - route.paths.length
        if (!route.paths.some((path) => path.source === this.source)) this.#routes.delete(route)
        this.#rib.touch(route)
      }
    })
  }

  /** This adjacency's paths, usable or not. */
  *paths(): IterableIterator<Path> {
    for (const route of this.#routes) {
      for (const path of route.paths) if (path.source === this.source) yield path
    }
  }

  /** Withdraws everything and gives the name back. */
  close(): void {
    if (this.#isClosed) return
    this.clear()
    this.#isClosed = true
    this.#onClose()
  }

  #indexOf(route: MutableRoute, pathId: number): number {
    for (let i = 0; i < route.paths.length; i++) {
      const path = route.paths[i]!
      if (path.source === this.source && path.pathId === pathId) return i
    }
    return -1
  }
}

function isSameOffer(a: Path, b: Path): boolean {
  return (
    a.attributes === b.attributes &&
    a.preference === b.preference &&
    a.metric === b.metric &&
    a.nextHopInterface === b.nextHopInterface &&
    a.unusable?.code === b.unusable?.code &&
    a.nextHop.equals(b.nextHop)
  )
}
