/**
 * The links: one per port (NOT IMPLEMENTED: breakout, several links on one port). A link gives its port a MAC address,
 * a link-local address, and, where it leads to the world, the rights and duties of an uplink.
 */
import type { Ip, Mac, Prefix } from '@lodestone/net'
import { exact, macValue } from './entry-key.ts'
import { isFrontPort } from './port-number.ts'
import type { SwitchTables } from './switch-tables.ts'
import type { Plan, Write } from './table-writer.ts'

export interface LinkSettings {
  /** As the contract spells it: `100G`. Told and shown, without effect on an emulated link. */
  readonly speed: string
  readonly fec?: string
  readonly autoneg: boolean
  /** Told and shown; the cable itself enforces its own. */
  readonly mtuBytes: number
  readonly isEnabled: boolean
  /** Faces the world: packets that come in must be for an instance, and guests' packets may leave. */
  readonly isUplink: boolean
}

/** A whole port: its link and the addresses on it. */
export interface PortSettings {
  readonly link: LinkSettings
  readonly addresses: readonly Ip[]
  /** Those of the addresses whose subnet is on the link, with its length; absent: what the zone has stays. */
  readonly subnets?: readonly Prefix[]
  /** Requests that the settings are due to. */
  readonly causes?: readonly string[]
}

/** What a port gets without being asked: a link that is up, an uplink where it faces the world. */
export function defaultLink(port: number): LinkSettings {
  return { speed: '100G', autoneg: false, mtuBytes: 9000, isEnabled: true, isUplink: isFrontPort(port) }
}

export interface SwitchLink extends LinkSettings {
  readonly port: number
  readonly mac: Mac
  readonly linkLocal: Ip
}

export class LinkTable {
  readonly #tables: SwitchTables
  readonly #links = new Map<number, SwitchLink>()

  constructor(tables: SwitchTables) {
    this.#tables = tables
  }

  get(port: number): SwitchLink | undefined {
    return this.#links.get(port)
  }

  /** By port number. */
  list(): readonly SwitchLink[] {
    return [...this.#links.values()].sort((a, b) => a.port - b.port)
  }

  /** Creates or changes the link of a port; its address table entries are planned apart. */
  planSet(link: SwitchLink): Plan {
    const old = this.#links.get(link.port)
    const writes: Write[] = []
    const rewrite = this.#macRewrite(link)
    if (old === undefined) writes.push({ kind: 'add', table: this.#tables.macRewrite, entry: rewrite })
    else if (!old.mac.equals(link.mac)) {
      writes.push({
        kind: 'modify',
        table: this.#tables.macRewrite,
        entry: rewrite,
        before: this.#macRewrite(old),
      })
    }
    const wasUplink = old?.isUplink ?? false
    if (link.isUplink !== wasUplink) writes.push(...this.#uplink(link.port, link.isUplink ? 'add' : 'delete'))
    return { writes, commit: () => void this.#links.set(link.port, link) }
  }

  planRemove(port: number): Plan {
    const old = this.#links.get(port)
    if (old === undefined) return { writes: [], commit: () => {} }
    const writes: Write[] = old.isUplink ? this.#uplink(port, 'delete') : []
    writes.push({ kind: 'delete', table: this.#tables.macRewrite, entry: this.#macRewrite(old) })
    return { writes, commit: () => void this.#links.delete(port) }
  }

  reset(): void {
    this.#links.clear()
  }

  #macRewrite(link: SwitchLink): ReturnType<SwitchTables['macRewrite']['entry']> {
    return this.#tables.macRewrite.entry([exact(link.port)], 'rewrite', [macValue(link.mac)])
  }

  #uplink(port: number, kind: 'add' | 'delete'): Write[] {
    const { uplinkPorts, egressFilter } = this.#tables
    return [
      { kind, table: uplinkPorts, entry: uplinkPorts.entry([exact(port)], 'uplink_port') },
      { kind, table: egressFilter, entry: egressFilter.entry([exact(port)], 'guest_traffic_allowed') },
    ]
  }
}
