/** A cable in memory between routers that see their interfaces and can discover each other. */
import {
  type Icmp6Options,
  type Icmp6Socket,
  type KernelNetwork,
  MemoryFabric,
  type Network,
  type NetworkInterface,
  socketError,
  type VirtualClock,
} from '@lodestone/host'
import { Ip } from '@lodestone/net'

interface Listener {
  readonly of: DiscoveryNetwork
  readonly hear: (message: Uint8Array, from: Ip) => void
}

/** Everybody on the cable hears everybody else. */
export class Cable {
  readonly clock: VirtualClock
  readonly fabric: MemoryFabric
  readonly listeners = new Set<Listener>()
  isCut = false

  constructor(clock: VirtualClock) {
    this.clock = clock
    this.fabric = new MemoryFabric(clock)
  }

  router(name: string, address: string): DiscoveryNetwork {
    return new DiscoveryNetwork(this, this.fabric.network(name, [address]), Ip.of(address))
  }
}

export class DiscoveryNetwork implements KernelNetwork {
  readonly name = 'memory'
  readonly address: Ip
  readonly listenTcp: Network['listenTcp']
  readonly connectTcp: Network['connectTcp']
  readonly bindUdp: Network['bindUdp']
  readonly #cable: Cable
  readonly #watchers = new Set<() => void>()
  #isUp = true

  constructor(cable: Cable, network: Network, address: Ip) {
    this.#cable = cable
    this.address = address
    this.listenTcp = (options, onConnection) => network.listenTcp(options, onConnection)
    // The zone says which link, and there is one.
    this.connectTcp = (options) => network.connectTcp({ ...options, address: options.address.split('%')[0]! })
    this.bindUdp = (options, onDatagram) => network.bindUdp(options, onDatagram)
  }

  setUp(isUp: boolean): void {
    this.#isUp = isUp
    for (const notify of this.#watchers) notify()
  }

  interfaces(): readonly NetworkInterface[] {
    const { address } = this
    return [
      {
        name: 'eth0',
        isUp: this.#isUp,
        mtuBytes: 1500,
        macText: '02:00:00:00:00:01',
        addresses: [address],
        linkLocal: address,
      },
    ]
  }

  onInterfaceChange(fn: () => void): () => void {
    this.#watchers.add(fn)
    return () => void this.#watchers.delete(fn)
  }

  interfaceIndex(): number {
    return 1
  }

  interfaceName(): string {
    return 'eth0'
  }

  openNetlink(): never {
    throw socketError('ENOTSUP', 'no netlink on a cable in memory')
  }

  openIcmp6(options: Icmp6Options, hear: (message: Uint8Array, from: Ip) => void): Icmp6Socket {
    if (options.interface !== 'eth0') throw socketError('ENODEV', `no interface ${options.interface}`)
    const { listeners, clock } = this.#cable
    const mine: Listener = { of: this, hear }
    listeners.add(mine)
    return {
      send: (message) => {
        const copy = new Uint8Array(message)
        clock.after(0.1, () => {
          if (this.#cable.isCut) return
          for (const other of listeners) if (other.of !== this) other.hear(copy, this.address)
        })
      },
      close: () => void listeners.delete(mine),
    }
  }
}
