/** IP pools, their ranges and the silos they are linked to. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { IpPoolRangeTable, IpPoolSiloTable, IpPoolTable } from './schema.ts'
import type { Db } from './store.ts'

export type IpPoolRow = Selectable<IpPoolTable>
export type IpPoolRangeRow = Selectable<IpPoolRangeTable>
export type IpPoolSiloRow = Selectable<IpPoolSiloTable>
export type SiloIpPoolRow = IpPoolRow & { readonly is_default: boolean }

export interface PoolFilter {
  readonly ip_version?: 'v4' | 'v6' | undefined
  readonly pool_type?: 'unicast' | 'multicast' | undefined
  readonly assignment?: 'silos' | 'system_services' | undefined
}

export function listPools(db: Db, filter: PoolFilter, scan: Scan): Promise<IpPoolRow[]> {
  let query = db.selectFrom('ip_pool').selectAll()
  if (filter.ip_version !== undefined) query = query.where('ip_version', '=', filter.ip_version)
  if (filter.pool_type !== undefined) query = query.where('pool_type', '=', filter.pool_type)
  if (filter.assignment !== undefined) query = query.where('assignment', '=', filter.assignment)
  return scanned(query, 'ip_pool', scan).execute()
}

export function poolByRef(db: Db, ref: string): Promise<IpPoolRow | undefined> {
  return db.selectFrom('ip_pool').selectAll().where(refColumn(ref), '=', ref).executeTakeFirst()
}

export async function insertPool(db: Db, row: Insertable<IpPoolTable>): Promise<void> {
  await db.insertInto('ip_pool').values(row).execute()
}

export function updatePool(db: Db, id: string, change: Updateable<IpPoolTable>): Promise<IpPoolRow> {
  return db.updateTable('ip_pool').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

export async function deletePool(db: Db, id: string): Promise<void> {
  await db.deleteFrom('ip_pool').where('id', '=', id).execute()
}

/** In the order they were added, which is the order addresses are taken in. */
export function rangesOfPool(db: Db, poolId: string): Promise<IpPoolRangeRow[]> {
  return db
    .selectFrom('ip_pool_range')
    .selectAll()
    .where('ip_pool_id', '=', poolId)
    .orderBy('time_created')
    .orderBy('first')
    .execute()
}

export function allRanges(db: Db): Promise<IpPoolRangeRow[]> {
  return db.selectFrom('ip_pool_range').selectAll().execute()
}

export async function insertRange(db: Db, row: Insertable<IpPoolRangeTable>): Promise<void> {
  await db.insertInto('ip_pool_range').values(row).execute()
}

export async function deleteRange(db: Db, id: string): Promise<void> {
  await db.deleteFrom('ip_pool_range').where('id', '=', id).execute()
}

export function linksOfPool(db: Db, poolId: string): Promise<IpPoolSiloRow[]> {
  return db.selectFrom('ip_pool_silo').selectAll().where('ip_pool_id', '=', poolId).orderBy('silo_id').execute()
}

export async function insertLink(db: Db, row: Insertable<IpPoolSiloTable>): Promise<void> {
  await db.insertInto('ip_pool_silo').values(row).execute()
}

export async function updateLink(db: Db, poolId: string, siloId: string, isDefault: boolean): Promise<void> {
  await db
    .updateTable('ip_pool_silo')
    .set({ is_default: isDefault })
    .where('ip_pool_id', '=', poolId)
    .where('silo_id', '=', siloId)
    .execute()
}

export async function deleteLink(db: Db, poolId: string, siloId: string): Promise<void> {
  await db.deleteFrom('ip_pool_silo').where('ip_pool_id', '=', poolId).where('silo_id', '=', siloId).execute()
}

/** The pools a silo may take addresses from. */
function siloPools(db: Db, siloId: string) {
  return db
    .selectFrom('ip_pool')
    .innerJoin('ip_pool_silo', 'ip_pool_silo.ip_pool_id', 'ip_pool.id')
    .selectAll('ip_pool')
    .select('ip_pool_silo.is_default')
    .where('ip_pool_silo.silo_id', '=', siloId)
}

export function listSiloPools(db: Db, siloId: string, filter: PoolFilter, scan: Scan): Promise<SiloIpPoolRow[]> {
  let query = siloPools(db, siloId)
  if (filter.ip_version !== undefined) query = query.where('ip_version', '=', filter.ip_version)
  if (filter.pool_type !== undefined) query = query.where('pool_type', '=', filter.pool_type)
  return scanned(query, 'ip_pool', scan).execute()
}

export function siloPoolByRef(db: Db, siloId: string, ref: string): Promise<SiloIpPoolRow | undefined> {
  return siloPools(db, siloId)
    .where(`ip_pool.${refColumn(ref)}`, '=', ref)
    .executeTakeFirst()
}

export function defaultSiloPools(db: Db, siloId: string): Promise<SiloIpPoolRow[]> {
  return siloPools(db, siloId).where('ip_pool_silo.is_default', '=', true).execute()
}
