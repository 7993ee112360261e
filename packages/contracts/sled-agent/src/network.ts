/** Network state of the sled as a whole. Every PUT states all there should be, with a generation. */
import { endpoint, NDJSON } from '@lodestone/api'
import { z } from 'zod'
import { Causes, Generation, IpAddr, IpNet, MacAddr, Port16, Vni } from './address.ts'
import { ExternalIps, FirewallRule, MulticastSubscription, RateLimits, VpcRoute, VpcRouteSet } from './nic.ts'

export const V2pMapping = z
  .object({
    virtual_ip: IpAddr,
    virtual_mac: MacAddr,
    /** Underlay address of the sled that has it. */
    physical_host_ip: z.ipv6(),
    vni: Vni,
    causes: Causes.optional(),
  })
  .meta({ id: 'V2pMapping', description: 'Where an address of a VPC is on the underlay.' })
export type V2pMapping = z.output<typeof V2pMapping>

export const V2pState = z.object({ generation: Generation, mappings: z.array(V2pMapping) }).meta({ id: 'V2pState' })
export type V2pState = z.output<typeof V2pState>

export const ExternalMapping = z
  .object({
    external_ip: IpAddr,
    /** Ports of TCP and UDP, or identifiers of ICMP echo; both ends inclusive. All of them: 0 to 65535. */
    first_port: Port16,
    last_port: Port16,
    /** Underlay address of the sled that has its owner, and the owner's interface. */
    physical_host_ip: z.ipv6(),
    virtual_mac: MacAddr,
    vni: Vni,
    causes: Causes.optional(),
  })
  .meta({
    id: 'ExternalMapping',
    description: 'Where an external address of the rack, or some of its ports, is on the underlay.',
  })
export type ExternalMapping = z.output<typeof ExternalMapping>

export const ExternalAddresses = z
  .object({ generation: Generation, mappings: z.array(ExternalMapping) })
  .meta({ id: 'ExternalAddresses' })
export type ExternalAddresses = z.output<typeof ExternalAddresses>

export const MulticastGroup = z
  .object({
    vni: Vni,
    group: IpAddr,
    /** Underlay addresses of the sleds with interfaces that have subscribed. */
    sleds: z.array(z.ipv6()),
  })
  .meta({ id: 'MulticastGroup', description: 'Which sleds get what is sent to a group of a VPC.' })
export type MulticastGroup = z.output<typeof MulticastGroup>

export const PortSubscription = MulticastSubscription.extend({
  vni: Vni,
  port_id: z.string(),
  /** By its guest; otherwise the port's settings say so. */
  joined: z.boolean(),
}).meta({ id: 'PortSubscription' })
export type PortSubscription = z.output<typeof PortSubscription>

export const MulticastSubscriptions = z
  .object({ subscriptions: z.array(PortSubscription) })
  .meta({ id: 'MulticastSubscriptions' })

export const MulticastGroups = z
  .object({ generation: Generation, groups: z.array(MulticastGroup) })
  .meta({ id: 'MulticastGroups' })
export type MulticastGroups = z.output<typeof MulticastGroups>

export const VpcFirewall = z
  .object({ generation: Generation, rules: z.array(FirewallRule) })
  .meta({ id: 'VpcFirewall' })

export const VpcRoutes = z
  .object({
    generation: Generation,
    /** One set for each subnet with ports on this sled. */
    sets: z.array(VpcRouteSet),
  })
  .meta({ id: 'VpcRoutes' })
export type VpcRoutes = z.output<typeof VpcRoutes>

export const PortSummary = z
  .object({
    id: z.uuid(),
    instance_id: z.uuid(),
    name: z.string(),
    mac: MacAddr,
    vni: Vni,
    addresses: z.array(IpAddr),
    flows: z.int(),
  })
  .meta({ id: 'PortSummary' })
export type PortSummary = z.output<typeof PortSummary>

const PoolUsage = z
  .object({
    size: z.int(),
    leased: z.int(),
    /** Freed, and not to be leased yet, because the far end may still wait for the old connection. */
    resting: z.int(),
    /** The most that were leased at once. */
    peak: z.int(),
    /** Connections that found no port. */
    refused: z.int(),
  })
  .meta({ id: 'PoolUsage' })

const SourceNatUsage = z
  .object({ ip: IpAddr, first_port: Port16, last_port: Port16, tcp: PoolUsage, udp: PoolUsage, icmp: PoolUsage })
  .meta({ id: 'SourceNatUsage' })

