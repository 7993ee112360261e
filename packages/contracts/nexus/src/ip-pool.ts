/** Pools of external addresses: as the operator manages them, and as a silo sees those linked to it. */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  identityUpdate,
  IpVersion,
  listById,
  listByNameOrId,
  NameOrId,
  Time,
  Uuid,
} from './identity.ts'

export const IpPoolType = z.enum(['unicast', 'multicast']).meta({ id: 'IpPoolType' })
export const IpPoolAssignment = z.enum(['silos', 'system_services']).meta({ id: 'IpPoolAssignment' })

export const IpPool = z
  .object({ ...identity, ip_version: IpVersion, pool_type: IpPoolType, assignment: IpPoolAssignment })
  .meta({ id: 'IpPool' })
export type IpPool = z.output<typeof IpPool>

export const SiloIpPool = z
  .object({ ...identity, ip_version: IpVersion, pool_type: IpPoolType, is_default: z.boolean() })
  .meta({ id: 'SiloIpPool' })
export type SiloIpPool = z.output<typeof SiloIpPool>

/** Both ends belong to the range. */
export const IpRange = z
  .union([z.object({ first: z.ipv4(), last: z.ipv4() }), z.object({ first: z.ipv6(), last: z.ipv6() })], {
    error: 'expected first and last, two IP addresses of one family',
  })
  .meta({ id: 'IpRange' })
export type IpRange = z.output<typeof IpRange>

export const IpPoolRange = z
  .object({ id: Uuid, ip_pool_id: Uuid, range: IpRange, time_created: Time })
  .meta({ id: 'IpPoolRange' })
export type IpPoolRange = z.output<typeof IpPoolRange>

export const IpPoolSiloLink = z
  .object({ ip_pool_id: Uuid, silo_id: Uuid, is_default: z.boolean() })
  .meta({ id: 'IpPoolSiloLink' })
export type IpPoolSiloLink = z.output<typeof IpPoolSiloLink>

/** Which pool an address is taken from; `auto` is the silo's default. */
export const PoolSelector = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('explicit'), pool: NameOrId }),
    z.object({ type: z.literal('auto'), ip_version: IpVersion.nullable().default(null) }),
  ])
  .meta({ id: 'PoolSelector' })
export type PoolSelector = z.output<typeof PoolSelector>
export const AUTO_POOL: PoolSelector = { type: 'auto', ip_version: null }

const params = z.object({ pool: NameOrId })
const poolAndSilo = z.object({ pool: NameOrId, silo: NameOrId })
const tags = ['system/ip-pools']

