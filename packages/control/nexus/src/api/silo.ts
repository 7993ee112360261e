/** Silos, their quotas, and what they use of them. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type { MappedFleetRoles, Silo, SiloQuotas, SiloUtilization } from '@lodestone/contract-nexus'
import { SiloRole } from '@lodestone/contract-nexus'
import { actorOf, type Caller, checkSiloAdmin } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { insertCertificate } from '../store/certificate.ts'
import { storageOfSilo } from '../store/disk.ts'
import { insertGrants } from '../store/role-grant.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import {
  deleteSilo,
  hasProjects,
  insertSilo,
  listSilos,
  provisionedOfSilo,
  siloByRef,
  type SiloRow,
  updateSilo,
} from '../store/silo.ts'
import type { Db } from '../store/store.ts'
import { allUsers, deleteUser, insertGroup } from '../store/user.ts'
import { newCertificate } from './certificate.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'

type Ids =
  | 'silo_list'
  | 'silo_create'
  | 'silo_view'
  | 'silo_delete'
  | 'silo_quotas_view'
  | 'silo_quotas_update'
  | 'system_quotas_list'
  | 'silo_utilization_list'
  | 'silo_utilization_view'
  | 'utilization_view'
  | 'auth_settings_view'
  | 'auth_settings_update'

export function siloHandlers(service: Service): HandlersOf<Ids> {
  const { store, random } = service
  return {
    async silo_list({ query }) {
      const scan = scanOf(query)
      return pageOfRows(await listSilos(store.db, true, scan), scan, siloFromRow)
    },

    async silo_create({ body }) {
      if (body.admin_group_name != null && body.identity_mode === 'local_only') {
        throw invalidRequest('admin_group_name: a silo with local users only has no groups')
      }
      checkMappedRoles(body.mapped_fleet_roles)
      const now = nowOf(service)
      const row: SiloRow = {
        ...newIdentity(random.uuid(), body, now),
        identity_mode: body.identity_mode,
        discoverable: body.discoverable,
        admin_group_name: body.admin_group_name ?? null,
        mapped_fleet_roles: body.mapped_fleet_roles,
        device_token_max_ttl_s: null,
        quota_cpus: body.quotas.cpus,
        quota_memory_bytes: body.quotas.memory,
        quota_storage_bytes: body.quotas.storage,
      }
      const certificates = body.tls_certificates.map((certificate) => newCertificate(service, row, certificate))
      await store.transaction(async (tx) => {
        await orAlreadyExists('silo', body.name, () =>
          insertSilo(tx, { ...row, mapped_fleet_roles: JSON.stringify(row.mapped_fleet_roles) }),
        )
        for (const each of certificates) {
          await orAlreadyExists('certificate', each.name, () => insertCertificate(tx, each))
        }
        // Where groups are provisioned, the one of this name gets its role when it is.
        if (row.admin_group_name !== null && row.identity_mode === 'saml_jit') {
          const group = { id: random.uuid(), silo_id: row.id, external_id: row.admin_group_name }
          await insertGroup(tx, { ...group, time_created: now, time_modified: now })
          const grant = { resource_type: 'silo', resource_id: row.id, role: 'admin' } as const
          await insertGrants(tx, [{ ...grant, identity_type: 'silo_group', identity_id: group.id }])
        }
      })
      service.activate()
      return siloFromRow(row)
    },

    async silo_view({ params }) {
      return siloFromRow(await selectSilo(store.db, params.silo))
    },

    async silo_delete({ params, context }) {
      await store.transaction(async (tx) => {
        const { id } = await selectSilo(tx, params.silo)
        if (id === actorOf(context).siloId) throw invalidRequest('nobody can delete the silo they are in')
        if (await hasProjects(tx, id)) throw invalidRequest('silo to be deleted contains a project')
        for (const user of await allUsers(tx, id)) await deleteUser(tx, user.id)
        await deleteSilo(tx, id)
      })
      service.activate()
    },

    async silo_quotas_view({ params }) {
      return quotasFromRow(await selectSilo(store.db, params.silo))
    },

    async silo_quotas_update({ params, body }) {
      const { id } = await selectSilo(store.db, params.silo)
      const row = await updateSilo(store.db, id, {
        ...(body.cpus == null ? {} : { quota_cpus: body.cpus }),
        ...(body.memory == null ? {} : { quota_memory_bytes: body.memory }),
        ...(body.storage == null ? {} : { quota_storage_bytes: body.storage }),
        time_modified: nowOf(service),
      })
      return quotasFromRow(row)
    },

    async system_quotas_list({ query }) {
      const scan = scanOf(query, 'id_ascending')
      return pageOfRows(await listSilos(store.db, false, scan), scan, quotasFromRow)
    },

    async silo_utilization_list({ query }) {
      const scan = scanOf(query)
      const page = pageOfRows(await listSilos(store.db, true, scan), scan, (row) => row)
      const items: SiloUtilization[] = []
      for (const row of page.items) items.push(await utilizationOf(store.db, row))
      return { ...page, items }
    },

    async silo_utilization_view({ params }) {
      return utilizationOf(store.db, await selectSilo(store.db, params.silo))
    },

    async utilization_view({ context }) {
      const silo = await selectSilo(store.db, actorOf(context).siloId)
      const { provisioned, allocated } = await utilizationOf(store.db, silo)
      return { provisioned, capacity: allocated }
    },

    async auth_settings_view({ context }) {
      return authSettingsFromRow(await selectSilo(store.db, actorOf(context).siloId))
    },

    async auth_settings_update({ body, context }) {
      const change = { device_token_max_ttl_s: body.device_token_max_ttl_seconds, time_modified: nowOf(service) }
      return authSettingsFromRow(await updateSilo(store.db, actorOf(context).siloId, change))
    },
  }
}

export async function selectSilo(db: Db, ref: string): Promise<SiloRow> {
  const row = await siloByRef(db, ref)
  if (row === undefined) throw notFound('silo', ref)
  return row
}

/**
 * A silo that the caller administers, as its admin or as one of the fleet. Who may not even know that it exists is told that it does not.
 */
