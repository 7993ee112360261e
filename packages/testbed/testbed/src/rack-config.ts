/**
 * What an operator says about a rack before it is set up, in one file: uplinks with their BGP peers, address pools, the DNS zone, the
 * recovery silo. A file is taken as a whole or not at all, and each mistake in it is told with its line.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { parse, TomlError } from 'smol-toml'
import { lineOf } from './rack-config-lines.ts'
import { type ConfigProblem, TableReader } from './rack-config-reader.ts'
import { CLIENT_ASN, CLIENT_PREFIX, clientLinkPrefix, RACK_ASN } from './rack-plan.ts'
import { DEFAULT_DNS_ZONE, SERVICE_ADDRESSES } from './rack-services.ts'
import { RECOVERY } from './rack-setup.ts'

const SWITCHES = ['switch0', 'switch1'] as const
/** `qsfp0` leads to the upstream router `isp0`, `qsfp1` to `isp1`. */
const PORTS = ['qsfp0', 'qsfp1'] as const

export interface UplinkConfig {
  readonly switch: (typeof SWITCHES)[number]
  readonly port: (typeof PORTS)[number]
  /** The switch's address with the length of the link's prefix. */
  readonly address: Prefix
  /** The upstream router's on the same link. */
  readonly peer: Ip
  readonly peerAsn: number
}

export interface PoolConfig {
  readonly name: string
  /** Announced as a whole. */
  readonly prefix: Prefix
  /** What instances may get, both inclusive. */
  readonly first: Ip
  readonly last: Ip
}

export interface RackConfig {
  readonly dnsZone: string
  /** The resolvers that guests are told of by DHCP; the rack runs none for them. */
  readonly dnsServers: readonly Ip[]
  /** Networks that metadata of identity providers may be fetched from though they are not outside the rack. */
  readonly idpNetworks: readonly Prefix[]
  /** Sleds that come later are used when an operator has added them, and not by themselves. */
  readonly areSledsApproved: boolean
  readonly asn: number
  readonly recovery: { readonly silo: string; readonly username: string; readonly password: string }
  /** At least one for each switch. */
  readonly uplinks: readonly UplinkConfig[]
  /** The first is the default of the recovery silo, and the rack's own services live at the beginning of its prefix. */
  readonly pools: readonly PoolConfig[]
}

export type RackConfigResult =
  | { readonly ok: true; readonly config: RackConfig }
  /** Each `file:line: what is wrong`, in the order of lines. */
  | { readonly ok: false; readonly problems: readonly string[] }

/** @param file how the file is called in messages. */
export function parseRackConfig(text: string, file: string): RackConfigResult {
  let document: unknown
  try {
    document = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [reason] = error.message.split('\n')
    return { ok: false, problems: [`${file}:${error.line}: ${reason}`] }
  }
  const problems: ConfigProblem[] = []
  const config = readConfig(new TableReader(document, [], problems))
  if (config !== undefined && problems.length === 0) return { ok: true, config }
  const told = problems.map(({ path, message }) => ({ line: lineOf(text, path), message }))
  told.sort((a, b) => a.line - b.line)
  return { ok: false, problems: told.map(({ line, message }) => `${file}:${line}: ${message}`) }
}

function readConfig(root: TableReader): RackConfig | undefined {
  const rack = root.table('rack')
  const dnsZone = rack.zone('dns_zone', DEFAULT_DNS_ZONE)
  const dnsServers = rack.ips4('dns_servers')
  const idpNetworks = rack.prefixes('idp_networks')
  const areSledsApproved = rack.flag('approve_sleds', false)
  const asn = rack.asn('asn', RACK_ASN)
  rack.unknown()
  const recovery = readRecovery(root.table('recovery_silo'))
  const uplinkTables = root.tables('uplink')
  const poolTables = root.tables('address_pool')
  root.unknown()
  const uplinks = uplinkTables.map((table) => readUplink(table, asn))
  const pools = poolTables.map((table, index) => readPool(table, index === 0))
  if (poolTables.length === 0) root.problem('address_pool', 'there is no [[address_pool]]: instances need addresses')
  for (const name of SWITCHES) {
    if (uplinkTables.length > 0 && uplinks.some((uplink) => uplink === undefined || uplink.switch === name)) continue
    root.problem('uplink', `${name} has no [[uplink]]: each switch needs a way out`)
  }
  checkUplinks(uplinkTables, uplinks)
  checkPools(poolTables, pools, uplinks)
  if (dnsZone === undefined || asn === undefined || recovery === undefined) return undefined
  // because what could not be read was told, and then this result is not used
  return {
    dnsZone,
    dnsServers,
    idpNetworks,
    areSledsApproved,
    asn,
    recovery,
    uplinks: uplinks.filter(isThere),
    pools: pools.filter(isThere),
  }
}

