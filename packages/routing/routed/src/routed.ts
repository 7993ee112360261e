/**
 * The routing daemon: one RIB, the protocols above it, the forwarding planes below it, one declarative configuration.
 *
 * `apply` computes what differs from the configuration in force and changes only that: sessions and neighbours that are
 * the same in both are not disturbed. An invalid configuration changes nothing.
 *
 * NOT IMPLEMENTED: keeping the configuration over a restart; the control plane applies it again.
 */
import { type HttpHandler, type HttpServer, serveHttp } from '@lodestone/api'
import { Speaker } from '@lodestone/bgp'
import { Ddm, type TunnelEndpoint } from '@lodestone/ddm'
import type { Host, InterfaceNetwork, Network, Timer } from '@lodestone/host'
import { type Ip, Prefix } from '@lodestone/net'
import {
  type ForwardingTarget,
  LowerHalf,
  type LowerHalfOptions,
  type LowerHalfStatus,
  type TunnelOriginLike,
  TunnelOrigins,
} from '@lodestone/lower'
import { Rib } from '@lodestone/rib'
import { StaticRoutes } from '@lodestone/static'
import { routedHandler } from './api-handler.ts'
import { type BgpConfig, type DdmConfig, EMPTY_CONFIG, problemsOf, type RoutedConfig } from './config.ts'

/** A forwarding plane, and which paths go there. */
export interface TargetOptions extends Pick<LowerHalfOptions, 'accepts' | 'interfaceOf' | 'isForeign' | 'auditMs'> {
  readonly target: ForwardingTarget
}

export interface RoutedOptions {
  /** Name of the host's network that the protocols run on. */
  readonly network: string
  readonly targets?: readonly TargetOptions[]
}

export type ApplyResult = { readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }

const LISTEN_RETRY_MS = 1000
/** The tunnel endpoint's own subnet, announced so that it can be reached. */
const TUNNEL_SUBNET = 64

export class Routed {
  readonly host: Host
  readonly rib: Rib
  readonly #options: RoutedOptions
  readonly #network: Network
  readonly #statics: StaticRoutes
  readonly #lowerHalves: readonly LowerHalf[]
  readonly #unwatchInterfaces: () => void
  readonly #tunnelWatchers = new Set<{ readonly notify: (effective: readonly TunnelEndpoint[]) => void }>()
  #config: RoutedConfig = EMPTY_CONFIG
  #speaker: Speaker | undefined
  #listenRetry: Timer | undefined
  #ddm: Ddm | undefined
  #tunnelOrigins: TunnelOrigins | undefined
  #externalTunnels: readonly TunnelOriginLike[] = []
  #localAddresses: readonly Ip[] = []

