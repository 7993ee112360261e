/**
 * Routes of VPC routers. A name that resolves to nothing, now or later, makes a route match nothing; it is no error.
 * The system router holds what the VPC came with; users add routes to custom routers.
 */
import { invalidRequest } from '@lodestone/api'
import type { RouteDestination, RouterRoute, RouteTarget } from '@lodestone/contract-nexus'
import { Ip, Prefix } from '@lodestone/net'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { deleteRoute, insertRoutes, listRoutes, type RouterRouteRow, updateRoute } from '../store/vpc-router.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { selectRoute, selectRouter } from './selector.ts'

type Ids =
  | 'vpc_router_route_list'
  | 'vpc_router_route_create'
  | 'vpc_router_route_view'
  | 'vpc_router_route_update'
  | 'vpc_router_route_delete'

export function routerRouteHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async vpc_router_route_list({ query, context }) {
      const scan = scanOf(query)
      const router = await selectRouter(store.db, actorOf(context), query.router, query)
      return pageOfRows(await listRoutes(store.db, router.id, scan), scan, routeFromRow)
    },

    async vpc_router_route_create({ query, body, context }) {
      checkRoute(body.destination, body.target)
      const row = await store.transaction(async (tx) => {
        const router = await selectRouter(tx, actorOf(context), query.router, query)
        if (router.kind === 'system') {
          throw invalidRequest('routes cannot be added to a system router; create a custom router for them')
        }
        const created: RouterRouteRow = {
          ...newIdentity(service.random.uuid(), body, nowOf(service)),
          vpc_router_id: router.id,
          kind: 'custom',
          destination: body.destination,
          target: body.target,
          subnet_id: null,
        }
        await orAlreadyExists('router-route', body.name, () => insertRoutes(tx, [rowForInsert(created)]))
        return created
      })
      service.activate()
      return routeFromRow(row)
    },

    async vpc_router_route_view({ params, query, context }) {
      return routeFromRow(await selectRoute(store.db, actorOf(context), params.route, query))
    },

    async vpc_router_route_update({ params, query, body, context }) {
      const row = await store.transaction(async (tx) => {
        const route = await selectRoute(tx, actorOf(context), params.route, query)
        if (route.kind !== 'custom' && route.kind !== 'default') throw invalidRequest(kindMessage(route, 'modified'))
        checkRoute(body.destination, body.target)
        const isSameDestination =
          body.destination.type === route.destination.type && body.destination.value === route.destination.value
        const isOtherwiseSame =
          isSameDestination &&
          (body.name ?? route.name) === route.name &&
          (body.description ?? route.description) === route.description
        if (route.kind === 'default' && !isOtherwiseSame) {
          throw invalidRequest('of a default route only the target can be modified')
        }
        const change = identityChange(body, nowOf(service))
        return orAlreadyExists('router-route', change.name ?? route.name, () =>
          updateRoute(tx, route.id, {
            ...change,
            destination: JSON.stringify(body.destination),
            target: JSON.stringify(body.target),
          }),
        )
      })
      service.activate()
      return routeFromRow(row)
    },

    async vpc_router_route_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const route = await selectRoute(tx, actorOf(context), params.route, query)
        if (route.kind !== 'custom') throw invalidRequest(kindMessage(route, 'deleted'))
        await deleteRoute(tx, route.id)
      })
      service.activate()
    },
  }
}

function kindMessage(route: RouterRouteRow, done: string): string {
  return `route "${route.name}" is of kind ${route.kind} and cannot be ${done}`
}

/** What users may ask for: no other VPCs, no subnets as targets, and one IP version. */
export function checkRoute(destination: RouteDestination, target: RouteTarget): void {
  if (destination.type === 'vpc') throw invalidRequest('a VPC cannot be the destination of a route')
  if (target.type === 'vpc') throw invalidRequest('a VPC cannot be the target of a route')
  if (target.type === 'subnet') throw invalidRequest('a subnet cannot be the target of a route')
  const family =
    destination.type === 'ip'
      ? Ip.of(destination.value).family
      : destination.type === 'ip_net'
        ? Prefix.of(destination.value).family
        : undefined
  if (target.type === 'ip' && family !== undefined && Ip.of(target.value).family !== family) {
    throw invalidRequest('the destination and the target of a route must be of one IP version')
  }
}

/** JSON columns are written as text. */
export function rowForInsert(
  row: RouterRouteRow,
): Omit<RouterRouteRow, 'destination' | 'target'> & { destination: string; target: string } {
  return { ...row, destination: JSON.stringify(row.destination), target: JSON.stringify(row.target) }
}

function routeFromRow(row: RouterRouteRow): RouterRoute {
  return {
    ...identityFromRow(row),
    kind: row.kind,
    vpc_router_id: row.vpc_router_id,
    destination: row.destination,
    target: row.target,
  }
}
