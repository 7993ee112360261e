/** Roles of users and groups on the fleet, on silos and on projects. */
import type { IdentityType } from '@lodestone/contract-nexus'
import type { Insertable, Selectable } from 'kysely'
import type { RoleGrantTable } from './schema.ts'
import type { Db } from './store.ts'

export type RoleGrantRow = Selectable<RoleGrantTable>

export interface Resource {
  readonly type: RoleGrantRow['resource_type']
  readonly id: string
}

export function grantsOfResource(db: Db, resource: Resource): Promise<RoleGrantRow[]> {
  return db
    .selectFrom('role_grant')
    .selectAll()
    .where('resource_type', '=', resource.type)
    .where('resource_id', '=', resource.id)
    .orderBy('identity_id')
    .orderBy('role')
    .execute()
}

export async function replaceGrants(
  db: Db,
  resource: Resource,
  rows: readonly Insertable<RoleGrantTable>[],
): Promise<void> {
  await db
    .deleteFrom('role_grant')
    .where('resource_type', '=', resource.type)
    .where('resource_id', '=', resource.id)
    .execute()
  await insertGrants(db, rows)
}

export async function insertGrants(db: Db, rows: readonly Insertable<RoleGrantTable>[]): Promise<void> {
  if (rows.length > 0) await db.insertInto('role_grant').values(rows).execute()
}

export async function deleteGrantsOfIdentity(db: Db, type: IdentityType, id: string): Promise<void> {
  await db.deleteFrom('role_grant').where('identity_type', '=', type).where('identity_id', '=', id).execute()
}
