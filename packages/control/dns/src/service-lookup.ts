/**
 * Where a service is, by its SRV records (RFC 2782): the servers are asked in turn until one answers with authority, and targets come in
 * the order of their priorities. Weights are not looked at: whoever wants to share load picks among equals.
 */
import type { Clock, Network, Random } from '@lodestone/host'
import { lookup } from './lookup.ts'

export interface ServiceLookupOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  /** Addresses of name servers that all know the same. */
  readonly servers: readonly string[]
  /** `_nexus._tcp.control-plane.oxide.internal`. */
  readonly service: string
  /** For each question to each server; default 1000. */
  readonly timeoutMs?: number
}

export interface ServicePlace {
  readonly address: string
  readonly port: number
}

/** Empty when the service has no places, or no server answers. */
export async function findService(options: ServiceLookupOptions): Promise<readonly ServicePlace[]> {
  for (const server of options.servers) {
    const services = await ask(options, server, options.service, 'SRV')
    if (services === undefined) continue
    const targets = services.flatMap((answer) => (answer.type === 'SRV' ? [answer.data] : []))
    const places: ServicePlace[] = []
    for (const { target, port } of targets.toSorted((a, b) => (a.priority ?? 0) - (b.priority ?? 0))) {
      const addresses = (await ask(options, server, target, 'AAAA')) ?? []
      for (const answer of addresses) if (answer.type === 'AAAA') places.push({ address: answer.data, port })
    }
    return places
  }
  return []
}

/** Undefined: the server does not answer, or does not know the zone. */
async function ask(
  { network, clock, random, timeoutMs = 1000 }: ServiceLookupOptions,
  server: string,
  name: string,
  type: 'SRV' | 'AAAA',
): Promise<Awaited<ReturnType<typeof lookup>>['answers'] | undefined> {
  try {
    const result = await lookup({ network, clock, random, server, name, type, timeoutMs })
    return result.isAuthoritative ? result.answers : undefined
  } catch {
    return undefined // the next one may answer
  }
}
