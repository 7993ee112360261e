/** Switch ports and the settings that they have. */
import type { LldpLinkConfig, SwitchSlot } from '@lodestone/contract-nexus'
import type { Insertable, Selectable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { PortSettingsTable, SwitchPortTable } from './schema.ts'
import type { Db } from './store.ts'

export type PortSettingsRow = Selectable<PortSettingsTable>
export type SwitchPortRow = Selectable<SwitchPortTable>

/** What settings refer to. */
export interface PortSettingsUses {
  readonly bgpConfigIds: ReadonlySet<string>
  readonly blockIds: ReadonlySet<string>
}

export function listPortSettings(db: Db, ref: string | undefined, scan: Scan): Promise<PortSettingsRow[]> {
  let query = db.selectFrom('port_settings').selectAll()
  if (ref !== undefined) query = query.where(refColumn(ref), '=', ref)
  return scanned(query, 'port_settings', scan).execute()
}

export function portSettingsByRef(db: Db, ref: string): Promise<PortSettingsRow | undefined> {
  return db.selectFrom('port_settings').selectAll().where(refColumn(ref), '=', ref).executeTakeFirst()
}

/** Inserts settings, or replaces those with their id. */
export async function putPortSettings(
  db: Db,
  row: Insertable<PortSettingsTable>,
  uses: PortSettingsUses,
): Promise<void> {
  const { id, body, description, time_modified } = row
  await db
    .insertInto('port_settings')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ body, description, time_modified }))
    .execute()
  await db.deleteFrom('port_settings_bgp').where('port_settings_id', '=', id).execute()
  await db.deleteFrom('port_settings_block').where('port_settings_id', '=', id).execute()
  for (const bgp_config_id of uses.bgpConfigIds) {
    await db.insertInto('port_settings_bgp').values({ port_settings_id: id, bgp_config_id }).execute()
  }
  for (const address_lot_block_id of uses.blockIds) {
    await db.insertInto('port_settings_block').values({ port_settings_id: id, address_lot_block_id }).execute()
  }
}

export async function deletePortSettings(db: Db, id: string): Promise<void> {
  await db.deleteFrom('port_settings').where('id', '=', id).execute()
}

export async function portSettingsAreUsed(db: Db, id: string): Promise<boolean> {
  const query = db.selectFrom('switch_port').select('id').where('port_settings_id', '=', id)
  return (await query.executeTakeFirst()) !== undefined
}

export function listSwitchPorts(db: Db): Promise<SwitchPortRow[]> {
  return db.selectFrom('switch_port').selectAll().orderBy('id').execute()
}

export function switchPort(db: Db, slot: SwitchSlot, name: string): Promise<SwitchPortRow | undefined> {
  return db
    .selectFrom('switch_port')
    .selectAll()
    .where('switch_slot', '=', slot)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** Inserts a port unless there is one of its switch and name. */
export async function ensureSwitchPort(db: Db, row: Insertable<SwitchPortTable>): Promise<void> {
  await db
    .insertInto('switch_port')
    .values(row)
    .onConflict((conflict) => conflict.columns(['switch_slot', 'name']).doNothing())
    .execute()
}

export async function setSettingsOfPort(db: Db, id: string, settingsId: string | null): Promise<void> {
  await db.updateTable('switch_port').set({ port_settings_id: settingsId, lldp: null }).where('id', '=', id).execute()
}

export async function setLldpOfPort(db: Db, id: string, lldp: LldpLinkConfig): Promise<void> {
  await db
    .updateTable('switch_port')
    .set({ lldp: JSON.stringify(lldp) })
    .where('id', '=', id)
    .execute()
}
