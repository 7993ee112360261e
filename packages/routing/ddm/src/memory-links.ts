/**
 * Hosts joined by point-to-point links, in memory: an `InterfaceNetwork` for running routing daemons without packets, in
 * tests and simulations. Each link is a fabric of its own, so link-local addresses and multicast stay on it.
 */
import {
  type BindOptions,
  type Clock,
  type ConnectOptions,
  type Datagram,
  type InterfaceNetwork,
  type ListenOptions,
  MemoryFabric,
  type MemoryNetwork,
  type NetworkInterface,
  socketError,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
} from '@lodestone/host'
import { Ip, Mac } from '@lodestone/net'

interface Attachment {
  readonly name: string
  readonly mac: Mac
  readonly network: MemoryNetwork
  readonly fabric: MemoryFabric
  readonly addresses: readonly Ip[]
  isUp: boolean
}

export class MemoryLinks {
  readonly #clock: Clock
  readonly #latencyMs: number
  #linkCount = 0

  constructor(clock: Clock, latencyMs = 0.1) {
    this.#clock = clock
    this.#latencyMs = latencyMs
  }

  /** Joins two nodes. The interfaces get these names, a link-local address, and the global addresses given. */
  join(
    a: MemoryNode,
    aInterface: string,
    b: MemoryNode,
    bInterface: string,
    addresses: { readonly a?: readonly string[]; readonly b?: readonly string[] } = {},
  ): MemoryLink {
    const n = ++this.#linkCount
    const fabric = new MemoryFabric(this.#clock, this.#latencyMs)
    const attach = (node: MemoryNode, name: string, side: number, global: readonly string[]): Attachment => {
      const mac = Mac.fromNumber(0xa84025000000 + n * 2 + side)
      const own = [mac.linkLocal(), ...global.map((text) => Ip.of(text))]
      const network = fabric.network(`${node.name} ${name}`, own.map(String))
      return node.attach({ name, mac, network, fabric, addresses: own, isUp: true })
    }
    return new MemoryLink(
      fabric,
      [a, attach(a, aInterface, 0, addresses.a ?? [])],
      [b, attach(b, bInterface, 1, addresses.b ?? [])],
    )
  }
}

export class MemoryLink {
  readonly #fabric: MemoryFabric
  readonly #ends: readonly (readonly [MemoryNode, Attachment])[]

  constructor(fabric: MemoryFabric, a: readonly [MemoryNode, Attachment], b: readonly [MemoryNode, Attachment]) {
    this.#fabric = fabric
    this.#ends = [a, b]
  }

  /** Both ends see the interface go down or up, as with a pulled cable. */
  setUp(isUp: boolean): void {
    this.setPassing(isUp)
    for (const [node, attachment] of this.#ends) {
      attachment.isUp = isUp
      node.changed()
    }
  }

  /** Whether what is sent arrives. The interfaces stay up: the fault that only silence reveals. */
  setPassing(isPassing: boolean): void {
    this.#fabric.setReachable(this.#ends[0]![1].network.name, this.#ends[1]![1].network.name, isPassing)
  }
}

export class MemoryNode implements InterfaceNetwork {
  readonly name: string
  readonly #attachments: Attachment[] = []
  readonly #listeners = new Set<() => void>()

  constructor(name: string) {
    this.name = name
  }

  /** @internal */
  attach(attachment: Attachment): Attachment {
    this.#attachments.push(attachment)
    this.changed()
    return attachment
  }

  /** @internal */
  changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  interfaces(): readonly NetworkInterface[] {
    return this.#attachments.map(({ name, isUp, mac, addresses }) => ({
      name,
      isUp,
      mtuBytes: 9000,
      macText: mac.toString(),
      addresses,
      linkLocal: addresses[0],
    }))
  }

  onInterfaceChange(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  async listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    const { address, zone } = split(options.address)
    const on = this.#attachments.filter((attachment) => zone === undefined || attachment.name === zone)
    if (zone !== undefined && on.length === 0) throw socketError('EADDRNOTAVAIL', `no interface ${zone}`)
    const listeners = await Promise.all(
      on
        .filter(({ addresses }) => address === undefined || addresses.some((own) => own.toString() === address))
        .map(({ network }) =>
          network.listenTcp({ port: options.port, ...(address === undefined ? {} : { address }) }, onConnection),
        ),
    )
    return { port: listeners[0]?.port ?? options.port, close: () => listeners.forEach((listener) => listener.close()) }
  }

  connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    const { address, zone } = split(options.address)
    const attachment = this.#attachments.find(({ name, fabric }) =>
      zone === undefined ? fabric.find(address ?? '') !== undefined : name === zone,
    )
    if (attachment === undefined) return Promise.reject(socketError('EHOSTUNREACH', `no route to ${options.address}`))
    if (!attachment.isUp) return Promise.reject(socketError('ENETDOWN', `${attachment.name} is down`))
    const remote = Ip.parse(address ?? '')
    const local = attachment.addresses.find(
      (own) => remote !== undefined && own.family === remote.family && own.isLinkLocal === remote.isLinkLocal,
    )
    return attachment.network.connectTcp({
      ...options,
      address: address ?? '',
      localAddress: split(options.localAddress).address ?? local?.toString() ?? attachment.addresses[0]!.toString(),
    })
  }

  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    const { address, zone } = split(options.address)
    const attachment = this.#attachments.find(({ name }) => name === zone)
    // NOT IMPLEMENTED: UDP sockets over all interfaces; routing protocols bind per interface.
    if (attachment === undefined)
      return Promise.reject(socketError('EADDRNOTAVAIL', `no interface for ${options.address}`))
    return attachment.network
      .bindUdp({ ...options, ...(address === undefined ? {} : { address }) }, (datagram) =>
        onDatagram({
          ...datagram,
          remoteAddress: `${datagram.remoteAddress}%${attachment.name}`,
          interfaceName: attachment.name,
        }),
      )
      .then((socket) => ({
        port: socket.port,
        send: (payload, to, port) => {
          if (attachment.isUp) socket.send(payload, split(to).address ?? to, port)
        },
        close: () => socket.close(),
      }))
  }
}

function split(text: string | undefined): { address: string | undefined; zone: string | undefined } {
  const [address, zone] = text?.split('%') ?? []
  return { address, zone }
}
