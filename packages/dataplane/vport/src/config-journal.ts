/**
 * What an engine was told before what it is told now, as far back as its room reaches: each change with what stood there until then. So the
 * configuration of an earlier time is today's with the later changes taken back. Lists of rules and routes are shared by ports and by
 * configurations, and count once.
 */
import type { ExternalMapping } from './external-addresses.ts'
import type { MulticastGroup } from './multicast-groups.ts'
import type { PortConfig } from './port-config.ts'
import type { TunnelRoute } from './tunnel-endpoints.ts'
import type { UnderlayPeerList } from './underlay-peers.ts'
import type { VirtualMapping } from './virtual-to-physical.ts'

/** `before` is undefined where nothing stood. */
export type ConfigChange =
  | { readonly kind: 'port'; readonly id: string; readonly before: PortConfig | undefined }
  | {
      readonly kind: 'mapping'
      readonly vni: number
      readonly ip: string
      readonly before: VirtualMapping | undefined
    }
  | { readonly kind: 'endpoints'; readonly before: readonly TunnelRoute[] }
  | { readonly kind: 'external'; readonly before: readonly ExternalMapping[] }
  | { readonly kind: 'groups'; readonly before: readonly MulticastGroup[] }
  | { readonly kind: 'peers'; readonly before: UnderlayPeerList | undefined }

export interface JournalEntry {
  /** Of the clock. */
  readonly atMs: number
  readonly change: ConfigChange
}

/** Changes, rules, routes and addresses that are kept: some megabytes at most. */
const ROOM = 16_384

export class ConfigJournal {
  readonly #room: number
  readonly #entries: JournalEntry[] = []
  /** How many entries hold a list. */
  readonly #lists = new Map<readonly unknown[], number>()
  #weight = 0
  #reachesBackToMs: number

  /** @param sinceMs when whoever is configured began: what was before, nobody knows. */
  constructor(sinceMs: number, room: number = ROOM) {
    this.#reachesBackToMs = sinceMs
    this.#room = room
  }

  /** What was before this time is not known. */
  get reachesBackToMs(): number {
    return this.#reachesBackToMs
  }

  get weight(): number {
    return this.#weight
  }

  note(atMs: number, change: ConfigChange): void {
    this.#entries.push({ atMs, change })
    this.#weight++
    for (const list of listsOf(change)) {
      const holders = this.#lists.get(list) ?? 0
      if (holders === 0) this.#weight += list.length
      this.#lists.set(list, holders + 1)
    }
    while (this.#weight > this.#room) this.#forgetFirst()
  }

  /** Changes after a time, the last first. */
  after(ms: number): JournalEntry[] {
    const changes: JournalEntry[] = []
    for (let i = this.#entries.length - 1; i >= 0 && this.#entries[i]!.atMs > ms; i--) changes.push(this.#entries[i]!)
    return changes
  }

  #forgetFirst(): void {
    const first = this.#entries.shift()!
    this.#reachesBackToMs = first.atMs
    this.#weight--
    for (const list of listsOf(first.change)) {
      const holders = this.#lists.get(list)! - 1
      if (holders > 0) this.#lists.set(list, holders)
      else {
        this.#lists.delete(list)
        this.#weight -= list.length
      }
    }
  }
}

function listsOf(change: ConfigChange): readonly (readonly unknown[])[] {
  switch (change.kind) {
    case 'port':
      return change.before === undefined ? [] : [change.before.firewall, change.before.routes]
    case 'mapping':
      return []
    case 'peers':
      return change.before === undefined ? [] : [change.before.sleds, change.before.switches]
    default:
      return [change.before]
  }
}
