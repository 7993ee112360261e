/**
 * What one instance's network interface is to be: a single declarative object with a generation. The control plane
 * sends the whole of it each time; `VirtualPort.apply` works out what changed. Every object that can decide about a
 * packet carries its name, so that a verdict can name it.
 */
import type { Ip, Mac, Prefix } from '@lodestone/net'

export interface PortConfig {
  /** Grows with each change; a config older than the applied one is refused. */
  readonly generation: number
  /** Stable identity: the network interface's id. */
  readonly id: string
  /** For people: `web1-nic0`. */
  readonly name: string
  readonly mac: Mac
  /** The VPC, 1 … 2^24-1. */
  readonly vni: number
  readonly ip4?: IpConfig
  readonly ip6?: IpConfig
  readonly externalIps4?: ExternalIps
  readonly externalIps6?: ExternalIps
  /**
   * Internet gateway ids by external address (as text). When absent, every external address may be used through every
   * gateway; when present, an address that is not listed may only be used by a route that names no gateway.
   */
  readonly internetGateways?: Readonly<Record<string, readonly string[]>>
  readonly firewall: readonly FirewallRule[]
  readonly routes: readonly Route[]
  readonly dhcp: DhcpConfig
  /** Largest IP packet the guest may send and receive. */
  readonly mtuBytes: number
  /** Prefixes that the guest may send from or receive for besides its own address. */
  readonly transitIps: readonly TransitIp[]
  /** Groups that the guest is sent, whatever it reports. */
  readonly multicast?: readonly MulticastSubscription[]
  /** Prefixes of groups that the guest may join and leave itself, by IGMP and MLD. */
  readonly multicastPermitted?: readonly Prefix[]
  /** Absent: as fast as it goes. */
  readonly rateLimits?: RateLimits
}

export interface IpConfig {
  readonly address: Ip
  /** The VPC subnet that the address comes from. */
  readonly subnet: Prefix
  readonly gateway: Ip
}

export interface ExternalIp {
  readonly ip: Ip
  /** The floating IP's name or the pool's, for people. */
  readonly name?: string
}

export interface SourceNat {
  readonly ip: Ip
  readonly firstPort: number
  /** Inclusive. */
  readonly lastPort: number
}

export interface ExternalIps {
  readonly snat?: SourceNat
  readonly ephemeral?: ExternalIp
  readonly floating: readonly ExternalIp[]
}

/** Which hosts a firewall rule is about: always the remote side (source when inbound, destination when outbound). */
export type HostFilter =
  | { readonly kind: 'any' }
  | { readonly kind: 'ip'; readonly ip: Ip }
  | { readonly kind: 'subnet'; readonly prefix: Prefix }
  /** Everything in the VPC with this VNI. */
  | { readonly kind: 'vni'; readonly vni: number }

export type ProtocolFilter =
  | { readonly kind: 'tcp' }
  | { readonly kind: 'udp' }
  | { readonly kind: 'icmp'; readonly type?: number; readonly codes?: NumberRange }
  | { readonly kind: 'icmp6'; readonly type?: number; readonly codes?: NumberRange }
  /**
   * Another IP protocol, by number: ESP, GRE, SCTP. It is carried as flows of addresses alone, and only where a rule names it.
   * Its own checksums are left as they are, so those that cover addresses (UDP-Lite, DCCP) do not survive translation.
   */
  | { readonly kind: 'other'; readonly protocol: number }

/** Both ends inclusive. */
export interface NumberRange {
  readonly first: number
  readonly last: number
}

export interface FirewallRule {
  readonly id: string
  readonly name: string
  readonly direction: 'in' | 'out'
  readonly action: 'allow' | 'deny'
  /** 0 … 65535, lower wins; at equal priority deny wins, then the rule that comes later in the list. */
  readonly priority: number
  /** Absent or empty: any. Values in one filter are alternatives; the filters must all hold. */
  readonly hosts?: readonly HostFilter[]
  readonly protocols?: readonly ProtocolFilter[]
  /** Destination ports; they hold for TCP and UDP only. */
  readonly ports?: readonly NumberRange[]
}

export type RouteTarget =
  | { readonly kind: 'drop' }
  /** `id` absent: the system gateway, through which every external address may be used. */
  | { readonly kind: 'internet-gateway'; readonly id?: string; readonly name?: string }
  /** Another instance of the VPC, by its address. */
  | { readonly kind: 'ip'; readonly ip: Ip }
  | { readonly kind: 'vpc-subnet'; readonly prefix: Prefix }

export interface Route {
  readonly id: string
  readonly name: string
  readonly destination: Prefix
  readonly target: RouteTarget
  /** At equal prefix length a custom route beats a system one. */
  readonly class: 'system' | 'custom'
}

export interface DhcpConfig {
  readonly hostname?: string
  /** Resolvers of both families. */
  readonly dns: readonly Ip[]
  readonly domain?: string
  readonly searchDomains?: readonly string[]
}

export interface MulticastSubscription {
  /** Of a scope beyond the link. */
  readonly group: Ip
  /** `include`: only what these sources send; `exclude`: what anybody else sends (RFC 3376 §3.2). */
  readonly mode: 'include' | 'exclude'
  readonly sources: readonly Ip[]
}

/** Of what the guest sends and of what it receives, each by itself. Frames beyond it are dropped, not queued. */
export interface RateLimits {
  readonly in?: RateLimit
  readonly out?: RateLimit
}

/** A token bucket of frame bytes, from the guest's Ethernet header on. */
export interface RateLimit {
  readonly bitsPerSecond: number
  /** What may come at once after a pause; at least one frame of the port's MTU. */
  readonly burstBytes: number
}

export interface TransitIp {
  readonly prefix: Prefix
  readonly allowIn: boolean
  readonly allowOut: boolean
}
