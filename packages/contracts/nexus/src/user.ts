/** Users and groups: as those of the caller's silo see them, and as the operator manages local ones. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { listById, NameOrId, Time, Uuid } from './identity.ts'

const identityOfSilo = { id: Uuid, display_name: z.string(), silo_id: Uuid, time_created: Time, time_modified: Time }

export const User = z.object(identityOfSilo).meta({ id: 'User' })
export type User = z.output<typeof User>
export const Group = z.object(identityOfSilo).meta({ id: 'Group' })
export type Group = z.output<typeof Group>

export const ConsoleSession = z
  .object({ id: Uuid, time_created: Time, time_last_used: Time })
  .meta({ id: 'ConsoleSession' })

export const DeviceAccessToken = z
  .object({ id: Uuid, time_created: Time, time_expires: Time.nullable() })
  .meta({ id: 'DeviceAccessToken' })

/** What a user logs in with. A login name never looks like an id. */
const UserId = z
  .string()
  .min(1)
  .max(63)
  .regex(
    /^[a-z]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
    'user names begin with a lower case letter and contain letters, digits and "-"',
  )
  .meta({ id: 'UserId' })

export const UserPassword = z
  .discriminatedUnion('mode', [
    z.object({ mode: z.literal('password'), value: z.string().max(512) }),
    z.object({ mode: z.literal('login_disallowed') }),
  ])
  .meta({ id: 'UserPassword' })
export type UserPassword = z.output<typeof UserPassword>

const user = z.object({ user_id: Uuid })
const inSilo = z.object({ silo: NameOrId })
const maybeInSilo = z.object({ silo: NameOrId.optional() })

export const userEndpoints = [
  endpoint({
    operationId: 'user_list',
    method: 'GET',
    path: '/v1/users',
    tags: ['silos'],
    summary: 'List the users of the silo, or of one of its groups',
    query: z.object({ group: Uuid.optional(), ...listById }),
    response: { status: 200, schema: pageOf(User) },
    paginated: true,
  }),
  endpoint({
    operationId: 'user_view',
    method: 'GET',
    path: '/v1/users/{user_id}',
    tags: ['silos'],
    summary: 'View a user of the silo',
    params: user,
    response: { status: 200, schema: User },
  }),
  endpoint({
    operationId: 'user_token_list',
    method: 'GET',
    path: '/v1/users/{user_id}/access-tokens',
    tags: ['silos'],
    summary: 'List the access tokens of a user',
    params: user,
    query: z.object(listById),
    response: { status: 200, schema: pageOf(DeviceAccessToken) },
    paginated: true,
  }),
  endpoint({
    operationId: 'user_session_list',
    method: 'GET',
    path: '/v1/users/{user_id}/sessions',
    tags: ['silos'],
    summary: 'List the console sessions of a user',
    params: user,
    query: z.object(listById),
    response: { status: 200, schema: pageOf(ConsoleSession) },
    paginated: true,
  }),
  endpoint({
    operationId: 'user_logout',
    method: 'POST',
    path: '/v1/users/{user_id}/logout',
    tags: ['silos'],
    summary: 'End every session and access token of a user',
    params: user,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'group_list',
    method: 'GET',
    path: '/v1/groups',
    tags: ['silos'],
    summary: 'List the groups of the silo',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(Group) },
    paginated: true,
  }),
  endpoint({
    operationId: 'group_view',
    method: 'GET',
    path: '/v1/groups/{group_id}',
    tags: ['silos'],
    summary: 'View a group of the silo',
    params: z.object({ group_id: Uuid }),
    response: { status: 200, schema: Group },
  }),
  endpoint({
    operationId: 'silo_user_list',
    method: 'GET',
    path: '/v1/system/users',
    tags: ['system/silos'],
    summary: 'List the users of any silo',
    query: maybeInSilo.extend(listById),
    response: { status: 200, schema: pageOf(User) },
    paginated: true,
  }),
  endpoint({
    operationId: 'silo_user_view',
    method: 'GET',
    path: '/v1/system/users/{user_id}',
    tags: ['system/silos'],
    summary: 'View a user of any silo',
    params: user,
    query: inSilo,
    response: { status: 200, schema: User },
  }),
  endpoint({
    operationId: 'local_idp_user_create',
    method: 'POST',
    path: '/v1/system/identity-providers/local/users',
    tags: ['system/silos'],
    summary: 'Create a user of a silo whose users are local',
    query: inSilo,
    body: z.object({ external_id: UserId, password: UserPassword }).meta({ id: 'UserCreate' }),
    response: { status: 201, schema: User },
  }),
  endpoint({
    operationId: 'local_idp_user_delete',
    method: 'DELETE',
    path: '/v1/system/identity-providers/local/users/{user_id}',
    tags: ['system/silos'],
    summary: 'Delete a local user, with sessions, tokens and roles',
    params: user,
    query: inSilo,
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'local_idp_user_set_password',
    method: 'POST',
    path: '/v1/system/identity-providers/local/users/{user_id}/set-password',
    tags: ['system/silos'],
    summary: 'Set or take away the password of a local user',
    params: user,
    query: inSilo,
    body: UserPassword,
    response: { status: 204 },
  }),
] as const
