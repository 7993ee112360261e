/**
 * Longest-prefix match with equal-cost next hops. One hash table per prefix length in use, tried from the longest:
 * a lookup costs one probe per distinct length, of which a host has a handful.
 *
 * A prefix may have a connected part (from interface addresses) and a configured one; connected next hops win while
 * one of their interfaces is up. Next hops whose interface is down are skipped.
 */
import type { Ip } from '@lodestone/net'
import type { Prefix } from '@lodestone/net'
import { type AddressKey, AddressMap, keyOf } from './address-map.ts'
import type { Interface } from './interface.ts'
import type { Neighbor } from './neighbor.ts'

/** A next hop as callers give it: without `via` the destination itself is on the link. */
export interface NextHop {
  /** May be of the other family: an IPv4 prefix via an IPv6 router (RFC 8950). */
  readonly via?: Ip
  readonly interface: string
  /** Of the next hops of a prefix, those with the lowest number that can be used are. Default 0. */
  readonly metric?: number
}

export interface RouteEntry {
  readonly prefix: Prefix
  readonly origin: 'connected' | 'configured'
  readonly nextHops: readonly NextHop[]
  /** Preferred source address of packets that this host originates. */
  readonly source?: Ip
}

/** A next hop resolved to its interface, with a place to remember its neighbor. */
export interface Hop {
  readonly via: Ip | undefined
  readonly viaKey: AddressKey | undefined
  readonly interface: Interface
  readonly metric: number
  neighbor: Neighbor | undefined
}

export interface Route {
  readonly prefix: Prefix
  readonly connected: Hop[]
  readonly configured: Hop[]
  source: Ip | undefined
  /** Those of the hops above that can be used now. */
  usable: readonly Hop[]
}

interface LengthTable {
  readonly length: number
  readonly map: AddressMap
}

/** A power of two, and the shift that leaves as many values of a 32-bit product. */
const RECENT = 64
const RECENT_SHIFT = 26

export class RouteTable {
  /** Changes with every change of a route or of an interface's state. */
  generation = 0
  readonly #families: Readonly<Record<4 | 6, LengthTable[]>> = { 4: [], 6: [] }
  readonly #routes: (Route | undefined)[] = []
  readonly #free: number[] = []
  readonly #masked = new Int32Array(4)
  /** Destinations looked up lately and their routes, as of a generation: one comparison instead of a probe per length. */
  readonly #recent = new Int32Array(4 * RECENT)
  readonly #recentRoutes: (Route | undefined)[] = Array.from({ length: RECENT }, () => undefined)
  #recentGeneration = 0

  /** The best usable route to `key`, or undefined. No allocation. */
  match(family: 4 | 6, key: AddressKey): Route | undefined {
    if (this.#recentGeneration !== this.generation) this.#forget()
    const recent = this.#recent
    const entry = (Math.imul(key[3]! ^ key[1]! ^ (key[0]! >>> 7), 0x9e3779b1) >>> RECENT_SHIFT) & (RECENT - 1)
    const at = entry * 4
    const known = this.#recentRoutes[entry]
    if (
      known !== undefined &&
      recent[at + 3] === key[3] &&
      recent[at + 2] === key[2] &&
      recent[at + 1] === key[1] &&
      recent[at] === key[0]
    ) {
      return known
    }
    const route = this.#search(family, key)
    if (route === undefined) return undefined
    for (let i = 0; i < 4; i++) recent[at + i] = key[i]!
    this.#recentRoutes[entry] = route
    return route
  }

  #forget(): void {
    this.#recentGeneration = this.generation
    this.#recentRoutes.fill(undefined)
  }

