/**
 * The nodes and links of a topology, alive: on any clock, so the same rack runs in real time under `lode up` and in virtual time in
 * tests. The control plane is not part of it (`rack.ts` adds that); sled agents and switches answer their contracts.
 */
import type { Link, LinkDirection } from '@lodestone/link'
import type { Program } from '@lodestone/p4'
import { gatewayHandler } from '@lodestone/sp'
import { type BgpTimers, RACK_TIMERS } from './bgp-config.ts'
import { HostNode } from './host-node.ts'
import { SledUart } from './host-uart.ts'
import { NodeLoad } from './node-load.ts'
import type { RackNode } from './node-table.ts'
import { RackSwitchNode, type SwitchConfiguration } from './rack-switch-node.ts'
import { ServiceProcessors, sledHardware, slotOf } from './service-processors.ts'
import { SledNode, type UnderlayPeers } from './sled-node.ts'
import { Throttle } from './throttle.ts'
import {
  type ExternalSpec,
  type LinkSpec,
  type NodeSpec,
  type SledSpec,
  type SwitchSpec,
  type Topology,
  topologyErrors,
} from './topology.ts'
import { Wiring } from './wiring.ts'
import type { World } from './world.ts'

export interface EmulationOptions {
  readonly world: World
  readonly topology: Topology
  /** What the switches run. */
  readonly program: Program
  readonly timers?: BgpTimers
  /** Who configures the switches; default: the topology. With a control plane, uplinks and routers speak LLDP. */
  readonly configuration?: SwitchConfiguration
  /** Told when a node has come up or gone because its power did. */
  readonly onPower?: (name: string, isOn: boolean) => void
  /** Told when a guest's wire has come or is about to go; `a` is the guest's end. */
  readonly onGuestWire?: (link: Link, isThere: boolean, sled: string) => void
}

export class Emulation {
  readonly world: World
  readonly wiring: Wiring
  #topology: Topology
  /** Those that are switched on. */
  readonly nodes: ReadonlyMap<string, RackNode>
  readonly #nodes = new Map<string, RackNode>()
  readonly #program: Program
  readonly #timers: BgpTimers
  readonly #configuration: SwitchConfiguration
  readonly #guestWires = new Map<string, Link>()
  readonly #uarts = new Map<string, SledUart>()
  readonly #loads = new Map<string, NodeLoad>()
  readonly #throttles = new Map<string, Throttle>()
  readonly #onPower: (name: string, isOn: boolean) => void
  readonly #onGuestWire: (link: Link, isThere: boolean, sled: string) => void
  /** Nodes on their way up, for those who wait for them. */
  readonly #starting = new Map<string, Promise<void>>()
  readonly #powerFaults = new Map<string, string>()
  #isClosed = false
  /** Of sleds and switches: they decide which of those have power. */
  readonly serviceProcessors: ServiceProcessors

