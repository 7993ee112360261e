/** The configuration of a routing daemon as its engine takes it. The API's form is converted in `config-from-api.ts`. */
import type { PeerConfig } from '@lodestone/bgp'
import type { RouterKind, TunnelOrigin } from '@lodestone/ddm'
import type { Ip, Prefix } from '@lodestone/net'
import type { Protocol } from '@lodestone/rib'
import type { StaticRoute } from '@lodestone/static'

export interface BgpConfig {
  readonly asn: number
  readonly routerId: Ip
  readonly port: number
  readonly peers: readonly PeerConfig[]
  /** Both families. */
  readonly originate: readonly Prefix[]
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
  readonly staticRoutes: readonly StaticRoute[]
  readonly ddm: DdmConfig | undefined
  /** On a switch: where sleds tunnel packets to external destinations. */
  readonly tunnelEndpoint: Ip | undefined
  readonly fanOut: Partial<Readonly<Record<Protocol, number>>>
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
    const address = `${peer.remoteAddress}%${peer.remoteAddress.isLinkLocal ? (peer.interface ?? '') : ''}`
    if (addresses.has(address)) problems.push(`bgp.peers: two peers have the address ${peer.remoteAddress}`)
    addresses.add(address)
    if (peer.remoteAddress.isLinkLocal && peer.interface === undefined) {
      problems.push(`bgp.peers ${peer.name}: a link-local address needs an interface`)
    }
    if (peer.localAddress !== undefined && peer.localAddress.family !== peer.remoteAddress.family) {
      problems.push(`bgp.peers ${peer.name}: local and remote address are of different families`)
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
