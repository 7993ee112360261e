/** The operations on BGP peers. */
import { ApiFailure, type Handlers, objectNotFound } from '@lodestone/api'
import type { Peer } from '@lodestone/bgp'
import type { RoutedApi } from '@lodestone/contract-routed'
import { Prefix } from '@lodestone/net'
import type { Routed } from '../routed.ts'
import { pageRoutes, routeIterator } from './route-pages.ts'
import { exportedToApi, messageToApi, neighborToApi, receivedToApi, transitionToApi } from './status-to-api.ts'

type BgpOperations =
  | 'bgp_neighbors'
  | 'bgp_neighbor'
  | 'bgp_exported'
  | 'bgp_export_explain'
  | 'bgp_fsm_history'
  | 'bgp_message_history'
  | 'bgp_received'
  | 'bgp_listeners'
  | 'bgp_clear'

export function bgpHandlers(routed: Routed): Pick<Handlers<RoutedApi>, BgpOperations> {
  const { rib, host } = routed
  const peerOf = (name: string): Peer => {
    const peer = routed.speaker?.peer(name)
    if (peer === undefined) throw objectNotFound('peer', { name })
    return peer
  }
  return {
    bgp_neighbors: () => [...(routed.speaker?.peers() ?? [])].map((peer) => neighborToApi(peer.status())),
    bgp_neighbor: ({ params }) => neighborToApi(peerOf(params.peer).status()),
    bgp_exported: ({ params }) => [...peerOf(params.peer).exported()].map(exportedToApi),
    bgp_export_explain: ({ params, query }) => {
      const prefix = Prefix.of(query.prefix).masked()
      const result = peerOf(params.peer).explainExport(prefix)
      if (result === undefined) {
        return { exported: false, code: 'no-session', sentence: 'the session is not established' }
      }
      if (result.kind === 'suppress') return { exported: false, code: result.code, sentence: result.sentence }
      return {
        exported: true,
        code: 'exported',
        sentence: 'told to the peer',
        route: exportedToApi({ prefix, ...result }),
      }
    },
    bgp_fsm_history: ({ params }) => peerOf(params.peer).history().map(transitionToApi),
    bgp_message_history: ({ params }) => peerOf(params.peer).messages().map(messageToApi),
    bgp_received: ({ params, query }) => {
      const { config } = peerOf(params.peer)
      return pageRoutes(query, routeIterator(rib, query.prefix), (route) =>
        route.paths
          .filter(({ source }) => source.protocol === 'bgp' && source.peer === config.name)
          .map((path) => receivedToApi(path, route.selected.includes(path), host.clock)),
      )
    },
    bgp_listeners: () =>
      routed.listenStatus().map(({ place, isListening, problem }) => ({
        place,
        listening: isListening,
        ...(problem === undefined ? {} : { problem }),
      })),
    bgp_clear: ({ body }) => {
      const peer = peerOf(body.peer)
      if (body.kind === 'hard') peer.reset()
      else if (body.kind === 'soft_outbound') peer.resendOut()
      else if (!peer.requestRefresh()) {
        const message = 'the peer cannot be asked: no session, or no route refresh'
        throw new ApiFailure({ kind: 'conflict', message })
      }
      return undefined
    },
  }
}
