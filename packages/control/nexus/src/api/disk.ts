/** Disks: blank, made of snapshots and images, or filled by bulk writes; attached to instances that are stopped. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type { Disk, DiskCreate, DiskState, InstanceDiskAttachment } from '@lodestone/contract-nexus'
import { actorOf, type Caller } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  deleteDisk,
  type DiskRow,
  disksOfInstance,
  insertDisk,
  listDisks,
  listDisksOfInstance,
  updateDisk,
} from '../store/disk.ts'
import { type InstanceRow, isAtRest, updateInstance } from '../store/instance.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { insertVolume, releaseVolume, writeVolume } from '../store/volume.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { selectDisk, selectDiskBeside, selectImage, selectInstance, selectProject, selectSnapshot } from './selector.ts'
import { checkStorageQuota } from './silo.ts'
import { takeSnapshot } from './snapshot.ts'

const GIB = 2 ** 30
const MAX_DISK_BYTES = 1023 * GIB
const MAX_DISKS = 12
const MAX_WRITE_BYTES = 512 * 1024

type Ids =
  | 'disk_list'
  | 'disk_create'
  | 'disk_view'
  | 'disk_delete'
  | 'disk_bulk_write_import_start'
  | 'disk_bulk_write_import'
  | 'disk_bulk_write_import_stop'
  | 'disk_finalize_import'
  | 'instance_disk_list'
  | 'instance_disk_attach'
  | 'instance_disk_detach'

interface DiskCall {
  readonly params: { readonly disk: string }
  readonly query: { readonly project?: string | undefined }
  readonly context: Parameters<typeof actorOf>[0]
}

export function diskHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  /** Moves a disk from one state of being filled to the next. */
  const advance = (
    { params, query, context }: DiskCall,
    from: DiskRow['import_state'],
    to: DiskRow['import_state'],
  ): Promise<DiskRow> =>
    store.transaction(async (tx) => {
      const disk = await selectDisk(tx, actorOf(context), params.disk, query)
      if (disk.import_state !== from) throw wrongState(disk)
      return updateDisk(tx, disk.id, { import_state: to, time_modified: nowOf(service) })
    })
  return {
    async disk_list({ query, context }) {
      const scan = scanOf(query)
      const project = await selectProject(store.db, actorOf(context), query.project)
      return pageOfRows(await listDisks(store.db, project.id, scan), scan, diskFromRow)
    },

    disk_create: ({ query, body, context }) =>
      store.transaction(async (tx) => {
        const project = await selectProject(tx, actorOf(context), query.project)
        return diskFromRow(await createDisk(tx, service, actorOf(context), project.id, body))
      }),

    async disk_view({ params, query, context }) {
      return diskFromRow(await selectDisk(store.db, actorOf(context), params.disk, query))
    },

    async disk_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const disk = await selectDisk(tx, actorOf(context), params.disk, query)
        if (disk.instance_id !== null) throw wrongState(disk)
        await deleteDisk(tx, disk.id)
        await releaseVolume(tx, disk.volume_id)
      })
    },

    async disk_bulk_write_import_start(call) {
      await advance(call, 'import_ready', 'importing_from_bulk_writes')
    },
    async disk_bulk_write_import_stop(call) {
      await advance(call, 'importing_from_bulk_writes', 'import_ready')
    },
    async disk_bulk_write_import({ params, query, body, context }) {
      const data = Buffer.from(body.base64_encoded_data, 'base64')
      await store.transaction(async (tx) => {
        const disk = await selectDisk(tx, actorOf(context), params.disk, query)
        if (disk.import_state !== 'importing_from_bulk_writes') throw wrongState(disk)
        if (data.length > MAX_WRITE_BYTES) throw invalidRequest(`data len ${data.length} exceeds ${MAX_WRITE_BYTES}`)
        if (body.offset % disk.block_size !== 0 || data.length % disk.block_size !== 0) {
          throw invalidRequest(`offset and length must be multiples of the block size, ${disk.block_size}`)
        }
        if (body.offset + data.length > Number(disk.size_bytes)) throw invalidRequest('the write goes past the disk')
        await writeVolume(tx, disk.volume_id, body.offset, data)
      })
    },
    async disk_finalize_import({ params, query, body, context }) {
      await store.transaction(async (tx) => {
        const disk = await selectDisk(tx, actorOf(context), params.disk, query)
        if (disk.import_state !== 'import_ready') throw wrongState(disk)
        const row = await updateDisk(tx, disk.id, { import_state: null, time_modified: nowOf(service) })
        if (body.snapshot_name == null) return
        await takeSnapshot(tx, service, actorOf(context), row, { name: body.snapshot_name, description: '' })
      })
    },

    async instance_disk_list({ params, query, context }) {
      const scan = scanOf(query)
      const { id } = await selectInstance(store.db, actorOf(context), params.instance, query)
      return pageOfRows(await listDisksOfInstance(store.db, id, scan), scan, diskFromRow)
    },
    instance_disk_attach: ({ params, query, body, context }) =>
      store.transaction(async (tx) => {
        const instance = await selectInstance(tx, actorOf(context), params.instance, query)
        checkAtRest(instance)
        return diskFromRow(await attachDisk(tx, service, actorOf(context), instance, body.disk))
      }),
    instance_disk_detach: ({ params, query, body, context }) =>
      store.transaction(async (tx) => {
        const instance = await selectInstance(tx, actorOf(context), params.instance, query)
        const disk = await selectDiskBeside(tx, actorOf(context), body.disk, instance.project_id)
        if (disk.instance_id === null) return diskFromRow(disk)
        if (disk.instance_id !== instance.id) throw invalidRequest('the disk is attached to another instance')
        checkAtRest(instance)
        if (instance.boot_disk_id === disk.id) throw invalidRequest('boot disk cannot be detached')
        return diskFromRow(await updateDisk(tx, disk.id, { instance_id: null, time_modified: nowOf(service) }))
      }),
  }
}

