/** The running topology as data: nodes, links, readiness. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'

export const Node = z
  .object({
    name: z.string(),
    kind: z.enum(['switch', 'sled', 'router', 'client', 'instance', 'control', 'other']),
    addresses: z.array(z.string()),
    /** What `exec` understands here; empty where there is no shell. */
    commands: z.array(z.string()),
  })
  .meta({ id: 'Node' })
export type Node = z.output<typeof Node>

export const TestbedLink = z
  .object({
    name: z.string(),
    /** Each end as `node/interface`. */
    a: z.string(),
    b: z.string(),
    up: z.boolean(),
    /** One way. */
    delay_ms: z.number().min(0),
    /** 0 means unlimited. */
    rate_bps: z.number().min(0),
    /** Fraction of frames lost, 0 … 1. */
    loss: z.number().min(0).max(1),
    frames: z.int(),
    bytes: z.int(),
    lost: z.int(),
  })
  .meta({ id: 'TestbedLink' })
export type TestbedLink = z.output<typeof TestbedLink>

export const RackInfo = z
  .object({
    version: z.string(),
    name: z.string(),
    state: z.enum(['uninitialized', 'starting', 'ready', 'stopping']),
    time_started: z.iso.datetime(),
    /** From start to ready; null until then. */
    ready_after_ms: z.number().nullable(),
    api: z.object({ url: z.string(), silo: z.string(), username: z.string(), password_hint: z.string() }),
    /** On this machine, where the technician's port of the first switch leads to; null where nothing does. */
    technician_port: z.int().nullable(),
    published: z.array(z.object({ host_port: z.int(), target: z.string() })),
    /** What must hold before the rack is ready, and what is still missing. */
    checks: z.array(z.object({ name: z.string(), ready: z.boolean(), detail: z.string() })),
    nodes: z.array(Node),
    links: z.array(TestbedLink),
  })
  .meta({ id: 'RackInfo' })
export type RackInfo = z.output<typeof RackInfo>

export const Graph = z
  .object({
    nodes: z.array(z.object({ name: z.string(), kind: z.string(), label: z.string() })),
    edges: z.array(z.object({ from: z.string(), to: z.string(), label: z.string(), up: z.boolean() })),
  })
  .meta({ id: 'Graph' })
export type Graph = z.output<typeof Graph>

export const PlacedSled = z
  .object({
    name: z.string(),
    place: z.int(),
    serial: z.string(),
    /** Serial of the board that was there. */
    replaced: z.string().nullable(),
  })
  .meta({ id: 'PlacedSled' })
export type PlacedSled = z.output<typeof PlacedSled>

export const rackEndpoints = [
  endpoint({
    operationId: 'info',
    method: 'GET',
    path: '/info',
    summary: 'View the rack: addresses, readiness, nodes, links',
    response: { status: 200, schema: RackInfo },
  }),
  endpoint({
    operationId: 'graph',
    method: 'GET',
    path: '/graph',
    summary: 'View the topology as a graph',
    response: { status: 200, schema: Graph },
  }),
  endpoint({
    operationId: 'link_set',
    method: 'POST',
    path: '/links/{name}',
    summary: 'Change a link: take it down, delay it, limit it, make it lose frames',
    params: z.object({ name: z.string() }),
    body: z.object({
      up: z.boolean().optional(),
      delay_ms: z.number().min(0).optional(),
      rate_bps: z.number().min(0).optional(),
      loss: z.number().min(0).max(1).optional(),
    }),
    response: { status: 200, schema: TestbedLink },
  }),
  endpoint({
    operationId: 'node_power',
    method: 'POST',
    path: '/nodes/{name}/power',
    summary: 'Switch a node off or on, as if its plug were pulled',
    params: z.object({ name: z.string() }),
    body: z.object({ on: z.boolean() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sled_put',
    method: 'PUT',
    path: '/sleds/{place}',
    summary:
      'Put a sled into a place of the rack, instead of the one that may be there; it stays over restarts of the rack',
    params: z.object({ place: z.int().min(0).max(31) }),
    body: z.object({
      /** Of its board; default: one that no board had. */
      serial: z
        .string()
        .regex(/^[A-Z0-9]{4,11}$/)
        .optional(),
    }),
    response: { status: 200, schema: PlacedSled },
  }),
  endpoint({
    operationId: 'shutdown',
    method: 'POST',
    path: '/shutdown',
    summary: 'Stop the rack; the answer comes before it is gone',
    response: { status: 204 },
  }),
] as const
