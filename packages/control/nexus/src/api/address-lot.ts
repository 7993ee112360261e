/** Address lots and the loopback addresses of switches. */
import { ApiFailure, invalidRequest, pageInMemory } from '@lodestone/api'
import type { AddressLot, AddressLotBlock, LoopbackAddress, NexusApi, SwitchSlot } from '@lodestone/contract-nexus'
import type { Call, OperationOf } from '@lodestone/api'
import { Ip, type Prefix } from '@lodestone/net'
import { type AddressRange, rangeContains, rangesOverlap } from '../address-plan.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  type AddressLotBlockRow,
  type AddressLotRow,
  allBlocks,
  blocksOfLot,
  deleteLoopback,
  deleteLot,
  insertLoopback,
  insertLot,
  listLoopbacks,
  listLots,
  type LoopbackAddressRow,
  lotByRef,
  lotIsUsed,
} from '../store/address-lot.ts'
import { isId, pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'

export type AddressLotCreate = Call<OperationOf<NexusApi, 'networking_address_lot_create'>, undefined>['body']
export type LoopbackAddressCreate = Call<OperationOf<NexusApi, 'networking_loopback_address_create'>, undefined>['body']

type Ids =
  | 'networking_address_lot_list'
  | 'networking_address_lot_create'
  | 'networking_address_lot_view'
  | 'networking_address_lot_delete'
  | 'networking_address_lot_block_list'
  | 'networking_loopback_address_list'
  | 'networking_loopback_address_create'
  | 'networking_loopback_address_delete'

export function addressLotHandlers(service: Service): HandlersOf<Ids> {
  const { store, inventory } = service
  return {
    async networking_address_lot_list({ query }) {
      const scan = scanOf(query)
      return pageOfRows(await listLots(store.db, scan), scan, lotFromRow)
    },
    networking_address_lot_create: ({ body }) => store.transaction((tx) => createLot(tx, service, body)),
    async networking_address_lot_view({ params }) {
      const row = await selectLot(store.db, params.address_lot)
      return { lot: lotFromRow(row), blocks: (await blocksOfLot(store.db, row.id)).map(blockFromRow) }
    },
    async networking_address_lot_delete({ params }) {
      await store.transaction(async (tx) => {
        const { id } = await selectLot(tx, params.address_lot)
        if (await lotIsUsed(tx, id)) throw invalidRequest('address lot is in use')
        await deleteLot(tx, id)
      })
    },
    async networking_address_lot_block_list({ params, query }) {
      const { id } = await selectLot(store.db, params.address_lot)
      return pageInMemory((await blocksOfLot(store.db, id)).map(blockFromRow), query, (block) => block.id)
    },
    async networking_loopback_address_list({ query }) {
      const rows = (await listLoopbacks(store.db)).map((row) => loopbackFromRow(row, inventory.rackId))
      return pageInMemory(rows, query, (row) => row.id)
    },
    async networking_loopback_address_create({ body }) {
      const row = await store.transaction((tx) => createLoopback(tx, service, body))
      service.activate()
      return loopbackFromRow(row, inventory.rackId)
    },
    async networking_loopback_address_delete({ params }) {
      checkRack(service, params.rack_id)
      const address = `${Ip.of(params.address)}/${params.subnet_mask}`
      if (!(await deleteLoopback(store.db, params.switch_slot, address))) throw notFound('loopback-address', address)
      service.activate()
    },
  }
}

export async function createLot(
  tx: Db,
  service: Service,
  body: AddressLotCreate,
): Promise<{ lot: AddressLot; blocks: AddressLotBlock[] }> {
  if (body.blocks.length === 0) throw invalidRequest('blocks: an address lot has at least one block')
  const lot: AddressLotRow = { ...newIdentity(service.random.uuid(), body, nowOf(service)), kind: body.kind }
  const ranges = body.blocks.map(({ first_address, last_address }): AddressRange => {
    const range = { first: Ip.of(first_address), last: Ip.of(last_address) } // because the schema has parsed both
    if (range.first.family !== range.last.family) {
      throw invalidRequest(`blocks: ${first_address} and ${last_address} are of different families`)
    }
    if (range.first.compare(range.last) > 0) throw invalidRequest('blocks: a block begins with its lower address')
    return range
  })
  const known = (await allBlocks(tx)).map(rangeOfBlock)
  for (const [i, range] of ranges.entries()) {
    const other = [...known, ...ranges.slice(0, i)].find((each) => rangesOverlap(each, range))
    if (other === undefined) continue
    throw invalidRequest(`blocks: ${range.first}-${range.last} overlaps with ${other.first}-${other.last}`)
  }
  const blocks = ranges.map(({ first, last }): AddressLotBlockRow => ({
    id: service.random.uuid(),
    address_lot_id: lot.id,
    first: first.toString(),
    last: last.toString(),
  }))
  await orAlreadyExists('address-lot', body.name, () => insertLot(tx, lot, blocks))
  return { lot: lotFromRow(lot), blocks: blocks.map(blockFromRow) }
}

export async function createLoopback(
  tx: Db,
  service: Service,
  body: LoopbackAddressCreate,
): Promise<LoopbackAddressRow> {
  checkRack(service, body.rack_id)
  const ip = Ip.of(body.address)
  if (body.mask > (ip.family === 4 ? 32 : 128)) throw invalidRequest(`mask: ${body.mask} bits are too many`)
  const block = await blockWithAddress(tx, body.address_lot, ip)
  const row: LoopbackAddressRow = {
    id: service.random.uuid(),
    address_lot_block_id: block.id,
    switch_slot: body.switch_slot,
    address: `${ip}/${body.mask}`,
    anycast: body.anycast,
  }
  if (!body.anycast && (await listLoopbacks(tx)).some((other) => other.address === row.address)) {
    throw new ApiFailure({ kind: 'object-already-exists', type: 'loopback-address', name: row.address })
  }
  await orAlreadyExists('loopback-address', row.address, () => insertLoopback(tx, row))
  return row
}

export async function selectLot(db: Db, ref: string): Promise<AddressLotRow> {
  const row = await lotByRef(db, ref)
  if (row === undefined) throw notFound('address-lot', ref)
  return row
}

/** The block of a lot that an address is in. */
export async function blockWithAddress(db: Db, lotRef: string, ip: Ip): Promise<AddressLotBlockRow> {
  const lot = await selectLot(db, lotRef)
  const block = (await blocksOfLot(db, lot.id)).find((each) => rangeContains(rangeOfBlock(each), ip))
  if (block === undefined) throw invalidRequest(`${ip} is in no block of address lot "${lot.name}"`)
  return block
}

/** A block by its id, or the one of the lot of that name that holds the prefix. */
export async function blockWithPrefix(db: Db, ref: string, network: Prefix): Promise<AddressLotBlockRow> {
  const blocks = isId(ref)
    ? (await allBlocks(db)).filter((block) => block.id === ref || block.address_lot_id === ref)
    : await blocksOfLot(db, (await selectLot(db, ref)).id)
  if (blocks.length === 0) throw notFound('address-lot-block', ref)
  const { address } = network.masked()
  const block = blocks.find((each) => {
    const range = rangeOfBlock(each)
    return rangeContains(range, address) && rangeContains(range, network.last())
  })
  if (block === undefined) throw invalidRequest(`${network} is in no block of address lot ${ref}`)
  return block
}

export function checkRack(service: Pick<Service, 'inventory'>, rackId: string): void {
  if (rackId !== service.inventory.rackId) throw notFound('rack', rackId)
}

export function isSwitchOf(service: Pick<Service, 'inventory'>, slot: SwitchSlot): boolean {
  return service.inventory.switches.some((each) => each.slot === slot)
}

function rangeOfBlock(row: AddressLotBlockRow): AddressRange {
  return { first: Ip.of(row.first), last: Ip.of(row.last) }
}

function lotFromRow(row: AddressLotRow): AddressLot {
  return { ...identityFromRow(row), kind: row.kind }
}

function blockFromRow(row: AddressLotBlockRow): AddressLotBlock {
  return { id: row.id, first_address: row.first, last_address: row.last }
}

function loopbackFromRow(row: LoopbackAddressRow, rackId: string): LoopbackAddress {
  const { id, address_lot_block_id, switch_slot, address } = row
  return { id, address_lot_block_id, rack_id: rackId, switch_slot, address }
}
