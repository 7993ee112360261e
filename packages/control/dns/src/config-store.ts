/**
 * The configuration of a name server: replaced as a whole, kept in a file before it is in force, so that after a restart the server
 * answers what it answered before, and refuses what it refused.
 */
import { ApiFailure } from '@lodestone/api'
import { DnsConfig, type DnsConfigParams } from '@lodestone/contract-dns'
import type { Clock, Files } from '@lodestone/host'
import { ZoneSet } from './zone-set.ts'

const FILE = 'dns-config.json'
const EPOCH = new Date(0).toISOString()
const UNCONFIGURED: DnsConfig = { generation: 0, serial: 0, time_created: EPOCH, time_applied: EPOCH, zones: [] }

export class ConfigStore {
  readonly #files: Files
  readonly #clock: Clock
  #config = UNCONFIGURED
  #zones = new ZoneSet(UNCONFIGURED)
  /** Writes happen one after the other: the later generation's file must be the one that stays. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(files: Files, clock: Clock) {
    this.#files = files
    this.#clock = clock
  }

  get config(): DnsConfig {
    return this.#config
  }

  get zones(): ZoneSet {
    return this.#zones
  }

  /** Reads what was kept. Rejects when the file is not what this class wrote: to serve nothing is safer than to guess. */
  async load(): Promise<void> {
    const content = await this.#files.read(FILE)
    if (content === undefined) return
    this.#enter(DnsConfig.parse(JSON.parse(new TextDecoder().decode(content))))
  }

  /** Resolves when the configuration is durable and in force. Rejects with an `ApiFailure`: conflict, or a mistake in it. */
  replace(params: DnsConfigParams): Promise<void> {
    const replaced = this.#writing.then(() => this.#replace(params))
    this.#writing = replaced.catch(() => undefined)
    return replaced
  }

  async #replace(params: DnsConfigParams): Promise<void> {
    const present = this.#config
    const problem = mistakeIn(params)
    if (problem !== undefined) throw new ApiFailure({ kind: 'invalid-request', message: problem })
    if (params.generation < present.generation) {
      throw conflict(`generation ${params.generation} is older than ${present.generation}, which is in force`)
    }
    if (params.generation === present.generation) {
      if (isSameContent(params, present)) return
      throw conflict(`generation ${params.generation} is in force with other contents`)
    }
    const next: DnsConfig = { ...params, time_applied: new Date(this.#clock.wallMs()).toISOString() }
    await this.#files.write(FILE, new TextEncoder().encode(JSON.stringify(next)))
    this.#enter(next)
  }

  #enter(config: DnsConfig): void {
    this.#config = config
    this.#zones = new ZoneSet(config)
  }
}

/** What the schema cannot say. */
function mistakeIn({ zones }: DnsConfigParams): string | undefined {
  const seen = new Set<string>()
  for (const { zone_name: zone, records } of zones) {
    if (seen.has(zone)) return `zone ${zone} is there twice`
    seen.add(zone)
    for (const name of Object.keys(records)) {
      if (name !== '@' && name.length + zone.length + 1 > 253) return `${name}.${zone} is too long a name`
    }
  }
  return undefined
}

function isSameContent(params: DnsConfigParams, present: DnsConfig): boolean {
  const contentOf = ({ serial, zones }: DnsConfigParams): string => JSON.stringify([serial, zones])
  return contentOf(params) === contentOf(present)
}

function conflict(message: string): ApiFailure {
  return new ApiFailure({ kind: 'conflict', message })
}
