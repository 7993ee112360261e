/** Routers of VPCs. */
import { invalidRequest } from '@lodestone/api'
import type { VpcRouter } from '@lodestone/contract-nexus'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { deleteRouter, insertRouter, listRouters, updateRouter, type VpcRouterRow } from '../store/vpc-router.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { selectRouter, selectVpc } from './selector.ts'

type Ids = 'vpc_router_list' | 'vpc_router_create' | 'vpc_router_view' | 'vpc_router_update' | 'vpc_router_delete'

export function vpcRouterHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async vpc_router_list({ query, context }) {
      const scan = scanOf(query)
      const vpc = await selectVpc(store.db, actorOf(context), query.vpc, query)
      return pageOfRows(await listRouters(store.db, vpc.id, scan), scan, routerFromRow)
    },

    async vpc_router_create({ query, body, context }) {
      const vpc = await selectVpc(store.db, actorOf(context), query.vpc, query)
      const row: VpcRouterRow = {
        ...newIdentity(service.random.uuid(), body, nowOf(service)),
        vpc_id: vpc.id,
        kind: 'custom',
      }
      await orAlreadyExists('vpc-router', body.name, () => insertRouter(store.db, row))
      return routerFromRow(row)
    },

    async vpc_router_view({ params, query, context }) {
      return routerFromRow(await selectRouter(store.db, actorOf(context), params.router, query))
    },

    async vpc_router_update({ params, query, body, context }) {
      const { id, name, kind } = await selectRouter(store.db, actorOf(context), params.router, query)
      if (kind === 'system') throw invalidRequest('the system router of a VPC cannot be modified')
      const change = identityChange(body, nowOf(service))
      return routerFromRow(
        await orAlreadyExists('vpc-router', change.name ?? name, () => updateRouter(store.db, id, change)),
      )
    },

    async vpc_router_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const router = await selectRouter(tx, actorOf(context), params.router, query)
        if (router.kind === 'system') throw invalidRequest('the system router of a VPC cannot be deleted')
        await deleteRouter(tx, router.id)
      })
      service.activate()
    },
  }
}

function routerFromRow(row: VpcRouterRow): VpcRouter {
  return { ...identityFromRow(row), kind: row.kind, vpc_id: row.vpc_id }
}
