/**
 * Who runs a reconciler: of several control planes on one store, one at a time. A lease that is not renewed in time is taken
 * over. Times are wall clocks of the control planes, which must agree to within a few seconds; a lease that one dated far ahead is
 * taken over by whoever has seen that nobody renews it.
 */
import type { Db } from './store.ts'

/**
 * @param names each once.
 * @param staleMs leases that end at these times count as over, too.
 * @returns those that `holder` has until `expiresMs`: they were free, over, or the holder's already.
 */
export async function takeLeases(
  db: Db,
  names: readonly string[],
  holder: string,
  nowMs: number,
  expiresMs: number,
  staleMs: readonly number[] = [],
): Promise<ReadonlySet<string>> {
  const rows = await db
    .insertInto('reconciler_lease')
    // In one order, so that two control planes that take the same ones do not wait for each other.
    .values(names.toSorted().map((name) => ({ name, holder, expires_ms: expiresMs })))
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({ holder, expires_ms: expiresMs })
        .where((known) =>
          known.or([
            known('reconciler_lease.holder', '=', holder),
            known('reconciler_lease.expires_ms', '<=', nowMs),
            ...(staleMs.length === 0 ? [] : [known('reconciler_lease.expires_ms', 'in', staleMs)]),
          ]),
        ),
    )
    .returning('name')
    .execute()
  return new Set(rows.map(({ name }) => name))
}

/** Renews what `holder` has and is not over. @returns the names of that. */
export async function renewLeases(
  db: Db,
  holder: string,
  nowMs: number,
  expiresMs: number,
): Promise<ReadonlySet<string>> {
  const rows = await db
    .updateTable('reconciler_lease')
    .set({ expires_ms: expiresMs })
    .where('holder', '=', holder)
    .where('expires_ms', '>', nowMs)
    .returning('name')
    .execute()
  return new Set(rows.map(({ name }) => name))
}

/** Until when others have theirs, by name. */
export async function leasesOfOthers(db: Db, holder: string): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('reconciler_lease')
    .select(['name', 'expires_ms'])
    .where('holder', '!=', holder)
    .execute()
  return new Map(rows.map((row) => [row.name, Number(row.expires_ms)]))
}

/** Whoever waits for one of them need not wait until they are over. */
export async function releaseLeases(db: Db, holder: string): Promise<void> {
  await db.deleteFrom('reconciler_lease').where('holder', '=', holder).execute()
}

/** On a database that only one process can have: whoever held a lease is gone. */
export async function releaseAllLeases(db: Db): Promise<void> {
  await db.deleteFrom('reconciler_lease').execute()
}
