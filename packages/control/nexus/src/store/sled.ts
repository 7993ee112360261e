/** What operators have said about sleds. */
import type { SledProvisionPolicy } from '@lodestone/contract-nexus'
import type { Db } from './store.ts'

/** By the sled's id; a sled that is missing is provisionable. */
export async function provisionPolicies(db: Db): Promise<ReadonlyMap<string, SledProvisionPolicy>> {
  const rows = await db.selectFrom('sled').selectAll().execute()
  return new Map(rows.map((row) => [row.id, row.provision_policy]))
}

export async function setProvisionPolicy(db: Db, id: string, policy: SledProvisionPolicy, now: Date): Promise<void> {
  const change = { provision_policy: policy, time_modified: now }
  await db
    .insertInto('sled')
    .values({ id, ...change })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(change))
    .execute()
}
