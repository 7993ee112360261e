/**
 * What a switch should be, derived from the rows of the store: its ports, its loopback addresses, what it says by LLDP, and its
 * part of the routing daemon's configuration. Pure.
 */
import type { LinkFec, LinkSpeed, SwitchSlot } from '@lodestone/contract-nexus'
import type { BgpPeerConfig, RoutedConfig } from '@lodestone/contract-routed'
import type { LldpSettings, PortSettings } from '@lodestone/contract-switchd'
import { Ip, Prefix } from '@lodestone/net'
import { lldpOfPort } from '../api/switch-port.ts'
import type { BgpConfigRow } from '../store/bgp.ts'
import type { PortSettingsBody } from '../store/schema.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { SwitchPortRow } from '../store/switch-port.ts'
import { causesOf } from './causes.ts'

export interface DesiredPort {
  readonly name: string
  /** Without links: the port is switched off. */
  readonly settings: PortSettings
  readonly lldp: LldpSettings
}

export interface DesiredRouting {
  /** What the control plane says; the rest of the daemon's configuration is the switch's own. */
  readonly config: Pick<RoutedConfig, 'bgp' | 'static_routes' | 'bfd_sessions'>
  readonly bgpFanOut: number
  /** What cannot be done, as sentences. */
  readonly problems: readonly string[]
}

export function desiredPorts(snapshot: Snapshot, slot: SwitchSlot): DesiredPort[] {
  return portsOf(snapshot, slot).map(({ port, body, causes }) => ({
    name: port.name,
    settings: { ...portSettings(body), ...causes },
    lldp: lldpSettings(port, body),
  }))
}

export function desiredLoopbacks(snapshot: Snapshot, slot: SwitchSlot): string[] {
  return snapshot.loopbacks
    .filter((row) => row.switch_slot === slot)
    .map((row) => Prefix.of(row.address).address.toString())
    .toSorted()
}

/** @param interfaceOf the interface of the switch that stands for a port. */
export function desiredRouting(
  snapshot: Snapshot,
  slot: SwitchSlot,
  interfaceOf: (port: string) => string,
): DesiredRouting {
  const problems: string[] = []
  const ports = portsOf(snapshot, slot)
  const peers = ports.flatMap(({ port, body }) =>
    (body?.bgp_peers ?? []).map((peer) => ({ peer, interface: interfaceOf(port.name) })),
  )
  const config = snapshot.bgpConfigs.find((row) => row.id === peers[0]?.peer.bgp_config)
  const routerId = firstIpv4(ports, snapshot, slot)
  if (config !== undefined && routerId === undefined) {
    problems.push('BGP: the switch has no IPv4 address that it could be known by')
  }
  const others = peers.filter(({ peer }) => peer.bgp_config !== config?.id)
  if (others.length > 0) {
    problems.push(`BGP: peers of another configuration than "${config?.name}" are left out: a switch speaks for one AS`)
  }
  return {
    config: {
      ...(config === undefined || routerId === undefined ? {} : { bgp: bgpOf(snapshot, config, routerId, peers) }),
      static_routes: ports.flatMap(({ port, body }) =>
        (body?.routes ?? []).map(({ dst, gw, rib_priority }) => ({
          prefix: dst,
          next_hop: gw,
          interface: interfaceOf(port.name),
          ...(rib_priority == null ? {} : { preference: rib_priority }),
        })),
      ),
      bfd_sessions: snapshot.bfdSessions
        .filter((row) => row.switch_slot === slot)
        .map((row) => ({
          remote_address: row.remote,
          ...(row.local === null ? {} : { local_address: row.local }),
          ...interfaceTowards(ports, row.remote, interfaceOf),
          mode: row.mode === 'multi_hop' ? 'multihop' : 'single-hop',
          detection_multiplier: row.detection_threshold,
          required_min_rx_us: Number(row.required_rx_us),
        })),
    },
    bgpFanOut: config?.max_paths ?? 1,
    problems,
  }
}

/** A route of a switch that somebody has configured: itself, or the BGP peer that it is from. */
export interface ConfiguredRoute {
  readonly prefix: Prefix
  readonly nextHop: Ip
  readonly peer?: Ip
}

/** The requests that the settings are from which name this route, or its peer. */
export function routeCauses(snapshot: Snapshot, slot: SwitchSlot, route: ConfiguredRoute): readonly string[] {
  const isIt = ({ body }: PortAndBody): boolean => {
    if (body === undefined) return false
    const { prefix, nextHop, peer } = route
    if (peer === undefined) {
      return body.routes.some(({ dst, gw }) => Prefix.of(dst).equals(prefix) && Ip.of(gw).equals(nextHop))
    }
    return body.bgp_peers.some(({ addr }) => addr.type === 'numbered' && Ip.of(addr.target_addr).equals(peer))
  }
  return portsOf(snapshot, slot).find(isIt)?.causes.causes ?? []
}

interface PortAndBody {
  readonly port: SwitchPortRow
  readonly body: PortSettingsBody | undefined
  readonly causes: { causes?: string[] }
}

/** In the order of their names, with the settings that they have. */
function portsOf(snapshot: Snapshot, slot: SwitchSlot): PortAndBody[] {
  const settings = new Map(snapshot.portSettings.map((row) => [row.id, row]))
  return snapshot.switchPorts
    .filter((port) => port.switch_slot === slot)
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .map((port) => {
      const row = settings.get(port.port_settings_id ?? '')
      return { port, body: row?.body, causes: causesOf(port, ...(row === undefined ? [] : [row])) }
    })
}

