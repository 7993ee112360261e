/** A host or router: a TCP/IP stack on its links and, where it speaks BGP, a routing daemon on that stack. */
import { KernelTarget } from '@lodestone/lower'
import type { Port } from '@lodestone/link'
import type { Ip } from '@lodestone/net'
import { Netstack } from '@lodestone/netstack'
import { EMPTY_CONFIG, Routed } from '@lodestone/routed'
import { type BgpTimers, bgpConfig } from './bgp-config.ts'
import type { HostSpec } from './topology.ts'
import type { World } from './world.ts'

export class HostNode {
  readonly kind = 'host'
  readonly name: string
  readonly spec: HostSpec
  readonly stack: Netstack
  readonly routed: Routed | undefined

  constructor(spec: HostSpec, ports: ReadonlyMap<string, Port>, world: World, timers: BgpTimers) {
    this.name = spec.name
    this.spec = spec
    const { clock, random, arena, tracer } = world
    this.stack = new Netstack({ name: spec.name, clock, random, arena, tracer, forwarding: spec.forwarding })
    for (const { name, mac, mtuBytes, addresses } of spec.interfaces) {
      this.stack.addInterface({ name, port: ports.get(name)!, mac, mtuBytes, addresses })
    }
    for (const ip of spec.loopbacks) this.stack.addLoopbackAddress(ip)
    if (spec.bgp === undefined) return
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
      bgp: bgpConfig(spec.bgp, (peer) => interfaceTowards(spec, peer.address), timers),
      fanOut: { bgp: 8 },
    })
    if (!result.ok) throw new Error(`${spec.name}: ${result.problems.join('; ')}`)
  }

  close(): void {
    this.routed?.close()
    this.stack.close()
  }
}

function interfaceTowards(spec: HostSpec, address: Ip): string | undefined {
  return spec.interfaces.find((each) => each.addresses.some((prefix) => prefix.contains(address)))?.name
}
