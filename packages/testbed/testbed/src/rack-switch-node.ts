/**
 * A rack switch and its switch zone. Frames between ports run through `p4/switch.p4`; the zone's TCP/IP stack sits behind the
 * CPU port with one interface per port, and on it run BGP to the world, DDM to the sleds, and switchd.
 */
import { client, type HttpHandler, type HttpServer, serveHttp } from '@lodestone/api'
import { GATEWAY_PORT } from '@lodestone/contract-sp'
import { ROUTED_PORT, routedApi } from '@lodestone/contract-routed'
import { SWITCHD_PORT, switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import type { Port } from '@lodestone/link'
import { KernelTarget, SwitchdTarget } from '@lodestone/lower'
import { Mac, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { createPipeline, type Pipeline } from '@lodestone/npu'
import type { Program } from '@lodestone/p4'
import { EMPTY_CONFIG, Routed } from '@lodestone/routed'
import {
  defaultLink,
  LldpPort,
  type Outcome,
  errorText,
  portNumber,
  Switchd,
  type SwitchdOptions,
  SwitchNode,
  switchPipelineOptions,
  tfportName,
} from '@lodestone/switchd'
import { type BgpTimers, bgpConfig } from './bgp-config.ts'
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
  readonly #makeSwitchd: () => Switchd
  #switchd: Switchd
  /** switchd's interface by a direct call. */
  readonly api: SwitchdClient
  readonly routed: Routed
  /** On the ports that face the world, by interface. */
  readonly lldp: ReadonlyMap<string, LldpPort>
  readonly #lldp = new Map<string, LldpPort>()
  readonly #configuration: SwitchConfiguration
  readonly #arena: Arena
  readonly #clock: Clock
  readonly #servers: HttpServer[] = []
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
    this.pipeline = createPipeline(
      options.program,
      switchPipelineOptions({ name: spec.name, arena, clock, tracer, ports: ports.keys() }),
    )
    this.node = new SwitchNode({ name: spec.name, arena, clock, tracer, pipeline: this.pipeline, ports })
    const zone = `${spec.name}-zone`
    this.stack = new Netstack({ name: zone, clock, random, arena, tracer })
    const host = world.host(zone, { zone: this.stack })

    const first = spec.ports[0]!
    const switchdOptions: SwitchdOptions = {
      node: this.node,
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
    this.api = client(switchdApi, (request) => this.#switchd.handler(request), 'http://switchd')
    this.#startSwitchd()
    this.#configureStack()

    this.routed = new Routed(host, {
      network: 'zone',
      targets: [
        { target: new KernelTarget(this.stack, 'switch zone') },
        {
          target: new SwitchdTarget({
            switchd: this.api,
            clock,
            interfaceOf: ({ portId }) => tfportName(portNumber(portId)!),
          }),
        },
      ],
    })
    const result = this.routed.apply({
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
    })
    if (!result.ok) throw new Error(`${spec.name}: ${result.problems.join('; ')}`)
  }

  get switchd(): Switchd {
    return this.#switchd
  }

  /**
   * switchd dies and begins anew, with empty tables; the switch's program, its zone's stack and routing go on. It is told what the
   * switch is made with; the rest has to come from whoever told it before.
   */
  restartSwitchd(): void {
    this.#switchd.close()
    this.#switchd = this.#makeSwitchd()
    this.#startSwitchd()
  }

  #startSwitchd(): void {
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
    const address = this.spec.zoneAddress.toString()
    this.#servers.push(
      await serveHttp(this.stack, { address, port: SWITCHD_PORT }, (request) => this.#switchd.handler(request)),
    )
    this.#servers.push(await serveHttp(this.stack, { address, port: GATEWAY_PORT }, this.#gateway))
    if (this.#configuration === 'control-plane') {
      const handler = this.routed.handler()
      // The control plane adds to what is in force; it reads that here, so it is said again in the interface's own form.
      const { hostname, role, interfaces, originate } = this.routed.config.ddm!
      const ddm = { hostname, role, interfaces: [...interfaces], originate: originate.map(String) }
      const body = { ddm, tunnel_endpoint: this.spec.tunnelEndpoint.toString(), fan_out: { bgp: 8 } }
      const applied = await client(routedApi, handler, 'http://routed').config_apply({ body })
      if (!applied.ok) throw new Error(`${this.name}: ${applied.message}`)
      this.#servers.push(await serveHttp(this.stack, { address, port: ROUTED_PORT }, handler))
    }
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const port of this.#lldp.values()) port.close()
    this.routed.close()
    this.#switchd.close()
    this.stack.close()
  }
}

/** The tables are new and the specification is ours: what fails here is a bug. */
function must(outcome: Outcome): void {
  if (!outcome.ok) throw new Error(errorText(outcome.error))
}
