/** The operations on the routing table. */
import { type Handlers, objectNotFound } from '@lodestone/api'
import type { RibRoute, RoutedApi } from '@lodestone/contract-routed'
import { Ip, Prefix } from '@lodestone/net'
import type { Path, Route } from '@lodestone/rib'
import type { Routed } from '../routed.ts'
import { explainRoute } from './route-explanation.ts'
import { pageRoutes, routeIterator } from './route-pages.ts'
import { lowerToApi, pathToApi } from './status-to-api.ts'

interface RouteFilter {
  readonly table?: 'selected' | 'received' | undefined
  readonly protocol?: string | undefined
  readonly family?: 'ipv4' | 'ipv6' | undefined
  readonly peer?: string | undefined
  readonly prefix?: string | undefined
}

type RibOperations =
  | 'rib_imported'
  | 'rib_selected'
  | 'rib_routes'
  | 'rib_dump'
  | 'rib_summary'
  | 'rib_explain'
  | 'lower_status'

/** Routes written at once; then others have their turn. */
const DUMP_BATCH = 500

export function ribHandlers(routed: Routed): Pick<Handlers<RoutedApi>, RibOperations> {
  const { rib, host } = routed

  const routeToApi = (route: Route, filter: RouteFilter): readonly RibRoute[] => {
    const { family, protocol, peer } = filter
    if (family !== undefined && `ipv${route.prefix.family}` !== family) return []
    const all: readonly Path[] = filter.table === 'received' ? route.paths : route.selected
    const paths = all.filter(
      ({ source }) =>
        (protocol === undefined || source.protocol === protocol) && (peer === undefined || source.peer === peer),
    )
    if (paths.length === 0) return []
    return [{ prefix: route.prefix.toString(), paths: paths.map((path) => pathToApi(path, host.clock)) }]
  }
  /** The whole table at once, in order: for tables of hundreds of routes. */
  const listRoutes = (filter: RouteFilter): RibRoute[] =>
    [...rib.routes()].toSorted((a, b) => a.prefix.compare(b.prefix)).flatMap((route) => routeToApi(route, filter))

  return {
    rib_imported: ({ query }) =>
      listRoutes({ table: 'received', protocol: query.protocol, family: query.address_family }),
    rib_selected: ({ query }) =>
      listRoutes({ table: 'selected', protocol: query.protocol, family: query.address_family }),
    rib_routes: ({ query }) => pageRoutes(query, routeIterator(rib, query.prefix), (route) => routeToApi(route, query)),
    rib_dump: ({ query }) => dumpRoutes(routed, query, (route) => routeToApi(route, query)),
    rib_summary: () => {
      const protocols: Record<string, number> = {}
      for (const { source, pathCount } of rib.adjacencies) {
        protocols[source.protocol] = (protocols[source.protocol] ?? 0) + pathCount
      }
      return { prefixes: rib.routeCount, paths: rib.pathCount, selected: rib.selectedCount, protocols }
    },
    rib_explain: ({ query }) => {
      const prefix = Prefix.parse(query.destination)
      const address = Ip.parse(query.destination)
      const route =
        prefix !== undefined ? rib.get(prefix) : address !== undefined ? rib.longestMatch(address) : undefined
      const explanation = route === undefined ? undefined : explainRoute(routed, route.prefix)
      if (explanation === undefined) throw objectNotFound('route', { name: query.destination })
      return explanation
    },
    lower_status: () => routed.lowerStatus().map(lowerToApi),
  }
}

/** All routes as lines, a batch whenever the reader has room. */
function dumpRoutes(
  routed: Routed,
  filter: RouteFilter,
  itemsOf: (route: Route) => readonly RibRoute[],
): ReadableStream<Uint8Array> {
  const routes = routeIterator(routed.rib, filter.prefix)
  const encoder = new TextEncoder()
  let slot = 0
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const lines: string[] = []
        for (let i = 0; i < DUMP_BATCH; i++) {
          const found = routes.next(slot, 10 * DUMP_BATCH)
          if (found === undefined) {
            if (lines.length > 0) controller.enqueue(encoder.encode(lines.join('')))
            return controller.close()
          }
          slot = found.slot
          if (found.route === undefined) continue
          for (const item of itemsOf(found.route)) lines.push(`${JSON.stringify(item)}\n`)
        }
        // Also when there was nothing: without a chunk the stream would not ask again.
        controller.enqueue(encoder.encode(lines.join('')))
      },
    },
    { highWaterMark: 2 },
  )
}