/** Disks that a new instance asks for, made or attached; the boot disk first. */
export async function createDisks(
  db: Db,
  service: Service,
  caller: Caller,
  instance: InstanceRow,
  wanted: readonly InstanceDiskAttachment[],
  boot: InstanceDiskAttachment | null | undefined,
): Promise<void> {
  for (const [i, disk] of (boot == null ? wanted : [boot, ...wanted]).entries()) {
    if (disk.type === 'create') await createDisk(db, service, caller, instance.project_id, disk)
    const { id } = await attachDisk(db, service, caller, instance, disk.name)
    if (i === 0 && boot != null) await updateInstance(db, instance.id, { boot_disk_id: id })
  }
}

async function attachDisk(
  db: Db,
  service: Service,
  caller: Caller,
  instance: InstanceRow,
  ref: string,
): Promise<DiskRow> {
  const disk = await selectDiskBeside(db, caller, ref, instance.project_id)
  if (disk.instance_id === instance.id) return disk
  if (disk.project_id !== instance.project_id) throw invalidRequest('disk must be in the same project as the instance')
  if (disk.instance_id !== null || disk.import_state !== null) throw wrongState(disk)
  if ((await disksOfInstance(db, instance.id)).length >= MAX_DISKS) {
    throw invalidRequest(`an instance may have at most ${MAX_DISKS} disks`)
  }
  return updateDisk(db, disk.id, { instance_id: instance.id, time_modified: nowOf(service) })
}

async function createDisk(
  db: Db,
  service: Service,
  caller: Caller,
  projectId: string,
  body: DiskCreate,
): Promise<DiskRow> {
  const { disk_backend: backend, size } = body
  if (size < GIB || size > MAX_DISK_BYTES || size % GIB !== 0) {
    throw invalidSize(`total size must be a multiple of 1 GiB, from 1 to ${MAX_DISK_BYTES / GIB}`)
  }
  const source = backend.type === 'local' ? undefined : backend.disk_source
  const snapshot = source?.type === 'snapshot' ? await selectSnapshot(db, caller, source.snapshot_id, {}) : undefined
  const image = source?.type === 'image' ? await selectImage(db, caller, source.image_id, {}, 'viewer') : undefined
  const origin = snapshot ?? image
  if (origin !== undefined && size < Number(origin.size_bytes)) {
    throw invalidSize(`disk size ${size} must be at least that of its source, ${origin.size_bytes}`)
  }
  await checkStorageQuota(db, caller.siloId, size)
  const volumeId = service.random.uuid()
  await insertVolume(db, volumeId, origin?.volume_id ?? null)
  const row: DiskRow = {
    ...newIdentity(service.random.uuid(), body, nowOf(service)),
    project_id: projectId,
    size_bytes: size,
    block_size: blockSizeOf(body, origin?.block_size),
    disk_type: backend.type,
    import_state: source?.type === 'importing_blocks' ? 'import_ready' : null,
    instance_id: null,
    image_id: image?.id ?? null,
    snapshot_id: snapshot?.id ?? null,
    read_only: source !== undefined && 'read_only' in source && source.read_only,
    volume_id: volumeId,
  }
  await orAlreadyExists('disk', body.name, () => insertDisk(db, row))
  return row
}

function blockSizeOf({ disk_backend: backend }: DiskCreate, ofOrigin: DiskRow['block_size'] | undefined) {
  if (ofOrigin !== undefined) return ofOrigin
  if (backend.type === 'local') return 4096
  return 'block_size' in backend.disk_source ? backend.disk_source.block_size : 4096
}

export function diskFromRow(row: DiskRow): Disk {
  return {
    ...identityFromRow(row),
    project_id: row.project_id,
    size: Number(row.size_bytes),
    block_size: row.block_size,
    disk_type: row.disk_type,
    state: stateOf(row),
    device_path: `/mnt/${row.name}`,
    image_id: row.image_id,
    snapshot_id: row.snapshot_id,
    read_only: row.read_only,
  }
}

function stateOf(row: DiskRow): DiskState {
  if (row.instance_id !== null) return { state: 'attached', instance: row.instance_id }
  return { state: row.import_state ?? 'detached' }
}

function wrongState(disk: DiskRow): ApiFailure {
  return invalidRequest(`disk "${disk.name}" is in state "${stateOf(disk).state}", which does not allow this`)
}

function checkAtRest(instance: InstanceRow): void {
  if (!isAtRest(instance)) throw invalidRequest('the instance must be stopped for its disks to be changed')
}

function invalidSize(message: string): ApiFailure {
  return new ApiFailure({ kind: 'invalid-value', label: 'size', message })
}
