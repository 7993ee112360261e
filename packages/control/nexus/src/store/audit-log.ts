/** The audit log, read by the time of completion. */
import type { TimeAndIdSortMode } from '@lodestone/contract-nexus'
import type { Insertable, Selectable } from 'kysely'
import type { AuditLogTable } from './schema.ts'
import type { Db } from './store.ts'

export type AuditLogRow = Selectable<AuditLogTable>

export interface AuditLogScan {
  readonly sortBy: TimeAndIdSortMode
  /** Inclusive. */
  readonly start: Date
  /** Exclusive. */
  readonly end: Date | undefined
  /** The last entry of the page before. */
  readonly after: { readonly time: Date; readonly id: string } | undefined
  readonly limit: number
}

export async function insertAuditEntry(db: Db, row: Insertable<AuditLogTable>): Promise<void> {
  await db.insertInto('audit_log').values(row).execute()
}

/** Of these requests, in the order of their ends. */
export function auditEntriesOf(db: Db, requestIds: readonly string[]): Promise<AuditLogRow[]> {
  if (requestIds.length === 0) return Promise.resolve([])
  return db
    .selectFrom('audit_log')
    .selectAll()
    .where('request_id', 'in', requestIds)
    .orderBy('time_completed')
    .orderBy('id')
    .execute()
}

/** One row more than the limit, where there is one. */
export function listAuditEntries(db: Db, scan: AuditLogScan): Promise<AuditLogRow[]> {
  const { after, end } = scan
  const isDescending = scan.sortBy === 'time_and_id_descending'
  const order = isDescending ? 'desc' : 'asc'
  const beyond = isDescending ? '<' : '>'
  let query = db.selectFrom('audit_log').selectAll().where('time_completed', '>=', scan.start)
  if (end !== undefined) query = query.where('time_completed', '<', end)
  if (after !== undefined) {
    query = query.where((e) =>
      e.or([
        e('time_completed', beyond, after.time),
        e.and([e('time_completed', '=', after.time), e('id', beyond, after.id)]),
      ]),
    )
  }
  return query
    .orderBy('time_completed', order)
    .orderBy('id', order)
    .limit(scan.limit + 1)
    .execute()
}
