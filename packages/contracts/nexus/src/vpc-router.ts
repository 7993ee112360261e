/** Routers of a VPC and their routes. A subnet uses the VPC's system router, and above it at most one custom router. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  identityUpdate,
  inVpc,
  IpAddr,
  IpNet,
  listByNameOrId,
  maybeInVpc,
  Name,
  NameOrId,
  Uuid,
} from './identity.ts'

export const VpcRouterKind = z.enum(['system', 'custom']).meta({ id: 'VpcRouterKind' })

export const VpcRouter = z.object({ ...identity, kind: VpcRouterKind, vpc_id: Uuid }).meta({ id: 'VpcRouter' })
export type VpcRouter = z.output<typeof VpcRouter>

export const RouteDestination = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('ip'), value: IpAddr }),
    z.object({ type: z.literal('ip_net'), value: IpNet }),
    z.object({ type: z.literal('vpc'), value: Name }),
    z.object({ type: z.literal('subnet'), value: Name }),
  ])
  .meta({ id: 'RouteDestination' })
export type RouteDestination = z.output<typeof RouteDestination>

export const RouteTarget = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('ip'), value: IpAddr }),
    z.object({ type: z.literal('vpc'), value: Name }),
    z.object({ type: z.literal('subnet'), value: Name }),
    z.object({ type: z.literal('instance'), value: Name }),
    z.object({ type: z.literal('internet_gateway'), value: Name }),
    z.object({ type: z.literal('drop') }),
  ])
  .meta({ id: 'RouteTarget' })
export type RouteTarget = z.output<typeof RouteTarget>

export const RouterRouteKind = z
  .enum(['default', 'vpc_subnet', 'vpc_peering', 'custom'])
  .meta({ id: 'RouterRouteKind' })
export type RouterRouteKind = z.output<typeof RouterRouteKind>

export const RouterRoute = z
  .object({
    ...identity,
    kind: RouterRouteKind,
    vpc_router_id: Uuid,
    destination: RouteDestination,
    target: RouteTarget,
  })
  .meta({ id: 'RouterRoute' })
export type RouterRoute = z.output<typeof RouterRoute>

export const VpcRouterCreate = z.object(identityCreate).meta({ id: 'VpcRouterCreate' })
export type VpcRouterCreate = z.output<typeof VpcRouterCreate>

export const RouterRouteCreate = z
  .object({ ...identityCreate, destination: RouteDestination, target: RouteTarget })
  .meta({ id: 'RouterRouteCreate' })
export type RouterRouteCreate = z.output<typeof RouterRouteCreate>

const router = z.object({ router: NameOrId })
const route = z.object({ route: NameOrId })
const inRouter = inVpc.extend({ vpc: NameOrId.optional(), router: NameOrId })
const maybeInRouter = maybeInVpc.extend({ router: NameOrId.optional() })
const tags = ['vpcs']

export const vpcRouterEndpoints = [
  endpoint({
    operationId: 'vpc_router_list',
    method: 'GET',
    path: '/v1/vpc-routers',
    tags,
    summary: 'List the routers of a VPC',
    query: inVpc.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(VpcRouter) },
    paginated: true,
  }),
  endpoint({
    operationId: 'vpc_router_create',
    method: 'POST',
    path: '/v1/vpc-routers',
    tags,
    summary: 'Create a custom router',
    query: inVpc,
    body: VpcRouterCreate,
    response: { status: 201, schema: VpcRouter },
  }),
  endpoint({
    operationId: 'vpc_router_view',
    method: 'GET',
    path: '/v1/vpc-routers/{router}',
    tags,
    summary: 'View a router',
    params: router,
    query: maybeInVpc,
    response: { status: 200, schema: VpcRouter },
  }),
  endpoint({
    operationId: 'vpc_router_update',
    method: 'PUT',
    path: '/v1/vpc-routers/{router}',
    tags,
    summary: 'Rename or describe a router',
    params: router,
    query: maybeInVpc,
    body: z.object(identityUpdate).meta({ id: 'VpcRouterUpdate' }),
    response: { status: 200, schema: VpcRouter },
  }),
  endpoint({
    operationId: 'vpc_router_delete',
    method: 'DELETE',
    path: '/v1/vpc-routers/{router}',
    tags,
    summary: 'Delete a custom router and its routes; its subnets go on with the system router alone',
    params: router,
    query: maybeInVpc,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'vpc_router_route_list',
    method: 'GET',
    path: '/v1/vpc-router-routes',
    tags,
    summary: 'List the routes of a router',
    query: inRouter.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(RouterRoute) },
    paginated: true,
  }),
  endpoint({
    operationId: 'vpc_router_route_create',
    method: 'POST',
    path: '/v1/vpc-router-routes',
    tags,
    summary: 'Add a route to a custom router',
    query: inRouter,
    body: RouterRouteCreate,
    response: { status: 201, schema: RouterRoute },
  }),
  endpoint({
    operationId: 'vpc_router_route_view',
    method: 'GET',
    path: '/v1/vpc-router-routes/{route}',
    tags,
    summary: 'View a route',
    params: route,
    query: maybeInRouter,
    response: { status: 200, schema: RouterRoute },
  }),
  endpoint({
    operationId: 'vpc_router_route_update',
    method: 'PUT',
    path: '/v1/vpc-router-routes/{route}',
    tags,
    summary: 'Replace what a route is for and where it leads; of a default route only the target',
    params: route,
    query: maybeInRouter,
    body: z
      .object({ ...identityUpdate, destination: RouteDestination, target: RouteTarget })
      .meta({ id: 'RouterRouteUpdate' }),
    response: { status: 200, schema: RouterRoute },
  }),
  endpoint({
    operationId: 'vpc_router_route_delete',
    method: 'DELETE',
    path: '/v1/vpc-router-routes/{route}',
    tags,
    summary: 'Delete a custom route',
    params: route,
    query: maybeInRouter,
    response: { status: 204 },
  }),
] as const
