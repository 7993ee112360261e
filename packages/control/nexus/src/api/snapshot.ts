/** Snapshots of disks. */
import { invalidRequest } from '@lodestone/api'
import type { Snapshot } from '@lodestone/contract-nexus'
import { actorOf, type Caller } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  deleteSnapshot,
  type DiskRow,
  insertSnapshot,
  listSnapshots,
  type SnapshotRow,
  updateDisk,
} from '../store/disk.ts'
import { isId, pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { insertVolume, releaseVolume } from '../store/volume.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { selectDisk, selectProject, selectSnapshot } from './selector.ts'
import { checkStorageQuota } from './silo.ts'

type Ids = 'snapshot_list' | 'snapshot_create' | 'snapshot_view' | 'snapshot_delete'

export function snapshotHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async snapshot_list({ query, context }) {
      const scan = scanOf(query)
      const project = await selectProject(store.db, actorOf(context), query.project)
      return pageOfRows(await listSnapshots(store.db, project.id, scan), scan, snapshotFromRow)
    },

    snapshot_create: ({ query, body, context }) =>
      store.transaction(async (tx) => {
        const caller = actorOf(context)
        const project = await selectProject(tx, caller, query.project)
        const disk = await selectDisk(tx, caller, body.disk, isId(body.disk) ? {} : query)
        if (disk.project_id !== project.id) throw invalidRequest('the disk is in another project')
        if (disk.import_state !== null) throw invalidRequest('the disk is being filled; finalize it first')
        return snapshotFromRow(await takeSnapshot(tx, service, caller, disk, body))
      }),

    async snapshot_view({ params, query, context }) {
      return snapshotFromRow(await selectSnapshot(store.db, actorOf(context), params.snapshot, query))
    },

    async snapshot_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const snapshot = await selectSnapshot(tx, actorOf(context), params.snapshot, query)
        await deleteSnapshot(tx, snapshot.id)
        await releaseVolume(tx, snapshot.volume_id)
      })
    },
  }
}

/** Freezes what the disk holds; the disk goes on in a layer above it. */
export async function takeSnapshot(
  db: Db,
  service: Service,
  caller: Caller,
  disk: DiskRow,
  identity: { name: string; description: string },
): Promise<SnapshotRow> {
  await checkStorageQuota(db, caller.siloId, Number(disk.size_bytes))
  const row: SnapshotRow = {
    ...newIdentity(service.random.uuid(), identity, nowOf(service)),
    project_id: disk.project_id,
    disk_id: disk.id,
    size_bytes: disk.size_bytes,
    block_size: disk.block_size,
    volume_id: disk.volume_id,
  }
  await orAlreadyExists('snapshot', identity.name, () => insertSnapshot(db, row))
  const layer = service.random.uuid()
  await insertVolume(db, layer, disk.volume_id)
  await updateDisk(db, disk.id, { volume_id: layer })
  return row
}

function snapshotFromRow(row: SnapshotRow): Snapshot {
  return {
    ...identityFromRow(row),
    project_id: row.project_id,
    disk_id: row.disk_id,
    size: Number(row.size_bytes),
    state: 'ready',
  }
}
