/** Floating IPs. */
import { invalidRequest, pageInMemory } from '@lodestone/api'
import { Ip } from '@lodestone/net'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  deleteExternalIp,
  type ExternalIpRow,
  externalIpsOfInstance,
  insertExternalIp,
  listFloatingIps,
  updateExternalIp,
} from '../store/external-ip.ts'
import { isId, pageOfRows, scanOf } from '../store/scan.ts'
import { checkCount, checkPrimary, floatingIpFromRow, freeAddress, poolOfAddress, selectPool } from './external-ip.ts'
import { identityChange, newIdentity, orAlreadyExists } from './resource.ts'
import { selectFloatingIp, selectInstance, selectProject } from './selector.ts'

type Ids =
  | 'floating_ip_list'
  | 'external_subnet_list'
  | 'floating_ip_create'
  | 'floating_ip_view'
  | 'floating_ip_update'
  | 'floating_ip_delete'
  | 'floating_ip_attach'
  | 'floating_ip_detach'

export function floatingIpHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async floating_ip_list({ query, context }) {
      const scan = scanOf(query)
      const project = await selectProject(store.db, actorOf(context), query.project)
      return pageOfRows(await listFloatingIps(store.db, project.id, scan), scan, floatingIpFromRow)
    },

    async external_subnet_list({ query, context }) {
      if (query.project === undefined) throw invalidRequest('query string: missing field `project`')
      await selectProject(store.db, actorOf(context), query.project)
      return pageInMemory<never>([], query, String)
    },

    async floating_ip_create({ query, body, context }) {
      const actor = actorOf(context)
      const row = await store.transaction(async (tx) => {
        const project = await selectProject(tx, actor, query.project)
        const allocator = body.address_allocator
        const pool =
          allocator.type === 'explicit'
            ? await poolOfAddress(tx, actor, Ip.of(allocator.ip)) // because the schema has parsed it
            : await selectPool(tx, actor, allocator.pool_selector)
        const ip = allocator.type === 'explicit' ? Ip.of(allocator.ip) : await freeAddress(tx, pool)
        const created: ExternalIpRow = {
          ...newIdentity(service.random.uuid(), body, nowOf(service)),
          kind: 'floating',
          ip_pool_id: pool.id,
          ip: ip.toString(),
          first_port: 0,
          last_port: 0xffff,
          instance_id: null,
          project_id: project.id,
        }
        await orAlreadyExists('floating-ip', body.name, () => insertExternalIp(tx, created))
        return created
      })
      return floatingIpFromRow(row)
    },

    async floating_ip_view({ params, query, context }) {
      return floatingIpFromRow(await selectFloatingIp(store.db, actorOf(context), params.floating_ip, query))
    },

    async floating_ip_update({ params, query, body, context }) {
      const { id, name } = await selectFloatingIp(store.db, actorOf(context), params.floating_ip, query)
      const change = identityChange(body, nowOf(service))
      return floatingIpFromRow(
        await orAlreadyExists('floating-ip', change.name ?? name ?? '', () => updateExternalIp(store.db, id, change)),
      )
    },

    async floating_ip_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const row = await selectFloatingIp(tx, actorOf(context), params.floating_ip, query)
        if (row.instance_id !== null)
          throw invalidRequest('Floating IP cannot be deleted while attached to an instance')
        await deleteExternalIp(tx, row.id)
      })
    },

    async floating_ip_attach({ params, query, body, context }) {
      const row = await store.transaction(async (tx) => {
        const actor = actorOf(context)
        const floating = await selectFloatingIp(tx, actor, params.floating_ip, query)
        // An instance given by name is looked for in the floating IP's project.
        const parent = isId(body.parent) ? {} : { project: floating.project_id ?? undefined }
        const instance = await selectInstance(tx, actor, body.parent, parent)
        if (instance.project_id !== floating.project_id) {
          throw invalidRequest('instance must be in the same project as the floating IP')
        }
        if (floating.instance_id === instance.id) return floating
        if (floating.instance_id !== null) {
          throw invalidRequest('tried to attach a floating IP already in use by another instance')
        }
        checkCount(await externalIpsOfInstance(tx, instance.id))
        await checkPrimary(tx, instance.id, floating.ip)
        return updateExternalIp(tx, floating.id, { instance_id: instance.id, time_modified: nowOf(service) })
      })
      service.activate()
      return floatingIpFromRow(row)
    },

    async floating_ip_detach({ params, query, context }) {
      const row = await store.transaction(async (tx) => {
        const floating = await selectFloatingIp(tx, actorOf(context), params.floating_ip, query)
        if (floating.instance_id === null) throw invalidRequest('the floating IP is not attached to an instance')
        return updateExternalIp(tx, floating.id, { instance_id: null, time_modified: nowOf(service) })
      })
      service.activate()
      return floatingIpFromRow(row)
    },
  }
}
