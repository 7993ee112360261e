/** Disks and snapshots. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Owned, type Scan, scanned } from './scan.ts'
import type { DiskTable, SnapshotTable } from './schema.ts'
import type { Db } from './store.ts'

export type DiskRow = Selectable<DiskTable>
export type SnapshotRow = Selectable<SnapshotTable>

export function listDisks(db: Db, projectId: string, scan: Scan): Promise<DiskRow[]> {
  return scanned(db.selectFrom('disk').selectAll().where('project_id', '=', projectId), 'disk', scan).execute()
}

export function listDisksOfInstance(db: Db, instanceId: string, scan: Scan): Promise<DiskRow[]> {
  return scanned(db.selectFrom('disk').selectAll().where('instance_id', '=', instanceId), 'disk', scan).execute()
}

export function disksOfInstance(db: Db, instanceId: string): Promise<DiskRow[]> {
  return db.selectFrom('disk').selectAll().where('instance_id', '=', instanceId).orderBy('name').execute()
}

export function diskByName(db: Db, projectId: string, name: string): Promise<DiskRow | undefined> {
  return db
    .selectFrom('disk')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function diskById(db: Db, siloId: string, id: string): Promise<Owned<DiskRow> | undefined> {
  return db
    .selectFrom('disk')
    .innerJoin('project', 'project.id', 'disk.project_id')
    .selectAll('disk')
    .select('project.id as owning_project_id')
    .where('disk.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertDisk(db: Db, row: Insertable<DiskTable>): Promise<void> {
  await db.insertInto('disk').values(row).execute()
}

export function updateDisk(db: Db, id: string, change: Updateable<DiskTable>): Promise<DiskRow> {
  return db.updateTable('disk').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** Its volume is to be released after it. */
export async function deleteDisk(db: Db, id: string): Promise<void> {
  await db.deleteFrom('disk').where('id', '=', id).execute()
}

export async function detachDisksOfInstance(db: Db, instanceId: string, now: Date): Promise<void> {
  await db
    .updateTable('disk')
    .set({ instance_id: null, time_modified: now })
    .where('instance_id', '=', instanceId)
    .execute()
}

/** Bytes that the disks and snapshots of a silo were given. */
export async function storageOfSilo(db: Db, siloId: string): Promise<number> {
  let bytes = 0
  for (const table of ['disk', 'snapshot'] as const) {
    const row = await db
      .selectFrom(table)
      .innerJoin('project', 'project.id', `${table}.project_id`)
      .select((e) => e.fn.coalesce(e.fn.sum<number>(`${table}.size_bytes`), e.lit(0)).as('bytes'))
      .where('project.silo_id', '=', siloId)
      .executeTakeFirstOrThrow()
    bytes += Number(row.bytes)
  }
  return bytes
}

export function listSnapshots(db: Db, projectId: string, scan: Scan): Promise<SnapshotRow[]> {
  return scanned(db.selectFrom('snapshot').selectAll().where('project_id', '=', projectId), 'snapshot', scan).execute()
}

export function snapshotByName(db: Db, projectId: string, name: string): Promise<SnapshotRow | undefined> {
  return db
    .selectFrom('snapshot')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function snapshotById(db: Db, siloId: string, id: string): Promise<Owned<SnapshotRow> | undefined> {
  return db
    .selectFrom('snapshot')
    .innerJoin('project', 'project.id', 'snapshot.project_id')
    .selectAll('snapshot')
    .select('project.id as owning_project_id')
    .where('snapshot.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertSnapshot(db: Db, row: Insertable<SnapshotTable>): Promise<void> {
  await db.insertInto('snapshot').values(row).execute()
}

/** Its volume is to be released after it. */
export async function deleteSnapshot(db: Db, id: string): Promise<void> {
  await db.deleteFrom('snapshot').where('id', '=', id).execute()
}
