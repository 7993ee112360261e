/** Instances on this sled: what should run, how it is doing, its console. */
import { endpoint, NDJSON } from '@lodestone/api'
import { z } from 'zod'
import { Generation, IpAddr } from './address.ts'
import { ExternalIps, FirewallRule, Nic, VpcRouteSet } from './nic.ts'

export const InstanceEnsure = z
  .object({
    /**
     * Of this description without the addresses, rules and routes, which are what holds at the moment of sending and
     * later change by operations of their own. Sending the same one again changes nothing.
     */
    generation: Generation,
    hostname: z.string(),
    ncpus: z.int().min(1),
    memory_bytes: z.int().min(1),
    nics: z.array(Nic).max(8),
    external_ips: ExternalIps,
    firewall_rules: z.array(FirewallRule),
    /** A set for each block of a subnet that it has an interface in. */
    routes: z.array(VpcRouteSet),
    /** Resolvers that the guest learns by DHCP. */
    dns_servers: z.array(IpAddr).optional(),
    /** Base64; what the guest gets to run or to configure itself with. */
    user_data: z.string(),
  })
  .meta({ id: 'InstanceEnsure' })
export type InstanceEnsure = z.output<typeof InstanceEnsure>

export const SledInstanceState = z.enum(['creating', 'starting', 'running', 'stopping', 'stopped', 'failed'])

export const SledInstance = z
  .object({
    id: z.uuid(),
    generation: Generation,
    state: SledInstanceState,
    /** Why it failed. */
    reason: z.string().optional(),
    time_updated: z.iso.datetime(),
  })
  .meta({ id: 'SledInstance' })
export type SledInstance = z.output<typeof SledInstance>

export const InstanceStateRequest = z
  .object({ state: z.enum(['running', 'stopped', 'rebooted']) })
  .meta({ id: 'InstanceStateRequest' })

export const SerialConsoleData = z
  .object({
    data: z.array(z.int().min(0).max(255)),
    /** Offset, since boot, of the byte after the last one in `data`. */
    last_byte_offset: z.int(),
  })
  .meta({ id: 'SerialConsoleData' })
export type SerialConsoleData = z.output<typeof SerialConsoleData>

/** One piece of what a console prints, as it is printed. */
export const SerialConsoleChunk = z
  .object({
    /** Offset, since boot, of the first byte. */
    offset: z.int(),
    data: z.base64(),
  })
  .meta({ id: 'SerialConsoleChunk' })
export type SerialConsoleChunk = z.output<typeof SerialConsoleChunk>

const params = z.object({ instance_id: z.uuid() })
const tags = ['instances']

export const instanceEndpoints = [
  endpoint({
    operationId: 'instance_list',
    method: 'GET',
    path: '/instances',
    tags,
    summary: 'List the instances on this sled',
    response: { status: 200, schema: z.array(SledInstance) },
  }),
  endpoint({
    operationId: 'instance_ensure',
    method: 'PUT',
    path: '/instances/{instance_id}',
    tags,
    summary: 'Create an instance with its ports, or bring it up to date; it is stopped until told to run',
    params,
    body: InstanceEnsure,
    response: { status: 200, schema: SledInstance },
  }),
  endpoint({
    operationId: 'instance_view',
    method: 'GET',
    path: '/instances/{instance_id}',
    tags,
    summary: 'View an instance',
    params,
    response: { status: 200, schema: SledInstance },
  }),
  endpoint({
    operationId: 'instance_delete',
    method: 'DELETE',
    path: '/instances/{instance_id}',
    tags,
    summary: 'Stop an instance and remove it with its ports; removing it twice is no error',
    params,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'instance_state_set',
    method: 'PUT',
    path: '/instances/{instance_id}/state',
    tags,
    summary: 'Ask for a run state; answers with the state at this moment',
    params,
    body: InstanceStateRequest,
    response: { status: 200, schema: SledInstance },
  }),
  endpoint({
    operationId: 'instance_external_ips_set',
    method: 'PUT',
    path: '/instances/{instance_id}/external-ips',
    tags,
    summary: 'Replace the external addresses of an instance',
    params,
    body: ExternalIps,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'instance_serial_console',
    method: 'GET',
    path: '/instances/{instance_id}/serial-console',
    tags,
    summary: 'Read what the console has printed',
    params,
    query: z.object({
      /** At most one of the two: an offset since boot, or how many bytes back from now. */
      from_start: z.int().min(0).optional(),
      most_recent: z.int().min(0).optional(),
      max_bytes: z.int().min(0).optional(),
    }),
    response: { status: 200, schema: SerialConsoleData },
  }),
  endpoint({
    operationId: 'instance_serial_console_stream',
    method: 'GET',
    path: '/instances/{instance_id}/serial-console/stream',
    tags,
    summary: 'Follow what the console prints, one SerialConsoleChunk a line; a slow reader loses pieces',
    params,
    query: z.object({
      /** How many bytes back from now to begin. */
      most_recent: z.int().min(0).default(0),
    }),
    response: { status: 200, stream: NDJSON },
  }),
  endpoint({
    operationId: 'instance_serial_console_input',
    method: 'POST',
    path: '/instances/{instance_id}/serial-console',
    tags,
    summary: 'Type on the console',
    params,
    body: z.object({ data: z.array(z.int().min(0).max(255)) }),
    response: { status: 204 },
  }),
] as const
