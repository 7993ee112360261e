/** Silos, their users and roles. */
import type { Insertable, Selectable } from 'kysely'
import type { Db } from './store.ts'
import { refColumn } from './scan.ts'
import type { RoleAssignmentTable, SiloTable, SiloUserTable } from './schema.ts'

export type SiloRow = Selectable<SiloTable>
export type SiloUserRow = Selectable<SiloUserTable>
export type RoleRow = Selectable<RoleAssignmentTable>

export function siloByRef(db: Db, ref: string): Promise<SiloRow | undefined> {
  return db.selectFrom('silo').selectAll().where(refColumn(ref), '=', ref).executeTakeFirst()
}

export async function insertSilo(db: Db, row: Insertable<SiloTable>): Promise<void> {
  await db.insertInto('silo').values(row).execute()
}

export function userByExternalId(db: Db, siloId: string, externalId: string): Promise<SiloUserRow | undefined> {
  return db
    .selectFrom('silo_user')
    .selectAll()
    .where('silo_id', '=', siloId)
    .where('external_id', '=', externalId)
    .executeTakeFirst()
}

export function userById(db: Db, id: string): Promise<SiloUserRow | undefined> {
  return db.selectFrom('silo_user').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function insertUser(db: Db, row: Insertable<SiloUserTable>): Promise<void> {
  await db.insertInto('silo_user').values(row).execute()
}

export function rolesOfUser(db: Db, userId: string): Promise<RoleRow[]> {
  return db.selectFrom('role_assignment').selectAll().where('user_id', '=', userId).execute()
}

export async function insertRole(db: Db, row: Insertable<RoleAssignmentTable>): Promise<void> {
  await db.insertInto('role_assignment').values(row).execute()
}
