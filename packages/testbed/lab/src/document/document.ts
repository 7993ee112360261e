/**
 * A laboratory as plain data: what a topology program builds, what is written as YAML and JSON, what two of which are compared by
 * `plan`. Addresses are text. Functions (tests, devices, loss predicates) are no part of it, at most their names.
 */
import { z } from 'zod'

const Name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,40}$/, 'a name is small letters, digits and hyphens, begins with a letter, 41 at most')

const Impairments = z
  .strictObject({
    delayMs: z.number().min(0),
    jitterMs: z.number().min(0),
    jitterDistribution: z.enum(['uniform', 'normal', 'pareto', 'pareto-normal', 'exponential', 'table']),
    jitterCorrelation: z.number().min(0).max(1),
    jitterTable: z.array(z.number()).min(2),
    delayWave: z.strictObject({
      shape: z.enum(['sawtooth', 'triangle']),
      rangeMs: z.number().min(0),
      periodMs: z.number().positive(),
    }),
    mayReorder: z.boolean(),
    reorder: z.number().min(0).max(1),
    reorderGap: z.int().min(1),
    rateBps: z.number().positive(),
    overheadBytes: z.int().min(0),
    opportunitiesMs: z.array(z.number().min(0)).min(1),
    queueBytes: z.int().min(0),
    queue: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('drop-tail') }),
      z.strictObject({ kind: z.literal('drop-head') }),
      z.strictObject({
        kind: z.literal('codel'),
        targetMs: z.number().positive().optional(),
        intervalMs: z.number().positive().optional(),
        ecn: z.boolean().optional(),
      }),
      z.strictObject({
        kind: z.literal('red'),
        minBytes: z.number().positive(),
        maxBytes: z.number().positive(),
        maxProbability: z.number().min(0).max(1).optional(),
        weight: z.number().min(0).max(1).optional(),
        ecn: z.boolean().optional(),
      }),
    ]),
    limitFrames: z.int().min(1),
    loss: z.number().min(0).max(1),
    lossCorrelation: z.number().min(0).max(1),
    lossModel: z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('gilbert-elliott'),
        toBad: z.number().min(0).max(1),
        toGood: z.number().min(0).max(1),
        goodLoss: z.number().min(0).max(1).optional(),
        badLoss: z.number().min(0).max(1).optional(),
      }),
      z.strictObject({
        kind: z.literal('markov4'),
        p13: z.number().min(0).max(1),
        p31: z.number().min(0).max(1),
        p32: z.number().min(0).max(1),
        p23: z.number().min(0).max(1),
        p14: z.number().min(0).max(1),
      }),
      z.strictObject({ kind: z.literal('list'), frames: z.array(z.int().min(1)) }),
      z.strictObject({ kind: z.literal('every'), nth: z.int().min(1) }),
      /** Frames that match a filter of captures; with `frames`, only those of them, counted from 1 in each direction. */
      z.strictObject({
        kind: z.literal('filter'),
        filter: z.string(),
        frames: z.array(z.int().min(1)).min(1).optional(),
      }),
      /** Frames that a function of the program picks: only the program itself can run such a document. */
      z.strictObject({ kind: z.literal('function'), name: z.string() }),
    ]),
    outage: z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('periodic'),
        onMs: z.number().positive(),
        offMs: z.number().positive(),
        phaseMs: z.number().min(0).optional(),
      }),
      z.strictObject({ kind: z.literal('exponential'), onMs: z.number().positive(), offMs: z.number().positive() }),
    ]),
    duplicate: z.number().min(0).max(1),
    corrupt: z.number().min(0).max(1),
    corruptBits: z.int().min(1),
    bitErrorRatio: z.number().min(0).max(1),
    checksFrames: z.boolean(),
  })
  .partial()

const Route = z.strictObject({ to: z.string(), via: z.string() })

const Interface = z.strictObject({
  /** In CIDR form. */
  addresses: z.array(z.string()).default([]),
  mac: z.string().optional(),
  mtuBytes: z.int().min(68).max(9216).optional(),
})

const Bgp = z.strictObject({
  asn: z.int().min(1).max(4_294_967_295),
  routerId: z.string().optional(),
  peers: z.array(z.strictObject({ name: z.string().optional(), address: z.string(), asn: z.int().min(1) })).default([]),
  originate: z.array(z.string()).default([]),
})

