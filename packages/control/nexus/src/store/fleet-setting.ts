/** Single values for the whole fleet, by name. */
import type { Selectable } from 'kysely'
import type { FleetSettingTable } from './schema.ts'
import type { Db } from './store.ts'

export type FleetSettingRow = Selectable<FleetSettingTable>

export type FleetSettingName =
  | 'allow-list'
  | 'inbound-icmp'
  | 'networking'
  | 'rack-network'
  | 'sealing-key'
  | 'authority'

export function fleetSetting(db: Db, name: FleetSettingName): Promise<FleetSettingRow | undefined> {
  return db.selectFrom('fleet_setting').selectAll().where('name', '=', name).executeTakeFirst()
}

export function setFleetSetting(db: Db, name: FleetSettingName, value: object, now: Date): Promise<FleetSettingRow> {
  const change = { value: JSON.stringify(value), time_modified: now }
  return db
    .insertInto('fleet_setting')
    .values({ name, ...change, time_created: now })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(change))
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Sets what was not set before. @returns what is set. */
export async function ensureFleetSetting(
  db: Db,
  name: FleetSettingName,
  value: object,
  now: Date,
): Promise<FleetSettingRow> {
  return (await fleetSetting(db, name)) ?? setFleetSetting(db, name, value, now)
}
