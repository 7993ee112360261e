/**
 * A sled: its TCP/IP stack on two underlay NICs, DDM for the underlay's routes and tunnel endpoints, the packet engine, the
 * agent. Geneve frames for the sled go to the engine instead of a socket; what the engine encapsulates goes out through
 * the stack's routes, so the link that carries it is the one DDM knows to work.
 *
 * A sled forwards and passes DDM routes on. No cable joins the two switches, and what the internet sends to an instance may
 * arrive at the one whose link to that instance's sled is down: it then goes through another sled and the other switch.
 */
import { type HttpServer, serveHttp } from '@lodestone/api'
import { SLED_AGENT_PORT } from '@lodestone/contract-sled-agent'
import type { TunnelEndpoint } from '@lodestone/ddm'
import type { Link, Port } from '@lodestone/link'
import { KernelTarget } from '@lodestone/lower'
import { type Ip, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { EMPTY_CONFIG, type Routed } from '@lodestone/routed'
import { NetstackRunner, SledAgent, type SledHardware } from '@lodestone/sled-agent'
import { type TunnelRoute, VportEngine } from '@lodestone/vport'
import { DnsService } from './dns-service.ts'
import { type RouteRemoval, RoutingProcess, stackRoutes } from './routing-process.ts'
import { ServiceNode } from './service-node.ts'
import type { SledSpec } from './topology.ts'
import { UnderlayPaths } from './underlay-paths.ts'
import type { World } from './world.ts'

const GENEVE_PORT = 6081

/** Who sends tunnel packets on this underlay. */
export interface UnderlayPeers {
  readonly sleds: readonly Ip[]
  readonly switches: readonly Ip[]
}

export interface SledNodeOptions {
  readonly peers: UnderlayPeers
  /** What the sled's service processor tells its host of the board. */
  readonly hardware: SledHardware
  readonly onWire: (link: Link, isThere: boolean) => void
}

export class SledNode {
  readonly kind = 'sled'
  readonly name: string
  readonly spec: SledSpec
  readonly stack: Netstack
  /** The delay-driven choice of links; undefined where the hash of a flow decides. */
  readonly underlay: UnderlayPaths | undefined
  readonly engine: VportEngine
  readonly #makeAgent: () => SledAgent
  #agent: SledAgent
  #isAgentUp = true
  readonly #routing: RoutingProcess
  /** Services of the rack that this sled runs. */
  readonly services: readonly ServiceNode[]
  readonly #nameServers: readonly DnsService[]
  /** Of the rack's own services. */
  readonly #internalDns: DnsService | undefined
  #server: HttpServer | undefined

  constructor(spec: SledSpec, ports: ReadonlyMap<string, Port>, world: World, options: SledNodeOptions) {
    this.name = spec.name
    this.spec = spec
    const { clock, random, arena, tracer } = world
    this.stack = new Netstack({ name: spec.name, clock, random, arena, tracer, forwarding: true })
    this.underlay =
      (spec.multipath ?? 'hash') === 'hash'
        ? undefined
        : new UnderlayPaths({
            stack: this.stack,
            arena,
            clock,
            random: random.fork(`${spec.name}-paths`),
            address: spec.address,
            peers: options.peers.sleds,
            nics: spec.nics.map((nic) => nic.name),
            switches: options.peers.switches,
          })
    for (const [path, { name, mac, mtuBytes }] of spec.nics.entries()) {
      // because the wiring has a port for every NIC of the topology
      const port = ports.get(name)!
      this.stack.addInterface({ name, port: this.underlay?.wrap(port, path) ?? port, mac, mtuBytes })
    }
    this.stack.addLoopbackAddress(spec.address)

    this.engine = new VportEngine({
      node: spec.name,
      arena,
      clock,
      tracer,
      random: random.fork(`${spec.name}-vport`),
      underlayAddress: spec.address,
      sendUnderlay: (slot) => (this.underlay ?? this.stack).outputIp(slot),
    })
    this.engine.setUnderlayPeers(options.peers)
    this.stack.interceptUdp(GENEVE_PORT, (slots, count) => this.engine.receiveUnderlay(slots, count))

    this.services = (spec.services ?? []).map(
      (service) =>
        new ServiceNode({ spec: service, sled: spec.name, engine: this.engine, world, onWire: options.onWire }),
    )
    this.#nameServers = this.services
      .filter((service) => service.spec.kind === 'dns')
      .map((service) => new DnsService(service.spec.name, service.network, world))

    if (spec.internalDns !== undefined) {
      this.stack.addLoopbackAddress(spec.internalDns)
      this.#internalDns = new DnsService(`${spec.name}-internal-dns`, this.stack, world, spec.internalDns)
    }
    const host = world.host(spec.name, { underlay: this.stack })
    this.#makeAgent = () =>
      new SledAgent(host, {
        engine: this.engine,
        runner: new NetstackRunner({ arena, clock, random, tracer }),
        arena,
        tracer,
        hardware: options.hardware,
        onWire: options.onWire,
      })
    this.#agent = this.#makeAgent()

    this.#routing = new RoutingProcess({
      node: spec.name,
      stack: this.stack,
      host: (underlay, random) => world.host(spec.name, { underlay }, random),
      random,
      network: 'underlay',
      targets: () => [{ target: new KernelTarget(stackRoutes(this.stack, () => spec.address)) }],
      config: {
        ...EMPTY_CONFIG,
        ddm: {
          hostname: spec.name,
          role: 'transit',
          interfaces: spec.nics.map((nic) => nic.name),
          originate: [
            spec.prefix,
            ...(spec.internalDns === undefined ? [] : [new Prefix(spec.internalDns, 64).masked()]),
          ],
          tunnelOrigins: [],
        },
      },
      onStart: (routed) =>
        routed.onTunnels((tunnels) => {
          const routes = tunnelRoutes(tunnels)
          this.engine.setTunnelEndpoints(routes)
          this.underlay?.setTunnelRoutes(routes)
        }),
    })
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

  startRouting(): void {
    this.#routing.start()
  }

  get agent(): SledAgent {
    return this.#agent
  }

  /** A sled was put into the rack, or taken out. */
  setPeers(peers: UnderlayPeers): void {
    this.engine.setUnderlayPeers(peers)
    this.underlay?.addPeers(peers.sleds)
  }

  /** The agent dies; its guests are gone with it. */
  killAgent(): void {
    this.#isAgentUp = false
    this.#server?.close()
    this.#agent.close()
  }

  /** It begins anew, and knows nothing. */
  async startAgent(): Promise<void> {
    if (this.#isAgentUp) return
    this.#isAgentUp = true
    this.#agent = this.#makeAgent()
    await this.#serveAgent()
  }

  async start(): Promise<void> {
    await this.#serveAgent()
    for (const each of this.#nameServers) await each.start(this.stack, this.spec.address)
    if (this.spec.internalDns !== undefined) await this.#internalDns?.start(this.stack, this.spec.internalDns)
  }

  async #serveAgent(): Promise<void> {
    const place = { address: this.spec.address.toString(), port: SLED_AGENT_PORT }
    const server = await serveHttp(this.stack, place, (request) => this.#agent.handler(request))
    if (this.#isAgentUp) this.#server = server
    else server.close()
  }

  close(): void {
    if (this.#isAgentUp) this.killAgent()
    for (const each of this.#nameServers) each.close()
    this.#internalDns?.close()
    for (const service of this.services) service.close()
    this.#routing.close()
    this.underlay?.close()
    this.engine.close()
    this.stack.close()
  }
}

/** By overlay prefix, all endpoints equally good: DDM has already chosen among metrics. */
export function tunnelRoutes(tunnels: readonly TunnelEndpoint[]): TunnelRoute[] {
  const byPrefix = new Map<string, { prefix: TunnelRoute['prefix']; endpoints: TunnelRoute['endpoints'][number][] }>()
  for (const { overlayPrefix, boundaryAddress, vni } of tunnels) {
    const key = overlayPrefix.toString()
    const route = byPrefix.get(key) ?? { prefix: overlayPrefix, endpoints: [] }
    route.endpoints.push({ address: boundaryAddress, vni, metric: 0 })
    byPrefix.set(key, route)
  }
  return [...byPrefix.values()]
}
