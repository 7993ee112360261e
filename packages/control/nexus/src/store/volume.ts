/**
 * The bytes behind disks, snapshots and images: layers of blocks, each over a parent. A snapshot freezes a disk's layer
 * and puts a new one on top, so nothing is ever copied. A layer that nothing stands on or refers to is removed.
 *
 * Only what is imported is ever written; embedded guests have no disks to read it from.
 */
import type { Db } from './store.ts'

export async function insertVolume(db: Db, id: string, parentId: string | null): Promise<void> {
  await db.insertInto('volume').values({ id, parent_id: parentId }).execute()
}

/** Replaces what was written at the same offset before. */
export async function writeVolume(db: Db, volumeId: string, offset: number, data: Uint8Array): Promise<void> {
  const row = { volume_id: volumeId, byte_offset: offset, data }
  await db
    .insertInto('volume_block')
    .values(row)
    .onConflict((conflict) => conflict.columns(['volume_id', 'byte_offset']).doUpdateSet({ data }))
    .execute()
}

/** Removes a volume that a disk, snapshot or image was the last to refer to, and its parents likewise. */
export async function releaseVolume(db: Db, volumeId: string): Promise<void> {
  let id: string | null = volumeId
  while (id !== null && !(await isInUse(db, id))) {
    const row: { parent_id: string | null } | undefined = await db
      .deleteFrom('volume')
      .where('id', '=', id)
      .returning('parent_id')
      .executeTakeFirst()
    id = row?.parent_id ?? null
  }
}

async function isInUse(db: Db, id: string): Promise<boolean> {
  for (const table of ['disk', 'snapshot', 'image'] as const) {
    if ((await db.selectFrom(table).select('id').where('volume_id', '=', id).executeTakeFirst()) !== undefined)
      return true
  }
  return (await db.selectFrom('volume').select('id').where('parent_id', '=', id).executeTakeFirst()) !== undefined
}
