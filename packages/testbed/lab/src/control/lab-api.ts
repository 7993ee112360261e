/** The control socket of a running laboratory: what its command line, and anybody else, reaches it by. */
import { api, type Client, endpoint, NDJSON } from '@lodestone/api'
import { probeEndpoints } from '@lodestone/contract-testbed'
import { z } from 'zod'
import { Fault, LabDocument } from '../document/document.ts'

const PCAPNG = 'application/x-pcapng'

export const LinkSide = z.object({
  frames: z.int(),
  bytes: z.int(),
  delivered: z.int(),
  delay_ms: z.number(),
  /** 0 means unlimited. */
  rate_bps: z.number(),
  /** The share that its loss model loses in the long run. */
  loss: z.number(),
  drops: z.record(z.string(), z.int()),
  marked: z.int(),
  late_p99_ms: z.number(),
  late_max_ms: z.number(),
  /** Frames by how late they were: below 1 µs, then doubling. */
  late_histogram: z.array(z.int()),
})

export const LabInfo = z.object({
  name: z.string(),
  time: z.enum(['real', 'virtual']),
  uptime_ms: z.number(),
  nodes: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      state: z.enum(['running', 'paused', 'off', 'failed']),
      detail: z.string(),
      addresses: z.array(z.string()),
      groups: z.array(z.string()),
    }),
  ),
  links: z.array(
    z.object({
      name: z.string(),
      a: z.string(),
      b: z.string(),
      up: z.boolean(),
      profile: z.string().nullable(),
      a_to_b: LinkSide,
      b_to_a: LinkSide,
    }),
  ),
  /** Whether frames were delivered when the model wanted them to be. */
  fidelity: z.object({
    valid: z.boolean(),
    /** Whether there were frames enough to say so. */
    judged: z.boolean(),
    bound_ms: z.number(),
    frames: z.int(),
    /** Of the worst direction. */
    late_p99_ms: z.number(),
    late_max_ms: z.number(),
    worst_link: z.string().nullable(),
  }),
  /** What the timeline could not do. */
  problems: z.array(z.string()),
})
export type LabInfo = z.output<typeof LabInfo>

/** A line of a command's output stream; the last one has the exit code, or the reason why there is none. */
export const ExecLine = z.union([
  z.object({ stream: z.enum(['stdout', 'stderr']), text: z.string() }),
  z.object({ exit_code: z.int() }),
  z.object({ error: z.string() }),
])
export type ExecLine = z.output<typeof ExecLine>

export const PlanStep = z.looseObject({ action: z.string() })

const Planned = z.object({ steps: z.array(PlanStep), text: z.string() })

/** With sentences about nodes that did not become what they should. */
const Applied = Planned.extend({ failures: z.array(z.string()) })

export const Reach = z.object({
  from: z.string(),
  to: z.string(),
  address: z.string(),
  reached: z.boolean(),
  round_trip_ms: z.number().nullable(),
})
export type Reach = z.output<typeof Reach>

export const TrafficRequest = z.object({
  from: z.string(),
  to: z.string(),
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
  /** Of the receiver; its first one when absent. */
  address: z.string().optional(),
  port: z.int().min(1).max(65_535).default(4747),
  /** How many flows, one after another or all at once. */
  flows: z.int().min(1).max(1000).default(1),
  parallel: z.boolean().default(false),
  /** Per flow. */
  bytes: z
    .int()
    .min(1)
    .max(1 << 30)
    .default(1 << 20),
  /** Of UDP senders. */
  rate_bps: z.number().positive().default(10e6),
  payload_bytes: z.int().min(16).max(65_000).default(1200),
  timeout_ms: z.number().positive().default(30_000),
})
export type TrafficRequest = z.output<typeof TrafficRequest>

export const TrafficReport = z.object({
  protocol: z.enum(['tcp', 'udp']),
  flows: z.int(),
  completed: z.int(),
  bytes: z.int(),
  elapsed_ms: z.number(),
  throughput_bps: z.number(),
  /** Flow completion times, of those that completed; null when none did. */
  fct_ms: z.object({ min: z.number(), p50: z.number(), p99: z.number(), max: z.number() }).nullable(),
  /** UDP: datagrams that never came, and out of their order. */
  lost: z.int(),
  reordered: z.int(),
  errors: z.array(z.string()),
})
export type TrafficReport = z.output<typeof TrafficReport>

export const Snapshot = z.object({
  version: z.literal(1),
  document: LabDocument,
  /** Whether links were up, and their impairments where these were not those of the document. */
  links: z.record(z.string(), z.object({ up: z.boolean(), aToB: z.looseObject({}), bToA: z.looseObject({}) })),
  nodes_off: z.array(z.string()),
  nodes_paused: z.array(z.string()).default([]),
  /** Entries of P4 switches, by node and table. Numbers are hexadecimal text. */
  tables: z.record(z.string(), z.record(z.string(), z.array(z.looseObject({})))),
  /** Files with the memory of machines, by node. */
  machines: z.record(z.string(), z.string()).default({}),
})
export type Snapshot = z.output<typeof Snapshot>

