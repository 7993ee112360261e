/**
 * Behind the service processors of a testbed: what a debugger at the board would show, and faults. No gateway of real hardware
 * has these.
 */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { ofSp, SpIdentifier } from './identifier.ts'

export const LabSp = z
  .object({
    id: SpIdentifier,
    name: z.string(),
    /** There is input power. */
    plugged: z.boolean(),
    standby: z.boolean(),
    host: z.boolean(),
    /** A host that starts in recovery waits for its phase 2 image, and fails without it. */
    host_boot: z.enum(['off', 'waiting', 'running', 'failed']),
    /** The service processor runs. */
    running: z.boolean(),
    /** The firmware's own power state; absent when none runs. */
    power: z.string().optional(),
    power_fault: z.string().optional(),
    thermal: z.string().optional(),
    throttled: z.boolean(),
    damaged: z.boolean(),
    uptime_ms: z.number().nullable(),
    fan_percent: z.number(),
    sensors: z.array(
      z.object({
        id: z.int(),
        name: z.string(),
        kind: z.string(),
        value: z.number().nullable(),
        error: z.string().optional(),
        target: z.number().optional(),
        critical: z.number().optional(),
      }),
    ),
    faults: z.array(z.json()),
  })
  .meta({ id: 'LabSp' })
export type LabSp = z.output<typeof LabSp>

export const LabTask = z
  .object({
    name: z.string(),
    priority: z.int(),
    generation: z.int(),
    state: z.enum(['running', 'faulted']),
    faults: z.int(),
    last_fault: z.string().optional(),
    entries: z.int(),
  })
  .meta({ id: 'LabTask' })
export type LabTask = z.output<typeof LabTask>

export const LabRingEntry = z
  .object({ task: z.string(), at_ms: z.number(), generation: z.int(), count: z.int(), text: z.string() })
  .meta({ id: 'LabRingEntry' })
export type LabRingEntry = z.output<typeof LabRingEntry>

export const LabVpd = z
  .object({
    component: z.string(),
    /** Null when its bus does not answer, or only a part of it is locked. */
    locked: z.boolean().nullable(),
    error: z.string().optional(),
    refused_writes: z.int(),
    base64_contents: z.string().nullable(),
  })
  .meta({ id: 'LabVpd' })
export type LabVpd = z.output<typeof LabVpd>

const fraction = z.number().min(0).max(1)

/** Every fault that can be injected; momentary ones happen once, others stay until they are cleared. */
export const LabFault = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('unresponsive') }),
    z.object({ kind: z.literal('slow'), delay_ms: z.number().min(0) }),
    z.object({ kind: z.literal('gate') }),
    z.object({ kind: z.literal('network'), loss: fraction.default(0), duplicate: fraction.default(0) }),
    z.object({ kind: z.literal('task-crash'), task: z.string(), every_ms: z.number().min(1).optional() }),
    z.object({
      kind: z.literal('sensor'),
      sensor: z.string(),
      fault: z.enum(['stuck', 'missing', 'error', 'timeout', 'unavailable', 'ramp']),
      kelvin_per_s: z.number().optional(),
    }),
    z.object({ kind: z.literal('fan'), fan: z.int().min(0), health: z.enum(['dead', 'missing']).default('dead') }),
    z.object({ kind: z.literal('brown-out'), millivolts: z.number().min(0) }),
    z.object({ kind: z.literal('thermal-trip') }),
    z.object({ kind: z.literal('host-reset') }),
    z.object({ kind: z.literal('rail-stuck'), rail: z.int().min(0) }),
    z.object({ kind: z.literal('rail-lost'), rail: z.int().min(0) }),
    z.object({ kind: z.literal('sequencer-bus') }),
    z.object({ kind: z.literal('processor'), found: z.enum(['absent', 'unknown']) }),
    z.object({ kind: z.literal('bad-caboose') }),
    z.object({ kind: z.literal('wrong-board') }),
    z.object({ kind: z.literal('update-interrupted'), after_bytes: z.int().min(1) }),
    z.object({ kind: z.literal('ignition-link'), controller: z.int().min(0).max(1).optional() }),
    z.object({ kind: z.literal('rot-mismatch') }),
    z.object({ kind: z.literal('console-garbage'), bytes: z.int().min(1).max(4096) }),
    z.object({ kind: z.literal('mac-collision'), mac: z.string() }),
    z.object({ kind: z.literal('vlan'), port: z.int().min(0).max(1), vlan: z.int().min(1).max(4094) }),
    z.object({ kind: z.literal('air'), celsius: z.number().min(-40).max(80) }),
  ])
  .meta({ id: 'LabFault' })