  constructor(host: Host, options: RoutedOptions) {
    this.host = host
    this.#options = options
    this.#network = host.network(options.network)
    this.rib = new Rib({ nowMs: () => host.clock.nowMs() })
    this.#statics = new StaticRoutes(this.rib)
    this.#lowerHalves = (options.targets ?? []).map(
      (target) => new LowerHalf({ ...target, rib: this.rib, clock: host.clock }),
    )
    const { interfaces } = this
    this.#unwatchInterfaces = interfaces?.onInterfaceChange(() => this.#interfacesChanged()) ?? (() => {})
    this.#interfacesChanged()
  }

  get config(): RoutedConfig {
    return this.#config
  }

  get speaker(): Speaker | undefined {
    return this.#speaker
  }

  get ddm(): Ddm | undefined {
    return this.#ddm
  }

  /** The network, if its interfaces can be seen. */
  get interfaces(): InterfaceNetwork | undefined {
    const network = this.#network
    // because both members together are what the interface adds to a network
    return 'interfaces' in network && 'onInterfaceChange' in network ? (network as InterfaceNetwork) : undefined
  }

  lowerStatus(): readonly LowerHalfStatus[] {
    return this.#lowerHalves.map((lower) => lower.status())
  }

  /** Whether every forwarding plane has what it should, as far as is known. */
  get isSettled(): boolean {
    return this.#lowerHalves.every((lower) => lower.isSettled)
  }

  /** The tunnel endpoints in use. Calls `notify` now and after every change. @returns unsubscribe. */
  onTunnels(notify: (effective: readonly TunnelEndpoint[]) => void): () => void {
    const entry = { notify }
    this.#tunnelWatchers.add(entry)
    notify(this.#ddm?.tunnels ?? [])
    return () => void this.#tunnelWatchers.delete(entry)
  }

  /** Makes `config` the configuration in force. */
  apply(config: RoutedConfig): ApplyResult {
    const problems = [...problemsOf(config), ...this.#capabilityProblems(config)]
    if (problems.length > 0) return { ok: false, problems }
    this.#config = config
    this.rib.configure({ fanOut: { bgp: 1, static: 8, ddm: 8, ...config.fanOut } })
    this.#statics.set(config.staticRoutes)
    this.#applyBgp(config.bgp)
    this.#applyDdm(config.ddm)
    this.#applyTunnelEndpoint(config.tunnelEndpoint)
    this.#originateDdm()
    this.host.log('info', 'routed.applied', { peers: config.bgp?.peers.length ?? 0, ddm: config.ddm?.hostname })
    return { ok: true }
  }

  /** The HTTP interface, as a function. */
  handler(): HttpHandler {
    return routedHandler(this)
  }

  /** Serves the HTTP interface on one of the host's networks. Rejects as `listenTcp` does. */
  serve(networkName: string, options: { readonly address?: string; readonly port: number }): Promise<HttpServer> {
    return serveHttp(this.host.network(networkName), options, this.handler())
  }

  /** Says goodbye to BGP peers and stops. What is programmed stays programmed. */
  close(): void {
    this.#unwatchInterfaces()
    for (const lower of this.#lowerHalves) lower.close()
    this.#tunnelOrigins?.close()
    this.#listenRetry?.cancel()
    this.#speaker?.close()
    this.#ddm?.close()
    this.#statics.close()
  }

  // --- BGP ----------------------------------------------------------------------------------------------------

  #applyBgp(config: BgpConfig | undefined): void {
    const speaker = this.#speaker
    const isSame =
      speaker !== undefined &&
      config !== undefined &&
      speaker.asn === config.asn &&
      speaker.routerId.equals(config.routerId) &&
      speaker.port === config.port
    if (speaker !== undefined && !isSame) {
      this.#listenRetry?.cancel()
      speaker.close()
      this.#speaker = undefined
    }
    if (config === undefined) return
    if (this.#speaker === undefined) {
      const { clock, random } = this.host
      this.#speaker = new Speaker({
        clock,
        random: random.fork('bgp'),
        network: this.#network,
        rib: this.rib,
        asn: config.asn,
        routerId: config.routerId,
        port: config.port,
        localAddresses: () => this.#localAddresses,
      })
      this.#listen(this.#speaker)
    }
    this.#updateLinks(config)
    this.#speaker.setPeers(config.peers)
    this.#speaker.originate(config.originate)
  }

  /** A port that is taken is no reason to do without the sessions that we open ourselves: it is tried until it works. */
  #listen(speaker: Speaker): void {
    speaker.listen().catch((error: Error) => {
      this.host.log('warn', 'routed.bgp-listen-failed', { port: speaker.port, reason: error.message })
      if (this.#speaker !== speaker) return
      this.#listenRetry = this.host.clock.after(LISTEN_RETRY_MS, () => this.#listen(speaker))
    })
  }

  // --- DDM ----------------------------------------------------------------------------------------------------

  #capabilityProblems(config: RoutedConfig): readonly string[] {
    const isBlind = config.ddm !== undefined && this.interfaces === undefined
    return isBlind ? [`ddm: the network ${this.#options.network} has no interfaces to run on`] : []
  }

  #applyDdm(config: DdmConfig | undefined): void {
    const ddm = this.#ddm
    const isSame =
      ddm !== undefined && config !== undefined && ddm.hostname === config.hostname && ddm.kind === config.role
    if (ddm !== undefined && !isSame) {
      ddm.close()
      this.#ddm = undefined
      this.#notifyTunnels([])
    }
    if (config === undefined) return
    if (this.#ddm !== undefined) {
      this.#ddm.setInterfaces(config.interfaces)
      return
    }
    const { hostname, role, interfaces } = config
    this.#ddm = new Ddm(this.host, this.#options.network, { hostname, kind: role, interfaces, rib: this.rib })
    this.#ddm.start()
    this.#ddm.onTunnels((effective) => this.#notifyTunnels(effective))
  }

  #notifyTunnels(effective: readonly TunnelEndpoint[]): void {
    for (const watcher of [...this.#tunnelWatchers]) watcher.notify(effective)
  }

  #applyTunnelEndpoint(endpoint: Ip | undefined): void {
    this.#tunnelOrigins?.close()
    this.#tunnelOrigins = undefined
    this.#externalTunnels = []
    if (endpoint === undefined) return
    this.#tunnelOrigins = new TunnelOrigins({
      rib: this.rib,
      boundaryAddress: endpoint,
      announce: (origins) => {
        this.#externalTunnels = origins
        this.#originateDdm()
      },
    })
  }

  #originateDdm(): void {
    const { ddm, tunnelEndpoint } = this.#config
    if (ddm === undefined) return
    const subnet = tunnelEndpoint === undefined ? [] : [new Prefix(tunnelEndpoint, TUNNEL_SUBNET).masked()]
    this.#ddm?.setOriginated([...ddm.originate, ...subnet], [...ddm.tunnelOrigins, ...this.#externalTunnels])
  }

  // --- interfaces ---------------------------------------------------------------------------------------------

  #interfacesChanged(): void {
    this.#localAddresses = this.interfaces?.interfaces().flatMap((entry) => entry.addresses) ?? []
    if (this.#config.bgp !== undefined) this.#updateLinks(this.#config.bgp)
  }

  /** Tells the speaker which links its peers' sessions can use. */
  #updateLinks(config: BgpConfig): void {
    const { interfaces } = this
    if (interfaces === undefined || this.#speaker === undefined) return
    const up = new Set(interfaces.interfaces().flatMap((entry) => (entry.isUp ? [entry.name] : [])))
    for (const { interface: name } of config.peers)
      if (name !== undefined) this.#speaker.setInterfaceUp(name, up.has(name))
  }
}
