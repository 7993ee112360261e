/** What instances, disks and snapshots were given: of the fleet, of a silo, or of a project. */
import { type SelectQueryBuilder, sql } from 'kysely'
import type { Database } from './schema.ts'
import type { Db } from './store.ts'

export interface ProvisionedScope {
  readonly siloId?: string
  readonly projectId?: string
}

export interface Provisioned {
  readonly cpus: number
  readonly memoryBytes: number
  readonly storageBytes: number
}

/** Of instances those that run or are wanted to run count. */
export async function provisioned(db: Db, scope: ProvisionedScope): Promise<Provisioned> {
  const instances = await within(
    db.selectFrom('instance').innerJoin('project', 'project.id', 'instance.project_id'),
    scope,
  )
    .select([
      sql<number>`coalesce(sum(instance.ncpus), 0)`.as('cpus'),
      sql<number>`coalesce(sum(instance.memory_bytes), 0)`.as('memory'),
    ])
    .where(sql.ref('instance.desired_state'), '=', 'running')
    .executeTakeFirstOrThrow()
  let storageBytes = 0
  for (const table of ['disk', 'snapshot'] as const) {
    const row = await within(db.selectFrom(table).innerJoin('project', 'project.id', `${table}.project_id`), scope)
      .select(sql<number>`coalesce(sum(${sql.ref(`${table}.size_bytes`)}), 0)`.as('bytes'))
      .executeTakeFirstOrThrow()
    storageBytes += Number(row.bytes)
  }
  return { cpus: Number(instances.cpus), memoryBytes: Number(instances.memory), storageBytes }
}

function within<Tables extends keyof Database, Row>(
  query: SelectQueryBuilder<Database, Tables, Row>,
  { siloId, projectId }: ProvisionedScope,
): SelectQueryBuilder<Database, Tables, Row> {
  let cut = query
  if (siloId !== undefined) cut = cut.where(sql.ref('project.silo_id'), '=', siloId)
  if (projectId !== undefined) cut = cut.where(sql.ref('project.id'), '=', projectId)
  return cut
}
