/**
 * A rack switch and its switch zone. Frames between ports run through `p4/switch.p4`; the zone's TCP/IP stack sits behind the
 * CPU port with one interface per port, and on it run BGP to the world, DDM to the sleds, and switchd.
 */
import { client, type HttpHandler, type HttpServer, serveHttp } from '@lodestone/api'
import { GATEWAY_PORT } from '@lodestone/contract-sp'
import { ROUTED_PORT, routedApi } from '@lodestone/contract-routed'
import { SWITCHD_PORT, switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import type { Arena } from '@lodestone/frame'
import { type Clock, socketError } from '@lodestone/host'
import type { Port } from '@lodestone/link'
import { KernelTarget, SwitchdTarget } from '@lodestone/lower'
import { Mac, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { createPipeline, type Pipeline } from '@lodestone/npu'
import type { Program } from '@lodestone/p4'
import { EMPTY_CONFIG, type Routed } from '@lodestone/routed'
import {
  defaultLink,
  fillNat,
  LldpPort,
  type NatMapping,
  type Outcome,
  errorText,
  portNumber,
  Switchd,
  type SwitchdOptions,
  SwitchNode,
  switchPipelineOptions,
  TableJournal,
  tfportName,
} from '@lodestone/switchd'
import { type BgpTimers, bgpConfig } from './bgp-config.ts'
import { type RouteRemoval, RoutingProcess, stackRoutes } from './routing-process.ts'
import type { SwitchPortSpec, SwitchSpec } from './topology.ts'
import type { World } from './world.ts'

export interface RackSwitchNodeOptions {
  readonly program: Program
  readonly timers: BgpTimers
  readonly configuration: SwitchConfiguration
  /** The management gateway beside the switch, which its zone serves on the underlay. */
  readonly gateway: HttpHandler
}

/**
 * Who configures the ports that face the world, BGP, static routes and BFD: the topology, as far as it goes, when the node starts;
 * or the control plane, through switchd and routed, and then the ports have nothing until it comes.
 */
export type SwitchConfiguration = 'topology' | 'control-plane'

export class RackSwitchNode {
  readonly kind = 'switch'
  readonly name: string
  readonly spec: SwitchSpec
  readonly stack: Netstack
  readonly node: SwitchNode
  readonly pipeline: Pipeline
  readonly #makePipeline: () => Pipeline
  readonly #journal: TableJournal
  /** Another pipeline of the same program, for what the tables were or would be. */
  #other: Pipeline | undefined
  readonly #makeSwitchd: () => Switchd
  #switchd: Switchd
  #isSwitchdUp = false
  #switchdServer: HttpServer | undefined
  /** switchd's interface by a direct call. */
  readonly api: SwitchdClient
  readonly #routing: RoutingProcess
  /** On the ports that face the world, by interface. */
  readonly lldp: ReadonlyMap<string, LldpPort>
  readonly #lldp = new Map<string, LldpPort>()
  readonly #configuration: SwitchConfiguration
  readonly #arena: Arena
  readonly #clock: Clock
  #gatewayServer: HttpServer | undefined
  readonly #gateway: HttpHandler

  constructor(spec: SwitchSpec, ports: ReadonlyMap<string, Port>, world: World, options: RackSwitchNodeOptions) {
    this.name = spec.name
    this.spec = spec
    this.lldp = this.#lldp
    this.#configuration = options.configuration
    this.#gateway = options.gateway
    this.#arena = world.arena
    this.#clock = world.clock
    const { clock, random, arena, tracer } = world
    this.#makePipeline = () =>
      createPipeline(
        options.program,
        switchPipelineOptions({ name: spec.name, arena, clock, tracer, ports: ports.keys() }),
      )
    this.pipeline = this.#makePipeline()
    this.#journal = new TableJournal(() => clock.nowMs())
    this.node = new SwitchNode({ name: spec.name, arena, clock, tracer, pipeline: this.pipeline, ports })
    const zone = `${spec.name}-zone`
    this.stack = new Netstack({ name: zone, clock, random, arena, tracer })
    const host = world.host(zone, { zone: this.stack })

    const first = spec.ports[0]!
    const switchdOptions: SwitchdOptions = {
      node: this.node,
      journal: this.#journal,
      macBase: Mac.fromNumber(first.mac.toNumber() - portNumber(first.name)!),
      neighbors: {
        resolve: (name, ip) => this.stack.resolve(name, ip),
        onNeighbor: (fn) => this.stack.onNeighbor(fn),
        neighbors: () =>
          this.stack
            .neighbors()
            .flatMap(({ interface: interfaceName, address, mac }) =>
              mac === undefined ? [] : [{ interfaceName, ip: address, mac: Mac.of(mac) }],
            ),
      },
      zone: {
        setAddresses: (name, addresses) => this.#setAddresses(name, addresses),
        addLoopback: (address) => this.stack.addLoopbackAddress(address),
        removeLoopback: (address) => this.stack.removeLoopbackAddress(address),
        lldp: (name) => this.#lldp.get(name),
      },
    }
    this.#makeSwitchd = () => new Switchd(host, switchdOptions)
    this.#switchd = this.#makeSwitchd()
    this.api = client(
      switchdApi,
      (request) =>
        this.#isSwitchdUp
          ? this.#switchd.handler(request)
          : Promise.reject(socketError('ECONNREFUSED', 'switchd does not run')),
      'http://switchd',
    )
    this.#fillSwitchd()
    this.#configureStack()

    this.#routing = new RoutingProcess({
      node: spec.name,
      stack: this.stack,
      random,
      host: (network, lifeRandom) => world.host(zone, { zone: network }, lifeRandom),
      network: 'zone',
      targets: () => [
        { target: new KernelTarget(stackRoutes(this.stack), 'switch zone') },
        {
          target: new SwitchdTarget({
            switchd: this.api,
            clock,
            interfaceOf: ({ portId }) => tfportName(portNumber(portId)!),
          }),
        },
      ],
      config: {
        ...EMPTY_CONFIG,
        bgp:
          options.configuration === 'control-plane'
            ? undefined
            : bgpConfig(
                spec.bgp,
                (peer) => {
                  const port = spec.ports.find((each) => each.addresses.some((prefix) => prefix.contains(peer.address)))
                  return port === undefined ? undefined : tfportName(portNumber(port.name)!)
                },
                options.timers,
              ),
        ddm: {
          hostname: spec.name,
          role: 'transit',
          interfaces: spec.ports.filter((port) => !port.isUplink).map((port) => tfportName(portNumber(port.name)!)),
          originate: [Prefix.host(spec.zoneAddress)],
          tunnelOrigins: [],
        },
        tunnelEndpoint: spec.tunnelEndpoint,
        fanOut: { bgp: 8 },
      },
    })
  }

  /** `pipelineAt` knows nothing of what was before: when the switch began, or later where changes have been forgotten. */
  get remembersFromMs(): number {
    return this.#journal.reachesBackToMs
  }

  /** A pipeline with the tables of then, for questions only; the same one at each call. @param atMs of the clock, no earlier than it remembers. */
  pipelineAt(atMs: number): Pipeline {
    this.#other ??= this.#makePipeline()
    this.#journal.restore(this.pipeline, atMs, this.#other)
    return this.#other
  }

  /** The same pipeline with the tables of now, but these translations of addresses in place of all that there are. */
  pipelineWith(nat: readonly NatMapping[]): Pipeline {
    const pipeline = this.pipelineAt(this.#clock.nowMs())
    fillNat(pipeline, nat)
    return pipeline
  }

  /** Undefined while it is dead. */
  get routed(): Routed | undefined {
    return this.#routing.routed
  }

  /** Prefixes that its routing has no path to any more, the last first. */
  routeRemovals(): readonly RouteRemoval[] {
    return this.#routing.removals()
  }

  killRouting(): void {
    this.#routing.kill()
  }

  async startRouting(): Promise<void> {
    if (this.#routing.routed !== undefined) return
    this.#routing.start()
    await this.#serveRouting()
  }

  get switchd(): Switchd {
    return this.#switchd
  }

  /** switchd dies; the switch's program goes on with the tables that it has, and so do its zone's stack and routing. */
  killSwitchd(): void {
    this.#isSwitchdUp = false
    this.#switchdServer?.close()
    this.#switchd.close()
  }

  /**
   * switchd begins anew, with empty tables. It is told what the switch is made with; the rest has to come from whoever told it before.
   */
  async startSwitchd(): Promise<void> {
    if (this.#isSwitchdUp) return
    this.#switchd = this.#makeSwitchd()
    this.#fillSwitchd()
    await this.#serveSwitchd()
  }

  #fillSwitchd(): void {
    this.#isSwitchdUp = true
    must(this.#switchd.start())
    for (const port of this.spec.ports) {
      const number = portNumber(port.name)!
      must(
        this.#switchd.setPort(number, {
          link: { ...defaultLink(number), mtuBytes: port.mtuBytes, isUplink: port.isUplink },
          addresses: this.#ownAddresses(port).map((prefix) => prefix.address),
        }),
      )
    }
    must(this.#switchd.addAddress(this.spec.zoneAddress))
    must(this.#switchd.addAddress(this.spec.tunnelEndpoint))
    must(this.#switchd.setTunnelSource(this.spec.tunnelEndpoint))
  }

  /** Those that nobody else configures. */
  #ownAddresses(port: SwitchPortSpec): readonly Prefix[] {
    return this.#isManaged(port) ? [] : port.addresses
  }

  #isManaged(port: SwitchPortSpec): boolean {
    return port.isUplink && this.#configuration === 'control-plane'
  }

  #configureStack(): void {
    for (const port of this.spec.ports) {
      const number = portNumber(port.name)!
      const name = tfportName(number)
      const mac = this.#switchd.portMac(number)
      const tfport = this.node.cpu.tfport(number)!
      if (this.#isManaged(port)) this.#lldp.set(name, this.#lldpPort(port.name, tfport, mac))
      this.stack.addInterface({
        name,
        port: this.#lldp.get(name) ?? tfport,
        mac,
        mtuBytes: port.mtuBytes,
        addresses: this.#ownAddresses(port),
      })
    }
    this.stack.addLoopbackAddress(this.spec.zoneAddress)
  }

  #lldpPort(name: string, port: Port, mac: Mac): LldpPort {
    return new LldpPort({
      port,
      mac,
      arena: this.#arena,
      clock: this.#clock,
      settings: {
        isEnabled: true,
        chassisId: this.name,
        portId: name,
        systemName: this.name,
        managementAddresses: [],
      },
    })
  }

  #setAddresses(name: string, wanted: readonly Prefix[]): void {
    const known = this.stack.interface(name)
    if (known === undefined) return // a port of the switch that the topology wires to nothing
    const own = known.prefixes.filter(({ address }) => !address.isLinkLocal)
    for (const prefix of own) {
      if (!wanted.some((other) => other.equals(prefix))) known.removeAddress(prefix.address)
    }
    for (const prefix of wanted) if (!own.some((other) => other.equals(prefix))) known.addAddress(prefix)
  }

  async start(): Promise<void> {
    await this.#serveSwitchd()
    const address = this.spec.zoneAddress.toString()
    this.#gatewayServer = await serveHttp(this.stack, { address, port: GATEWAY_PORT }, this.#gateway)
    await this.#serveRouting()
  }

  async #serveSwitchd(): Promise<void> {
    const place = { address: this.spec.zoneAddress.toString(), port: SWITCHD_PORT }
    const server = await serveHttp(this.stack, place, (request) => this.#switchd.handler(request))
    if (this.#isSwitchdUp) this.#switchdServer = server
    else server.close()
  }

  /** On the daemon's own network: its listener dies with it. */
  async #serveRouting(): Promise<void> {
    const { routed, network } = this.#routing
    if (this.#configuration !== 'control-plane' || routed === undefined || network === undefined) return
    const handler = routed.handler()
    // The control plane adds to what is in force; it reads that here, so it is said again in the interface's own form.
    const { hostname, role, interfaces, originate } = routed.config.ddm!
    const ddm = { hostname, role, interfaces: [...interfaces], originate: originate.map(String) }
    const body = { ddm, tunnel_endpoint: this.spec.tunnelEndpoint.toString(), fan_out: { bgp: 8 } }
    const applied = await client(routedApi, handler, 'http://routed').config_apply({ body })
    if (!applied.ok) throw new Error(`${this.name}: ${applied.message}`)
    await serveHttp(network, { address: this.spec.zoneAddress.toString(), port: ROUTED_PORT }, handler)
  }

  close(): void {
    this.#gatewayServer?.close()
    for (const port of this.#lldp.values()) port.close()
    this.#routing.close()
    if (this.#isSwitchdUp) this.killSwitchd()
    this.stack.close()
  }
}

/** The tables are new and the specification is ours: what fails here is a bug. */
function must(outcome: Outcome): void {
  if (!outcome.ok) throw new Error(errorText(outcome.error))
}
