/** Floating IPs: external addresses with a name, which outlive the instance they are attached to. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  identityUpdate,
  inProject,
  IpAddr,
  listByNameOrId,
  maybeInProject,
  NameOrId,
  Uuid,
} from './identity.ts'
import { AUTO_POOL, PoolSelector } from './ip-pool.ts'

export const FloatingIp = z
  .object({ ...identity, ip: IpAddr, ip_pool_id: Uuid, project_id: Uuid, instance_id: Uuid.nullable() })
  .meta({ id: 'FloatingIp' })
export type FloatingIp = z.output<typeof FloatingIp>

const AddressAllocator = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('explicit'), ip: IpAddr }),
    z.object({ type: z.literal('auto'), pool_selector: PoolSelector.default(AUTO_POOL) }),
  ])
  .meta({ id: 'AddressAllocator' })

export const FloatingIpCreate = z
  .object({
    ...identityCreate,
    address_allocator: AddressAllocator.default({ type: 'auto', pool_selector: AUTO_POOL }),
  })
  .meta({ id: 'FloatingIpCreate' })
export type FloatingIpCreate = z.output<typeof FloatingIpCreate>

const params = z.object({ floating_ip: NameOrId })
const tags = ['floating-ips']

export const floatingIpEndpoints = [
  endpoint({
    operationId: 'floating_ip_list',
    method: 'GET',
    path: '/v1/floating-ips',
    tags,
    summary: 'List floating IPs',
    query: inProject.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(FloatingIp) },
    paginated: true,
  }),
  endpoint({
    operationId: 'floating_ip_create',
    method: 'POST',
    path: '/v1/floating-ips',
    tags,
    summary: 'Take an address from a pool',
    query: inProject,
    body: FloatingIpCreate,
    response: { status: 201, schema: FloatingIp },
  }),
  endpoint({
    operationId: 'floating_ip_view',
    method: 'GET',
    path: '/v1/floating-ips/{floating_ip}',
    tags,
    summary: 'View a floating IP',
    params,
    query: maybeInProject,
    response: { status: 200, schema: FloatingIp },
  }),
  endpoint({
    operationId: 'floating_ip_update',
    method: 'PUT',
    path: '/v1/floating-ips/{floating_ip}',
    tags,
    summary: 'Rename or describe a floating IP',
    params,
    query: maybeInProject,
    body: z.object(identityUpdate).meta({ id: 'FloatingIpUpdate' }),
    response: { status: 200, schema: FloatingIp },
  }),
  endpoint({
    operationId: 'floating_ip_delete',
    method: 'DELETE',
    path: '/v1/floating-ips/{floating_ip}',
    tags,
    summary: 'Give the address of a detached floating IP back to its pool',
    params,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'floating_ip_attach',
    method: 'POST',
    path: '/v1/floating-ips/{floating_ip}/attach',
    tags,
    summary: 'Attach a floating IP to an instance',
    params,
    query: maybeInProject,
    body: z.object({ kind: z.enum(['instance']), parent: NameOrId }).meta({ id: 'FloatingIpAttach' }),
    response: { status: 202, schema: FloatingIp },
  }),
  endpoint({
    operationId: 'floating_ip_detach',
    method: 'POST',
    path: '/v1/floating-ips/{floating_ip}/detach',
    tags,
    summary: 'Detach a floating IP from its instance',
    params,
    query: maybeInProject,
    response: { status: 202, schema: FloatingIp },
  }),
  endpoint({
    operationId: 'external_subnet_list',
    method: 'GET',
    path: '/v1/external-subnets',
    tags: ['external-subnets'],
    summary: 'List the external subnets of a project: there are none',
    query: z.object({ ...listByNameOrId, project: NameOrId.optional() }),
    response: { status: 200, schema: pageOf(z.never()) },
    paginated: true,
  }),
] as const
