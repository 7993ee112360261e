/**
 * ARP and NDP entries. The pipeline keeps them per port; this interface names the address only. An entry that is set by
 * hand therefore goes to every port by which some route uses that next hop, or where the address is known already.
 */
import { invalidRequest, pageInMemory } from '@lodestone/api'
import type { Ip } from '@lodestone/net'
import type { Neighbor } from '../neighbor-table.ts'
import type { Switchd } from '../switchd.ts'
import { ipOf, macOf, type Operations, orThrow } from './operations.ts'

type NeighborOperation =
  | 'arp_list'
  | 'arp_set'
  | 'arp_delete'
  | 'arp_reset'
  | 'ndp_list'
  | 'ndp_set'
  | 'ndp_delete'
  | 'ndp_reset'

export function neighborHandlers(switchd: Switchd): Operations<NeighborOperation> {
  const list = (family: 4 | 6, query: { limit?: number | undefined; page_token?: string | undefined }) => {
    const page = pageInMemory(switchd.neighbors(family), query, ({ ip, port }) => `${ip} ${port}`)
    return { ...page, items: page.items.map(neighborBody) }
  }
  const set = ({ params, body }: { params: { ip: string }; body: { mac: string } }): undefined => {
    const ip = ipOf(params.ip)
    const ports = portsOf(switchd, ip)
    if (ports.size === 0) throw invalidRequest(`no route has the next hop ${ip}, so its port is not known`)
    for (const port of ports) orThrow(switchd.setNeighbor(port, ip, macOf(body.mac)))
    return undefined
  }
  const remove = ({ params }: { params: { ip: string } }): undefined => {
    const ip = ipOf(params.ip)
    for (const neighbor of switchd.neighbors(ip.family)) {
      if (neighbor.ip.equals(ip)) switchd.deleteNeighbor(neighbor.port, ip)
    }
    return undefined
  }
  const reset = (family: 4 | 6): undefined => {
    for (const { port, ip } of switchd.neighbors(family)) switchd.deleteNeighbor(port, ip)
    return undefined
  }
  return {
    arp_list: ({ query }) => list(4, query),
    arp_set: set,
    arp_delete: remove,
    arp_reset: () => reset(4),
    ndp_list: ({ query }) => list(6, query),
    ndp_set: set,
    ndp_delete: remove,
    ndp_reset: () => reset(6),
  }
}

function portsOf(switchd: Switchd, ip: Ip): ReadonlySet<number> {
  const ports = new Set<number>()
  for (const neighbor of switchd.neighbors(ip.family)) if (neighbor.ip.equals(ip)) ports.add(neighbor.port)
  for (const route of [...switchd.routes(4), ...switchd.routes(6)]) {
    for (const path of route.paths) if (path.nextHop.equals(ip)) ports.add(path.port)
  }
  return ports
}

function neighborBody({ ip, mac, updatedWallMs }: Neighbor): { ip: string; mac: string; update: string } {
  return { ip: ip.toString(), mac: mac.toString(), update: new Date(updatedWallMs).toISOString() }
}
