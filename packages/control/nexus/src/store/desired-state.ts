/**
 * Generations of what is pushed out: a number for each kind and target that grows exactly when the content changes, and
 * survives restarts. Targets refuse generations older than the one they have.
 *
 * Content is derived from a snapshot, and another control plane may have derived it from a newer one meanwhile. Snapshots are
 * numbered in the order of what they saw, and content of an older one never gets a generation after that of a newer one.
 */
import type { Db } from './store.ts'

/** The content was derived from a snapshot that is older than what was pushed last: it must be derived anew. */
export class StaleSnapshot extends Error {
  constructor(kind: string, target: string) {
    super(`${kind} of ${target}: a newer snapshot has been acted on`)
  }
}

/**
 * The generation of this content. A new row begins at the clock's second, so that a target that outlived a lost store still
 * sees generations grow.
 */
export async function generationOf(
  db: Db,
  kind: string,
  target: string,
  digest: string,
  snapshot: number,
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
    await db.insertInto('desired_state').values({ kind, target, generation, digest, snapshot }).execute()
    return generation
  }
  const present = Number(row.generation)
  if (Number(row.snapshot) > snapshot) {
    // What an older snapshot says is right by accident when it is what the newer one said.
    if (row.digest === digest) return present
    throw new StaleSnapshot(kind, target)
  }
  if (row.digest === digest && Number(row.snapshot) === snapshot) return present
  // The number is kept even when the content is the same: it says who was here last.
  const generation = row.digest === digest ? present : present + 1
  await db
    .updateTable('desired_state')
    .set({ generation, digest, snapshot })
    .where('kind', '=', kind)
    .where('target', '=', target)
    .execute()
  return generation
}

/**
 * Moves a generation past whatever a target may have been told by another store: at least to the clock's second. Unless this
 * store has moved it meanwhile: then it was another control plane that told the target.
 * @param refused the generation that the target refused as too old.
 */
export async function raiseGeneration(
  db: Db,
  kind: string,
  target: string,
  refused: number,
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('desired_state')
    .set({ generation: Math.max(refused + 1, Math.floor(nowMs / 1000)) })
    .where('kind', '=', kind)
    .where('target', '=', target)
    .where('generation', '=', refused)
    .execute()
}
