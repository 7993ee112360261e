/** Affinity and anti-affinity groups: the same in everything but what they want of sleds. */
import { invalidRequest, type Page } from '@lodestone/api'
import type { AffinityGroup, AffinityGroupMember } from '@lodestone/contract-nexus'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type RequestContext, type Service } from '../service.ts'
import type { InstanceRow } from '../store/instance.ts'
import {
  deleteGroupMember,
  deletePlacementGroup,
  insertGroupMember,
  insertPlacementGroup,
  isGroupMember,
  listGroupMembers,
  listGroups,
  listGroupsOfInstance,
  type PlacementGroupRow,
  type PlacementKind,
  updateGroup,
} from '../store/placement-group.ts'
import { isId, pageOfRows, type PageQuery, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound, selectInstance, selectPlacementGroup, selectProject } from './selector.ts'

type GroupIds<Kind extends PlacementKind> =
  | `${Kind}_group_list`
  | `${Kind}_group_create`
  | `${Kind}_group_view`
  | `${Kind}_group_update`
  | `${Kind}_group_delete`
  | `${Kind}_group_member_list`
  | `${Kind}_group_member_instance_view`
  | `${Kind}_group_member_instance_add`
  | `${Kind}_group_member_instance_delete`
  | `instance_${Kind}_group_list`

interface InProject {
  readonly query: { readonly project?: string | undefined }
  readonly context: RequestContext
}
type ListCall = InProject & { readonly query: PageQuery }

export function affinityHandlers(service: Service): HandlersOf<GroupIds<'affinity'> | GroupIds<'anti_affinity'>> {
  const together = groupOperations(service, 'affinity')
  const apart = groupOperations(service, 'anti_affinity')
  return {
    affinity_group_list: (call) => together.list(call),
    affinity_group_create: (call) => together.create(call),
    affinity_group_view: (call) => together.view(call.params.affinity_group, call),
    affinity_group_update: (call) => together.update(call.params.affinity_group, call),
    affinity_group_delete: (call) => together.remove(call.params.affinity_group, call),
    affinity_group_member_list: (call) => together.members(call.params.affinity_group, call),
    affinity_group_member_instance_view: (call) => together.member(call.params.affinity_group, call),
    affinity_group_member_instance_add: (call) => together.addMember(call.params.affinity_group, call),
    affinity_group_member_instance_delete: (call) => together.removeMember(call.params.affinity_group, call),
    instance_affinity_group_list: (call) => together.ofInstance(call),
    anti_affinity_group_list: (call) => apart.list(call),
    anti_affinity_group_create: (call) => apart.create(call),
    anti_affinity_group_view: (call) => apart.view(call.params.anti_affinity_group, call),
    anti_affinity_group_update: (call) => apart.update(call.params.anti_affinity_group, call),
    anti_affinity_group_delete: (call) => apart.remove(call.params.anti_affinity_group, call),
    anti_affinity_group_member_list: (call) => apart.members(call.params.anti_affinity_group, call),
    anti_affinity_group_member_instance_view: (call) => apart.member(call.params.anti_affinity_group, call),
    anti_affinity_group_member_instance_add: (call) => apart.addMember(call.params.anti_affinity_group, call),
    anti_affinity_group_member_instance_delete: (call) => apart.removeMember(call.params.anti_affinity_group, call),
    instance_anti_affinity_group_list: (call) => apart.ofInstance(call),
  }
}

interface GroupCreate {
  readonly name: string
  readonly description: string
  readonly policy: PlacementGroupRow['policy']
}

interface GroupUpdate {
  readonly name?: string | null | undefined
  readonly description?: string | null | undefined
}

type MemberCall = InProject & { readonly params: { readonly instance: string } }

