/** Projects. */
import { invalidRequest } from '@lodestone/api'
import type { Project } from '@lodestone/contract-nexus'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  deleteProject,
  firstInProject,
  insertProject,
  listProjects,
  type ProjectRow,
  updateProject,
} from '../store/project.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { selectProject } from './selector.ts'
import { createVpc } from './vpc.ts'

type Ids = 'project_list' | 'project_create' | 'project_view' | 'project_update' | 'project_delete'

export function projectHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async project_list({ query, context }) {
      const scan = scanOf(query)
      return pageOfRows(await listProjects(store.db, actorOf(context).siloId, scan), scan, projectFromRow)
    },

    async project_create({ body, context }) {
      const row: ProjectRow = {
        ...newIdentity(service.random.uuid(), body, nowOf(service)),
        silo_id: actorOf(context).siloId,
      }
      await store.transaction(async (tx) => {
        await orAlreadyExists('project', body.name, () => insertProject(tx, row))
        await createVpc(tx, service, row, {
          name: 'default',
          description: 'Default VPC',
          dns_name: 'default',
        })
      })
      return projectFromRow(row)
    },

    async project_view({ params, context }) {
      return projectFromRow(await selectProject(store.db, actorOf(context), params.project))
    },

    async project_update({ params, body, context }) {
      const { id, name } = await selectProject(store.db, actorOf(context), params.project)
      const change = identityChange(body, nowOf(service))
      return projectFromRow(
        await orAlreadyExists('project', change.name ?? name, () => updateProject(store.db, id, change)),
      )
    },

    async project_delete({ params, context }) {
      await store.transaction(async (tx) => {
        const { id } = await selectProject(tx, actorOf(context), params.project)
        const content = await firstInProject(tx, id)
        if (content !== undefined) {
          throw invalidRequest(`project to be deleted contains a ${content.type}: ${content.name}`)
        }
        await deleteProject(tx, id)
      })
    },
  }
}

export function projectFromRow(row: ProjectRow): Project {
  return identityFromRow(row)
}
