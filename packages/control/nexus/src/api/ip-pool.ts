/** IP pools: the operator's view, and the silo's view of those linked to it. */
import { ApiFailure, invalidRequest, pageInMemory } from '@lodestone/api'
import type { IpPool, IpPoolRange, IpRange, SiloIpPool } from '@lodestone/contract-nexus'
import { Ip } from '@lodestone/net'
import { type AddressRange, rangeContains, rangesOverlap, rangeSize } from '../address-plan.ts'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { poolIsUsedBySilo, takenInPool } from '../store/external-ip.ts'
import { detachPoolFromSilo } from '../store/internet-gateway.ts'
import {
  allRanges,
  defaultSiloPools,
  deleteLink,
  deletePool,
  deleteRange,
  insertLink,
  insertPool,
  insertRange,
  type IpPoolRangeRow,
  type IpPoolRow,
  linksOfPool,
  listPools,
  listSiloPools,
  poolByRef,
  rangesOfPool,
  siloPoolByRef,
  type SiloIpPoolRow,
  updateLink,
  updatePool,
} from '../store/ip-pool.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { SiloRow } from '../store/silo.ts'
import type { Db } from '../store/store.ts'
import { rangeFromRow } from './external-ip.ts'
import { attachDefaultPool } from './internet-gateway.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'
import { selectSilo } from './silo.ts'

type SiloIds = 'ip_pool_list' | 'ip_pool_view'
type PoolIds =
  | 'system_ip_pool_list'
  | 'system_ip_pool_create'
  | 'system_ip_pool_view'
  | 'system_ip_pool_update'
  | 'system_ip_pool_delete'
  | 'system_ip_pool_utilization_view'
  | 'system_ip_pool_assign'
  | 'silo_ip_pool_list'
type RangeIds = 'system_ip_pool_range_list' | 'system_ip_pool_range_add' | 'system_ip_pool_range_remove'
type LinkIds =
  | 'system_ip_pool_silo_list'
  | 'system_ip_pool_silo_link'
  | 'system_ip_pool_silo_update'
  | 'system_ip_pool_silo_unlink'

export function ipPoolHandlers(service: Service): HandlersOf<SiloIds | PoolIds | RangeIds | LinkIds> {
  return { ...siloHandlers(service), ...poolHandlers(service), ...rangeHandlers(service), ...linkHandlers(service) }
}

function siloHandlers({ store }: Service): HandlersOf<SiloIds> {
  return {
    async ip_pool_list({ query, context }) {
      const scan = scanOf(query)
      return pageOfRows(await listSiloPools(store.db, actorOf(context).siloId, query, scan), scan, siloPoolFromRow)
    },
    async ip_pool_view({ params, context }) {
      const row = await siloPoolByRef(store.db, actorOf(context).siloId, params.pool)
      if (row === undefined) throw notFound('ip-pool', params.pool)
      return siloPoolFromRow(row)
    },
  }
}

