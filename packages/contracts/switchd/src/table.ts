/** The pipeline as it is: tables, entries, counters. For people and tests; nothing is configured here. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { Causes } from './address.ts'
import { PortId } from './link.ts'

export const TableSummary = z
  .object({ name: z.string(), size: z.int(), capacity: z.int() })
  .meta({ id: 'TableSummary', description: 'How many entries a table has, and how many it can have.' })
export type TableSummary = z.output<typeof TableSummary>

export const Written = z
  .object({
    at: z.iso.datetime(),
    /** Which part of the daemon: `nat`, `route`, `port`, `loopback`, `neighbor`, `start`. */
    by: z.string(),
    /** What it was about: a prefix, a port, a generation. */
    about: z.string(),
    causes: Causes,
  })
  .meta({ id: 'Written', description: 'When an entry got what it says, and by what.' })
export type Written = z.output<typeof Written>

export const TableEntry = z
  .object({
    /** Formatted for people: `10.0.0.0/8`, `0x0800 &&& 0xffff`, `1..5`. */
    keys: z.record(z.string(), z.string()),
    action: z.string(),
    action_args: z.record(z.string(), z.string()),
    priority: z.int().optional(),
    packets: z.int().optional(),
    written: Written.optional(),
  })
  .meta({ id: 'TableEntry' })
export type TableEntry = z.output<typeof TableEntry>

export const TableDump = z
  .object({
    name: z.string(),
    size: z.int(),
    capacity: z.int(),
    default_action: z.string(),
    entries: z.array(TableEntry),
  })
  .meta({ id: 'TableDump' })
export type TableDump = z.output<typeof TableDump>

export const SwitchCounters = z
  .object({
    ports: z.array(
      z.object({
        port_id: PortId,
        rx_packets: z.int(),
        rx_bytes: z.int(),
        tx_packets: z.int(),
        tx_bytes: z.int(),
        rx_drops: z.int(),
        tx_drops: z.int(),
      }),
    ),
    drops: z.array(z.object({ code: z.int(), reason: z.string(), sentence: z.string(), packets: z.int() })),
    tables: z.array(z.object({ table: z.string(), hits: z.int(), misses: z.int() })),
  })
  .meta({ id: 'SwitchCounters' })
export type SwitchCounters = z.output<typeof SwitchCounters>

export const SwitchdStatus = z
  .object({
    /** Another number says that the tables were emptied since: what was written before must be written again. */
    incarnation: z.int(),
  })
  .meta({ id: 'SwitchdStatus' })
export type SwitchdStatus = z.output<typeof SwitchdStatus>

export const tableEndpoints = [
  endpoint({
    operationId: 'status',
    method: 'GET',
    path: '/status',
    tags: ['tables'],
    summary: 'Which life of the daemon this is',
    response: { status: 200, schema: SwitchdStatus },
  }),
  endpoint({
    operationId: 'table_list',
    method: 'GET',
    path: '/table',
    tags: ['tables'],
    summary: 'List the tables of the pipeline',
    response: { status: 200, schema: z.array(TableSummary) },
  }),
  endpoint({
    operationId: 'table_dump',
    method: 'GET',
    path: '/table/{table}/dump',
    tags: ['tables'],
    summary: 'View every entry of a table',
    params: z.object({ table: z.string() }),
    response: { status: 200, schema: TableDump },
  }),
  endpoint({
    operationId: 'counters',
    method: 'GET',
    path: '/counters',
    tags: ['tables'],
    summary: 'View packet counters of ports, drop reasons and tables',
    response: { status: 200, schema: SwitchCounters },
  }),
] as const
