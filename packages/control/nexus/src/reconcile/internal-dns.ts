/**
 * Names of the rack's own services, for daemons on the underlay: `_nexus._tcp.control-plane.oxide.internal` and others, as SRV records
 * that lead to AAAA records. Every server is told all of it, so whoever looks for something may ask any.
 */
import { DNS_PORT, type DnsClient, type DnsZone } from '@lodestone/contract-dns'
import { SLED_AGENT_PORT } from '@lodestone/contract-sled-agent'
import type { Clock } from '@lodestone/host'
import type { Inventory, InventorySwitch } from '../inventory.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import { zonesPass } from './dns.ts'
import type { PassResult } from './loop.ts'

export const INTERNAL_ZONE = 'control-plane.oxide.internal'

/** Where a control plane can be reached on the underlay. */
export interface NexusPlace {
  readonly id: string
  readonly address: string
  readonly port: number
}

/** @param nexus none while it does not know where it runs. */
export function internalZone(
  { sleds }: Pick<Snapshot, 'sleds'>,
  inventory: Pick<Inventory, 'switches' | 'internalDns'>,
  nexus: readonly NexusPlace[],
): DnsZone {
  const records: Record<string, DnsZone['records'][string]> = {}
  const service = (name: string, host: string, address: string, port: number): void => {
    records[host] = [{ type: 'AAAA', data: address }]
    const data = { prio: 0, weight: 0, port, target: `${host}.${INTERNAL_ZONE}` }
    records[name] = [...(records[name] ?? []), { type: 'SRV', data }]
  }
  for (const [index, address] of (inventory.internalDns ?? []).entries()) {
    service('_nameservice._tcp', `ns${index + 1}`, address, DNS_PORT)
    records['@'] = [...(records['@'] ?? []), { type: 'NS', data: `ns${index + 1}.${INTERNAL_ZONE}` }]
  }
  for (const { id, address, port } of nexus) service('_nexus._tcp', `${id}.host`, address, port)
  for (const each of inventory.switches) {
    for (const [name, url] of servicesOf(each)) {
      const { hostname, port } = new URL(url)
      service(name, `dendrite-${each.id}.host`, hostname.replace(/[[\]]/g, ''), Number(port))
    }
  }
  for (const { id, underlay_address: address } of sleds) {
    service(`_sled-agent._tcp.${id}.sled`, `${id}.sled`, address, SLED_AGENT_PORT)
  }
  return { zone_name: INTERNAL_ZONE, records }
}

function servicesOf({ baseUrl, routedUrl, gatewayUrl }: InventorySwitch): (readonly [string, string])[] {
  return [
    ['_dendrite._tcp', baseUrl],
    ['_mgd._tcp', routedUrl],
    ...(gatewayUrl === undefined ? [] : [['_mgs._tcp', gatewayUrl] as const]),
  ]
}

/** @param nexus is asked at each pass: a control plane may move. */
export function internalDnsPass(
  store: Store,
  clock: Clock,
  inventory: Inventory,
  target: string,
  dns: DnsClient,
  nexus: () => readonly NexusPlace[],
): (snapshot: Snapshot, isFull: boolean) => Promise<PassResult> {
  return zonesPass(store, clock, target, dns, (snapshot) => [internalZone(snapshot, inventory, nexus())])
}
