/** Routers in memory and virtual time, for the tests of this package. */
import {
  MemoryFabric,
  type MemoryNetwork,
  type Network,
  SeededRandom,
  type TcpSocket,
  VirtualClock,
} from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import type { Peer } from './peer.ts'
import type { PeerConfig } from './peer-config.ts'
import { Speaker, type SpeakerOptions } from './speaker.ts'

/** A router's peer with its sockets in reach. */
export type LabPeer = Peer & {
  /** Loses the connection, if there is one, without a word. */
  breakConnection(): void
  /** The connection takes nothing until the returned function is called. */
  holdWrites(): () => void
}

export class LabRouter {
  readonly #sockets = new Set<TcpSocket>()
  readonly name: string
  readonly address: string
  readonly address6: string
  readonly network: MemoryNetwork
  readonly rib: Rib
  readonly speaker: Speaker

  constructor(
    name: string,
    n: number,
    asn: number,
    routerId: string,
    lab: Lab,
    options: Partial<
      Pick<SpeakerOptions, 'isRestarting' | 'selectionDeferralS' | 'clusterId' | 'requiresPolicy' | 'resolveNextHop'>
    >,
  ) {
    this.name = name
    this.address = `203.0.113.${n}`
    this.address6 = `2001:db8:ffff::${n}`
    this.network = lab.fabric.network(name, [this.address, this.address6])
    this.rib = new Rib({ nowMs: () => lab.clock.nowMs() })
    this.speaker = new Speaker({
      clock: lab.clock,
      random: new SeededRandom(n),
      network: this.#watched(),
      rib: this.rib,
      asn,
      routerId: Ip.of(routerId),
      ...options,
    })
  }

  peer(name: string): LabPeer {
    const peer = this.speaker.peer(name)
    if (peer === undefined) throw new Error(`${this.name} has no peer ${name}`)
    const socketOf = (): TcpSocket | undefined => {
      const address = peer.remoteAddress?.toString()
      return [...this.#sockets].findLast((socket) => socket.remoteAddress === address && !socket.destroyed)
    }
    return Object.assign(peer, {
      breakConnection: () => void socketOf()?.destroy(new Error('broken by the test')),
      holdWrites: () => {
        const socket = socketOf()
        if (socket === undefined) throw new Error(`${this.name} has no connection to ${name}`)
        socket.cork()
        return () => socket.uncork()
      },
    })
  }

  #watched(): Network {
    const { network } = this
    const keep = (socket: TcpSocket): TcpSocket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      return socket
    }
    return {
      name: network.name,
      listenTcp: (options, accept) => network.listenTcp(options, (socket) => accept(keep(socket))),
      connectTcp: async (options) => keep(await network.connectTcp(options)),
      bindUdp: (options, onDatagram) => network.bindUdp(options, onDatagram),
    }
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

  async router(
    name: string,
    asn: number,
    routerId?: string,
    options: ConstructorParameters<typeof LabRouter>[5] = {},
  ): Promise<LabRouter> {
    const n = this.#asns.size + 1
    const router = new LabRouter(name, n, asn, routerId ?? `10.255.0.${n}`, this, options)
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
