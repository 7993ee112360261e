/** The rack as its operator sees it. */
import { pageInMemory } from '@lodestone/api'
import type { Sled, SledInstance } from '@lodestone/contract-nexus'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { listInstancesOfSled, type SledInstanceRow } from '../store/instance.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { notFound } from './selector.ts'

/** What an emulated sled claims to have. */
const HARDWARE_THREADS = 128
const RAM_BYTES = 1024 * 2 ** 30
const MIB = 2 ** 20

type Ids = 'sled_list' | 'sled_view' | 'sled_instance_list'

export function hardwareHandlers(service: Service): HandlersOf<Ids> {
  const started = nowOf(service).toISOString()
  const sleds = service.inventory.sleds.map((sled, slot): Sled => ({
    id: sled.id,
    rack_id: service.inventory.rackId,
    slot,
    baseboard: { serial: sled.name, part: 'lodestone-sled', revision: 0 },
    policy: { kind: 'in_service', provision_policy: 'provisionable' },
    state: 'active',
    usable_hardware_threads: HARDWARE_THREADS,
    usable_physical_ram: RAM_BYTES,
    time_created: started,
    time_modified: started,
  }))
  const select = (id: string): Sled => {
    const sled = sleds.find((known) => known.id === id)
    if (sled === undefined) throw notFound('sled', id)
    return sled
  }
  return {
    sled_list: ({ query }) => pageInMemory(sleds, query, (sled) => sled.id),
    sled_view: ({ params }) => select(params.sled_id),
    async sled_instance_list({ params, query }) {
      const scan = scanOf(query, 'id_ascending')
      const rows = await listInstancesOfSled(service.store.db, select(params.sled_id).id, scan)
      return pageOfRows(rows, scan, sledInstanceFromRow)
    },
  }
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
