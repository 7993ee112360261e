/** The rack as its operator sees it. */
import { ApiFailure, invalidRequest, pageInMemory } from '@lodestone/api'
import type { PhysicalDisk, Rack, Sled, SledInstance, Switch, UninitializedSled } from '@lodestone/contract-nexus'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { listInstancesOfSled, type SledInstanceRow } from '../store/instance.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import {
  listPhysicalDisks,
  listSleds,
  type PhysicalDiskRow,
  setProvisionPolicy,
  sledById,
  type SledRow,
  sledsInService,
} from '../store/sled.ts'
import { notFound } from './selector.ts'

const MIB = 2 ** 20

type Ids =
  | 'rack_list'
  | 'rack_view'
  | 'switch_list'
  | 'switch_view'
  | 'sled_list'
  | 'sled_view'
  | 'sled_instance_list'
  | 'sled_set_provision_policy'
  | 'physical_disk_list'
  | 'sled_physical_disk_list'
  | 'sled_list_uninitialized'

export function hardwareHandlers(service: Service): HandlersOf<Ids> {
  const { store, inventory } = service
  const started = nowOf(service).toISOString()
  const times = { time_created: started, time_modified: started }
  const rack_id = inventory.rackId
  const racks: Rack[] = [{ id: rack_id, ...times }]
  const switches = inventory.switches.map(({ id, name }): Switch => ({
    id,
    rack_id,
    baseboard: { serial: name, part: 'lodestone-switch', revision: 0 },
    ...times,
  }))
  const selectSled = async (id: string): Promise<SledRow> => {
    const row = await sledById(store.db, id)
    if (row === undefined) throw notFound('sled', id)
    return row
  }
  return {
    rack_list: ({ query }) => pageInMemory(racks, query, (rack) => rack.id),
    rack_view: ({ params }) => withId(racks, 'rack', params.rack_id),
    switch_list: ({ query }) => pageInMemory(switches, query, (known) => known.id),
    switch_view: ({ params }) => withId(switches, 'switch', params.switch_id),
    async sled_list({ query }) {
      const scan = scanOf(query, 'id_ascending')
      return pageOfRows(await listSleds(store.db, scan), scan, (row) => sledFromRow(row, rack_id))
    },
    sled_view: async ({ params }) => sledFromRow(await selectSled(params.sled_id), rack_id),
    async sled_instance_list({ params, query }) {
      const scan = scanOf(query, 'id_ascending')
      const { id } = await selectSled(params.sled_id)
      return pageOfRows(await listInstancesOfSled(store.db, id, scan), scan, sledInstanceFromRow)
    },
    async physical_disk_list({ query }) {
      const scan = scanOf(query, 'id_ascending')
      return pageOfRows(await listPhysicalDisks(store.db, scan), scan, diskFromRow)
    },
    async sled_physical_disk_list({ params, query }) {
      const scan = scanOf(query, 'id_ascending')
      const { id } = await selectSled(params.sled_id)
      return pageOfRows(await listPhysicalDisks(store.db, scan, id), scan, diskFromRow)
    },
    async sled_list_uninitialized({ query }) {
      const boards = await service.boards()
      if (boards === undefined) throw new ApiFailure({ kind: 'unavailable', message: 'no management gateway answers' })
      const known = new Set((await sledsInService(store.db)).map(({ serial }) => serial))
      const rest = boards
        .filter(({ state }) => !known.has(state.serial_number))
        .map(({ slot, state }): UninitializedSled => ({
          baseboard: { serial: state.serial_number, part: state.model, revision: state.revision },
          cubby: slot,
          rack_id,
        }))
      return pageInMemory(rest, query, ({ baseboard }) => baseboard.serial)
    },
    async sled_set_provision_policy({ params, body }) {
      const { id, policy, provision_policy } = await selectSled(params.sled_id)
      if (policy === 'expunged') throw invalidRequest('the sled is out of service')
      await setProvisionPolicy(store.db, id, body.state, nowOf(service))
      return { old_state: provision_policy, new_state: body.state }
    },
  }
}

function sledFromRow(row: SledRow, rack_id: string): Sled {
  const isGone = row.policy === 'expunged'
  return {
    id: row.id,
    rack_id,
    slot: row.slot,
    baseboard: { serial: row.serial, part: row.part, revision: row.revision },
    policy: isGone ? { kind: 'expunged' } : { kind: 'in_service', provision_policy: row.provision_policy },
    state: isGone ? 'decommissioned' : 'active',
    usable_hardware_threads: row.hardware_threads,
    usable_physical_ram: Number(row.physical_ram_bytes),
    time_created: row.time_created.toISOString(),
    time_modified: row.time_modified.toISOString(),
  }
}

function diskFromRow(row: PhysicalDiskRow): PhysicalDisk {
  return {
    id: row.id,
    policy: { kind: row.policy },
    state: row.policy === 'expunged' ? 'decommissioned' : 'active',
    sled_id: row.sled_id,
    vendor: row.vendor,
    serial: row.serial,
    model: row.model,
    form_factor: row.form_factor,
    time_created: row.time_created.toISOString(),
    time_modified: row.time_modified.toISOString(),
  }
}

function withId<T extends { readonly id: string }>(known: readonly T[], type: string, id: string): T {
  const found = known.find((candidate) => candidate.id === id)
  if (found === undefined) throw notFound(type, id)
  return found
}

function sledInstanceFromRow(row: SledInstanceRow): SledInstance {
  return {
    id: row.id,
    name: row.name,
    active_sled_id: row.sled_id ?? '',
    silo_name: row.silo_name,
    project_name: row.project_name,
    state: row.run_state,
    ncpus: row.ncpus,
    memory: Math.floor(Number(row.memory_bytes) / MIB),
    time_created: row.time_created.toISOString(),
    time_modified: row.time_modified.toISOString(),
  }
}
