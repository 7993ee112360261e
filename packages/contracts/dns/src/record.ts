/**
 * Records as a zone's owner states them. The set is what a rack publishes: addresses, services and name servers; SOA is made by the
 * server from the generation of the configuration (RFC 1035 section 3.3.13). Names are relative to their zone, `@` is its apex.
 */
import { z } from 'zod'

const LABEL = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
const MAX_NAME = 253

/** A whole domain name in lower case, without the last dot: labels of 1 to 63 letters, digits, `-` and `_` (RFC 1035, RFC 2782). */
export const DomainName = z
  .string()
  .max(MAX_NAME)
  .regex(new RegExp(`^${LABEL}(\\.${LABEL})*$`), 'not a domain name in lower case, as in sys.oxide.test')

/** A name inside a zone: one or more labels, or `@` for the zone itself. */
export const RelativeName = z.union([z.literal('@'), DomainName])

export const Srv = z
  .object({
    prio: z.int().min(0).max(0xffff),
    weight: z.int().min(0).max(0xffff),
    port: z.int().min(0).max(0xffff),
    target: DomainName,
  })
  .meta({ id: 'Srv' })

export const DnsRecord = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('A'), data: z.ipv4() }),
    z.object({ type: z.literal('AAAA'), data: z.ipv6() }),
    z.object({ type: z.literal('SRV'), data: Srv }),
    z.object({ type: z.literal('NS'), data: DomainName }),
  ])
  .meta({ id: 'DnsRecord' })
export type DnsRecord = z.output<typeof DnsRecord>
