/**
 * Which sleds the rack has. Those of its plan are there from the first start on; a sled that was found is taken in, and whatever had its
 * place until then is out of service for ever: its instances are placed anew, or failed where their owners want no restart.
 */
import type { SledInventory } from '@lodestone/contract-sled-agent'
import type { Random } from '@lodestone/host'
import type { Inventory } from './inventory.ts'
import { placeInstance } from './place-instance.ts'
import { noteMembership } from './rack-membership.ts'
import { nowOf, type Service } from './service.ts'
import { instancesOnSled, updateInstance } from './store/instance.ts'
import {
  allSledIds,
  deletePhysicalDisk,
  disksOfSled,
  expungeDisksOfSled,
  insertPhysicalDisks,
  insertSled,
  type SledRow,
  sledsInService,
  updateSled,
} from './store/sled.ts'
import type { Db } from './store/store.ts'

/** A sled that answers on the underlay. */
export interface FoundSled {
  readonly slot: number
  readonly underlayAddress: string
  readonly inventory: Pick<SledInventory, 'baseboard' | 'hardware_threads' | 'physical_ram_bytes' | 'disks'>
}

/** Takes in the sleds of the plan that the store does not know. A place that another board has by now is left to it. */
export async function ensurePlannedSleds(
  service: Pick<Service, 'store' | 'clock' | 'random'>,
  inventory: Inventory,
): Promise<void> {
  const now = nowOf(service)
  await service.store.transaction(async (tx) => {
    const present = await sledsInService(tx)
    const ids = new Map((await allSledIds(tx)).map(({ id, slot }) => [id, slot]))
    for (const { id, slot, baseboard, underlayAddress } of inventory.sleds) {
      if (present.some((row) => row.slot === slot || row.serial === baseboard.serial)) continue
      const row = { ...baseboard, slot, underlay_address: underlayAddress, time_modified: now }
      // A row without a place is of a store that knew only what operators had said about sleds.
      if (ids.get(id) === -1) await updateSled(tx, id, { ...row, time_created: now })
      else await insertSled(tx, newSled(ids.has(id) ? service.random.uuid() : id, row, now))
    }
    await noteMembership(tx, now)
  })
}

/**
 * Makes the store know a sled that was found.
 * @returns whether it was new, or in another place than before.
 */
export async function takeInSled(tx: Db, found: FoundSled, random: Random, now: Date): Promise<boolean> {
  const { slot, underlayAddress, inventory } = found
  const { serial } = inventory.baseboard
  const present = await sledsInService(tx)
  const known = present.find((row) => row.serial === serial)
  const holder = present.find((row) => row.slot === slot && row !== known)
  if (holder !== undefined) await expunge(tx, holder, now)
  const place = { slot, underlay_address: underlayAddress, time_modified: now }
  const capacity = { hardware_threads: inventory.hardware_threads, physical_ram_bytes: inventory.physical_ram_bytes }
  const id = known?.id ?? random.uuid()
  if (known === undefined) await insertSled(tx, newSled(id, { ...inventory.baseboard, ...place, ...capacity }, now))
  const isMoved = known !== undefined && (known.slot !== slot || known.underlay_address !== underlayAddress)
  const isOther = known !== undefined && Number(known.physical_ram_bytes) !== capacity.physical_ram_bytes
  if (isMoved || isOther) await updateSled(tx, id, { ...place, ...capacity })
  await noteDisks(tx, id, inventory.disks, random, now)
  if (known === undefined || holder !== undefined) await noteMembership(tx, now)
  return known === undefined || isMoved
}

async function expunge(tx: Db, sled: SledRow, now: Date): Promise<void> {
  await updateSled(tx, sled.id, { policy: 'expunged', provision_policy: 'non_provisionable', time_modified: now })
  await expungeDisksOfSled(tx, sled.id, now)
  for (const { id, desired_state, auto_restart_policy } of await instancesOnSled(tx, sled.id)) {
    await updateInstance(tx, id, { sled_id: null })
    const isWanted = desired_state === 'running'
    const target = isWanted && auto_restart_policy !== 'never' ? await placeInstance(tx, id) : undefined
    await updateInstance(tx, id, {
      ...(target !== undefined
        ? { sled_id: target, run_state: 'starting' }
        : isWanted
          ? { desired_state: 'stopped', run_state: 'failed', reason: 'its sled was taken out of the rack' }
          : { run_state: 'stopped' }),
      reboot_requested: false,
      time_run_state_updated: now,
    })
  }
}

async function noteDisks(
  tx: Db,
  sledId: string,
  disks: FoundSled['inventory']['disks'],
  random: Random,
  now: Date,
): Promise<void> {
  const known = await disksOfSled(tx, sledId)
  for (const row of known) {
    if (!disks.some(({ serial }) => serial === row.serial)) await deletePhysicalDisk(tx, row.id)
  }
  const fresh = disks.filter(({ serial }) => !known.some((row) => row.serial === serial))
  await insertPhysicalDisks(
    tx,
    fresh.map((disk) => ({
      id: random.uuid(),
      sled_id: sledId,
      ...disk,
      policy: 'in_service',
      time_created: now,
      time_modified: now,
    })),
  )
}

function newSled(
  id: string,
  row: Pick<SledRow, 'serial' | 'part' | 'revision' | 'slot' | 'underlay_address'> & {
    readonly hardware_threads?: number
    readonly physical_ram_bytes?: number
  },
  now: Date,
): Parameters<typeof insertSled>[1] {
  return {
    hardware_threads: 0,
    physical_ram_bytes: 0,
    ...row,
    id,
    policy: 'in_service',
    provision_policy: 'provisionable',
    time_created: now,
    time_modified: now,
  }
}
