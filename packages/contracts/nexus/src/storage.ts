/** Disks, snapshots of them, and images made of snapshots. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  ByteCount,
  identity,
  identityCreate,
  inProject,
  listByNameOrId,
  maybeInProject,
  Name,
  NameOrId,
  Uuid,
} from './identity.ts'

const BlockSize = z.union([z.literal(512), z.literal(2048), z.literal(4096)]).meta({ id: 'BlockSize' })
export const DiskType = z.enum(['distributed', 'local']).meta({ id: 'DiskType' })

export const DiskState = z
  .discriminatedUnion('state', [
    z.object({ state: z.literal('detached') }),
    z.object({ state: z.literal('import_ready') }),
    z.object({ state: z.literal('importing_from_bulk_writes') }),
    z.object({ state: z.literal('attached'), instance: Uuid }),
  ])
  .meta({ id: 'DiskState' })
export type DiskState = z.output<typeof DiskState>

export const Disk = z
  .object({
    ...identity,
    project_id: Uuid,
    size: ByteCount,
    block_size: BlockSize,
    disk_type: DiskType,
    state: DiskState,
    device_path: z.string(),
    image_id: Uuid.nullable(),
    snapshot_id: Uuid.nullable(),
    read_only: z.boolean(),
  })
  .meta({ id: 'Disk' })
export type Disk = z.output<typeof Disk>

const DiskSource = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('blank'), block_size: BlockSize }),
    z.object({ type: z.literal('snapshot'), snapshot_id: Uuid, read_only: z.boolean().default(false) }),
    z.object({ type: z.literal('image'), image_id: Uuid, read_only: z.boolean().default(false) }),
    z.object({ type: z.literal('importing_blocks'), block_size: BlockSize }),
  ])
  .meta({ id: 'DiskSource' })

const DiskBackend = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('local') }),
    z.object({ type: z.literal('distributed'), disk_source: DiskSource }),
  ])
  .meta({ id: 'DiskBackend' })

const diskCreate = { ...identityCreate, disk_backend: DiskBackend, size: ByteCount }
export const DiskCreate = z.object(diskCreate).meta({ id: 'DiskCreate' })
export type DiskCreate = z.output<typeof DiskCreate>

export const InstanceDiskAttachment = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('create'), ...diskCreate }),
    z.object({ type: z.literal('attach'), name: Name }),
  ])
  .meta({ id: 'InstanceDiskAttachment' })
export type InstanceDiskAttachment = z.output<typeof InstanceDiskAttachment>

export const Snapshot = z
  .object({
    ...identity,
    project_id: Uuid,
    disk_id: Uuid,
    size: ByteCount,
    state: z.enum(['creating', 'ready', 'faulted', 'destroyed']).meta({ id: 'SnapshotState' }),
  })
  .meta({ id: 'Snapshot' })
export type Snapshot = z.output<typeof Snapshot>

export const Image = z
  .object({
    ...identity,
    /** Null: of the whole silo. */
    project_id: Uuid.nullable(),
    os: z.string(),
    version: z.string(),
    size: ByteCount,
    block_size: BlockSize,
    digest: z
      .object({ type: z.literal('sha256'), value: z.string() })
      .meta({ id: 'Digest' })
      .nullable(),
  })
  .meta({ id: 'Image' })
export type Image = z.output<typeof Image>

const disk = z.object({ disk: NameOrId })
const snapshot = z.object({ snapshot: NameOrId })
const image = z.object({ image: NameOrId })
const instance = z.object({ instance: NameOrId })
const DiskPath = z.object({ disk: NameOrId }).meta({ id: 'DiskPath' })

