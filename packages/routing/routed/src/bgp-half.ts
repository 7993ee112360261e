/**
 * BGP within the daemon: the speaker, where it listens, which links its peers are on, who observes it. The speaker is made
 * anew when who we are changes; everything else changes under running sessions.
 */
import { type PeerConfig, Speaker, type SpeakerListener, type SpeakerOptions } from '@lodestone/bgp'
import type { Host, Network, NetworkInterface } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { Rib } from '@lodestone/rib'
import { BgpListeners, type ListenPlace, type ListenStatus } from './bgp-listeners.ts'
import type { BfdProfile, BgpConfig } from './config.ts'
import { isSameSpeaker } from './config-difference.ts'

export interface BgpHalfOptions {
  readonly host: Host
  readonly network: Network
  readonly rib: Rib
  /** Addresses of ours, never accepted as next hops. */
  readonly localAddresses: () => readonly Ip[]
  readonly resolveNextHop: NonNullable<SpeakerOptions['resolveNextHop']>
}

/** A peer with its present address, and the BFD profile that it is followed with. */
export interface FollowedPeer {
  readonly config: PeerConfig
  readonly address: Ip
  readonly profile: BfdProfile
}

export class BgpHalf {
  readonly #options: BgpHalfOptions
  readonly #listeners: BgpListeners
  /** With what ends the present observation. */
  readonly #observers = new Map<SpeakerListener, (() => void) | undefined>()
  #speaker: Speaker | undefined
  #config: BgpConfig | undefined

  constructor(options: BgpHalfOptions) {
    this.#options = options
    const { host, network } = options
    this.#listeners = new BgpListeners({
      network,
      clock: host.clock,
      onProblem: (place, reason) => host.log('warn', 'routed.bgp-listen-failed', { place, reason }),
    })
  }

  get speaker(): Speaker | undefined {
    return this.#speaker
  }

  listenStatus(): readonly ListenStatus[] {
    return this.#listeners.status()
  }

  /** Observes whatever speaker there is, now and later. @returns unsubscribe. */
  observe(listener: SpeakerListener): () => void {
    this.#observers.set(listener, this.#speaker?.observe(listener))
    return () => {
      this.#observers.get(listener)?.()
      this.#observers.delete(listener)
    }
  }

  apply(config: BgpConfig | undefined, interfaces: readonly NetworkInterface[] | undefined): void {
    const before = this.#config
    this.#config = config
    if (
      this.#speaker !== undefined &&
      (config === undefined || before === undefined || !isSameSpeaker(before, config))
    ) {
      this.#speaker.close()
      this.#speaker = undefined
    }
    if (config === undefined) return this.#listeners.set([])
    const speaker = this.#speaker ?? this.#start(config)
    this.#listeners.set(placesOf(config))
    this.updateLinks(interfaces)
    speaker.setPeers(config.peers)
    if (config.dynamic !== undefined) speaker.setDynamicNeighbours(config.dynamic)
    speaker.originate(config.originate)
  }

  /** Tells the speaker which links its peers' sessions can use. */
  updateLinks(interfaces: readonly NetworkInterface[] | undefined): void {
    if (interfaces === undefined || this.#speaker === undefined || this.#config === undefined) return
    const up = new Set(interfaces.flatMap((entry) => (entry.isUp ? [entry.name] : [])))
    for (const { interface: name } of this.#config.peers) {
      if (name !== undefined) this.#speaker.setInterfaceUp(name, up.has(name))
    }
  }

  /** The peers that BFD follows and whose address is known: those of ranges and of links come and go. */
  followed(): readonly FollowedPeer[] {
    const profiles = this.#config?.bfd ?? {}
    if (Object.keys(profiles).length === 0 || this.#speaker === undefined) return []
    const out: FollowedPeer[] = []
    for (const peer of this.#speaker.peers()) {
      const { config } = peer
      const range = this.#config?.dynamic?.find(({ name }) => config.name.startsWith(`${name}-`))
      const profile = profiles[config.name] ?? (range === undefined ? undefined : profiles[range.name])
      if (profile === undefined) continue
      const address = config.remoteAddress ?? peer.status().remoteAddress
      if (!address.isUnspecified) out.push({ config, address, profile })
    }
    return out
  }

  close(): void {
    this.#speaker?.close()
    this.#speaker = undefined
    this.#listeners.close()
  }

  #start(config: BgpConfig): Speaker {
    const { host, rib, localAddresses, resolveNextHop } = this.#options
    const { asn, routerId, port, clusterId, isRestarting, selectionDeferralS, requiresPolicy } = config
    const speaker = new Speaker({
      clock: host.clock,
      random: host.random.fork('bgp'),
      network: this.#listeners.network,
      rib,
      asn,
      routerId,
      port,
      localAddresses,
      resolveNextHop,
      clusterId,
      isRestarting,
      selectionDeferralS,
      requiresPolicy,
    })
    this.#speaker = speaker
    for (const listener of this.#observers.keys()) this.#observers.set(listener, speaker.observe(listener))
    void speaker.listen() // the listeners behind it try for ever
    return speaker
  }
}

function placesOf(config: BgpConfig): readonly ListenPlace[] {
  if (config.listen === undefined) return [{ port: config.port }]
  return config.listen.map(({ address, zone, port }) => ({
    address: zone === undefined ? address.toString() : `${address}%${zone}`,
    port,
  }))
}
