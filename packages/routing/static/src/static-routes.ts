/**
 * Static routes: what the operator says, as an upper half like any other. The configuration is the whole truth:
 * `set` computes the difference and applies it as one batch.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, maskedPrefix, PrefixTable, type Rib } from '@lodestone/rib'

export interface StaticRoute {
  readonly prefix: Prefix
  /** May be of the other family: IPv4 routes over IPv6 next hops are fine (RFC 8950). */
  readonly nextHop: Ip
  readonly interface?: string | undefined
  /** Lower wins, also against other protocols; default 1. */
  readonly preference?: number | undefined
  /** The route is used only while this, whatever it names, is up (`setUp`): a BFD session with the next hop. */
  readonly trackedBy?: string | undefined
}

export class StaticRoutes {
  readonly #rib: Rib
  readonly #adjacency: Adjacency
  /** By prefix and next hop: the path ID that the next hop has among the prefix's paths. */
  readonly #pathIds = new PrefixTable<Map<string, number>>()
  #routes: readonly StaticRoute[] = []
  /** What is up of the things that routes are tracked by. */
  readonly #up = new Set<string>()
  #nextPathId = 1

  constructor(rib: Rib) {
    this.#rib = rib
    this.#adjacency = rib.adjacency({ protocol: 'static', peer: '' })
  }

  /** Makes the static routes equal to `routes`. Several routes for a prefix with different next hops are multipath. */
  set(routes: readonly StaticRoute[]): void {
    this.#rib.batch(() => {
      const wanted = new PrefixTable<Set<string>>()
      for (const route of routes) {
        const hops = wanted.get(route.prefix) ?? new Set<string>()
        hops.add(hopKey(route))
        wanted.set(route.prefix, hops)
      }
      for (const old of this.#routes) {
        if (wanted.get(old.prefix)?.has(hopKey(old)) !== true) this.#remove(old)
      }
      for (const route of routes) this.#add(route)
    })
    this.#routes = routes
  }

  /** Says whether what `trackedBy` names is up; until then it is not. Its routes follow at once. */
  setUp(name: string, isUp: boolean): void {
    if (this.#up.has(name) === isUp) return
    if (isUp) this.#up.add(name)
    else this.#up.delete(name)
    this.#rib.batch(() => {
      for (const route of this.#routes) if (route.trackedBy === name) this.#add(route)
    })
  }

  list(): readonly StaticRoute[] {
    return this.#routes
  }

  /** Withdraws all of them. */
  close(): void {
    this.#adjacency.close()
    this.#routes = []
  }

  #add(route: StaticRoute): void {
    let ids = this.#pathIds.get(route.prefix)
    if (ids === undefined) this.#pathIds.set(maskedPrefix(route.prefix), (ids = new Map()))
    let pathId = ids.get(hopKey(route))
    if (pathId === undefined) ids.set(hopKey(route), (pathId = this.#nextPathId++))
    const isUsable = route.trackedBy === undefined || this.#up.has(route.trackedBy)
    this.#adjacency.announce(route.prefix, {
      nextHop: route.nextHop,
      nextHopInterface: route.interface,
      pathId,
      ...(route.preference === undefined ? {} : { preference: route.preference }),
      ...(isUsable ? {} : { unusable: { code: 'bfd-down', sentence: `BFD does not reach ${route.nextHop}` } }),
    })
  }

  #remove(route: StaticRoute): void {
    const ids = this.#pathIds.get(route.prefix)
    const pathId = ids?.get(hopKey(route))
    if (ids === undefined || pathId === undefined) return
    this.#adjacency.withdraw(route.prefix, pathId)
    ids.delete(hopKey(route))
    if (ids.size === 0) this.#pathIds.delete(route.prefix)
  }
}

function hopKey({ nextHop, interface: name }: StaticRoute): string {
  return `${nextHop}%${name ?? ''}`
}
