/** What an engine was configured to at an earlier time: what it is now with the later changes of its journal taken back. */
import type { ConfigJournal } from './config-journal.ts'
import type { ExternalMapping } from './external-addresses.ts'
import type { MulticastGroup } from './multicast-groups.ts'
import type { PortConfig } from './port-config.ts'
import type { TunnelRoute } from './tunnel-endpoints.ts'
import type { UnderlayPeerList } from './underlay-peers.ts'
import type { VirtualMapping } from './virtual-to-physical.ts'

/** All that an engine is told. */
export interface EngineConfig {
  readonly ports: readonly PortConfig[]
  readonly mappings: readonly VirtualMapping[]
  readonly endpoints: readonly TunnelRoute[]
  readonly external: readonly ExternalMapping[]
  readonly groups: readonly MulticastGroup[]
  readonly peers: UnderlayPeerList | undefined
}

/** @returns undefined where the journal does not reach back so far. */
export function configAt(now: EngineConfig, journal: ConfigJournal, ms: number): EngineConfig | undefined {
  if (ms < journal.reachesBackToMs) return undefined
  const ports = new Map(now.ports.map((config) => [config.id, config]))
  const mappings = new Map(now.mappings.map((mapping) => [keyOf(mapping.vni, mapping.ip.toString()), mapping]))
  let { endpoints, external, groups, peers } = now
  for (const { change } of journal.after(ms)) {
    switch (change.kind) {
      case 'port':
        put(ports, change.id, change.before)
        break
      case 'mapping':
        put(mappings, keyOf(change.vni, change.ip), change.before)
        break
      case 'endpoints':
        endpoints = change.before
        break
      case 'external':
        external = change.before
        break
      case 'groups':
        groups = change.before
        break
      case 'peers':
        peers = change.before
        break
      default: {
        const unreachable: never = change
        return unreachable
      }
    }
  }
  return { ports: [...ports.values()], mappings: [...mappings.values()], endpoints, external, groups, peers }
}

/** A configuration of a port, and when it began and ended to be in force. */
export interface PortGeneration {
  readonly id: string
  readonly name: string
  readonly generation: number
  /** -Infinity where it is older than what is kept. */
  readonly fromMs: number
  /** Infinity while it is. */
  readonly toMs: number
}

/** Of all ports, those that are gone too, the last first. */
export function generationsOf(now: EngineConfig, journal: ConfigJournal): PortGeneration[] {
  const generations: PortGeneration[] = []
  const current = new Map(now.ports.map((config) => [config.id, config]))
  const ends = new Map<string, number>()
  const tell = (config: PortConfig, fromMs: number): void => {
    const { id, name, generation } = config
    generations.push({ id, name, generation, fromMs, toMs: ends.get(id) ?? Infinity })
  }
  for (const { atMs, change } of journal.after(-Infinity)) {
    if (change.kind !== 'port') continue
    const was = current.get(change.id)
    if (was !== undefined) tell(was, atMs)
    put(current, change.id, change.before)
    ends.set(change.id, atMs)
  }
  for (const config of current.values()) tell(config, -Infinity)
  return generations.toSorted((a, b) => b.toMs - a.toMs)
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}

function keyOf(vni: number, ip: string): string {
  return `${vni} ${ip}`
}
