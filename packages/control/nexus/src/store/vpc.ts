/** VPCs and subnets. Lookups by id take the silo, so that an id of another silo finds nothing. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Scan, scanned } from './scan.ts'
import type { VpcSubnetTable, VpcTable } from './schema.ts'
import type { Db } from './store.ts'
import type { Owned } from './scan.ts'

export type VpcRow = Selectable<VpcTable>
export type VpcSubnetRow = Selectable<VpcSubnetTable>

export function listVpcs(db: Db, projectId: string, scan: Scan): Promise<VpcRow[]> {
  return scanned(db.selectFrom('vpc').selectAll().where('project_id', '=', projectId), 'vpc', scan).execute()
}

export function vpcByName(db: Db, projectId: string, name: string): Promise<VpcRow | undefined> {
  return db
    .selectFrom('vpc')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function vpcById(db: Db, siloId: string, id: string): Promise<Owned<VpcRow> | undefined> {
  return db
    .selectFrom('vpc')
    .innerJoin('project', 'project.id', 'vpc.project_id')
    .selectAll('vpc')
    .select('project.id as owning_project_id')
    .where('vpc.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function vniExists(db: Db, vni: number): Promise<boolean> {
  return (await db.selectFrom('vpc').select('id').where('vni', '=', vni).executeTakeFirst()) !== undefined
}

export async function insertVpc(db: Db, row: Insertable<VpcTable>): Promise<void> {
  await db.insertInto('vpc').values(row).execute()
}

export function updateVpc(db: Db, id: string, change: Updateable<VpcTable>): Promise<VpcRow> {
  return db.updateTable('vpc').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** With its firewall rules, routers and gateways. It must have no subnets. */
export async function deleteVpc(db: Db, id: string): Promise<void> {
  await db.deleteFrom('vpc_router').where('vpc_id', '=', id).execute()
  await db.deleteFrom('internet_gateway').where('vpc_id', '=', id).execute()
  await db.deleteFrom('firewall_rule').where('vpc_id', '=', id).execute()
  await db.deleteFrom('vpc').where('id', '=', id).execute()
}

export function listSubnets(db: Db, vpcId: string, scan: Scan): Promise<VpcSubnetRow[]> {
  return scanned(db.selectFrom('vpc_subnet').selectAll().where('vpc_id', '=', vpcId), 'vpc_subnet', scan).execute()
}

export function allSubnets(db: Db, vpcId: string): Promise<VpcSubnetRow[]> {
  return db.selectFrom('vpc_subnet').selectAll().where('vpc_id', '=', vpcId).orderBy('name').execute()
}

export function subnetByName(db: Db, vpcId: string, name: string): Promise<VpcSubnetRow | undefined> {
  return db.selectFrom('vpc_subnet').selectAll().where('vpc_id', '=', vpcId).where('name', '=', name).executeTakeFirst()
}

export function subnetById(db: Db, siloId: string, id: string): Promise<Owned<VpcSubnetRow> | undefined> {
  return db
    .selectFrom('vpc_subnet')
    .innerJoin('vpc', 'vpc.id', 'vpc_subnet.vpc_id')
    .innerJoin('project', 'project.id', 'vpc.project_id')
    .selectAll('vpc_subnet')
    .select('project.id as owning_project_id')
    .where('vpc_subnet.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertSubnet(db: Db, row: Insertable<VpcSubnetTable>): Promise<void> {
  await db.insertInto('vpc_subnet').values(row).execute()
}

export function updateSubnet(db: Db, id: string, change: Updateable<VpcSubnetTable>): Promise<VpcSubnetRow> {
  return db.updateTable('vpc_subnet').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

export async function deleteSubnet(db: Db, id: string): Promise<void> {
  await db.deleteFrom('vpc_subnet').where('id', '=', id).execute()
}
