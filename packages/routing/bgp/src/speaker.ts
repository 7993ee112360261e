/**
 * A BGP speaker (RFC 4271): one AS number and identifier, any number of peers, one RIB that it shares with the other
 * protocols, and the prefixes it originates.
 */
import type { Clock, ListenPeer, Network, Random, TcpListener, TcpSocket, Timer } from '@lodestone/host'
import type { Ip, Prefix } from '@lodestone/net'
import { maskedPrefix, PrefixTable, type Rib, RouteFlag } from '@lodestone/rib'
import { AttributeBook } from './attribute-book.ts'
import { CeaseReason } from './bgp-error.ts'
import { socketAddress } from './connection.ts'
import { GroupBook } from './group-book.ts'
import { Peer, type PeerSurroundings } from './peer.ts'
import {
  BGP_PORT,
  DEFAULT_DYNAMIC_LIMIT,
  type DynamicNeighbours,
  isSamePeer,
  needsNewSession,
  type PeerConfig,
} from './peer-config.ts'
import type { SpeakerEvent, SpeakerListener } from './speaker-events.ts'

export interface SpeakerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly rib: Rib
  readonly asn: number
  /** BGP identifier: an IPv4 address that is not 0.0.0.0 (RFC 6286). */
  readonly routerId: Ip
  /** Default 179. */
  readonly port?: number | undefined
  /** Listens on all addresses when absent. */
  readonly listenAddress?: string | undefined
  /** Addresses that are ours beyond those of the sessions: never accepted as next hops. Asked once per attribute set. */
  readonly localAddresses?: () => readonly Ip[]
  /** RFC 4456 §7; default the identifier. */
  readonly clusterId?: Ip | undefined
  /** RFC 8212: external sessions without policies exchange nothing; default false. */
  readonly requiresPolicy?: boolean | undefined
  /** This process replaces one whose forwarding state still stands (RFC 4724 §4.1). */
  readonly isRestarting?: boolean | undefined
  /** How long a restarting speaker waits for its peers' routes before it tells its own; default 120. */
  readonly selectionDeferralS?: number | undefined
  /** Cost of the way to a next hop, undefined when there is none; absent: all are taken to be reachable at no cost. */
  readonly resolveNextHop?: (nextHop: Ip, interfaceName: string | undefined) => { readonly metric: number } | undefined
}

const DEFAULT_DEFERRAL_S = 120

export class Speaker {
  readonly asn: number
  readonly routerId: Ip
  readonly #options: SpeakerOptions
  readonly #peers = new Map<string, Peer>()
  readonly #originated = new PrefixTable<{ readonly prefix: Prefix; readonly ref: number }>()
  readonly #downInterfaces = new Set<string>()
  readonly #neighbours = new Map<string, Ip>()
  readonly #listeners = new Set<SpeakerListener>()
  readonly #book: GroupBook
  readonly #surroundings: PeerSurroundings
  #dynamic: readonly DynamicNeighbours[] = []
  #listener: TcpListener | undefined
  #listenPeers = ''
  #deferral: Timer | undefined
  #strangersRefused = 0
  /** Undefined after a session has come or gone. */
  #sessionAddresses: readonly Ip[] | undefined
  #isClosed = false

  constructor(options: SpeakerOptions) {
    if (options.routerId.family !== 4 || options.routerId.isUnspecified) {
      throw new Error(`${options.routerId} is not a BGP identifier`)
    }
    this.#options = options
    this.asn = options.asn
    this.routerId = options.routerId
    const { clock, random, network, rib, asn } = options
    this.#book = new GroupBook(clock, rib, () => Array.from(this.#originated.values(), ({ ref }) => ref))
    this.#surroundings = {
      clock,
      random,
      network,
      rib,
      asn,
      routerId: options.routerId.word(0),
      clusterId: (options.clusterId ?? options.routerId).word(0),
      requiresPolicy: options.requiresPolicy ?? false,
      book: this.#book,
      attributes: { internal: new AttributeBook(), external: new AttributeBook() },
      resolveNextHop: options.resolveNextHop,
      listeners: this.#listeners,
      isLocalAddress: (address) => this.#isLocalAddress(address),
      isClient: (peer) => this.#peers.get(peer)?.config.isRouteReflectorClient === true,
      clientsKey: () => this.#clientsKey(),
      isRestarting: () => this.#deferral !== undefined,
      progressed: () => this.#checkDeferral(),
      quiet: (peer) => this.#quiet(peer),
      sessionsChanged: () => (this.#sessionAddresses = undefined),
    }
    if (options.isRestarting === true) {
      this.#book.defer(true)
      const waitMs = (options.selectionDeferralS ?? DEFAULT_DEFERRAL_S) * 1000
      this.#deferral = clock.after(waitMs, () => this.#endDeferral())
    }
  }