const FlowKey = z
  .array(
    z
      .int()
      .min(-(2 ** 31))
      .max(2 ** 31 - 1),
  )
  .length(10)

const SavedFlow = z
  .object({
    family: z.union([z.literal(4), z.literal(6)]),
    protocol: z.int().min(0).max(255),
    initiator: z.enum(['in', 'out']),
    age_ms: z.number().min(0),
    idle_ms: z.number().min(0),
    remote_vni: Vni,
    guest_port: Port16,
    firewall_rule: z.string().max(256),
    /** Number of the state; -1 for other protocols than TCP. */
    tcp_state: z.int().min(-1).max(9),
    /** What acknowledges the guest's FIN, once it has sent one. */
    fin_ack: z
      .int()
      .min(-(2 ** 31))
      .max(2 ** 31 - 1)
      .optional(),
    /** Words of the keys of both directions: addresses, ports, protocol and marks. */
    out_key: FlowKey,
    in_key: FlowKey,
    nat: z
      .object({
        kind: z.enum(['floating', 'ephemeral', 'snat']),
        external: IpAddr,
        /** The leased port; -1 where none is. */
        port: z.int().min(-1).max(0xffff),
      })
      .optional(),
  })
  .meta({ id: 'SavedFlow', description: 'A connection as one engine hands it to another.' })

export const SavedFlows = z
  .object({
    /** Of this format; another one is refused with 400. */
    version: z.int(),
    port_id: z.uuid(),
    flows: z.array(SavedFlow),
  })
  .meta({ id: 'SavedFlows', description: "A port's connections, to go on elsewhere or after a restart." })
export type SavedFlows = z.output<typeof SavedFlows>

export const FlowsRestored = z
  .object({
    restored: z.int(),
    /** Why others were not, with how many. */
    refused: z.record(z.string(), z.int()),
  })
  .meta({ id: 'FlowsRestored' })

export const PortState = z
  .object({
    port: PortSummary,
    /** Of the settings by PortSettings; 0 where there were none. */
    settings_generation: z.int(),
    epoch: z.int(),
    external_ips: z.array(z.string()),
    layers: z.array(
      z.object({
        name: z.string(),
        default_in: z.string(),
        default_out: z.string(),
        rules: z.array(
          z.object({
            id: z.string(),
            direction: z.enum(['in', 'out']),
            priority: z.int(),
            predicates: z.array(z.string()),
            action: z.string(),
            hits: z.int(),
          }),
        ),
      }),
    ),
    flows: z.array(
      z.object({
        direction: z.enum(['in', 'out']),
        flow: z.string(),
        detail: z.string(),
        packets: z.int(),
        bytes: z.int(),
        tcp_state: z.string().optional(),
        idle_ms: z.int(),
      }),
    ),
    drops: z.array(z.object({ code: z.string(), count: z.int() })),
    /** How much of each shared address is in use. */
    source_nat: z.array(SourceNatUsage),
    counters: z.record(z.string(), z.int()),
  })
  .meta({ id: 'PortState', description: 'Everything a packet engine port knows, formatted for people.' })
export type PortState = z.output<typeof PortState>

export const PortSettings = z
  .object({
    /** Of these settings; one older than what is applied is refused with 409 and changes nothing. */
    generation: Generation,
    external_ips: ExternalIps,
    firewall_rules: z.array(FirewallRule),
    routes: z.array(VpcRoute),
    /** Absent: as the interface's description says. */
    multicast: z.array(MulticastSubscription).max(32).optional(),
    /** The same of the groups that the guest may join itself. */
    multicast_permitted: z.array(IpNet).max(32).optional(),
    rate_limits: RateLimits.optional(),
  })
  .meta({ id: 'PortSettings', description: 'All that can change about a port, stated at once and applied at once.' })
export type PortSettings = z.output<typeof PortSettings>

export const PortApplied = z
  .object({
    generation: Generation,
    /** Which parts were different from before. */
    changed: z.array(z.string()),
  })
  .meta({ id: 'PortApplied' })

const NearMiss = z
  .object({
    rule: z.string(),
    failed: z.array(z.object({ predicate: z.string(), wanted: z.string(), actual: z.string() })),
  })
  .meta({ id: 'NearMiss', description: 'A rule that nearly decided differently.' })

