/** Versions of the set of boards that are the rack's. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import type { RackMembershipTable } from './schema.ts'
import type { Db } from './store.ts'

export type RackMembershipRow = Selectable<RackMembershipTable>

/** The last version, or a given one. */
export function membership(db: Db, version?: number): Promise<RackMembershipRow | undefined> {
  const query = db.selectFrom('rack_membership').selectAll()
  const chosen =
    version === undefined ? query.orderBy('version', 'desc').limit(1) : query.where('version', '=', version)
  return chosen.executeTakeFirst()
}

/** The last version that was not taken back. */
export function standingMembership(db: Db): Promise<RackMembershipRow | undefined> {
  return db
    .selectFrom('rack_membership')
    .selectAll()
    .where('state', '!=', 'aborted')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function insertMembership(db: Db, row: Insertable<RackMembershipTable>): Promise<void> {
  await db.insertInto('rack_membership').values(row).execute()
}

export function updateMembership(
  db: Db,
  version: number,
  change: Updateable<RackMembershipTable>,
): Promise<RackMembershipRow> {
  return db
    .updateTable('rack_membership')
    .set(change)
    .where('version', '=', version)
    .returningAll()
    .executeTakeFirstOrThrow()
}
