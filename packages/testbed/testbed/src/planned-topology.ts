/** The topology of a running rack: the plan with the boards that were put in, and the outside and services of its configuration. */
import { type PlacedBoards, withBoards } from './rack-boards.ts'
import type { RackConfig } from './rack-config.ts'
import { configuredTopology } from './rack-config-topology.ts'
import { multipathOf, type RackOptions } from './rack-options.ts'
import { withServices } from './rack-services.ts'
import { rackTopology } from './rack-topology.ts'
import type { Topology } from './topology.ts'

/** What a rack has room for. */
const SLED_PLACES = 32

export function plannedTopology(options: RackOptions, config: RackConfig | undefined, boards: PlacedBoards): Topology {
  const multipath = multipathOf(options)
  const plan = rackTopology({ sleds: options.sleds, multipath, places: SLED_PLACES, outside: 'dual-stack' })
  const planned = withBoards(plan, boards, multipath)
  if (config === undefined) return withServices(planned)
  return withServices(configuredTopology(planned, config), config.pools[0]?.prefix)
}

/** What of a topology is to be changed to come from one to the other; nodes that do not differ run on. */
export function changedTopology(present: Topology, wanted: Topology): Topology {
  const before = new Map(present.nodes.map((node) => [node.name, node]))
  const nodes = wanted.nodes.map((node) => {
    const kept = before.get(node.name)
    // Switches are configured by the control plane.
    const isKept = kept !== undefined && (node.kind === 'switch' || JSON.stringify(node) === JSON.stringify(kept))
    return isKept ? kept : node
  })
  return { ...wanted, nodes }
}
