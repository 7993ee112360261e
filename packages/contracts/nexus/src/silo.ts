/** Silos: tenants with users, quotas and settings of their own. Managed by the operator of the fleet. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { CertificateCreate } from './certificate.ts'
import { ByteCount, identity, identityCreate, listById, listByNameOrId, Name, NameOrId, Uuid } from './identity.ts'
import { FleetRole } from './policy.ts'

export const SiloIdentityMode = z.enum(['saml_jit', 'local_only', 'saml_scim']).meta({ id: 'SiloIdentityMode' })
export type SiloIdentityMode = z.output<typeof SiloIdentityMode>

/** Silo role → the fleet roles that whoever has it has too. */
export const MappedFleetRoles = z.record(z.string(), z.array(FleetRole))
export type MappedFleetRoles = z.output<typeof MappedFleetRoles>

const siloFields = {
  identity_mode: SiloIdentityMode,
  /** Whether others than its own users see it in lists. */
  discoverable: z.boolean(),
  admin_group_name: z.string().nullish(),
}

export const Silo = z.object({ ...identity, ...siloFields, mapped_fleet_roles: MappedFleetRoles }).meta({ id: 'Silo' })
export type Silo = z.output<typeof Silo>

const quota = z.int().min(0)
const VirtualResourceCounts = z
  .object({ cpus: z.int(), memory: ByteCount, storage: ByteCount })
  .meta({ id: 'VirtualResourceCounts' })

export const SiloQuotas = z
  .object({ silo_id: Uuid, cpus: z.int(), memory: ByteCount, storage: ByteCount })
  .meta({ id: 'SiloQuotas' })
export type SiloQuotas = z.output<typeof SiloQuotas>

export const SiloCreate = z
  .object({
    ...identityCreate,
    ...siloFields,
    mapped_fleet_roles: MappedFleetRoles.default({}),
    quotas: z.object({ cpus: quota, memory: ByteCount, storage: ByteCount }).meta({ id: 'SiloQuotasCreate' }),
    tls_certificates: z.array(CertificateCreate),
  })
  .meta({ id: 'SiloCreate' })

export const SiloUtilization = z
  .object({ silo_id: Uuid, silo_name: Name, provisioned: VirtualResourceCounts, allocated: VirtualResourceCounts })
  .meta({ id: 'SiloUtilization' })
export type SiloUtilization = z.output<typeof SiloUtilization>

export const SiloAuthSettings = z
  .object({ silo_id: Uuid, device_token_max_ttl_seconds: z.int().min(0).nullable() })
  .meta({ id: 'SiloAuthSettings' })

const silo = z.object({ silo: NameOrId })
const tags = ['system/silos']

export const siloEndpoints = [
  endpoint({
    operationId: 'silo_list',
    method: 'GET',
    path: '/v1/system/silos',
    tags,
    summary: 'List the discoverable silos',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(Silo) },
    paginated: true,
  }),
  endpoint({
    operationId: 'silo_create',
    method: 'POST',
    path: '/v1/system/silos',
    tags,
    summary: 'Create a silo',
    body: SiloCreate,
    response: { status: 201, schema: Silo },
  }),
  endpoint({
    operationId: 'silo_view',
    method: 'GET',
    path: '/v1/system/silos/{silo}',
    tags,
    summary: 'View a silo',
    params: silo,
    response: { status: 200, schema: Silo },
  }),
  endpoint({
    operationId: 'silo_delete',
    method: 'DELETE',
    path: '/v1/system/silos/{silo}',
    tags,
    summary: 'Delete a silo without projects, with its users and groups',
    params: silo,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'silo_quotas_view',
    method: 'GET',
    path: '/v1/system/silos/{silo}/quotas',
    tags,
    summary: 'View the quotas of a silo',
    params: silo,
    response: { status: 200, schema: SiloQuotas },
  }),
  endpoint({
    operationId: 'silo_quotas_update',
    method: 'PUT',
    path: '/v1/system/silos/{silo}/quotas',
    tags,
    summary: 'Change quotas of a silo',
    params: silo,
    body: z
      .object({ cpus: quota.nullish(), memory: ByteCount.nullish(), storage: ByteCount.nullish() })
      .meta({ id: 'SiloQuotasUpdate' }),
    response: { status: 200, schema: SiloQuotas },
  }),
  endpoint({
    operationId: 'system_quotas_list',
    method: 'GET',
    path: '/v1/system/silo-quotas',
    tags,
    summary: 'List the quotas of all silos',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(SiloQuotas) },
    paginated: true,
  }),
  endpoint({
    operationId: 'silo_utilization_list',
    method: 'GET',
    path: '/v1/system/utilization/silos',
    tags,
    summary: 'List what each silo uses of its quotas',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(SiloUtilization) },
    paginated: true,
  }),
  endpoint({
    operationId: 'silo_utilization_view',
    method: 'GET',
    path: '/v1/system/utilization/silos/{silo}',
    tags,
    summary: 'View what a silo uses of its quotas',
    params: silo,
    response: { status: 200, schema: SiloUtilization },
  }),
  endpoint({
    operationId: 'utilization_view',
    method: 'GET',
    path: '/v1/utilization',
    tags: ['silos'],
    summary: 'View what the silo uses of its quotas',
    response: {
      status: 200,
      schema: z
        .object({ provisioned: VirtualResourceCounts, capacity: VirtualResourceCounts })
        .meta({ id: 'Utilization' }),
    },
  }),
  endpoint({
    operationId: 'auth_settings_view',
    method: 'GET',
    path: '/v1/auth-settings',
    tags: ['silos'],
    summary: 'View the authentication settings of the silo',
    response: { status: 200, schema: SiloAuthSettings },
  }),
  endpoint({
    operationId: 'auth_settings_update',
    method: 'PUT',
    path: '/v1/auth-settings',
    tags: ['silos'],
    summary: 'Replace the authentication settings of the silo',
    body: z
      .object({ device_token_max_ttl_seconds: z.int().min(1).max(0xffff_ffff).nullable() })
      .meta({ id: 'SiloAuthSettingsUpdate' }),
    response: { status: 200, schema: SiloAuthSettings },
  }),
] as const
