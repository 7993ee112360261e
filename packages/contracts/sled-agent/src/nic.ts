/** What a packet engine port is made from: addresses, external addresses, firewall rules, routes. All resolved. */
import { z } from 'zod'
import { Causes, IpAddr, IpNet, MacAddr, Port16, Vni } from './address.ts'

export const RateLimit = z
  .object({
    bits_per_second: z.int().min(1),
    /** What may come at once after a pause; at least one frame of the interface. */
    burst_bytes: z.int().min(1),
  })
  .meta({ id: 'RateLimit' })

export const RateLimits = z.object({ in: RateLimit.optional(), out: RateLimit.optional() }).meta({
  id: 'RateLimits',
  description: 'Of what the guest receives and of what it sends. Frames beyond them are dropped.',
})

export const MulticastSubscription = z
  .object({
    group: IpAddr,
    /** `include`: only what these sources send; `exclude`: what anybody else sends. */
    mode: z.enum(['include', 'exclude']),
    sources: z.array(IpAddr).max(64),
  })
  .meta({ id: 'MulticastSubscription', description: 'A group of the VPC that an interface is sent.' })

export const Nic = z
  .object({
    /** Also the id of the port. */
    id: z.uuid(),
    name: z.string(),
    slot: z.int().min(0).max(7),
    mac: MacAddr,
    vni: Vni,
    /** At least one of the two. The gateway is the first address of the subnet. */
    ipv4: z.object({ ip: z.ipv4(), subnet: z.cidrv4() }).optional(),
    ipv6: z.object({ ip: z.ipv6(), subnet: z.cidrv6() }).optional(),
    /** External addresses belong to the primary interface only. */
    primary: z.boolean(),
    /** Prefixes the guest may send from and receive for, besides its own addresses. */
    transit_ips: z.array(IpNet),
    /** Groups of a scope beyond the link. */
    multicast: z.array(MulticastSubscription).max(32).optional(),
    /** Prefixes of groups that the guest may join and leave itself, by IGMP and MLD. Absent: none. */
    multicast_permitted: z.array(IpNet).max(32).optional(),
    rate_limits: RateLimits.optional(),
    causes: Causes.optional(),
  })
  .meta({ id: 'Nic' })
export type Nic = z.output<typeof Nic>

export const SourceNat = z
  .object({ ip: IpAddr, first_port: Port16, last_port: Port16 })
  .meta({ id: 'SourceNat', description: 'A shared external address and the ports of it that are ours, inclusive.' })

/** On the way out a floating address is preferred to an ephemeral one, and that to source NAT. */
export const ExternalIps = z
  .object({
    snat: SourceNat.optional(),
    ephemeral: IpAddr.optional(),
    floating: z.array(IpAddr),
    /**
     * Which internet gateways each address may be used through. Absent: every one; present: an address that is not
     * listed only where a route names no gateway.
     */
    internet_gateways: z.record(z.string(), z.array(z.guid())).optional(),
    causes: Causes.optional(),
  })
  .meta({ id: 'ExternalIps' })
export type ExternalIps = z.output<typeof ExternalIps>

/** The far side of a connection. */
export const HostFilter = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('ip'), value: IpNet }),
    z.object({ type: z.literal('vpc'), value: Vni }),
  ])
  .meta({ id: 'HostFilter' })

export const ProtocolFilter = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('tcp') }),
    z.object({ type: z.literal('udp') }),
    z.object({ type: z.literal('icmp'), icmp_type: z.int().optional(), code: z.string().optional() }),
    z.object({ type: z.literal('icmp6'), icmp_type: z.int().optional(), code: z.string().optional() }),
    /** Another IP protocol, by number. It passes only where a rule names it. */
    z.object({ type: z.literal('other'), protocol: z.int().min(0).max(255) }),
  ])
  .meta({ id: 'ProtocolFilter' })

/** An absent filter matches everything; an empty one matches nothing, because what it named does not exist. */
export const FirewallRule = z
  .object({
    id: z.uuid(),
    name: z.string(),
    status: z.enum(['enabled', 'disabled']),
    direction: z.enum(['inbound', 'outbound']),
    action: z.enum(['allow', 'deny']),
    /** Lower decides first; at equal priority deny wins. */
    priority: z.int().min(0).max(0xffff),
    /** The interfaces it applies to; absent: all of the VPC. */
    target_nics: z.array(z.uuid()).optional(),
    hosts: z.array(HostFilter).optional(),
    protocols: z.array(ProtocolFilter).optional(),
    /** Each `80` or `8000-8080`; local port inbound, remote port outbound. TCP and UDP only. */
    ports: z.array(z.string().regex(/^\d{1,5}(-\d{1,5})?$/)).optional(),
    causes: Causes.optional(),
  })
  .meta({ id: 'FirewallRule' })
export type FirewallRule = z.output<typeof FirewallRule>

export const RouteTarget = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('drop') }),
    /** Without an id: the rack's own gateway, through which every address may be used. The name is for people. */
    z.object({ type: z.literal('internet_gateway'), id: z.guid().optional(), name: z.string().optional() }),
    z.object({ type: z.literal('ip'), value: IpAddr }),
    z.object({ type: z.literal('vpc_subnet'), value: IpNet }),
  ])
  .meta({ id: 'RouteTarget' })

export const VpcRoute = z
  .object({
    dest: IpNet,
    target: RouteTarget,
    /** At equal prefix length custom wins over system. */
    router: z.enum(['system', 'custom']),
    causes: Causes.optional(),
  })
  .meta({ id: 'VpcRoute' })
export type VpcRoute = z.output<typeof VpcRoute>

export const VpcRouteSet = z
  .object({ vni: Vni, subnet: IpNet, routes: z.array(VpcRoute) })
  .meta({ id: 'VpcRouteSet', description: "The routes of one block of a subnet: destinations of the block's family." })
export type VpcRouteSet = z.output<typeof VpcRouteSet>
