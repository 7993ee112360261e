/**
 * BFD for one host: the well-known ports (RFC 5881 §4, RFC 5883 §5), the peers, and which session a packet is for
 * (RFC 5880 §6.3: by our discriminator; while the peer does not know it, by where the packet comes from).
 *
 * Memory is bounded by the configured peers: a stranger's packet leaves nothing but a count.
 */
import type { Clock, Datagram, Network, Random, UdpSocket } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { Counters } from '@lodestone/probe'
import { checkPeers } from './check-peers.ts'
import {
  type ControlPacket,
  DECODE_ERRORS,
  type DecodeErrorKind,
  decodeControlPacket,
  ECHO_PORT,
  MULTIHOP_PORT,
  SINGLE_HOP_PORT,
} from './control-packet.ts'
import { Diagnostic } from './diagnostic.ts'
import { Discriminators } from './discriminators.ts'
import { decodeEcho } from './echo-packet.ts'
import { Peer, type PeerSurroundings } from './peer.ts'
import { DEFAULT_MIN_HOP_LIMIT, isSamePeer, needsNewSession } from './peer-config.ts'
import { type PeerConfig, type PeerMode, sourceKey } from './peer-config.ts'
import type { PeerStatus } from './peer-status.ts'
import type { Transition } from './session.ts'
import { WakeUps } from './wake-ups.ts'

export interface BfdSpeakerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  /** One socket per port for each; default one for all addresses. */
  readonly listenAddresses?: readonly string[]
  /**
   * Single-hop packets whose hop limit on arrival the network cannot tell: 'accept' where a socket filter has checked
   * it already, or where that risk is taken; default 'accept'. They are counted either way.
   */
  readonly unknownHopLimit?: 'accept' | 'refuse'
  /** Opens the echo port: without it no peer may be configured with echo intervals. Default false. */
  readonly isEchoEnabled?: boolean
  /** Timers of all sessions end on multiples of this, so that they share wake-ups; default 0: exactly when due. */
  readonly alignmentMs?: number
  /** Default 4096. */
  readonly maxPeers?: number
}

export interface StateChange extends Transition {
  readonly peer: PeerConfig
  /** Monotonic milliseconds. */
  readonly atMs: number
  readonly wallMs: number
}

export type SpeakerCounter =
  | 'packets-received'
  | `malformed-${DecodeErrorKind}`
  | 'hop-limit-wrong'
  | 'hop-limit-unknown'
  | 'discriminator-unknown'
  | 'source-unknown'
  | 'mode-mismatch'
  | 'echoes-received'
  | 'echoes-unattributable'

const SPEAKER_COUNTERS: readonly SpeakerCounter[] = [
  'packets-received',
  ...DECODE_ERRORS.map((kind) => `malformed-${kind}` as const),
  'hop-limit-wrong',
  'hop-limit-unknown',
  'discriminator-unknown',
  'source-unknown',
  'mode-mismatch',
  'echoes-received',
  'echoes-unattributable',
]

export interface SpeakerStatus {
  readonly isListening: boolean
  readonly peers: readonly PeerStatus[]
  readonly counters: Readonly<Record<SpeakerCounter, number>>
}

/** Of a speaker that was just made. */
export const NO_STATUS: SpeakerStatus = {
  isListening: false,
  peers: [],
  counters: new Counters<SpeakerCounter>(SPEAKER_COUNTERS).snapshot(),
}

const SENT_HOP_LIMIT = 255

export class BfdSpeaker {
  readonly #options: BfdSpeakerOptions
  readonly #surroundings: PeerSurroundings
  readonly #discriminators: Discriminators
  readonly #peers = new Map<string, Peer>()
  readonly #byDiscriminator = new Map<number, Peer>()
  /** By mode and address; more than one where the same link-local address exists on several links. */
  readonly #bySource = new Map<string, readonly Peer[]>()
  readonly #listeners = new Set<(change: StateChange) => void>()
  readonly #counters = new Counters<SpeakerCounter>(SPEAKER_COUNTERS)
  #sockets: readonly UdpSocket[] = []
  /** Those of them that take single-hop packets. */
  #singleHopSockets: readonly UdpSocket[] = []
  #multihopSockets: readonly UdpSocket[] = []
  #isClosed = false

  constructor(options: BfdSpeakerOptions) {
    this.#options = options
    const { clock, random, network, alignmentMs = 0 } = options
    this.#discriminators = new Discriminators(random.fork('discriminators'))
    this.#surroundings = {
      clock,
      random,
      network,
      alignmentMs,
      wakeUps: new WakeUps(clock),
      usedPorts: new Set(),
      onTransition: (peer, { from, to, diagnostic, isFailure }) => {
        const when = { atMs: clock.nowMs(), wallMs: clock.wallMs() }
        const change = { peer: peer.config, from, to, diagnostic, isFailure, ...when }
        for (const listener of this.#listeners) listener(change)
      },
    }
  }

