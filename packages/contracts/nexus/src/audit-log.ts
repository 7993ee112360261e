/** The audit log: one entry for each request that could change something, and for each login. */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { IpAddr, Time, Uuid } from './identity.ts'

export const AuthMethod = z.enum(['session_cookie', 'access_token', 'scim_token']).meta({ id: 'AuthMethod' })
export type AuthMethod = z.output<typeof AuthMethod>

export const AuditLogEntryActor = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('silo_user'), silo_id: Uuid, silo_user_id: Uuid }),
    /** A provisioning service, by a token of the silo. */
    z.object({ kind: z.literal('scim'), silo_id: Uuid }),
    z.object({ kind: z.literal('unauthenticated') }),
  ])
  .meta({ id: 'AuditLogEntryActor' })

export const AuditLogEntryResult = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('success'), http_status_code: z.int() }),
    z.object({
      kind: z.literal('error'),
      http_status_code: z.int(),
      error_code: z.string().nullable(),
      error_message: z.string(),
    }),
  ])
  .meta({ id: 'AuditLogEntryResult' })

export const AuditLogEntry = z
  .object({
    id: Uuid,
    time_started: Time,
    time_completed: Time,
    request_id: z.string(),
    /** Path and query. */
    request_uri: z.string(),
    operation_id: z.string(),
    source_ip: IpAddr,
    user_agent: z.string().nullable(),
    actor: AuditLogEntryActor,
    auth_method: AuthMethod.nullable(),
    /** The session or token that was used. */
    credential_id: Uuid.nullable(),
    result: AuditLogEntryResult,
  })
  .meta({ id: 'AuditLogEntry' })
export type AuditLogEntry = z.output<typeof AuditLogEntry>

export const TimeAndIdSortMode = z
  .enum(['time_and_id_ascending', 'time_and_id_descending'])
  .meta({ id: 'TimeAndIdSortMode' })
export type TimeAndIdSortMode = z.output<typeof TimeAndIdSortMode>

export const auditLogEndpoints = [
  endpoint({
    operationId: 'audit_log_list',
    method: 'GET',
    path: '/v1/system/audit-log',
    tags: ['system/audit-log'],
    summary: 'List the entries completed in a span of time',
    query: z.object({
      ...pageFields,
      sort_by: TimeAndIdSortMode.optional(),
      /** Required on the first page. Inclusive. */
      start_time: Time.optional(),
      /** Exclusive. */
      end_time: Time.optional(),
    }),
    response: { status: 200, schema: pageOf(AuditLogEntry) },
    paginated: true,
  }),
] as const