function poolHandlers(service: Service): HandlersOf<PoolIds> {
  const { store } = service
  return {
    async system_ip_pool_list({ query }) {
      const scan = scanOf(query)
      return pageOfRows(await listPools(store.db, query, scan), scan, poolFromRow)
    },
    async system_ip_pool_create({ body }) {
      if (body.pool_type === 'multicast') {
        throw new ApiFailure({ kind: 'not-implemented', message: 'multicast pools are not implemented' })
      }
      const row: IpPoolRow = {
        ...newIdentity(service.random.uuid(), body, nowOf(service)),
        ip_version: body.ip_version,
        pool_type: body.pool_type,
        assignment: body.assignment,
      }
      await orAlreadyExists('ip-pool', body.name, () => insertPool(store.db, row))
      return poolFromRow(row)
    },
    async system_ip_pool_view({ params }) {
      return poolFromRow(await selectSystemPool(store.db, params.pool))
    },
    async system_ip_pool_update({ params, body }) {
      const { id, name } = await selectSystemPool(store.db, params.pool)
      const change = identityChange(body, nowOf(service))
      return poolFromRow(await orAlreadyExists('ip-pool', change.name ?? name, () => updatePool(store.db, id, change)))
    },
    async system_ip_pool_delete({ params }) {
      await store.transaction(async (tx) => {
        const { id } = await selectSystemPool(tx, params.pool)
        if ((await rangesOfPool(tx, id)).length > 0) {
          throw invalidRequest('IP Pool cannot be deleted while it contains IP ranges')
        }
        if ((await linksOfPool(tx, id)).length > 0) {
          throw invalidRequest('IP Pool cannot be deleted while it is linked to a silo')
        }
        await deletePool(tx, id)
      })
    },
    async system_ip_pool_assign({ params, body }) {
      const row = await store.transaction(async (tx) => {
        const pool = await selectSystemPool(tx, params.pool)
        if (body.assignment === 'system_services' && (await linksOfPool(tx, pool.id)).length > 0) {
          throw invalidRequest('IP Pool cannot be assigned to system services while it is linked to a silo')
        }
        return updatePool(tx, pool.id, { assignment: body.assignment, time_modified: nowOf(service) })
      })
      return poolFromRow(row)
    },
    async silo_ip_pool_list({ params, query }) {
      const scan = scanOf(query)
      const { id } = await selectSilo(store.db, params.silo)
      return pageOfRows(await listSiloPools(store.db, id, {}, scan), scan, siloPoolFromRow)
    },
    async system_ip_pool_utilization_view({ params }) {
      const { id } = await selectSystemPool(store.db, params.pool)
      const ranges = (await rangesOfPool(store.db, id)).map(rangeFromRow)
      const capacity = ranges.reduce((sum, range) => sum + rangeSize(range), 0)
      const used = new Set((await takenInPool(store.db, id)).map((row) => row.ip))
      return { capacity, remaining: capacity - used.size }
    },
  }
}

function rangeHandlers(service: Service): HandlersOf<RangeIds> {
  const { store } = service
  return {
    async system_ip_pool_range_list({ params, query }) {
      const { id } = await selectSystemPool(store.db, params.pool)
      const page = pageInMemory(await rangesOfPool(store.db, id), query, (row) => sortableAddress(row.first))
      return { ...page, items: page.items.map(poolRangeFromRow) }
    },
    async system_ip_pool_range_add({ params, body }) {
      const row = await store.transaction(async (tx) => {
        const pool = await selectSystemPool(tx, params.pool)
        const range = checkRange(body, pool)
        const other = (await allRanges(tx)).map(rangeFromRow).find((known) => rangesOverlap(known, range))
        if (other !== undefined) {
          throw invalidRequest(
            `The provided IP range ${range.first}-${range.last} overlaps with existing range ${other.first}-${other.last}`,
          )
        }
        const created: IpPoolRangeRow = {
          id: service.random.uuid(),
          ip_pool_id: pool.id,
          first: range.first.toString(),
          last: range.last.toString(),
          time_created: nowOf(service),
        }
        await insertRange(tx, created)
        return created
      })
      return poolRangeFromRow(row)
    },
    async system_ip_pool_range_remove({ params, body }) {
      await store.transaction(async (tx) => {
        const pool = await selectSystemPool(tx, params.pool)
        const range = checkRange(body, pool)
        const row = (await rangesOfPool(tx, pool.id)).find(
          (known) => known.first === range.first.toString() && known.last === range.last.toString(),
        )
        if (row === undefined) {
          throw invalidRequest(`The provided range ${range.first}-${range.last} does not exist`)
        }
        if ((await takenInPool(tx, pool.id)).some((used) => rangeContains(range, Ip.of(used.ip)))) {
          throw invalidRequest('IP pool ranges cannot be deleted while external IP addresses are allocated from them')
        }
        await deleteRange(tx, row.id)
      })
    },
  }
}