  /** Opens the well-known ports. Rejects as `bindUdp` does; then none is left open. */
  async listen(): Promise<void> {
    const { listenAddresses = [undefined], isEchoEnabled = false } = this.#options
    const sockets: UdpSocket[] = []
    const singleHop: UdpSocket[] = []
    const multihop: UdpSocket[] = []
    try {
      for (const address of listenAddresses) {
        const socket = await this.#bind(address, SINGLE_HOP_PORT, SENT_HOP_LIMIT, this.#receiveSingleHop)
        singleHop.push(socket)
        sockets.push(socket)
        // Each peer has a limit of its own: `#limitHops` says them.
        const distant = await this.#bind(address, MULTIHOP_PORT, 1, this.#receiveMultihop)
        multihop.push(distant)
        sockets.push(distant)
        if (isEchoEnabled) sockets.push(...(await this.#bindEcho(address)))
      }
    } catch (error) {
      for (const socket of sockets) socket.close()
      throw error
    }
    if (this.#isClosed) return sockets.forEach((socket) => socket.close())
    this.#sockets = sockets
    this.#singleHopSockets = singleHop
    this.#multihopSockets = multihop
    this.#limitHops()
  }

  addPeer(config: PeerConfig): Peer {
    const problem = this.#check([...this.#configs(), config])
    if (problem !== undefined) throw new Error(problem)
    const peer = this.#add(config)
    this.#limitHops()
    return peer
  }

  /** Says AdminDown and forgets the peer; listeners see AdminDown, which is no failure. */
  removePeer(name: string): void {
    const peer = this.#peers.get(name)
    if (peer === undefined) return
    this.#peers.delete(name)
    this.#byDiscriminator.delete(peer.discriminator)
    const source = sourceKey(peer.mode, peer.config.remoteAddress)
    const others = this.#peersAt(source).filter((other) => other !== peer)
    if (others.length === 0) this.#bySource.delete(source)
    else this.#bySource.set(source, others)
    this.#discriminators.free(peer.discriminator)
    peer.close()
  }

  /**
   * Makes the set of peers equal to `configs`. Sessions of peers that did not change are not touched; changed intervals
   * are negotiated by poll sequences; only another address, link or mode means a new session.
   */
  setPeers(configs: readonly PeerConfig[]): void {
    const problem = this.#check(configs)
    if (problem !== undefined) throw new Error(problem)
    const wanted = new Map(configs.map((config) => [config.name, config]))
    for (const [name, peer] of this.#peers) {
      const config = wanted.get(name)
      if (config === undefined || needsNewSession(peer.config, config)) this.removePeer(name)
      else if (!isSamePeer(peer.config, config)) peer.reconfigure(config)
    }
    for (const config of configs) if (!this.#peers.has(config.name)) this.#add(config)
    this.#limitHops()
  }

  /** @returns why `setPeers` would throw, in words. */
  checkPeers(configs: readonly PeerConfig[]): string | undefined {
    return this.#check(configs)
  }

  peer(name: string): Peer | undefined {
    return this.#peers.get(name)
  }

  peers(): Iterable<Peer> {
    return this.#peers.values()
  }

  /** Called after every change of a session's state. @returns unsubscribe. */
  onState(fn: (change: StateChange) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  /** The link is gone: its sessions need not wait for their detection time. */
  interfaceDown(name: string): void {
    for (const peer of this.#peers.values()) if (peer.config.interface === name) peer.fail(Diagnostic.pathDown)
  }

  status(): SpeakerStatus {
    return {
      isListening: this.#sockets.length > 0,
      peers: Array.from(this.#peers.values(), (peer) => peer.status()),
      counters: this.#withDropped(this.#counters.snapshot()),
    }
  }

  /** Says AdminDown to every peer and stops listening. */
  close(): void {
    this.#isClosed = true
    for (const name of [...this.#peers.keys()]) this.removePeer(name)
    for (const socket of this.#sockets) socket.close()
    this.#sockets = []
    this.#singleHopSockets = []
    this.#multihopSockets = []
  }

  /** What a filter of the network dropped came from too far away. */
  #withDropped(counters: SpeakerStatus['counters']): SpeakerStatus['counters'] {
    if (!this.#isFiltered) return counters
    let dropped = 0
    for (const socket of this.#singleHopSockets) dropped += socket.dropped?.() ?? 0
    for (const socket of this.#multihopSockets) dropped += socket.dropped?.() ?? 0
    return { ...counters, 'hop-limit-wrong': counters['hop-limit-wrong'] + dropped }
  }

  /** RFC 5883 §4.3 leaves it to the operator how far away a multihop peer may be: tells the sockets. */
  #limitHops(): void {
    const limits = Array.from(this.#peers.values(), ({ config }) => config)
      .filter(({ mode }) => mode === 'multihop')
      .map(({ remoteAddress, minHopLimit }) => ({
        address: remoteAddress,
        minHopLimit: minHopLimit ?? DEFAULT_MIN_HOP_LIMIT,
      }))
    for (const socket of this.#multihopSockets) socket.setMinHopLimits?.(limits)
  }

  // ── Peers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #add(config: PeerConfig): Peer {
    const peer = new Peer(config, this.#discriminators.allocate(), this.#surroundings)
    this.#peers.set(config.name, peer)
    this.#byDiscriminator.set(peer.discriminator, peer)
    const source = sourceKey(peer.mode, config.remoteAddress)
    this.#bySource.set(source, [...this.#peersAt(source), peer])
    return peer
  }

  #configs(): readonly PeerConfig[] {
    return Array.from(this.#peers.values(), (peer) => peer.config)
  }

  #check(configs: readonly PeerConfig[]): string | undefined {
    return checkPeers(configs, this.#options)
  }

  // ── Reception ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether the network keeps packets from farther away off our sockets by itself. */
  get #isFiltered(): boolean {
    return this.#options.network.features?.minTtl === true
  }

  #bind(
    address: string | undefined,
    port: number,
    minHopLimit: number | undefined,
    receive: (datagram: Datagram) => void,
  ): Promise<UdpSocket> {
    const where = { port, hopLimit: SENT_HOP_LIMIT, ...(address === undefined ? {} : { address }) }
    return this.#options.network.bindUdp(
      { ...where, ...(this.#isFiltered && minHopLimit !== undefined ? { minHopLimit } : {}) },
      receive,
    )
  }

  readonly #receiveSingleHop = (datagram: Datagram): void => this.#receive('single-hop', datagram)
  readonly #receiveMultihop = (datagram: Datagram): void => this.#receive('multihop', datagram)

  /** What is returned leaves from a socket of its own, with a hop limit that shows that it was returned once. */
  async #bindEcho(address: string | undefined): Promise<readonly UdpSocket[]> {
    const where = { port: 0, hopLimit: SENT_HOP_LIMIT - 1, ...(address === undefined ? {} : { address }) }
    const reflector = await this.#options.network.bindUdp(where, () => undefined)
    try {
      return [
        reflector,
        await this.#bind(address, ECHO_PORT, undefined, (datagram) => this.#receiveEcho(datagram, reflector)),
      ]
    } catch (error) {
      reflector.close()
      throw error
    }
  }

  #receive(mode: PeerMode, datagram: Datagram): void {
    this.#counters.add('packets-received')
    const result = decodeControlPacket(datagram.payload)
    if (!result.ok) return this.#counters.add(`malformed-${result.error.kind}`)
    if (mode === 'single-hop' && !this.#isFromNeighbour(datagram)) return
    const peer = this.#select(mode, result.packet, datagram)
    if (peer === undefined) return
    if (peer.mode !== mode) return this.#counters.add('mode-mismatch')
    peer.receive(result.packet, datagram)
  }

  /** RFC 5881 §5: only a packet sent on this very link still has 255. */
  #isFromNeighbour(datagram: Datagram): boolean {
    if (datagram.hopLimit === SENT_HOP_LIMIT) return true
    if (datagram.hopLimit !== undefined) {
      this.#counters.add('hop-limit-wrong')
      return false
    }
    this.#counters.add('hop-limit-unknown')
    return this.#options.unknownHopLimit !== 'refuse'
  }

  #select(mode: PeerMode, packet: ControlPacket, datagram: Datagram): Peer | undefined {
    const { yourDiscriminator } = packet
    const peer = yourDiscriminator === 0 ? this.#peerAt(mode, datagram) : this.#byDiscriminator.get(yourDiscriminator)
    if (peer === undefined) this.#counters.add(yourDiscriminator === 0 ? 'source-unknown' : 'discriminator-unknown')
    return peer
  }

  #peerAt(mode: PeerMode, { remoteAddress, interfaceName }: Datagram): Peer | undefined {
    const [text, zone] = remoteAddress.split('%')
    const address = Ip.parse(unmapped(text!)) // because split gives at least one part
    if (address === undefined) return undefined
    const candidates = this.#peersAt(sourceKey(mode, address))
    const link = zone ?? interfaceName
    // A network that does not tell links: it is clear who is meant when only one peer has that address.
    if (link === undefined && candidates.length === 1) return candidates[0]
    return (
      candidates.find((peer) => peer.config.interface === link) ??
      candidates.find((peer) => peer.config.interface === undefined)
    )
  }

  #peersAt(source: string): readonly Peer[] {
    return this.#bySource.get(source) ?? []
  }

  #receiveEcho(datagram: Datagram, reflector: UdpSocket): void {
    this.#counters.add('echoes-received')
    const echo = decodeEcho(datagram.payload)
    const owner = echo === undefined ? undefined : this.#byDiscriminator.get(echo.discriminator)
    if (echo !== undefined && owner !== undefined) return owner.echoReturned(echo)
    const { hopLimit, payload, remoteAddress } = datagram
    const isFresh = hopLimit === undefined || hopLimit === SENT_HOP_LIMIT
    const sender = isFresh ? this.#peerAt('single-hop', datagram) : undefined
    if (sender === undefined) return this.#counters.add('echoes-unattributable')
    if (sender.mayReflect()) reflector.send(payload, remoteAddress, ECHO_PORT)
  }
}

/** A dual-stack socket shows IPv4 senders as mapped addresses. */
function unmapped(text: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(text) ? text.slice(7) : text
}
