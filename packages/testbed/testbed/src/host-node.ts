/** A host or router: a TCP/IP stack on its links and, where it speaks BGP, a routing daemon on that stack. */
import { KernelTarget } from '@lodestone/lower'
import type { Port } from '@lodestone/link'
import type { Ip } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { EMPTY_CONFIG, Routed } from '@lodestone/routed'
import { LldpPort } from '@lodestone/switchd'
import { type BgpTimers, bgpConfig } from './bgp-config.ts'
import type { HostSpec } from './topology.ts'
import type { World } from './world.ts'

export class HostNode {
  readonly kind = 'host'
  readonly name: string
  readonly spec: HostSpec
  readonly stack: Netstack
  readonly routed: Routed | undefined

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
    const source = spec.loopbacks[0]
    const target = new KernelTarget({
      setRoute: (prefix, nextHops) =>
        this.stack.setRoute(
          prefix,
          nextHops,
          source === undefined || source.family !== prefix.family ? {} : { source },
        ),
      removeRoute: (prefix) => this.stack.removeRoute(prefix),
    })
    this.routed = new Routed(world.host(spec.name, { links: this.stack }), { network: 'links', targets: [{ target }] })
    const result = this.routed.apply({
      ...EMPTY_CONFIG,
      ...(spec.bgp === undefined
        ? {}
        : { bgp: bgpConfig(spec.bgp, (peer) => interfaceTowards(spec, peer.address), timers) }),
      ...(spec.ddm === undefined
        ? {}
        : { ddm: { ...spec.ddm, hostname: spec.name, role: 'transit' as const, tunnelOrigins: [] } }),
      fanOut: { bgp: 8 },
    })
    if (!result.ok) throw new Error(`${spec.name}: ${result.problems.join('; ')}`)
  }

  close(): void {
    for (const port of this.#lldp) port.close()
    this.routed?.close()
    this.stack.close()
  }
}

function interfaceTowards(spec: HostSpec, address: Ip): string | undefined {
  return spec.interfaces.find((each) => each.addresses.some((prefix) => prefix.contains(address)))?.name
}
