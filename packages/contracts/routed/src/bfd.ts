/** What can be seen of BFD sessions (RFC 5880). */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { IpAddr } from './address.ts'

export const BfdState = z.enum(['AdminDown', 'Down', 'Init', 'Up'])

export const BfdSession = z
  .object({
    name: z.string(),
    remote_address: IpAddr,
    local_address: IpAddr.optional(),
    interface: z.string().optional(),
    mode: z.enum(['single-hop', 'multihop']),
    state: BfdState,
    in_state_ms: z.number(),
    diagnostic: z.string(),
    local_discriminator: z.int(),
    remote_discriminator: z.int(),
    remote_state: BfdState,
    remote_diagnostic: z.string(),
    transmit_interval_ms: z.number(),
    detection_time_ms: z.number(),
    multiplier: z.int(),
    echo_active: z.boolean(),
    /** Why nothing can be sent at the moment. */
    problem: z.string().optional(),
    /** Who follows the neighbour: `bgp NAME`, `static NEXT-HOP`. */
    users: z.array(z.string()),
    counters: z.record(z.string(), z.int()),
  })
  .meta({ id: 'BfdSession' })
export type BfdSession = z.output<typeof BfdSession>

export const BfdStatus = z
  .object({ listening: z.boolean(), sessions: z.array(BfdSession), counters: z.record(z.string(), z.int()) })
  .meta({ id: 'BfdStatus' })
export type BfdStatus = z.output<typeof BfdStatus>

export const bfdEndpoints = [
  endpoint({
    operationId: 'bfd_status',
    method: 'GET',
    path: '/bfd/status',
    tags: ['bfd'],
    summary: 'List the BFD sessions with state, timers and counters',
    response: { status: 200, schema: BfdStatus },
  }),
] as const
