/**
 * One view of the routing table as a station is told of it: what the peers sent before import policy, after it, or the loc-RIB.
 *
 * Changes are fetched from the RIB when the station has room. A prefix that changed often meanwhile is told once (RFC 7854 §5 allows
 * it), so a slow station holds back no more than the size of the table.
 */
import { AttributeSet, Origin } from '@lodestone/bgp'
import type { Ip } from '@lodestone/net'
import type { Path, Subscription } from '@lodestone/rib'
import type { ByteSink } from '../byte-sink.ts'
import type { BmpRoutes } from '../daemon-config.ts'
import type { Routed } from '../routed.ts'
import { type BmpPeer, writeRouteMonitoring } from './bmp-message.ts'
import type { SentPaths } from './sent-paths.ts'
import { announcements, type MonitoredPrefix, withdrawals } from './update-bytes.ts'

/** A peer that the station was told is up. */
export interface MonitoredPeer {
  readonly header: BmpPeer
  readonly sent: SentPaths
  /** Families whose prefixes have path identifiers. */
  readonly pathIds: readonly (4 | 6)[]
  /** Families that the end of the first exchange has to be told of. */
  endOfRib: readonly (4 | 6)[]
}

/** The loc-RIB's only peer. */
export const LOC_RIB = ''

/** Routes of protocols without attributes, as if we had originated them. */
const ORIGINATED = AttributeSet.of({ origin: Origin.igp, asPath: [] })

interface Group {
  readonly peer: MonitoredPeer
  readonly attributes: AttributeSet
  readonly nextHop: Ip
  readonly prefixes: MonitoredPrefix[]
}

export class MonitoredTable {
  readonly view: BmpRoutes
  readonly #routed: Routed
  readonly #peers = new Map<string, MonitoredPeer>()
  readonly #changes: Subscription
  #oversized = 0

  /** @param onReady called when there is something to `write`. */
  constructor(view: BmpRoutes, routed: Routed, onReady: () => void) {
    this.view = view
    this.#routed = routed
    this.#changes = routed.rib.subscribe(onReady, { allPaths: view !== 'loc-rib' })
  }

  /** From now on the routes of this peer are told, first those that are there. */
  up(name: string, peer: MonitoredPeer): void {
    this.#peers.set(name, peer)
    this.#routed.rib.enqueueAll(this.#changes)
    this.#changes.tell()
  }

  /** The station was told that the peer is down, and has forgotten its routes. */
  down(name: string): void {
    this.#peers.delete(name)
  }

  has(name: string): boolean {
    return this.#peers.has(name)
  }

  /** Routes that do not fit a message and were left out. */
  get oversized(): number {
    return this.#oversized
  }

  /** Writes what changed for at most `max` prefixes. @returns whether more waits. */
  write(out: ByteSink, wallMs: number, max: number): boolean {
    const { store } = this.#routed.rib
    const groups = new Map<string, Group>()
    const withdrawn = new Map<MonitoredPeer, { 4: MonitoredPrefix[]; 6: MonitoredPrefix[] }>()
    let ids = 0
    const idOf = new Map<object, number>()
    const key = (object: object): number => {
      const known = idOf.get(object)
      if (known !== undefined) return known
      idOf.set(object, ids)
      return ids++
    }
    let ref = -1
    for (let count = 0; count < max; count++) {
      ref = this.#changes.next()
      if (ref < 0) break
      const route = store.route(ref)
      const { prefix } = route
      const paths = this.view === 'loc-rib' ? route.selected.slice(0, 1) : route.paths
      for (const [name, peer] of this.#peers) {
        const mine = paths.filter((path) => this.#shows(path, name))
        const hasIds = peer.pathIds.includes(prefix.family)
        const told = hasIds ? mine : mine.slice(0, 1)
        const pathIds = told.map(({ pathId }) => (hasIds ? pathId : 0))
        for (const gone of peer.sent.of(ref)) {
          if (pathIds.includes(gone)) continue
          const lists = withdrawn.get(peer) ?? { 4: [], 6: [] }
          withdrawn.set(peer, lists)
          lists[prefix.family].push({ prefix, pathId: hasIds ? gone : undefined })
        }
        peer.sent.set(ref, pathIds)
        for (const path of told) {
          const attributes = this.#attributesOf(path)
          const groupKey = `${key(peer)} ${key(attributes)} ${prefix.family} ${path.nextHop}`
          let group = groups.get(groupKey)
          if (group === undefined) {
            groups.set(groupKey, (group = { peer, attributes, nextHop: path.nextHop, prefixes: [] }))
          }
          group.prefixes.push({ prefix, pathId: hasIds ? path.pathId : undefined })
        }
      }
      this.#changes.done(ref)
    }
    for (const [peer, lists] of withdrawn) {
      for (const family of [4, 6] as const) {
        if (lists[family].length === 0) continue
        for (const update of withdrawals(family, lists[family])) writeRouteMonitoring(out, peer.header, wallMs, update)
      }
    }
    for (const { peer, attributes, nextHop, prefixes } of groups.values()) {
      const updates = announcements(attributes, nextHop, prefixes)
      if (updates === undefined) this.#oversized += prefixes.length
      for (const update of updates ?? []) writeRouteMonitoring(out, peer.header, wallMs, update)
    }
    if (ref >= 0) return true
    this.#endExchange(out, wallMs)
    return false
  }

  close(): void {
    this.#changes.close()
  }

  /** All that was there has been told. */
  #endExchange(out: ByteSink, wallMs: number): void {
    for (const peer of this.#peers.values()) {
      for (const family of peer.endOfRib) {
        for (const update of withdrawals(family, [])) writeRouteMonitoring(out, peer.header, wallMs, update)
      }
      peer.endOfRib = []
    }
  }

  #shows({ source, unusable }: Path, peer: string): boolean {
    if (this.view === 'loc-rib') return true
    if (source.protocol !== 'bgp' || source.peer !== peer) return false
    return this.view === 'pre-policy' || unusable === undefined
  }

  #attributesOf(path: Path): AttributeSet {
    const attributes = this.view === 'pre-policy' ? (path.received ?? path.attributes) : path.attributes
    return attributes instanceof AttributeSet ? attributes : ORIGINATED
  }
}
