/** Why an entry of a table is there: when it was written, by what, on whose request, and which packets it decided about. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'

export const CauseQuestion = z
  .object({
    node: z.string(),
    /** As `table_list` names it, or the end of its name after a dot. */
    table: z.string(),
    /** Words that the entry's text has, all of them; empty: every entry. */
    words: z.array(z.string()),
    /** Packets to show for each entry. */
    packets: z.int().min(0).max(100).optional(),
    /** How long to look for them, at most. */
    wait_ms: z.number().min(0).max(60_000).optional(),
  })
  .meta({ id: 'CauseQuestion' })
export type CauseQuestion = z.output<typeof CauseQuestion>

/** A request to the control plane's public API, as the audit log has it. */
export const CauseRequest = z
  .object({
    id: z.string(),
    operation: z.string(),
    uri: z.string(),
    time_completed: z.iso.datetime(),
    status: z.int(),
    /** Who asked; absent for somebody unknown. */
    user_id: z.string().optional(),
    /** Which of several decided when the entry was written: the last one before it. The others are what it rests on. */
    is_last: z.boolean(),
  })
  .meta({ id: 'CauseRequest' })

/** A path that the routing daemon has selected for the prefix. */
export const CauseRoute = z
  .object({
    prefix: z.string(),
    protocol: z.string(),
    /** Empty for what is configured. */
    peer: z.string(),
    peer_address: z.string().optional(),
    next_hop: z.string(),
    as_path: z.string().optional(),
    /** When the message that brought it arrived. */
    time_received: z.iso.datetime(),
    /** Of the settings that it, or the peer, is configured in: who made or changed them last; none for what is not configured so. */
    requests: z.array(CauseRequest),
  })
  .meta({ id: 'CauseRoute' })

export const CauseSample = z
  .object({
    packet: z.int(),
    at_ms: z.number(),
    /** What it was and where its story ends, in one line. */
    verdict: z.string(),
  })
  .meta({ id: 'CauseSample' })

export const CauseConnection = z
  .object({
    /** Port, protocol, and both ends; the arrow points away from who began. */
    connection: z.string(),
    /** Both ways, since it began. */
    packets: z.int(),
    idle_ms: z.number(),
  })
  .meta({ id: 'CauseConnection' })

/** How an entry that is no longer there went. */
export const CauseRemoval = z
  .object({
    time_removed: z.iso.datetime(),
    /** One sentence: what removed it, or put another one in its place. */
    remover: z.string(),
    /** Of which one or more did, the last first; none where nobody remembers. */
    requests: z.array(CauseRequest),
  })
  .meta({ id: 'CauseRemoval' })

export const CauseEntry = z
  .object({
    node: z.string(),
    table: z.string(),
    entry: z.string(),
    /** Absent where nobody keeps it. */
    time_written: z.iso.datetime().optional(),
    /** One sentence: what wrote it. */
    writer: z.string(),
    /** Absent for one that is there. */
    removed: CauseRemoval.optional(),
    reconciler: z
      .object({
        name: z.string(),
        target: z.string(),
        state: z.string(),
        generation: z.int().optional(),
      })
      .optional(),
    /** The last first. */
    requests: z.array(CauseRequest),
    /** Ids that the audit log does not have: their requests are not answered yet, or nobody could be asked. */
    unknown_requests: z.array(z.string()),
    routes: z.array(CauseRoute),
    /** How many packets it decided about; absent where that is not counted. */
    hits: z.int().optional(),
    samples: z.array(CauseSample),
    /** Connections that it decides about now, the one used last first: of firewall rules and mappings. */
    connections: z.array(CauseConnection).optional(),
  })
  .meta({ id: 'CauseEntry' })
export type CauseEntry = z.output<typeof CauseEntry>

export const CauseAnswer = z
  .object({
    version: z.literal(1),
    entries: z.array(CauseEntry),
    /** Entries that match beyond those that are told. */
    left_out: z.int(),
  })
  .meta({ id: 'CauseAnswer' })
export type CauseAnswer = z.output<typeof CauseAnswer>

export const causeEndpoints = [
  endpoint({
    operationId: 'cause',
    method: 'POST',
    path: '/cause',
    summary: 'Say which request, route or reconciler wrote an entry, when, and which packets used it',
    body: CauseQuestion,
    response: { status: 200, schema: CauseAnswer },
  }),
] as const