  constructor(options: EmulationOptions) {
    this.world = options.world
    this.#topology = options.topology
    this.#program = options.program
    this.#timers = options.timers ?? RACK_TIMERS
    this.#configuration = options.configuration ?? 'topology'
    this.nodes = this.#nodes
    this.wiring = new Wiring(this.topology, this.world)
    this.#onPower = options.onPower ?? (() => {})
    this.#onGuestWire = options.onGuestWire ?? (() => {})
    this.serviceProcessors = this.#makeServiceProcessors()
    for (const spec of this.topology.nodes) {
      if (spec.kind !== 'external') this.#nodes.set(spec.name, this.#build(spec))
    }
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

  /** As it is now: `change` replaces it. */
  get topology(): Topology {
    return this.#topology
  }

  /**
   * Makes the running network that of another topology. Nodes whose specification is the same object go on undisturbed, and so
   * do their links; hosts that differ are started anew. A sled that is new or differs is another board in that place: its processor
   * starts and brings the host up, after this has returned. Switches have to be the same.
   * @returns why not, as sentences; then nothing has changed.
   */
  change(next: Topology): readonly string[] {
    const errors = [...topologyErrors(next), ...this.#fixedParts(next)]
    if (errors.length > 0) return errors
    const before = this.#topology
    // Boards first: a host that loses its power takes its cables down, which must still be there.
    for (const spec of before.nodes) {
      if (spec.kind !== 'sled' || next.nodes.includes(spec)) continue
      this.serviceProcessors.remove(spec.name)
      this.#loads.delete(spec.name)
      this.#throttles.delete(spec.name)
      this.#uarts.delete(spec.name)
    }
    const links = new Map(next.links.map((link) => [link.name, link]))
    for (const link of before.links) if (!isSameCable(link, links.get(link.name))) this.wiring.removeLink(link.name)
    const specs = new Map(next.nodes.map((node) => [node.name, node]))
    for (const spec of before.nodes) {
      if (specs.get(spec.name) === spec) continue
      this.#nodes.get(spec.name)?.close()
      this.#nodes.delete(spec.name)
      if (!specs.has(spec.name)) this.wiring.removeNode(spec.name)
    }
    this.#topology = next
    for (const spec of next.nodes) {
      if (before.nodes.includes(spec)) continue
      this.wiring.setNode(spec)
      if (spec.kind !== 'external' && spec.kind !== 'sled') this.#nodes.set(spec.name, this.#build(spec))
    }
    for (const link of next.links) {
      const running = this.wiring.links.get(link.name)
      if (running === undefined) this.wiring.addLink(link)
      else running.setMtu(link.mtuBytes)
    }
    for (const [index, spec] of next.nodes.entries()) {
      if (spec.kind !== 'sled' || before.nodes.includes(spec)) continue
      for (const { link } of this.#cables(spec.name)) link.setUp(false)
      this.#addBoardParts(spec)
      void this.serviceProcessors.add(spec, index)
    }
    for (const sled of this.sleds()) sled.setPeers(this.#underlayPeers())
    return []
  }

  #fixedParts(next: Topology): readonly string[] {
    const fixed = (topology: Topology): readonly NodeSpec[] => topology.nodes.filter(({ kind }) => kind === 'switch')
    const [before, after] = [fixed(this.#topology), fixed(next)]
    const isSame = before.length === after.length && before.every((spec) => after.includes(spec))
    return isSame ? [] : ['rack switches cannot be changed while the rack runs']
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
    if (spec === undefined || spec.kind === 'external') return false
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
    if (spec === undefined || spec.kind === 'external' || this.#nodes.has(name) || this.#isClosed) return
    const fresh = this.#build(spec)
    this.#nodes.set(name, fresh)
    if (fresh.kind !== 'host') await fresh.start()
    // Its power may have gone meanwhile.
    if (this.#nodes.get(name) !== fresh) return
    for (const { link, other } of this.#cables(name)) {
      // A cable to a node that is off stays dark.
      if (this.#nodes.has(other) || this.#isExternal(other)) link.setUp(true)
    }
    if (fresh.kind === 'sled') this.#uarts.get(name)?.setHost(fresh.stack)
    this.#onPower(name, true)
  }

  #isExternal(name: string): boolean {
    return this.topology.nodes.some((node) => node.name === name && node.kind === 'external')
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
    const specs = this.topology.nodes.filter((node) => node.kind === 'sled' || node.kind === 'switch')
    for (const spec of specs) this.#addBoardParts(spec)
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

  #underlayPeers(): UnderlayPeers {
    return {
      sleds: this.specs('sled').map((sled) => sled.address),
      switches: this.specs('switch').map((each) => each.tunnelEndpoint),
    }
  }

  /** What the emulation has beside the board of a sled or switch. */
  #addBoardParts({ name, kind }: SledSpec | SwitchSpec): void {
    const { clock } = this.world
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

  /** As the topology lists them, whatever was switched off and on meanwhile. */
  #inOrder(): readonly RackNode[] {
    return this.topology.nodes.flatMap((spec) => this.#nodes.get(spec.name) ?? [])
  }

  #build(spec: Exclude<NodeSpec, ExternalSpec>): RackNode {
    const ports = this.wiring.ports(spec.name)
    const world = this.world.of(spec.name)
    switch (spec.kind) {
      case 'host':
        return new HostNode(
          spec,
          ports,
          world,
          this.#timers,
          this.#configuration === 'control-plane' && spec.forwarding,
        )
      case 'switch':
        return new RackSwitchNode(spec, ports, world, {
          program: this.#program,
          timers: this.#timers,
          configuration: this.#configuration,
          gateway: gatewayHandler(() => this.serviceProcessors.gatewayOf(slotOf(spec.name, 0))),
        })
      case 'sled':
        return new SledNode(spec, ports, world, {
          peers: this.#underlayPeers(),
          hardware: sledHardware(spec, this.topology.nodes.indexOf(spec)),
          onWire: (link, isThere) => {
            if (isThere) this.#guestWires.set(link.name, link)
            else this.#guestWires.delete(link.name)
            this.#onGuestWire(link, isThere, spec.name)
          },
        })
    }
  }
}

/** Whether the cable can stay where it is. */
function isSameCable(before: LinkSpec, after: LinkSpec | undefined): boolean {
  if (after === undefined) return false
  return (
    before.a.node === after.a.node &&
    before.a.port === after.a.port &&
    before.b.node === after.b.node &&
    before.b.port === after.b.port
  )
}