export const ipPoolEndpoints = [
  endpoint({
    operationId: 'ip_pool_list',
    method: 'GET',
    path: '/v1/ip-pools',
    tags: ['ip-pools'],
    summary: 'List the pools that are linked to the silo',
    query: z.object({ ...listByNameOrId, ip_version: IpVersion.optional(), pool_type: IpPoolType.optional() }),
    response: { status: 200, schema: pageOf(SiloIpPool) },
    paginated: true,
  }),
  endpoint({
    operationId: 'ip_pool_view',
    method: 'GET',
    path: '/v1/ip-pools/{pool}',
    tags: ['ip-pools'],
    summary: 'View a pool that is linked to the silo',
    params,
    response: { status: 200, schema: SiloIpPool },
  }),
  endpoint({
    operationId: 'system_ip_pool_list',
    method: 'GET',
    path: '/v1/system/ip-pools',
    tags,
    summary: 'List all pools',
    query: z.object({
      ...listByNameOrId,
      ip_version: IpVersion.optional(),
      pool_type: IpPoolType.optional(),
      assignment: IpPoolAssignment.optional(),
    }),
    response: { status: 200, schema: pageOf(IpPool) },
    paginated: true,
  }),
  endpoint({
    operationId: 'system_ip_pool_create',
    method: 'POST',
    path: '/v1/system/ip-pools',
    tags,
    summary: 'Create a pool',
    body: z
      .object({
        ...identityCreate,
        ip_version: IpVersion.default('v4'),
        pool_type: IpPoolType.default('unicast'),
        assignment: IpPoolAssignment.default('silos'),
      })
      .meta({ id: 'IpPoolCreate' }),
    response: { status: 201, schema: IpPool },
  }),
  endpoint({
    operationId: 'system_ip_pool_view',
    method: 'GET',
    path: '/v1/system/ip-pools/{pool}',
    tags,
    summary: 'View a pool',
    params,
    response: { status: 200, schema: IpPool },
  }),
  endpoint({
    operationId: 'system_ip_pool_update',
    method: 'PUT',
    path: '/v1/system/ip-pools/{pool}',
    tags,
    summary: 'Rename or describe a pool',
    params,
    body: z.object(identityUpdate).meta({ id: 'IpPoolUpdate' }),
    response: { status: 200, schema: IpPool },
  }),
  endpoint({
    operationId: 'system_ip_pool_delete',
    method: 'DELETE',
    path: '/v1/system/ip-pools/{pool}',
    tags,
    summary: 'Delete a pool without ranges and links',
    params,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'system_ip_pool_assign',
    method: 'POST',
    path: '/v1/system/ip-pools/{pool}/assignment',
    tags,
    summary: 'Say whether a pool is for silos or for services of the rack',
    params,
    body: z.object({ assignment: IpPoolAssignment }).meta({ id: 'IpPoolAssignParam' }),
    response: { status: 200, schema: IpPool },
  }),
  endpoint({
    operationId: 'silo_ip_pool_list',
    method: 'GET',
    path: '/v1/system/silos/{silo}/ip-pools',
    tags: ['system/silos'],
    summary: 'List the pools that are linked to a silo',
    params: z.object({ silo: NameOrId }),
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(SiloIpPool) },
    paginated: true,
  }),
  endpoint({
    operationId: 'system_ip_pool_utilization_view',
    method: 'GET',
    path: '/v1/system/ip-pools/{pool}/utilization',
    tags,
    summary: 'View how many addresses a pool has and how many are left',
    params,
    response: {
      status: 200,
      schema: z.object({ capacity: z.number(), remaining: z.number() }).meta({ id: 'IpPoolUtilization' }),
    },
  }),
  endpoint({
    operationId: 'system_ip_pool_range_list',
    method: 'GET',
    path: '/v1/system/ip-pools/{pool}/ranges',
    tags,
    summary: 'List the ranges of a pool',
    params,
    query: z.object(pageFields),
    response: { status: 200, schema: pageOf(IpPoolRange) },
    paginated: true,
  }),
  endpoint({
    operationId: 'system_ip_pool_range_add',
    method: 'POST',
    path: '/v1/system/ip-pools/{pool}/ranges/add',
    tags,
    summary: 'Add a range to a pool',
    params,
    body: IpRange,
    response: { status: 201, schema: IpPoolRange },
  }),
  endpoint({
    operationId: 'system_ip_pool_range_remove',
    method: 'POST',
    path: '/v1/system/ip-pools/{pool}/ranges/remove',
    tags,
    summary: 'Remove a range of which no address is in use',
    params,
    body: IpRange,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'system_ip_pool_silo_list',
    method: 'GET',
    path: '/v1/system/ip-pools/{pool}/silos',
    tags,
    summary: 'List the silos that a pool is linked to',
    params,
    query: z.object(listById),
    response: { status: 200, schema: pageOf(IpPoolSiloLink) },
    paginated: true,
  }),
  endpoint({
    operationId: 'system_ip_pool_silo_link',
    method: 'POST',
    path: '/v1/system/ip-pools/{pool}/silos',
    tags,
    summary: 'Link a pool to a silo',
    params,
    body: z.object({ silo: NameOrId, is_default: z.boolean() }).meta({ id: 'IpPoolLinkSilo' }),
    response: { status: 201, schema: IpPoolSiloLink },
  }),
  endpoint({
    operationId: 'system_ip_pool_silo_update',
    method: 'PUT',
    path: '/v1/system/ip-pools/{pool}/silos/{silo}',
    tags,
    summary: 'Make a pool the default of a silo, or not',
    params: poolAndSilo,
    body: z.object({ is_default: z.boolean() }).meta({ id: 'IpPoolSiloUpdate' }),
    response: { status: 200, schema: IpPoolSiloLink },
  }),
  endpoint({
    operationId: 'system_ip_pool_silo_unlink',
    method: 'DELETE',
    path: '/v1/system/ip-pools/{pool}/silos/{silo}',
    tags,
    summary: 'Unlink a pool from a silo that uses none of its addresses',
    params: poolAndSilo,
    response: { status: 204 },
  }),
] as const
