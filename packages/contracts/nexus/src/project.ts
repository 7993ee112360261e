/** Projects: what instances, networks and addresses belong to. Names are unique in the caller's silo. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { identity, identityCreate, identityUpdate, listByNameOrId, NameOrId } from './identity.ts'

export const Project = z.object(identity).meta({ id: 'Project' })
export type Project = z.output<typeof Project>

const params = z.object({ project: NameOrId })
const tags = ['projects']

export const projectEndpoints = [
  endpoint({
    operationId: 'project_list',
    method: 'GET',
    path: '/v1/projects',
    tags,
    summary: 'List projects',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(Project) },
    paginated: true,
  }),
  endpoint({
    operationId: 'project_create',
    method: 'POST',
    path: '/v1/projects',
    tags,
    summary: 'Create a project, with a VPC called default',
    body: z.object(identityCreate).meta({ id: 'ProjectCreate' }),
    response: { status: 201, schema: Project },
  }),
  endpoint({
    operationId: 'project_view',
    method: 'GET',
    path: '/v1/projects/{project}',
    tags,
    summary: 'View a project',
    params,
    response: { status: 200, schema: Project },
  }),
  endpoint({
    operationId: 'project_update',
    method: 'PUT',
    path: '/v1/projects/{project}',
    tags,
    summary: 'Rename or describe a project',
    params,
    body: z.object(identityUpdate).meta({ id: 'ProjectUpdate' }),
    response: { status: 200, schema: Project },
  }),
  endpoint({
    operationId: 'project_delete',
    method: 'DELETE',
    path: '/v1/projects/{project}',
    tags,
    summary: 'Delete a project that contains nothing',
    params,
    response: { status: 204 },
  }),
] as const
