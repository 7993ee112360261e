/** What must hold before a rack is called ready, read from the daemons themselves, and waiting for it. */
import type { RackInfo } from '@lodestone/contract-testbed'
import { type Clock, sleep } from '@lodestone/host'
import type { Prefix } from '@lodestone/net'
import type { Emulation } from './emulation.ts'
import { RackStartError } from './rack-options.ts'
import { CLIENT_NAME } from './rack-topology.ts'

/** Two seconds are usual. A machine may be slow, or have stood still. */
const READY_WITHIN_MS = 180_000
const CHECK_PERIOD_MS = 25

type Check = RackInfo['checks'][number]

export interface NetworkWait {
  readonly clock: Clock
  /** What the rack announces; undefined: that of the plan. */
  readonly pool: Prefix | undefined
  /** Told once of each check, when it holds for the first time. */
  readonly onReady: (name: string, detail: string) => void
  /** Whether nobody waits any more. */
  readonly isGivenUp: () => boolean
}

/** Resolves when all hold, or nobody waits any more. Rejects with `RackStartError` where they do not in three minutes. */
export async function waitForNetwork(rack: Emulation, wait: NetworkWait): Promise<void> {
  const { clock, pool, onReady, isGivenUp } = wait
  const seen = new Set<string>()
  const endMs = clock.nowMs() + READY_WITHIN_MS
  while (!isGivenUp()) {
    const checks = rackChecks(rack, pool)
    for (const { name, ready, detail } of checks) {
      if (!ready || seen.has(name)) continue
      seen.add(name)
      onReady(name, detail)
    }
    const missing = checks.filter((each) => !each.ready).map((each) => `${each.name}: ${each.detail}`)
    if (missing.length === 0) return
    if (clock.nowMs() > endMs) {
      throw new RackStartError(`The rack did not become ready in ${READY_WITHIN_MS / 1000} s. ${missing.join('; ')}`)
    }
    await sleep(clock, CHECK_PERIOD_MS)
  }
}

/** @param pool what the rack announces; default: all that its plan says. */
export function rackChecks(rack: Emulation, pool?: Prefix): Check[] {
  const planned = rack.specs('switch')[0]?.bgp.originate ?? []
  // A rack that was made before its plan had IPv6 outside goes on without.
  const peers = rack.switches().flatMap((node) => [...(node.routed?.speaker?.peers() ?? [])])
  const isSpoken = ({ family }: Prefix): boolean => peers.some(({ config }) => config.remoteAddress?.family === family)
  const pools = pool === undefined ? planned.filter((each) => each.family === 4 || isSpoken(each)) : [pool]
  return [bgpCheck(rack), ddmCheck(rack), tunnelCheck(rack, pools), poolCheck(rack, pools), forwardingCheck(rack)]
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

/** Of each family that the rack has outside. */
function tunnelCheck(rack: Emulation, pools: readonly Prefix[]): Check {
  const sleds = rack.sleds()
  const switches = rack.switches().length
  const ready = sleds.filter((sled) => {
    const ways = sled.engine.tunnelEndpoints().filter((route) => route.prefix.length === 0)
    return pools.every(({ family }) => {
      return ways.find(({ prefix }) => prefix.family === family)?.endpoints.length === switches
    })
  }).length
  return check(
    'way out',
    ready === sleds.length,
    `${ready} of ${sleds.length} sleds know ${switches} switches that lead out`,
  )
}

function poolCheck(rack: Emulation, pools: readonly Prefix[]): Check {
  const routes = rack
    .hosts()
    .find((node) => node.name === CLIENT_NAME)
    ?.stack.routes()
  const waysOf = (pool: Prefix): number => routes?.find(({ prefix }) => prefix.equals(pool))?.nextHops.length ?? 0
  const ways = pools.length === 0 ? 0 : Math.min(...pools.map(waysOf))
  return check(
    'pool',
    ways > 0,
    `${pools.join(' and ')} ${pools.length > 1 ? 'are' : 'is'} announced to the client over ${ways} upstream router${ways === 1 ? '' : 's'}`,
  )
}

function forwardingCheck(rack: Emulation): Check {
  const all = [...rack.nodes.values()].filter((node) => node.routed !== undefined)
  const settled = all.filter((node) => node.routed!.isSettled).length
  return check('forwarding', settled === all.length, `${settled} of ${all.length} forwarding tables are as selected`)
}

function check(name: string, ready: boolean, detail: string): Check {
  return { name, ready, detail }
}
