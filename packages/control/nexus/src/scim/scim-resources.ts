/**
 * Users and groups of a silo as resources of SCIM (RFC 7643). The library reads and writes the protocol's documents, filters and patches;
 * here is what they become in the store. Of a user: `userName`, `externalId`, `active`. Of a group: `displayName`, `externalId`, `members`.
 * Other attributes are accepted and not kept.
 */
import SCIMMY from 'scimmy'
import { nowOf, type Service } from '../service.ts'
import { grantsOfResource, insertGrants } from '../store/role-grant.ts'
import { deleteCredentialsOfUser } from '../store/session.ts'
import type { SiloRow } from '../store/silo.ts'
import type { Db } from '../store/store.ts'
import {
  allGroups,
  allUsers,
  deleteGroup,
  deleteMember,
  deleteUser,
  groupByExternalId,
  groupOfSilo,
  insertGroup,
  insertMember,
  insertUser,
  type Membership,
  membersOfSilo,
  type SiloGroupRow,
  type SiloUserRow,
  updateGroup,
  updateUser,
  userByAnyCase,
  userOfSilo,
} from '../store/user.ts'

/** What the library hands on to the handlers below; one for each request. */
export interface ScimContext {
  readonly service: Service
  readonly silo: SiloRow
  /** The transaction that the request is served in. */
  readonly tx: Db
  /** What the store has refused: the library would make something else of it. */
  failure: unknown
}

interface Meta {
  readonly created: string
  readonly lastModified: string
}

/** What a client of the library's types would call a user or group; attributes that are absent are undefined. */
interface GivenUser {
  readonly userName?: string
  readonly externalId?: string
  readonly active?: boolean
}

interface GivenGroup {
  readonly displayName?: string
  readonly externalId?: string
  readonly members?: readonly { readonly value?: string }[]
}

const MAX_NAME = 512
export const BASE_PATH = '/scim/v2'

/** RFC 7644 §3.12. */
function scimError(status: number, type: string, message: string): Error {
  return new SCIMMY.Types.Error(status, type, message)
}

export const ScimUser: typeof SCIMMY.Resources.User = SCIMMY.Resources.declare(SCIMMY.Resources.User)
  .ingress((resource, instance, context: ScimContext) =>
    // because the library has parsed the document with the schema of users
    guarded(context, () => writeUser(context, resource.id, instance as GivenUser)),
  )
  .egress((resource, context: ScimContext) =>
    guarded(context, async () => {
      const { tx, silo } = context
      const memberships = await membersOfSilo(tx, silo.id)
      if (resource.id !== undefined) return userResource(await selectUser(context, resource.id), memberships)
      const users = (await allUsers(tx, silo.id)).map((row) => userResource(row, memberships))
      return resource.filter === undefined ? users : resource.filter.match(users)
    }),
  )
  .degress((resource, context: ScimContext) =>
    guarded(context, async () => deleteUser(context.tx, (await selectUser(context, resource.id)).id)),
  )

export const ScimGroup: typeof SCIMMY.Resources.Group = SCIMMY.Resources.declare(SCIMMY.Resources.Group)
  .ingress((resource, instance, context: ScimContext) =>
    // because the library has parsed the document with the schema of groups
    guarded(context, () => writeGroup(context, resource.id, instance as GivenGroup)),
  )
  .egress((resource, context: ScimContext) =>
    guarded(context, async () => {
      const { tx, silo } = context
      const memberships = await membersOfSilo(tx, silo.id)
      if (resource.id !== undefined) return groupResource(await selectGroup(context, resource.id), memberships)
      const groups = (await allGroups(tx, silo.id)).map((row) => groupResource(row, memberships))
      return resource.filter === undefined ? groups : resource.filter.match(groups)
    }),
  )
  .degress((resource, context: ScimContext) =>
    guarded(context, async () => deleteGroup(context.tx, (await selectGroup(context, resource.id)).id)),
  )

ScimUser.basepath(BASE_PATH)
ScimGroup.basepath(BASE_PATH)

async function guarded<T>(context: ScimContext, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof SCIMMY.Types.Error)) context.failure = error
    throw error
  }
}

async function writeUser(context: ScimContext, id: string | undefined, given: GivenUser) {
  const { service, silo, tx } = context
  const name = nameOf('userName', given.userName)
  const other = await userByAnyCase(tx, silo.id, name)
  if (other !== undefined && other.id !== id) throw scimError(409, 'uniqueness', `there is a user called ${name}`)
  const now = nowOf(service)
  const fields = {
    external_id: name,
    scim_external_id: given.externalId ?? null,
    is_active: given.active ?? true,
    time_modified: now,
  }
  if (id === undefined) {
    const row: SiloUserRow = {
      ...fields,
      id: service.random.uuid(),
      silo_id: silo.id,
      password_hash: null,
      time_created: now,
    }
    await insertUser(tx, row)
    return userResource(row, [])
  }
  const known = await selectUser(context, id)
  await updateUser(tx, id, fields)
  // An account out of use opens nothing any more, from now on.
  if (!fields.is_active) await deleteCredentialsOfUser(tx, id)
  return userResource({ ...known, ...fields }, await membersOfSilo(tx, silo.id))
}

