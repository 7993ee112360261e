/**
 * The whole configuration of a router, as one declarative document: `PUT /config` makes it so. Everything that may be
 * left out has a default, given beside it, which is applied by the daemon and not by the schema: what is read back is what
 * was written.
 */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { Asn, IpAddr, IpNet, U64 } from './address.ts'

const U32 = z.int().min(0).max(0xffff_ffff)

/** A prefix; with lengths, also the more specific prefixes inside it that have them. */
export const PrefixRule = z
  .object({
    prefix: IpNet,
    min_length: z.int().min(0).max(128).optional(),
    max_length: z.int().min(0).max(128).optional(),
  })
  .meta({ id: 'PrefixRule' })
export type PrefixRule = z.output<typeof PrefixRule>

export const BgpPeerConfig = z
  .object({
    /** Unique; names the peer everywhere. */
    name: z.string().min(1).max(63),
    remote_address: IpAddr,
    /** Absent: any other AS than ours. */
    remote_asn: Asn.optional(),
    local_address: IpAddr.optional(),
    /** The link to the peer. Without it routes of this peer cannot be programmed, and a link that fails is not noticed at once. */
    interface: z.string().optional(),
    /** 0 for none, or at least 3; default 90. */
    hold_time_s: z.int().min(0).max(65_535).optional(),
    /** Default: a third of the negotiated hold time. */
    keepalive_s: z.int().min(1).max(21_845).optional(),
    /** Default 5. */
    connect_retry_s: z.number().min(0.1).max(3600).optional(),
    /** Pause after the first failure in a row; default 1. */
    idle_hold_s: z.number().min(0).max(3600).optional(),
    /** Only waits for the peer to connect; default false. */
    passive: z.boolean().optional(),
    /** TCP-MD5 (RFC 2385). */
    md5_auth_key: z.string().min(1).max(80).optional(),
    /** GTSM (RFC 5082): segments that arrive with less are dropped. */
    min_ttl: z.int().min(1).max(255).optional(),
    /** Default true. */
    enforce_first_as: z.boolean().optional(),
    /** LOCAL_PREF of its routes; default 100. */
    local_pref: U32.optional(),
    /** MULTI_EXIT_DISC of what it is told; default none. */
    multi_exit_discriminator: U32.optional(),
    /** COMMUNITIES added to what it is told. */
    communities: z.array(U32).optional(),
    /** Default both. */
    families: z
      .array(z.enum(['ipv4', 'ipv6']))
      .min(1)
      .optional(),
    /** Next hops told to the peer; default: our end of the session, where the family fits. */
    next_hop4: z.ipv4().optional(),
    next_hop6: z.ipv6().optional(),
    /** The session ends when the peer sends more; default no limit. */
    max_paths: z.int().min(1).optional(),
    /** Absent: everything is let in. */
    allow_import: z.array(PrefixRule).optional(),
    /** Absent: everything is let out. */
    allow_export: z.array(PrefixRule).optional(),
  })
  .meta({ id: 'BgpPeerConfig' })
export type BgpPeerConfig = z.output<typeof BgpPeerConfig>

export const BgpConfig = z
  .object({
    asn: Asn,
    /** BGP identifier. */
    router_id: z.ipv4(),
    /** TCP port to listen on; default 179. */
    port: z.int().min(1).max(65_535).optional(),
    peers: z.array(BgpPeerConfig).optional(),
    originate4: z.array(z.cidrv4()).optional(),
    originate6: z.array(z.cidrv6()).optional(),
  })
  .meta({ id: 'BgpConfig' })
export type BgpConfig = z.output<typeof BgpConfig>

export const StaticRouteConfig = z
  .object({
    prefix: IpNet,
    next_hop: IpAddr,
    interface: z.string().optional(),
    /** Lower wins, against other protocols too (BGP 20, DDM 30); default 1. */
    preference: z.int().min(0).max(255).optional(),
  })
  .meta({ id: 'StaticRouteConfig' })
export type StaticRouteConfig = z.output<typeof StaticRouteConfig>

/** Packets to the prefix may be tunnelled to the boundary. Metric 0, the default, marks one that is used only for want of others. */
export const TunnelEndpoint = z
  .object({
    overlay_prefix: IpNet,
    boundary_addr: z.ipv6(),
    vni: z.int().min(0).max(0xff_ffff),
    metric: U64.optional(),
  })
  .meta({ id: 'TunnelEndpoint' })
export type TunnelEndpoint = z.output<typeof TunnelEndpoint>

