/** Reads values out of a table of a parsed configuration and collects what is wrong with them; nothing is thrown. */
import { Ip, Prefix } from '@lodestone/net'
import type { ConfigPath } from './rack-config-lines.ts'

export interface ConfigProblem {
  readonly path: ConfigPath
  readonly message: string
}

const NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/
const ZONE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
/** With `<silo>.sys.` before it, a name is at most 253 characters long. */
const ZONE_LIMIT = 180
const MAX_ASN = 0xffff_fffe

/** Every key that is asked for is known; `unknown` tells the others. A value that is wrong reads as `undefined`. */
export class TableReader {
  readonly path: ConfigPath
  readonly #table: Readonly<Record<string, unknown>>
  readonly #problems: ConfigProblem[]
  readonly #asked = new Set<string>()

  constructor(value: unknown, path: ConfigPath, problems: ConfigProblem[]) {
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isTable) problems.push({ path, message: `${path.join('.')} is a table, as in [${path.join('.')}]` })
    this.path = path
    // because it was just looked at
    this.#table = isTable ? (value as Record<string, unknown>) : {}
    this.#problems = problems
  }

  has(key: string): boolean {
    return this.#table[key] !== undefined
  }

  table(key: string): TableReader {
    return new TableReader(this.#take(key) ?? {}, [...this.path, key], this.#problems)
  }

  tables(key: string): TableReader[] {
    const value = this.#take(key) ?? []
    if (Array.isArray(value))
      return value.map((each, at) => new TableReader(each, [...this.path, key, at], this.#problems))
    this.problem(key, `${key} may be there several times: write [[${key}]]`)
    return []
  }

  text(key: string, fallback?: string): string | undefined {
    const value = this.#take(key) ?? fallback
    if (typeof value === 'string' && value !== '') return value
    return this.#wrong(key, value, 'text in quotes')
  }

  name(key: string, fallback?: string): string | undefined {
    const value = this.text(key, fallback)
    if (value === undefined || NAME.test(value)) return value
    return this.#wrong(key, value, 'a name of lower-case letters, digits and "-" that begins with a letter')
  }

  zone(key: string, fallback: string): string | undefined {
    const value = this.text(key, fallback)
    if (value === undefined || (ZONE.test(value) && value.length <= ZONE_LIMIT)) return value
    return this.#wrong(key, value, 'a domain in lower case, without a dot at the end')
  }

  oneOf<Value extends string>(key: string, values: readonly Value[]): Value | undefined {
    const value = this.#take(key)
    return values.find((each) => each === value) ?? this.#wrong(key, value, `one of ${values.join(', ')}`)
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#take(key) ?? fallback
    if (typeof value === 'boolean') return value
    this.#wrong(key, value, 'true or false')
    return fallback
  }

  asn(key: string, fallback?: number): number | undefined {
    const value = this.#take(key) ?? fallback
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_ASN) return value
    return this.#wrong(key, value, `an AS number from 1 to ${MAX_ASN}`)
  }

  ip4(key: string): Ip | undefined {
    const value = this.#take(key)
    const ip = typeof value === 'string' ? Ip.parse(value) : undefined
    return ip?.family === 4 ? ip : this.#wrong(key, value, 'an IPv4 address, as in "192.0.2.1"')
  }

  /** Empty when nothing is said. */
  ips4(key: string): readonly Ip[] {
    const value = this.#take(key) ?? []
    const ips = Array.isArray(value) ? value.map((each) => (typeof each === 'string' ? Ip.parse(each) : undefined)) : []
    if (Array.isArray(value) && ips.every((ip) => ip?.family === 4)) return ips as readonly Ip[] // because each was looked at
    this.#wrong(key, value, 'a list of IPv4 addresses, as in ["192.0.2.1", "192.0.2.2"]')
    return []
  }

  /** Empty when nothing is said. */
  prefixes(key: string): readonly Prefix[] {
    const value = this.#take(key) ?? []
    const prefixes = Array.isArray(value)
      ? value.map((each) => (typeof each === 'string' ? Prefix.parse(each) : undefined))
      : []
    if (Array.isArray(value) && !prefixes.includes(undefined)) return prefixes as readonly Prefix[] // because each was looked at
    this.#wrong(key, value, 'a list of IP prefixes, as in ["10.0.0.0/8"]')
    return []
  }

  prefix4(key: string): Prefix | undefined {
    const value = this.#take(key)
    const prefix = typeof value === 'string' ? Prefix.parse(value) : undefined
    return prefix?.family === 4 ? prefix : this.#wrong(key, value, 'an IPv4 prefix, as in "192.0.2.0/30"')
  }

  problem(key: string, message: string): void {
    this.#problems.push({ path: [...this.path, key], message })
  }

  /** To be called when everything that there is has been asked for. */
  unknown(): void {
    const known = [...this.#asked].join(', ')
    for (const key of Object.keys(this.#table)) {
      if (!this.#asked.has(key)) this.problem(key, `nothing here is called ${key}; there is ${known}`)
    }
  }

  #take(key: string): unknown {
    this.#asked.add(key)
    return this.#table[key]
  }

  #wrong(key: string, value: unknown, wanted: string): undefined {
    if (value === undefined) this.problem(key, `${key} is missing: ${wanted}`)
    else this.problem(key, `${key} is ${wanted}; not ${JSON.stringify(value)}`)
    return undefined
  }
}
