/** Why: what would happen to a packet, and what was dropped at an instance. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { TraceEvent } from './observe.ts'

const DropReason = z.object({ code: z.string(), sentence: z.string(), hint: z.string().optional() })
const NearMiss = z.object({
  rule: z.string(),
  failed: z.array(z.object({ predicate: z.string(), wanted: z.string(), actual: z.string() })),
})

export const PathQuestion = z
  .object({
    /** Name of an instance or node. */
    from: z.string(),
    /** Address, or name of an instance or node. */
    to: z.string(),
    protocol: z.enum(['tcp', 'udp', 'icmp']),
    port: z.int().min(0).max(65_535).optional(),
    source_port: z.int().min(0).max(65_535).optional(),
    /** Of names that have addresses of both versions; v4 where there is one, if not given. */
    ip_version: z.enum(['v4', 'v6']).optional(),
    /** Length of the IP packet. */
    bytes: z.int().min(28).max(9000).optional(),
    /** A captured IP packet, as hexadecimal digits, in place of one that is made for the question; it goes to its own destination. */
    packet: z
      .string()
      .regex(/^(?:[0-9a-f]{2}){20,9000}$/)
      .optional(),
    /** Explain the answer too, against the connection that the packet would leave. */
    reply: z.boolean().optional(),
    /** Changes that are only proposed, as if they were made: `fw allow inbound tcp/80`, `route add 10.8.0.0/16 via instance:vpn`, `ip attach web-ip web1`. */
    with: z.array(z.string().max(2000)).max(16).optional(),
    /** As engines and switches were configured at a time, `14:02`, `-5m`, or in a generation of an instance, `web1:17`. */
    at: z.string().max(100).optional(),
  })
  .meta({ id: 'PathQuestion' })

const pathFields = {
  verdict: z.enum(['delivered', 'answered', 'dropped', 'unknown']),
  at: z.string(),
  reason: DropReason.optional(),
  detail: z.string().optional(),
  nearest: z.array(NearMiss).optional(),
  /** Times are milliseconds of link delay from the start. */
  events: z.array(TraceEvent),
  /** Links, sizes, neighbours and room in tables along the way. */
  environment: z
    .array(
      z.object({
        check: z.enum(['link', 'mtu', 'neighbor', 'table']),
        where: z.string(),
        ok: z.boolean(),
        detail: z.string(),
      }),
    )
    .optional(),
} as const

const Verdict = z.enum(['delivered', 'answered', 'dropped', 'unknown', 'mixed'])

const ReplyPath = z.object(pathFields).meta({ id: 'ReplyPath' })

export const ExplainedPath = z
  .object({
    ...pathFields,
    reply: z
      .object({
        verdict: Verdict,
        summary: z.string(),
        /** Why there is no answer to explain; then there are no paths. */
        none: z.string().optional(),
        paths: z.array(ReplyPath),
      })
      .optional(),
  })
  .meta({ id: 'ExplainedPath' })

/** What one place on the way was told last of one thing that it decides by. */
export const Freshness = z
  .object({
    /** Reconciler of the control plane: `nat`, `v2p`, `firewall`. */
    input: z.string(),
    at: z.string(),
    state: z.string(),
    generation: z.int().optional(),
    /** Of the generation that the control plane wants, how many the place lacks. */
    behind: z.int().optional(),
    /** Since the control plane last found it as it should be. */
    age_ms: z.number().optional(),
    problem: z.string().optional(),
  })
  .meta({ id: 'Freshness' })
export type Freshness = z.output<typeof Freshness>

/** Where several paths are equally good, all are there. */
export const PathAnswer = z
  .object({
    version: z.literal(1),
    question: PathQuestion,
    source: z.string(),
    destination: z.string(),
    verdict: Verdict,
    /** The same of all answers; absent where none was asked for, or there is none. */
    reply_verdict: Verdict.optional(),
    /** When this is how it would have been; absent for now. */
    as_of: z.string().optional(),
    /** The VPCs that were proposed to change. */
    proposed_for: z.string().optional(),
    paths: z.array(ExplainedPath),
    freshness: z.array(Freshness).optional(),
    not_checked: z.array(z.string()),
  })
  .meta({ id: 'PathAnswer' })
export type PathAnswer = z.output<typeof PathAnswer>

/** Drops of one kind. */
export const DropGroup = z
  .object({
    port: z.string(),
    direction: z.enum(['in', 'out']),
    reason: DropReason,
    /** The rule or route that says drop; absent where none does. */
    rule: z.string().optional(),
    /** In both directions, since the port was made. */
    total: z.int(),
    /** Of the drops that are still remembered. */
    recent: z.int(),
    first_ago_ms: z.number(),
    last_ago_ms: z.number(),
    /** The last one, in one line, and its first bytes as hexadecimal digits. */
    summary: z.string(),
    sample: z.string(),
    detail: z.string(),
    nearest: z.array(NearMiss),
  })
  .meta({ id: 'DropGroup' })
export type DropGroup = z.output<typeof DropGroup>

export const explainEndpoints = [
  endpoint({
    operationId: 'explain',
    method: 'POST',
    path: '/explain',
    summary: 'What would happen to a packet, along its whole way; nothing is sent and nothing changes',
    body: PathQuestion,
    response: { status: 200, schema: PathAnswer },
  }),
  endpoint({
    operationId: 'instance_drops',
    method: 'GET',
    path: '/drops/{instance}',
    summary: "The drops at an instance's ports, grouped, most recent first",
    params: z.object({ instance: z.string() }),
    response: { status: 200, schema: z.array(DropGroup) },
  }),
] as const
