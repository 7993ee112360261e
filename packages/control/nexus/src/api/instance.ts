/** Instances. Handlers write what is wanted; `reconcile/instances.ts` makes it so. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type { Instance, InstanceCreate } from '@lodestone/contract-nexus'
import { actorOf, type Caller } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { detachDisksOfInstance } from '../store/disk.ts'
import { externalIpsOfInstance, releaseExternalIpsOfInstance, updateExternalIp } from '../store/external-ip.ts'
import {
  deleteInstance,
  insertInstance,
  type InstanceRow,
  isAtRest,
  listInstances,
  type ShownInstanceRow,
  updateInstance,
} from '../store/instance.ts'
import { isId, pageOfRows, scanOf } from '../store/scan.ts'
import { insertGroupMember } from '../store/placement-group.ts'
import { allSshKeys, insertInstanceSshKeys, sshKeyByRef } from '../store/session.ts'
import type { Db } from '../store/store.ts'
import { attachEphemeral, checkCount, checkPrimary, ensureSnat } from './external-ip.ts'
import { createNics } from './network-interface.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { createDisks } from './disk.ts'
import { checkQuota } from './silo.ts'
import { placeInstance } from '../place-instance.ts'
import {
  notFound,
  selectDiskBeside,
  selectFloatingIp,
  selectInstance,
  selectPlacementGroup,
  selectProject,
} from './selector.ts'

const GIB = 2 ** 30
const MAX_MEMORY_BYTES = 1536 * GIB
const MAX_CPUS = 254
const MAX_USER_DATA_BYTES = 32 * 1024
const MAX_SSH_KEYS = 100

type Ids =
  | 'instance_list'
  | 'instance_create'
  | 'instance_view'
  | 'instance_update'
  | 'instance_delete'
  | 'instance_start'
  | 'instance_stop'
  | 'instance_reboot'

export function instanceHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async instance_list({ query, context }) {
      const scan = scanOf(query)
      const project = await selectProject(store.db, actorOf(context), query.project)
      return pageOfRows(await listInstances(store.db, project.id, scan), scan, instanceFromRow)
    },

    async instance_create({ query, body, context }) {
      checkBody(body)
      const row = await store.transaction((tx) => createInstance(tx, service, actorOf(context), query.project, body))
      service.activate()
      return instanceFromRow(row)
    },

    async instance_view({ params, query, context }) {
      return instanceFromRow(await selectInstance(store.db, actorOf(context), params.instance, query))
    },

    async instance_update({ params, query, body, context }) {
      checkSize(body)
      const row = await store.transaction(async (tx) => {
        const before = await selectInstance(tx, actorOf(context), params.instance, query)
        const isResized = before.ncpus !== body.ncpus || Number(before.memory_bytes) !== body.memory
        if (isResized && !isAtRest(before)) {
          throw new ApiFailure({ kind: 'conflict', message: 'instance must be stopped to be resized' })
        }
        return updateInstance(tx, before.id, {
          boot_disk_id: await bootDiskId(tx, actorOf(context), before, body.boot_disk),
          ncpus: body.ncpus,
          memory_bytes: body.memory,
          auto_restart_policy: body.auto_restart_policy,
          cpu_platform: body.cpu_platform,
          enable_jumbo_frames: body.enable_jumbo_frames,
          time_modified: nowOf(service),
        })
      })
      return instanceFromRow(row)
    },

    async instance_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const row = await selectInstance(tx, actorOf(context), params.instance, query)
        if (!isAtRest(row)) {
          throw invalidRequest(`cannot delete instance: instance is ${row.run_state}, it must be stopped first`)
        }
        await releaseExternalIpsOfInstance(tx, row.id, nowOf(service))
        await detachDisksOfInstance(tx, row.id, nowOf(service))
        await deleteInstance(tx, row.id)
      })
      service.activate()
    },

    async instance_start({ params, query, context }) {
      const row = await store.transaction(async (tx) => {
        const before = await selectInstance(tx, actorOf(context), params.instance, query)
        if (before.desired_state === 'running') return before
        if (!isAtRest(before)) throw stateConflict(before, 'started')
        const wanted = { cpus: before.ncpus, memoryBytes: Number(before.memory_bytes) }
        await checkQuota(tx, actorOf(context).siloId, wanted)
        return updateInstance(tx, before.id, {
          desired_state: 'running',
          run_state: 'starting',
          reason: null,
          sled_id: await chooseSled(tx, service, before.id),
          time_run_state_updated: nowOf(service),
        })
      })
      service.activate()
      return instanceFromRow(row)
    },

    async instance_stop({ params, query, context }) {
      const row = await store.transaction(async (tx) => {
        const before = await selectInstance(tx, actorOf(context), params.instance, query)
        if (before.desired_state === 'stopped') return before
        return updateInstance(tx, before.id, {
          desired_state: 'stopped',
          run_state: 'stopping',
          reboot_requested: false,
          time_run_state_updated: nowOf(service),
        })
      })
      service.activate()
      return instanceFromRow(row)
    },

    async instance_reboot({ params, query, context }) {
      const row = await store.transaction(async (tx) => {
        const before = await selectInstance(tx, actorOf(context), params.instance, query)
        if (before.run_state === 'rebooting') return before
        if (before.run_state !== 'running') throw stateConflict(before, 'rebooted')
        return updateInstance(tx, before.id, {
          run_state: 'rebooting',
          reboot_requested: true,
          time_run_state_updated: nowOf(service),
        })
      })
      service.activate()
      return instanceFromRow(row)
    },
  }
}

export function instanceFromRow(row: ShownInstanceRow): Instance {
  return {
    ...identityFromRow(row),
    project_id: row.project_id,
    hostname: row.hostname,
    ncpus: row.ncpus,
    memory: Number(row.memory_bytes),
    run_state: row.run_state,
    time_run_state_updated: row.time_run_state_updated.toISOString(),
    auto_restart_enabled: row.auto_restart_policy === 'best_effort',
    auto_restart_policy: row.auto_restart_policy,
    boot_disk_id: row.boot_disk_id,
    cpu_platform: row.cpu_platform,
    enable_jumbo_frames: row.enable_jumbo_frames,
  }
}

async function createInstance(
  db: Db,
  service: Service,
  actor: Caller,
  projectRef: string,
  body: InstanceCreate,
): Promise<InstanceRow> {
  const project = await selectProject(db, actor, projectRef)
  if (body.start) await checkQuota(db, actor.siloId, { cpus: body.ncpus, memoryBytes: body.memory })
  const now = nowOf(service)
  let row: InstanceRow = {
    ...newIdentity(service.random.uuid(), body, now),
    project_id: project.id,
    hostname: body.hostname,
    ncpus: body.ncpus,
    memory_bytes: body.memory,
    user_data: body.user_data,
    desired_state: body.start ? 'running' : 'stopped',
    run_state: body.start ? 'starting' : 'stopped',
    reboot_requested: false,
    time_run_state_updated: now,
    reason: null,
    sled_id: null,
    auto_restart_policy: body.auto_restart_policy ?? null,
    boot_disk_id: null,
    cpu_platform: body.cpu_platform ?? null,
    enable_jumbo_frames: body.enable_jumbo_frames,
  }
  await orAlreadyExists('instance', body.name, () => insertInstance(db, row))
  for (const ref of new Set(body.anti_affinity_groups)) {
    const group = await selectPlacementGroup(db, actor, 'anti_affinity', ref, isId(ref) ? {} : { project: project.id })
    await insertGroupMember(db, group.id, row.id)
  }
  // After its groups are known.
  if (body.start) row = await updateInstance(db, row.id, { sled_id: await chooseSled(db, service, row.id) })
  await insertInstanceSshKeys(db, row.id, await sshKeyIds(db, actor, body))
  await createDisks(db, service, actor, row, body.disks, body.boot_disk)
  const nics = await createNics(db, service, row, body.network_interfaces)
  const primary = nics[0]
  if (primary !== undefined && primary.ipv4 !== null) await ensureSnat(db, service, actor, row.id)
  for (const wanted of body.external_ips) {
    if (wanted.type === 'ephemeral') await attachEphemeral(db, service, actor, row.id, wanted.pool_selector)
    else await attachFloating(db, service, actor, row, wanted.floating_ip)
  }
  return row
}

/** The disk that an instance is to boot from: one of those attached to it. */
async function bootDiskId(db: Db, actor: Caller, instance: InstanceRow, ref: string | null): Promise<string | null> {
  const disk = ref === null ? undefined : await selectDiskBeside(db, actor, ref, instance.project_id)
  if (disk !== undefined && disk.instance_id !== instance.id) throw invalidRequest('boot disk must be attached')
  const id = disk?.id ?? null
  if (id !== instance.boot_disk_id && !isAtRest(instance)) {
    throw new ApiFailure({ kind: 'conflict', message: 'instance must be stopped to set boot disk' })
  }
  return id
}