  /** Accepts connections. Rejects as `listenTcp` does. Without it the speaker only connects. */
  async listen(): Promise<void> {
    const { network, listenAddress } = this.#options
    const peers = this.#peersToProtect()
    this.#listenPeers = JSON.stringify(peers)
    const listener = await network.listenTcp(
      {
        port: this.port,
        ...(listenAddress === undefined ? {} : { address: listenAddress }),
        ...(peers.length === 0 ? {} : { peers }),
      },
      (socket) => this.#accept(socket),
    )
    if (this.#isClosed) listener.close()
    else {
      this.#listener = listener
      this.#protect()
    }
  }

  get port(): number {
    return this.#options.port ?? BGP_PORT
  }

  get isListening(): boolean {
    return this.#listener !== undefined
  }

  /** Groups of peers that are told the same; for status pages. */
  get updateGroupCount(): number {
    return this.#book.groupCount
  }

  /** Waits for its peers' routes before it tells its own (RFC 4724 §4.1). */
  get isDeferring(): boolean {
    return this.#deferral !== undefined
  }

  /** @returns unsubscribe. */
  observe(listener: SpeakerListener): () => void {
    const entry = { ...listener }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  addPeer(config: PeerConfig): Peer {
    return this.#add(config, false)
  }

  /** Ends the session (6/3) and forgets the peer. */
  removePeer(name: string): void {
    const peer = this.#peers.get(name)
    if (peer === undefined) return
    this.#peers.delete(name)
    peer.close()
    this.#protect()
    this.#tell({ kind: 'peer-removed', peer: name })
    if (peer.config.isRouteReflectorClient === true) this.#regroupAll()
  }

  /** Makes the set of configured peers equal to `configs`; sessions of peers that did not change stay up. */
  setPeers(configs: readonly PeerConfig[]): void {
    const wanted = new Map(configs.map((config) => [config.name, config]))
    const clientsBefore = this.#clientsKey()
    for (const [name, peer] of this.#peers) {
      if (peer.isDynamic) continue
      const config = wanted.get(name)
      if (config === undefined || needsNewSession(peer.config, config)) this.removePeer(name)
      else if (!isSamePeer(peer.config, config)) peer.reconfigure(config)
    }
    for (const config of configs) if (!this.#peers.has(config.name)) this.addPeer(config)
    this.#protect()
    if (this.#clientsKey() !== clientsBefore) this.#regroupAll()
  }

  /** Ranges from which peers are accepted that are not configured one by one. Sessions of ranges that went end. */
  setDynamicNeighbours(ranges: readonly DynamicNeighbours[]): void {
    this.#dynamic = ranges
    for (const [name, peer] of this.#peers) {
      if (!peer.isDynamic) continue
      const { remoteAddress } = peer
      const range = remoteAddress === undefined ? undefined : this.#rangeOf(remoteAddress)
      const config = remoteAddress === undefined || range === undefined ? undefined : dynamicConfig(range, peer.config)
      if (config === undefined || config.name !== name || needsNewSession(peer.config, config)) this.removePeer(name)
      else if (!isSamePeer(peer.config, config)) peer.reconfigure(config)
    }
    this.#protect()
  }

  peer(name: string): Peer | undefined {
    return this.#peers.get(name)
  }

  peers(): Iterable<Peer> {
    return this.#peers.values()
  }

  /** Makes the set of originated prefixes equal to `prefixes`, announcing and withdrawing the difference. */
  originate(prefixes: readonly Prefix[]): void {
    const { rib } = this.#options
    const { store } = rib
    const wanted = new PrefixTable<Prefix>()
    for (const prefix of prefixes) wanted.set(prefix, maskedPrefix(prefix))
    const changed: number[] = []
    const dropped: number[] = []
    for (const { prefix, ref } of [...this.#originated.values()]) {
      if (wanted.get(prefix) !== undefined) continue
      this.#originated.delete(prefix)
      const { flags } = store.table(ref)
      flags[ref >>> 1] = flags[ref >>> 1]! & ~RouteFlag.originated
      changed.push(ref)
      dropped.push(ref)
    }
    for (const prefix of wanted.values()) {
      if (this.#originated.get(prefix) !== undefined) continue
      const ref = store.insert(prefix)
      const { flags } = store.table(ref)
      flags[ref >>> 1] = flags[ref >>> 1]! | RouteFlag.originated
      store.hold(ref)
      this.#originated.set(prefix, { prefix, ref })
      changed.push(ref)
    }
    rib.batch(() => {
      for (const peer of this.#peers.values()) for (const ref of changed) peer.reconsider(ref)
    })
    this.#book.enqueue(changed)
    for (const ref of dropped) store.release(ref)
  }

  originated(): readonly Prefix[] {
    return Array.from(this.#originated.values(), ({ prefix }) => prefix)
  }

  /** Fast external fallover: sessions over an interface that goes down end at once, and start over when it is back. */
  setInterfaceUp(name: string, isUp: boolean): void {
    if (isUp) this.#downInterfaces.delete(name)
    else {
      this.#downInterfaces.add(name)
      this.#neighbours.delete(name)
    }
    for (const peer of this.#peers.values()) if (peer.config.interface === name) peer.setLinkUp(isUp)
  }

  /** A router announced itself on an interface: the unnumbered peer there is it. */
  neighbourDiscovered(interfaceName: string, linkLocal: Ip): void {
    this.#neighbours.set(interfaceName, linkLocal)
    for (const peer of this.#peers.values()) if (peer.config.interface === interfaceName) peer.setNeighbour(linkLocal)
  }

  /** Its announcements ceased. A session that is up goes on until its own timers end it. */
  neighbourLost(interfaceName: string): void {
    this.#neighbours.delete(interfaceName)
    for (const peer of this.#peers.values()) if (peer.config.interface === interfaceName) peer.setNeighbour(undefined)
  }

  /** The local addresses changed: every received path is judged again, and peers that could not be reached are tried. */
  localAddressesChanged(): void {
    for (const peer of this.#peers.values()) peer.localAddressesChanged()
  }

  /** The answers of `resolveNextHop` changed for these: the paths through them are judged again. */
  nextHopsChanged(nextHops: readonly Ip[]): void {
    for (const peer of this.#peers.values()) peer.nextHopsChanged(nextHops)
  }

  /** Tells all peers that this router is about to go away (RFC 8326). */
  setGracefulShutdown(isOn: boolean): void {
    for (const peer of this.#peers.values()) peer.setGracefulShutdown(isOn)
  }

  /** Connections refused because no peer has that address, or because a range is full. */
  get strangersRefused(): number {
    return this.#strangersRefused
  }

  /** Tells every peer goodbye (6/2), withdraws what they taught us, stops listening. */
  close(): void {
    this.#isClosed = true
    this.#listener?.close()
    this.#deferral?.cancel()
    for (const peer of this.#peers.values()) peer.close(CeaseReason.administrativeShutdown)
    this.#peers.clear()
    this.#book.close()
    const { store } = this.#options.rib
    for (const { ref } of this.#originated.values()) {
      const { flags } = store.table(ref)
      flags[ref >>> 1] = flags[ref >>> 1]! & ~RouteFlag.originated
      store.release(ref)
    }
    this.#originated.clear()
  }

  #add(config: PeerConfig, isDynamic: boolean): Peer {
    if (this.#peers.has(config.name)) throw new Error(`there is a peer called ${config.name} already`)
    const peer = new Peer(config, this.#surroundings, isDynamic)
    this.#peers.set(config.name, peer)
    this.#tell({ kind: 'peer-added', peer: config.name, isDynamic })
    const { interface: interfaceName } = config
    if (interfaceName !== undefined) {
      if (this.#downInterfaces.has(interfaceName)) peer.setLinkUp(false)
      const neighbour = this.#neighbours.get(interfaceName)
      if (neighbour !== undefined) peer.setNeighbour(neighbour)
    }
    this.#protect()
    peer.start()
    return peer
  }

  #tell(event: SpeakerEvent): void {
    for (const listener of this.#listeners) listener.event?.(event)
  }

  // --- who may connect ----------------------------------------------------------------------------------------------

  #isLocalAddress(address: Ip): boolean {
    for (const own of this.#options.localAddresses?.() ?? []) if (own.equals(address)) return true
    this.#sessionAddresses ??= this.#addressesOfSessions()
    return this.#sessionAddresses.some((own) => own.equals(address))
  }

  /** Our ends of the sessions, each once. */
  #addressesOfSessions(): readonly Ip[] {
    const addresses: Ip[] = []
    for (const { localAddress } of this.#peers.values()) {
      if (localAddress !== undefined && !addresses.some((each) => each.equals(localAddress)))
        addresses.push(localAddress)
    }
    return addresses
  }

  #accept(socket: TcpSocket): void {
    const peer = this.#isClosed ? undefined : this.#peerFor(socket)
    if (peer !== undefined) {
      peer.accept(socket)
      return
    }
    this.#strangersRefused++
    socket.on('error', () => socket.destroy())
    socket.destroy()
  }

  #peerFor(socket: TcpSocket): Peer | undefined {
    const address = socketAddress(socket.remoteAddress)
    if (address === undefined) return undefined
    const zone = socket.remoteAddress.split('%')[1]
    for (const peer of this.#peers.values()) {
      const { remoteAddress } = peer
      const { interface: interfaceName } = peer.config
      if (remoteAddress === undefined) {
        // Unnumbered and not discovered yet: whoever connects over its link is it.
        if (address.isLinkLocal && zone !== undefined && zone === interfaceName) return peer
        continue
      }
      if (!remoteAddress.equals(address)) continue
      if (address.isLinkLocal && zone !== undefined && zone !== interfaceName) continue
      return peer
    }
    const range = this.#rangeOf(address)
    if (range === undefined) return undefined
    let members = 0
    for (const peer of this.#peers.values()) {
      if (peer.isDynamic && peer.remoteAddress !== undefined && this.#rangeOf(peer.remoteAddress) === range) members++
    }
    if (members >= (range.limit ?? DEFAULT_DYNAMIC_LIMIT)) return undefined
    const config = dynamicConfig(range, { remoteAddress: address, interface: zone })
    return this.#peers.has(config.name) ? undefined : this.#add(config, true)
  }

  /** The longest range that covers the address. */
  #rangeOf(address: Ip): DynamicNeighbours | undefined {
    let best: DynamicNeighbours | undefined
    for (const range of this.#dynamic) {
      if (range.range.contains(address) && (best === undefined || range.range.length > best.range.length)) best = range
    }
    return best
  }

  /** A dynamic neighbour ends with its session. */
  #quiet(peer: Peer): void {
    if (!peer.isDynamic || this.#peers.get(peer.config.name) !== peer) return
    this.#options.clock.after(0, () => {
      const { state } = peer.status()
      const isQuiet = state === 'Idle' || state === 'Active'
      if (isQuiet && this.#peers.get(peer.config.name) === peer) this.removePeer(peer.config.name)
    })
  }

  /** What the listener has to ask of the connections of each peer: keys and hop counts. */
  #peersToProtect(): readonly ListenPeer[] {
    const out: ListenPeer[] = []
    const add = (
      remote: string,
      { md5Password, ttl, minTtl }: Pick<PeerConfig, 'md5Password' | 'ttl' | 'minTtl'>,
    ): void => {
      if (md5Password === undefined && ttl === undefined && minTtl === undefined) return
      const sentTtl = ttl ?? (minTtl === undefined ? undefined : 255)
      out.push({
        remote,
        ...(md5Password === undefined ? {} : { md5Password }),
        ...(sentTtl === undefined ? {} : { ttl: sentTtl }),
        ...(minTtl === undefined ? {} : { minTtl }),
      })
    }
    for (const { remoteAddress, config, isDynamic } of this.#peers.values()) {
      if (remoteAddress === undefined || isDynamic) continue
      const zone = remoteAddress.isLinkLocal && config.interface !== undefined ? `%${config.interface}` : ''
      add(`${remoteAddress}${zone}`, config)
    }
    for (const { range, template } of this.#dynamic) add(range.toString(), template)
    return out
  }

  #protect(): void {
    if (this.#listener === undefined) return
    const peers = this.#peersToProtect()
    const text = JSON.stringify(peers)
    if (text === this.#listenPeers) return
    this.#listenPeers = text
    this.#listener.setPeers?.(peers)
  }

  // --- reflection and restart ---------------------------------------------------------------------------------------

  #clientsKey(): string {
    const names: string[] = []
    for (const { config } of this.#peers.values()) if (config.isRouteReflectorClient === true) names.push(config.name)
    return names.toSorted().join(' ')
  }

  #regroupAll(): void {
    for (const peer of this.#peers.values()) peer.regroup()
  }

  /** RFC 4724 §4.1: everybody who promised to keep our routes has told theirs. */
  #checkDeferral(): void {
    if (this.#deferral === undefined) return
    for (const peer of this.#peers.values()) {
      if (peer.config.gracefulRestart === undefined || peer.config.gracefulRestart.isHelperOnly === true) continue
      if (!peer.isEstablished || peer.families.some((family) => !peer.endOfRib.has(family))) return
    }
    this.#endDeferral()
  }

  #endDeferral(): void {
    this.#deferral?.cancel()
    this.#deferral = undefined
    this.#book.defer(false)
  }
}

function dynamicConfig(
  { name, template }: DynamicNeighbours,
  { remoteAddress, interface: interfaceName }: Pick<PeerConfig, 'remoteAddress' | 'interface'>,
): PeerConfig {
  return {
    ...template,
    name: `${name}-${remoteAddress}`,
    remoteAddress,
    interface: template.interface ?? interfaceName,
    isPassive: true,
  }
}
