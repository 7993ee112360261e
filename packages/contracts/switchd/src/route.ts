/** Routes as the forwarding plane has them: one prefix, a set of equal paths. Writes replace the whole set. */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { IpAddr, Ipv4Net, Ipv6Net } from './address.ts'
import { LinkId, PortId } from './link.ts'

export const RouteTarget = z
  .object({
    port_id: PortId,
    link_id: LinkId,
    /** The next hop; for an IPv4 route it may be IPv6 (RFC 8950). */
    tgt_ip: IpAddr,
    vlan_id: z.int().min(1).max(4094).optional(),
  })
  .meta({ id: 'RouteTarget' })
export type RouteTarget = z.output<typeof RouteTarget>

/** A switch has slots for at most this many equal paths of one prefix. */
export const MAX_ROUTE_TARGETS = 32
const targets = z.array(RouteTarget).min(1).max(MAX_ROUTE_TARGETS)

export const Ipv4Route = z.object({ cidr: Ipv4Net, targets }).meta({ id: 'Ipv4Route' })
export type Ipv4Route = z.output<typeof Ipv4Route>
export const Ipv6Route = z.object({ cidr: Ipv6Net, targets }).meta({ id: 'Ipv6Route' })
export type Ipv6Route = z.output<typeof Ipv6Route>

const tags = ['routes']

export const routeEndpoints = [
  endpoint({
    operationId: 'route_ipv4_list',
    method: 'GET',
    path: '/route/ipv4',
    tags,
    summary: 'List IPv4 routes',
    query: z.object({ ...pageFields }),
    response: { status: 200, schema: pageOf(Ipv4Route) },
    paginated: true,
  }),
  endpoint({
    operationId: 'route_ipv4_set',
    method: 'PUT',
    path: '/route/ipv4',
    tags,
    summary: 'Set the paths of an IPv4 prefix, replacing those it has',
    body: Ipv4Route,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'route_ipv4_view',
    method: 'GET',
    path: '/route/ipv4/{cidr}',
    tags,
    summary: 'View the route of exactly this IPv4 prefix',
    params: z.object({ cidr: Ipv4Net }),
    response: { status: 200, schema: Ipv4Route },
  }),
  endpoint({
    operationId: 'route_ipv4_delete',
    method: 'DELETE',
    path: '/route/ipv4/{cidr}',
    tags,
    summary: 'Remove an IPv4 prefix with all its paths',
    params: z.object({ cidr: Ipv4Net }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'route_ipv6_list',
    method: 'GET',
    path: '/route/ipv6',
    tags,
    summary: 'List IPv6 routes',
    query: z.object({ ...pageFields }),
    response: { status: 200, schema: pageOf(Ipv6Route) },
    paginated: true,
  }),
  endpoint({
    operationId: 'route_ipv6_set',
    method: 'PUT',
    path: '/route/ipv6',
    tags,
    summary: 'Set the paths of an IPv6 prefix, replacing those it has',
    body: Ipv6Route,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'route_ipv6_view',
    method: 'GET',
    path: '/route/ipv6/{cidr}',
    tags,
    summary: 'View the route of exactly this IPv6 prefix',
    params: z.object({ cidr: Ipv6Net }),
    response: { status: 200, schema: Ipv6Route },
  }),
  endpoint({
    operationId: 'route_ipv6_delete',
    method: 'DELETE',
    path: '/route/ipv6/{cidr}',
    tags,
    summary: 'Remove an IPv6 prefix with all its paths',
    params: z.object({ cidr: Ipv6Net }),
    response: { status: 204 },
  }),
] as const
