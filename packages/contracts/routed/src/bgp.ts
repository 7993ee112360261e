/** What can be seen and done about BGP peers. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { Asn, IpAddr, IpNet } from './address.ts'

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
    remote_asn: Asn,
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

const tags = ['bgp']

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
    summary: 'Reset the session with a peer (hard), or ask it for its routes again (soft_inbound)',
    body: z.object({ peer: z.string(), kind: z.enum(['hard', 'soft_inbound']) }),
    response: { status: 204 },
  }),
] as const
