/** Silos and what they use of their quotas. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { SiloTable } from './schema.ts'
import type { Db } from './store.ts'

export type SiloRow = Selectable<SiloTable>

export function listSilos(db: Db, onlyDiscoverable: boolean, scan: Scan): Promise<SiloRow[]> {
  const query = db.selectFrom('silo').selectAll()
  return scanned(onlyDiscoverable ? query.where('discoverable', '=', true) : query, 'silo', scan).execute()
}

export function siloByRef(db: Db, ref: string): Promise<SiloRow | undefined> {
  return db.selectFrom('silo').selectAll().where(refColumn(ref), '=', ref).executeTakeFirst()
}

/** By its label in DNS, where case does not count. */
export function siloByLabel(db: Db, label: string): Promise<SiloRow | undefined> {
  return db
    .selectFrom('silo')
    .selectAll()
    .where((e) => e(e.fn<string>('lower', ['name']), '=', label.toLowerCase()))
    .orderBy('time_created')
    .executeTakeFirst()
}

export async function insertSilo(db: Db, row: Insertable<SiloTable>): Promise<void> {
  await db.insertInto('silo').values(row).execute()
}

export function updateSilo(db: Db, id: string, change: Updateable<SiloTable>): Promise<SiloRow> {
  return db.updateTable('silo').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** With its groups and pool links. Users must be gone, and there must be no projects. */
export async function deleteSilo(db: Db, id: string): Promise<void> {
  await db.deleteFrom('ip_pool_silo').where('silo_id', '=', id).execute()
  await db.deleteFrom('silo').where('id', '=', id).execute()
}

export async function hasProjects(db: Db, siloId: string): Promise<boolean> {
  return (await db.selectFrom('project').select('id').where('silo_id', '=', siloId).executeTakeFirst()) !== undefined
}

/** What the instances of a silo use that run or are wanted to run. */
export async function provisionedOfSilo(db: Db, siloId: string): Promise<{ cpus: number; memoryBytes: number }> {
  const row = await db
    .selectFrom('instance')
    .innerJoin('project', 'project.id', 'instance.project_id')
    .select((e) => [
      e.fn.coalesce(e.fn.sum<number>('instance.ncpus'), e.lit(0)).as('cpus'),
      e.fn.coalesce(e.fn.sum<number>('instance.memory_bytes'), e.lit(0)).as('memory'),
    ])
    .where('project.silo_id', '=', siloId)
    .where('instance.desired_state', '=', 'running')
    .executeTakeFirstOrThrow()
  return { cpus: Number(row.cpus), memoryBytes: Number(row.memory) }
}
