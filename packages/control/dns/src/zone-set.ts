/**
 * What an authoritative server answers, as a function of its zones and a question: RFC 1034 section 4.3.2 without delegations and
 * aliases, which a rack's zones do not have. Names compare without regard to case (RFC 4343).
 *
 * Invariant: an answer with data is authoritative and comes from the zone whose name is the longest suffix of the question's.
 */
import type { Answer, SoaAnswer, StringAnswer } from 'dns-packet'
import type { DnsConfig, DnsRecord } from '@lodestone/contract-dns'

/** RFC 1035 section 4.1.1. */
export const Rcode = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const
export type Rcode = (typeof Rcode)[keyof typeof Rcode]

/** Seconds that others may keep a record. Short: what it says changes when silos and services come and go. */
const RECORD_TTL_S = 30
/** Seconds that others may remember that there is nothing (RFC 2308 section 5): a new name should be seen soon. */
const NEGATIVE_TTL_S = 5
const SOA_TIMES = { refresh: 3600, retry: 600, expire: 86400, minimum: NEGATIVE_TTL_S } as const

export interface ZoneAnswer {
  readonly rcode: Rcode
  readonly isAuthoritative: boolean
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
  readonly additionals: readonly Answer[]
}

interface Zone {
  readonly name: string
  readonly soa: SoaAnswer
  /** By whole name. One without records is there because others are below it (RFC 8020). */
  readonly records: ReadonlyMap<string, readonly DnsRecord[]>
}

const REFUSED: ZoneAnswer = {
  rcode: Rcode.refused,
  isAuthoritative: false,
  answers: [],
  authorities: [],
  additionals: [],
}

/** Zones made ready for questions. */
export class ZoneSet {
  readonly #zones: ReadonlyMap<string, Zone>

  constructor(config: Pick<DnsConfig, 'zones' | 'serial'>) {
    this.#zones = new Map(config.zones.map((zone) => [zone.zone_name, zoneFromConfig(zone, config.serial)]))
  }

  /** @param type as dns-packet names it: `A`, `SOA`, `UNKNOWN_65`, or `ANY`. */
  answer(question: { readonly name: string; readonly type: string }): ZoneAnswer {
    const name = question.name.toLowerCase()
    const zone = this.#zoneOf(name)
    // Transfers are for secondaries, and this server is told its zones by somebody else.
    if (zone === undefined || question.type === 'AXFR' || question.type === 'IXFR') return REFUSED
    const records = zone.records.get(name)
    if (records === undefined) return negative(zone, Rcode.nxDomain)
    const wanted = matching(zone, name, records, question.type)
    if (wanted.length === 0) return negative(zone, Rcode.noError)
    return {
      rcode: Rcode.noError,
      isAuthoritative: true,
      answers: wanted,
      authorities: [],
      additionals: wanted.flatMap((answer) => this.#addressesOf(answer)),
    }
  }

  #zoneOf(name: string): Zone | undefined {
    for (let rest: string | undefined = name; rest !== undefined; rest = parentOf(rest)) {
      const zone = this.#zones.get(rest)
      if (zone !== undefined) return zone
    }
    return undefined
  }

  /** RFC 1035 section 3.3.11: who asks for a name server or a service will want its address next. */
  #addressesOf(answer: Answer): Answer[] {
    const target = answer.type === 'SRV' ? answer.data.target : answer.type === 'NS' ? answer.data : undefined
    if (target === undefined) return []
    const records = this.#zoneOf(target)?.records.get(target) ?? []
    return records.filter(({ type }) => type === 'A' || type === 'AAAA').map((record) => resourceRecord(target, record))
  }
}

function matching(zone: Zone, name: string, records: readonly DnsRecord[], type: string): Answer[] {
  if (name === zone.name && type === 'SOA') return [zone.soa]
  // RFC 8482 section 4.1: one kind of record is enough for who asks for all of them.
  const [first] = records
  const kind = type === 'ANY' ? first?.type : type
  if (kind === undefined) return name === zone.name ? [zone.soa] : []
  return records.filter((record) => record.type === kind).map((record) => resourceRecord(name, record))
}

/** RFC 2308 section 3: the SOA says for how long. */
function negative(zone: Zone, rcode: Rcode): ZoneAnswer {
  const soa = { ...zone.soa, ttl: NEGATIVE_TTL_S }
  return { rcode, isAuthoritative: true, answers: [], authorities: [soa], additionals: [] }
}

function resourceRecord(name: string, record: DnsRecord): Answer {
  const base = { name, ttl: RECORD_TTL_S, class: 'IN' } as const
  if (record.type !== 'SRV') return { ...base, type: record.type, data: record.data } satisfies StringAnswer
  const { prio, weight, port, target } = record.data
  return { ...base, type: 'SRV', data: { priority: prio, weight, port, target } }
}

function zoneFromConfig({ zone_name: name, records }: DnsConfig['zones'][number], serial: number): Zone {
  const byName = new Map<string, readonly DnsRecord[]>([[name, []]])
  for (const [relative, own] of Object.entries(records)) {
    if (own.length === 0) continue
    const whole = relative === '@' ? name : `${relative}.${name}`
    byName.set(whole, own)
    for (let above = parentOf(whole); above !== undefined && above.endsWith(`.${name}`); above = parentOf(above)) {
      if (!byName.has(above)) byName.set(above, [])
    }
  }
  const nameServer = records['@']?.find((record) => record.type === 'NS')?.data ?? `ns1.${name}`
  const soa: SoaAnswer = {
    name,
    type: 'SOA',
    class: 'IN',
    ttl: RECORD_TTL_S,
    data: { mname: nameServer, rname: `admin.${name}`, serial, ...SOA_TIMES },
  }
  return { name, soa, records: byName }
}

function parentOf(name: string): string | undefined {
  const dot = name.indexOf('.')
  return dot < 0 ? undefined : name.slice(dot + 1)
}
