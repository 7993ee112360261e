/** The rack as an operator sees it. */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { ByteCount, listById, Name, Time, Uuid } from './identity.ts'
import { InstanceState } from './instance.ts'

export const Baseboard = z.object({ serial: z.string(), part: z.string(), revision: z.int() }).meta({ id: 'Baseboard' })

/** Whether new instances are placed on a sled. Those that are there stay. */
export const SledProvisionPolicy = z.enum(['provisionable', 'non_provisionable']).meta({ id: 'SledProvisionPolicy' })
export type SledProvisionPolicy = z.output<typeof SledProvisionPolicy>

export const Rack = z.object({ id: Uuid, time_created: Time, time_modified: Time }).meta({ id: 'Rack' })
export type Rack = z.output<typeof Rack>

export const Switch = z
  .object({ id: Uuid, rack_id: Uuid, baseboard: Baseboard, time_created: Time, time_modified: Time })
  .meta({ id: 'Switch' })
export type Switch = z.output<typeof Switch>

export const SledPolicy = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('in_service'), provision_policy: SledProvisionPolicy }),
    z.object({ kind: z.literal('expunged') }),
  ])
  .meta({ id: 'SledPolicy' })

export const UninitializedSled = z
  .object({ baseboard: Baseboard, cubby: z.int(), rack_id: Uuid })
  .meta({ id: 'UninitializedSled', description: 'A board in the rack that is no sled of it yet.' })
export type UninitializedSled = z.output<typeof UninitializedSled>

export const PhysicalDisk = z
  .object({
    id: Uuid,
    policy: z.object({ kind: z.enum(['in_service', 'expunged']) }).meta({ id: 'PhysicalDiskPolicy' }),
    state: z.enum(['active', 'decommissioned']).meta({ id: 'PhysicalDiskState' }),
    sled_id: Uuid.nullable(),
    vendor: z.string(),
    serial: z.string(),
    model: z.string(),
    form_factor: z.enum(['m2', 'u2']).meta({ id: 'PhysicalDiskKind' }),
    time_created: Time,
    time_modified: Time,
  })
  .meta({ id: 'PhysicalDisk' })
export type PhysicalDisk = z.output<typeof PhysicalDisk>

export const Sled = z
  .object({
    id: Uuid,
    rack_id: Uuid,
    slot: z.int().nullable(),
    baseboard: Baseboard,
    policy: SledPolicy,
    state: z.enum(['active', 'decommissioned']),
    usable_hardware_threads: z.int(),
    usable_physical_ram: ByteCount,
    time_created: Time,
    time_modified: Time,
  })
  .meta({ id: 'Sled' })
export type Sled = z.output<typeof Sled>

export const SledInstance = z
  .object({
    id: Uuid,
    name: Name,
    active_sled_id: Uuid,
    silo_name: Name,
    project_name: Name,
    state: InstanceState,
    ncpus: z.int(),
    /** MiB, unlike everywhere else. */
    memory: z.int(),
    time_created: Time,
    time_modified: Time,
  })
  .meta({ id: 'SledInstance' })
export type SledInstance = z.output<typeof SledInstance>

/** A board by what is printed on it. */
const BaseboardId = z.object({ part_number: z.string(), serial_number: z.string() }).meta({ id: 'BaseboardId' })
export type BaseboardId = z.output<typeof BaseboardId>
const RackMembershipVersion = z.int().min(0).meta({ id: 'RackMembershipVersion' })

export const RackMembershipStatus = z
  .object({
    rack_id: Uuid,
    version: RackMembershipVersion,
    state: z.enum(['in_progress', 'committed', 'aborted']).meta({ id: 'RackMembershipChangeState' }),
    members: z.array(BaseboardId),
    /** Those that are not in use yet. */
    unacknowledged_members: z.array(BaseboardId),
    time_created: Time,
    time_committed: Time.nullable(),
    time_aborted: Time.nullable(),
  })
  .meta({ id: 'RackMembershipStatus' })
export type RackMembershipStatus = z.output<typeof RackMembershipStatus>

const inRack = z.object({ rack_id: Uuid })
const params = z.object({ sled_id: Uuid })
const tags = ['system/hardware']

