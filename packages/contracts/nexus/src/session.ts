/** Who is asking: login, the current user, device authorization (RFC 8628), SSH keys. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { identity, identityCreate, listById, listByNameOrId, Name, NameOrId, Time, Uuid } from './identity.ts'
import { DeviceAccessToken, Group } from './user.ts'

export const CurrentUser = z
  .object({
    id: Uuid,
    display_name: z.string(),
    silo_id: Uuid,
    silo_name: Name,
    fleet_viewer: z.boolean(),
    silo_admin: z.boolean(),
    time_created: Time,
    time_modified: Time,
  })
  .meta({ id: 'CurrentUser' })
export type CurrentUser = z.output<typeof CurrentUser>

export const SshKey = z.object({ ...identity, silo_user_id: Uuid, public_key: z.string() }).meta({ id: 'SshKey' })
export type SshKey = z.output<typeof SshKey>

export const DEVICE_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code'

const sshKey = z.object({ ssh_key: NameOrId })

export const sessionEndpoints = [
  endpoint({
    operationId: 'ping',
    method: 'GET',
    path: '/v1/ping',
    tags: ['system/status'],
    summary: 'Ping the API',
    response: { status: 200, schema: z.object({ status: z.enum(['ok']) }).meta({ id: 'Ping' }) },
  }),
  endpoint({
    operationId: 'login_local',
    method: 'POST',
    path: '/v1/login/{silo_name}/local',
    tags: ['login'],
    summary: 'Log in with user name and password',
    params: z.object({ silo_name: Name }),
    body: z
      .object({ username: z.string().min(1).max(63), password: z.string().max(512) })
      .meta({ id: 'UsernamePasswordCredentials' }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'logout',
    method: 'POST',
    path: '/v1/logout',
    tags: ['console-auth'],
    summary: 'End the session',
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'device_auth_request',
    method: 'POST',
    path: '/device/auth',
    tags: ['console-auth'],
    summary: 'Begin device authorization',
    body: z.object({ client_id: Uuid, ttl_seconds: z.int().min(1).optional() }).meta({ id: 'DeviceAuthRequest' }),
    bodyEncoding: 'form',
    response: {
      status: 200,
      schema: z
        .object({
          device_code: z.string(),
          user_code: z.string(),
          verification_uri: z.string(),
          expires_in: z.int(),
        })
        .meta({ id: 'DeviceAuthResponse' }),
    },
  }),
  endpoint({
    operationId: 'device_auth_confirm',
    method: 'POST',
    path: '/device/confirm',
    tags: ['console-auth'],
    summary: 'Confirm device authorization',
    body: z.object({ user_code: z.string() }).meta({ id: 'DeviceAuthVerify' }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'device_access_token',
    method: 'POST',
    path: '/device/token',
    tags: ['console-auth'],
    summary: 'Get the access token of a confirmed device',
    body: z
      .object({ grant_type: z.string(), device_code: z.string(), client_id: Uuid })
      .meta({ id: 'DeviceAccessTokenRequest' }),
    bodyEncoding: 'form',
    response: {
      status: 200,
      schema: z
        .object({
          access_token: z.string(),
          token_type: z.literal('bearer'),
          token_id: Uuid,
          time_expires: Time.nullable(),
        })
        .meta({ id: 'DeviceAccessTokenGrant' }),
    },
  }),
  endpoint({
    operationId: 'current_user_view',
    method: 'GET',
    path: '/v1/me',
    tags: ['current-user'],
    summary: 'View the current user',
    response: { status: 200, schema: CurrentUser },
  }),
  endpoint({
    operationId: 'current_user_groups',
    method: 'GET',
    path: '/v1/me/groups',
    tags: ['current-user'],
    summary: 'List the groups of the current user',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(Group) },
    paginated: true,
  }),
  endpoint({
    operationId: 'current_user_access_token_list',
    method: 'GET',
    path: '/v1/me/access-tokens',
    tags: ['tokens'],
    summary: 'List the access tokens of the current user',
    query: z.object(listById),
    response: { status: 200, schema: pageOf(DeviceAccessToken) },
    paginated: true,
  }),
  endpoint({
    operationId: 'current_user_access_token_delete',
    method: 'DELETE',
    path: '/v1/me/access-tokens/{token_id}',
    tags: ['tokens'],
    summary: 'Delete an access token of the current user',
    params: z.object({ token_id: Uuid }),
    response: { status: 204 },
  }),
  endpoint({
    operationId: 'current_user_ssh_key_list',
    method: 'GET',
    path: '/v1/me/ssh-keys',
    tags: ['current-user'],
    summary: 'List the SSH public keys of the current user',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(SshKey) },
    paginated: true,
  }),
  endpoint({
    operationId: 'current_user_ssh_key_create',
    method: 'POST',
    path: '/v1/me/ssh-keys',
    tags: ['current-user'],
    summary: 'Add an SSH public key',
    body: z.object({ ...identityCreate, public_key: z.string() }).meta({ id: 'SshKeyCreate' }),
    response: { status: 201, schema: SshKey },
  }),
  endpoint({
    operationId: 'current_user_ssh_key_view',
    method: 'GET',
    path: '/v1/me/ssh-keys/{ssh_key}',
    tags: ['current-user'],
    summary: 'View an SSH public key',
    params: sshKey,
    response: { status: 200, schema: SshKey },
  }),
  endpoint({
    operationId: 'current_user_ssh_key_delete',
    method: 'DELETE',
    path: '/v1/me/ssh-keys/{ssh_key}',
    tags: ['current-user'],
    summary: 'Delete an SSH public key',
    params: sshKey,
    response: { status: 204 },
  }),
] as const
