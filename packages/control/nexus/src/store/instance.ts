/** Instances and their network interfaces. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import { type Scan, scanned } from './scan.ts'
import type { InstanceTable, NetworkInterfaceTable } from './schema.ts'
import type { Db } from './store.ts'
import type { Owned } from './scan.ts'

export type InstanceRow = Selectable<InstanceTable>
export type NetworkInterfaceRow = Selectable<NetworkInterfaceTable>

/** What is shown of an instance; `user_data` for one can be longer than the rest of a page. */
const SHOWN = [
  'id',
  'name',
  'description',
  'time_created',
  'time_modified',
  'project_id',
  'hostname',
  'ncpus',
  'memory_bytes',
  'run_state',
  'time_run_state_updated',
  'auto_restart_policy',
  'boot_disk_id',
  'cpu_platform',
  'enable_jumbo_frames',
] as const

export type ShownInstanceRow = Pick<InstanceRow, (typeof SHOWN)[number]>

export function listInstances(db: Db, projectId: string, scan: Scan): Promise<ShownInstanceRow[]> {
  return scanned(
    db.selectFrom('instance').select(SHOWN).where('project_id', '=', projectId),
    'instance',
    scan,
  ).execute()
}

export function instanceByName(db: Db, projectId: string, name: string): Promise<InstanceRow | undefined> {
  return db
    .selectFrom('instance')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function instanceById(db: Db, siloId: string, id: string): Promise<Owned<InstanceRow> | undefined> {
  return db
    .selectFrom('instance')
    .innerJoin('project', 'project.id', 'instance.project_id')
    .selectAll('instance')
    .select('project.id as owning_project_id')
    .where('instance.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertInstance(db: Db, row: Insertable<InstanceTable>): Promise<void> {
  await db.insertInto('instance').values(row).execute()
}

/** Nothing of it runs, so it may be resized, rewired and deleted. */
export function isAtRest(row: Pick<InstanceRow, 'run_state'>): boolean {
  return row.run_state === 'stopped' || row.run_state === 'failed'
}

export function updateInstance(db: Db, id: string, change: Updateable<InstanceTable>): Promise<InstanceRow> {
  return db.updateTable('instance').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** Writes what was observed, unless the user has changed their mind meanwhile. @returns whether it was written. */
export async function observeInstance(
  db: Db,
  seen: Pick<InstanceRow, 'id' | 'desired_state' | 'run_state' | 'reboot_requested'>,
  change: Updateable<InstanceTable>,
): Promise<boolean> {
  const result = await db
    .updateTable('instance')
    .set(change)
    .where('id', '=', seen.id)
    .where('desired_state', '=', seen.desired_state)
    .where('run_state', '=', seen.run_state)
    .where('reboot_requested', '=', seen.reboot_requested)
    .executeTakeFirst()
  return result.numUpdatedRows > 0
}

/** With its network interfaces. Its external addresses must have been released. */
export async function deleteInstance(db: Db, id: string): Promise<void> {
  await db.deleteFrom('instance').where('id', '=', id).execute()
}

/** How many instances are placed on each sled. */
export async function instancesPerSled(db: Db): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('instance')
    .select(['sled_id', (e) => e.fn.countAll<number>().as('count')])
    .where('sled_id', 'is not', null)
    .groupBy('sled_id')
    .execute()
  return new Map(rows.map((row) => [row.sled_id ?? '', Number(row.count)]))
}

export function instancesOnSled(db: Db, sledId: string): Promise<InstanceRow[]> {
  return db.selectFrom('instance').selectAll().where('sled_id', '=', sledId).orderBy('id').execute()
}

export interface SledInstanceRow extends InstanceRow {
  readonly project_name: string
  readonly silo_name: string
}

export function listInstancesOfSled(db: Db, sledId: string, scan: Scan): Promise<SledInstanceRow[]> {
  const query = db
    .selectFrom('instance')
    .innerJoin('project', 'project.id', 'instance.project_id')
    .innerJoin('silo', 'silo.id', 'project.silo_id')
    .selectAll('instance')
    .select(['project.name as project_name', 'silo.name as silo_name'])
    .where('instance.sled_id', '=', sledId)
  return scanned(query, 'instance', scan).execute()
}

export function listNics(db: Db, instanceId: string, scan: Scan): Promise<NetworkInterfaceRow[]> {
  const query = db.selectFrom('network_interface').selectAll().where('instance_id', '=', instanceId)
  return scanned(query, 'network_interface', scan).execute()
}

export function listNicsOfSubnet(db: Db, subnetId: string, scan: Scan): Promise<NetworkInterfaceRow[]> {
  const query = db.selectFrom('network_interface').selectAll().where('subnet_id', '=', subnetId)
  return scanned(query, 'network_interface', scan).execute()
}

export function nicsOfSubnet(db: Db, subnetId: string): Promise<NetworkInterfaceRow[]> {
  return db.selectFrom('network_interface').selectAll().where('subnet_id', '=', subnetId).execute()
}

export function nicsOfInstance(db: Db, instanceId: string): Promise<NetworkInterfaceRow[]> {
  return db.selectFrom('network_interface').selectAll().where('instance_id', '=', instanceId).orderBy('slot').execute()
}

export function nicByName(db: Db, instanceId: string, name: string): Promise<NetworkInterfaceRow | undefined> {
  return db
    .selectFrom('network_interface')
    .selectAll()
    .where('instance_id', '=', instanceId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function nicById(db: Db, siloId: string, id: string): Promise<Owned<NetworkInterfaceRow> | undefined> {
  return db
    .selectFrom('network_interface')
    .innerJoin('instance', 'instance.id', 'network_interface.instance_id')
    .innerJoin('project', 'project.id', 'instance.project_id')
    .selectAll('network_interface')
    .select('project.id as owning_project_id')
    .where('network_interface.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function macExists(db: Db, mac: string): Promise<boolean> {
  const row = await db.selectFrom('network_interface').select('id').where('mac', '=', mac).executeTakeFirst()
  return row !== undefined
}

export async function insertNic(db: Db, row: Insertable<NetworkInterfaceTable>): Promise<void> {
  await db.insertInto('network_interface').values(row).execute()
}

export function updateNic(db: Db, id: string, change: Updateable<NetworkInterfaceTable>): Promise<NetworkInterfaceRow> {
  return db.updateTable('network_interface').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** Makes one interface of an instance the primary one, and every other not. */
export async function updatePrimary(db: Db, instanceId: string, nicId: string, now: Date): Promise<void> {
  for (const nic of await nicsOfInstance(db, instanceId)) {
    const isPrimary = nic.id === nicId
    if (nic.is_primary !== isPrimary) await updateNic(db, nic.id, { is_primary: isPrimary, time_modified: now })
  }
}

export async function deleteNic(db: Db, id: string): Promise<void> {
  await db.deleteFrom('network_interface').where('id', '=', id).execute()
}