async function attachFloating(
  db: Db,
  service: Service,
  actor: Caller,
  instance: InstanceRow,
  ref: string,
): Promise<void> {
  const floating = await selectFloatingIp(db, actor, ref, isId(ref) ? {} : { project: instance.project_id })
  if (floating.project_id !== instance.project_id) {
    throw invalidRequest('floating IP must be in the same project as the instance')
  }
  if (floating.instance_id !== null) throw invalidRequest(`floating IP "${floating.name}" is already attached`)
  checkCount(await externalIpsOfInstance(db, instance.id))
  await checkPrimary(db, instance.id, floating.ip)
  await updateExternalIp(db, floating.id, { instance_id: instance.id, time_modified: nowOf(service) })
}

async function chooseSled(db: Db, service: Service, instanceId: string): Promise<string> {
  const chosen = await placeInstance(db, instanceId, (sledId) => service.isAnswering(sledId))
  if (chosen !== undefined) return chosen
  throw new ApiFailure({ kind: 'insufficient-capacity', message: 'No sleds can fit the requested instance' })
}

async function sshKeyIds(db: Db, actor: Caller, body: InstanceCreate): Promise<string[]> {
  if (body.ssh_public_keys == null) {
    return (await allSshKeys(db, actor.userId)).slice(0, MAX_SSH_KEYS).map((key) => key.id)
  }
  if (body.ssh_public_keys.length > MAX_SSH_KEYS) {
    throw invalidRequest(`ssh_public_keys: an instance has at most ${MAX_SSH_KEYS}`)
  }
  const ids = new Set<string>()
  for (const ref of body.ssh_public_keys) {
    const key = await sshKeyByRef(db, actor.userId, ref)
    if (key === undefined) throw notFound('ssh-key', ref)
    ids.add(key.id)
  }
  return [...ids]
}

