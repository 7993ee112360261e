/** What can be seen and done about BGP peers. */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { IpAddr, IpNet } from './address.ts'

export const FsmState = z.enum(['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'])
const Family = z.enum(['ipv4', 'ipv6'])

export const BgpNotification = z
  .object({ time: z.iso.datetime(), code: z.int(), subcode: z.int(), text: z.string(), data: z.string() })
  .meta({ id: 'BgpNotification' })

export const BgpTimers = z
  .object({
    configured_hold_s: z.number(),
    negotiated_hold_s: z.number().optional(),
    negotiated_keepalive_s: z.number().optional(),
    hold_remaining_ms: z.number().optional(),
    keepalive_remaining_ms: z.number().optional(),
    connect_retry_remaining_ms: z.number().optional(),
    idle_hold_remaining_ms: z.number().optional(),
  })
  .meta({ id: 'BgpTimers' })

export const BgpNeighbor = z
  .object({
    name: z.string(),
    remote_address: IpAddr,
    /** 0 while a peer whose AS is left open has not been heard. */
    remote_asn: z.int().min(0).max(0xffff_ffff),
    state: FsmState,
    in_state_ms: z.number(),
    link_down: z.boolean(),
    local_address: z.string().optional(),
    peer_id: z.ipv4().optional(),
    families: z.array(Family),
    capabilities: z.array(z.string()),
    timers: BgpTimers,
    end_of_rib_received: z.array(Family),
    paths_received: z.int(),
    prefixes_advertised: z.int(),
    last_notification_sent: BgpNotification.optional(),
    last_notification_received: BgpNotification.optional(),
    counters: z.record(z.string(), z.int()),
    description: z.string().optional(),
    interface: z.string().optional(),
    /** Accepted from a range of dynamic neighbours. */
    dynamic: z.boolean().optional(),
    /** Discovered on its interface. */
    unnumbered: z.boolean().optional(),
    /** Absent while it is not known. */
    external: z.boolean().optional(),
    role: z.string().optional(),
    add_path_receive: z.array(Family).optional(),
    add_path_send: z.array(Family).optional(),
    enhanced_refresh: z.boolean().optional(),
    graceful_restart: z
      .object({
        negotiated: z.boolean(),
        peer_restart_time_s: z.number(),
        restart_remaining_ms: z.number().optional(),
        stale_remaining_ms: z.number().optional(),
        stale_paths: z.int(),
      })
      .optional(),
    /** Paths that import refused, of `paths_received`. */
    paths_refused: z.int().optional(),
    /** Bytes that the connection has not taken yet. */
    queued_bytes: z.int().optional(),
  })
  .meta({ id: 'BgpNeighbor' })
export type BgpNeighbor = z.output<typeof BgpNeighbor>

export const FsmTransition = z
  .object({ time: z.iso.datetime(), from: FsmState, to: FsmState, reason: z.string() })
  .meta({ id: 'FsmTransition' })

export const ExportedRoute = z
  .object({
    prefix: IpNet,
    next_hop: IpAddr,
    as_path: z.string(),
    origin: z.enum(['igp', 'egp', 'incomplete']),
    med: z.int().optional(),
    local_pref: z.int().optional(),
    communities: z.array(z.string()),
  })
  .meta({ id: 'ExportedRoute' })

export const ExportExplanation = z
  .object({ exported: z.boolean(), code: z.string(), sentence: z.string(), route: ExportedRoute.optional() })
  .meta({ id: 'ExportExplanation' })

export const BgpMessage = z
  .object({
    time: z.iso.datetime(),
    direction: z.enum(['received', 'sent']),
    type: z.enum(['OPEN', 'UPDATE', 'NOTIFICATION', 'KEEPALIVE', 'ROUTE-REFRESH', 'unknown']),
    length: z.int(),
    /** The whole message, its header included. */
    hex: z.string(),
  })
  .meta({ id: 'BgpMessage' })

/** One path as a peer sent it, and what import made of it. */
export const ReceivedRoute = z
  .object({
    prefix: IpNet,
    path_id: z.int(),
    next_hop: IpAddr,
    as_path: z.string(),
    origin: z.enum(['igp', 'egp', 'incomplete']),
    med: z.int().optional(),
    local_pref: z.int().optional(),
    communities: z.array(z.string()),
    age_ms: z.number(),
    stale: z.boolean(),
    used: z.boolean(),
    refused: z.object({ code: z.string(), sentence: z.string() }).optional(),
  })
  .meta({ id: 'ReceivedRoute' })
export type ReceivedRoute = z.output<typeof ReceivedRoute>

