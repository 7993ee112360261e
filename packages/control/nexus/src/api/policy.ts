/** Policies: the roles that users and groups have on the fleet, a silo or a project. */
import { invalidRequest } from '@lodestone/api'
import type { FleetRole, IdentityType, ProjectRole, SiloRole } from '@lodestone/contract-nexus'
import { actorOf } from '../auth/authorize.ts'
import type { HandlersOf, Service } from '../service.ts'
import { FLEET_ID } from '../store/fleet.ts'
import { grantsOfResource, replaceGrants, type Resource } from '../store/role-grant.ts'
import { selectSilo } from './silo.ts'
import { selectProject } from './selector.ts'
import type { Db } from '../store/store.ts'
import { groupById, groupOfSilo, userById, userOfSilo } from '../store/user.ts'

type Ids =
  | 'policy_view'
  | 'policy_update'
  | 'project_policy_view'
  | 'project_policy_update'
  | 'system_policy_view'
  | 'system_policy_update'
  | 'silo_policy_view'
  | 'silo_policy_update'

interface Policy<Role extends string> {
  readonly role_assignments: { identity_type: IdentityType; identity_id: string; role_name: Role }[]
}

const FLEET: Resource = { type: 'fleet', id: FLEET_ID }

export function policyHandlers({ store }: Service): HandlersOf<Ids> {
  return {
    policy_view: ({ context }) => policyOf<SiloRole>(store.db, { type: 'silo', id: actorOf(context).siloId }),
    policy_update: ({ body, context }) =>
      store.transaction((tx) => {
        const { siloId } = actorOf(context)
        return replacePolicy(tx, { type: 'silo', id: siloId }, siloId, body)
      }),

    async project_policy_view({ params, context }) {
      const { id } = await selectProject(store.db, actorOf(context), params.project)
      return policyOf<ProjectRole>(store.db, { type: 'project', id })
    },
    project_policy_update: ({ params, body, context }) =>
      store.transaction(async (tx) => {
        const { id, silo_id } = await selectProject(tx, actorOf(context), params.project)
        return replacePolicy(tx, { type: 'project', id }, silo_id, body)
      }),

    system_policy_view: () => policyOf<FleetRole>(store.db, FLEET),
    system_policy_update: ({ body }) => store.transaction((tx) => replacePolicy(tx, FLEET, undefined, body)),

    async silo_policy_view({ params }) {
      const { id } = await selectSilo(store.db, params.silo)
      return policyOf<SiloRole>(store.db, { type: 'silo', id })
    },
    silo_policy_update: ({ params, body }) =>
      store.transaction(async (tx) => {
        const { id } = await selectSilo(tx, params.silo)
        return replacePolicy(tx, { type: 'silo', id }, id, body)
      }),
  }
}

async function policyOf<Role extends string>(db: Db, resource: Resource): Promise<Policy<Role>> {
  const rows = await grantsOfResource(db, resource)
  return {
    role_assignments: rows.map((row) => ({
      identity_type: row.identity_type,
      identity_id: row.identity_id,
      role_name: row.role as Role, // because only roles of the resource's kind are ever inserted
    })),
  }
}

/** @param siloId where the users and groups must be; undefined: in any silo. */
async function replacePolicy<Role extends string>(
  db: Db,
  resource: Resource,
  siloId: string | undefined,
  policy: Policy<Role>,
): Promise<Policy<Role>> {
  const seen = new Set<string>()
  for (const { identity_type, identity_id, role_name } of policy.role_assignments) {
    const key = `${identity_type} ${identity_id} ${role_name}`
    if (seen.has(key)) throw invalidRequest(`role_assignments: ${key} is there twice`)
    seen.add(key)
    if (!(await identityExists(db, siloId, identity_type, identity_id))) {
      throw invalidRequest(`role_assignments: there is no ${identity_type} with id ${identity_id}`)
    }
  }
  await replaceGrants(
    db,
    resource,
    policy.role_assignments.map(({ identity_type, identity_id, role_name }) => ({
      resource_type: resource.type,
      resource_id: resource.id,
      identity_type,
      identity_id,
      role: role_name,
    })),
  )
  return policyOf(db, resource)
}

async function identityExists(db: Db, siloId: string | undefined, type: IdentityType, id: string): Promise<boolean> {
  if (type === 'silo_group') {
    return (await (siloId === undefined ? groupById(db, id) : groupOfSilo(db, siloId, id))) !== undefined
  }
  return (await (siloId === undefined ? userById(db, id) : userOfSilo(db, siloId, id))) !== undefined
}
