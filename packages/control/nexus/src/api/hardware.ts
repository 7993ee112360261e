/** The rack as its operator sees it. */
import { pageInMemory } from '@lodestone/api'
import type { Rack, Sled, SledInstance, Switch } from '@lodestone/contract-nexus'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { listInstancesOfSled, type SledInstanceRow } from '../store/instance.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { provisionPolicies, setProvisionPolicy } from '../store/sled.ts'
import { notFound } from './selector.ts'

/** What an emulated sled claims to have. */
const HARDWARE_THREADS = 128
const RAM_BYTES = 1024 * 2 ** 30
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
  const sleds = async (): Promise<Sled[]> => {
    const policies = await provisionPolicies(store.db)
    return inventory.sleds.map(({ id, name }, slot) => ({
      id,
      rack_id,
      slot,
      baseboard: { serial: name, part: 'lodestone-sled', revision: 0 },
      policy: { kind: 'in_service', provision_policy: policies.get(id) ?? 'provisionable' },
      state: 'active',
      usable_hardware_threads: HARDWARE_THREADS,
      usable_physical_ram: RAM_BYTES,
      ...times,
    }))
  }
  const sledById = async (id: string): Promise<Sled> => withId(await sleds(), 'sled', id)
  return {
    rack_list: ({ query }) => pageInMemory(racks, query, (rack) => rack.id),
    rack_view: ({ params }) => withId(racks, 'rack', params.rack_id),
    switch_list: ({ query }) => pageInMemory(switches, query, (known) => known.id),
    switch_view: ({ params }) => withId(switches, 'switch', params.switch_id),
    sled_list: async ({ query }) => pageInMemory(await sleds(), query, (sled) => sled.id),
    sled_view: ({ params }) => sledById(params.sled_id),
    async sled_instance_list({ params, query }) {
      const scan = scanOf(query, 'id_ascending')
      const { id } = await sledById(params.sled_id)
      return pageOfRows(await listInstancesOfSled(store.db, id, scan), scan, sledInstanceFromRow)
    },
    physical_disk_list: () => NOTHING,
    async sled_physical_disk_list({ params }) {
      await sledById(params.sled_id)
      return NOTHING
    },
    sled_list_uninitialized: () => NOTHING,
    async sled_set_provision_policy({ params, body }) {
      const { id, policy } = await sledById(params.sled_id)
      await setProvisionPolicy(store.db, id, body.state, nowOf(service))
      return { old_state: policy.provision_policy, new_state: body.state }
    },
  }
}

const NOTHING = { items: [], next_page: null }

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
