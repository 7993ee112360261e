/** What ports say by LLDP, and what they have heard. */
import { ApiFailure } from '@lodestone/api'
import type { LldpNeighbor as NeighborBody, LldpSettings as SettingsBody } from '@lodestone/contract-switchd'
import type { Clock } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import type { LldpNeighbor, LldpSettings } from '../lldp/lldp-agent.ts'
import type { LldpPort } from '../lldp/lldp-port.ts'
import { portName } from '../port-number.ts'
import type { Switchd } from '../switchd.ts'
import { ipOf, type Operations, portOf } from './operations.ts'

type LldpOperation = 'lldp_settings_view' | 'lldp_settings_set' | 'lldp_neighbors'

export function lldpHandlers(switchd: Switchd, clock: Clock): Operations<LldpOperation> {
  const lldpOf = (name: string): LldpPort => {
    const port = switchd.lldp(portOf(switchd, name))
    if (port === undefined) throw new ApiFailure({ kind: 'conflict', message: `nobody speaks LLDP on ${name}` })
    return port
  }
  return {
    lldp_settings_view: ({ params }) => settingsBody(lldpOf(params.port_id).settings),
    lldp_settings_set: ({ params, body }) => {
      const port = lldpOf(params.port_id)
      port.configure(settingsOf(switchd, params.port_id, body))
      return undefined
    },
    lldp_neighbors: () => {
      const wallAtZeroMs = clock.wallMs() - clock.nowMs()
      return switchd.node.ports.flatMap((port) =>
        (switchd.lldp(port)?.neighbors() ?? []).map((each) => neighborBody(portName(port), each, wallAtZeroMs)),
      )
    },
  }
}

function settingsOf(switchd: Switchd, port: string, body: SettingsBody): LldpSettings {
  const management = body.management_address
  return {
    isEnabled: body.enabled,
    chassisId: body.chassis_id ?? switchd.node.name,
    portId: body.port_id ?? port,
    portDescription: body.port_description,
    systemName: body.system_name ?? switchd.node.name,
    systemDescription: body.system_description,
    managementAddresses:
      management === undefined
        ? []
        : [{ address: ipOf(management), interfaceNumbering: 'unknown', interfaceNumber: 0 }],
  }
}

function settingsBody(settings: LldpSettings): SettingsBody {
  const { portDescription, systemName, systemDescription } = settings
  const address = settings.managementAddresses[0]?.address
  return {
    enabled: settings.isEnabled,
    chassis_id: settings.chassisId,
    port_id: settings.portId,
    ...(portDescription === undefined ? {} : { port_description: portDescription }),
    ...(systemName === undefined ? {} : { system_name: systemName }),
    ...(systemDescription === undefined ? {} : { system_description: systemDescription }),
    ...(address instanceof Ip ? { management_address: address.toString() } : {}),
  }
}

function neighborBody(port: string, { message, firstSeenMs, lastSeenMs }: LldpNeighbor, zeroMs: number): NeighborBody {
  const { portDescription, systemName, systemDescription } = message
  return {
    port_id: port,
    chassis_id: message.chassisId,
    neighbor_port_id: message.portId,
    ...(portDescription === undefined ? {} : { port_description: portDescription }),
    ...(systemName === undefined ? {} : { system_name: systemName }),
    ...(systemDescription === undefined ? {} : { system_description: systemDescription }),
    management_addresses: message.managementAddresses.map(({ address, interfaceNumbering, interfaceNumber }) => ({
      ...(address instanceof Ip ? { ip: address.toString() } : { octets: [...address] }),
      interface_numbering: interfaceNumbering,
      interface_number: interfaceNumber,
    })),
    first_seen: new Date(zeroMs + firstSeenMs).toISOString(),
    last_seen: new Date(zeroMs + lastSeenMs).toISOString(),
  }
}
