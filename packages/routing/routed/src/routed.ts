/**
 * The routing daemon: one RIB, the protocols above it, the forwarding planes below it, one declarative configuration.
 *
 * `apply` computes what differs from the configuration in force and changes only that: sessions and neighbours that are
 * the same in both are not disturbed. An invalid configuration changes nothing.
 *
 * NOT IMPLEMENTED: keeping the configuration over a restart; the control plane applies it again.
 */
import { type HttpHandler, type HttpServer, serveHttp } from '@lodestone/api'
import { BfdSpeaker, type SpeakerStatus, type StateChange } from '@lodestone/bfd'
import type { Speaker, SpeakerEvent, SpeakerListener } from '@lodestone/bgp'
import { Ddm, type DdmTransition, type TunnelEndpoint } from '@lodestone/ddm'
import {
  type DiscoveryNetwork,
  type Host,
  type InterfaceNetwork,
  type KernelNetwork,
  type Network,
  type Timer,
} from '@lodestone/host'
import { type Ip, Prefix } from '@lodestone/net'
import { type LowerHalfStatus, type RouteState, type TunnelOriginLike, TunnelOrigins } from '@lodestone/lower'
import { DEFAULT_DECISION, NextHopResolver, type NextHopWay, Rib } from '@lodestone/rib'
import { StaticRoutes } from '@lodestone/static'
import type { DaemonControl } from './api/config-handlers.ts'
import { routedHandler } from './api/handler.ts'
import { type BfdService, BfdTracker, type BfdUser, type BfdWish } from './bfd-tracker.ts'
import { BgpHalf } from './bgp-half.ts'
import type { ListenStatus } from './bgp-listeners.ts'
import { type DdmConfig, EMPTY_CONFIG, problemsOf, type RoutedConfig } from './config.ts'
import { type ConfigDifference, configDifferences } from './config-difference.ts'
import { ForwardingPlanes, type TargetOptions } from './forwarding-planes.ts'
import { RouterDiscovery } from './router-discovery.ts'

export interface RoutedOptions {
  /** Name of the host's network that the protocols run on. */
  readonly network: string
  readonly targets?: readonly TargetOptions[]
  /** BFD where it does not run in this thread; default: here, on the same network. */
  readonly bfd?: () => BfdService
}

export type ApplyResult = { readonly ok: true } | { readonly ok: false; readonly problems: readonly string[] }

/** After BFD lost a neighbour, BGP waits for BFD to find it again, but not longer than this. */
const BFD_HOLD_MS = 10_000
/** How long changes of routes are collected before the ways to next hops are looked at again. */
const NEXT_HOP_DELAY_MS = 10
/** The tunnel endpoint's own subnet, announced so that it can be reached. */
const TUNNEL_SUBNET = 64

export class Routed {
  readonly host: Host
  readonly rib: Rib
  readonly #options: RoutedOptions
  readonly #network: Network
  readonly #statics: StaticRoutes
  readonly #bgp: BgpHalf
  readonly #bfd: BfdTracker
  readonly #configObservers = new Set<(differences: readonly ConfigDifference[]) => void>()
  /** Peers that BFD lost and that BGP does not try yet. */
  readonly #bfdHolds = new Map<string, Timer>()
  readonly #bfdObservers = new Set<(change: StateChange) => void>()
  readonly #ddmObservers = new Set<(transition: DdmTransition) => void>()
  readonly #planes: ForwardingPlanes
  readonly #discovery: RouterDiscovery | undefined
  readonly #unwatchInterfaces: () => void
  readonly #tunnelWatchers = new Set<{ readonly notify: (effective: readonly TunnelEndpoint[]) => void }>()
  #config: RoutedConfig = EMPTY_CONFIG
  #ddm: Ddm | undefined
  #tunnelOrigins: TunnelOrigins | undefined
  #nextHops: NextHopResolver | undefined
  #externalTunnels: readonly TunnelOriginLike[] = []
  #localAddresses: readonly Ip[] = []

