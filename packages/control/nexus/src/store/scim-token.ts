/** Tokens of provisioning services. Secrets arrive hashed. */
import type { Insertable, Selectable } from 'kysely'
import type { ScimTokenTable } from './schema.ts'
import type { Db } from './store.ts'

export type ScimTokenRow = Selectable<ScimTokenTable>

export function scimTokensOfSilo(db: Db, siloId: string): Promise<ScimTokenRow[]> {
  return db.selectFrom('scim_token').selectAll().where('silo_id', '=', siloId).orderBy('time_created').execute()
}

export function scimTokenOfSilo(db: Db, siloId: string, id: string): Promise<ScimTokenRow | undefined> {
  return db.selectFrom('scim_token').selectAll().where('silo_id', '=', siloId).where('id', '=', id).executeTakeFirst()
}

export function scimTokenByHash(db: Db, hash: string): Promise<ScimTokenRow | undefined> {
  return db.selectFrom('scim_token').selectAll().where('token_hash', '=', hash).executeTakeFirst()
}

export async function insertScimToken(db: Db, row: Insertable<ScimTokenTable>): Promise<void> {
  await db.insertInto('scim_token').values(row).execute()
}

export async function deleteScimToken(db: Db, id: string): Promise<void> {
  await db.deleteFrom('scim_token').where('id', '=', id).execute()
}