export const storageEndpoints = [
  endpoint({
    operationId: 'disk_list',
    method: 'GET',
    path: '/v1/disks',
    tags: ['disks'],
    summary: 'List disks',
    query: inProject.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(Disk) },
    paginated: true,
  }),
  endpoint({
    operationId: 'disk_create',
    method: 'POST',
    path: '/v1/disks',
    tags: ['disks'],
    summary: 'Create a disk: blank, from a snapshot or an image, or to be filled by bulk writes',
    query: inProject,
    body: DiskCreate,
    response: { status: 201, schema: Disk },
  }),
  endpoint({
    operationId: 'disk_view',
    method: 'GET',
    path: '/v1/disks/{disk}',
    tags: ['disks'],
    summary: 'View a disk',
    params: disk,
    query: maybeInProject,
    response: { status: 200, schema: Disk },
  }),
  endpoint({
    operationId: 'disk_delete',
    method: 'DELETE',
    path: '/v1/disks/{disk}',
    tags: ['disks'],
    summary: 'Delete a disk that is attached nowhere; its snapshots stay',
    params: disk,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'disk_bulk_write_import_start',
    method: 'POST',
    path: '/v1/disks/{disk}/bulk-write-start',
    tags: ['disks'],
    summary: 'Begin to fill a disk',
    params: disk,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'disk_bulk_write_import',
    method: 'POST',
    path: '/v1/disks/{disk}/bulk-write',
    tags: ['disks'],
    summary: 'Write blocks to a disk that is being filled',
    params: disk,
    query: maybeInProject,
    body: z.object({ offset: z.int().min(0), base64_encoded_data: z.base64() }).meta({ id: 'ImportBlocksBulkWrite' }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'disk_bulk_write_import_stop',
    method: 'POST',
    path: '/v1/disks/{disk}/bulk-write-stop',
    tags: ['disks'],
    summary: 'End filling a disk',
    params: disk,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'disk_finalize_import',
    method: 'POST',
    path: '/v1/disks/{disk}/finalize',
    tags: ['disks'],
    summary: 'Make a filled disk one like any other, and a snapshot of it when that gets a name',
    params: disk,
    query: maybeInProject,
    body: z.object({ snapshot_name: Name.nullish() }).meta({ id: 'FinalizeDisk' }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'instance_disk_list',
    method: 'GET',
    path: '/v1/instances/{instance}/disks',
    tags: ['instances'],
    summary: 'List the disks of an instance',
    params: instance,
    query: maybeInProject.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(Disk) },
    paginated: true,
  }),
  endpoint({
    operationId: 'instance_disk_attach',
    method: 'POST',
    path: '/v1/instances/{instance}/disks/attach',
    tags: ['instances'],
    summary: 'Attach a disk to a stopped instance',
    params: instance,
    query: maybeInProject,
    body: DiskPath,
    response: { status: 202, schema: Disk },
  }),
  endpoint({
    operationId: 'instance_disk_detach',
    method: 'POST',
    path: '/v1/instances/{instance}/disks/detach',
    tags: ['instances'],
    summary: 'Detach a disk from a stopped instance',
    params: instance,
    query: maybeInProject,
    body: DiskPath,
    response: { status: 202, schema: Disk },
  }),
  endpoint({
    operationId: 'snapshot_list',
    method: 'GET',
    path: '/v1/snapshots',
    tags: ['snapshots'],
    summary: 'List snapshots',
    query: inProject.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(Snapshot) },
    paginated: true,
  }),
  endpoint({
    operationId: 'snapshot_create',
    method: 'POST',
    path: '/v1/snapshots',
    tags: ['snapshots'],
    summary: 'Take a snapshot of a disk',
    query: inProject,
    body: z.object({ ...identityCreate, disk: NameOrId }).meta({ id: 'SnapshotCreate' }),
    response: { status: 201, schema: Snapshot },
  }),
  endpoint({
    operationId: 'snapshot_view',
    method: 'GET',
    path: '/v1/snapshots/{snapshot}',
    tags: ['snapshots'],
    summary: 'View a snapshot',
    params: snapshot,
    query: maybeInProject,
    response: { status: 200, schema: Snapshot },
  }),
  endpoint({
    operationId: 'snapshot_delete',
    method: 'DELETE',
    path: '/v1/snapshots/{snapshot}',
    tags: ['snapshots'],
    summary: 'Delete a snapshot; what was made of it stays',
    params: snapshot,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'image_list',
    method: 'GET',
    path: '/v1/images',
    tags: ['images'],
    summary: 'List the images of the silo, or those of a project and of the silo',
    query: maybeInProject.extend(listByNameOrId),
    response: { status: 200, schema: pageOf(Image) },
    paginated: true,
  }),
  endpoint({
    operationId: 'image_create',
    method: 'POST',
    path: '/v1/images',
    tags: ['images'],
    summary: 'Make an image of a snapshot, for a project or for the silo',
    query: maybeInProject,
    body: z
      .object({
        ...identityCreate,
        os: z.string(),
        version: z.string(),
        source: z.discriminatedUnion('type', [z.object({ type: z.literal('snapshot'), id: Uuid })]).meta({
          id: 'ImageSource',
        }),
      })
      .meta({ id: 'ImageCreate' }),
    response: { status: 201, schema: Image },
  }),
  endpoint({
    operationId: 'image_view',
    method: 'GET',
    path: '/v1/images/{image}',
    tags: ['images'],
    summary: 'View an image',
    params: image,
    query: maybeInProject,
    response: { status: 200, schema: Image },
  }),
  endpoint({
    operationId: 'image_delete',
    method: 'DELETE',
    path: '/v1/images/{image}',
    tags: ['images'],
    summary: 'Delete an image; disks made of it stay',
    params: image,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'image_promote',
    method: 'POST',
    path: '/v1/images/{image}/promote',
    tags: ['images'],
    summary: 'Give an image of a project to the whole silo',
    params: image,
    query: maybeInProject,
    response: { status: 202, schema: Image },
  }),
  endpoint({
    operationId: 'image_demote',
    method: 'POST',
    path: '/v1/images/{image}/demote',
    tags: ['images'],
    summary: 'Give an image of the silo to one project',
    params: image,
    query: inProject,
    response: { status: 202, schema: Image },
  }),
] as const
