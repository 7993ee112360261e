/** Internet gateways, and the pools and addresses attached to them. */
import type { Insertable, Selectable } from 'kysely'
import { type Scan, scanned } from './scan.ts'
import type { InternetGatewayAddressTable, InternetGatewayPoolTable, InternetGatewayTable } from './schema.ts'
import type { Db } from './store.ts'
import type { Owned } from './scan.ts'

export type InternetGatewayRow = Selectable<InternetGatewayTable>
export type InternetGatewayPoolRow = Selectable<InternetGatewayPoolTable>
export type InternetGatewayAddressRow = Selectable<InternetGatewayAddressTable>

export function listGateways(db: Db, vpcId: string, scan: Scan): Promise<InternetGatewayRow[]> {
  const query = db.selectFrom('internet_gateway').selectAll().where('vpc_id', '=', vpcId)
  return scanned(query, 'internet_gateway', scan).execute()
}

export function gatewayByName(db: Db, vpcId: string, name: string): Promise<InternetGatewayRow | undefined> {
  return db
    .selectFrom('internet_gateway')
    .selectAll()
    .where('vpc_id', '=', vpcId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function gatewayById(db: Db, siloId: string, id: string): Promise<Owned<InternetGatewayRow> | undefined> {
  return db
    .selectFrom('internet_gateway')
    .innerJoin('vpc', 'vpc.id', 'internet_gateway.vpc_id')
    .innerJoin('project', 'project.id', 'vpc.project_id')
    .selectAll('internet_gateway')
    .select('project.id as owning_project_id')
    .where('internet_gateway.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertGateway(db: Db, row: Insertable<InternetGatewayTable>): Promise<void> {
  await db.insertInto('internet_gateway').values(row).execute()
}

/** With what is attached to it. */
export async function deleteGateway(db: Db, id: string): Promise<void> {
  await db.deleteFrom('internet_gateway').where('id', '=', id).execute()
}

/** The two tables of things attached to a gateway differ in one column; what they share is here once. */
type Attachment = 'internet_gateway_pool' | 'internet_gateway_address'

export function listGatewayPools(db: Db, gatewayId: string, scan: Scan): Promise<InternetGatewayPoolRow[]> {
  const query = db.selectFrom('internet_gateway_pool').selectAll().where('internet_gateway_id', '=', gatewayId)
  return scanned(query, 'internet_gateway_pool', scan).execute()
}

export function listGatewayAddresses(db: Db, gatewayId: string, scan: Scan): Promise<InternetGatewayAddressRow[]> {
  const query = db.selectFrom('internet_gateway_address').selectAll().where('internet_gateway_id', '=', gatewayId)
  return scanned(query, 'internet_gateway_address', scan).execute()
}

export async function insertGatewayPools(db: Db, rows: readonly Insertable<InternetGatewayPoolTable>[]): Promise<void> {
  if (rows.length > 0) await db.insertInto('internet_gateway_pool').values(rows).execute()
}

export async function insertGatewayAddress(db: Db, row: Insertable<InternetGatewayAddressTable>): Promise<void> {
  await db.insertInto('internet_gateway_address').values(row).execute()
}

export async function hasAttachments(db: Db, gatewayId: string): Promise<boolean> {
  for (const table of ['internet_gateway_pool', 'internet_gateway_address'] as const) {
    const row = await db.selectFrom(table).select('id').where('internet_gateway_id', '=', gatewayId).executeTakeFirst()
    if (row !== undefined) return true
  }
  return false
}

export function attachmentByName(
  db: Db,
  table: Attachment,
  gatewayId: string,
  name: string,
): Promise<{ id: string } | undefined> {
  return db
    .selectFrom(table)
    .select('id')
    .where('internet_gateway_id', '=', gatewayId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function attachmentById(
  db: Db,
  table: Attachment,
  siloId: string,
  id: string,
): Promise<Owned<{ id: string }> | undefined> {
  return db
    .selectFrom(table)
    .innerJoin('internet_gateway', 'internet_gateway.id', `${table}.internet_gateway_id`)
    .innerJoin('vpc', 'vpc.id', 'internet_gateway.vpc_id')
    .innerJoin('project', 'project.id', 'vpc.project_id')
    .select(`${table}.id`)
    .select('project.id as owning_project_id')
    .where(`${table}.id`, '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function deleteAttachment(db: Db, table: Attachment, id: string): Promise<void> {
  await db.deleteFrom(table).where('id', '=', id).execute()
}

/** The gateways called `default` of all VPCs of a silo. */
export function defaultGatewaysOfSilo(db: Db, siloId: string): Promise<InternetGatewayRow[]> {
  return gatewaysOfSilo(db, siloId).where('internet_gateway.name', '=', 'default').execute()
}

/** Takes a pool from every gateway of a silo. */
export async function detachPoolFromSilo(db: Db, siloId: string, poolId: string): Promise<void> {
  const gateways = await gatewaysOfSilo(db, siloId).execute()
  if (gateways.length === 0) return
  await db
    .deleteFrom('internet_gateway_pool')
    .where('ip_pool_id', '=', poolId)
    .where(
      'internet_gateway_id',
      'in',
      gateways.map((gateway) => gateway.id),
    )
    .execute()
}

export async function detachPoolNamed(db: Db, gatewayId: string, name: string): Promise<void> {
  await db
    .deleteFrom('internet_gateway_pool')
    .where('internet_gateway_id', '=', gatewayId)
    .where('name', '=', name)
    .execute()
}

function gatewaysOfSilo(db: Db, siloId: string) {
  return db
    .selectFrom('internet_gateway')
    .innerJoin('vpc', 'vpc.id', 'internet_gateway.vpc_id')
    .innerJoin('project', 'project.id', 'vpc.project_id')
    .selectAll('internet_gateway')
    .where('project.silo_id', '=', siloId)
}
