/**
 * A BGP speaker (RFC 4271): one AS number and identifier, any number of peers, one RIB that it shares with the other
 * protocols, and the prefixes it originates.
 */
import type { Clock, Network, Random, TcpListener, TcpSocket } from '@lodestone/host'
import type { Ip, Prefix } from '@lodestone/net'
import { maskedPrefix, PrefixTable, type Rib } from '@lodestone/rib'
import { CeaseReason } from './bgp-error.ts'
import { Peer, type PeerSurroundings, socketAddress } from './peer.ts'
import { BGP_PORT, isSamePeer, needsNewSession, type PeerConfig } from './peer-config.ts'

export interface SpeakerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly rib: Rib
  readonly asn: number
  /** BGP identifier: an IPv4 address that is not 0.0.0.0 (RFC 6286). */
  readonly routerId: Ip
  /** Default 179. */
  readonly port?: number
  /** Listens on all addresses when absent. */
  readonly listenAddress?: string
  /** Addresses that are ours beyond those of the sessions: never accepted as next hops. Asked for every route. */
  readonly localAddresses?: () => readonly Ip[]
}

export class Speaker {
  readonly asn: number
  readonly routerId: Ip
  readonly #options: SpeakerOptions
  readonly #peers = new Map<string, Peer>()
  readonly #originated = new PrefixTable<Prefix>()
  readonly #downInterfaces = new Set<string>()
  readonly #unwatch: () => void
  readonly #surroundings: PeerSurroundings
  #listener: TcpListener | undefined
  #strangersRefused = 0
  #isClosed = false

  constructor(options: SpeakerOptions) {
    if (options.routerId.family !== 4 || options.routerId.isUnspecified) {
      throw new Error(`${options.routerId} is not a BGP identifier`)
    }
    this.#options = options
    this.asn = options.asn
    this.routerId = options.routerId
    const { clock, random, network, rib, asn } = options
    this.#surroundings = {
      clock,
      random,
      network,
      rib,
      asn,
      routerId: options.routerId.word(0),
      isLocalAddress: (address) => this.#isLocalAddress(address),
      isOriginated: (prefix) => this.#originated.get(prefix) !== undefined,
      originated: () => this.#originated.values(),
    }
    this.#unwatch = options.rib.watch((changes) => {
      const prefixes = changes.map((change) => change.prefix)
      for (const peer of this.#peers.values()) peer.routesChanged(prefixes)
    })
  }

  /** Accepts connections. Rejects as `listenTcp` does. Without it the speaker only connects. */
  async listen(): Promise<void> {
    const { network, listenAddress } = this.#options
    const listener = await network.listenTcp(
      { port: this.port, ...(listenAddress === undefined ? {} : { address: listenAddress }) },
      (socket) => this.#accept(socket),
    )
    if (this.#isClosed) listener.close()
    else this.#listener = listener
  }

  get port(): number {
    return this.#options.port ?? BGP_PORT
  }

  get isListening(): boolean {
    return this.#listener !== undefined
  }

  addPeer(config: PeerConfig): Peer {
    if (this.#peers.has(config.name)) throw new Error(`there is a peer called ${config.name} already`)
    const peer = new Peer(config, this.#surroundings)
    this.#peers.set(config.name, peer)
    if (config.interface !== undefined && this.#downInterfaces.has(config.interface)) peer.setLinkUp(false)
    peer.start()
    return peer
  }

  /** Ends the session (6/3) and forgets the peer. */
  removePeer(name: string): void {
    this.#peers.get(name)?.close()
    this.#peers.delete(name)
  }

  /** Makes the set of peers equal to `configs`; sessions of peers that did not change stay up. */
  setPeers(configs: readonly PeerConfig[]): void {
    const wanted = new Map(configs.map((config) => [config.name, config]))
    for (const [name, peer] of this.#peers) {
      const config = wanted.get(name)
      if (config === undefined || needsNewSession(peer.config, config)) this.removePeer(name)
      else if (!isSamePeer(peer.config, config)) peer.reconfigure(config)
    }
    for (const config of configs) if (!this.#peers.has(config.name)) this.addPeer(config)
  }

  peer(name: string): Peer | undefined {
    return this.#peers.get(name)
  }

  peers(): Iterable<Peer> {
    return this.#peers.values()
  }

  /** Makes the set of originated prefixes equal to `prefixes`, announcing and withdrawing the difference. */
  originate(prefixes: readonly Prefix[]): void {
    const wanted = new PrefixTable<Prefix>()
    for (const prefix of prefixes) wanted.set(prefix, maskedPrefix(prefix))
    const changed: Prefix[] = []
    for (const prefix of [...this.#originated.values()]) {
      if (wanted.get(prefix) !== undefined) continue
      this.#originated.delete(prefix)
      changed.push(prefix)
    }
    for (const prefix of wanted.values()) {
      if (this.#originated.get(prefix) !== undefined) continue
      this.#originated.set(prefix, prefix)
      changed.push(prefix)
    }
    for (const peer of this.#peers.values()) {
      for (const prefix of changed) peer.reconsider(prefix)
      peer.routesChanged(changed)
    }
  }

  originated(): readonly Prefix[] {
    return [...this.#originated.values()]
  }

  /** Fast external fallover: sessions over an interface that goes down end at once, and start over when it is back. */
  setInterfaceUp(name: string, isUp: boolean): void {
    if (isUp) this.#downInterfaces.delete(name)
    else this.#downInterfaces.add(name)
    for (const peer of this.#peers.values()) if (peer.config.interface === name) peer.setLinkUp(isUp)
  }

  /** Connections refused because no peer has that address. */
  get strangersRefused(): number {
    return this.#strangersRefused
  }

  /** Tells every peer goodbye (6/2), withdraws what they taught us, stops listening. */
  close(): void {
    this.#isClosed = true
    this.#listener?.close()
    for (const peer of this.#peers.values()) peer.close(CeaseReason.administrativeShutdown)
    this.#peers.clear()
    this.#unwatch()
  }

  #isLocalAddress(address: Ip): boolean {
    for (const own of this.#options.localAddresses?.() ?? []) if (own.equals(address)) return true
    for (const peer of this.#peers.values()) if (peer.localAddress?.equals(address) === true) return true
    return false
  }

  #accept(socket: TcpSocket): void {
    const address = socketAddress(socket.remoteAddress)
    const zone = socket.remoteAddress.split('%')[1]
    for (const peer of this.#peers.values()) {
      const { remoteAddress, interface: interfaceName } = peer.config
      if (address === undefined || !remoteAddress.equals(address)) continue
      if (address.isLinkLocal && zone !== undefined && zone !== interfaceName) continue
      peer.accept(socket)
      return
    }
    this.#strangersRefused++
    socket.on('error', () => socket.destroy())
    socket.destroy()
  }
}
