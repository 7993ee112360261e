/** Instances: create, run, stop, their external addresses and console. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { FloatingIp } from './floating-ip.ts'
import {
  ByteCount,
  identity,
  identityCreate,
  inProject,
  IpAddr,
  IpVersion,
  listByNameOrId,
  maybeInProject,
  NameOrId,
  Time,
  Uuid,
} from './identity.ts'
import { AUTO_POOL, PoolSelector } from './ip-pool.ts'
import { InstanceNetworkInterfaceAttachment } from './network-interface.ts'
import { SshKey } from './session.ts'
import { InstanceDiskAttachment } from './storage.ts'

export const InstanceState = z
  .enum([
    'creating',
    'starting',
    'running',
    'stopping',
    'stopped',
    'rebooting',
    'migrating',
    'repairing',
    'failed',
    'destroyed',
  ])
  .meta({ id: 'InstanceState' })
export type InstanceState = z.output<typeof InstanceState>

const AutoRestartPolicy = z.enum(['never', 'best_effort']).meta({ id: 'InstanceAutoRestartPolicy' })
const CpuPlatform = z.enum(['amd_milan', 'amd_turin', 'amd_turin_v2']).meta({ id: 'InstanceCpuPlatform' })
const CpuCount = z.int().min(0).max(0xffff)

export const Instance = z
  .object({
    ...identity,
    project_id: Uuid,
    hostname: z.string(),
    ncpus: CpuCount,
    memory: ByteCount,
    run_state: InstanceState,
    time_run_state_updated: Time,
    auto_restart_enabled: z.boolean(),
    auto_restart_policy: AutoRestartPolicy.nullable(),
    boot_disk_id: Uuid.nullable(),
    cpu_platform: CpuPlatform.nullable(),
    enable_jumbo_frames: z.boolean(),
  })
  .meta({ id: 'Instance' })
export type Instance = z.output<typeof Instance>

export const ExternalIpCreate = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('ephemeral'), pool_selector: PoolSelector.default(AUTO_POOL) }),
    z.object({ type: z.literal('floating'), floating_ip: NameOrId }),
  ])
  .meta({ id: 'ExternalIpCreate' })
export type ExternalIpCreate = z.output<typeof ExternalIpCreate>

export const InstanceCreate = z
  .object({
    ...identityCreate,
    hostname: z
      .string()
      .max(253)
      .regex(/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/, 'not a host name'),
    ncpus: CpuCount,
    memory: ByteCount,
    start: z.boolean().default(true),
    /** Base64. */
    user_data: z.base64().default(''),
    network_interfaces: InstanceNetworkInterfaceAttachment.default({ type: 'default_dual_stack' }),
    external_ips: z.array(ExternalIpCreate).default([]),
    /** Absent or null: all keys of the caller. */
    ssh_public_keys: z.array(NameOrId).nullish(),
    auto_restart_policy: AutoRestartPolicy.nullish(),
    cpu_platform: CpuPlatform.nullish(),
    enable_jumbo_frames: z.boolean().default(false),
    boot_disk: InstanceDiskAttachment.nullish(),
    disks: z.array(InstanceDiskAttachment).default([]),
    anti_affinity_groups: z.array(NameOrId).default([]),
    multicast_groups: z.array(z.unknown()).default([]),
  })
  .meta({ id: 'InstanceCreate' })
export type InstanceCreate = z.output<typeof InstanceCreate>

export const InstanceUpdate = z
  .object({
    ncpus: CpuCount,
    memory: ByteCount,
    boot_disk: NameOrId.nullable(),
    auto_restart_policy: AutoRestartPolicy.nullable(),
    cpu_platform: CpuPlatform.nullable(),
    enable_jumbo_frames: z.boolean(),
  })
  .meta({ id: 'InstanceUpdate' })
export type InstanceUpdate = z.output<typeof InstanceUpdate>

export const ExternalIp = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('snat'),
      ip: IpAddr,
      ip_pool_id: Uuid,
      first_port: z.int(),
      last_port: z.int(),
    }),
    z.object({ kind: z.literal('ephemeral'), ip: IpAddr, ip_pool_id: Uuid }),
    z.object({ kind: z.literal('floating'), ...FloatingIp.shape }),
  ])
  .meta({ id: 'ExternalIp' })
export type ExternalIp = z.output<typeof ExternalIp>

const params = z.object({ instance: NameOrId })
const query = maybeInProject
const tags = ['instances']
/** Resources that are listed because clients ask, and of which there are none. */
const nothing = pageOf(z.object({ id: Uuid }))