export const PortExplainRequest = z
  .object({
    direction: z.enum(['in', 'out']),
    /** Outbound as the guest sends it; inbound whole, from the outer Ethernet header on. */
    frame: z.base64(),
  })
  .meta({ id: 'PortExplainRequest' })
export type PortExplainRequest = z.output<typeof PortExplainRequest>

export const PortExplanation = z
  .object({
    /** Of this format; it grows when a field changes its meaning. */
    version: z.int(),
    verdict: z.enum(['forwarded', 'delivered', 'hairpin', 'dropped', 'waiting']),
    reason: z.object({ code: z.string(), sentence: z.string(), hint: z.string().optional() }).optional(),
    detail: z.string().optional(),
    nearest: z.array(NearMiss).optional(),
    /** The packet's story, as events of the testbed tell it. */
    steps: z.array(z.looseObject({ kind: z.string() })),
    /** As it would leave (from the outer IPv6 header on), reach the guest, or be answered. */
    frame: z.base64().optional(),
  })
  .meta({ id: 'PortExplanation', description: 'What would happen to a packet now; nothing is changed by asking.' })
export type PortExplanation = z.output<typeof PortExplanation>

export const PortDropGroup = z
  .object({
    code: z.string(),
    sentence: z.string(),
    hint: z.string().optional(),
    /** All of this reason since the port was made. */
    count: z.int(),
    /** Among the kept samples. */
    first_seen: z.iso.datetime().optional(),
    last_seen: z.iso.datetime().optional(),
    /** The last of them. */
    sample: z
      .object({
        direction: z.enum(['in', 'out']),
        summary: z.string(),
        detail: z.string(),
        nearest: z.array(NearMiss),
        frame: z.base64(),
      })
      .optional(),
  })
  .meta({ id: 'PortDropGroup', description: 'What a port has dropped for one reason.' })
export type PortDropGroup = z.output<typeof PortDropGroup>

const ofPort = {
  /** Of this format; it grows when a field changes its meaning. */
  version: z.int(),
  time: z.iso.datetime(),
  port_id: z.uuid(),
  port_name: z.string(),
  vni: Vni,
}

const FlowLogFlow = z
  .object({
    kind: z.enum(['opened', 'closed']),
    ...ofPort,
    protocol: z.string(),
    /** Address and port as the guest knows itself. */
    guest: z.string(),
    /** The other side; left out where addresses are not wanted. */
    remote: z.string().optional(),
    /** What the guest is translated to outside. */
    external: z.string().optional(),
    initiator: z.enum(['in', 'out']),
    tcp_state: z.string().optional(),
    /** The rule that let it begin. */
    firewall_rule: z.string(),
    age_ms: z.int(),
    packets_in: z.int(),
    bytes_in: z.int(),
    packets_out: z.int(),
    bytes_out: z.int(),
  })
  .meta({ id: 'FlowLogFlow', description: 'The beginning of a connection, or its end with its totals.' })

const FlowLogRefused = z
  .object({
    kind: z.literal('refused'),
    ...ofPort,
    direction: z.enum(['in', 'out']),
    /** Code of a drop reason. */
    reason: z.string(),
    /** Left out where addresses are not wanted. */
    detail: z.string().optional(),
    /** The firewall rule that says so; absent where another layer or a default does. */
    rule: z.string().optional(),
    /** Absent for what is not IP or not well-formed, as are the two sides. */
    protocol: z.string().optional(),
    guest: z.string().optional(),
    remote: z.string().optional(),
    bytes: z.int(),
    /** How many refused packets since the last such entry were not logged, because there were too many. */
    unlogged: z.int(),
  })
  .meta({ id: 'FlowLogRefused', description: 'A packet that the port dropped.' })

export const FlowLogEntry = z
  .discriminatedUnion('kind', [FlowLogFlow, FlowLogRefused])
  .meta({ id: 'FlowLogEntry', description: 'What happened to a connection, or a packet that was refused.' })
export type FlowLogEntry = z.output<typeof FlowLogEntry>

const applied = z.object({ generation: Generation }).meta({ id: 'AppliedGeneration' })
const tags = ['network']

