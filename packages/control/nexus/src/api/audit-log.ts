/**
 * The audit log. Entries are made for every request that could change something, whoever sent it and however it ended,
 * before it is answered: what is not recorded is not acknowledged. Nobody can change or delete an entry.
 *
 * NOT IMPLEMENTED: an end to their number.
 */
import {
  type CompletedCall,
  decodePageToken,
  encodePageToken,
  invalidRequest,
  pageLimit,
  peerAddress,
} from '@lodestone/api'
import { type AuditLogEntry, TimeAndIdSortMode } from '@lodestone/contract-nexus'
import { z } from 'zod'
import { type HandlersOf, nowOf, type RequestContext, type Service } from '../service.ts'
import { type AuditLogRow, insertAuditEntry, listAuditEntries } from '../store/audit-log.ts'

const Position = z.object({
  sort_by: TimeAndIdSortMode,
  start: z.string(),
  end: z.string().nullable(),
  time: z.string(),
  id: z.string(),
})

/** Of what a caller chooses freely. */
const MAX_TEXT = 1024

export function auditLogHandlers({ store }: Service): HandlersOf<'audit_log_list'> {
  return {
    async audit_log_list({ query }) {
      const limit = pageLimit(query)
      const position = query.page_token === undefined ? undefined : decodePageToken(query.page_token, Position)
      const start = position?.start ?? query.start_time
      if (start === undefined) throw invalidRequest('query string: missing field `start_time`')
      const end = position === undefined ? (query.end_time ?? null) : position.end
      const sortBy = position?.sort_by ?? query.sort_by ?? 'time_and_id_ascending'
      const rows = await listAuditEntries(store.db, {
        sortBy,
        start: new Date(start),
        end: end === null ? undefined : new Date(end),
        after: position === undefined ? undefined : { time: new Date(position.time), id: position.id },
        limit,
      })
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      const hasMore = rows.length > limit && last !== undefined
      return {
        items: shown.map(entryFromRow),
        next_page: hasMore
          ? encodePageToken({ sort_by: sortBy, start, end, time: last.time_completed.toISOString(), id: last.id })
          : null,
      }
    },
  }
}

/** Who has called: a user, or a provisioning service by a token of a silo. */
export type AuditedContext = RequestContext | { readonly scimToken: { readonly id: string; readonly silo_id: string } }

export interface AuditedCall extends Pick<
  CompletedCall<AuditedContext>,
  'request' | 'requestId' | 'context' | 'status' | 'error'
> {
  readonly endpoint: { readonly method: string; readonly operationId: string }
}

/** Records one answered request, when it is of a kind that is recorded. */
export async function audit(service: Service, timeStarted: Date, call: AuditedCall): Promise<void> {
  const { request, endpoint, context, error } = call
  if (endpoint.method === 'GET') return
  const { silo_id, silo_user_id, auth_method, credential_id } = callerColumns(context)
  const url = new URL(request.url)
  await insertAuditEntry(service.store.db, {
    id: service.random.uuid(),
    time_started: timeStarted,
    time_completed: nowOf(service),
    request_id: call.requestId,
    request_uri: `${url.pathname}${url.search}`.slice(0, MAX_TEXT),
    operation_id: endpoint.operationId,
    source_ip: peerAddress(request) ?? '::1', // called in this process
    user_agent: request.headers.get('user-agent')?.slice(0, MAX_TEXT) ?? null,
    silo_id,
    silo_user_id,
    auth_method,
    credential_id,
    http_status: call.status,
    error_code: error?.code ?? null,
    error_message: error?.message.slice(0, MAX_TEXT) ?? null,
  })
}

type CallerColumns = Pick<AuditLogRow, 'silo_id' | 'silo_user_id' | 'auth_method' | 'credential_id'>

function callerColumns(context: AuditedContext | undefined): CallerColumns {
  if (context !== undefined && 'scimToken' in context) {
    const { id, silo_id } = context.scimToken
    return { silo_id, silo_user_id: null, auth_method: 'scim_token', credential_id: id }
  }
  const actor = context?.actor
  return {
    silo_id: actor?.siloId ?? null,
    silo_user_id: actor?.userId ?? null,
    auth_method: actor?.credential.method ?? null,
    credential_id: actor?.credential.id ?? null,
  }
}

function actorFrom(siloId: string | null, userId: string | null): AuditLogEntry['actor'] {
  if (siloId === null) return { kind: 'unauthenticated' }
  return userId === null
    ? { kind: 'scim', silo_id: siloId }
    : { kind: 'silo_user', silo_id: siloId, silo_user_id: userId }
}

export function entryFromRow(row: AuditLogRow): AuditLogEntry {
  const { silo_id, silo_user_id, http_status, error_code, error_message } = row
  return {
    id: row.id,
    time_started: row.time_started.toISOString(),
    time_completed: row.time_completed.toISOString(),
    request_id: row.request_id,
    request_uri: row.request_uri,
    operation_id: row.operation_id,
    source_ip: row.source_ip,
    user_agent: row.user_agent,
    actor: actorFrom(silo_id, silo_user_id),
    auth_method: row.auth_method,
    credential_id: row.credential_id,
    result:
      error_message === null
        ? { kind: 'success', http_status_code: http_status }
        : { kind: 'error', http_status_code: http_status, error_code, error_message },
  }
}
