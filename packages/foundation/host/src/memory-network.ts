/**
 * A network in memory for tests: every stack made by one `MemoryFabric` reaches every other by address, with no
 * packets in between. Delivery goes through the clock (one latency for all), so it works in virtual time.
 */
import { Duplex } from 'node:stream'
import type { Clock, Timer } from './clock.ts'
import {
  type BindOptions,
  type ConnectOptions,
  type Datagram,
  type ListenOptions,
  type Network,
  socketError,
  type TcpListener,
  type TcpSocket,
  type UdpSocket,
  unsupported,
} from './network.ts'

interface Listener {
  readonly address: string | undefined
  readonly port: number
  readonly accept: (socket: TcpSocket) => void
}

interface Binding {
  readonly address: string | undefined
  readonly port: number
  readonly groups: readonly string[]
  readonly deliver: (datagram: Datagram) => void
}

export class MemoryFabric {
  readonly #clock: Clock
  readonly #latencyMs: number
  readonly #stacks = new Map<string, MemoryNetwork>()
  readonly #cut = new Set<string>()

  constructor(clock: Clock, latencyMs = 0.1) {
    this.#clock = clock
    this.#latencyMs = latencyMs
  }

  /** A host with these addresses. */
  network(name: string, addresses: readonly string[]): MemoryNetwork {
    const network = new MemoryNetwork(name, addresses, this)
    for (const address of addresses) this.#stacks.set(address, network)
    return network
  }

  /** Cuts or restores the path between two hosts: open connections see their bytes vanish. */
  setReachable(a: string, b: string, reachable: boolean): void {
    for (const key of [`${a} ${b}`, `${b} ${a}`]) {
      if (reachable) this.#cut.delete(key)
      else this.#cut.add(key)
    }
  }

  /** @internal */
  find(address: string): MemoryNetwork | undefined {
    return this.#stacks.get(address)
  }

  /** @internal */
  all(): Iterable<MemoryNetwork> {
    return new Set(this.#stacks.values())
  }

  /** @internal */
  after(delayMs: number, fn: () => void): Timer {
    return this.#clock.after(delayMs, fn)
  }

  /** @internal Runs `fn` one latency from now unless the path between the two hosts is cut. */
  deliver(from: MemoryNetwork, to: MemoryNetwork, fn: () => void): void {
    this.#clock.after(this.#latencyMs, () => {
      if (!this.#cut.has(`${from.name} ${to.name}`)) fn()
    })
  }
}

export class MemoryNetwork implements Network {
  readonly name: string
  readonly addresses: readonly string[]
  readonly #fabric: MemoryFabric
  readonly #listeners = new Set<Listener>()
  readonly #bindings = new Set<Binding>()
  #nextPort = 49152

  constructor(name: string, addresses: readonly string[], fabric: MemoryFabric) {
    this.name = name
    this.addresses = addresses
    this.#fabric = fabric
  }

