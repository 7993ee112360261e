/** The configuration of a routing daemon as its engine takes it. The API's form is converted in `config-from-api.ts`. */
import type { PeerConfig as BfdPeerConfig } from '@lodestone/bfd'
import type { DynamicNeighbours, PeerConfig } from '@lodestone/bgp'
import type { RouterKind, TunnelOrigin } from '@lodestone/ddm'
import type { Ip, Prefix } from '@lodestone/net'
import type { DecisionOptions, Protocol } from '@lodestone/rib'
import type { StaticRoute } from '@lodestone/static'
import type { SocketAddress } from './file/text-value.ts'

export interface BgpConfig {
  readonly asn: number
  readonly routerId: Ip
  readonly port: number
  /** Where to listen; absent: on `port` of all addresses; empty: nowhere. */
  readonly listen?: readonly SocketAddress[] | undefined
  readonly peers: readonly PeerConfig[]
  readonly dynamic?: readonly DynamicNeighbours[] | undefined
  /** As a route reflector; default the router ID. */
  readonly clusterId?: Ip | undefined
  /** At the start: our forwarding went on while we were away (RFC 4724). */
  readonly isRestarting?: boolean | undefined
  readonly selectionDeferralS?: number | undefined
  /** RFC 8212: external sessions without a policy exchange nothing; default false. */
  readonly requiresPolicy?: boolean | undefined
  /** Which peers and ranges of dynamic neighbours are followed with BFD, by their names. */
  readonly bfd?: Readonly<Record<string, BfdProfile>> | undefined
  /** Both families. */
  readonly originate: readonly Prefix[]
}

/** How a BFD session runs; whom it is with comes from what it is used for. */
export type BfdProfile = Omit<BfdPeerConfig, 'name' | 'remoteAddress' | 'localAddress' | 'interface'>

/** A static route, and how its next hop is followed. */
export interface StaticRouteConfig extends Omit<StaticRoute, 'trackedBy'> {
  readonly bfd?: BfdProfile | undefined
}

/** A BFD session that was asked for by itself. */
export interface BfdSessionConfig {
  readonly address: Ip
  readonly interface?: string | undefined
  readonly localAddress?: Ip | undefined
  readonly profile: BfdProfile
}

export interface DdmConfig {
  readonly hostname: string
  readonly role: RouterKind
  readonly interfaces: readonly string[]
  readonly originate: readonly Prefix[]
  readonly tunnelOrigins: readonly TunnelOrigin[]
}

export interface RoutedConfig {
  readonly bgp: BgpConfig | undefined
  readonly staticRoutes: readonly StaticRouteConfig[]
  /** Besides those that peers and static routes ask for. */
  readonly bfdSessions?: readonly BfdSessionConfig[] | undefined
  readonly ddm: DdmConfig | undefined
  /** On a switch: where sleds tunnel packets to external destinations. */
  readonly tunnelEndpoint: Ip | undefined
  readonly fanOut: Partial<Readonly<Record<Protocol, number>>>
  readonly decision?: Partial<DecisionOptions> | undefined
  /** Next hops that are on no link are reached by other routes, and those that nothing reaches are not used; default false. */
  readonly resolvesNextHops?: boolean | undefined
}

export const EMPTY_CONFIG: RoutedConfig = {
  bgp: undefined,
  staticRoutes: [],
  ddm: undefined,
  tunnelEndpoint: undefined,
  fanOut: {},
}

/** What is wrong with a configuration, each as one sentence that names the field. Empty: it can be applied. */
export function problemsOf(config: RoutedConfig): readonly string[] {
  const problems: string[] = []
  const names = new Set<string>()
  const addresses = new Set<string>()
  for (const peer of config.bgp?.peers ?? []) {
    if (names.has(peer.name)) problems.push(`bgp.peers: two peers are called ${peer.name}`)
    names.add(peer.name)
    const { remoteAddress, localAddress, interface: link } = peer
    if (remoteAddress === undefined) {
      if (link === undefined) problems.push(`bgp.peers ${peer.name}: neither an address nor an interface`)
    } else {
      const address = `${remoteAddress}%${remoteAddress.isLinkLocal ? (link ?? '') : ''}`
      if (addresses.has(address)) problems.push(`bgp.peers: two peers have the address ${remoteAddress}`)
      addresses.add(address)
      if (remoteAddress.isLinkLocal && link === undefined) {
        problems.push(`bgp.peers ${peer.name}: a link-local address needs an interface`)
      }
      if (localAddress !== undefined && localAddress.family !== remoteAddress.family) {
        problems.push(`bgp.peers ${peer.name}: local and remote address are of different families`)
      }
    }
    // RFC 4271 §4.2.
    if (peer.holdTimeS === 1 || peer.holdTimeS === 2) {
      problems.push(`bgp.peers ${peer.name}: hold_time_s must be 0 or at least 3`)
    }
  }
  if (config.bgp?.routerId.isUnspecified === true) problems.push('bgp.router_id: 0.0.0.0 is no identifier')
  for (const { nextHop, interface: name, prefix } of config.staticRoutes) {
    if (nextHop.isLinkLocal && name === undefined) {
      problems.push(`static_routes ${prefix}: a link-local next hop needs an interface`)
    }
  }
  for (const prefix of config.ddm?.originate ?? []) {
    if (prefix.family !== 6) problems.push(`ddm.originate: ${prefix} is not IPv6`)
  }
  if (config.tunnelEndpoint !== undefined && config.ddm === undefined) {
    problems.push('tunnel_endpoint: announcing it needs ddm')
  }
  return problems
}
