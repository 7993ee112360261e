/**
 * The whole of what a name server knows, pushed at once. Generations only grow: a server refuses an older one with 409, and the same
 * one with other contents, so that two writers cannot undo each other without noticing.
 */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { DnsRecord, DomainName, RelativeName } from './record.ts'

/** Zones of one server, and names of one zone. */
const MAX_ZONES = 64
const MAX_RECORDS_OF_NAME = 256

export const DnsZone = z
  .object({
    zone_name: DomainName,
    /** By name relative to the zone. A name without records does not exist, unless another is below it. */
    records: z.record(RelativeName, z.array(DnsRecord).max(MAX_RECORDS_OF_NAME)),
  })
  .meta({ id: 'DnsZone' })
export type DnsZone = z.output<typeof DnsZone>

export const DnsConfigParams = z
  .object({
    generation: z.int().min(1),
    /** Of every zone's SOA; compared as RFC 1982 says by whoever transfers zones. */
    serial: z.int().min(0).max(0xffff_ffff),
    time_created: z.iso.datetime(),
    zones: z.array(DnsZone).max(MAX_ZONES),
  })
  .meta({ id: 'DnsConfigParams' })
export type DnsConfigParams = z.output<typeof DnsConfigParams>

export const DnsConfig = DnsConfigParams.extend({
  /** Generation 0 has no zones: nobody has configured the server yet. */
  generation: z.int().min(0),
  time_applied: z.iso.datetime(),
}).meta({ id: 'DnsConfig' })
export type DnsConfig = z.output<typeof DnsConfig>

export const configEndpoints = [
  endpoint({
    operationId: 'dns_config_get',
    method: 'GET',
    path: '/config',
    tags: ['config'],
    summary: 'Fetch the configuration that is in force',
    response: { status: 200, schema: DnsConfig },
  }),
  endpoint({
    operationId: 'dns_config_put',
    method: 'PUT',
    path: '/config',
    tags: ['config'],
    summary: 'Replace all zones; a generation older than the present one is refused with 409',
    body: DnsConfigParams,
    response: { status: 204 },
  }),
] as const