export const networkEndpoints = [
  endpoint({
    operationId: 'v2p_view',
    method: 'GET',
    path: '/v2p',
    tags,
    summary: 'View the virtual to physical mappings',
    response: { status: 200, schema: V2pState },
  }),
  endpoint({
    operationId: 'v2p_set',
    method: 'PUT',
    path: '/v2p',
    tags,
    summary: 'State all virtual to physical mappings',
    body: V2pState,
    response: { status: 200, schema: applied },
  }),
  endpoint({
    operationId: 'external_addresses_set',
    method: 'PUT',
    path: '/external-addresses',
    tags,
    summary: 'State where the external addresses of the rack are, so that instances reach them without a switch',
    body: ExternalAddresses,
    response: { status: 200, schema: applied },
  }),
  endpoint({
    operationId: 'multicast_groups_set',
    method: 'PUT',
    path: '/multicast-groups',
    tags,
    summary: 'State which sleds have subscribers of the groups of all VPCs',
    body: MulticastGroups,
    response: { status: 200, schema: applied },
  }),
  endpoint({
    operationId: 'multicast_subscriptions_list',
    method: 'GET',
    path: '/multicast-subscriptions',
    tags,
    summary: 'Tell which ports here are sent which groups: what is stated for all sleds follows from it',
    response: { status: 200, schema: MulticastSubscriptions },
  }),
  endpoint({
    operationId: 'vpc_firewall_rules_set',
    method: 'PUT',
    path: '/vpc/{vni}/firewall-rules',
    tags,
    summary: 'State all firewall rules of a VPC',
    params: z.object({ vni: Vni }),
    body: VpcFirewall,
    response: { status: 200, schema: applied },
  }),
  endpoint({
    operationId: 'vpc_routes_set',
    method: 'PUT',
    path: '/vpc-routes',
    tags,
    summary: 'State all routes of the VPC subnets that have ports here',
    body: VpcRoutes,
    response: { status: 200, schema: applied },
  }),
  endpoint({
    operationId: 'flow_log_stream',
    method: 'GET',
    path: '/flow-log',
    tags,
    summary:
      'Follow what connections of all ports do and what is refused, one FlowLogEntry a line; a slow reader loses entries',
    query: z.object({
      /** Whether the other side of a connection is told. */
      addresses: z.boolean().default(true),
    }),
    response: { status: 200, stream: NDJSON },
  }),
  endpoint({
    operationId: 'port_list',
    method: 'GET',
    path: '/ports',
    tags,
    summary: 'List packet engine ports',
    response: { status: 200, schema: z.array(PortSummary) },
  }),
  endpoint({
    operationId: 'port_view',
    method: 'GET',
    path: '/ports/{port_id}',
    tags,
    summary: 'View rules, flows and counters of a port',
    params: z.object({ port_id: z.uuid() }),
    response: { status: 200, schema: PortState },
  }),
  endpoint({
    operationId: 'port_settings_set',
    method: 'PUT',
    path: '/ports/{port_id}',
    tags,
    summary: 'State external addresses, rules and routes of one port; all of it holds at once, or nothing changes',
    params: z.object({ port_id: z.uuid() }),
    body: PortSettings,
    response: { status: 200, schema: PortApplied },
  }),
  endpoint({
    operationId: 'port_flows_save',
    method: 'GET',
    path: '/ports/{port_id}/flows',
    tags,
    summary: 'Save the connections of a port',
    params: z.object({ port_id: z.uuid() }),
    response: { status: 200, schema: SavedFlows },
  }),
  endpoint({
    operationId: 'port_flows_restore',
    method: 'PUT',
    path: '/ports/{port_id}/flows',
    tags,
    summary:
      'Let saved connections go on at a port, as far as its addresses allow; its rules judge them with their next packet',
    params: z.object({ port_id: z.uuid() }),
    body: SavedFlows,
    response: { status: 200, schema: FlowsRestored },
  }),
  endpoint({
    operationId: 'port_explain',
    method: 'POST',
    path: '/ports/{port_id}/explain',
    tags,
    summary: 'Ask what would happen to a packet',
    params: z.object({ port_id: z.uuid() }),
    body: PortExplainRequest,
    response: { status: 200, schema: PortExplanation },
  }),
  endpoint({
    operationId: 'port_drops',
    method: 'GET',
    path: '/ports/{port_id}/drops',
    tags,
    summary: 'List what a port has dropped, by reason, the most frequent first',
    params: z.object({ port_id: z.uuid() }),
    response: { status: 200, schema: z.array(PortDropGroup) },
  }),
] as const
