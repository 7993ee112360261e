/** Routers in memory and virtual time, for the tests of this package. */
import { MemoryFabric, type MemoryNetwork, SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import type { Peer } from './peer.ts'
import type { PeerConfig } from './peer-config.ts'
import { Speaker } from './speaker.ts'

export class LabRouter {
  readonly name: string
  readonly address: string
  readonly address6: string
  readonly network: MemoryNetwork
  readonly rib: Rib
  readonly speaker: Speaker

  constructor(name: string, n: number, asn: number, routerId: string, lab: Lab) {
    this.name = name
    this.address = `203.0.113.${n}`
    this.address6 = `2001:db8:ffff::${n}`
    this.network = lab.fabric.network(name, [this.address, this.address6])
    this.rib = new Rib({ nowMs: () => lab.clock.nowMs() })
    this.speaker = new Speaker({
      clock: lab.clock,
      random: new SeededRandom(n),
      network: this.network,
      rib: this.rib,
      asn,
      routerId: Ip.of(routerId),
    })
  }

  peer(name: string): Peer {
    const peer = this.speaker.peer(name)
    if (peer === undefined) throw new Error(`${this.name} has no peer ${name}`)
    return peer
  }
}

export interface LinkOptions {
  readonly config?: Partial<PeerConfig>
  readonly configA?: Partial<PeerConfig>
  readonly configB?: Partial<PeerConfig>
  /** Announce IPv6 routes with the router's IPv6 address. */
  readonly nextHop6?: boolean
}

export class Lab {
  readonly clock = new VirtualClock()
  readonly fabric: MemoryFabric = new MemoryFabric(this.clock, 0.1)
  readonly #asns = new Map<LabRouter, number>()

  async router(name: string, asn: number, routerId?: string): Promise<LabRouter> {
    const n = this.#asns.size + 1
    const router = new LabRouter(name, n, asn, routerId ?? `10.255.0.${n}`, this)
    this.#asns.set(router, asn)
    await router.speaker.listen()
    return router
  }

  link(a: LabRouter, b: LabRouter, options: LinkOptions = {}): void {
    const add = (near: LabRouter, far: LabRouter, own: Partial<PeerConfig> | undefined): void => {
      if (near.speaker.peer(far.name) !== undefined) return
      near.speaker.addPeer({
        name: far.name,
        remoteAddress: Ip.of(far.address),
        remoteAsn: this.#asns.get(far)!,
        ...(options.nextHop6 === true ? { nextHop6: Ip.of(near.address6) } : {}),
        ...options.config,
        ...own,
      })
    }
    add(a, b, options.configA)
    add(b, a, options.configB)
  }

  cut(a: LabRouter, b: LabRouter): void {
    this.fabric.setReachable(a.name, b.name, false)
  }

  mend(a: LabRouter, b: LabRouter): void {
    this.fabric.setReachable(a.name, b.name, true)
  }
}