const SPEEDS = {
  speed0_g: '0G',
  speed1_g: '1G',
  speed10_g: '10G',
  speed25_g: '25G',
  speed40_g: '40G',
  speed50_g: '50G',
  speed100_g: '100G',
  speed200_g: '200G',
  speed400_g: '400G',
} as const satisfies Record<LinkSpeed, string>
const FECS = { firecode: 'Firecode', none: 'None', rs: 'RS' } as const satisfies Record<LinkFec, string>

function portSettings(body: PortSettingsBody | undefined): PortSettings {
  const link = body?.links[0]
  if (body === undefined || link === undefined) return { links: {} }
  const subnets = body.addresses.map(({ address }) => address).toSorted()
  return {
    links: {
      0: {
        speed: SPEEDS[link.speed],
        ...(link.fec == null ? {} : { fec: FECS[link.fec] }),
        autoneg: link.autoneg,
        mtu: link.mtu,
        enabled: true,
        addrs: [...new Set(subnets.map((text) => Prefix.of(text).address.toString()))],
        subnets,
      },
    },
  }
}

function lldpSettings(port: SwitchPortRow, body: PortSettingsBody | undefined): LldpSettings {
  const config = lldpOfPort(port, body === undefined ? undefined : { body })
  if (config === undefined) return { enabled: false }
  const texts = {
    chassis_id: config.chassis_id,
    port_id: config.link_name,
    port_description: config.link_description,
    system_name: config.system_name,
    system_description: config.system_description,
    management_address: config.management_ip,
  }
  const given = Object.entries(texts).filter(([, value]) => value != null && value !== '')
  return { enabled: config.enabled, ...Object.fromEntries(given) }
}

function bgpOf(
  snapshot: Snapshot,
  config: BgpConfigRow,
  routerId: string,
  peers: readonly { readonly peer: PortSettingsBody['bgp_peers'][number]; readonly interface: string }[],
): NonNullable<RoutedConfig['bgp']> {
  const networks = snapshot.announcements
    .filter((row) => row.announce_set_id === config.announce_set_id)
    .map((row) => row.network)
  return {
    asn: Number(config.asn),
    router_id: routerId,
    originate4: networks.filter((network) => Prefix.of(network).family === 4),
    originate6: networks.filter((network) => Prefix.of(network).family === 6),
    peers: peers
      .filter(({ peer }) => peer.bgp_config === config.id)
      .flatMap(({ peer, interface: link }) => peerOf(peer, link)),
  }
}

function peerOf(peer: PortSettingsBody['bgp_peers'][number], link: string): BgpPeerConfig[] {
  if (peer.addr.type !== 'numbered') return [] // refused when it is written
  const { target_addr, src_addr } = peer.addr
  return [
    {
      name: target_addr,
      remote_address: target_addr,
      ...(peer.remote_asn == null ? {} : { remote_asn: peer.remote_asn }),
      ...(src_addr == null ? {} : { local_address: src_addr }),
      interface: link,
      hold_time_s: peer.hold_time,
      ...(peer.keepalive === 0 ? {} : { keepalive_s: peer.keepalive }),
      connect_retry_s: Math.max(peer.connect_retry, LEAST_RETRY_S),
      idle_hold_s: peer.idle_hold_time,
      ...(peer.md5_auth_key == null ? {} : { md5_auth_key: peer.md5_auth_key }),
      ...(peer.min_ttl == null ? {} : { min_ttl: peer.min_ttl }),
      enforce_first_as: peer.enforce_first_as,
      ...(peer.local_pref == null ? {} : { local_pref: peer.local_pref }),
      ...(peer.multi_exit_discriminator == null ? {} : { multi_exit_discriminator: peer.multi_exit_discriminator }),
      ...(peer.communities.length === 0 ? {} : { communities: peer.communities }),
      ...(peer.allowed_import.type === 'no_filtering' ? {} : { allow_import: rules(peer.allowed_import.value) }),
      ...(peer.allowed_export.type === 'no_filtering' ? {} : { allow_export: rules(peer.allowed_export.value) }),
    },
  ]
}

/** An interface counts these in seconds, and zero means at once. */
const LEAST_RETRY_S = 0.5

function rules(networks: readonly string[]): { prefix: string }[] {
  return networks.map((prefix) => ({ prefix }))
}

/** What a router may be known by. An anycast address is others', too, and two routers of one identifier would take each other for themselves. */
function firstIpv4(ports: readonly PortAndBody[], snapshot: Snapshot, slot: SwitchSlot): string | undefined {
  const loopbacks = snapshot.loopbacks
    .filter((row) => row.switch_slot === slot && !row.anycast)
    .map((row) => row.address)
  const onPorts = ports.flatMap(({ body }) => (body?.addresses ?? []).map(({ address }) => address))
  const prefix = [...loopbacks, ...onPorts].map((text) => Prefix.of(text)).find(({ family }) => family === 4)
  return prefix?.address.toString()
}

/** The port with the subnet that an address is in. */
function interfaceTowards(
  ports: readonly PortAndBody[],
  remote: string,
  interfaceOf: (port: string) => string,
): { readonly interface?: string } {
  const ip = Ip.of(remote)
  const found = ports.find(({ body }) => body?.addresses.some(({ address }) => Prefix.of(address).contains(ip)))
  return found === undefined ? {} : { interface: interfaceOf(found.port.name) }
}
