/**
 * The delegated zone to each name server, as a whole: where the API of each silo is, and the name servers themselves. All servers are
 * told the same, so a resolver may ask any of them.
 */
import type { DnsClient, DnsZone } from '@lodestone/contract-dns'
import type { Clock } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import type { Inventory, InventoryService } from '../inventory.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import type { PassResult } from './loop.ts'
import { DeclaredPush } from './push.ts'

type Records = Record<string, DnsZone['records'][string]>

/** Names for people: `<silo>.sys.<zone>` and `ns1.<zone>` and up; empty where no zone is delegated to the rack. */
export function desiredZones(snapshot: Pick<Snapshot, 'silos'>, inventory: Inventory): DnsZone[] {
  const { dnsZone, services = [] } = inventory
  if (dnsZone === undefined) return []
  const api = addressRecords(services.filter(({ kind }) => kind === 'api'))
  const nameServers = services.filter(({ kind }) => kind === 'dns')
  const records: Records = {
    '@': nameServers.map((_server, index) => ({ type: 'NS', data: `ns${index + 1}.${dnsZone}` })),
  }
  for (const [index, server] of nameServers.entries()) records[`ns${index + 1}`] = addressRecords([server])
  for (const { name } of snapshot.silos) records[`${name}.sys`] = api
  return [{ zone_name: dnsZone, records }]
}

/** @param target the name server's identity, for its generations. */
export function dnsPass(
  store: Store,
  clock: Clock,
  inventory: Inventory,
  target: string,
  dns: DnsClient,
): (snapshot: Snapshot, isFull: boolean) => Promise<PassResult> {
  return zonesPass(store, clock, target, dns, (snapshot) => desiredZones(snapshot, inventory))
}

/** Pushes all zones of a name server. */
export function zonesPass(
  store: Store,
  clock: Clock,
  target: string,
  dns: DnsClient,
  zonesOf: (snapshot: Snapshot) => readonly DnsZone[],
): (snapshot: Snapshot, isFull: boolean) => Promise<PassResult> {
  const push = new DeclaredPush(store, clock, 'dns')
  return async (snapshot, isFull) => {
    const zones = [...zonesOf(snapshot)]
    const names = zones.reduce((sum, zone) => sum + Object.keys(zone.records).length, 0)
    const status = await push.push(`${names} names`, target, zones, snapshot, isFull, (generation) =>
      dns.dns_config_put({
        body: {
          generation,
          serial: generation >>> 0, // RFC 1982: serials are compared modulo 2^32
          time_created: new Date(clock.wallMs()).toISOString(),
          zones,
        },
      }),
    )
    return { items: [status] }
  }
}

function addressRecords(services: readonly InventoryService[]): Records[string] {
  return services.map(({ externalAddress }) => ({
    type: Ip.of(externalAddress).family === 4 ? 'A' : 'AAAA',
    data: externalAddress,
  }))
}
