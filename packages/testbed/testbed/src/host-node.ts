/** A host or router: a TCP/IP stack on its links and, where it speaks BGP, a routing daemon on that stack. */
import { KernelTarget } from '@lodestone/lower'
import type { Port } from '@lodestone/link'
import type { Ip, Prefix } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { EMPTY_CONFIG, type Routed } from '@lodestone/routed'
import { LldpPort } from '@lodestone/switchd'
import { type BgpTimers, bgpConfig } from './bgp-config.ts'
import { type RouteRemoval, RoutingProcess, stackRoutes } from './routing-process.ts'
import type { HostSpec } from './topology.ts'
import type { World } from './world.ts'

export class HostNode {
  readonly kind = 'host'
  readonly name: string
  readonly spec: HostSpec
  readonly stack: Netstack
  readonly #routing: RoutingProcess | undefined

  readonly #lldp: LldpPort[] = []

  /** @param speaksLldp whether it tells its neighbours who it is. */
  constructor(spec: HostSpec, ports: ReadonlyMap<string, Port>, world: World, timers: BgpTimers, speaksLldp: boolean) {
    this.name = spec.name
    this.spec = spec
    const { clock, random, arena, tracer } = world
    this.stack = new Netstack({ name: spec.name, clock, random, arena, tracer, forwarding: spec.forwarding })
    for (const { name, mac, mtuBytes, addresses } of spec.interfaces) {
      let port = ports.get(name)!
      if (speaksLldp) {
        const managementAddresses = addresses.map(({ address }) => ({
          address,
          interfaceNumbering: 'unknown' as const,
          interfaceNumber: 0,
        }))
        const said = { isEnabled: true, chassisId: spec.name, portId: name, systemName: spec.name, managementAddresses }
        const lldp = new LldpPort({ port, mac, arena, clock, settings: said })
        this.#lldp.push(lldp)
        port = lldp
      }
      this.stack.addInterface({ name, port, mac, mtuBytes, addresses })
    }
    for (const ip of spec.loopbacks) this.stack.addLoopbackAddress(ip)
    for (const { prefix, via, interface: name } of spec.routes ?? []) {
      this.stack.setRoute(prefix, [{ via, interface: name }])
    }
    if (spec.bgp === undefined && spec.ddm === undefined) return
    // Packets that this host begins carry its own address, not that of whichever link they leave by.
    const target = new KernelTarget(
      stackRoutes(this.stack, ({ family }) => spec.loopbacks.find((ip) => ip.family === family)),
    )
    const isForeign = (prefix: Prefix): boolean => spec.routes?.some((route) => route.prefix.equals(prefix)) === true
    this.#routing = new RoutingProcess({
      node: spec.name,
      stack: this.stack,
      host: (links, random) => world.host(spec.name, { links }, random),
      random,
      network: 'links',
      targets: () => [{ target, isForeign }],
      config: {
        ...EMPTY_CONFIG,
        ...(spec.bgp === undefined
          ? {}
          : { bgp: bgpConfig(spec.bgp, (peer) => interfaceTowards(spec, peer.address), timers) }),
        ...(spec.ddm === undefined
          ? {}
          : { ddm: { ...spec.ddm, hostname: spec.name, role: 'transit' as const, tunnelOrigins: [] } }),
        fanOut: { bgp: 8 },
      },
    })
  }

  /** Undefined where there is none, and while it is dead. */
  get routed(): Routed | undefined {
    return this.#routing?.routed
  }

  /** Prefixes that its routing has no path to any more, the last first. */
  routeRemovals(): readonly RouteRemoval[] {
    return this.#routing?.removals() ?? []
  }

  killRouting(): void {
    this.#routing?.kill()
  }

  startRouting(): void {
    this.#routing?.start()
  }

  close(): void {
    for (const port of this.#lldp) port.close()
    this.#routing?.close()
    this.stack.close()
  }
}

function interfaceTowards(spec: HostSpec, address: Ip): string | undefined {
  return spec.interfaces.find((each) => each.addresses.some((prefix) => prefix.contains(address)))?.name
}
