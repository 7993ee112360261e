/** The HTTP interface of the daemon: every operation of the contract, in terms of `Routed`. */
import { ApiFailure, type Handlers, type HttpHandler, implement, objectNotFound } from '@lodestone/api'
import { type RoutedApi, routedApi } from '@lodestone/contract-routed'
import type { Ddm } from '@lodestone/ddm'
import type { Routed } from '../routed.ts'
import { bgpHandlers } from './bgp-handlers.ts'
import { configHandlers, type DaemonControl } from './config-handlers.ts'
import { eventStream } from './event-stream.ts'
import { ribHandlers } from './rib-handlers.ts'
import { bfdSessionToApi, ddmPeerToApi, tunnelToApi } from './status-to-api.ts'

/** A whole configuration with its policies and prefix lists. */
const MAX_BODY_BYTES = 16 * 1024 * 1024

export function routedHandler(routed: Routed, control: DaemonControl | undefined): HttpHandler {
  const { host } = routed
  return implement(
    routedApi,
    {
      ...configHandlers(routed, control),
      ...bgpHandlers(routed),
      ...ribHandlers(routed),
      ...ddmHandlers(routed),
      bfd_status: async () => {
        const status = await routed.freshBfdStatus()
        if (status === undefined) return { listening: false, sessions: [], counters: {} }
        return {
          listening: status.isListening,
          sessions: status.peers.map((peer) => bfdSessionToApi(peer, routed.bfdUsers(peer.name))),
          counters: { ...status.counters },
        }
      },
      events: ({ query }) =>
        eventStream(routed, { hasRoutes: query.routes ?? false, isReplayed: query.replay ?? false }),
      metrics: async () => {
        if (control === undefined) throw new ApiFailure({ kind: 'conflict', message: 'metrics are the daemon’s' })
        return textResponse(await control.metrics(), 'text/plain; version=0.0.4; charset=utf-8')
      },
    },
    {
      newRequestId: () => host.random.uuid(),
      maxBodyBytes: MAX_BODY_BYTES,
      before: ({ request }) => refuseBrowsers(request),
      onError: ({ requestId, operationId, error }) => {
        if (error.kind === 'internal') host.log('error', 'routed.request-failed', { requestId, operationId, ...error })
      },
    },
  )
}

/**
 * Nobody is asked who he is, because only those on this host can reach a loopback address. A page in a browser on this host can
 * too: browsers say where a request comes from, and programs do not.
 */
function refuseBrowsers(request: Request): undefined {
  if (request.headers.has('origin')) throw new ApiFailure({ kind: 'forbidden', internal: 'a browser asked' })
  return undefined
}

/** A document with its length: one answer in one write. */
function textResponse(text: string, contentType: string): Response {
  const bytes = new TextEncoder().encode(text)
  return new Response(bytes, { headers: { 'content-type': contentType, 'content-length': String(bytes.length) } })
}

type DdmOperations = Extract<keyof Handlers<RoutedApi>, `ddm_${string}`>

function ddmHandlers(routed: Routed): Pick<Handlers<RoutedApi>, DdmOperations> {
  const ddmOf = (): Ddm => {
    if (routed.ddm === undefined) throw new ApiFailure({ kind: 'conflict', message: 'DDM is not configured' })
    return routed.ddm
  }
  return {
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
  }
}
