/** Links of a topology, and for each node the sockets that its ends of them are plugged into. Both change while nodes live. */
import { Link, type Port } from '@lodestone/link'
import { PortSocket } from './port-socket.ts'
import type { LinkSpec, NodeSpec, Topology } from './topology.ts'
import { portsOf, topologyErrors } from './topology.ts'
import type { World } from './world.ts'

export class Wiring {
  readonly #world: World
  readonly #links = new Map<string, Link>()
  readonly #specs = new Map<string, LinkSpec>()
  readonly #sockets = new Map<string, Map<string, PortSocket>>()

  /** Throws when the topology contradicts itself: that is the programme's mistake. */
  constructor(topology: Topology, world: World) {
    const errors = topologyErrors(topology)
    if (errors.length > 0) throw new Error(`topology ${topology.name}: ${errors.join('; ')}`)
    this.#world = world
    for (const node of topology.nodes) this.setNode(node)
    for (const link of topology.links) this.addLink(link)
  }

  get links(): ReadonlyMap<string, Link> {
    return this.#links
  }

  /** The ports of a node by name. */
  ports(node: string): ReadonlyMap<string, Port> {
    return this.#sockets.get(node) ?? new Map()
  }

  /** Gives a node the ports of its specification; those that it has stay, with their cables. */
  setNode(spec: NodeSpec): void {
    const before = this.#sockets.get(spec.name)
    const ports = new Map<string, PortSocket>()
    for (const name of portsOf(spec)) {
      ports.set(name, before?.get(name) ?? new PortSocket(`${spec.name}/${name}`, this.#world.arena))
    }
    this.#sockets.set(spec.name, ports)
  }

  /** Its links have to be removed before. */
  removeNode(name: string): void {
    this.#sockets.delete(name)
  }

  addLink(spec: LinkSpec): Link {
    const link = makeLink(spec, this.#world)
    this.#links.set(spec.name, link)
    this.#specs.set(spec.name, spec)
    this.#sockets.get(spec.a.node)!.get(spec.a.port)!.plug(link.a)
    this.#sockets.get(spec.b.node)!.get(spec.b.port)!.plug(link.b)
    return link
  }

  /** Pulls the cable out at both ends; what is on it is lost. */
  removeLink(name: string): void {
    const link = this.#links.get(name)
    const spec = this.#specs.get(name)
    if (link === undefined || spec === undefined) return
    link.setUp(false)
    this.#sockets.get(spec.a.node)?.get(spec.a.port)?.unplug()
    this.#sockets.get(spec.b.node)?.get(spec.b.port)?.unplug()
    this.#links.delete(name)
    this.#specs.delete(name)
  }
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
    ...(spec.aToB === undefined ? {} : { aToB: spec.aToB }),
    ...(spec.bToA === undefined ? {} : { bToA: spec.bToA }),
  })
}
