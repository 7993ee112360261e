/** Links of a topology, and for each node the ports that its end of them gives. */
import { Link, type Port } from '@lodestone/link'
import type { LinkSpec, Topology } from './topology.ts'
import { topologyErrors } from './topology.ts'
import type { World } from './world.ts'

export interface Wiring {
  readonly links: ReadonlyMap<string, Link>
  /** The ports of a node by name. */
  ports(node: string): ReadonlyMap<string, Port>
}

/** Throws when the topology contradicts itself: that is the programme's mistake. */
export function wire(topology: Topology, world: World): Wiring {
  const errors = topologyErrors(topology)
  if (errors.length > 0) throw new Error(`topology ${topology.name}: ${errors.join('; ')}`)
  const links = new Map<string, Link>()
  const ports = new Map<string, Map<string, Port>>()
  for (const node of topology.nodes) ports.set(node.name, new Map())
  for (const spec of topology.links) {
    const link = makeLink(spec, world)
    links.set(spec.name, link)
    ports.get(spec.a.node)!.set(spec.a.port, link.a)
    ports.get(spec.b.node)!.set(spec.b.port, link.b)
  }
  return { links, ports: (node) => ports.get(node) ?? new Map() }
}

function makeLink(spec: LinkSpec, world: World): Link {
  return new Link({
    name: spec.name,
    a: `${spec.a.node}/${spec.a.port}`,
    b: `${spec.b.node}/${spec.b.port}`,
    clock: world.clock,
    random: world.random,
    arena: world.arena,
    tracer: world.tracer,
    mtuBytes: spec.mtuBytes,
    impairments: { delayMs: spec.delayMs, rateBps: spec.rateBps, loss: spec.lossRatio },
  })
}
