/** The API's configuration to the engine's: texts become addresses, absent fields their defaults. */
import {
  BGP_PORT,
  type PeerConfig,
  type Policy,
  type PolicyAction,
  type PrefixRule as BgpPrefixRule,
} from '@lodestone/bgp'
import type {
  BfdSessionConfig as BfdSessionApi,
  BgpPeerConfig,
  PrefixRule,
  RoutedConfig as ApiConfig,
  TunnelEndpoint,
} from '@lodestone/contract-routed'
import type { TunnelOrigin } from '@lodestone/ddm'
import { Ip, Prefix } from '@lodestone/net'
import type { BfdProfile, BfdSessionConfig, RoutedConfig } from '../config.ts'

/** @throws never for values that passed the contract's schemas, except for metrics over 64 bits, which become problems. */
export function configFromApi(api: ApiConfig): { readonly config: RoutedConfig; readonly problems: readonly string[] } {
  const problems: string[] = []
  const tunnelOf = (tunnel: TunnelEndpoint): TunnelOrigin => {
    const metric = BigInt(tunnel.metric ?? '0')
    if (metric >= 1n << 64n) problems.push(`ddm.originate_tunnels: metric ${metric} exceeds 64 bits`)
    return {
      overlayPrefix: Prefix.of(tunnel.overlay_prefix),
      boundaryAddress: Ip.of(tunnel.boundary_addr),
      vni: tunnel.vni,
      metric,
    }
  }
  const { bgp, ddm } = api
  const sessions = (api.bfd_sessions ?? []).map(bfdFromApi)
  const profileOf = (address: string): BfdProfile | undefined =>
    sessions.find((session) => session.address.equals(Ip.of(address)))?.profile
  const config: RoutedConfig = {
    bgp:
      bgp === undefined
        ? undefined
        : {
            asn: bgp.asn,
            routerId: Ip.of(bgp.router_id),
            port: bgp.port ?? BGP_PORT,
            peers: (bgp.peers ?? []).map(peerFromApi),
            bfd: Object.fromEntries(
              (bgp.peers ?? []).flatMap(({ name, remote_address }) => {
                const profile = profileOf(remote_address)
                return profile === undefined ? [] : [[name, profile]]
              }),
            ),
            originate: [...(bgp.originate4 ?? []), ...(bgp.originate6 ?? [])].map((text) => Prefix.of(text)),
          },
    staticRoutes: (api.static_routes ?? []).map((route) => ({
      prefix: Prefix.of(route.prefix),
      nextHop: Ip.of(route.next_hop),
      interface: route.interface,
      preference: route.preference,
      bfd: profileOf(route.next_hop),
    })),
    bfdSessions: sessions,
    ddm:
      ddm === undefined
        ? undefined
        : {
            hostname: ddm.hostname,
            role: ddm.role,
            interfaces: ddm.interfaces,
            originate: (ddm.originate ?? []).map((text) => Prefix.of(text)),
            tunnelOrigins: (ddm.originate_tunnels ?? []).map(tunnelOf),
          },
    tunnelEndpoint: api.tunnel_endpoint === undefined ? undefined : Ip.of(api.tunnel_endpoint),
    fanOut: {
      ...(api.fan_out?.bgp === undefined ? {} : { bgp: api.fan_out.bgp }),
      ...(api.fan_out?.static === undefined ? {} : { static: api.fan_out.static }),
      ...(api.fan_out?.ddm === undefined ? {} : { ddm: api.fan_out.ddm }),
    },
  }
  return { config, problems }
}

function peerFromApi(peer: BgpPeerConfig): PeerConfig {
  const ip = (text: string | undefined): Ip | undefined => (text === undefined ? undefined : Ip.of(text))
  return {
    name: peer.name,
    remoteAddress: Ip.of(peer.remote_address),
    remoteAsn: peer.remote_asn ?? 'external',
    localAddress: ip(peer.local_address),
    interface: peer.interface,
    holdTimeS: peer.hold_time_s,
    keepaliveS: peer.keepalive_s,
    connectRetryS: peer.connect_retry_s,
    idleHoldS: peer.idle_hold_s,
    md5Password: peer.md5_auth_key,
    minTtl: peer.min_ttl,
    enforceFirstAs: peer.enforce_first_as,
    localPref: peer.local_pref,
    isPassive: peer.passive,
    families: peer.families?.map((family) => (family === 'ipv4' ? 4 : 6)),
    nextHop4: ip(peer.next_hop4),
    nextHop6: ip(peer.next_hop6),
    maxPaths: peer.max_paths,
    import: peer.allow_import === undefined ? undefined : { allow: peer.allow_import.map(ruleFromApi) },
    export: exportFromApi(peer),
  }
}

function exportFromApi(peer: BgpPeerConfig): Policy | undefined {
  const { allow_export, multi_exit_discriminator: med, communities = [] } = peer
  const actions: PolicyAction[] = []
  if (med !== undefined) actions.push({ kind: 'med', value: med })
  if (communities.length > 0) {
    const values = communities.map((value) => `${value >>> 16}:${value & 0xffff}`)
    actions.push({ kind: 'community', operation: 'add', values })
  }
  if (allow_export === undefined && actions.length === 0) return undefined
  return {
    ...(allow_export === undefined ? {} : { allow: allow_export.map(ruleFromApi) }),
    ...(actions.length === 0 ? {} : { statements: [{ set: actions, verdict: 'accept' }] }),
  }
}

function bfdFromApi(session: BfdSessionApi): BfdSessionConfig {
  const { remote_address, local_address, detection_multiplier, required_min_rx_us: us } = session
  return {
    address: Ip.of(remote_address),
    interface: session.mode === 'multihop' ? undefined : session.interface,
    localAddress: local_address === undefined ? undefined : Ip.of(local_address),
    profile: {
      ...(session.mode === undefined ? {} : { mode: session.mode }),
      ...(detection_multiplier === undefined ? {} : { detectMult: detection_multiplier }),
      ...(us === undefined ? {} : { requiredMinRxUs: us, desiredMinTxUs: us }),
    },
  }
}

function ruleFromApi(rule: PrefixRule): BgpPrefixRule {
  return { prefix: Prefix.of(rule.prefix), minLength: rule.min_length, maxLength: rule.max_length }
}
