/**
 * A rack switch and its switch zone. Frames between ports run through `p4/switch.p4`; the zone's TCP/IP stack sits behind the
 * CPU port with one interface per port, and on it run BGP to the world, DDM to the sleds, and switchd.
 */
import { client, type HttpServer, serveHttp } from '@lodestone/api'
import { SWITCHD_PORT, switchdApi, type SwitchdClient } from '@lodestone/contract-switchd'
import type { Port } from '@lodestone/link'
import { KernelTarget, SwitchdTarget } from '@lodestone/lower'
import { Mac, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { createPipeline } from '@lodestone/npu'
import type { Program } from '@lodestone/p4'
import { EMPTY_CONFIG, Routed } from '@lodestone/routed'
import {
  defaultLink,
  type Outcome,
  errorText,
  portNumber,
  Switchd,
  SwitchNode,
  switchPipelineOptions,
  tfportName,
} from '@lodestone/switchd'
import { type BgpTimers, bgpConfig } from './bgp-config.ts'
import type { SwitchSpec } from './topology.ts'
import type { World } from './world.ts'

export interface RackSwitchNodeOptions {
  readonly program: Program
  readonly timers: BgpTimers
}

export class RackSwitchNode {
  readonly kind = 'switch'
  readonly name: string
  readonly spec: SwitchSpec
  readonly stack: Netstack
  readonly node: SwitchNode
  readonly switchd: Switchd
  /** switchd's interface by a direct call. */
  readonly api: SwitchdClient
  readonly routed: Routed
  #server: HttpServer | undefined

  constructor(spec: SwitchSpec, ports: ReadonlyMap<string, Port>, world: World, options: RackSwitchNodeOptions) {
    this.name = spec.name
    this.spec = spec
    const { clock, random, arena, tracer } = world
    const pipeline = createPipeline(
      options.program,
      switchPipelineOptions({ name: spec.name, arena, clock, tracer, ports: ports.keys() }),
    )
    this.node = new SwitchNode({ name: spec.name, arena, clock, tracer, pipeline, ports })
    const zone = `${spec.name}-zone`
    this.stack = new Netstack({ name: zone, clock, random, arena, tracer })
    const host = world.host(zone, { zone: this.stack })

    const first = spec.ports[0]!
    this.switchd = new Switchd(host, {
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
    })
    must(this.switchd.start())
    this.api = client(switchdApi, this.switchd.handler, 'http://switchd')
    this.#configurePorts()

    this.routed = new Routed(host, {
      network: 'zone',
      targets: [
        { target: new KernelTarget(this.stack, 'switch zone') },
        {
          target: new SwitchdTarget({
            switchd: this.api,
            interfaceOf: ({ portId }) => tfportName(portNumber(portId)!),
          }),
        },
      ],
    })
    const result = this.routed.apply({
      ...EMPTY_CONFIG,
      bgp: bgpConfig(
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

  #configurePorts(): void {
    for (const port of this.spec.ports) {
      const number = portNumber(port.name)!
      must(
        this.switchd.setPort(number, {
          link: { ...defaultLink(number), mtuBytes: port.mtuBytes, isUplink: port.isUplink },
          addresses: port.addresses.map((prefix) => prefix.address),
        }),
      )
      this.stack.addInterface({
        name: tfportName(number),
        port: this.node.cpu.tfport(number)!,
        mac: this.switchd.portMac(number),
        mtuBytes: port.mtuBytes,
        addresses: port.addresses,
      })
    }
    this.stack.addLoopbackAddress(this.spec.zoneAddress)
    must(this.switchd.addAddress(this.spec.zoneAddress))
    must(this.switchd.addAddress(this.spec.tunnelEndpoint))
    must(this.switchd.setTunnelSource(this.spec.tunnelEndpoint))
  }

  async start(): Promise<void> {
    this.#server = await serveHttp(
      this.stack,
      { address: this.spec.zoneAddress.toString(), port: SWITCHD_PORT },
      this.switchd.handler,
    )
  }

  close(): void {
    this.#server?.close()
    this.routed.close()
    this.switchd.close()
    this.stack.close()
  }
}

/** The tables are new and the specification is ours: what fails here is a bug. */
function must(outcome: Outcome): void {
  if (!outcome.ok) throw new Error(errorText(outcome.error))
}
