/** Groups of instances that are placed together, or apart. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import {
  identity,
  identityCreate,
  identityUpdate,
  inProject,
  listByNameOrId,
  maybeInProject,
  Name,
  NameOrId,
  Uuid,
} from './identity.ts'
import { InstanceState } from './instance.ts'

/** What happens to an instance that cannot be placed so: it is placed anyway, or not at all. */
export const AffinityPolicy = z.enum(['allow', 'fail']).meta({ id: 'AffinityPolicy' })
/** What "together" and "apart" are measured by. */
export const FailureDomain = z.enum(['sled']).meta({ id: 'FailureDomain' })

const groupFields = { policy: AffinityPolicy, failure_domain: FailureDomain }
const memberFields = {
  type: z.literal('instance'),
  value: z.object({ id: Uuid, name: Name, run_state: InstanceState }),
}

export const AffinityGroup = z.object({ ...identity, project_id: Uuid, ...groupFields }).meta({ id: 'AffinityGroup' })
export type AffinityGroup = z.output<typeof AffinityGroup>
export const AffinityGroupMember = z.object(memberFields).meta({ id: 'AffinityGroupMember' })
export type AffinityGroupMember = z.output<typeof AffinityGroupMember>

export const AntiAffinityGroup = z
  .object({ ...identity, project_id: Uuid, ...groupFields })
  .meta({ id: 'AntiAffinityGroup' })
export type AntiAffinityGroup = z.output<typeof AntiAffinityGroup>
export const AntiAffinityGroupMember = z.object(memberFields).meta({ id: 'AntiAffinityGroupMember' })
export type AntiAffinityGroupMember = z.output<typeof AntiAffinityGroupMember>

const tags = ['affinity']
const listQuery = z.object({ ...listByNameOrId, project: NameOrId.optional() })
const ofInstance = z.object({ instance: NameOrId })

const affinityParams = z.object({ affinity_group: NameOrId })
const affinityMemberParams = z.object({ affinity_group: NameOrId, instance: NameOrId })

const antiAffinityParams = z.object({ anti_affinity_group: NameOrId })
const antiAffinityMemberParams = z.object({ anti_affinity_group: NameOrId, instance: NameOrId })