const Host = z.strictObject({
  kind: z.literal('host'),
  interfaces: z.record(z.string(), Interface).default({}),
  loopbacks: z.array(z.string()).default([]),
  forwarding: z.boolean().default(false),
  routes: z.array(Route).default([]),
  bgp: Bgp.optional(),
  ddm: z.strictObject({ interfaces: z.array(z.string()), originate: z.array(z.string()).default([]) }).optional(),
  groups: z.array(Name).default([]),
})

const TableEntry = z.strictObject({
  table: z.string(),
  /** Of each key in order: a number, an address, `1.2.3.0/24`, `0x800&&&0xff00`, `1..9`, `_`. */
  keys: z.array(z.union([z.string(), z.number()])).default([]),
  action: z.string(),
  args: z.array(z.union([z.string(), z.number()])).default([]),
  priority: z.int().optional(),
})

const Switch = z.strictObject({
  kind: z.literal('switch'),
  /** A file, or the name of one of `p4/examples`. */
  program: z.string(),
  ports: z.array(z.int().min(0).max(511)).default([]),
  entries: z.array(TableEntry).default([]),
  /** Default actions, by table. */
  defaults: z
    .record(
      z.string(),
      z.strictObject({ action: z.string(), args: z.array(z.union([z.string(), z.number()])).default([]) }),
    )
    .default({}),
  multicast: z.record(z.string(), z.array(z.int())).default({}),
  groups: z.array(Name).default([]),
})

const Rack = z.strictObject({
  kind: z.literal('rack'),
  /** Tells racks of one topology apart: their addresses, MACs and switches. */
  number: z.int().min(0).max(15).default(0),
  sleds: z.int().min(1).max(32).default(2),
  asn: z.int().min(1).optional(),
  /** Announced to the world by the switches. */
  pool: z.string().optional(),
  /** Per switch and front port: its address, and the BGP peer behind it. */
  uplinks: z
    .array(
      z.strictObject({
        switch: z.int().min(0).max(1),
        port: z.int().min(0).max(31),
        address: z.string().optional(),
        peer: z.strictObject({ address: z.string(), asn: z.int().min(1) }).optional(),
        /** Speaks DDM there, as on the links to sleds: another rack is behind it. */
        ddm: z.boolean().default(false),
      }),
    )
    .default([]),
  groups: z.array(Name).default([]),
})

const Namespace = z.strictObject({
  kind: z.literal('namespace'),
  interfaces: z.record(z.string(), Interface).default({}),
  loopbacks: z.array(z.string()).default([]),
  forwarding: z.boolean().default(false),
  routes: z.array(Route).default([]),
  /** Commands to run to their end, in order, once the interfaces are there. */
  exec: z.array(z.string()).default([]),
  /** Programs that stay: started after `exec`, ended with the node. */
  daemons: z.array(z.strictObject({ name: Name, command: z.string() })).default([]),
  /** Files to write before, by path; `$DIR` in commands and files is the node's own directory. */
  files: z.record(z.string(), z.string()).default({}),
  groups: z.array(Name).default([]),
})

const Machine = z.strictObject({
  kind: z.literal('machine'),
  interfaces: z.record(z.string(), Interface).default({}),
  routes: z.array(Route).default([]),
  memoryMb: z.int().min(96).max(8192).default(128),
  /** Commands at the end of its start. */
  exec: z.array(z.string()).default([]),
  /** Clone it from a booted template where there is one. */
  clone: z.boolean().default(true),
  groups: z.array(Name).default([]),
})

const Guest = z.strictObject({
  kind: z.literal('guest'),
  /** Name of the rack, and which of its sleds it is on. */
  rack: Name,
  sled: z.int().min(0).max(31),
  vni: z.int().min(1).max(16_777_215).default(100),
  address: z.string(),
  subnet: z.string(),
  /** External address that leads to it. */
  floating: z.string().optional(),
  groups: z.array(Name).default([]),
})