const NodeTable = z.object({ name: z.string(), columns: z.array(z.string()), rows: z.array(z.array(z.string())) })

export const labApi = api({
  title: 'Lodestone laboratory',
  version: '1.0.0',
  endpoints: [
    endpoint({
      operationId: 'info',
      method: 'GET',
      path: '/info',
      summary: 'Nodes, links, counters, and how well time was kept',
      response: { status: 200, schema: LabInfo },
    }),
    endpoint({
      operationId: 'document',
      method: 'GET',
      path: '/document',
      summary: 'The topology as it runs',
      response: { status: 200, schema: LabDocument },
    }),
    endpoint({
      operationId: 'plan',
      method: 'POST',
      path: '/plan',
      summary: 'What it would take to become another topology',
      body: LabDocument,
      response: { status: 200, schema: Planned },
    }),
    endpoint({
      operationId: 'apply',
      method: 'POST',
      path: '/apply',
      summary: 'Become another topology',
      body: LabDocument,
      response: { status: 200, schema: Applied },
    }),
    endpoint({
      operationId: 'fault',
      method: 'POST',
      path: '/fault',
      summary: 'Break or mend links and nodes',
      body: Fault,
      response: { status: 204 },
    }),
    endpoint({
      operationId: 'exec',
      method: 'POST',
      path: '/exec',
      summary: 'Run a command on a node; its output as it comes, then its exit code',
      body: z.object({ node: z.string(), command: z.string() }),
      response: { status: 200, stream: NDJSON },
    }),
    endpoint({
      operationId: 'console',
      method: 'GET',
      path: '/console/{node}',
      summary: 'The console of a node as a WebSocket of bytes',
      params: z.object({ node: z.string() }),
      response: { status: 101 },
    }),
    endpoint({
      operationId: 'capture',
      method: 'POST',
      path: '/capture',
      summary: 'Frames on links as pcapng, until the reader leaves or a limit is reached',
      body: z.object({
        /** Links, groups or nodes; empty: everything. */
        targets: z.array(z.string()),
        filter: z.string().optional(),
        /** Writes what became of each packet as a comment; frames are held back until that is known. */
        verdicts: z.boolean().optional(),
        max_frames: z.int().min(1).optional(),
        duration_ms: z.number().min(0).optional(),
      }),
      response: { status: 200, stream: PCAPNG },
    }),
    endpoint({
      operationId: 'trace',
      method: 'GET',
      path: '/trace',
      summary: 'The stories of packets that match a filter',
      query: z.object({ filter: z.string().optional(), packets: z.int().min(1).optional() }),
      response: { status: 200, stream: NDJSON },
    }),
    ...probeEndpoints,
    endpoint({
      operationId: 'table_list',
      method: 'GET',
      path: '/tables/{node}',
      summary: 'The tables of a node',
      params: z.object({ node: z.string() }),
      response: { status: 200, schema: z.array(z.object({ name: z.string(), size: z.int() })) },
    }),
    endpoint({
      operationId: 'table_view',
      method: 'GET',
      path: '/tables/{node}/{table}',
      summary: 'One table of a node',
      params: z.object({ node: z.string(), table: z.string() }),
      response: { status: 200, schema: NodeTable },
    }),
    endpoint({
      operationId: 'reachability',
      method: 'POST',
      path: '/reachability',
      summary: 'Who reaches whom, by ping',
      body: z.object({
        nodes: z.array(z.string()).optional(),
        family: z.union([z.literal(4), z.literal(6)]).optional(),
        timeout_ms: z.number().positive().default(1000),
      }),
      response: { status: 200, schema: z.array(Reach) },
    }),
    endpoint({
      operationId: 'traffic',
      method: 'POST',
      path: '/traffic',
      summary: 'Flows between two emulated hosts: throughput and completion times',
      body: TrafficRequest,
      response: { status: 200, schema: TrafficReport },
    }),
    endpoint({
      operationId: 'snapshot',
      method: 'GET',
      path: '/snapshot',
      summary:
        'Topology, state of links and nodes, contents of P4 tables; memory of machines where there is a folder for it',
      query: z.object({ folder: z.string().optional() }),
      response: { status: 200, schema: Snapshot },
    }),
    endpoint({
      operationId: 'restore',
      method: 'POST',
      path: '/restore',
      summary: 'Back to a snapshot',
      body: Snapshot,
      response: { status: 200, schema: Applied },
    }),
    endpoint({
      operationId: 'shutdown',
      method: 'POST',
      path: '/shutdown',
      summary: 'End the laboratory',
      response: { status: 204 },
    }),
  ],
})

export type LabClient = Client<typeof labApi>
