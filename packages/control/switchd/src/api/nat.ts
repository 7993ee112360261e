/** External addresses of instances. */
import { pageInMemory } from '@lodestone/api'
import type { NatEntry, NatResult as NatResultBody } from '@lodestone/contract-switchd'
import type { NatMapping, NatResult } from '../nat-table.ts'
import type { Switchd } from '../switchd.ts'
import { ipOf, macOf, type Operations, orThrow } from './operations.ts'

type NatOperation = 'nat_desired_set' | 'nat_status' | 'nat_list'

export function natHandlers(switchd: Switchd): Operations<NatOperation> {
  return {
    nat_desired_set: ({ body }) => {
      const outcome = switchd.nat.put(body.generation, body.entries.map(natMapping))
      if (!outcome.ok) {
        orThrow(outcome)
        throw new Error('orThrow returned for a failure')
      }
      return { generation: body.generation, results: outcome.results.map(natResult) }
    },
    nat_status: () => {
      const status = switchd.nat.status()
      return {
        desired_generation: status.desiredGeneration,
        applied_generation: status.appliedGeneration,
        desired: status.desired,
        applied: status.applied,
        capacity_left: status.capacityLeft,
        failed: status.failed.map(natResult),
      }
    },
    nat_list: ({ query }) =>
      pageInMemory(
        switchd.nat.list().map(natBody),
        query,
        (entry) => `${entry.external_address} ${String(entry.first_port).padStart(5, '0')}`,
      ),
  }
}

export function natMapping(entry: NatEntry): NatMapping {
  return {
    external: ipOf(entry.external_address),
    firstPort: entry.first_port,
    lastPort: entry.last_port,
    sled: ipOf(entry.internal_ip),
    innerMac: macOf(entry.inner_mac),
    vni: entry.vni,
    ...(entry.causes === undefined ? {} : { causes: entry.causes }),
  }
}

function natBody(mapping: NatMapping): NatEntry {
  return {
    external_address: mapping.external.toString(),
    first_port: mapping.firstPort,
    last_port: mapping.lastPort,
    internal_ip: mapping.sled.toString(),
    inner_mac: mapping.innerMac.toString(),
    vni: mapping.vni,
  }
}

function natResult({ mapping, reason }: NatResult): NatResultBody {
  return {
    external_address: mapping.external.toString(),
    first_port: mapping.firstPort,
    last_port: mapping.lastPort,
    outcome: reason === undefined ? 'applied' : 'failed',
    ...(reason === undefined ? {} : { reason }),
  }
}
