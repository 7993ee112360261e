/**
 * The nodes and links of a topology, alive: on any clock, so the same rack runs in real time under `lode up` and in virtual time in
 * tests. The control plane is not part of it (`rack.ts` adds that); sled agents and switches answer their contracts.
 */
import type { Link, LinkDirection } from '@lodestone/link'
import type { Program } from '@lodestone/p4'
import { type BgpTimers, RACK_TIMERS } from './bgp-config.ts'
import { HostNode } from './host-node.ts'
import { SledUart } from './host-uart.ts'
import { NodeLoad } from './node-load.ts'
import type { RackNode } from './node-table.ts'
import { RackSwitchNode } from './rack-switch-node.ts'
import { ServiceProcessors } from './service-processors.ts'
import { SledNode } from './sled-node.ts'
import { Throttle } from './throttle.ts'
import type { NodeSpec, Topology } from './topology.ts'
import { type Wiring, wire } from './wiring.ts'
import type { World } from './world.ts'

export interface EmulationOptions {
  readonly world: World
  readonly topology: Topology
  /** What the switches run. */
  readonly program: Program
  readonly timers?: BgpTimers
  /** Told when a node has come up or gone because its power did. */
  readonly onPower?: (name: string, isOn: boolean) => void
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
  readonly #uarts = new Map<string, SledUart>()
  readonly #loads = new Map<string, NodeLoad>()
  readonly #throttles = new Map<string, Throttle>()
  readonly #onPower: (name: string, isOn: boolean) => void
  /** Nodes on their way up, for those who wait for them. */
  readonly #starting = new Map<string, Promise<void>>()
  readonly #powerFaults = new Map<string, string>()
  #isClosed = false
  /** Of sleds and switches: they decide which of those have power. */
  readonly serviceProcessors: ServiceProcessors

  constructor(options: EmulationOptions) {
    this.world = options.world
    this.topology = options.topology
    this.#program = options.program
    this.#timers = options.timers ?? RACK_TIMERS
    this.nodes = this.#nodes
    this.wiring = wire(this.topology, this.world)
    this.#onPower = options.onPower ?? (() => {})
    this.serviceProcessors = this.#makeServiceProcessors()
    for (const spec of this.topology.nodes) this.#nodes.set(spec.name, this.#build(spec))
    for (const sled of this.sleds()) this.#uarts.get(sled.name)?.setHost(sled.stack)
  }

  /** Opens the daemons' interfaces on the emulated network. */
  async start(): Promise<void> {
    for (const node of this.#nodes.values()) if (node.kind !== 'host') await node.start()
    await this.serviceProcessors.start()
  }

  close(): void {
    this.#isClosed = true
    this.serviceProcessors.close()
    for (const uart of this.#uarts.values()) uart.setHost(undefined)
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

  /**
   * Pulls a node's plug, or sees to it that the node is up: plugged in, switched on, and started. A sled or switch comes up
   * as its service processor brings it up, which takes most of a second.
   * @returns false when there is no such node.
   */
  async setPower(name: string, isOn: boolean): Promise<boolean> {
    const spec = this.topology.nodes.find((node) => node.name === name)
    if (spec === undefined) return false
    if (!isOn) {
      if (spec.kind === 'host') this.#stopNode(name)
      else this.serviceProcessors.unplug(name)
    } else if (spec.kind === 'host') await this.#startNode(name)
    else {
      const fault = await this.serviceProcessors.powerOn(name)
      if (fault === undefined) this.#powerFaults.delete(name)
      else this.#powerFaults.set(name, fault)
      await this.#starting.get(name)
    }
    return true
  }

  /** Why the last `setPower` could not bring a node up; undefined when it could. */
  powerFault(name: string): string | undefined {
    return this.#nodes.has(name) ? undefined : this.#powerFaults.get(name)
  }

  /** The sequencer of a sled or switch says so. */
  #hostPower(name: string, isOn: boolean): void {
    if (!isOn) this.#stopNode(name)
    else {
      const starting = this.#startNode(name).finally(() => this.#starting.delete(name))
      this.#starting.set(name, starting)
    }
  }

  #stopNode(name: string): void {
    const node = this.#nodes.get(name)
    if (node === undefined) return
    for (const { link } of this.#cables(name)) link.setUp(false)
    this.#throttles.get(name)?.set(false, [])
    this.#uarts.get(name)?.setHost(undefined)
    this.#nodes.delete(name)
    node.close()
    this.#onPower(name, false)
  }

  async #startNode(name: string): Promise<void> {
    const spec = this.topology.nodes.find((node) => node.name === name)
    if (spec === undefined || this.#nodes.has(name) || this.#isClosed) return
    const fresh = this.#build(spec)
    this.#nodes.set(name, fresh)
    if (fresh.kind !== 'host') await fresh.start()
    // Its power may have gone meanwhile.
    if (this.#nodes.get(name) !== fresh) return
    for (const { link, other } of this.#cables(name)) {
      // A cable to a node that is off stays dark.
      if (this.#nodes.has(other)) link.setUp(true)
    }
    if (fresh.kind === 'sled') this.#uarts.get(name)?.setHost(fresh.stack)
    this.#onPower(name, true)
  }

  /** The cables of a node, where they lead, and in which direction. */
  #cables(name: string): readonly { readonly link: Link; readonly other: string; readonly direction: LinkDirection }[] {
    return this.topology.links.flatMap(({ name: cable, a, b }) => {
      if (a.node !== name && b.node !== name) return []
      // because there is a link for every cable of the topology
      const link = this.wiring.links.get(cable)!
      return [{ link, other: a.node === name ? b.node : a.node, direction: a.node === name ? 'a-to-b' : 'b-to-a' }]
    })
  }

  #makeServiceProcessors(): ServiceProcessors {
    const { clock } = this.world
    const specs = this.topology.nodes.filter((node) => node.kind !== 'host')
    for (const { name, kind } of specs) {
      const cables = this.#cables(name).map(({ link }) => link)
      const guests = (): number => {
        const node = this.#nodes.get(name)
        if (node?.kind !== 'sled') return 0
        return [...node.agent.instances.values()].filter((each) => each.guest !== undefined).length
      }
      this.#loads.set(name, new NodeLoad({ clock, kind, cables, guests }))
      this.#throttles.set(name, new Throttle())
      if (kind === 'sled') this.#uarts.set(name, new SledUart(name, clock))
    }
    return new ServiceProcessors({
      world: this.world,
      specs,
      // because there is one for every sled and switch
      load: (name) => this.#loads.get(name)!.read(),
      uart: (name) => this.#uarts.get(name)!,
      onHostPower: (name, isOn) => this.#hostPower(name, isOn),
      onThrottle: (name, isThrottled) => this.#throttles.get(name)?.set(isThrottled, this.#cables(name)),
    })
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
