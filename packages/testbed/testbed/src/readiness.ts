/** What must hold before a rack is called ready, read from the daemons themselves. */
import type { RackInfo } from '@lodestone/contract-testbed'
import type { Prefix } from '@lodestone/net'
import type { Emulation } from './emulation.ts'
import { DEFAULT_POOL } from './rack-plan.ts'
import { CLIENT_NAME } from './rack-topology.ts'

type Check = RackInfo['checks'][number]

/** @param pool what the rack announces. */
export function rackChecks(rack: Emulation, pool: Prefix = DEFAULT_POOL.prefix): Check[] {
  return [bgpCheck(rack), ddmCheck(rack), tunnelCheck(rack), poolCheck(rack, pool), forwardingCheck(rack)]
}

function bgpCheck(rack: Emulation): Check {
  const bySwitch = rack.switches().map((node) => [...(node.routed?.speaker?.peers() ?? [])])
  const peers = bySwitch.flat()
  const up = peers.filter((peer) => peer.status().state === 'Established').length
  // A switch without a peer has not been configured yet, or leads nowhere.
  return check(
    'bgp',
    up === peers.length && bySwitch.every((each) => each.length > 0),
    `${up} of ${peers.length} sessions of the switches are established`,
  )
}

function ddmCheck(rack: Emulation): Check {
  const peers = rack.sleds().flatMap((node) => node.routed?.ddm?.status().peers ?? [])
  const up = peers.filter((peer) => peer.status === 'exchange').length
  const wanted = rack.sleds().reduce((sum, sled) => sum + sled.spec.nics.length, 0)
  return check('ddm', up === wanted, `${up} of ${wanted} links between sleds and switches exchange routes`)
}

function tunnelCheck(rack: Emulation): Check {
  const sleds = rack.sleds()
  const switches = rack.switches().length
  const ready = sleds.filter((sled) => {
    const endpoints = sled.engine.tunnelEndpoints().find((route) => route.prefix.length === 0)?.endpoints ?? []
    return endpoints.length === switches
  }).length
  return check(
    'way out',
    ready === sleds.length,
    `${ready} of ${sleds.length} sleds know ${switches} switches that lead out`,
  )
}

function poolCheck(rack: Emulation, pool: Prefix): Check {
  const route = rack
    .hosts()
    .find((node) => node.name === CLIENT_NAME)
    ?.stack.routes()
    .find((each) => each.prefix.equals(pool))
  const ways = route?.nextHops.length ?? 0
  return check('pool', ways > 0, `${pool} is announced to the client over ${ways} upstream routers`)
}

function forwardingCheck(rack: Emulation): Check {
  const all = [...rack.nodes.values()].filter((node) => node.routed !== undefined)
  const settled = all.filter((node) => node.routed!.isSettled).length
  return check('forwarding', settled === all.length, `${settled} of ${all.length} forwarding tables are as selected`)
}

function check(name: string, ready: boolean, detail: string): Check {
  return { name, ready, detail }
}
