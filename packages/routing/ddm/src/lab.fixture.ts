/** Routers in memory and a small rack of them, in virtual time. */
import { Host, type LogSink, MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { Ddm } from './ddm.ts'
import type { RouterKind } from './discovery-packet.ts'
import type { TunnelOrigin } from './exchange-message.ts'
import { type MemoryLink, MemoryLinks, MemoryNode } from './memory-links.ts'
import type { Timing } from './timing.ts'

export const U64_MAX = (1n << 64n) - 1n
export const S0 = Prefix.of('fd00:1122:3344:101::/64')
export const S1 = Prefix.of('fd00:1122:3344:102::/64')
export const DEFAULT_V4 = Prefix.of('0.0.0.0/0')

export function tunnel(boundary: string, metric: bigint = U64_MAX, overlayPrefix: Prefix = DEFAULT_V4): TunnelOrigin {
  return { overlayPrefix, boundaryAddress: Ip.of(boundary), vni: 99, metric }
}

export class LabNode {
  readonly name: string
  readonly clock: VirtualClock
  readonly network: MemoryNode
  readonly rib: Rib
  ddm!: Ddm

  constructor(name: string, clock: VirtualClock) {
    this.name = name
    this.clock = clock
    this.network = new MemoryNode(name)
    this.rib = new Rib({ nowMs: () => clock.nowMs() })
  }

  get host(): Host {
    const log: LogSink = () => {}
    const networks = { underlay: this.network }
    const { name, clock } = this
    return new Host({ name, clock, random: new SeededRandom(1), files: new MemoryFiles(), networks, log })
  }

  start(kind: RouterKind, timing: Partial<Timing> = {}): void {
    const options = { hostname: this.name, kind, rib: this.rib, interfaces: () => true, timing }
    this.ddm = new Ddm(this.host, 'underlay', options)
    this.ddm.start()
  }

  /** Next hop interfaces for a prefix, sorted. */
  hops(prefix: Prefix): (string | undefined)[] {
    return (this.rib.get(prefix)?.selected ?? []).map((path) => path.nextHopInterface).toSorted()
  }

  tunnels(): string[] {
    return this.ddm.tunnels.map((t) => `${t.overlayPrefix} ${t.boundaryAddress} ${t.vni}`)
  }

  counter(name: keyof ReturnType<Ddm['status']>['peers'][number]['counters']): number {
    return this.ddm.status().peers.reduce((sum, { counters }) => sum + counters[name], 0)
  }
}

/** Two sleds, each wired to two switches; no periodic pulls, so that nothing is repaired by accident. */
export class Rack {
  readonly clock = new VirtualClock()
  readonly links = new MemoryLinks(this.clock)
  readonly sleds: readonly LabNode[]
  readonly switches: readonly LabNode[]
  /** By sled, then switch. */
  readonly wires: readonly (readonly MemoryLink[])[]

  constructor() {
    this.sleds = ['sled0', 'sled1'].map((name) => new LabNode(name, this.clock))
    this.switches = ['switch0', 'switch1'].map((name) => new LabNode(name, this.clock))
    this.wires = this.sleds.map((sled, i) =>
      this.switches.map((sw, j) => this.links.join(sled.network, `nic${j}`, sw.network, `rear${i}`)),
    )
    const timing = { resyncMs: Infinity }
    for (const sled of this.sleds) sled.start('server', timing)
    for (const sw of this.switches) sw.start('transit', timing)
    this.sleds[0]!.ddm.originate([S0])
    this.sleds[1]!.ddm.originate([S1])
    this.switches.forEach((sw, i) => sw.ddm.originateTunnels([tunnel(`fdb0::${i}`)]))
  }
}
