/** The HTTP interface of the daemon: every operation of the contract, in terms of `Routed`. */
import { ApiFailure, type HttpHandler, implement, invalidRequest, objectNotFound } from '@lodestone/api'
import type { Peer } from '@lodestone/bgp'
import { type RoutedConfig as ApiConfig, routedApi } from '@lodestone/contract-routed'
import type { Ddm } from '@lodestone/ddm'
import { Ip, Prefix } from '@lodestone/net'
import type { Path, Route } from '@lodestone/rib'
import { configFromApi } from './config-from-api.ts'
import type { Routed } from './routed.ts'
import {
  ddmPeerToApi,
  exportedToApi,
  lowerToApi,
  neighborToApi,
  pathToApi,
  transitionToApi,
  tunnelToApi,
} from './status-to-api.ts'

interface RouteFilter {
  readonly protocol?: string | undefined
  readonly address_family?: 'ipv4' | 'ipv6' | undefined
}

export function routedHandler(routed: Routed): HttpHandler {
  const { rib, host } = routed
  /** What was written, so that it reads back the same. */
  let written: ApiConfig = {}

  const peerOf = (name: string): Peer => {
    const peer = routed.speaker?.peer(name)
    if (peer === undefined) throw objectNotFound('peer', { name })
    return peer
  }
  const ddmOf = (): Ddm => {
    if (routed.ddm === undefined) throw new ApiFailure({ kind: 'conflict', message: 'DDM is not configured' })
    return routed.ddm
  }
  const listRoutes = (pathsOf: (route: Route) => readonly Path[], filter: RouteFilter) => {
    const family = filter.address_family === undefined ? undefined : filter.address_family === 'ipv4' ? 4 : 6
    return [...rib.routes()]
      .filter(({ prefix }) => family === undefined || prefix.family === family)
      .toSorted((a, b) => a.prefix.compare(b.prefix))
      .flatMap((route) => {
        const paths = pathsOf(route).filter(
          ({ source }) => filter.protocol === undefined || source.protocol === filter.protocol,
        )
        if (paths.length === 0) return []
        return [{ prefix: route.prefix.toString(), paths: paths.map((path) => pathToApi(path, host.clock)) }]
      })
  }

  return implement(
    routedApi,
    {
      config_view: () => written,
      config_apply: ({ body }) => {
        const { config, problems } = configFromApi(body)
        if (problems.length > 0) throw invalidRequest(problems.join('; '))
        const result = routed.apply(config)
        if (!result.ok) throw invalidRequest(result.problems.join('; '))
        written = body
        return undefined
      },

      bgp_neighbors: () => [...(routed.speaker?.peers() ?? [])].map((peer) => neighborToApi(peer.status())),
      bgp_exported: ({ params }) => [...peerOf(params.peer).exported()].map(exportedToApi),
      bgp_export_explain: ({ params, query }) => {
        const prefix = Prefix.of(query.prefix).masked()
        const result = peerOf(params.peer).explainExport(prefix)
        if (result === undefined)
          return { exported: false, code: 'no-session', sentence: 'the session is not established' }
        if (result.kind === 'suppress') return { exported: false, code: result.code, sentence: result.sentence }
        return {
          exported: true,
          code: 'exported',
          sentence: 'told to the peer',
          route: exportedToApi({ prefix, ...result }),
        }
      },
      bgp_fsm_history: ({ params }) => peerOf(params.peer).history().map(transitionToApi),
      bgp_clear: ({ body }) => {
        const peer = peerOf(body.peer)
        if (body.kind === 'hard') peer.reset()
        else if (!peer.requestRefresh()) {
          throw new ApiFailure({
            kind: 'conflict',
            message: 'the peer cannot be asked: no session, or no route refresh',
          })
        }
        return undefined
      },

      rib_imported: ({ query }) => listRoutes((route) => route.paths, query),
      rib_selected: ({ query }) => listRoutes((route) => route.selected, query),
      rib_explain: ({ query }) => {
        const prefix = Prefix.parse(query.destination)
        const address = Ip.parse(query.destination)
        const route =
          prefix !== undefined ? rib.get(prefix) : address !== undefined ? rib.longestMatch(address) : undefined
        const explanation = route === undefined ? undefined : rib.explain(route.prefix)
        if (explanation === undefined) throw objectNotFound('route', { name: query.destination })
        return {
          prefix: explanation.prefix.toString(),
          paths: explanation.paths.map(({ path, verdict, step, sentence }) => ({
            path: pathToApi(path, host.clock),
            verdict,
            sentence,
            ...(step === undefined ? {} : { step }),
          })),
        }
      },
      lower_status: () => routed.lowerStatus().map(lowerToApi),

      ddm_peers: () => routed.ddm?.status().peers.map(ddmPeerToApi) ?? [],
      ddm_peer_expire: ({ params }) => {
        if (!ddmOf().expire(params.interface)) throw objectNotFound('neighbour', { name: params.interface })
        return undefined
      },
      ddm_prefixes: () =>
        (routed.ddm?.status().prefixes ?? []).map(({ interfaceName, nextHop, vectors }) => ({
          interface: interfaceName,
          next_hop: nextHop.toString(),
          vectors: vectors.map(({ destination, path }) => ({ destination: destination.toString(), path: [...path] })),
        })),
      ddm_originated: () => (routed.ddm?.status().originated ?? []).map(String),
      ddm_originated_tunnels: () => (routed.ddm?.status().originatedTunnels ?? []).map(tunnelToApi),
      ddm_tunnels: () =>
        (routed.ddm?.tunnels ?? []).map(({ overlayPrefix, boundaryAddress, vni }) => ({
          overlay_prefix: overlayPrefix.toString(),
          boundary_addr: boundaryAddress.toString(),
          vni,
        })),
      ddm_sync: () => {
        ddmOf().sync()
        return undefined
      },
    },
    {
      newRequestId: () => host.random.uuid(),
      onError: ({ requestId, operationId, error }) => {
        if (error.kind === 'internal') host.log('error', 'routed.request-failed', { requestId, operationId, ...error })
      },
    },
  )
}
