/** SAML identity providers of silos, and the logins that are under way with them. */
import type { Insertable, Selectable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { SamlIdentityProviderTable, SamlRequestTable } from './schema.ts'
import type { Db } from './store.ts'

export type SamlIdentityProviderRow = Selectable<SamlIdentityProviderTable>
export type SamlRequestRow = Selectable<SamlRequestTable>

export function listProviders(db: Db, siloId: string, scan: Scan): Promise<SamlIdentityProviderRow[]> {
  const query = db.selectFrom('saml_identity_provider').selectAll().where('silo_id', '=', siloId)
  return scanned(query, 'saml_identity_provider', scan).execute()
}

/** Where people of the silo log in who name no provider: the one that was there first. */
export function firstProvider(db: Db, siloId: string): Promise<SamlIdentityProviderRow | undefined> {
  const query = db.selectFrom('saml_identity_provider').selectAll().where('silo_id', '=', siloId)
  return query.orderBy('time_created').orderBy('id').limit(1).executeTakeFirst()
}

export function providerByRef(db: Db, siloId: string, ref: string): Promise<SamlIdentityProviderRow | undefined> {
  return db
    .selectFrom('saml_identity_provider')
    .selectAll()
    .where('silo_id', '=', siloId)
    .where(refColumn(ref), '=', ref)
    .executeTakeFirst()
}

export function providerById(db: Db, id: string): Promise<SamlIdentityProviderRow | undefined> {
  return db.selectFrom('saml_identity_provider').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function insertProvider(db: Db, row: Insertable<SamlIdentityProviderTable>): Promise<void> {
  await db.insertInto('saml_identity_provider').values(row).execute()
}

/** Of all silos. */
export function allProviders(db: Db): Promise<Pick<SamlIdentityProviderRow, 'id' | 'private_key'>[]> {
  return db.selectFrom('saml_identity_provider').select(['id', 'private_key']).execute()
}

export async function updateProviderKey(db: Db, id: string, key: string): Promise<void> {
  await db.updateTable('saml_identity_provider').set({ private_key: key }).where('id', '=', id).execute()
}

export async function insertSamlRequest(db: Db, row: Insertable<SamlRequestTable>): Promise<void> {
  await db.insertInto('saml_request').values(row).execute()
}

/** A request that may still be answered. */
export function samlRequest(db: Db, id: string, providerId: string, now: Date): Promise<SamlRequestRow | undefined> {
  return db
    .selectFrom('saml_request')
    .selectAll()
    .where('id', '=', id)
    .where('provider_id', '=', providerId)
    .where('time_expires', '>', now)
    .executeTakeFirst()
}

/** Ends a request. @returns false when somebody has ended it before: one answer counts. */
export async function takeSamlRequest(db: Db, id: string): Promise<boolean> {
  const result = await db.deleteFrom('saml_request').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0
}

export async function deleteSamlRequestsBefore(db: Db, time: Date): Promise<void> {
  await db.deleteFrom('saml_request').where('time_expires', '<', time).execute()
}
