/** A small rack in memory and virtual time: an upstream router, two switches, two sleds, each a `Routed`. */
import { client } from '@lodestone/api'
import { routedApi, type RoutedClient, type RoutedConfig } from '@lodestone/contract-routed'
import { type MemoryLink, MemoryLinks, MemoryNode } from '@lodestone/ddm'
import { Host, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Prefix } from '@lodestone/net'
import { MemoryTarget } from '@lodestone/lower'
import { Routed } from './routed.ts'

export class RackNode {
  readonly network: MemoryNode
  readonly target = new MemoryTarget()
  readonly routed: Routed
  readonly client: RoutedClient

  constructor(name: string, clock: VirtualClock, network: MemoryNode) {
    this.network = network
    const host = new Host({
      name,
      clock,
      random: new SeededRandom(name.length * 31 + name.charCodeAt(name.length - 1)),
      files: new MemoryFiles(),
      networks: { underlay: network },
    })
    this.routed = new Routed(host, { network: 'underlay', targets: [{ target: this.target }] })
    this.client = client(routedApi, this.routed.handler(), 'http://routed')
  }

  async apply(config: RoutedConfig): Promise<void> {
    const result = await this.client.config_apply({ body: config })
    if (!result.ok) throw new Error(result.message)
  }

  /** `next hop%interface` of what is programmed for a prefix, sorted. */
  programmed(prefix: string): string[] {
    return (this.target.get(Prefix.of(prefix)) ?? []).map((hop) => hop.interface).toSorted()
  }

  tunnels(): string[] {
    return (this.routed.ddm?.tunnels ?? []).map((each) => `${each.overlayPrefix} ${each.boundaryAddress} ${each.vni}`)
  }
}

export const POOL = '198.51.100.0/24'
export const TEPS = ['fdb0:1::1', 'fdb0:2::1']

export class Rack {
  readonly clock = new VirtualClock()
  readonly upstream: RackNode
  readonly switches: RackNode[]
  readonly sleds: RackNode[]
  readonly uplinks: MemoryLink[]
  /** `wires[sled][switch]` */
  readonly wires: MemoryLink[][]

  constructor() {
    const links = new MemoryLinks(this.clock)
    const networks = ['upstream', 'switch0', 'switch1', 'sled0', 'sled1'].map((name) => new MemoryNode(name))
    const [upstream, ...rest] = networks
    const switches = rest.slice(0, 2)
    const sleds = rest.slice(2)
    this.uplinks = switches.map((sw, i) =>
      links.join(upstream!, `eth${i}`, sw, 'qsfp0', { a: [`203.0.113.${i * 4 + 1}`], b: [`203.0.113.${i * 4 + 2}`] }),
    )
    this.wires = sleds.map((sled, i) => switches.map((sw, j) => links.join(sled, `nic${j}`, sw, `rear${i}`)))
    const make = (network: MemoryNode): RackNode => new RackNode(network.name, this.clock, network)
    this.upstream = make(upstream!)
    this.switches = switches.map(make)
    this.sleds = sleds.map(make)
  }

  switchConfig(i: number): RoutedConfig {
    return {
      bgp: {
        asn: 64512,
        router_id: `10.0.0.${i + 1}`,
        originate4: [POOL],
        peers: [
          {
            name: 'upstream',
            remote_address: `203.0.113.${i * 4 + 1}`,
            remote_asn: 65001,
            interface: 'qsfp0',
            hold_time_s: 6,
            next_hop6: '2001:db8::1',
          },
        ],
      },
      ddm: { hostname: `switch${i}`, role: 'transit', interfaces: ['rear0', 'rear1'] },
      tunnel_endpoint: TEPS[i]!,
    }
  }

  sledConfig(i: number): RoutedConfig {
    return {
      ddm: {
        hostname: `sled${i}`,
        role: 'server',
        interfaces: ['nic0', 'nic1'],
        originate: [`fd00:1122:3344:10${i + 1}::/64`],
      },
    }
  }

  upstreamConfig(): RoutedConfig {
    return {
      bgp: {
        asn: 65001,
        router_id: '10.9.9.9',
        originate4: ['0.0.0.0/0'],
        originate6: ['::/0'],
        peers: [0, 1].map((i) => ({
          name: `switch${i}`,
          remote_address: `203.0.113.${i * 4 + 2}`,
          remote_asn: 64512,
          interface: `eth${i}`,
          hold_time_s: 6,
          next_hop6: `2001:db8:${i}::ffff`,
        })),
      },
      fan_out: { bgp: 8 },
    }
  }

  async start(): Promise<void> {
    await this.upstream.apply(this.upstreamConfig())
    for (const [i, node] of this.switches.entries()) await node.apply(this.switchConfig(i))
    for (const [i, node] of this.sleds.entries()) await node.apply(this.sledConfig(i))
    await this.clock.advance(5000)
  }
}