function linkHandlers(service: Service): HandlersOf<LinkIds> {
  const { store } = service
  return {
    async system_ip_pool_silo_list({ params, query }) {
      const { id } = await selectSystemPool(store.db, params.pool)
      return pageInMemory(await linksOfPool(store.db, id), query, (row) => row.silo_id)
    },
    async system_ip_pool_silo_link({ params, body }) {
      const link = await store.transaction(async (tx) => {
        const pool = await selectSystemPool(tx, params.pool)
        const silo = await selectSilo(tx, body.silo)
        if (pool.assignment === 'system_services') {
          throw invalidRequest('IP Pool is for services of the rack and cannot be linked to a silo')
        }
        const row = { ip_pool_id: pool.id, silo_id: silo.id, is_default: body.is_default }
        if (body.is_default) await checkNoOtherDefault(tx, pool, silo)
        await orAlreadyExists('ip-pool-resource', pool.name, () => insertLink(tx, row))
        if (body.is_default) await attachDefaultPool(tx, service, silo.id, pool)
        return row
      })
      service.activate()
      return link
    },
    async system_ip_pool_silo_update({ params, body }) {
      const link = await store.transaction(async (tx) => {
        const { pool, silo } = await selectLink(tx, params)
        if (body.is_default) await checkNoOtherDefault(tx, pool, silo)
        await updateLink(tx, pool.id, silo.id, body.is_default)
        if (body.is_default) await attachDefaultPool(tx, service, silo.id, pool)
        return { ip_pool_id: pool.id, silo_id: silo.id, is_default: body.is_default }
      })
      service.activate()
      return link
    },
    async system_ip_pool_silo_unlink({ params }) {
      await store.transaction(async (tx) => {
        const { pool, silo } = await selectLink(tx, params)
        if (await poolIsUsedBySilo(tx, pool.id, silo.id)) {
          throw invalidRequest('IP addresses from this pool are in use in the linked silo')
        }
        await detachPoolFromSilo(tx, silo.id, pool.id)
        await deleteLink(tx, pool.id, silo.id)
      })
      service.activate()
    },
  }
}

async function selectSystemPool(db: Db, ref: string): Promise<IpPoolRow> {
  const row = await poolByRef(db, ref)
  if (row === undefined) throw notFound('ip-pool', ref)
  return row
}

async function selectLink(
  db: Db,
  params: { readonly pool: string; readonly silo: string },
): Promise<{ pool: IpPoolRow; silo: SiloRow }> {
  const pool = await selectSystemPool(db, params.pool)
  const silo = await selectSilo(db, params.silo)
  const isLinked = (await linksOfPool(db, pool.id)).some((link) => link.silo_id === silo.id)
  if (!isLinked) throw notFound('ip-pool-resource', params.silo)
  return { pool, silo }
}

async function checkNoOtherDefault(db: Db, pool: IpPoolRow, silo: SiloRow): Promise<void> {
  const other = (await defaultSiloPools(db, silo.id)).find(
    (known) => known.id !== pool.id && known.ip_version === pool.ip_version && known.pool_type === pool.pool_type,
  )
  if (other === undefined) return
  throw invalidRequest(`silo "${silo.name}" already has a default IP${pool.ip_version} pool: "${other.name}"`)
}

function checkRange(body: IpRange, pool: IpPoolRow): AddressRange {
  const range = { first: Ip.of(body.first), last: Ip.of(body.last) } // because the schema has parsed both
  if (`v${range.first.family}` !== pool.ip_version) {
    throw invalidRequest(`Cannot add IPv${range.first.family} range to IP${pool.ip_version} pool "${pool.name}"`)
  }
  if (range.first.compare(range.last) > 0) throw invalidRequest('first: a range begins with its lower address')
  return range
}

/** Text that sorts as the address does. */
function sortableAddress(text: string): string {
  return Buffer.from(Ip.of(text).bytes).toString('hex')
}

export function poolFromRow(row: IpPoolRow): IpPool {
  return {
    ...identityFromRow(row),
    ip_version: row.ip_version,
    pool_type: row.pool_type,
    assignment: row.assignment,
  }
}

function siloPoolFromRow(row: SiloIpPoolRow): SiloIpPool {
  return {
    ...identityFromRow(row),
    ip_version: row.ip_version,
    pool_type: row.pool_type,
    is_default: row.is_default,
  }
}

function poolRangeFromRow(row: IpPoolRangeRow): IpPoolRange {
  return {
    id: row.id,
    ip_pool_id: row.ip_pool_id,
    range: { first: row.first, last: row.last },
    time_created: row.time_created.toISOString(),
  }
}