export const PolicyDryRun = z
  .object({
    peer: z.string(),
    direction: z.enum(['import', 'export']),
    examined: z.int(),
    unchanged: z.int(),
    newly_accepted: z.int(),
    newly_rejected: z.int(),
    changed: z.int(),
    differences: z.array(
      z.object({
        prefix: IpNet,
        path_id: z.int(),
        change: z.enum(['newly-accepted', 'newly-rejected', 'changed']),
        before: z.string(),
        after: z.string(),
      }),
    ),
  })
  .meta({ id: 'PolicyDryRun' })
export type PolicyDryRun = z.output<typeof PolicyDryRun>

export const BgpListener = z
  .object({ place: z.string(), listening: z.boolean(), problem: z.string().optional() })
  .meta({ id: 'BgpListener' })

const tags = ['bgp']
const peerParams = z.object({ peer: z.string() })
const routeQuery = z.object({ prefix: IpNet.optional().describe('Only this one and those inside it'), ...pageFields })

export const bgpEndpoints = [
  endpoint({
    operationId: 'bgp_neighbors',
    method: 'GET',
    path: '/bgp/status/neighbors',
    tags,
    summary: 'List the BGP peers with state, timers, counters and the last notifications',
    response: { status: 200, schema: z.array(BgpNeighbor) },
  }),
  endpoint({
    operationId: 'bgp_exported',
    method: 'GET',
    path: '/bgp/status/exported/{peer}',
    tags,
    summary: 'List what a peer has been told',
    params: z.object({ peer: z.string() }),
    response: { status: 200, schema: z.array(ExportedRoute) },
  }),
  endpoint({
    operationId: 'bgp_export_explain',
    method: 'GET',
    path: '/bgp/status/exported/{peer}/explain',
    tags,
    summary: 'Say why a peer is told about a prefix, or not',
    params: z.object({ peer: z.string() }),
    query: z.object({ prefix: IpNet }),
    response: { status: 200, schema: ExportExplanation },
  }),
  endpoint({
    operationId: 'bgp_fsm_history',
    method: 'GET',
    path: '/bgp/history/fsm/{peer}',
    tags,
    summary: 'List the last transitions of a peer, oldest first',
    params: z.object({ peer: z.string() }),
    response: { status: 200, schema: z.array(FsmTransition) },
  }),
  endpoint({
    operationId: 'bgp_clear',
    method: 'POST',
    path: '/bgp/clear/neighbor',
    tags,
    summary:
      'Reset the session with a peer (hard), ask it for its routes again (soft_inbound), or tell it ours again (soft_outbound)',
    body: z.object({ peer: z.string(), kind: z.enum(['hard', 'soft_inbound', 'soft_outbound']) }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'bgp_neighbor',
    method: 'GET',
    path: '/bgp/status/neighbors/{peer}',
    tags,
    summary: 'One BGP peer',
    params: peerParams,
    response: { status: 200, schema: BgpNeighbor },
  }),
  endpoint({
    operationId: 'bgp_received',
    method: 'GET',
    path: '/bgp/status/received/{peer}',
    tags,
    summary: 'What a peer has told us, as it came, and what import made of it; in no particular order',
    params: peerParams,
    query: routeQuery,
    response: { status: 200, schema: pageOf(ReceivedRoute) },
    paginated: true,
  }),
  endpoint({
    operationId: 'bgp_message_history',
    method: 'GET',
    path: '/bgp/history/messages/{peer}',
    tags,
    summary: 'The last messages to and from a peer, oldest first',
    params: peerParams,
    response: { status: 200, schema: z.array(BgpMessage) },
  }),
  endpoint({
    operationId: 'bgp_listeners',
    method: 'GET',
    path: '/bgp/status/listeners',
    tags,
    summary: 'Where BGP listens, and where it cannot and why',
    response: { status: 200, schema: z.array(BgpListener) },
  }),
  endpoint({
    operationId: 'bgp_policy_dry_run',
    method: 'POST',
    path: '/bgp/policy/dry-run',
    tags,
    summary: 'What another configuration would let in from its peers and out to them; nothing is changed',
    body: z.object({
      /** A whole configuration file. */
      text: z.string(),
      peer: z.string().optional().describe('Only this one'),
      direction: z.enum(['import', 'export']).optional().describe('Only this one'),
      limit: z
        .int()
        .min(0)
        .max(10_000)
        .optional()
        .describe('Differences named for each peer and direction; default 20'),
    }),
    response: { status: 200, schema: z.array(PolicyDryRun) },
  }),
] as const
