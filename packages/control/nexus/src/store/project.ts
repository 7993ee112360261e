/** Projects. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { replaceGrants } from './role-grant.ts'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { ProjectTable } from './schema.ts'
import type { Db } from './store.ts'

export type ProjectRow = Selectable<ProjectTable>

export function listProjects(db: Db, siloId: string, scan: Scan): Promise<ProjectRow[]> {
  return scanned(db.selectFrom('project').selectAll().where('silo_id', '=', siloId), 'project', scan).execute()
}

export function projectByRef(db: Db, siloId: string, ref: string): Promise<ProjectRow | undefined> {
  return db
    .selectFrom('project')
    .selectAll()
    .where('silo_id', '=', siloId)
    .where(refColumn(ref), '=', ref)
    .executeTakeFirst()
}

export async function insertProject(db: Db, row: Insertable<ProjectTable>): Promise<void> {
  await db.insertInto('project').values(row).execute()
}

export function updateProject(db: Db, id: string, change: Updateable<ProjectTable>): Promise<ProjectRow> {
  return db.updateTable('project').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** With its policy. */
export async function deleteProject(db: Db, id: string): Promise<void> {
  await replaceGrants(db, { type: 'project', id }, [])
  await db.deleteFrom('project').where('id', '=', id).execute()
}

/** The first thing found in a project, which keeps it from being deleted. */
export async function firstInProject(db: Db, id: string): Promise<{ type: string; name: string } | undefined> {
  const instance = await db.selectFrom('instance').select('name').where('project_id', '=', id).executeTakeFirst()
  if (instance !== undefined) return { type: 'instance', name: instance.name }
  const floating = await db.selectFrom('external_ip').select('name').where('project_id', '=', id).executeTakeFirst()
  if (floating !== undefined) return { type: 'floating ip', name: floating.name ?? '' }
  for (const type of ['disk', 'snapshot', 'image'] as const) {
    const row = await db.selectFrom(type).select('name').where('project_id', '=', id).executeTakeFirst()
    if (row !== undefined) return { type, name: row.name }
  }
  const vpc = await db.selectFrom('vpc').select('name').where('project_id', '=', id).executeTakeFirst()
  return vpc === undefined ? undefined : { type: 'vpc', name: vpc.name }
}
