/**
 * The tables of `p4/switch.p4` by what they are for. Names are resolved once, by their last part, so that the
 * program may rename its outer controls; a program without one of these tables is refused when the daemon is made.
 */
import type { Entry, TableDescription } from '@lodestone/npu'
import type { SwitchPipeline } from './switch-pipeline.ts'
import type { KeySet } from '@lodestone/p4'

/** One table, with the program's own names for its actions. */
export class SwitchTable {
  readonly name: string
  /** Entries it can have. */
  readonly size: number
  readonly #actions: ReadonlyMap<string, string>

  constructor(description: TableDescription) {
    this.name = description.name
    this.size = description.size
    this.#actions = new Map(description.actions.map(({ name }) => [name.slice(name.lastIndexOf('.') + 1), name]))
  }

  /** @param action its last part: `forward`, not `ingress.router.forward`. */
  entry(keys: readonly KeySet[], action: string, parameters: readonly bigint[] = [], priority?: number): Entry {
    return { keys, action: this.action(action), parameters, ...(priority === undefined ? {} : { priority }) }
  }

  action(local: string): string {
    const name = this.#actions.get(local)
    if (name === undefined) throw new Error(`table ${this.name} has no action ${local}`)
    return name
  }
}

export interface SwitchTables {
  readonly uplinkPorts: SwitchTable
  readonly switchIpv4Addr: SwitchTable
  readonly switchIpv6Addr: SwitchTable
  readonly natIpv4: SwitchTable
  readonly natIpv6: SwitchTable
  readonly tunnelSource: SwitchTable
  readonly lookupV4: SwitchTable
  readonly routeV4: SwitchTable
  readonly lookupV6: SwitchTable
  readonly routeV6: SwitchTable
  readonly arp: SwitchTable
  readonly ndp: SwitchTable
  readonly egressFilter: SwitchTable
  readonly macRewrite: SwitchTable
}

/** Throws when the program is not the rack switch's. */
export function switchTables(pipeline: SwitchPipeline): SwitchTables {
  const table = (suffix: string): SwitchTable => {
    const found = pipeline.tables.filter(({ name }) => name === suffix || name.endsWith(`.${suffix}`))
    if (found.length !== 1) throw new Error(`the program has ${found.length} tables called ${suffix}, not one`)
    return new SwitchTable(found[0]!)
  }
  return {
    uplinkPorts: table('uplink_ports'),
    switchIpv4Addr: table('switch_ipv4_addr'),
    switchIpv6Addr: table('switch_ipv6_addr'),
    natIpv4: table('ingress_ipv4'),
    natIpv6: table('ingress_ipv6'),
    tunnelSource: table('tunnel_source'),
    lookupV4: table('lookup_v4'),
    routeV4: table('route_v4'),
    lookupV6: table('lookup_v6'),
    routeV6: table('route_v6'),
    arp: table('arp'),
    ndp: table('ndp'),
    egressFilter: table('egress_filter'),
    macRewrite: table('mac_rewrite'),
  }
}
