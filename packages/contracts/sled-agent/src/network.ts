/** Network state of the sled as a whole. Every PUT states all there should be, with a generation. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { Generation, IpAddr, MacAddr, Vni } from './address.ts'
import { FirewallRule, VpcRouteSet } from './nic.ts'

export const V2pMapping = z
  .object({
    virtual_ip: IpAddr,
    virtual_mac: MacAddr,
    /** Underlay address of the sled that has it. */
    physical_host_ip: z.ipv6(),
    vni: Vni,
  })
  .meta({ id: 'V2pMapping', description: 'Where an address of a VPC is on the underlay.' })
export type V2pMapping = z.output<typeof V2pMapping>

export const V2pState = z.object({ generation: Generation, mappings: z.array(V2pMapping) }).meta({ id: 'V2pState' })
export type V2pState = z.output<typeof V2pState>

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

export const PortState = z
  .object({
    port: PortSummary,
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
      z.object({ direction: z.enum(['in', 'out']), flow: z.string(), detail: z.string(), packets: z.int() }),
    ),
    counters: z.record(z.string(), z.int()),
  })
  .meta({ id: 'PortState', description: 'Everything a packet engine port knows, formatted for people.' })
export type PortState = z.output<typeof PortState>

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
] as const
