/** Looking into the running rack: packet stories, tables, captures; and acting on its emulated hosts. */
import { endpoint, NDJSON } from '@lodestone/api'
import { z } from 'zod'

/** One step of one packet's story. `step` is discriminated by `kind`; readers ignore kinds they do not know. */
export const TraceEvent = z
  .object({
    /** The same at every hop. */
    packet: z.int(),
    atMs: z.number(),
    node: z.string(),
    step: z.looseObject({ kind: z.string() }),
  })
  .meta({ id: 'TraceEvent' })
export type TraceEvent = z.output<typeof TraceEvent>

export const NodeTableSummary = z
  .object({ name: z.string(), size: z.int(), detail: z.string() })
  .meta({ id: 'NodeTableSummary' })

export const NodeTable = z
  .object({ name: z.string(), columns: z.array(z.string()), rows: z.array(z.array(z.string())) })
  .meta({ id: 'NodeTable', description: 'A table ready to print; every row has as many cells as there are columns.' })
export type NodeTable = z.output<typeof NodeTable>

export const ExecResult = z.object({ output: z.string(), exit_code: z.int() }).meta({ id: 'ExecResult' })
export type ExecResult = z.output<typeof ExecResult>

export const FetchResult = z
  .object({
    /** As on the wire, `HTTP/1.1 200 OK`; empty when there was no answer. */
    status_line: z.string(),
    status: z.int(),
    headers: z.record(z.string(), z.string()),
    body: z.string(),
    elapsed_ms: z.number(),
    /** Why there was no answer. */
    error: z.string().optional(),
  })
  .meta({ id: 'FetchResult' })
export type FetchResult = z.output<typeof FetchResult>

const ProbeValue = z.union([z.string(), z.number(), z.boolean()])

const AggregateResult = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('number'), value: z.number() }),
  z.object({
    kind: z.literal('histogram'),
    /** From `from` up to, not including, `to`; null stands for no bound. */
    buckets: z.array(z.object({ from: z.number().nullable(), to: z.number().nullable(), count: z.int() })),
  }),
  /** A count may be too high by `over`. */
  z.object({
    kind: z.literal('ranking'),
    rows: z.array(z.object({ value: ProbeValue, count: z.int(), over: z.int() })),
  }),
])

/** A line of what a probe program says. The last one is `end`. */
export const ProbeLine = z
  .discriminatedUnion('kind', [
    /** The first one; `id` is for `probe_stop`. */
    z.object({ kind: z.literal('start'), id: z.int() }),
    z.object({ kind: z.literal('values'), values: z.array(ProbeValue.nullable()) }),
    z.object({ kind: z.literal('text'), text: z.string() }),
    z.object({
      kind: z.literal('aggregation'),
      name: z.string(),
      aggregator: z.string(),
      rows: z.array(z.object({ keys: z.array(ProbeValue), result: AggregateResult })),
      /** Events whose row would have been one too many. */
      lost: z.int(),
    }),
    /** The reader was too slow: lines that are missing here. */
    z.object({ kind: z.literal('lost'), count: z.int() }),
    z.object({ kind: z.literal('end'), events: z.int() }),
  ])
  .meta({ id: 'ProbeLine' })
export type ProbeLine = z.output<typeof ProbeLine>

export const ProbePointInfo = z
  .object({
    provider: z.string(),
    unit: z.string(),
    name: z.string(),
    sentence: z.string(),
    fields: z.record(z.string(), z.string()),
  })
  .meta({ id: 'ProbePoint' })

export const PCAPNG = 'application/x-pcapng'

const ofNode = z.object({ node: z.string() })

/** Running probe programs, for whatever has probes: racks and laboratories. */
export const probeEndpoints = [
  endpoint({
    operationId: 'probe',
    method: 'POST',
    path: '/probe',
    summary: 'Run a probe program; answers with ProbeLine as lines of JSON',
    body: z.object({
      program: z.string().max(16_384),
      /** Ends the program after so long. */
      duration_ms: z.number().min(0).optional(),
    }),
    response: { status: 200, stream: NDJSON },
  }),
  endpoint({
    operationId: 'probe_stop',
    method: 'DELETE',
    path: '/probe/{id}',
    summary: 'End a probe program: its END clauses run, and its stream ends with what they say',
    params: z.object({ id: z.coerce.number().int() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'probe_list',
    method: 'GET',
    path: '/probe',
    summary: 'List what probe programs can watch',
    response: { status: 200, schema: z.array(ProbePointInfo) },
  }),
] as const

export const observeEndpoints = [
  endpoint({
    operationId: 'trace',
    method: 'GET',
    path: '/trace',
    summary: 'Follow the stories of the packets that match a filter, as they happen',
    query: z.object({
      /** Absent: every packet. */
      filter: z.string().optional(),
      /** Ends the stream after this many packets. */
      packets: z.int().min(1).optional(),
    }),
    response: { status: 200, stream: NDJSON },
  }),
  endpoint({
    operationId: 'exec',
    method: 'POST',
    path: '/exec',
    summary: 'Run a command in the shell of an emulated host',
    body: z.object({ node: z.string(), command: z.string() }),
    response: { status: 200, schema: ExecResult },
  }),
  endpoint({
    operationId: 'fetch',
    method: 'POST',
    path: '/fetch',
    summary: 'HTTP GET from an emulated host',
    body: z.object({ from: z.string(), url: z.url(), timeout_ms: z.number().min(1).optional() }),
    response: { status: 200, schema: FetchResult },
  }),
  endpoint({
    operationId: 'table_list',
    method: 'GET',
    path: '/tables/{node}',
    summary: 'List the tables of a node',
    params: ofNode,
    response: { status: 200, schema: z.array(NodeTableSummary) },
  }),
  endpoint({
    operationId: 'table_view',
    method: 'GET',
    path: '/tables/{node}/{table}',
    summary: 'View a table of a node',
    params: z.object({ node: z.string(), table: z.string() }),
    response: { status: 200, schema: NodeTable },
  }),
  endpoint({
    operationId: 'capture',
    method: 'POST',
    path: '/capture',
    summary: 'Capture the frames on links as pcapng, until the reader leaves or a limit is reached',
    body: z.object({
      /** Empty: all of them. */
      links: z.array(z.string()),
      /** Writes what became of each packet as comments; frames are held back until that is known, for a second at most. */
      verdicts: z.boolean().optional(),
      max_frames: z.int().min(1).optional(),
      duration_ms: z.number().min(0).optional(),
    }),
    response: { status: 200, stream: PCAPNG },
  }),
  ...probeEndpoints,
] as const