export const instanceEndpoints = [
  endpoint({
    operationId: 'instance_list',
    method: 'GET',
    path: '/v1/instances',
    tags,
    summary: 'List instances',
    query: inProject.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(Instance) },
    paginated: true,
  }),
  endpoint({
    operationId: 'instance_create',
    method: 'POST',
    path: '/v1/instances',
    tags,
    summary: 'Create an instance',
    query: inProject,
    body: InstanceCreate,
    response: { status: 201, schema: Instance },
  }),
  endpoint({
    operationId: 'instance_view',
    method: 'GET',
    path: '/v1/instances/{instance}',
    tags,
    summary: 'View an instance',
    params,
    query,
    response: { status: 200, schema: Instance },
  }),
  endpoint({
    operationId: 'instance_update',
    method: 'PUT',
    path: '/v1/instances/{instance}',
    tags,
    summary: 'Change a stopped instance',
    params,
    query,
    body: InstanceUpdate,
    response: { status: 200, schema: Instance },
  }),
  endpoint({
    operationId: 'instance_delete',
    method: 'DELETE',
    path: '/v1/instances/{instance}',
    tags,
    summary: 'Delete a stopped or failed instance',
    params,
    query,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'instance_start',
    method: 'POST',
    path: '/v1/instances/{instance}/start',
    tags,
    summary: 'Start an instance',
    params,
    query,
    response: { status: 202, schema: Instance },
  }),
  endpoint({
    operationId: 'instance_stop',
    method: 'POST',
    path: '/v1/instances/{instance}/stop',
    tags,
    summary: 'Stop an instance',
    params,
    query,
    response: { status: 202, schema: Instance },
  }),
  endpoint({
    operationId: 'instance_reboot',
    method: 'POST',
    path: '/v1/instances/{instance}/reboot',
    tags,
    summary: 'Reboot an instance',
    params,
    query,
    response: { status: 202, schema: Instance },
  }),
  endpoint({
    operationId: 'instance_external_ip_list',
    method: 'GET',
    path: '/v1/instances/{instance}/external-ips',
    tags,
    summary: 'List the external addresses of an instance',
    params,
    query,
    response: { status: 200, schema: pageOf(ExternalIp) },
  }),
  endpoint({
    operationId: 'instance_ephemeral_ip_attach',
    method: 'POST',
    path: '/v1/instances/{instance}/external-ips/ephemeral',
    tags,
    summary: 'Give an instance an address from a pool, for as long as it is attached',
    params,
    query,
    body: z.object({ pool_selector: PoolSelector.default(AUTO_POOL) }).meta({ id: 'EphemeralIpCreate' }),
    response: { status: 202, schema: ExternalIp },
  }),
  endpoint({
    operationId: 'instance_ephemeral_ip_detach',
    method: 'DELETE',
    path: '/v1/instances/{instance}/external-ips/ephemeral',
    tags,
    summary: 'Give the ephemeral address of an instance back',
    params,
    query: query.extend({ ip_version: IpVersion.optional() }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'instance_serial_console',
    method: 'GET',
    path: '/v1/instances/{instance}/serial-console',
    tags,
    summary: 'Read what the serial console has printed',
    params,
    query: query.extend({
      from_start: z.int().min(0).optional(),
      most_recent: z.int().min(0).optional(),
      max_bytes: z.int().min(0).optional(),
    }),
    response: {
      status: 200,
      schema: z
        .object({ data: z.array(z.int().min(0).max(255)), last_byte_offset: z.int().min(0) })
        .meta({ id: 'InstanceSerialConsoleData' }),
    },
  }),
  endpoint({
    operationId: 'instance_serial_console_stream',
    method: 'GET',
    path: '/v1/instances/{instance}/serial-console/stream',
    tags,
    summary: 'Be at the serial console: a WebSocket of bytes in both directions',
    params,
    query: query.extend({
      /** How much of what was printed before comes first. */
      most_recent: z.int().min(0).optional(),
    }),
    response: { status: 101 },
  }),
  endpoint({
    operationId: 'instance_ssh_public_key_list',
    method: 'GET',
    path: '/v1/instances/{instance}/ssh-public-keys',
    tags,
    summary: 'List the SSH public keys that an instance was created with',
    params,
    query: query.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(SshKey) },
    paginated: true,
  }),
  endpoint({
    operationId: 'instance_external_subnet_list',
    method: 'GET',
    path: '/v1/instances/{instance}/external-subnets',
    tags,
    summary: 'List the external subnets of an instance: always none',
    params,
    query,
    response: { status: 200, schema: nothing },
  }),
] as const
