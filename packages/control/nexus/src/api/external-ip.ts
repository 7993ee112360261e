/** Taking external addresses from pools, and how they look on an instance. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type { ExternalIp, FloatingIp, PoolSelector } from '@lodestone/contract-nexus'
import { Ip } from '@lodestone/net'
import { type AddressRange, blocksOf, firstFreeInRanges, firstFreeSnatBlock, rangeContains } from '../address-plan.ts'
import type { Caller } from '../auth/authorize.ts'
import { nowOf, type Service } from '../service.ts'
import {
  type ExternalIpRow,
  externalIpsOfInstance,
  insertExternalIp,
  isTaken,
  takenInPool,
} from '../store/external-ip.ts'
import {
  defaultSiloPools,
  type IpPoolRangeRow,
  listSiloPools,
  rangesOfPool,
  type SiloIpPoolRow,
  siloPoolByRef,
} from '../store/ip-pool.ts'
import { type NetworkInterfaceRow, nicsOfInstance } from '../store/instance.ts'
import type { Db } from '../store/store.ts'
import { identityFromRow } from './resource.ts'
import { notFound } from './selector.ts'

const MAX_EXTERNAL_IPS = 32

export function rangeFromRow(row: IpPoolRangeRow): AddressRange {
  return { first: Ip.of(row.first), last: Ip.of(row.last) }
}

/** The pool that a selector means for this silo. */
export async function selectPool(db: Db, actor: Caller, selector: PoolSelector): Promise<SiloIpPoolRow> {
  if (selector.type === 'explicit') {
    const pool = await siloPoolByRef(db, actor.siloId, selector.pool)
    if (pool === undefined) throw notFound('ip-pool', selector.pool)
    if (pool.pool_type !== 'unicast') throw invalidRequest(`pool "${pool.name}" is not a unicast pool`)
    return pool
  }
  const pools = (await defaultSiloPools(db, actor.siloId)).filter(
    (pool) => pool.pool_type === 'unicast' && (selector.ip_version === null || pool.ip_version === selector.ip_version),
  )
  if (pools.length > 1) {
    throw invalidRequest('pool_selector: the silo has default pools of both IP versions; specify ip_version')
  }
  const [pool] = pools
  if (pool !== undefined) return pool
  throw new ApiFailure({
    kind: 'object-not-found',
    type: 'ip-pool',
    lookup: { name: `default ${selector.ip_version ?? 'unicast'} pool of silo ${actor.siloName}` },
  })
}

/** A whole free address of the pool. */
export async function freeAddress(db: Db, pool: SiloIpPoolRow): Promise<Ip> {
  const taken = new Set((await takenInPool(db, pool.id)).map((row) => row.ip))
  const ranges = (await rangesOfPool(db, pool.id)).map(rangeFromRow)
  const ip = firstFreeInRanges(ranges, taken)
  if (ip !== undefined) return ip
  throw new ApiFailure({
    kind: 'insufficient-capacity',
    message: `No external IP addresses available in "${pool.name}"`,
  })
}

/** The pool of this silo that has the address, which must be free. */
export async function poolOfAddress(db: Db, actor: Caller, ip: Ip): Promise<SiloIpPoolRow> {
  const scan = { sortBy: 'id_ascending', after: undefined, limit: 10_000 } as const
  for (const pool of await listSiloPools(db, actor.siloId, { pool_type: 'unicast' }, scan)) {
    const ranges = (await rangesOfPool(db, pool.id)).map(rangeFromRow)
    if (!ranges.some((range) => rangeContains(range, ip))) continue
    if (await isTaken(db, ip.toString())) throw invalidRequest(`The IP address '${ip}' is already in use`)
    return pool
  }
  throw invalidRequest(`The IP address '${ip}' is not in any pool that is linked to the silo`)
}

/**
 * A block of ports of a shared address for connections that an instance opens. A silo without a default IPv4 pool gets
 * instances that cannot open connections to the outside, rather than none at all. An instance that has a block keeps it.
 */