export const affinityEndpoints = [
  endpoint({
    operationId: 'affinity_group_list',
    method: 'GET',
    path: '/v1/affinity-groups',
    tags,
    summary: 'List groups of instances that are placed together',
    query: listQuery,
    response: { status: 200, schema: pageOf(AffinityGroup) },
    paginated: true,
  }),
  endpoint({
    operationId: 'affinity_group_create',
    method: 'POST',
    path: '/v1/affinity-groups',
    tags,
    summary: 'Create a group of instances that are placed together',
    query: inProject,
    body: z.object({ ...identityCreate, ...groupFields }).meta({ id: 'AffinityGroupCreate' }),
    response: { status: 201, schema: AffinityGroup },
  }),
  endpoint({
    operationId: 'affinity_group_view',
    method: 'GET',
    path: '/v1/affinity-groups/{affinity_group}',
    tags,
    summary: 'View a group',
    params: affinityParams,
    query: maybeInProject,
    response: { status: 200, schema: AffinityGroup },
  }),
  endpoint({
    operationId: 'affinity_group_update',
    method: 'PUT',
    path: '/v1/affinity-groups/{affinity_group}',
    tags,
    summary: 'Rename or describe a group',
    params: affinityParams,
    query: maybeInProject,
    body: z.object(identityUpdate).meta({ id: 'AffinityGroupUpdate' }),
    response: { status: 200, schema: AffinityGroup },
  }),
  endpoint({
    operationId: 'affinity_group_delete',
    method: 'DELETE',
    path: '/v1/affinity-groups/{affinity_group}',
    tags,
    summary: 'Delete a group; its members stay where they are',
    params: affinityParams,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'affinity_group_member_list',
    method: 'GET',
    path: '/v1/affinity-groups/{affinity_group}/members',
    tags,
    summary: 'List the members of a group',
    params: affinityParams,
    query: listQuery,
    response: { status: 200, schema: pageOf(AffinityGroupMember) },
    paginated: true,
  }),
  endpoint({
    operationId: 'affinity_group_member_instance_view',
    method: 'GET',
    path: '/v1/affinity-groups/{affinity_group}/members/instance/{instance}',
    tags,
    summary: 'View a member of a group',
    params: affinityMemberParams,
    query: maybeInProject,
    response: { status: 200, schema: AffinityGroupMember },
  }),
  endpoint({
    operationId: 'affinity_group_member_instance_add',
    method: 'POST',
    path: '/v1/affinity-groups/{affinity_group}/members/instance/{instance}',
    tags,
    summary: 'Make a stopped instance a member of a group',
    params: affinityMemberParams,
    query: maybeInProject,
    response: { status: 201, schema: AffinityGroupMember },
  }),
  endpoint({
    operationId: 'affinity_group_member_instance_delete',
    method: 'DELETE',
    path: '/v1/affinity-groups/{affinity_group}/members/instance/{instance}',
    tags,
    summary: 'Take an instance out of a group',
    params: affinityMemberParams,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'instance_affinity_group_list',
    method: 'GET',
    path: '/v1/instances/{instance}/affinity-groups',
    tags,
    summary: 'List the groups of an instance',
    params: ofInstance,
    query: listQuery,
    response: { status: 200, schema: pageOf(AffinityGroup) },
    paginated: true,
  }),
  endpoint({
    operationId: 'anti_affinity_group_list',
    method: 'GET',
    path: '/v1/anti-affinity-groups',
    tags,
    summary: 'List groups of instances that are placed apart',
    query: listQuery,
    response: { status: 200, schema: pageOf(AntiAffinityGroup) },
    paginated: true,
  }),
  endpoint({
    operationId: 'anti_affinity_group_create',
    method: 'POST',
    path: '/v1/anti-affinity-groups',
    tags,
    summary: 'Create a group of instances that are placed apart',
    query: inProject,
    body: z.object({ ...identityCreate, ...groupFields }).meta({ id: 'AntiAffinityGroupCreate' }),
    response: { status: 201, schema: AntiAffinityGroup },
  }),
  endpoint({
    operationId: 'anti_affinity_group_view',
    method: 'GET',
    path: '/v1/anti-affinity-groups/{anti_affinity_group}',
    tags,
    summary: 'View a group',
    params: antiAffinityParams,
    query: maybeInProject,
    response: { status: 200, schema: AntiAffinityGroup },
  }),
  endpoint({
    operationId: 'anti_affinity_group_update',
    method: 'PUT',
    path: '/v1/anti-affinity-groups/{anti_affinity_group}',
    tags,
    summary: 'Rename or describe a group',
    params: antiAffinityParams,
    query: maybeInProject,
    body: z.object(identityUpdate).meta({ id: 'AntiAffinityGroupUpdate' }),
    response: { status: 200, schema: AntiAffinityGroup },
  }),
  endpoint({
    operationId: 'anti_affinity_group_delete',
    method: 'DELETE',
    path: '/v1/anti-affinity-groups/{anti_affinity_group}',
    tags,
    summary: 'Delete a group; its members stay where they are',
    params: antiAffinityParams,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'anti_affinity_group_member_list',
    method: 'GET',
    path: '/v1/anti-affinity-groups/{anti_affinity_group}/members',
    tags,
    summary: 'List the members of a group',
    params: antiAffinityParams,
    query: listQuery,
    response: { status: 200, schema: pageOf(AntiAffinityGroupMember) },
    paginated: true,
  }),
  endpoint({
    operationId: 'anti_affinity_group_member_instance_view',
    method: 'GET',
    path: '/v1/anti-affinity-groups/{anti_affinity_group}/members/instance/{instance}',
    tags,
    summary: 'View a member of a group',
    params: antiAffinityMemberParams,
    query: maybeInProject,
    response: { status: 200, schema: AntiAffinityGroupMember },
  }),
  endpoint({
    operationId: 'anti_affinity_group_member_instance_add',
    method: 'POST',
    path: '/v1/anti-affinity-groups/{anti_affinity_group}/members/instance/{instance}',
    tags,
    summary: 'Make a stopped instance a member of a group',
    params: antiAffinityMemberParams,
    query: maybeInProject,
    response: { status: 201, schema: AntiAffinityGroupMember },
  }),
  endpoint({
    operationId: 'anti_affinity_group_member_instance_delete',
    method: 'DELETE',
    path: '/v1/anti-affinity-groups/{anti_affinity_group}/members/instance/{instance}',
    tags,
    summary: 'Take an instance out of a group',
    params: antiAffinityMemberParams,
    query: maybeInProject,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'instance_anti_affinity_group_list',
    method: 'GET',
    path: '/v1/instances/{instance}/anti-affinity-groups',
    tags,
    summary: 'List the groups of an instance',
    params: ofInstance,
    query: listQuery,
    response: { status: 200, schema: pageOf(AntiAffinityGroup) },
    paginated: true,
  }),
] as const