  listenTcp(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    const refusal = unsupported(options)
    if (refusal !== undefined) return Promise.reject(refusal)
    const port = options.port === 0 ? this.#nextPort++ : options.port
    if (this.findListener(options.address, port) !== undefined) {
      return Promise.reject(socketError('EADDRINUSE', `${options.address ?? '*'}:${port} is in use`))
    }
    const listener: Listener = { address: options.address, port, accept: onConnection }
    this.#listeners.add(listener)
    return Promise.resolve({ port, close: () => void this.#listeners.delete(listener) })
  }

  connectTcp(options: ConnectOptions): Promise<TcpSocket> {
    const refusal = unsupported(options)
    if (refusal !== undefined) return Promise.reject(refusal)
    const peer = this.#fabric.find(options.address)
    if (peer === undefined) {
      return Promise.reject(socketError('EHOSTUNREACH', `no host has ${options.address}`))
    }
    const localAddress = options.localAddress ?? this.addresses[0]!
    const localPort = this.#nextPort++
    const timeoutMs = options.timeoutMs ?? 30_000
    return new Promise((resolve, reject) => {
      const timer = this.#fabric.after(timeoutMs, () => {
        reject(socketError('ETIMEDOUT', `${options.address}:${options.port} did not answer in ${timeoutMs} ms`))
      })
      this.#fabric.deliver(this, peer, () => {
        const listener = peer.findListener(options.address, options.port)
        if (listener === undefined) {
          this.#fabric.deliver(peer, this, () => {
            timer.cancel()
            reject(socketError('ECONNREFUSED', `${options.address}:${options.port}`))
          })
          return
        }
        const near = new MemorySocket(localAddress, localPort, options.address, options.port)
        const far = new MemorySocket(options.address, options.port, localAddress, localPort)
        near.join(far, (fn) => this.#fabric.deliver(this, peer, fn))
        far.join(near, (fn) => this.#fabric.deliver(peer, this, fn))
        // The answer leaves before the listener can reset the connection: a caller always gets its socket first.
        this.#fabric.deliver(peer, this, () => {
          timer.cancel()
          resolve(near)
        })
        listener.accept(far)
      })
    })
  }

  bindUdp(options: BindOptions, onDatagram: (datagram: Datagram) => void): Promise<UdpSocket> {
    const refusal = unsupported(options)
    if (refusal !== undefined) return Promise.reject(refusal)
    const port = options.port === 0 ? this.#nextPort++ : options.port
    const groups = (options.groups ?? []).map((group) => group.split('%')[0]!)
    const isTaken = [...this.#bindings].some(
      (other) => other.port === port && other.address === options.address && other.groups.length + groups.length === 0,
    )
    if (isTaken) {
      return Promise.reject(socketError('EADDRINUSE', `${options.address ?? '*'}:${port} is in use`))
    }
    const binding: Binding = { address: options.address, port, groups, deliver: onDatagram }
    this.#bindings.add(binding)
    const socket: UdpSocket = {
      port,
      send: (payload, address, remotePort) => {
        const copy = new Uint8Array(payload) // `slice` of a Buffer would not copy
        const source = options.address ?? this.addresses[0]!
        for (const host of this.#fabric.all()) {
          const isGroup = host !== this && host.joins(address)
          if (!isGroup && host !== this.#fabric.find(address)) continue
          this.#fabric.deliver(this, host, () =>
            host.receive(address, remotePort, {
              payload: copy,
              remoteAddress: source,
              remotePort: port,
              hopLimit: 255,
            }),
          )
        }
      },
      close: () => void this.#bindings.delete(binding),
    }
    return Promise.resolve(socket)
  }

  /** @internal */
  findListener(address: string | undefined, port: number): Listener | undefined {
    for (const listener of this.#listeners) {
      if (listener.port !== port) continue
      if (listener.address === undefined || address === undefined || listener.address === address) return listener
    }
    return undefined
  }

  /** @internal */
  joins(group: string): boolean {
    for (const binding of this.#bindings) if (binding.groups.includes(group)) return true
    return false
  }

  /** @internal */
  receive(address: string, port: number, datagram: Datagram): void {
    for (const binding of this.#bindings) {
      if (binding.port !== port) continue
      if (binding.address === undefined || binding.address === address || binding.groups.includes(address)) {
        binding.deliver(datagram)
      }
    }
  }
}

class MemorySocket extends Duplex implements TcpSocket {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  #peer: MemorySocket | undefined
  #carry: ((fn: () => void) => void) | undefined

  constructor(localAddress: string, localPort: number, remoteAddress: string, remotePort: number) {
    super({ allowHalfOpen: true })
    this.localAddress = localAddress
    this.localPort = localPort
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
  }

  join(peer: MemorySocket, carry: (fn: () => void) => void): void {
    this.#peer = peer
    this.#carry = carry
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    const copy = Buffer.from(chunk)
    this.#carry!(() => {
      if (!this.#peer!.destroyed) this.#peer!.push(copy)
    })
    done()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#carry!(() => {
      if (!this.#peer!.destroyed) this.#peer!.push(null)
    })
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#carry!(() => {
      const peer = this.#peer!
      if (peer.destroyed || peer.readableEnded) return
      if (this.writableFinished) return
      peer.destroy(socketError('ECONNRESET', 'the peer reset the connection'))
    })
    done(error)
  }
}