  #search(family: 4 | 6, key: AddressKey): Route | undefined {
    const tables = this.#families[family]
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i]!
      mask(key, table.length, this.#masked)
      const index = table.map.get(0, this.#masked)
      if (index < 0) continue
      const route = this.#routes[index]!
      if (route.usable.length > 0) return route
    }
    return undefined
  }

  /** The best next hop to `key` out of `iface`, whatever others there are. */
  matchOn(family: 4 | 6, key: AddressKey, iface: Interface): Hop | undefined {
    const tables = this.#families[family]
    for (let i = 0; i < tables.length; i++) {
      mask(key, tables[i]!.length, this.#masked)
      const index = tables[i]!.map.get(0, this.#masked)
      const hop = index < 0 ? undefined : hopOn(this.#routes[index]!, iface)
      if (hop !== undefined) return hop
    }
    return undefined
  }

  /** Replaces the configured next hops of a prefix; none removes it. */
  configure(prefix: Prefix, hops: readonly Hop[], source: Ip | undefined): void {
    const route = this.#routeFor(prefix)
    route.configured.splice(0, route.configured.length, ...hops)
    route.source = source
    this.#settle(route)
  }

  addConnected(prefix: Prefix, iface: Interface): void {
    const route = this.#routeFor(prefix)
    if (!route.connected.some((hop) => hop.interface === iface)) {
      route.connected.push({ via: undefined, viaKey: undefined, interface: iface, metric: 0, neighbor: undefined })
    }
    this.#settle(route)
  }

  removeConnected(prefix: Prefix, iface: Interface): void {
    const route = this.#routeFor(prefix)
    const at = route.connected.findIndex((hop) => hop.interface === iface)
    if (at >= 0) route.connected.splice(at, 1)
    this.#settle(route)
  }

  /** Looks at the state of all interfaces again. */
  refresh(): void {
    this.generation++
    for (const route of this.#routes) if (route !== undefined) this.#choose(route)
  }

  all(): Route[] {
    return this.#routes.filter((route) => route !== undefined).sort((a, b) => a.prefix.compare(b.prefix))
  }

  find(prefix: Prefix): Route | undefined {
    const table = this.#families[prefix.family].find((each) => each.length === keyLength(prefix))
    const index = table?.map.get(0, keyOf(prefix.masked().address)) ?? -1
    return index < 0 ? undefined : this.#routes[index]
  }

  #routeFor(prefix: Prefix): Route {
    const known = this.find(prefix)
    if (known !== undefined) return known
    const route: Route = { prefix: prefix.masked(), connected: [], configured: [], source: undefined, usable: [] }
    const index = this.#free.pop() ?? this.#routes.length
    this.#routes[index] = route
    this.#tableFor(prefix).map.set(0, keyOf(route.prefix.address), index)
    return route
  }

  #tableFor(prefix: Prefix): LengthTable {
    const tables = this.#families[prefix.family]
    const length = keyLength(prefix)
    let table = tables.find((each) => each.length === length)
    if (table === undefined) {
      table = { length, map: new AddressMap() }
      tables.push(table)
      tables.sort((a, b) => b.length - a.length)
    }
    return table
  }

  #settle(route: Route): void {
    this.generation++
    if (route.connected.length > 0 || route.configured.length > 0) return this.#choose(route)
    const table = this.#tableFor(route.prefix)
    const key = keyOf(route.prefix.address)
    const index = table.map.get(0, key)
    table.map.delete(0, key)
    this.#routes[index] = undefined
    this.#free.push(index)
    if (table.map.size === 0)
      this.#families[route.prefix.family].splice(this.#families[route.prefix.family].indexOf(table), 1)
  }

  #choose(route: Route): void {
    const connected = route.connected.filter((hop) => hop.interface.isUp)
    const usable = connected.length > 0 ? connected : route.configured.filter((hop) => hop.interface.isUp)
    const lowest = usable.reduce((metric, hop) => Math.min(metric, hop.metric), Infinity)
    route.usable = usable.filter((hop) => hop.metric === lowest)
  }
}

function hopOn(route: Route, iface: Interface): Hop | undefined {
  if (!iface.isUp) return undefined
  for (let i = 0; i < route.connected.length; i++)
    if (route.connected[i]!.interface === iface) return route.connected[i]
  for (let i = 0; i < route.configured.length; i++) {
    if (route.configured[i]!.interface === iface) return route.configured[i]
  }
  return undefined
}

/** Prefix length in the mapped form that keys have. */
function keyLength(prefix: Prefix): number {
  return prefix.family === 4 ? 96 + prefix.length : prefix.length
}

function mask(key: AddressKey, length: number, out: Int32Array): void {
  for (let i = 0; i < 4; i++) {
    const bits = length - i * 32
    out[i] = bits >= 32 ? key[i]! : bits <= 0 ? 0 : key[i]! & (-1 << (32 - bits))
  }
}
