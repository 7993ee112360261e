/**
 * External addresses, declaratively: the control plane states everything that should be translated, with a generation;
 * the switch makes it so and says for each entry whether it could. A failed entry is never skipped silently: it stays
 * in `failed` until it is applied or no longer desired.
 */
import { endpoint, pageFields, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { Causes, IpAddr, MacAddr, Port16, Vni } from './address.ts'

export const NatEntry = z
  .object({
    external_address: IpAddr,
    /** Inclusive; 0 … 65535 for a whole address. */
    first_port: Port16,
    last_port: Port16,
    /** Underlay address of the sled. */
    internal_ip: z.ipv6(),
    /** Destination MAC inside the tunnel: the instance's. */
    inner_mac: MacAddr,
    vni: Vni,
    causes: Causes.optional(),
  })
  .meta({ id: 'NatEntry' })
export type NatEntry = z.output<typeof NatEntry>

export const NatDesired = z
  .object({ generation: z.int().min(0), entries: z.array(NatEntry) })
  .meta({ id: 'NatDesired' })
export type NatDesired = z.output<typeof NatDesired>

export const NatResult = z
  .object({
    external_address: IpAddr,
    first_port: Port16,
    last_port: Port16,
    outcome: z.enum(['applied', 'failed']),
    /** Why it failed: table full, overlaps another entry, … */
    reason: z.string().optional(),
  })
  .meta({ id: 'NatResult' })
export type NatResult = z.output<typeof NatResult>

export const NatDesiredResult = z
  .object({ generation: z.int(), results: z.array(NatResult) })
  .meta({ id: 'NatDesiredResult' })

export const NatStatus = z
  .object({
    desired_generation: z.int(),
    /** The last generation of which every entry was applied. */
    applied_generation: z.int(),
    desired: z.int(),
    applied: z.int(),
    /** How many more entries fit. */
    capacity_left: z.int(),
    failed: z.array(NatResult),
  })
  .meta({ id: 'NatStatus' })
export type NatStatus = z.output<typeof NatStatus>

export const natEndpoints = [
  endpoint({
    operationId: 'nat_desired_set',
    method: 'PUT',
    path: '/nat/desired',
    tags: ['nat'],
    summary: 'State all address translations; a generation older than the present one is refused with 409',
    body: NatDesired,
    response: { status: 200, schema: NatDesiredResult },
  }),
  endpoint({
    operationId: 'nat_status',
    method: 'GET',
    path: '/nat/status',
    tags: ['nat'],
    summary: 'Compare what is desired with what is applied',
    response: { status: 200, schema: NatStatus },
  }),
  endpoint({
    operationId: 'nat_list',
    method: 'GET',
    path: '/nat',
    tags: ['nat'],
    summary: 'List the translations in the tables',
    query: z.object({ ...pageFields }),
    response: { status: 200, schema: pageOf(NatEntry) },
    paginated: true,
  }),
] as const