export const DdmConfig = z
  .object({
    /** Unique in the rack: loops are recognized by it. */
    hostname: z.string().min(1).max(255),
    /** A server tells its own prefixes; a transit router also passes on what it learned. */
    role: z.enum(['server', 'transit']),
    interfaces: z.array(z.string()),
    originate: z.array(z.cidrv6()).optional(),
    originate_tunnels: z.array(TunnelEndpoint).optional(),
  })
  .meta({ id: 'DdmConfig' })
export type DdmConfig = z.output<typeof DdmConfig>

/**
 * A BFD session with a neighbour. BGP peers and static routes through that address follow it; without any of them it only
 * runs and is reported.
 */
export const BfdSessionConfig = z
  .object({
    remote_address: IpAddr,
    local_address: IpAddr.optional(),
    /** The link to the neighbour; single hop only. */
    interface: z.string().optional(),
    mode: z.enum(['single-hop', 'multihop']).optional(),
    /** Default 3. */
    detection_multiplier: z.int().min(1).max(255).optional(),
    /** Microseconds; default 300 000. */
    required_min_rx_us: z.int().min(1000).max(0xffff_ffff).optional(),
  })
  .meta({ id: 'BfdSessionConfig' })
export type BfdSessionConfig = z.output<typeof BfdSessionConfig>

/** How many equal paths are used at once; default 1 for BGP, 8 for the others. */
export const FanOut = z
  .object({
    bgp: z.int().min(1).max(255).optional(),
    static: z.int().min(1).max(255).optional(),
    ddm: z.int().min(1).max(255).optional(),
  })
  .meta({ id: 'FanOut' })

export const RoutedConfig = z
  .object({
    bgp: BgpConfig.optional(),
    static_routes: z.array(StaticRouteConfig).optional(),
    bfd_sessions: z.array(BfdSessionConfig).optional(),
    ddm: DdmConfig.optional(),
    /** On a switch: its tunnel endpoint. Every selected external prefix is announced by DDM as reachable through it. */
    tunnel_endpoint: z.ipv6().optional(),
    fan_out: FanOut.optional(),
  })
  .meta({ id: 'RoutedConfig' })
export type RoutedConfig = z.output<typeof RoutedConfig>

/** A complaint about a configuration file, with its place; lines and columns count from 1. */
export const ConfigProblem = z
  .object({ line: z.int(), column: z.int(), path: z.string(), message: z.string() })
  .meta({ id: 'ConfigProblem' })

/** One thing that differs between two configurations. */
export const ConfigChange = z
  .object({
    what: z.string(),
    /** `new session`: what runs ends and starts over. */
    effect: z.enum(['added', 'removed', 'changed', 'new session']),
  })
  .meta({ id: 'ConfigChange' })
export type ConfigChange = z.output<typeof ConfigChange>

export const ConfigJudgement = z
  .object({
    ok: z.boolean(),
    problems: z.array(ConfigProblem),
    /** Against the configuration in force before. */
    changes: z.array(ConfigChange),
  })
  .meta({ id: 'ConfigJudgement' })
export type ConfigJudgement = z.output<typeof ConfigJudgement>

export const ConfigFile = z
  .object({
    name: z.string(),
    loaded_at: z.iso.datetime(),
    /** What it says, secrets left out. */
    content: z.unknown(),
  })
  .meta({ id: 'ConfigFile' })

export const configEndpoints = [
  endpoint({
    operationId: 'config_view',
    method: 'GET',
    path: '/config',
    tags: ['config'],
    summary: 'View the configuration in force',
    response: { status: 200, schema: RoutedConfig },
  }),
  endpoint({
    operationId: 'config_apply',
    method: 'PUT',
    path: '/config',
    tags: ['config'],
    summary: 'Make this the configuration; what does not differ is not disturbed, and an invalid one changes nothing',
    body: RoutedConfig,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'config_file',
    method: 'GET',
    path: '/config/file',
    tags: ['config'],
    summary: 'View the configuration file in force, without its secrets',
    response: { status: 200, schema: ConfigFile },
  }),
  endpoint({
    operationId: 'config_reload',
    method: 'POST',
    path: '/config/reload',
    tags: ['config'],
    summary: 'Read the configuration file again and apply what differs; a file with a mistake changes nothing',
    response: { status: 200, schema: ConfigJudgement },
  }),
  endpoint({
    operationId: 'config_check',
    method: 'POST',
    path: '/config/check',
    tags: ['config'],
    summary: 'Say what is wrong with a configuration file, or what it would change; nothing is changed',
    body: z.object({ text: z.string() }),
    response: { status: 200, schema: ConfigJudgement },
  }),
] as const