  constructor(host: Host, options: RoutedOptions) {
    this.host = host
    this.#options = options
    this.#network = host.network(options.network)
    const { clock } = host
    this.rib = new Rib({ nowMs: () => clock.nowMs() })
    this.rib.onOscillation(({ prefix, changes, selections }) =>
      host.log('warn', 'routed.route-oscillates', { prefix: `${prefix}`, changes, selections: selections.join('; ') }),
    )
    this.#statics = new StaticRoutes(this.rib)
    this.#planes = new ForwardingPlanes(this.rib, clock, (nextHop) => {
      const way = this.wayTo(nextHop)
      return way === undefined || way.isOnLink ? undefined : way.hops
    })
    const around = {
      host,
      network: this.#network,
      rib: this.rib,
      localAddresses: () => this.#localAddresses,
      resolveNextHop: (nextHop: Ip, link: string | undefined) => this.#resolveNextHop(nextHop, link),
    }
    this.#bgp = new BgpHalf(around)
    this.#bfd = new BfdTracker({
      clock,
      service: options.bfd ?? (() => this.#makeBfd()),
      tell: (user, isUp) => this.#neighbourSeen(user, isUp),
      onChange: (change) => {
        this.#logBfd(change)
        for (const observer of this.#bfdObservers) observer(change)
      },
      onProblem: (reason) => host.log('warn', 'routed.bfd-problem', { reason }),
    })
    this.#bgp.observe({ event: (event) => this.#bgpEvent(event) })
    for (const [i, target] of (options.targets ?? []).entries()) this.setTarget(`${i}`, target)
    const { discoveryNetwork, interfaces } = this
    if (discoveryNetwork !== undefined) {
      this.#discovery = new RouterDiscovery({
        clock,
        random: host.random.fork('router-discovery'),
        network: discoveryNetwork,
        onFound: (name, address) => this.speaker?.neighbourDiscovered(name, address),
        onLost: (name) => this.speaker?.neighbourLost(name),
        onProblem: (name, reason) => host.log('warn', 'routed.discovery-failed', { interface: name, reason }),
      })
    }
    this.#unwatchInterfaces = interfaces?.onInterfaceChange(() => this.#interfacesChanged()) ?? (() => {})
    this.#interfacesChanged()
  }

  get config(): RoutedConfig {
    return this.#config
  }

  get speaker(): Speaker | undefined {
    return this.#bgp.speaker
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

  /** The network, if neighbours can be discovered on its links. */
  get discoveryNetwork(): DiscoveryNetwork | undefined {
    const network = this.#network
    // because the member is what makes a network with interfaces one of these
    return this.interfaces !== undefined && 'openIcmp6' in network ? (network as DiscoveryNetwork) : undefined
  }

  /** The network, if it is a kernel's: routes can be programmed there. */
  get kernelNetwork(): KernelNetwork | undefined {
    const network = this.#network
    // because it is what a kernel adds to a network with discovery
    return 'openNetlink' in network && 'openIcmp6' in network ? (network as KernelNetwork) : undefined
  }

  /** Where BGP listens, and where it cannot and why. */
  listenStatus(): readonly ListenStatus[] {
    return this.#bgp.listenStatus()
  }

  lowerStatus(): readonly LowerHalfStatus[] {
    return this.#planes.status()
  }

  /** What has become of a prefix in each forwarding plane. */
  explainLower(prefix: Prefix): readonly RouteState[] {
    return this.#planes.explain(prefix)
  }

  /** How a next hop is reached; undefined where nobody looks: every next hop is taken to be on a link. */
  wayTo(nextHop: Ip): NextHopWay | undefined {
    return this.#nextHops?.resolve(nextHop)
  }

  /** Whether every forwarding plane has what it should, as far as is known. */
  get isSettled(): boolean {
    return this.#planes.isSettled
  }

  /** Adds, replaces or (undefined) gives up a forwarding plane. What is programmed there stays programmed. */
  setTarget(key: string, target: TargetOptions | undefined): void {
    this.#planes.set(key, target)
  }

  /** Takes our routes out of a forwarding plane, and gives it up. */
  retireTarget(key: string): void {
    this.#planes.retire(key)
  }

  /** What BFD knows; undefined: nobody wants to know anything. */
  bfdStatus(): SpeakerStatus | undefined {
    return this.#bfd.status()
  }

  /** The same as of now, also where the sessions are kept in another thread. */
  freshBfdStatus(): Promise<SpeakerStatus | undefined> {
    return this.#bfd.freshStatus()
  }

  /** Whom a BFD session is kept for. */
  bfdUsers(session: string): readonly BfdUser[] {
    return this.#bfd.usersOf(session)
  }

  /** Observes the BGP speaker, also when the configuration replaces it. @returns unsubscribe. */
  observeBgp(listener: SpeakerListener): () => void {
    return this.#bgp.observe(listener)
  }

  /** @returns unsubscribe. */
  observeBfd(listener: (change: StateChange) => void): () => void {
    this.#bfdObservers.add(listener)
    return () => void this.#bfdObservers.delete(listener)
  }

  /** Observes the interfaces of DDM, also when the configuration replaces it. @returns unsubscribe. */
  observeDdm(listener: (transition: DdmTransition) => void): () => void {
    this.#ddmObservers.add(listener)
    return () => void this.#ddmObservers.delete(listener)
  }

  /** The tunnel endpoints in use. Calls `notify` now and after every change. @returns unsubscribe. */
  onTunnels(notify: (effective: readonly TunnelEndpoint[]) => void): () => void {
    const entry = { notify }
    this.#tunnelWatchers.add(entry)
    notify(this.#ddm?.tunnels ?? [])
    return () => void this.#tunnelWatchers.delete(entry)
  }

  /** Called after every change of the configuration. @returns unsubscribe. */
  onConfigChange(notify: (differences: readonly ConfigDifference[]) => void): () => void {
    this.#configObservers.add(notify)
    return () => void this.#configObservers.delete(notify)
  }

  /** For what is configured around the router. */
  announceChanges(differences: readonly ConfigDifference[]): void {
    if (differences.length > 0) for (const notify of this.#configObservers) notify(differences)
  }

  /** Makes `config` the configuration in force. */
  apply(config: RoutedConfig): ApplyResult {
    const problems = this.check(config)
    if (problems.length > 0) return { ok: false, problems }
    const differences = configDifferences(this.#config, config)
    this.#config = config
    this.rib.configure({
      fanOut: { bgp: 1, static: 8, ddm: 8, ...config.fanOut },
      decision: { ...DEFAULT_DECISION, ...config.decision },
    })
    this.#statics.set(
      config.staticRoutes.map(({ bfd, ...route }) => ({
        ...route,
        trackedBy: bfd === undefined ? undefined : BfdTracker.sessionName(route.nextHop, route.interface),
      })),
    )
    const { speaker } = this
    this.#bgp.apply(config.bgp, this.interfaces?.interfaces())
    this.#resolveNextHops(config.resolvesNextHops ?? false)
    const links = unnumberedInterfaces(config)
    this.#discovery?.set(links)
    if (this.speaker !== speaker) this.#introduceNeighbours(links)
    this.#followNeighbours()
    this.#applyDdm(config.ddm)
    this.#applyTunnelEndpoint(config.tunnelEndpoint)
    this.#originateDdm()
    const counts = { peers: config.bgp?.peers.length ?? 0, ddm: config.ddm?.hostname, changes: differences.length }
    this.host.log('info', 'routed.applied', counts)
    this.announceChanges(differences)
    return { ok: true }
  }

  /** The HTTP interface, as a function. @param control what there is beside the router: a configuration file. */
  handler(control?: DaemonControl): HttpHandler {
    return routedHandler(this, control)
  }

  /** Why `config` could not be applied; empty: it could. */
  check(config: RoutedConfig): readonly string[] {
    return [...problemsOf(config), ...this.#capabilityProblems(config)]
  }

  /** Serves the HTTP interface on one of the host's networks. Rejects as `listenTcp` does. */
  serve(networkName: string, options: { readonly address?: string; readonly port: number }): Promise<HttpServer> {
    return serveHttp(this.host.network(networkName), options, this.handler())
  }

  /** Says goodbye to BGP peers and stops. What is programmed stays programmed. */
  close(): void {
    this.#unwatchInterfaces()
    this.#planes.close()
    this.#nextHops?.close()
    this.#tunnelOrigins?.close()
    for (const hold of this.#bfdHolds.values()) hold.cancel()
    this.#bfd.close()
    this.#bgp.close()
    this.#discovery?.close()
    this.#ddm?.close()
    this.#statics.close()
  }

  // --- BFD ----------------------------------------------------------------------------------------------------

  #makeBfd(): BfdService {
    const { clock, random } = this.host
    // The port for echoes is open even while nobody asks for them: opening it later would mean new sessions.
    return new BfdSpeaker({
      clock,
      random: random.fork('bfd'),
      network: this.#network,
      isEchoEnabled: true,
      alignmentMs: 5,
    })
  }

  /** Makes the BFD sessions those that peers and static routes want now. */
  #followNeighbours(): void {
    const wishes: BfdWish[] = this.#bgp.followed().map(({ config, address, profile }) => ({
      address,
      interface: config.interface,
      localAddress: config.localAddress,
      profile,
      user: { kind: 'bgp', peer: config.name },
    }))
    for (const { nextHop, interface: link, bfd: profile } of this.#config.staticRoutes) {
      if (profile === undefined) continue
      const user = { kind: 'static', name: BfdTracker.sessionName(nextHop, link) } as const
      wishes.push({ address: nextHop, interface: link, localAddress: undefined, profile, user })
    }
    for (const { address, interface: link, localAddress, profile } of this.#config.bfdSessions ?? []) {
      const user = { kind: 'configured', name: address.toString() } as const
      wishes.push({ address, interface: link, localAddress, profile, user })
    }
    this.#bfd.set(wishes)
  }

  #neighbourSeen(user: BfdUser, isUp: boolean | undefined): void {
    if (user.kind === 'configured') return
    // Where BFD says nothing, things are as if it were not there (RFC 5882 §4.2).
    const isUsable = isUp ?? true
    if (user.kind === 'static') return this.#statics.setUp(user.name, isUsable)
    this.#bfdHolds.get(user.peer)?.cancel()
    this.#bfdHolds.delete(user.peer)
    this.speaker?.peer(user.peer)?.setBfdUp(isUsable)
    if (isUsable) return
    // A neighbour may begin BFD only once BGP is there (dynamic neighbours do): both would wait for ever.
    const hold = this.host.clock.after(BFD_HOLD_MS, () => {
      this.#bfdHolds.delete(user.peer)
      this.speaker?.peer(user.peer)?.setBfdUp(true)
    })
    this.#bfdHolds.set(user.peer, hold)
  }

  /** A new speaker does not know who was discovered before it came. */
  #introduceNeighbours(links: readonly string[]): void {
    for (const name of links) {
      const address = this.#discovery?.neighbour(name)
      if (address !== undefined) this.speaker?.neighbourDiscovered(name, address)
    }
  }

  #logBfd({ peer, from, to, isFailure }: StateChange): void {
    if (from === 'Up' || to === 'Up') {
      this.host.log(isFailure ? 'warn' : 'info', 'routed.bfd-state', { session: peer.name, from, to })
    }
  }

  #bgpEvent(event: SpeakerEvent): void {
    if (event.kind === 'session-up') {
      const { name, remoteAddress, remoteAsn } = event.identity
      this.host.log('info', 'routed.bgp-up', { peer: name, address: remoteAddress.toString(), asn: remoteAsn })
    } else if (event.kind === 'session-down') {
      this.host.log('warn', 'routed.bgp-down', { peer: event.identity.name, reason: event.reason })
    }
    // Peers that come, go, or become known change whom BFD has to follow.
    const isAboutPeers = event.kind === 'peer-added' || event.kind === 'peer-removed' || event.kind === 'session-up'
    if (isAboutPeers && Object.keys(this.#config.bgp?.bfd ?? {}).length > 0) this.#followNeighbours()
  }

  // --- DDM ----------------------------------------------------------------------------------------------------

  #capabilityProblems(config: RoutedConfig): readonly string[] {
    const { network } = this.#options
    const problems: string[] = []
    if (config.ddm !== undefined && this.interfaces === undefined) {
      problems.push(`ddm: the network ${network} has no interfaces to run on`)
    }
    if (unnumberedInterfaces(config).length > 0 && this.#discovery === undefined) {
      problems.push(`peers without an address: the network ${network} cannot discover neighbours`)
    }
    if (config.resolvesNextHops === true && !this.#knowsSubnets()) {
      problems.push(`resolving next hops: the network ${network} does not say which subnets its links have`)
    }
    return problems
  }

  #knowsSubnets(): boolean {
    return this.kernelNetwork !== undefined || this.interfaces?.interfaces()[0]?.subnets !== undefined
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
    this.#ddm.onTransition((transition) => {
      for (const observer of this.#ddmObservers) observer(transition)
    })
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

  // --- next hops ----------------------------------------------------------------------------------------------

  #resolveNextHops(isOn: boolean): void {
    if (isOn === (this.#nextHops !== undefined)) return
    this.#nextHops?.close()
    this.#nextHops = undefined
    if (isOn) {
      const { clock } = this.host
      this.#nextHops = new NextHopResolver({
        rib: this.rib,
        defer: (look) => void clock.after(NEXT_HOP_DELAY_MS, look),
        onChange: (nextHops) => {
          this.speaker?.nextHopsChanged(nextHops)
          this.#planes.nextHopsChanged(nextHops)
        },
      })
      this.#updateSubnets()
    }
    this.speaker?.localAddressesChanged()
    this.#planes.refresh()
  }

  #updateSubnets(): void {
    const interfaces = this.interfaces?.interfaces() ?? []
    this.#nextHops?.setSubnets(
      interfaces.flatMap(({ name, isUp, subnets = [] }) =>
        isUp ? subnets.map((prefix) => ({ prefix, interface: name })) : [],
      ),
    )
  }

  /** For BGP: the cost of the way, undefined when there is none. */
  #resolveNextHop(nextHop: Ip, link: string | undefined): { readonly metric: number } | undefined {
    // A peer's link that is configured is where its next hops are.
    const way = link === undefined ? this.wayTo(nextHop) : undefined
    if (way === undefined) return { metric: 0 }
    return way.hops.length === 0 ? undefined : way
  }

  // --- interfaces ---------------------------------------------------------------------------------------------

  #interfacesChanged(): void {
    const interfaces = this.interfaces?.interfaces()
    const before = this.#localAddresses.join()
    this.#localAddresses = interfaces?.flatMap((entry) => entry.addresses) ?? []
    // A next hop may have become an address of ours, or ceased to be one.
    if (this.#localAddresses.join() !== before) this.speaker?.localAddressesChanged()
    this.#updateSubnets()
    this.#bgp.updateLinks(interfaces)
    this.#discovery?.interfacesChanged()
    for (const { name, isUp } of interfaces ?? []) if (!isUp) this.#bfd.interfaceDown(name)
  }
}

/** Where peers are that are known by their interface only. */
function unnumberedInterfaces(config: RoutedConfig): readonly string[] {
  return (config.bgp?.peers ?? []).flatMap(({ remoteAddress, interface: name }) =>
    remoteAddress === undefined && name !== undefined ? [name] : [],
  )
}
