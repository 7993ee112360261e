/** The rack as an operator sees it. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { ByteCount, listById, Name, Time, Uuid } from './identity.ts'
import { InstanceState } from './instance.ts'

export const Sled = z
  .object({
    id: Uuid,
    rack_id: Uuid,
    slot: z.int().nullable(),
    baseboard: z.object({ serial: z.string(), part: z.string(), revision: z.int() }).meta({ id: 'Baseboard' }),
    policy: z.object({
      kind: z.enum(['in_service']),
      provision_policy: z.enum(['provisionable', 'non_provisionable']),
    }),
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

const params = z.object({ sled_id: Uuid })
const tags = ['system/hardware']

export const hardwareEndpoints = [
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
] as const
