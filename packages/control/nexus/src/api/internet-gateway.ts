/** Internet gateways of VPCs, and the pools and addresses that may be used through them. */
import { invalidRequest } from '@lodestone/api'
import type { InternetGateway, InternetGatewayIpAddress, InternetGatewayIpPool } from '@lodestone/contract-nexus'
import { Ip } from '@lodestone/net'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  defaultGatewaysOfSilo,
  deleteAttachment,
  deleteGateway,
  detachPoolFromSilo,
  detachPoolNamed,
  hasAttachments,
  insertGateway,
  insertGatewayAddress,
  insertGatewayPools,
  type InternetGatewayAddressRow,
  type InternetGatewayPoolRow,
  type InternetGatewayRow,
  listGatewayAddresses,
  listGatewayPools,
  listGateways,
} from '../store/internet-gateway.ts'
import { type IpPoolRow, siloPoolByRef } from '../store/ip-pool.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { deleteRoute, routesOfVpc } from '../store/vpc-router.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound, selectGateway, selectGatewayAttachment, selectVpc } from './selector.ts'

type Ids =
  | 'internet_gateway_list'
  | 'internet_gateway_create'
  | 'internet_gateway_view'
  | 'internet_gateway_delete'
  | 'internet_gateway_ip_pool_list'
  | 'internet_gateway_ip_pool_create'
  | 'internet_gateway_ip_pool_delete'
  | 'internet_gateway_ip_address_list'
  | 'internet_gateway_ip_address_create'
  | 'internet_gateway_ip_address_delete'

export function internetGatewayHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async internet_gateway_list({ query, context }) {
      const scan = scanOf(query)
      const vpc = await selectVpc(store.db, actorOf(context), query.vpc, query)
      return pageOfRows(await listGateways(store.db, vpc.id, scan), scan, gatewayFromRow)
    },

    async internet_gateway_create({ query, body, context }) {
      const vpc = await selectVpc(store.db, actorOf(context), query.vpc, query)
      const row = { ...newIdentity(service.random.uuid(), body, nowOf(service)), vpc_id: vpc.id }
      await orAlreadyExists('internet-gateway', body.name, () => insertGateway(store.db, row))
      service.activate() // a route may have named it before
      return gatewayFromRow(row)
    },

    async internet_gateway_view({ params, query, context }) {
      return gatewayFromRow(await selectGateway(store.db, actorOf(context), params.gateway, query))
    },

    async internet_gateway_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const gateway = await selectGateway(tx, actorOf(context), params.gateway, query)
        if (query.cascade === true) await deleteRoutesTo(tx, gateway)
        else if (await hasAttachments(tx, gateway.id)) {
          throw invalidRequest('the internet gateway has IP pools or addresses attached: detach them, or use cascade')
        }
        await deleteGateway(tx, gateway.id)
      })
      service.activate()
    },

    async internet_gateway_ip_pool_list({ query, context }) {
      const scan = scanOf(query)
      const gateway = await selectGateway(store.db, actorOf(context), query.gateway, query)
      return pageOfRows(await listGatewayPools(store.db, gateway.id, scan), scan, gatewayPoolFromRow)
    },

    async internet_gateway_ip_pool_create({ query, body, context }) {
      const actor = actorOf(context)
      const row = await store.transaction(async (tx) => {
        const gateway = await selectGateway(tx, actor, query.gateway, query)
        const pool = await siloPoolByRef(tx, actor.siloId, body.ip_pool)
        if (pool === undefined) throw notFound('ip-pool', body.ip_pool)
        const created: InternetGatewayPoolRow = {
          ...newIdentity(service.random.uuid(), body, nowOf(service)),
          internet_gateway_id: gateway.id,
          ip_pool_id: pool.id,
        }
        await orAlreadyExists('internet-gateway-ip-pool', body.name, () => insertGatewayPools(tx, [created]))
        return created
      })
      service.activate()
      return gatewayPoolFromRow(row)
    },

    async internet_gateway_ip_pool_delete({ params, query, context }) {
      const table = 'internet_gateway_pool'
      const { id } = await selectGatewayAttachment(store.db, actorOf(context), table, params.pool, query)
      await deleteAttachment(store.db, table, id)
      service.activate()
    },

    async internet_gateway_ip_address_list({ query, context }) {
      const scan = scanOf(query)
      const gateway = await selectGateway(store.db, actorOf(context), query.gateway, query)
      return pageOfRows(await listGatewayAddresses(store.db, gateway.id, scan), scan, gatewayAddressFromRow)
    },

    async internet_gateway_ip_address_create({ query, body, context }) {
      const gateway = await selectGateway(store.db, actorOf(context), query.gateway, query)
      const row: InternetGatewayAddressRow = {
        ...newIdentity(service.random.uuid(), body, nowOf(service)),
        internet_gateway_id: gateway.id,
        address: Ip.of(body.address).toString(),
      }
      await orAlreadyExists('internet-gateway-ip-address', body.name, () => insertGatewayAddress(store.db, row))
      service.activate()
      return gatewayAddressFromRow(row)
    },

    async internet_gateway_ip_address_delete({ params, query, context }) {
      const table = 'internet_gateway_address'
      const { id } = await selectGatewayAttachment(store.db, actorOf(context), table, params.address, query)
      await deleteAttachment(store.db, table, id)
      service.activate()
    },
  }
}

/** How a default pool of the silo is attached to the gateway `default` of a VPC. */
export function defaultPoolAttachment(
  service: Service,
  gatewayId: string,
  pool: Pick<IpPoolRow, 'id' | 'ip_version'>,
): InternetGatewayPoolRow {
  const identity = {
    name: `default-${pool.ip_version}`,
    description: `The silo's default pool of IP${pool.ip_version} addresses`,
  }
  return {
    ...newIdentity(service.random.uuid(), identity, nowOf(service)),
    internet_gateway_id: gatewayId,
    ip_pool_id: pool.id,
  }
}

/** A pool became a silo's default: every VPC's gateway `default` uses it, in place of the default before. */
export async function attachDefaultPool(db: Db, service: Service, siloId: string, pool: IpPoolRow): Promise<void> {
  if (pool.pool_type !== 'unicast') return
  await detachPoolFromSilo(db, siloId, pool.id)
  for (const gateway of await defaultGatewaysOfSilo(db, siloId)) {
    const row = defaultPoolAttachment(service, gateway.id, pool)
    await detachPoolNamed(db, gateway.id, row.name)
    await insertGatewayPools(db, [row])
  }
}

/** Routes name gateways by name, within the VPC. */
async function deleteRoutesTo(db: Db, gateway: InternetGatewayRow): Promise<void> {
  for (const route of await routesOfVpc(db, gateway.vpc_id)) {
    if (route.target.type === 'internet_gateway' && route.target.value === gateway.name) await deleteRoute(db, route.id)
  }
}

function gatewayFromRow(row: InternetGatewayRow): InternetGateway {
  return { ...identityFromRow(row), vpc_id: row.vpc_id }
}

function gatewayPoolFromRow(row: InternetGatewayPoolRow): InternetGatewayIpPool {
  return { ...identityFromRow(row), internet_gateway_id: row.internet_gateway_id, ip_pool_id: row.ip_pool_id }
}

function gatewayAddressFromRow(row: InternetGatewayAddressRow): InternetGatewayIpAddress {
  return { ...identityFromRow(row), internet_gateway_id: row.internet_gateway_id, address: row.address }
}
