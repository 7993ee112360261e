/** A service processor as a whole: who it is, the power of its host, its sensors, dumps and reports. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { ofSp, PowerState, SpIdentifier } from './identifier.ts'

export const SpState = z
  .object({
    hubris_archive_id: z.string(),
    serial_number: z.string(),
    model: z.string(),
    revision: z.int(),
    base_mac_address: z.string(),
    power_state: PowerState,
  })
  .meta({ id: 'SpState' })
export type SpState = z.output<typeof SpState>

export const SensorReading = z
  .object({
    /** Null when the sensor gives none. */
    value: z.number().nullable(),
    /** Why it gives none. */
    error: z.string().optional(),
    /** Milliseconds since the service processor started. */
    timestamp_ms: z.int(),
  })
  .meta({ id: 'SensorReading' })
export type SensorReading = z.output<typeof SensorReading>

export const TaskDump = z
  .object({
    task_index: z.int(),
    timestamp_ms: z.int(),
    /** The dumped memory, base64; `readTaskMemory` reads it. */
    base64_memory: z.string(),
  })
  .meta({ id: 'TaskDump' })
export type TaskDump = z.output<typeof TaskDump>

export const Ereport = z
  .object({
    /** Counts from 1 in one life of the reporter; decimal, because it has 64 bits. */
    ena: z.string(),
    task: z.string(),
    generation: z.int(),
    uptime_ms: z.number(),
    data: z.record(z.string(), z.json()),
  })
  .meta({ id: 'Ereport' })
export type Ereport = z.output<typeof Ereport>

export const Ereports = z
  .object({
    restart_id: z.string(),
    /** Only when `restart_id` was not the present one. */
    metadata: z.record(z.string(), z.json()),
    items: z.array(Ereport),
  })
  .meta({ id: 'Ereports' })
export type Ereports = z.output<typeof Ereports>

export const HostPhase2Progress = z
  .discriminatedUnion('progress', [
    z.object({ progress: z.literal('none') }),
    z.object({
      progress: z.literal('available'),
      image_id: z.object({ sha256_hash: z.string() }),
      /** The end of the last part that the host was given. */
      offset: z.int(),
      total_size: z.int(),
      /** Milliseconds since then. */
      age_ms: z.number(),
    }),
  ])
  .meta({ id: 'HostPhase2Progress' })
export type HostPhase2Progress = z.output<typeof HostPhase2Progress>

const tags = ['service processors']

export const stateEndpoints = [
  endpoint({
    operationId: 'local_switch_id',
    method: 'GET',
    path: '/local/switch-id',
    tags,
    summary: 'The switch beside which this gateway runs',
    response: { status: 200, schema: SpIdentifier },
  }),
  endpoint({
    operationId: 'local_all_sp_ids',
    method: 'GET',
    path: '/local/all-sp-ids',
    tags,
    summary: 'Every service processor that this gateway can reach',
    response: { status: 200, schema: z.array(SpIdentifier) },
  }),
  endpoint({
    operationId: 'sp_get',
    method: 'GET',
    path: '/sp/{type}/{slot}',
    tags,
    summary: 'Who it is, and the power of its host',
    params: ofSp,
    response: { status: 200, schema: SpState },
  }),
  endpoint({
    operationId: 'sp_power_state_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/power-state',
    tags,
    summary: 'Power of the host',
    params: ofSp,
    response: { status: 200, schema: PowerState },
  }),
  endpoint({
    operationId: 'sp_power_state_set',
    method: 'POST',
    path: '/sp/{type}/{slot}/power-state',
    tags,
    summary: 'Move the power of the host; answers when it is there, or with why it could not be had',
    params: ofSp,
    body: PowerState,
    response: { status: 200, schema: z.object({ changed: z.boolean() }) },
  }),
  endpoint({
    operationId: 'sp_startup_options_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/startup-options',
    tags,
    summary: 'Options that the host is started with',
    params: ofSp,
    response: { status: 200, schema: z.object({ bits: z.int() }) },
  }),
  endpoint({
    operationId: 'sp_startup_options_set',
    method: 'POST',
    path: '/sp/{type}/{slot}/startup-options',
    tags,
    summary: 'Set options that the host is started with',
    params: ofSp,
    body: z.object({ bits: z.int().min(0) }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_sensor_read_value',
    method: 'GET',
    path: '/sp/{type}/{slot}/sensor/{sensor_id}/value',
    tags,
    summary: 'Last reading of a sensor',
    params: ofSp.extend({ sensor_id: z.int().min(0) }),
    response: { status: 200, schema: SensorReading },
  }),
  endpoint({
    operationId: 'sp_task_dump_count',
    method: 'GET',
    path: '/sp/{type}/{slot}/task-dump',
    tags,
    summary: 'How many dumps of crashed tasks there are',
    params: ofSp,
    response: { status: 200, schema: z.int() },
  }),
  endpoint({
    operationId: 'sp_task_dump_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/task-dump/{task_dump_index}',
    tags,
    summary: 'Read a dump',
    params: ofSp.extend({ task_dump_index: z.int().min(0) }),
    response: { status: 200, schema: TaskDump },
  }),
  endpoint({
    operationId: 'sp_ipcc_installinator_image_id_set',
    method: 'POST',
    path: '/sp/{type}/{slot}/ipcc/installinator-image-id',
    tags,
    summary: 'Set what the host is told to install',
    params: ofSp,
    body: z.object({ text: z.string().max(128) }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'sp_host_phase2_progress_get',
    method: 'GET',
    path: '/sp/{type}/{slot}/host-phase2-progress',
    tags,
    summary: 'How much of its phase 2 image the host has fetched from this gateway',
    params: ofSp,
    response: { status: 200, schema: HostPhase2Progress },
  }),
  endpoint({
    operationId: 'sp_host_phase2_progress_delete',
    method: 'DELETE',
    path: '/sp/{type}/{slot}/host-phase2-progress',
    tags,
    summary: 'Forget how much it has fetched',
    params: ofSp,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'recovery_host_phase2_upload',
    method: 'POST',
    path: '/recovery/host-phase2',
    tags,
    summary: 'Hold a phase 2 image for hosts that start in recovery; the gateway keeps the last two',
    body: z.object({ base64_image: z.string() }),
    response: { status: 200, schema: z.object({ sha256_hash: z.string() }) },
  }),
  endpoint({
    operationId: 'sp_ereports',
    method: 'GET',
    path: '/sp/{type}/{slot}/ereports',
    tags,
    summary: 'Error reports; those up to `committed_ena` of this restart are forgotten',
    params: ofSp,
    query: z.object({
      restart_id: z.string().optional(),
      start_ena: z.int().min(0).optional(),
      committed_ena: z.int().min(0).optional(),
      limit: z.int().min(1).max(255).optional(),
    }),
    response: { status: 200, schema: Ereports },
  }),
] as const