/** A network interface of this machine, or a tunnel to another part of the same laboratory. */
const External = z.strictObject({
  kind: z.literal('external'),
  attach: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('interface'), device: z.string() }),
    z.strictObject({
      type: z.literal('udp'),
      listen: z.strictObject({ address: z.string(), port: z.int().min(0).max(65_535) }),
      peer: z.strictObject({ address: z.string(), port: z.int().min(1).max(65_535) }),
      tunnel: z.int().min(0).max(0xffff_ffff),
    }),
    z.strictObject({
      type: z.literal('tcp'),
      /** One side listens, the other connects. */
      role: z.enum(['listen', 'connect']),
      address: z.string(),
      port: z.int().min(0).max(65_535),
    }),
  ]),
  groups: z.array(Name).default([]),
})

/** A node that the program plays with a function of its own; its ports are those that links name. */
const Device = z.strictObject({ kind: z.literal('device'), groups: z.array(Name).default([]) })

export const NodeDocument = z.discriminatedUnion('kind', [
  Host,
  Switch,
  Rack,
  Namespace,
  Machine,
  Guest,
  External,
  Device,
])
export type NodeDocument = z.output<typeof NodeDocument>
export type NodeOf<Kind extends NodeDocument['kind']> = Extract<NodeDocument, { kind: Kind }>

export const LinkDocument = z.strictObject({
  /** `node:port`. */
  a: z.string().regex(/^[^:]+:[^:]+$/, 'an end is NODE:PORT'),
  b: z.string().regex(/^[^:]+:[^:]+$/, 'an end is NODE:PORT'),
  profile: z.string().optional(),
  mtuBytes: z.int().min(68).max(9216).optional(),
  isUp: z.boolean().default(true),
  /** Both directions, over the profile; `aToB` and `bToA` over this. */
  both: Impairments.optional(),
  aToB: Impairments.optional(),
  bToA: Impairments.optional(),
  groups: z.array(Name).default([]),
})
export type LinkDocument = z.output<typeof LinkDocument>
export type ImpairmentsDocument = z.output<typeof Impairments>

/** What is done to a link or node, from outside or by the timeline. `target` is a name or a group's. */
export const Fault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('down'), target: z.string() }),
  z.strictObject({ kind: z.literal('up'), target: z.string() }),
  z.strictObject({
    kind: z.literal('shape'),
    target: z.string(),
    direction: z.enum(['a-to-b', 'b-to-a']).optional(),
    /** Instead of what the link has; absent: as the document says. */
    profile: z.string().optional(),
    change: Impairments.optional(),
  }),
  /** Down and up again, `times` times. */
  z.strictObject({
    kind: z.literal('flap'),
    target: z.string(),
    downMs: z.number().positive().default(500),
    upMs: z.number().positive().default(500),
    times: z.int().min(1).default(1),
  }),
  z.strictObject({ kind: z.literal('off'), target: z.string() }),
  z.strictObject({ kind: z.literal('on'), target: z.string() }),
  /** Stops a program or machine where it is, and lets it go on. */
  z.strictObject({ kind: z.literal('pause'), target: z.string() }),
  z.strictObject({ kind: z.literal('resume'), target: z.string() }),
  /** Everything as the document says. */
  z.strictObject({ kind: z.literal('heal') }),
])
export type Fault = z.output<typeof Fault>

export const LabDocument = z.strictObject({
  name: Name,
  profiles: z.record(Name, z.strictObject({ detail: z.string().default(''), impairments: Impairments })).default({}),
  nodes: z.record(Name, NodeDocument),
  links: z.record(Name, LinkDocument),
  timeline: z.array(z.strictObject({ atMs: z.number().min(0), fault: Fault })).default([]),
  /** Delivery later than this for one frame of a hundred makes an experiment invalid. */
  latenessBoundMs: z.number().positive().default(5),
})
export type LabDocument = z.output<typeof LabDocument>
export type LabDocumentInput = z.input<typeof LabDocument>

export type DocumentResult =
  | { readonly ok: true; readonly document: LabDocument }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Reads what a file or a program says; problems name the place. */
export function parseDocument(value: unknown): DocumentResult {
  const result = LabDocument.safeParse(value)
  if (result.success) return { ok: true, document: result.data }
  return { ok: false, problems: result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) }
}

/** The two parts of a link's end. */
export function endOf(text: string): { readonly node: string; readonly port: string } {
  const at = text.indexOf(':')
  return { node: text.slice(0, at), port: text.slice(at + 1) }
}
