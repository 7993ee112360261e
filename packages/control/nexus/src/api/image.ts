/** Images: what disks are made of. They belong to a project, or to the whole silo. */
import { invalidRequest } from '@lodestone/api'
import type { Image } from '@lodestone/contract-nexus'
import { actorOf, checkSiloRole } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { deleteImage, type ImageRow, insertImage, listImages, updateImage } from '../store/image.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { releaseVolume } from '../store/volume.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { selectImage, selectProject, selectSnapshot } from './selector.ts'

type Ids = 'image_list' | 'image_create' | 'image_view' | 'image_delete' | 'image_promote' | 'image_demote'

export function imageHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async image_list({ query, context }) {
      const scan = scanOf(query)
      const caller = actorOf(context)
      const project = query.project === undefined ? null : await selectProject(store.db, caller, query.project)
      const rows = await listImages(store.db, caller.siloId, project?.id ?? null, scan)
      return pageOfRows(rows, scan, imageFromRow)
    },

    image_create: ({ query, body, context }) =>
      store.transaction(async (tx) => {
        const caller = actorOf(context)
        if (query.project === undefined) checkSiloRole(caller, 'collaborator')
        const project = query.project === undefined ? null : await selectProject(tx, caller, query.project)
        const snapshot = await selectSnapshot(tx, caller, body.source.id, {})
        const row: ImageRow = {
          ...newIdentity(service.random.uuid(), body, nowOf(service)),
          silo_id: caller.siloId,
          project_id: project?.id ?? null,
          os: body.os,
          version: body.version,
          size_bytes: snapshot.size_bytes,
          block_size: snapshot.block_size,
          volume_id: snapshot.volume_id,
        }
        await orAlreadyExists('image', body.name, () => insertImage(tx, row))
        return imageFromRow(row)
      }),

    async image_view({ params, query, context }) {
      return imageFromRow(await selectImage(store.db, actorOf(context), params.image, query, 'viewer'))
    },

    async image_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const image = await selectImage(tx, actorOf(context), params.image, query, 'collaborator')
        await deleteImage(tx, image.id)
        await releaseVolume(tx, image.volume_id)
      })
    },

    image_promote: ({ params, query, context }) =>
      store.transaction(async (tx) => {
        const caller = actorOf(context)
        const image = await selectImage(tx, caller, params.image, query, 'collaborator')
        checkSiloRole(caller, 'collaborator')
        if (image.project_id === null) throw invalidRequest('the image is of the whole silo already')
        const change = { project_id: null, time_modified: nowOf(service) }
        return imageFromRow(await orAlreadyExists('image', image.name, () => updateImage(tx, image.id, change)))
      }),

    image_demote: ({ params, query, context }) =>
      store.transaction(async (tx) => {
        const caller = actorOf(context)
        const project = await selectProject(tx, caller, query.project)
        const image = await selectImage(tx, caller, params.image, {}, 'collaborator')
        if (image.project_id !== null) throw invalidRequest('the image is of a project already')
        const change = { project_id: project.id, time_modified: nowOf(service) }
        return imageFromRow(await orAlreadyExists('image', image.name, () => updateImage(tx, image.id, change)))
      }),
  }
}

function imageFromRow(row: ImageRow): Image {
  return {
    ...identityFromRow(row),
    project_id: row.project_id,
    os: row.os,
    version: row.version,
    size: Number(row.size_bytes),
    block_size: row.block_size,
    digest: null,
  }
}
