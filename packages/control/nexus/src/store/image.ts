/** Images, of projects and of silos. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Scan, scanned } from './scan.ts'
import type { ImageTable } from './schema.ts'
import type { Db } from './store.ts'

export type ImageRow = Selectable<ImageTable>

/** @param projectId null: the silo's own. */
export function listImages(db: Db, siloId: string, projectId: string | null, scan: Scan): Promise<ImageRow[]> {
  return scanned(imagesOf(db, siloId, projectId), 'image', scan).execute()
}

/** @param projectId null: the silo's own. */
export function imageByName(
  db: Db,
  siloId: string,
  projectId: string | null,
  name: string,
): Promise<ImageRow | undefined> {
  return imagesOf(db, siloId, projectId).where('name', '=', name).executeTakeFirst()
}

export function imageById(db: Db, siloId: string, id: string): Promise<ImageRow | undefined> {
  return db.selectFrom('image').selectAll().where('silo_id', '=', siloId).where('id', '=', id).executeTakeFirst()
}

export async function insertImage(db: Db, row: Insertable<ImageTable>): Promise<void> {
  await db.insertInto('image').values(row).execute()
}

export function updateImage(db: Db, id: string, change: Updateable<ImageTable>): Promise<ImageRow> {
  return db.updateTable('image').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** Its volume is to be released after it. */
export async function deleteImage(db: Db, id: string): Promise<void> {
  await db.deleteFrom('image').where('id', '=', id).execute()
}

function imagesOf(db: Db, siloId: string, projectId: string | null) {
  const query = db.selectFrom('image').selectAll().where('silo_id', '=', siloId)
  return projectId === null ? query.where('project_id', 'is', null) : query.where('project_id', '=', projectId)
}
