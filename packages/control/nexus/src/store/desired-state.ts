/**
 * Generations. Whatever is pushed to a target has a number that grows exactly when its content changes; the number is
 * durable before the content leaves, so that a restarted control plane never sends new content under an old number.
 */
import type { Db } from './store.ts'

/**
 * The generation of `digest`. The first one is the wall clock's second, so that a store that begins anew is never
 * behind what the targets remember of its predecessor.
 */
export async function generationOf(
  db: Db,
  kind: string,
  target: string,
  digest: string,
  nowMs: number,
): Promise<number> {
  const row = await db
    .selectFrom('desired_state')
    .selectAll()
    .where('kind', '=', kind)
    .where('target', '=', target)
    .executeTakeFirst()
  if (row === undefined) {
    const generation = Math.floor(nowMs / 1000)
    await db.insertInto('desired_state').values({ kind, target, generation, digest }).execute()
    return generation
  }
  const present = Number(row.generation)
  if (row.digest === digest) return present
  const generation = present + 1
  await db
    .updateTable('desired_state')
    .set({ generation, digest })
    .where('kind', '=', kind)
    .where('target', '=', target)
    .execute()
  return generation
}

/** Moves a generation past whatever a target may have been told by another store: at least to the clock's second. */
export async function raiseGeneration(db: Db, kind: string, target: string, nowMs: number): Promise<void> {
  const row = await db
    .selectFrom('desired_state')
    .select('generation')
    .where('kind', '=', kind)
    .where('target', '=', target)
    .executeTakeFirst()
  if (row === undefined) return
  await db
    .updateTable('desired_state')
    .set({ generation: Math.max(Number(row.generation) + 1, Math.floor(nowMs / 1000)) })
    .where('kind', '=', kind)
    .where('target', '=', target)
    .execute()
}