function checkBody(body: InstanceCreate): void {
  checkSize(body)
  if (body.multicast_groups.length > 0) {
    throw new ApiFailure({ kind: 'not-implemented', message: 'multicast groups are not implemented' })
  }
  if (Buffer.byteLength(body.user_data, 'base64') > MAX_USER_DATA_BYTES) {
    throw invalidRequest(`user_data: must be at most ${MAX_USER_DATA_BYTES} bytes`)
  }
}

function checkSize(body: { readonly ncpus: number; readonly memory: number }): void {
  if (body.ncpus < 1 || body.ncpus > MAX_CPUS) {
    throw invalidValue('ncpus', `must have between 1 and ${MAX_CPUS} vCPUs`)
  }
  if (body.memory < GIB) throw invalidValue('memory', 'memory must be at least 1 GiB')
  if (body.memory % GIB !== 0) throw invalidValue('memory', 'memory must be divisible by 1 GiB')
  if (body.memory > MAX_MEMORY_BYTES) throw invalidValue('memory', 'memory must be less than or equal to 1.5 TiB')
}

function invalidValue(label: string, message: string): ApiFailure {
  return new ApiFailure({ kind: 'invalid-value', label, message })
}

function stateConflict(row: InstanceRow, verb: string): ApiFailure {
  return new ApiFailure({ kind: 'conflict', message: `instance is ${row.run_state} and cannot be ${verb}` })
}
