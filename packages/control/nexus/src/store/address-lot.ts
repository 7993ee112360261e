/** Address lots, their blocks, and the loopback addresses that are taken from them. */
import type { SwitchSlot } from '@lodestone/contract-nexus'
import type { Selectable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { AddressLotBlockTable, AddressLotTable, LoopbackAddressTable } from './schema.ts'
import type { Db } from './store.ts'

export type AddressLotRow = Selectable<AddressLotTable>
export type AddressLotBlockRow = Selectable<AddressLotBlockTable>
export type LoopbackAddressRow = Selectable<LoopbackAddressTable>

export function listLots(db: Db, scan: Scan): Promise<AddressLotRow[]> {
  return scanned(db.selectFrom('address_lot').selectAll(), 'address_lot', scan).execute()
}

export function lotByRef(db: Db, ref: string): Promise<AddressLotRow | undefined> {
  return db.selectFrom('address_lot').selectAll().where(refColumn(ref), '=', ref).executeTakeFirst()
}

export async function insertLot(db: Db, row: AddressLotRow, blocks: readonly AddressLotBlockRow[]): Promise<void> {
  await db.insertInto('address_lot').values(row).execute()
  if (blocks.length > 0) await db.insertInto('address_lot_block').values(blocks).execute()
}

export async function deleteLot(db: Db, id: string): Promise<void> {
  await db.deleteFrom('address_lot').where('id', '=', id).execute()
}

export function blocksOfLot(db: Db, lotId: string): Promise<AddressLotBlockRow[]> {
  return db.selectFrom('address_lot_block').selectAll().where('address_lot_id', '=', lotId).orderBy('id').execute()
}

export function allBlocks(db: Db): Promise<AddressLotBlockRow[]> {
  return db.selectFrom('address_lot_block').selectAll().execute()
}

/** Whether a port, an announcement or a loopback address uses a block of the lot. */
export async function lotIsUsed(db: Db, lotId: string): Promise<boolean> {
  for (const table of ['port_settings_block', 'announcement', 'loopback_address'] as const) {
    const row = await db
      .selectFrom(table)
      .innerJoin('address_lot_block', 'address_lot_block.id', `${table}.address_lot_block_id`)
      .select('address_lot_block.id')
      .where('address_lot_block.address_lot_id', '=', lotId)
      .executeTakeFirst()
    if (row !== undefined) return true
  }
  return false
}

export function listLoopbacks(db: Db): Promise<LoopbackAddressRow[]> {
  return db.selectFrom('loopback_address').selectAll().orderBy('id').execute()
}

export async function insertLoopback(db: Db, row: LoopbackAddressRow): Promise<void> {
  await db.insertInto('loopback_address').values(row).execute()
}

/** @returns whether it was there. */
export async function deleteLoopback(db: Db, slot: SwitchSlot, address: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('loopback_address')
    .where('switch_slot', '=', slot)
    .where('address', '=', address)
    .returning('id')
    .executeTakeFirst()
  return gone !== undefined
}
