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
    /** Length of the IP packet. */
    bytes: z.int().min(28).max(9000).optional(),
    /** A captured IP packet, as hexadecimal digits, in place of one that is made for the question; it goes to its own destination. */
    packet: z
      .string()
      .regex(/^(?:[0-9a-f]{2}){20,9000}$/)
      .optional(),
  })
  .meta({ id: 'PathQuestion' })

export const ExplainedPath = z
  .object({
    verdict: z.enum(['delivered', 'answered', 'dropped', 'unknown']),
    at: z.string(),
    reason: DropReason.optional(),
    detail: z.string().optional(),
    nearest: z.array(NearMiss).optional(),
    /** Times are milliseconds of link delay from the start. */
    events: z.array(TraceEvent),
  })
  .meta({ id: 'ExplainedPath' })

/** Where several paths are equally good, all are there. */
export const PathAnswer = z
  .object({
    version: z.literal(1),
    question: PathQuestion,
    source: z.string(),
    destination: z.string(),
    verdict: z.enum(['delivered', 'answered', 'dropped', 'unknown', 'mixed']),
    paths: z.array(ExplainedPath),
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
