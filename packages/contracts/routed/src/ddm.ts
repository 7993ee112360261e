/** What can be seen and done about DDM neighbours. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { IpNet } from './address.ts'
import { TunnelEndpoint } from './config.ts'

export const DdmPeer = z
  .object({
    interface: z.string(),
    status: z.enum(['init', 'solicit', 'exchange', 'expired']),
    addr: z.ipv6().optional(),
    host: z.string().optional(),
    kind: z.enum(['server', 'transit']).optional(),
    /** Why the last neighbour was lost. */
    lost_reason: z.string().optional(),
    expired_for_ms: z.number().optional(),
    prefix_count: z.int(),
    tunnel_count: z.int(),
    counters: z.record(z.string(), z.int()),
  })
  .meta({ id: 'DdmPeer' })
export type DdmPeer = z.output<typeof DdmPeer>

export const PathVector = z.object({ destination: z.cidrv6(), path: z.array(z.string()) }).meta({ id: 'PathVector' })

export const DdmPrefixes = z
  .object({ interface: z.string(), next_hop: z.ipv6(), vectors: z.array(PathVector) })
  .meta({ id: 'DdmPrefixes' })

export const EffectiveTunnel = z
  .object({ overlay_prefix: IpNet, boundary_addr: z.ipv6(), vni: z.int() })
  .meta({ id: 'EffectiveTunnel' })

const tags = ['ddm']

export const ddmEndpoints = [
  endpoint({
    operationId: 'ddm_peers',
    method: 'GET',
    path: '/ddm/peers',
    tags,
    summary: 'List the interfaces that DDM runs on, with their neighbours',
    response: { status: 200, schema: z.array(DdmPeer) },
  }),
  endpoint({
    operationId: 'ddm_peer_expire',
    method: 'DELETE',
    path: '/ddm/peers/{interface}',
    tags,
    summary: 'Give up the neighbour on an interface; it is found again if it is still there',
    params: z.object({ interface: z.string() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'ddm_prefixes',
    method: 'GET',
    path: '/ddm/prefixes',
    tags,
    summary: 'List the path vectors learned, by next hop',
    response: { status: 200, schema: z.array(DdmPrefixes) },
  }),
  endpoint({
    operationId: 'ddm_originated',
    method: 'GET',
    path: '/ddm/originated',
    tags,
    summary: 'List the underlay prefixes announced as our own',
    response: { status: 200, schema: z.array(z.cidrv6()) },
  }),
  endpoint({
    operationId: 'ddm_originated_tunnels',
    method: 'GET',
    path: '/ddm/originated_tunnel_endpoints',
    tags,
    summary: 'List the tunnel endpoints announced as our own',
    response: { status: 200, schema: z.array(TunnelEndpoint) },
  }),
  endpoint({
    operationId: 'ddm_tunnels',
    method: 'GET',
    path: '/ddm/tunnel_endpoints',
    tags,
    summary: 'List the tunnel endpoints in use',
    response: { status: 200, schema: z.array(EffectiveTunnel) },
  }),
  endpoint({
    operationId: 'ddm_sync',
    method: 'PUT',
    path: '/ddm/sync',
    tags,
    summary: 'Fetch everything from every neighbour again',
    response: { status: 204 },
  }),
] as const
