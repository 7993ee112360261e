/** Routers and their routes. Lookups by id take the silo, so that an id of another silo finds nothing. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Scan, scanned } from './scan.ts'
import type { RouterRouteTable, VpcRouterTable } from './schema.ts'
import type { Db } from './store.ts'
import type { Owned } from './scan.ts'

export type VpcRouterRow = Selectable<VpcRouterTable>
export type RouterRouteRow = Selectable<RouterRouteTable>

export function listRouters(db: Db, vpcId: string, scan: Scan): Promise<VpcRouterRow[]> {
  return scanned(db.selectFrom('vpc_router').selectAll().where('vpc_id', '=', vpcId), 'vpc_router', scan).execute()
}

export function routerByName(db: Db, vpcId: string, name: string): Promise<VpcRouterRow | undefined> {
  return db.selectFrom('vpc_router').selectAll().where('vpc_id', '=', vpcId).where('name', '=', name).executeTakeFirst()
}

export function routerById(db: Db, siloId: string, id: string): Promise<Owned<VpcRouterRow> | undefined> {
  return db
    .selectFrom('vpc_router')
    .innerJoin('vpc', 'vpc.id', 'vpc_router.vpc_id')
    .innerJoin('project', 'project.id', 'vpc.project_id')
    .selectAll('vpc_router')
    .select('project.id as owning_project_id')
    .where('vpc_router.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertRouter(db: Db, row: Insertable<VpcRouterTable>): Promise<void> {
  await db.insertInto('vpc_router').values(row).execute()
}

export function updateRouter(db: Db, id: string, change: Updateable<VpcRouterTable>): Promise<VpcRouterRow> {
  return db.updateTable('vpc_router').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** With its routes; subnets that used it use it no more. */
export async function deleteRouter(db: Db, id: string): Promise<void> {
  await db.updateTable('vpc_subnet').set({ custom_router_id: null }).where('custom_router_id', '=', id).execute()
  await db.deleteFrom('vpc_router').where('id', '=', id).execute()
}

export function listRoutes(db: Db, routerId: string, scan: Scan): Promise<RouterRouteRow[]> {
  const query = db.selectFrom('router_route').selectAll().where('vpc_router_id', '=', routerId)
  return scanned(query, 'router_route', scan).execute()
}

export function routeByName(db: Db, routerId: string, name: string): Promise<RouterRouteRow | undefined> {
  return db
    .selectFrom('router_route')
    .selectAll()
    .where('vpc_router_id', '=', routerId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function routeById(db: Db, siloId: string, id: string): Promise<Owned<RouterRouteRow> | undefined> {
  return db
    .selectFrom('router_route')
    .innerJoin('vpc_router', 'vpc_router.id', 'router_route.vpc_router_id')
    .innerJoin('vpc', 'vpc.id', 'vpc_router.vpc_id')
    .innerJoin('project', 'project.id', 'vpc.project_id')
    .selectAll('router_route')
    .select('project.id as owning_project_id')
    .where('router_route.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertRoutes(db: Db, rows: readonly Insertable<RouterRouteTable>[]): Promise<void> {
  await db.insertInto('router_route').values(rows).execute()
}

export function updateRoute(db: Db, id: string, change: Updateable<RouterRouteTable>): Promise<RouterRouteRow> {
  return db.updateTable('router_route').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** The route that every subnet has in the system router. */
export async function updateRouteOfSubnet(
  db: Db,
  subnetId: string,
  change: Updateable<RouterRouteTable>,
): Promise<void> {
  await db.updateTable('router_route').set(change).where('subnet_id', '=', subnetId).execute()
}

export async function deleteRoute(db: Db, id: string): Promise<void> {
  await db.deleteFrom('router_route').where('id', '=', id).execute()
}

/** Every route of a VPC, of all its routers. */
export function routesOfVpc(db: Db, vpcId: string): Promise<RouterRouteRow[]> {
  return db
    .selectFrom('router_route')
    .innerJoin('vpc_router', 'vpc_router.id', 'router_route.vpc_router_id')
    .selectAll('router_route')
    .where('vpc_router.vpc_id', '=', vpcId)
    .execute()
}
