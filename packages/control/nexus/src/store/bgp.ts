/** BGP configurations, sets of announcements, BFD sessions. */
import type { SwitchSlot } from '@lodestone/contract-nexus'
import type { Selectable, Updateable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { AnnouncementTable, AnnounceSetTable, BfdSessionTable, BgpConfigTable } from './schema.ts'
import type { Db } from './store.ts'

export type AnnounceSetRow = Selectable<AnnounceSetTable>
export type AnnouncementRow = Selectable<AnnouncementTable>
export type BgpConfigRow = Selectable<BgpConfigTable>
export type BfdSessionRow = Selectable<BfdSessionTable>

export function listBgpConfigs(db: Db, scan: Scan): Promise<BgpConfigRow[]> {
  return scanned(db.selectFrom('bgp_config').selectAll(), 'bgp_config', scan).execute()
}

export function bgpConfigByRef(db: Db, ref: string): Promise<BgpConfigRow | undefined> {
  return db.selectFrom('bgp_config').selectAll().where(refColumn(ref), '=', ref).executeTakeFirst()
}

export async function insertBgpConfig(db: Db, row: BgpConfigRow): Promise<void> {
  await db.insertInto('bgp_config').values(row).execute()
}

export function updateBgpConfig(db: Db, id: string, change: Updateable<BgpConfigTable>): Promise<BgpConfigRow> {
  return db.updateTable('bgp_config').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

export async function deleteBgpConfig(db: Db, id: string): Promise<void> {
  await db.deleteFrom('bgp_config').where('id', '=', id).execute()
}

export async function bgpConfigIsUsed(db: Db, id: string): Promise<boolean> {
  const query = db.selectFrom('port_settings_bgp').select('port_settings_id').where('bgp_config_id', '=', id)
  return (await query.executeTakeFirst()) !== undefined
}

export function listAnnounceSets(db: Db, scan: Scan): Promise<AnnounceSetRow[]> {
  return scanned(db.selectFrom('announce_set').selectAll(), 'announce_set', scan).execute()
}

export function announceSetByRef(db: Db, ref: string): Promise<AnnounceSetRow | undefined> {
  return db.selectFrom('announce_set').selectAll().where(refColumn(ref), '=', ref).executeTakeFirst()
}

/** Inserts the set, or replaces the one with its id, and all its announcements. */
export async function putAnnounceSet(
  db: Db,
  row: AnnounceSetRow,
  announcements: readonly AnnouncementRow[],
): Promise<void> {
  const { description, time_modified } = row
  await db
    .insertInto('announce_set')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ description, time_modified }))
    .execute()
  await db.deleteFrom('announcement').where('announce_set_id', '=', row.id).execute()
  if (announcements.length > 0) await db.insertInto('announcement').values(announcements).execute()
}

export async function deleteAnnounceSet(db: Db, id: string): Promise<void> {
  await db.deleteFrom('announce_set').where('id', '=', id).execute()
}

export async function announceSetIsUsed(db: Db, id: string): Promise<boolean> {
  const query = db.selectFrom('bgp_config').select('id').where('announce_set_id', '=', id)
  return (await query.executeTakeFirst()) !== undefined
}

export function announcementsOfSet(db: Db, setId: string): Promise<AnnouncementRow[]> {
  return db.selectFrom('announcement').selectAll().where('announce_set_id', '=', setId).orderBy('network').execute()
}

export async function putBfdSession(db: Db, row: BfdSessionRow): Promise<void> {
  const { switch_slot: _s, remote: _r, ...change } = row
  await db
    .insertInto('bfd_session')
    .values(row)
    .onConflict((conflict) => conflict.columns(['switch_slot', 'remote']).doUpdateSet(change))
    .execute()
}

/** @returns whether it was there. */
export async function deleteBfdSession(db: Db, slot: SwitchSlot, remote: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('bfd_session')
    .where('switch_slot', '=', slot)
    .where('remote', '=', remote)
    .returning('remote')
    .executeTakeFirst()
  return gone !== undefined
}

export function listBfdSessions(db: Db): Promise<BfdSessionRow[]> {
  return db.selectFrom('bfd_session').selectAll().orderBy('switch_slot').orderBy('remote').execute()
}
