/** Roles: who has which on the fleet, a silo or a project. A policy is read and replaced whole. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { NameOrId, Uuid } from './identity.ts'

export const FleetRole = z.enum(['admin', 'collaborator', 'viewer']).meta({ id: 'FleetRole' })
export type FleetRole = z.output<typeof FleetRole>
const ROLES = ['admin', 'collaborator', 'limited_collaborator', 'viewer'] as const
export const SiloRole = z.enum(ROLES).meta({ id: 'SiloRole' })
export type SiloRole = z.output<typeof SiloRole>
export const ProjectRole = z.enum(ROLES).meta({ id: 'ProjectRole' })
export type ProjectRole = z.output<typeof ProjectRole>
export const IdentityType = z.enum(['silo_user', 'silo_group']).meta({ id: 'IdentityType' })
export type IdentityType = z.output<typeof IdentityType>

const MAX_ASSIGNMENTS = 64

function policyOf<Role extends z.ZodEnum>(name: string, role: Role) {
  const assignment = z
    .object({ identity_type: IdentityType, identity_id: Uuid, role_name: role })
    .meta({ id: `${name}RoleAssignment` })
  return z.object({ role_assignments: z.array(assignment).max(MAX_ASSIGNMENTS) }).meta({ id: `${name}Policy` })
}

export const FleetRolePolicy = policyOf('FleetRole', FleetRole)
export const SiloRolePolicy = policyOf('SiloRole', SiloRole)
export type SiloRolePolicy = z.output<typeof SiloRolePolicy>
export const ProjectRolePolicy = policyOf('ProjectRole', ProjectRole)

const project = z.object({ project: NameOrId })
const silo = z.object({ silo: NameOrId })

export const policyEndpoints = [
  endpoint({
    operationId: 'policy_view',
    method: 'GET',
    path: '/v1/policy',
    tags: ['silos'],
    summary: 'View the policy of the silo',
    response: { status: 200, schema: SiloRolePolicy },
  }),
  endpoint({
    operationId: 'policy_update',
    method: 'PUT',
    path: '/v1/policy',
    tags: ['silos'],
    summary: 'Replace the policy of the silo',
    body: SiloRolePolicy,
    response: { status: 200, schema: SiloRolePolicy },
  }),
  endpoint({
    operationId: 'project_policy_view',
    method: 'GET',
    path: '/v1/projects/{project}/policy',
    tags: ['projects'],
    summary: 'View the policy of a project',
    params: project,
    response: { status: 200, schema: ProjectRolePolicy },
  }),
  endpoint({
    operationId: 'project_policy_update',
    method: 'PUT',
    path: '/v1/projects/{project}/policy',
    tags: ['projects'],
    summary: 'Replace the policy of a project',
    params: project,
    body: ProjectRolePolicy,
    response: { status: 200, schema: ProjectRolePolicy },
  }),
  endpoint({
    operationId: 'system_policy_view',
    method: 'GET',
    path: '/v1/system/policy',
    tags: ['policy'],
    summary: 'View the policy of the fleet',
    response: { status: 200, schema: FleetRolePolicy },
  }),
  endpoint({
    operationId: 'system_policy_update',
    method: 'PUT',
    path: '/v1/system/policy',
    tags: ['policy'],
    summary: 'Replace the policy of the fleet',
    body: FleetRolePolicy,
    response: { status: 200, schema: FleetRolePolicy },
  }),
  endpoint({
    operationId: 'silo_policy_view',
    method: 'GET',
    path: '/v1/system/silos/{silo}/policy',
    tags: ['system/silos'],
    summary: 'View the policy of any silo',
    params: silo,
    response: { status: 200, schema: SiloRolePolicy },
  }),
  endpoint({
    operationId: 'silo_policy_update',
    method: 'PUT',
    path: '/v1/system/silos/{silo}/policy',
    tags: ['system/silos'],
    summary: 'Replace the policy of any silo',
    params: silo,
    body: SiloRolePolicy,
    response: { status: 200, schema: SiloRolePolicy },
  }),
] as const