function groupOperations(service: Service, kind: PlacementKind) {
  const { store } = service
  const type = kind === 'affinity' ? 'affinity-group' : 'anti-affinity-group'
  const select = (db: Db, ref: string, { query, context }: InProject): Promise<PlacementGroupRow> =>
    selectPlacementGroup(db, actorOf(context), kind, ref, query)
  /** Where a group and an instance are named, the project is there for whichever of the two is given by name. */
  const selectBoth = async (
    db: Db,
    ref: string,
    { params, query, context }: MemberCall,
  ): Promise<{ group: PlacementGroupRow; instance: InstanceRow }> => {
    const group = await selectPlacementGroup(db, actorOf(context), kind, ref, isId(ref) ? {} : query)
    const isInstanceId = isId(params.instance)
    const instance = await selectInstance(db, actorOf(context), params.instance, isInstanceId ? {} : query)
    if (instance.project_id !== group.project_id) throw notFound('instance', params.instance)
    return { group, instance }
  }
  return {
    async list({ query, context }: ListCall): Promise<Page<AffinityGroup>> {
      if (query.project === undefined) throw invalidRequest('query string: missing field `project`')
      const { id } = await selectProject(store.db, actorOf(context), query.project)
      const scan = scanOf(query)
      return pageOfRows(await listGroups(store.db, kind, id, scan), scan, groupFromRow)
    },
    async create(call: InProject & { query: { project: string }; body: GroupCreate }): Promise<AffinityGroup> {
      const { query, context, body } = call
      const { id } = await selectProject(store.db, actorOf(context), query.project)
      const row: PlacementGroupRow = {
        ...newIdentity(service.random.uuid(), body, nowOf(service)),
        project_id: id,
        kind,
        policy: body.policy,
      }
      await orAlreadyExists(type, body.name, () => insertPlacementGroup(store.db, row))
      return groupFromRow(row)
    },
    view: async (ref: string, call: InProject): Promise<AffinityGroup> =>
      groupFromRow(await select(store.db, ref, call)),
    async update(ref: string, call: InProject & { body: GroupUpdate }): Promise<AffinityGroup> {
      const { id, name } = await select(store.db, ref, call)
      const change = identityChange(call.body, nowOf(service))
      return groupFromRow(await orAlreadyExists(type, change.name ?? name, () => updateGroup(store.db, id, change)))
    },
    async remove(ref: string, call: InProject): Promise<void> {
      await deletePlacementGroup(store.db, (await select(store.db, ref, call)).id)
    },
    async members(ref: string, call: ListCall): Promise<Page<AffinityGroupMember>> {
      const scan = scanOf(call.query)
      const { id } = await select(store.db, ref, call)
      return pageOfRows(await listGroupMembers(store.db, id, scan), scan, memberFromRow)
    },
    async member(ref: string, call: MemberCall): Promise<AffinityGroupMember> {
      const { group, instance } = await selectBoth(store.db, ref, call)
      if (!(await isGroupMember(store.db, group.id, instance.id)))
        throw notFound(`${type}-member`, call.params.instance)
      return memberFromRow(instance)
    },
    addMember: (ref: string, call: MemberCall): Promise<AffinityGroupMember> =>
      store.transaction(async (tx) => {
        const { group, instance } = await selectBoth(tx, ref, call)
        // Nobody is moved: whoever is placed already might be in the wrong place.
        if (instance.sled_id !== null) throw invalidRequest('instance must be stopped to be added to a group')
        await orAlreadyExists(`${type}-member`, instance.name, () => insertGroupMember(tx, group.id, instance.id))
        return memberFromRow(instance)
      }),
    async removeMember(ref: string, call: MemberCall): Promise<void> {
      const { group, instance } = await selectBoth(store.db, ref, call)
      if (!(await deleteGroupMember(store.db, group.id, instance.id)))
        throw notFound(`${type}-member`, call.params.instance)
    },
    async ofInstance({ params, query, context }: ListCall & MemberCall): Promise<Page<AffinityGroup>> {
      const scan = scanOf(query)
      const { id } = await selectInstance(store.db, actorOf(context), params.instance, query)
      return pageOfRows(await listGroupsOfInstance(store.db, kind, id, scan), scan, groupFromRow)
    },
  }
}

function groupFromRow(row: PlacementGroupRow): AffinityGroup {
  return { ...identityFromRow(row), project_id: row.project_id, policy: row.policy, failure_domain: 'sled' }
}

function memberFromRow(row: InstanceRow): AffinityGroupMember {
  return { type: 'instance', value: { id: row.id, name: row.name, run_state: row.run_state } }
}
