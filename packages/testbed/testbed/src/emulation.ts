/**
 * The nodes and links of a topology, alive: on any clock, so the same rack runs in real time under `lode up` and in virtual time in
 * tests. The control plane is not part of it (`rack.ts` adds that); sled agents and switches answer their contracts.
 */
import type { Link } from '@lodestone/link'
import type { Program } from '@lodestone/p4'
import { type BgpTimers, RACK_TIMERS } from './bgp-config.ts'
import { HostNode } from './host-node.ts'
import type { RackNode } from './node-table.ts'
import { RackSwitchNode } from './rack-switch-node.ts'
import { SledNode } from './sled-node.ts'
import type { NodeSpec, Topology } from './topology.ts'
import { type Wiring, wire } from './wiring.ts'
import type { World } from './world.ts'

export interface EmulationOptions {
  readonly world: World
  readonly topology: Topology
  /** What the switches run. */
  readonly program: Program
  readonly timers?: BgpTimers
}

export class Emulation {
  readonly world: World
  readonly topology: Topology
  readonly wiring: Wiring
  /** Those that are switched on. */
  readonly nodes: ReadonlyMap<string, RackNode>
  readonly #nodes = new Map<string, RackNode>()
  readonly #program: Program
  readonly #timers: BgpTimers
  readonly #guestWires = new Map<string, Link>()

  constructor(options: EmulationOptions) {
    this.world = options.world
    this.topology = options.topology
    this.#program = options.program
    this.#timers = options.timers ?? RACK_TIMERS
    this.nodes = this.#nodes
    this.wiring = wire(this.topology, this.world)
    for (const spec of this.topology.nodes) this.#nodes.set(spec.name, this.#build(spec))
  }

  /** Opens the daemons' interfaces on the emulated network. */
  async start(): Promise<void> {
    for (const node of this.#nodes.values()) if (node.kind !== 'host') await node.start()
  }

  close(): void {
    for (const node of this.#nodes.values()) node.close()
    this.#nodes.clear()
  }

  hosts(): readonly HostNode[] {
    return this.#inOrder().filter((node) => node.kind === 'host')
  }

  sleds(): readonly SledNode[] {
    return this.#inOrder().filter((node) => node.kind === 'sled')
  }

  switches(): readonly RackSwitchNode[] {
    return this.#inOrder().filter((node) => node.kind === 'switch')
  }

  specs<Kind extends NodeSpec['kind']>(kind: Kind): readonly Extract<NodeSpec, { kind: Kind }>[] {
    return this.topology.nodes.filter((node): node is Extract<NodeSpec, { kind: Kind }> => node.kind === kind)
  }

  /** Links between nodes, and the wires of guests' NICs. */
  links(): ReadonlyMap<string, Link> {
    return new Map([...this.wiring.links, ...this.#guestWires])
  }

  /** Switches a node off or on, as if its plug were pulled. @returns false when there is no such node. */
  async setPower(name: string, isOn: boolean): Promise<boolean> {
    const spec = this.topology.nodes.find((node) => node.name === name)
    if (spec === undefined) return false
    const cables = this.topology.links.filter((link) => link.a.node === name || link.b.node === name)
    const node = this.#nodes.get(name)
    if (!isOn && node !== undefined) {
      for (const cable of cables) this.wiring.links.get(cable.name)!.setUp(false)
      this.#nodes.delete(name)
      node.close()
    } else if (isOn && node === undefined) {
      const fresh = this.#build(spec)
      this.#nodes.set(name, fresh)
      if (fresh.kind !== 'host') await fresh.start()
      for (const cable of cables) {
        // A cable to a node that is off stays dark.
        const other = cable.a.node === name ? cable.b.node : cable.a.node
        if (this.#nodes.has(other)) this.wiring.links.get(cable.name)!.setUp(true)
      }
    }
    return true
  }

  /** As the topology lists them, whatever was switched off and on meanwhile. */
  #inOrder(): readonly RackNode[] {
    return this.topology.nodes.flatMap((spec) => this.#nodes.get(spec.name) ?? [])
  }

  #build(spec: NodeSpec): RackNode {
    const ports = this.wiring.ports(spec.name)
    switch (spec.kind) {
      case 'host':
        return new HostNode(spec, ports, this.world, this.#timers)
      case 'switch':
        return new RackSwitchNode(spec, ports, this.world, { program: this.#program, timers: this.#timers })
      case 'sled':
        return new SledNode(spec, ports, this.world, {
          peers: {
            sleds: this.specs('sled').map((sled) => sled.address),
            switches: this.specs('switch').map((each) => each.tunnelEndpoint),
          },
          onWire: (link, isThere) => {
            if (isThere) this.#guestWires.set(link.name, link)
            else this.#guestWires.delete(link.name)
          },
        })
    }
  }
}