export type LabFault = z.output<typeof LabFault>

const tags = ['laboratory']

export const labEndpoints = [
  endpoint({
    operationId: 'lab_sp_list',
    method: 'GET',
    path: '/lab/sp',
    tags,
    summary: 'Every board, seen from outside and inside',
    response: { status: 200, schema: z.array(LabSp) },
  }),
  endpoint({
    operationId: 'lab_sp_view',
    method: 'GET',
    path: '/lab/sp/{type}/{slot}',
    tags,
    summary: 'One board, seen from outside and inside',
    params: ofSp,
    response: { status: 200, schema: LabSp },
  }),
  endpoint({
    operationId: 'lab_task_list',
    method: 'GET',
    path: '/lab/sp/{type}/{slot}/task',
    tags,
    summary: 'Tasks of the firmware',
    params: ofSp,
    response: { status: 200, schema: z.array(LabTask) },
  }),
  endpoint({
    operationId: 'lab_ringbuf',
    method: 'GET',
    path: '/lab/sp/{type}/{slot}/ringbuf',
    tags,
    summary: 'Ring buffers of the tasks, in order of time',
    params: ofSp,
    query: z.object({ task: z.string().optional() }),
    response: { status: 200, schema: z.array(LabRingEntry) },
  }),
  endpoint({
    operationId: 'lab_counters',
    method: 'GET',
    path: '/lab/sp/{type}/{slot}/counters',
    tags,
    summary: 'Counters of the service processor, its firmware and its network ports',
    params: ofSp,
    response: { status: 200, schema: z.record(z.string(), z.int()) },
  }),
  endpoint({
    operationId: 'lab_fault_inject',
    method: 'POST',
    path: '/lab/sp/{type}/{slot}/fault',
    tags,
    summary: 'Break something',
    params: ofSp,
    body: LabFault,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'lab_fault_clear',
    method: 'DELETE',
    path: '/lab/sp/{type}/{slot}/fault',
    tags,
    summary: 'Mend what was broken, all of it or one kind',
    params: ofSp,
    query: z.object({ kind: z.string().optional() }),
    response: { status: 200, schema: z.object({ cleared: z.int() }) },
  }),
  endpoint({
    operationId: 'lab_image',
    method: 'POST',
    path: '/lab/sp/{type}/{slot}/image',
    tags,
    summary: 'Make an image for a component of this board, to try updates with; one called `hang` does not start',
    params: ofSp,
    body: z.object({
      component: z.string(),
      version: z.string().min(1).max(32),
      name: z.string().min(1).max(32).optional(),
      board: z.string().min(1).max(32).optional(),
      /** Of a host's boot flash: the SHA-256 of the phase 2 image that it starts, in hexadecimal. */
      phase2_hash: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
    }),
    response: { status: 200, schema: z.object({ base64_image: z.string() }) },
  }),
  endpoint({
    operationId: 'lab_vpd_list',
    method: 'GET',
    path: '/lab/sp/{type}/{slot}/vpd',
    tags,
    summary: 'Identity memories, and whether they are locked',
    params: ofSp,
    response: { status: 200, schema: z.array(LabVpd) },
  }),
  endpoint({
    operationId: 'lab_vpd_write',
    method: 'POST',
    path: '/lab/sp/{type}/{slot}/vpd/{index}',
    tags,
    summary: 'Write to an identity memory, as manufacturing does; a locked one refuses',
    params: ofSp.extend({ index: z.int().min(0).max(3) }),
    body: z.object({ offset: z.int().min(0), base64_data: z.string() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'lab_step',
    method: 'POST',
    path: '/lab/sp/{type}/{slot}/step',
    tags,
    summary: 'Let one datagram in, for the fault `gate`',
    params: ofSp,
    response: { status: 200, schema: z.object({ delivered: z.boolean() }) },
  }),
] as const
