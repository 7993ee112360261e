/** Sleds that the rack has, and had: those of its plan, and those that were found later. */
import type { SledProvisionPolicy } from '@lodestone/contract-nexus'
import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Scan, scanned } from './scan.ts'
import type { PhysicalDiskTable, SledTable } from './schema.ts'
import type { Db } from './store.ts'

export type SledRow = Selectable<SledTable>
export type PhysicalDiskRow = Selectable<PhysicalDiskTable>

export function listSleds(db: Db, scan: Scan): Promise<SledRow[]> {
  return scanned(db.selectFrom('sled').selectAll().where('slot', '>=', 0), 'sled', scan).execute()
}

export function sledById(db: Db, id: string): Promise<SledRow | undefined> {
  return db.selectFrom('sled').selectAll().where('id', '=', id).where('slot', '>=', 0).executeTakeFirst()
}

export function sledsInService(db: Db): Promise<SledRow[]> {
  return db
    .selectFrom('sled')
    .selectAll()
    .where('policy', '=', 'in_service')
    .where('slot', '>=', 0)
    .orderBy('slot')
    .execute()
}

/** Of all, those that were taken out of service too. */
export function allSledIds(db: Db): Promise<{ id: string; slot: number }[]> {
  return db.selectFrom('sled').select(['id', 'slot']).execute()
}

export async function insertSled(db: Db, row: Insertable<SledTable>): Promise<void> {
  await db.insertInto('sled').values(row).execute()
}

export async function updateSled(db: Db, id: string, change: Updateable<SledTable>): Promise<void> {
  await db.updateTable('sled').set(change).where('id', '=', id).execute()
}

export function setProvisionPolicy(db: Db, id: string, policy: SledProvisionPolicy, now: Date): Promise<void> {
  return updateSled(db, id, { provision_policy: policy, time_modified: now })
}

/** @param sledId of all sleds when absent. */
export function listPhysicalDisks(db: Db, scan: Scan, sledId?: string): Promise<PhysicalDiskRow[]> {
  let query = db.selectFrom('physical_disk').selectAll()
  if (sledId !== undefined) query = query.where('sled_id', '=', sledId)
  return scanned(query, 'physical_disk', scan).execute()
}

export function disksOfSled(db: Db, sledId: string): Promise<PhysicalDiskRow[]> {
  return db.selectFrom('physical_disk').selectAll().where('sled_id', '=', sledId).orderBy('slot').execute()
}

export async function insertPhysicalDisks(db: Db, rows: readonly Insertable<PhysicalDiskTable>[]): Promise<void> {
  if (rows.length > 0) await db.insertInto('physical_disk').values(rows).execute()
}

/** Goes with its sled. */
export async function expungeDisksOfSled(db: Db, sledId: string, now: Date): Promise<void> {
  await db
    .updateTable('physical_disk')
    .set({ policy: 'expunged', time_modified: now })
    .where('sled_id', '=', sledId)
    .execute()
}

export async function deletePhysicalDisk(db: Db, id: string): Promise<void> {
  await db.deleteFrom('physical_disk').where('id', '=', id).execute()
}