export const hardwareEndpoints = [
  endpoint({
    operationId: 'physical_disk_list',
    method: 'GET',
    path: '/v1/system/hardware/disks',
    tags,
    summary: 'List the disks of sleds',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(PhysicalDisk) },
    paginated: true,
  }),
  endpoint({
    operationId: 'sled_physical_disk_list',
    method: 'GET',
    path: '/v1/system/hardware/sleds/{sled_id}/disks',
    tags,
    summary: 'List the disks of a sled',
    params,
    query: z.object(listById),
    response: { status: 200, schema: pageOf(PhysicalDisk) },
    paginated: true,
  }),
  endpoint({
    operationId: 'sled_list_uninitialized',
    method: 'GET',
    path: '/v1/system/hardware/sleds-uninitialized',
    tags,
    summary: 'List sleds that are in the rack and not in use',
    query: z.object(pageFields),
    response: { status: 200, schema: pageOf(UninitializedSled) },
    paginated: true,
  }),
  endpoint({
    operationId: 'rack_list',
    method: 'GET',
    path: '/v1/system/hardware/racks',
    tags,
    summary: 'List racks',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(Rack) },
    paginated: true,
  }),
  endpoint({
    operationId: 'rack_view',
    method: 'GET',
    path: '/v1/system/hardware/racks/{rack_id}',
    tags,
    summary: 'View a rack',
    params: z.object({ rack_id: Uuid }),
    response: { status: 200, schema: Rack },
  }),
  endpoint({
    operationId: 'switch_list',
    method: 'GET',
    path: '/v1/system/hardware/switches',
    tags,
    summary: 'List switches',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(Switch) },
    paginated: true,
  }),
  endpoint({
    operationId: 'switch_view',
    method: 'GET',
    path: '/v1/system/hardware/switches/{switch_id}',
    tags,
    summary: 'View a switch',
    params: z.object({ switch_id: Uuid }),
    response: { status: 200, schema: Switch },
  }),
  endpoint({
    operationId: 'sled_set_provision_policy',
    method: 'PUT',
    path: '/v1/system/hardware/sleds/{sled_id}/provision-policy',
    tags,
    summary: 'Say whether new instances are placed on a sled',
    params,
    body: z.object({ state: SledProvisionPolicy }).meta({ id: 'SledProvisionPolicyParams' }),
    response: {
      status: 200,
      schema: z
        .object({ old_state: SledProvisionPolicy, new_state: SledProvisionPolicy })
        .meta({ id: 'SledProvisionPolicyResponse' }),
    },
  }),
  endpoint({
    operationId: 'sled_list',
    method: 'GET',
    path: '/v1/system/hardware/sleds',
    tags,
    summary: 'List sleds',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(Sled) },
    paginated: true,
  }),
  endpoint({
    operationId: 'sled_view',
    method: 'GET',
    path: '/v1/system/hardware/sleds/{sled_id}',
    tags,
    summary: 'View a sled',
    params,
    response: { status: 200, schema: Sled },
  }),
  endpoint({
    operationId: 'sled_instance_list',
    method: 'GET',
    path: '/v1/system/hardware/sleds/{sled_id}/instances',
    tags,
    summary: 'List the instances on a sled',
    params,
    query: z.object(listById),
    response: { status: 200, schema: pageOf(SledInstance) },
    paginated: true,
  }),
  endpoint({
    operationId: 'rack_membership_status',
    method: 'GET',
    path: '/v1/system/hardware/racks/{rack_id}/membership',
    tags: ['experimental'],
    summary: 'View which boards are members of the rack',
    params: inRack,
    query: z.object({ version: RackMembershipVersion.optional() }),
    response: { status: 200, schema: RackMembershipStatus },
  }),
  endpoint({
    operationId: 'rack_membership_add_sleds',
    method: 'POST',
    path: '/v1/system/hardware/racks/{rack_id}/membership/add',
    tags: ['experimental'],
    summary: 'Add boards to the members of the rack',
    params: inRack,
    body: z.object({ sled_ids: z.array(BaseboardId) }).meta({ id: 'RackMembershipAddSledsRequest' }),
    response: { status: 200, schema: RackMembershipStatus },
  }),
  endpoint({
    operationId: 'rack_membership_abort',
    method: 'POST',
    path: '/v1/system/hardware/racks/{rack_id}/membership/abort',
    tags: ['experimental'],
    summary: 'Take back the last addition of boards, as long as not all are in use',
    params: inRack,
    response: { status: 200, schema: RackMembershipStatus },
  }),
] as const