async function writeGroup(context: ScimContext, id: string | undefined, given: GivenGroup) {
  const { service, silo, tx } = context
  const name = nameOf('displayName', given.displayName)
  const other = await groupByExternalId(tx, silo.id, name)
  if (other !== undefined && other.id !== id) throw scimError(409, 'uniqueness', `there is a group called ${name}`)
  const now = nowOf(service)
  const fields = { external_id: name, scim_external_id: given.externalId ?? null, time_modified: now }
  let row: SiloGroupRow
  if (id === undefined) {
    row = { ...fields, id: service.random.uuid(), silo_id: silo.id, time_created: now }
    await insertGroup(tx, row)
  } else {
    row = { ...(await selectGroup(context, id)), ...fields }
    await updateGroup(tx, id, fields)
  }
  await setMembers(context, row.id, given.members ?? [])
  if (name === silo.admin_group_name) await grantAdmin(context, row.id)
  return groupResource(row, await membersOfSilo(tx, silo.id))
}

async function setMembers(
  context: ScimContext,
  groupId: string,
  members: NonNullable<GivenGroup['members']>,
): Promise<void> {
  const { tx, silo } = context
  const wanted = new Set<string>()
  for (const { value } of members) {
    if (value === undefined || (await userOfSilo(tx, silo.id, uuidOf(value))) === undefined) {
      throw scimError(400, 'invalidValue', `members: there is no user with id ${value}`)
    }
    wanted.add(value.toLowerCase())
  }
  for (const { group_id, user_id } of await membersOfSilo(tx, silo.id)) {
    if (group_id === groupId && !wanted.delete(user_id)) await deleteMember(tx, groupId, user_id)
  }
  for (const userId of wanted) await insertMember(tx, groupId, userId)
}

/** The silo's admin group, by its name, administers the silo. */
async function grantAdmin({ tx, silo }: ScimContext, groupId: string): Promise<void> {
  const resource = { type: 'silo' as const, id: silo.id }
  const grants = await grantsOfResource(tx, resource)
  if (grants.some(({ identity_id, role }) => identity_id === groupId && role === 'admin')) return
  const grant = { resource_type: resource.type, resource_id: resource.id, role: 'admin' }
  await insertGrants(tx, [{ ...grant, identity_type: 'silo_group', identity_id: groupId }])
}

async function selectUser({ tx, silo }: ScimContext, id: string | undefined): Promise<SiloUserRow> {
  const row = id === undefined ? undefined : await userOfSilo(tx, silo.id, uuidOf(id))
  if (row === undefined) throw scimError(404, '', `Resource ${id} not found`)
  return row
}

async function selectGroup({ tx, silo }: ScimContext, id: string | undefined): Promise<SiloGroupRow> {
  const row = id === undefined ? undefined : await groupOfSilo(tx, silo.id, uuidOf(id))
  if (row === undefined) throw scimError(404, '', `Resource ${id} not found`)
  return row
}

/** Of what is no UUID the store would not know what to make. */
function uuidOf(id: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id) ? id : '00000000-0000-0000-0000-000000000000'
}

function nameOf(attribute: string, value: string | undefined): string {
  const name = value?.trim() ?? ''
  if (name === '' || name.length > MAX_NAME) {
    throw scimError(400, 'invalidValue', `${attribute}: it must have 1 to ${MAX_NAME} characters`)
  }
  return name
}

function userResource(row: SiloUserRow, memberships: readonly Membership[]) {
  const groups = memberships.filter(({ user_id }) => user_id === row.id)
  return {
    id: row.id,
    userName: row.external_id,
    displayName: row.external_id,
    active: row.is_active,
    ...(row.scim_external_id === null ? {} : { externalId: row.scim_external_id }),
    ...(groups.length === 0
      ? {}
      : { groups: groups.map(({ group_id, group_name }) => ({ value: group_id, display: group_name })) }),
    meta: metaOf(row),
  }
}

function groupResource(row: SiloGroupRow, memberships: readonly Membership[]) {
  const members = memberships.filter(({ group_id }) => group_id === row.id)
  return {
    id: row.id,
    displayName: row.external_id,
    ...(row.scim_external_id === null ? {} : { externalId: row.scim_external_id }),
    members: members.map(({ user_id, user_name }) => ({ value: user_id, display: user_name, type: 'User' })),
    meta: metaOf(row),
  }
}

function metaOf({ time_created, time_modified }: { time_created: Date; time_modified: Date }): Meta {
  return { created: time_created.toISOString(), lastModified: time_modified.toISOString() }
}
