/** The routing table: what was received, what is used, why, and what became of it in the forwarding planes. */
import { endpoint, NDJSON, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { IpAddr, IpNet, Protocol } from './address.ts'

export const BgpPathAttributes = z
  .object({
    as_path: z.string(),
    origin: z.enum(['igp', 'egp', 'incomplete']),
    local_pref: z.int(),
    med: z.int(),
    external: z.boolean(),
    communities: z.array(z.string()).optional(),
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
    /** RFC 7911; absent where the peer sends one path for each prefix. */
    path_id: z.int().optional(),
    /** Kept over a restart of its peer. */
    stale: z.boolean().optional(),
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
    received_at: z.iso.datetime().optional(),
    /** What import policy said. */
    policy: z.string().optional(),
    /** The attributes as they came, where policy changed them. */
    received: z.string().optional(),
    /** How the next hop is reached, where it is on no link or nothing reaches it. */
    next_hop_way: z.string().optional(),
  })
  .meta({ id: 'PathExplanation' })

/** What became of the decision in one forwarding plane. */
export const LowerExplanation = z
  .object({
    target: z.string(),
    state: z.enum(['programmed', 'pending', 'failing', 'unresolved', 'absent']),
    sentence: z.string(),
    next_hops: z.array(z.string()),
  })
  .meta({ id: 'LowerExplanation' })

export const Oscillation = z
  .object({
    since: z.iso.datetime(),
    /** Of the best path, since then. */
    changes: z.int(),
    /** What takes turns, the latest last. */
    selections: z.array(z.string()),
  })
  .meta({ id: 'Oscillation' })

export const RouteExplanation = z
  .object({
    prefix: IpNet,
    paths: z.array(PathExplanation),
    lower: z.array(LowerExplanation).optional(),
    /** Peers that are told, and those that are not and why. */
    exports: z.array(z.object({ peer: z.string(), exported: z.boolean(), sentence: z.string() })).optional(),
    /** The best path takes turns and does not come to rest. */
    oscillation: Oscillation.optional(),
  })
  .meta({ id: 'RouteExplanation' })
export type RouteExplanation = z.output<typeof RouteExplanation>

export const RibSummary = z
  .object({
    prefixes: z.int(),
    paths: z.int(),
    selected: z.int(),
    protocols: z.record(z.string(), z.int()).describe('Paths by protocol'),
  })
  .meta({ id: 'RibSummary' })

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

const routeFilter = z.object({
  table: z
    .enum(['selected', 'received'])
    .optional()
    .describe('What is used, or all that was received; default selected'),
  protocol: Protocol.optional(),
  family: z.enum(['ipv4', 'ipv6']).optional(),
  peer: z.string().optional(),
  prefix: IpNet.optional().describe('Only this one and those inside it'),
})

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
    operationId: 'rib_routes',
    method: 'GET',
    path: '/rib/routes',
    tags,
    summary: 'Page through the routes, in no particular order',
    query: routeFilter.extend(pageFields),
    response: { status: 200, schema: pageOf(RibRoute) },
    paginated: true,
  }),
  endpoint({
    operationId: 'rib_dump',
    method: 'GET',
    path: '/rib/dump',
    tags,
    summary: 'All routes as lines of JSON, in no particular order, as fast as they are read',
    query: routeFilter,
    response: { status: 200, stream: NDJSON },
  }),
  endpoint({
    operationId: 'rib_summary',
    method: 'GET',
    path: '/rib/summary',
    tags,
    summary: 'How much there is',
    response: { status: 200, schema: RibSummary },
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