export async function selectManagedSilo(db: Db, caller: Caller, ref: string): Promise<SiloRow> {
  const row = await siloByRef(db, ref)
  const isSeen = row !== undefined && (row.id === caller.siloId || caller.fleetRole !== undefined)
  if (!isSeen) throw notFound('silo', ref)
  checkSiloAdmin(caller, row.id)
  return row
}

/** Refuses what would take a silo over its quotas: 507 with what is missing. */
export async function checkQuota(db: Db, siloId: string, wanted: { cpus: number; memoryBytes: number }): Promise<void> {
  const silo = await selectSilo(db, siloId)
  const used = await provisionedOfSilo(db, siloId)
  const over = (what: string, has: number, more: number, quota: number): void => {
    if (has + more <= quota) return
    const message = `the silo's quota of ${what} is ${quota}, ${has} are in use and ${more} more are asked for`
    throw new ApiFailure({ kind: 'insufficient-capacity', message })
  }
  over('vCPUs', used.cpus, wanted.cpus, Number(silo.quota_cpus))
  over('bytes of memory', used.memoryBytes, wanted.memoryBytes, Number(silo.quota_memory_bytes))
}

export async function checkStorageQuota(db: Db, siloId: string, wantedBytes: number): Promise<void> {
  const silo = await selectSilo(db, siloId)
  const used = await storageOfSilo(db, siloId)
  const quota = Number(silo.quota_storage_bytes)
  if (used + wantedBytes <= quota) return
  const message = `the silo's quota of bytes of storage is ${quota}, ${used} are in use and ${wantedBytes} more are asked for`
  throw new ApiFailure({ kind: 'insufficient-capacity', message })
}

function checkMappedRoles(mapped: MappedFleetRoles): void {
  for (const role of Object.keys(mapped)) {
    if (SiloRole.safeParse(role).success) continue
    throw invalidRequest(`mapped_fleet_roles: "${role}" is no silo role; they are ${SiloRole.options.join(', ')}`)
  }
}

async function utilizationOf(db: Db, silo: SiloRow): Promise<SiloUtilization> {
  const used = await provisionedOfSilo(db, silo.id)
  const { silo_id: _, ...allocated } = quotasFromRow(silo)
  return {
    silo_id: silo.id,
    silo_name: silo.name,
    provisioned: { cpus: used.cpus, memory: used.memoryBytes, storage: await storageOfSilo(db, silo.id) },
    allocated,
  }
}

function siloFromRow(row: SiloRow): Silo {
  return {
    ...identityFromRow(row),
    identity_mode: row.identity_mode,
    discoverable: row.discoverable,
    admin_group_name: row.admin_group_name,
    mapped_fleet_roles: row.mapped_fleet_roles,
  }
}

function quotasFromRow(row: SiloRow): SiloQuotas {
  return {
    silo_id: row.id,
    cpus: Number(row.quota_cpus),
    memory: Number(row.quota_memory_bytes),
    storage: Number(row.quota_storage_bytes),
  }
}

function authSettingsFromRow(row: SiloRow): { silo_id: string; device_token_max_ttl_seconds: number | null } {
  return { silo_id: row.id, device_token_max_ttl_seconds: row.device_token_max_ttl_s }
}
