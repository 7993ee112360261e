/** What happens, while it happens: a stream of lines of JSON. */
import { endpoint, NDJSON } from '@lodestone/api'
import { z } from 'zod'
import { BfdState } from './bfd.ts'
import { FsmState } from './bgp.ts'
import { ConfigChange } from './config.ts'
import { RibRoute } from './rib.ts'

const time = z.iso.datetime()
const peer = z.string()

export const RoutedEvent = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('bgp-state'), time, peer, from: FsmState, to: FsmState, reason: z.string() }),
    z.object({ kind: z.literal('bgp-session-up'), time, peer, address: z.string(), asn: z.int() }),
    z.object({ kind: z.literal('bgp-session-down'), time, peer, reason: z.string(), restarting: z.boolean() }),
    z.object({ kind: z.literal('bgp-end-of-rib'), time, peer, family: z.enum(['ipv4', 'ipv6']) }),
    z.object({
      kind: z.literal('bgp-prefix-limit'),
      time,
      peer,
      family: z.enum(['ipv4', 'ipv6']),
      count: z.int(),
      limit: z.int(),
    }),
    z.object({ kind: z.literal('bgp-peer-added'), time, peer, dynamic: z.boolean() }),
    z.object({ kind: z.literal('bgp-peer-removed'), time, peer }),
    z.object({
      kind: z.literal('bfd-state'),
      time,
      session: z.string(),
      from: BfdState,
      to: BfdState,
      diagnostic: z.string(),
      failure: z.boolean(),
    }),
    /** Several changes of one prefix between two of these are one; without paths it has become unreachable. */
    z.object({ kind: z.literal('routes'), time, routes: z.array(RibRoute) }),
    /** The best path of a prefix returns again and again to what it was: policies contradict one another, or a peer comes and goes. */
    z.object({
      kind: z.literal('route-oscillation'),
      time,
      prefix: z.string(),
      changes: z.int(),
      selections: z.array(z.string()),
    }),
    z.object({ kind: z.literal('config'), time, changes: z.array(ConfigChange) }),
    /** The reader was too slow, and this many events are missing here. */
    z.object({ kind: z.literal('lost'), time, count: z.int() }),
  ])
  .meta({ id: 'RoutedEvent' })
export type RoutedEvent = z.output<typeof RoutedEvent>

export const eventEndpoints = [
  endpoint({
    operationId: 'events',
    method: 'GET',
    path: '/events',
    tags: ['events'],
    summary: 'Events as lines of JSON (RoutedEvent), from now on',
    query: z.object({
      routes: z.boolean().optional().describe('Also changes of selected routes; default false'),
      replay: z.boolean().optional().describe('With routes: all that are selected first; default false'),
    }),
    response: { status: 200, stream: NDJSON },
  }),
  endpoint({
    operationId: 'metrics',
    method: 'GET',
    path: '/metrics',
    tags: ['metrics'],
    summary: 'Metrics in the text format of Prometheus',
    response: { status: 200, stream: 'text/plain; version=0.0.4; charset=utf-8' },
  }),
] as const
