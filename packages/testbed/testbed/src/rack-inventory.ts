/** What the control plane is told about the hardware of a topology. Identifiers are the same at every start. */
import { ROUTED_PORT } from '@lodestone/contract-routed'
import { GATEWAY_PORT } from '@lodestone/contract-sp'
import { SWITCHD_PORT } from '@lodestone/contract-switchd'
import type { Inventory } from '@lodestone/nexus'
import { inventoryServices } from './rack-services.ts'
import { sledHardware, slotOf } from './service-processors.ts'
import type { Topology } from './topology.ts'

const RACK_ID = '6d4f1c1e-2f0b-4c1c-9a53-0d6c2b1f7a10'

/** @param said what no topology says. The zone is there where the rack has name servers. */
export function rackInventory(
  topology: Topology,
  said: Pick<Inventory, 'dnsZone' | 'dnsServers' | 'areSledsApproved'> = {},
): Inventory {
  const sleds = topology.nodes.filter((node) => node.kind === 'sled')
  const switches = topology.nodes.filter((node) => node.kind === 'switch')
  return {
    rackId: RACK_ID,
    services: inventoryServices(topology),
    ...said,
    sleds: sleds.map((sled, index) => {
      const slot = slotOf(sled.name, index)
      return {
        id: idOf('5', slot),
        slot,
        baseboard: sledHardware(sled, index).baseboard,
        underlayAddress: sled.address.toString(),
      }
    }),
    internalDns: sleds.flatMap(({ internalDns }) => internalDns?.toString() ?? []),
    switches: switches.map((each, index) => ({
      id: idOf('e', index),
      name: each.name,
      slot: index === 0 ? 'switch0' : 'switch1',
      baseUrl: `http://[${each.zoneAddress}]:${SWITCHD_PORT}`,
      routedUrl: `http://[${each.zoneAddress}]:${ROUTED_PORT}`,
      gatewayUrl: `http://[${each.zoneAddress}]:${GATEWAY_PORT}`,
      ports: each.ports.filter((port) => port.isUplink).map((port) => port.name),
    })),
  }
}

function idOf(kind: string, index: number): string {
  return `6d4f1c1e-2f0b-4c1c-9a53-${kind}${index.toString(16).padStart(11, '0')}`
}
