/** Users and groups of silos. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { deleteGrantsOfIdentity } from './role-grant.ts'
import { type Scan, scanned } from './scan.ts'
import type { SiloGroupTable, SiloUserTable } from './schema.ts'
import type { Db } from './store.ts'

export type SiloUserRow = Selectable<SiloUserTable>
export type SiloGroupRow = Selectable<SiloGroupTable>

export interface Membership {
  readonly group_id: string
  readonly user_id: string
  readonly group_name: string
  readonly user_name: string
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

export function userOfSilo(db: Db, siloId: string, id: string): Promise<SiloUserRow | undefined> {
  return db.selectFrom('silo_user').selectAll().where('silo_id', '=', siloId).where('id', '=', id).executeTakeFirst()
}

/** @param groupId only members of this group. */
export function listUsers(db: Db, siloId: string, groupId: string | undefined, scan: Scan): Promise<SiloUserRow[]> {
  const query = db.selectFrom('silo_user').selectAll('silo_user').where('silo_id', '=', siloId)
  const chosen =
    groupId === undefined
      ? query
      : query.where('silo_user.id', 'in', (e) =>
          e.selectFrom('silo_group_member').select('user_id').where('group_id', '=', groupId),
        )
  return scanned(chosen, 'silo_user', scan).execute()
}

export async function insertUser(db: Db, row: Insertable<SiloUserTable>): Promise<void> {
  await db.insertInto('silo_user').values(row).execute()
}

export async function updateUser(db: Db, id: string, change: Updateable<SiloUserTable>): Promise<void> {
  await db.updateTable('silo_user').set(change).where('id', '=', id).execute()
}

/** With everything that is theirs: sessions, tokens, keys, memberships, roles. */
export async function deleteUser(db: Db, id: string): Promise<void> {
  for (const table of ['session', 'device_auth', 'access_token', 'ssh_key'] as const) {
    await db.deleteFrom(table).where('user_id', '=', id).execute()
  }
  await deleteGrantsOfIdentity(db, 'silo_user', id)
  await db.deleteFrom('silo_user').where('id', '=', id).execute()
}

export function allUsers(db: Db, siloId: string): Promise<SiloUserRow[]> {
  return db.selectFrom('silo_user').selectAll().where('silo_id', '=', siloId).execute()
}

export function listGroups(db: Db, siloId: string, scan: Scan): Promise<SiloGroupRow[]> {
  return scanned(db.selectFrom('silo_group').selectAll().where('silo_id', '=', siloId), 'silo_group', scan).execute()
}

export function groupOfSilo(db: Db, siloId: string, id: string): Promise<SiloGroupRow | undefined> {
  return db.selectFrom('silo_group').selectAll().where('silo_id', '=', siloId).where('id', '=', id).executeTakeFirst()
}

export function groupById(db: Db, id: string): Promise<SiloGroupRow | undefined> {
  return db.selectFrom('silo_group').selectAll().where('id', '=', id).executeTakeFirst()
}

export function groupByExternalId(db: Db, siloId: string, externalId: string): Promise<SiloGroupRow | undefined> {
  return db
    .selectFrom('silo_group')
    .selectAll()
    .where('silo_id', '=', siloId)
    .where('external_id', '=', externalId)
    .executeTakeFirst()
}

/** By a name in whatever case: services that provision users and identity providers need not agree on it. */
export function userByAnyCase(db: Db, siloId: string, externalId: string): Promise<SiloUserRow | undefined> {
  return db
    .selectFrom('silo_user')
    .selectAll()
    .where('silo_id', '=', siloId)
    .where((e) => e(e.fn<string>('lower', ['external_id']), '=', externalId.toLowerCase()))
    .executeTakeFirst()
}

export function allGroups(db: Db, siloId: string): Promise<SiloGroupRow[]> {
  return db.selectFrom('silo_group').selectAll().where('silo_id', '=', siloId).orderBy('id').execute()
}

export async function updateGroup(db: Db, id: string, change: Updateable<SiloGroupTable>): Promise<void> {
  await db.updateTable('silo_group').set(change).where('id', '=', id).execute()
}

/** With its roles. Its members stay users. */
export async function deleteGroup(db: Db, id: string): Promise<void> {
  await deleteGrantsOfIdentity(db, 'silo_group', id)
  await db.deleteFrom('silo_group').where('id', '=', id).execute()
}

/** Who is in which group of a silo. */
export function membersOfSilo(db: Db, siloId: string): Promise<Membership[]> {
  return db
    .selectFrom('silo_group_member')
    .innerJoin('silo_group', 'silo_group.id', 'silo_group_member.group_id')
    .innerJoin('silo_user', 'silo_user.id', 'silo_group_member.user_id')
    .select([
      'silo_group_member.group_id',
      'silo_group_member.user_id',
      'silo_group.external_id as group_name',
      'silo_user.external_id as user_name',
    ])
    .where('silo_group.silo_id', '=', siloId)
    .orderBy('silo_group_member.user_id')
    .execute()
}

export async function insertGroup(db: Db, row: Insertable<SiloGroupTable>): Promise<void> {
  await db.insertInto('silo_group').values(row).execute()
}

export async function insertMember(db: Db, groupId: string, userId: string): Promise<void> {
  await db.insertInto('silo_group_member').values({ group_id: groupId, user_id: userId }).execute()
}

export async function deleteMember(db: Db, groupId: string, userId: string): Promise<void> {
  await db.deleteFrom('silo_group_member').where('group_id', '=', groupId).where('user_id', '=', userId).execute()
}

export function groupsOfUser(db: Db, userId: string): Promise<SiloGroupRow[]> {
  return db
    .selectFrom('silo_group')
    .innerJoin('silo_group_member', 'silo_group_member.group_id', 'silo_group.id')
    .selectAll('silo_group')
    .where('silo_group_member.user_id', '=', userId)
    .orderBy('silo_group.id')
    .execute()
}
