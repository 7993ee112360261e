/**
 * A datagram network for tests, in virtual time: delay, loss by any rule, the sender's hop limit less the hops between,
 * and a record of who sent what when. Addresses belong to hosts; every host reaches every other.
 */
import {
  type BindOptions,
  type Clock,
  type Datagram,
  type Network,
  socketError,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
} from '@lodestone/host'

export interface Sent {
  readonly atMs: number
  readonly from: string
  readonly fromPort: number
  readonly to: string
  readonly toPort: number
  readonly hopLimit: number
  readonly payload: Uint8Array
}

export class LossyWire {
  readonly clock: Clock
  readonly delayMs: number
  /** Routers between any two hosts. */
  hops = 0
  /** False: as an operating system that does not tell. */
  tellsHopLimit = true
  /** Whether a datagram is lost. */
  loses: (sent: Sent) => boolean = () => false
  /** Called for everything sent, lost or not. */
  onSent: (sent: Sent) => void = () => undefined
  readonly #hosts = new Map<string, LossyHost>()
  #lastBatch: Sent[] = []

  constructor(clock: Clock, delayMs = 0.1) {
    this.clock = clock
    this.delayMs = delayMs
  }

  host(name: string, addresses: readonly string[]): LossyHost {
    const host = new LossyHost(name, addresses, this)
    for (const address of addresses) this.#hosts.set(address, host)
    return host
  }

  /** Sends as `sent` says, whoever asks: forged datagrams too. */
  carry(sent: Sent): void {
    this.onSent(sent)
    if (this.loses(sent)) return
    if (this.#hosts.has(sent.to)) this.#batch(sent.atMs).push(sent)
  }

  /** What is sent in one instant arrives in one event: hundreds of sessions share their wake-ups. */
  #batch(atMs: number): Sent[] {
    const last = this.#lastBatch
    if (last.length > 0 && last[0]!.atMs === atMs && this.clock.nowMs() === atMs) return last
    const batch: Sent[] = []
    this.#lastBatch = batch
    this.clock.after(this.delayMs, () => {
      if (this.#lastBatch === batch) this.#lastBatch = []
      for (const sent of batch) this.#hosts.get(sent.to)?.receive(sent)
    })
    return batch
  }
}

export class LossyHost implements Network {
  readonly name: string
  readonly addresses: readonly string[]
  readonly #wire: LossyWire
  readonly #bindings = new Map<string, (datagram: Datagram) => void>()
  readonly bound: BindOptions[] = []
  #nextPort = 40_000

  constructor(name: string, addresses: readonly string[], wire: LossyWire) {
    this.name = name
    this.addresses = addresses
    this.#wire = wire
  }

  listenTcp(): Promise<TcpListener> {
    return Promise.reject(socketError('EOPNOTSUPP', 'datagrams only'))
  }

  connectTcp(): Promise<TcpSocket> {
    return Promise.reject(socketError('EOPNOTSUPP', 'datagrams only'))
  }

  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    const { address, hopLimit = 64 } = options
    const port = options.port === 0 ? this.#nextPort++ : options.port
    const key = `${address ?? '*'} ${port}`
    if (this.#bindings.has(key)) return Promise.reject(socketError('EADDRINUSE', key))
    if (address !== undefined && !this.addresses.includes(address)) {
      return Promise.reject(socketError('EADDRNOTAVAIL', address))
    }
    this.#bindings.set(key, onDatagram)
    this.bound.push({ ...options, port })
    return Promise.resolve({
      port,
      send: (payload, to, toPort) =>
        this.#wire.carry({
          atMs: this.#wire.clock.nowMs(),
          from: address ?? this.addresses[0]!,
          fromPort: port,
          to,
          toPort,
          hopLimit,
          payload: payload.slice(),
        }),
      close: () => void this.#bindings.delete(key),
    })
  }

  receive({ from, fromPort, to, toPort, hopLimit, payload }: Sent): void {
    const deliver = this.#bindings.get(`${to} ${toPort}`) ?? this.#bindings.get(`* ${toPort}`)
    const { hops, tellsHopLimit } = this.#wire
    deliver?.({
      payload,
      remoteAddress: from,
      remotePort: fromPort,
      ...(tellsHopLimit ? { hopLimit: hopLimit - hops } : {}),
    })
  }
}
