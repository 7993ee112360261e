/** LLDP on the ports of the switch: what is said there, and who has been heard. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { IpAddr } from './address.ts'
import { PortId } from './link.ts'

/** What is left out has the switch's own values: its name, the port's name. */
export const LldpSettings = z
  .object({
    enabled: z.boolean(),
    chassis_id: z.string().min(1).max(255).optional(),
    port_id: z.string().min(1).max(255).optional(),
    port_description: z.string().max(255).optional(),
    system_name: z.string().max(255).optional(),
    system_description: z.string().max(255).optional(),
    management_address: IpAddr.optional(),
  })
  .meta({ id: 'LldpSettings' })
export type LldpSettings = z.output<typeof LldpSettings>

export const LldpNeighbor = z
  .object({
    /** Of ours. */
    port_id: PortId,
    chassis_id: z.string(),
    neighbor_port_id: z.string(),
    port_description: z.string().optional(),
    system_name: z.string().optional(),
    system_description: z.string().optional(),
    management_addresses: z.array(
      z.object({
        /** Absent: the address is of another kind, in `octets`. */
        ip: IpAddr.optional(),
        octets: z.array(z.int().min(0).max(255)).optional(),
        interface_numbering: z.enum(['unknown', 'if-index', 'port-number']),
        interface_number: z.int().min(0),
      }),
    ),
    first_seen: z.iso.datetime(),
    last_seen: z.iso.datetime(),
  })
  .meta({ id: 'LldpNeighbor' })
export type LldpNeighbor = z.output<typeof LldpNeighbor>

const params = z.object({ port_id: PortId })
const tags = ['lldp']

export const lldpEndpoints = [
  endpoint({
    operationId: 'lldp_settings_view',
    method: 'GET',
    path: '/ports/{port_id}/lldp',
    tags,
    summary: 'View what is said by LLDP on a port',
    params,
    response: { status: 200, schema: LldpSettings },
  }),
  endpoint({
    operationId: 'lldp_settings_set',
    method: 'PUT',
    path: '/ports/{port_id}/lldp',
    tags,
    summary: 'Say something else by LLDP on a port, or nothing',
    params,
    body: LldpSettings,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'lldp_neighbors',
    method: 'GET',
    path: '/lldp/neighbors',
    tags,
    summary: 'List the neighbours that have been heard on all ports',
    response: { status: 200, schema: z.array(LldpNeighbor) },
  }),
] as const
