/** Routes: a prefix and all of its paths. */
import { objectNotFound, pageInMemory } from '@lodestone/api'
import type { RouteTarget } from '@lodestone/contract-switchd'
import { portName } from '../port-number.ts'
import type { Route, RoutePath } from '../route-table.ts'
import type { Switchd } from '../switchd.ts'
import { ipOf, type Operations, orThrow, portOf, prefixOf } from './operations.ts'

type RouteOperation =
  | 'route_ipv4_list'
  | 'route_ipv4_set'
  | 'route_ipv4_view'
  | 'route_ipv4_delete'
  | 'route_ipv6_list'
  | 'route_ipv6_set'
  | 'route_ipv6_view'
  | 'route_ipv6_delete'

interface RouteBody {
  cidr: string
  targets: RouteTarget[]
}

export function routeHandlers(switchd: Switchd): Operations<RouteOperation> {
  const list = (family: 4 | 6, query: { limit?: number | undefined; page_token?: string | undefined }) =>
    pageInMemory(switchd.routes(family).map(routeBody), query, ({ cidr }) => cidr)
  const set = ({ body }: { body: RouteBody }): undefined => {
    orThrow(
      switchd.setRoute(
        prefixOf(body.cidr),
        body.targets.map((target) => routePath(switchd, target)),
      ),
    )
    return undefined
  }
  const view = ({ params }: { params: { cidr: string } }): RouteBody => {
    const route = switchd.route(prefixOf(params.cidr))
    if (route === undefined) throw objectNotFound('route', { name: params.cidr })
    return routeBody(route)
  }
  const remove = ({ params }: { params: { cidr: string } }): undefined => {
    orThrow(switchd.deleteRoute(prefixOf(params.cidr)))
    return undefined
  }
  return {
    route_ipv4_list: ({ query }) => list(4, query),
    route_ipv4_set: set,
    route_ipv4_view: view,
    route_ipv4_delete: remove,
    route_ipv6_list: ({ query }) => list(6, query),
    route_ipv6_set: set,
    route_ipv6_view: view,
    route_ipv6_delete: remove,
  }
}

function routeBody(route: Route): RouteBody {
  return {
    cidr: route.prefix.toString(),
    targets: route.paths.map(({ port, nextHop, vlanId }) => ({
      port_id: portName(port),
      link_id: 0,
      tgt_ip: nextHop.toString(),
      ...(vlanId === undefined ? {} : { vlan_id: vlanId }),
    })),
  }
}

function routePath(switchd: Switchd, target: RouteTarget): RoutePath {
  if (target.link_id !== 0) throw objectNotFound('link', { name: `${target.port_id}/${target.link_id}` })
  return {
    port: portOf(switchd, target.port_id),
    nextHop: ipOf(target.tgt_ip),
    ...(target.vlan_id === undefined ? {} : { vlanId: target.vlan_id }),
  }
}