export async function ensureSnat(db: Db, service: Service, actor: Caller, instanceId: string): Promise<void> {
  if ((await externalIpsOfInstance(db, instanceId)).some((row) => row.kind === 'snat')) return
  const pool = (await defaultSiloPools(db, actor.siloId)).find(
    (candidate) => candidate.pool_type === 'unicast' && candidate.ip_version === 'v4',
  )
  if (pool === undefined) return
  const used = new Map<string, Set<number>>()
  for (const row of await takenInPool(db, pool.id)) {
    const blocks = used.get(row.ip) ?? new Set<number>()
    for (const block of blocksOf(row.first_port, row.last_port)) blocks.add(block)
    used.set(row.ip, blocks)
  }
  const ranges = (await rangesOfPool(db, pool.id)).map(rangeFromRow)
  if (ranges.length === 0) return
  const block = firstFreeSnatBlock(ranges, used)
  if (block === undefined) {
    const message = `No external IP addresses available in "${pool.name}" for source NAT`
    throw new ApiFailure({ kind: 'insufficient-capacity', message })
  }
  const now = nowOf(service)
  await insertExternalIp(db, {
    id: service.random.uuid(),
    kind: 'snat',
    ip_pool_id: pool.id,
    ip: block.ip.toString(),
    first_port: block.firstPort,
    last_port: block.lastPort,
    instance_id: instanceId,
    project_id: null,
    name: null,
    description: null,
    time_created: now,
    time_modified: now,
  })
}

export async function attachEphemeral(
  db: Db,
  service: Service,
  actor: Caller,
  instanceId: string,
  selector: PoolSelector,
): Promise<ExternalIpRow> {
  const pool = await selectPool(db, actor, selector)
  const present = await externalIpsOfInstance(db, instanceId)
  checkCount(present)
  const isV4 = pool.ip_version === 'v4'
  if (present.some((row) => row.kind === 'ephemeral' && row.ip.includes(':') !== isV4)) {
    throw invalidRequest(`An instance may not have more than 1 ephemeral IP${pool.ip_version} address`)
  }
  const now = nowOf(service)
  const row: ExternalIpRow = {
    id: service.random.uuid(),
    kind: 'ephemeral',
    ip_pool_id: pool.id,
    ip: (await freeAddress(db, pool)).toString(),
    first_port: 0,
    last_port: 0xffff,
    instance_id: instanceId,
    project_id: null,
    name: null,
    description: null,
    time_created: now,
    time_modified: now,
  }
  await checkPrimary(db, instanceId, row.ip)
  await insertExternalIp(db, row)
  return row
}

/** External addresses are those of the primary interface, which must have an address of the same IP version to be translated to. */
export async function checkPrimary(db: Db, instanceId: string, external: string): Promise<void> {
  checkPrimaryAmong(await nicsOfInstance(db, instanceId), external)
}

/** @param nics of the instance */
export function checkPrimaryAmong(
  nics: readonly Pick<NetworkInterfaceRow, 'is_primary' | 'ipv4' | 'ipv6'>[],
  external: string,
): void {
  const primary = nics.find((nic) => nic.is_primary)
  if (primary === undefined)
    throw invalidRequest('an instance without network interfaces cannot have external addresses')
  const version = external.includes(':') ? 6 : 4
  if ((version === 4 ? primary.ipv4 : primary.ipv6) !== null) return
  throw invalidRequest(`the primary network interface of the instance has no IPv${version} address`)
}

export function checkCount(present: readonly ExternalIpRow[]): void {
  if (present.filter((row) => row.kind !== 'snat').length < MAX_EXTERNAL_IPS) return
  throw invalidRequest(`An instance may not have more than ${MAX_EXTERNAL_IPS} external IP addresses`)
}

export function floatingIpFromRow(row: ExternalIpRow): FloatingIp {
  const { name, description, project_id } = row
  if (name === null || description === null || project_id === null) {
    throw new Error(`floating IP ${row.id} lacks its name or project`)
  }
  return {
    ...identityFromRow({ ...row, name, description }),
    ip: row.ip,
    ip_pool_id: row.ip_pool_id,
    project_id,
    instance_id: row.instance_id,
  }
}

export function externalIpFromRow(row: ExternalIpRow): ExternalIp {
  const { kind, ip, ip_pool_id } = row
  if (kind === 'floating') return { kind, ...floatingIpFromRow(row) }
  if (kind === 'ephemeral') return { kind, ip, ip_pool_id }
  return { kind, ip, ip_pool_id, first_port: row.first_port, last_port: row.last_port }
}
