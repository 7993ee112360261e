/** The routing table: what was received, what is used, why, and what became of it in the forwarding planes. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { IpAddr, IpNet, Protocol } from './address.ts'

export const BgpPathAttributes = z
  .object({
    as_path: z.string(),
    origin: z.enum(['igp', 'egp', 'incomplete']),
    local_pref: z.int(),
    med: z.int(),
    external: z.boolean(),
  })
  .meta({ id: 'BgpPathAttributes' })

export const RibPath = z
  .object({
    protocol: Protocol,
    /** The peer within the protocol; empty for what is configured here. */
    peer: z.string(),
    next_hop: IpAddr,
    interface: z.string().optional(),
    preference: z.int(),
    metric: z.int(),
    age_ms: z.number(),
    bgp: BgpPathAttributes.optional(),
    /** Why the path takes no part in the decision. */
    unusable: z.object({ code: z.string(), sentence: z.string() }).optional(),
  })
  .meta({ id: 'RibPath' })
export type RibPath = z.output<typeof RibPath>

export const RibRoute = z.object({ prefix: IpNet, paths: z.array(RibPath) }).meta({ id: 'RibRoute' })
export type RibRoute = z.output<typeof RibRoute>

export const PathExplanation = z
  .object({
    path: RibPath,
    verdict: z.enum(['best', 'multipath', 'lost', 'unusable']),
    /** The step of the decision that the path lost at, or why it is unusable. */
    step: z.string().optional(),
    sentence: z.string(),
  })
  .meta({ id: 'PathExplanation' })

export const RouteExplanation = z
  .object({ prefix: IpNet, paths: z.array(PathExplanation) })
  .meta({ id: 'RouteExplanation' })

export const FailingRoute = z
  .object({
    prefix: IpNet,
    operation: z.enum(['set', 'remove']),
    reason: z.string(),
    attempts: z.int(),
    since_ms: z.number(),
  })
  .meta({ id: 'FailingRoute' })

export const LowerHalfStatus = z
  .object({
    target: z.string(),
    desired: z.int(),
    programmed: z.int(),
    queued: z.int(),
    in_flight: z.int(),
    failing: z.array(FailingRoute),
    /** Selected prefixes whose next hops are on no known interface. */
    unresolved: z.array(IpNet),
    counters: z.record(z.string(), z.int()),
  })
  .meta({ id: 'LowerHalfStatus' })

const tags = ['rib']
const filter = z.object({ protocol: Protocol.optional(), address_family: z.enum(['ipv4', 'ipv6']).optional() })

export const ribEndpoints = [
  endpoint({
    operationId: 'rib_imported',
    method: 'GET',
    path: '/rib/status/imported',
    tags,
    summary: 'List every received path, with the reason for those that are not usable',
    query: filter,
    response: { status: 200, schema: z.array(RibRoute) },
  }),
  endpoint({
    operationId: 'rib_selected',
    method: 'GET',
    path: '/rib/status/selected',
    tags,
    summary: 'List the paths in use, best first',
    query: filter,
    response: { status: 200, schema: z.array(RibRoute) },
  }),
  endpoint({
    operationId: 'rib_explain',
    method: 'GET',
    path: '/rib/explain',
    tags,
    summary: 'Say for each path of a prefix why it is used or not; an address is looked up by longest match',
    query: z.object({ destination: z.union([IpNet, IpAddr]) }),
    response: { status: 200, schema: RouteExplanation },
  }),
  endpoint({
    operationId: 'lower_status',
    method: 'GET',
    path: '/lower/status',
    tags,
    summary: 'Compare what is selected with what the forwarding planes have',
    response: { status: 200, schema: z.array(LowerHalfStatus) },
  }),
] as const
