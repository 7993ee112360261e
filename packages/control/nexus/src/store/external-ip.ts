/** External addresses in use: source NAT blocks, ephemeral and floating addresses. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Scan, scanned } from './scan.ts'
import type { ExternalIpTable } from './schema.ts'
import type { Db } from './store.ts'
import type { Owned } from './scan.ts'

export type ExternalIpRow = Selectable<ExternalIpTable>

export type TakenPorts = Pick<ExternalIpRow, 'ip' | 'first_port' | 'last_port'>

/** No more than what decides which address is next: a pool may have thousands. */
export function takenInPool(db: Db, poolId: string): Promise<TakenPorts[]> {
  return db
    .selectFrom('external_ip')
    .select(['ip', 'first_port', 'last_port'])
    .where('ip_pool_id', '=', poolId)
    .execute()
}

export async function isTaken(db: Db, ip: string): Promise<boolean> {
  return (await db.selectFrom('external_ip').select('id').where('ip', '=', ip).executeTakeFirst()) !== undefined
}

/** Those of instances and floating addresses of one silo in one pool. */
export async function poolIsUsedBySilo(db: Db, poolId: string, siloId: string): Promise<boolean> {
  const row = await db
    .selectFrom('external_ip')
    .leftJoin('instance', 'instance.id', 'external_ip.instance_id')
    .innerJoin('project', (join) =>
      join.on((on) =>
        on.or([
          on('project.id', '=', on.ref('external_ip.project_id')),
          on('project.id', '=', on.ref('instance.project_id')),
        ]),
      ),
    )
    .select('external_ip.id')
    .where('external_ip.ip_pool_id', '=', poolId)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
  return row !== undefined
}

export function externalIpsOfInstance(db: Db, instanceId: string): Promise<ExternalIpRow[]> {
  return db
    .selectFrom('external_ip')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .orderBy('kind')
    .orderBy('ip')
    .execute()
}

export function listFloatingIps(db: Db, projectId: string, scan: Scan): Promise<ExternalIpRow[]> {
  const query = db
    .selectFrom('external_ip')
    .selectAll()
    .where('kind', '=', 'floating')
    .where('project_id', '=', projectId)
  return scanned(query, 'external_ip', scan).execute()
}

export function floatingIpByName(db: Db, projectId: string, name: string): Promise<ExternalIpRow | undefined> {
  return db
    .selectFrom('external_ip')
    .selectAll()
    .where('kind', '=', 'floating')
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function floatingIpById(db: Db, siloId: string, id: string): Promise<Owned<ExternalIpRow> | undefined> {
  return db
    .selectFrom('external_ip')
    .innerJoin('project', 'project.id', 'external_ip.project_id')
    .selectAll('external_ip')
    .select('project.id as owning_project_id')
    .where('external_ip.kind', '=', 'floating')
    .where('external_ip.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertExternalIp(db: Db, row: Insertable<ExternalIpTable>): Promise<void> {
  await db.insertInto('external_ip').values(row).execute()
}

export function updateExternalIp(db: Db, id: string, change: Updateable<ExternalIpTable>): Promise<ExternalIpRow> {
  return db.updateTable('external_ip').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

export async function deleteExternalIp(db: Db, id: string): Promise<void> {
  await db.deleteFrom('external_ip').where('id', '=', id).execute()
}

/** Before an instance is deleted: its floating addresses stay, the others go back to their pools. */
export async function releaseExternalIpsOfInstance(db: Db, instanceId: string, now: Date): Promise<void> {
  await db
    .updateTable('external_ip')
    .set({ instance_id: null, time_modified: now })
    .where('instance_id', '=', instanceId)
    .where('kind', '=', 'floating')
    .execute()
  await db.deleteFrom('external_ip').where('instance_id', '=', instanceId).execute()
}