function readRecovery(table: TableReader): RackConfig['recovery'] | undefined {
  const silo = table.name('name', RECOVERY.silo)
  const username = table.name('user', RECOVERY.username)
  const password = table.text('password', table.has('user') ? undefined : RECOVERY.password)
  table.unknown()
  return silo === undefined || username === undefined || password === undefined
    ? undefined
    : { silo, username, password }
}

function readUplink(table: TableReader, rackAsn: number | undefined): UplinkConfig | undefined {
  const name = table.oneOf('switch', SWITCHES)
  const port = table.oneOf('port', PORTS)
  const address = table.prefix4('address')
  const peer = table.ip4('peer')
  const peerAsn = table.asn('peer_asn')
  table.unknown()
  if (address !== undefined && (address.length < 8 || address.length > 31)) {
    table.problem('address', `address needs the length of the link's prefix, 8 to 31; not ${address.length}`)
    return undefined
  }
  if (address !== undefined && peer !== undefined) {
    if (!address.contains(peer)) table.problem('peer', `peer ${peer} is not on the link ${address.masked()}`)
    if (address.address.equals(peer)) table.problem('peer', `peer ${peer} is the switch's own address`)
  }
  if (peerAsn !== undefined && peerAsn === rackAsn) table.problem('peer_asn', `${peerAsn} is the rack's own AS number`)
  if (peerAsn === CLIENT_ASN) table.problem('peer_asn', `${peerAsn} is the AS number of the emulated client`)
  if (!isThere(name) || !isThere(port) || !isThere(address) || !isThere(peer) || !isThere(peerAsn)) return undefined
  return { switch: name, port, address, peer, peerAsn }
}

function readPool(table: TableReader, hasServices: boolean): PoolConfig | undefined {
  const name = table.name('name')
  const prefix = table.prefix4('prefix')
  const first = table.ip4('first')
  const last = table.ip4('last')
  table.unknown()
  if (name === undefined || prefix === undefined || first === undefined || last === undefined) return undefined
  if (!prefix.masked().equals(prefix))
    table.problem('prefix', `${prefix} has bits after its length: ${prefix.masked()}`)
  if (!prefix.contains(first)) table.problem('first', `first ${first} is outside ${prefix}`)
  if (!prefix.contains(last)) table.problem('last', `last ${last} is outside ${prefix}`)
  if (first.compare(last) > 0) table.problem('last', `last ${last} is before first ${first}`)
  const free = prefix.nth(SERVICE_ADDRESSES)
  if (hasServices && first.compare(free) < 0) {
    table.problem(
      'first',
      `the rack's own services have the addresses before ${free}: first is ${free} at the earliest`,
    )
  }
  return { name, prefix, first, last }
}

function checkUplinks(tables: readonly TableReader[], uplinks: readonly (UplinkConfig | undefined)[]): void {
  for (const [index, uplink] of uplinks.entries()) {
    const table = tables[index]
    if (uplink === undefined || table === undefined) continue
    const earlier = uplinks.slice(0, index).filter(isThere)
    if (earlier.some((each) => each.switch === uplink.switch && each.port === uplink.port)) {
      table.problem('port', `${uplink.port} of ${uplink.switch} has an uplink already`)
    }
    const other = earlier.find((each) => each.port === uplink.port && each.peerAsn !== uplink.peerAsn)
    if (other !== undefined) {
      const router = `isp${uplink.port.slice(-1)}`
      table.problem('peer_asn', `${router} is one router: it has AS number ${other.peerAsn} on ${other.switch} already`)
    }
    const same = earlier.find((each) => each.address.overlaps(uplink.address))
    if (same !== undefined)
      table.problem('address', `${uplink.address.masked()} overlaps the link of ${same.switch} ${same.port}`)
    const taken = OUTSIDE.find((prefix) => prefix.overlaps(uplink.address))
    if (taken !== undefined) table.problem('address', `${taken} is in use on the emulated internet`)
  }
}

function checkPools(
  tables: readonly TableReader[],
  pools: readonly (PoolConfig | undefined)[],
  uplinks: readonly (UplinkConfig | undefined)[],
): void {
  for (const [index, pool] of pools.entries()) {
    const table = tables[index]
    if (pool === undefined || table === undefined) continue
    const earlier = pools.slice(0, index).filter(isThere)
    if (earlier.some(({ name }) => name === pool.name)) table.problem('name', `there are two pools called ${pool.name}`)
    const taken = [
      ...OUTSIDE,
      ...earlier.map(({ prefix }) => prefix),
      ...uplinks.filter(isThere).map(({ address }) => address.masked()),
    ].find((prefix) => prefix.overlaps(pool.prefix))
    if (taken !== undefined) table.problem('prefix', `${pool.prefix} overlaps ${taken}, which is in use`)
  }
}

/** What the emulated internet has for itself. */
const OUTSIDE: readonly Prefix[] = [CLIENT_PREFIX, clientLinkPrefix(0), clientLinkPrefix(1)]

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}
