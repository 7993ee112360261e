/** Login, the current user, device authorization (RFC 8628), access tokens, SSH keys. */
import { ApiFailure, invalidRequest, pageInMemory, Reply } from '@lodestone/api'
import { type CurrentUser, DEVICE_GRANT_TYPE, type SshKey } from '@lodestone/contract-nexus'
import { type Actor, sessionCookie, TOKEN_PREFIX } from '../auth/authenticate.ts'
import { actorOf } from '../auth/authorize.ts'
import { hashOfNobody, verifyPassword } from '../auth/password.ts'
import { endedSessionCookie, openSession } from '../auth/open-session.ts'
import { newSecret, newUserCode, secretDigest } from '../auth/secret.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import {
  type AccessTokenRow,
  confirmDeviceAuth,
  deleteAccessToken,
  deleteDeviceAuthsBefore,
  deleteSession,
  deleteSshKey,
  deviceAuthByCodeHash,
  deviceAuthByUserCode,
  insertAccessToken,
  insertDeviceAuth,
  insertSshKey,
  listAccessTokens,
  listSshKeys,
  sshKeyByRef,
  type SshKeyRow,
  takeDeviceAuth,
} from '../store/session.ts'
import { siloByRef } from '../store/silo.ts'
import { groupsOfUser, userByExternalId } from '../store/user.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'
import { selectSilo } from './silo.ts'
import { groupFromRow, tokenFromRow } from './user.ts'

const DEVICE_AUTH_LIFETIME_S = 300

type Ids =
  | 'ping'
  | 'login_local'
  | 'logout'
  | 'device_auth_request'
  | 'device_auth_confirm'
  | 'device_access_token'
  | 'current_user_view'
  | 'current_user_groups'
  | 'current_user_access_token_list'
  | 'current_user_access_token_delete'
  | 'current_user_ssh_key_list'
  | 'current_user_ssh_key_create'
  | 'current_user_ssh_key_view'
  | 'current_user_ssh_key_delete'

export function sessionHandlers(service: Service): HandlersOf<Ids> {
  const { store, random } = service
  // Verified when the user does not exist, so that the answer takes as long as for one who does.
  const nobody = hashOfNobody(random, service.passwordCost)
  return {
    ping: () => ({ status: 'ok' }),

    async login_local({ params, body, request }) {
      const silo = await siloByRef(store.db, params.silo_name)
      const isLocal = silo?.identity_mode === 'local_only'
      const user = isLocal ? await userByExternalId(store.db, silo.id, body.username) : undefined
      const hash = user?.password_hash
      const isRight = verifyPassword(hash ?? nobody, body.password)
      if (user === undefined || hash == null || !isRight) {
        throw new ApiFailure({ kind: 'unauthenticated', internal: `login of ${body.username} failed` })
      }
      return new Reply(undefined, { 'set-cookie': await openSession(service, store.db, request, user.id) })
    },

    async logout({ request }) {
      const secret = sessionCookie(request.headers)
      if (secret !== undefined) await deleteSession(store.db, secretDigest(secret))
      return new Reply(undefined, { 'set-cookie': endedSessionCookie(request) })
    },

    current_user_view: ({ context }) => currentUser(actorOf(context)),
    async current_user_groups({ query, context }) {
      const groups = await groupsOfUser(store.db, actorOf(context).userId)
      return pageInMemory(groups.map(groupFromRow), query, (group) => group.id)
    },

    ...deviceHandlers(service),

    async current_user_access_token_list({ query, context }) {
      const scan = scanOf(query, 'id_ascending')
      const rows = await listAccessTokens(store.db, actorOf(context).userId, scan)
      return pageOfRows(rows, scan, tokenFromRow)
    },
    async current_user_access_token_delete({ params, context }) {
      const isGone = await deleteAccessToken(store.db, actorOf(context).userId, params.token_id)
      if (!isGone) throw notFound('device-access-token', params.token_id)
    },

    async current_user_ssh_key_list({ query, context }) {
      const scan = scanOf(query)
      return pageOfRows(await listSshKeys(store.db, actorOf(context).userId, scan), scan, sshKeyFromRow)
    },
    async current_user_ssh_key_create({ body, context }) {
      const row: SshKeyRow = {
        ...newIdentity(random.uuid(), body, nowOf(service)),
        user_id: actorOf(context).userId,
        public_key: body.public_key,
      }
      await orAlreadyExists('ssh-key', body.name, () => insertSshKey(store.db, row))
      return sshKeyFromRow(row)
    },
    async current_user_ssh_key_view({ params, context }) {
      return sshKeyFromRow(await selectSshKey(service, actorOf(context), params.ssh_key))
    },
    async current_user_ssh_key_delete({ params, context }) {
      await deleteSshKey(store.db, (await selectSshKey(service, actorOf(context), params.ssh_key)).id)
    },
  }
}

type DeviceIds = 'device_auth_request' | 'device_auth_confirm' | 'device_access_token'

function deviceHandlers(service: Service): HandlersOf<DeviceIds> {
  const { store, random } = service
  return {
    async device_auth_request({ body, request }) {
      const deviceCode = newSecret(random)
      const userCode = newUserCode(random)
      const now = service.clock.wallMs()
      // Anybody may ask. What nobody has fetched a good while after it expired goes, so the table does not grow for ever.
      await deleteDeviceAuthsBefore(store.db, new Date(now - DEVICE_AUTH_LIFETIME_S * 1000))
      await insertDeviceAuth(store.db, {
        user_code: userCode,
        device_code_hash: secretDigest(deviceCode),
        client_id: body.client_id,
        ttl_s: body.ttl_seconds ?? null,
        user_id: null,
        time_expires: new Date(now + DEVICE_AUTH_LIFETIME_S * 1000),
      })
      return {
        device_code: deviceCode,
        user_code: userCode,
        verification_uri: new URL('/device/verify', request.url).href,
        expires_in: DEVICE_AUTH_LIFETIME_S,
      }
    },

    async device_auth_confirm({ body, context }) {
      const pending = await deviceAuthByUserCode(store.db, body.user_code)
      if (pending === undefined || pending.time_expires <= nowOf(service)) throw unknownCode()
      const { siloId, userId } = actorOf(context)
      const longest = (await selectSilo(store.db, siloId)).device_token_max_ttl_s
      if (longest !== null && pending.ttl_s !== null && pending.ttl_s > longest) {
        throw invalidRequest(`the token is to live ${pending.ttl_s} s, and the silo allows at most ${longest}`)
      }
      if (!(await confirmDeviceAuth(store.db, pending.user_code, userId, pending.ttl_s ?? longest))) throw unknownCode()
    },

    async device_access_token({ body }) {
      // RFC 6749 §5.2 and RFC 8628 §3.5: these errors have a shape of their own.
      if (body.grant_type !== DEVICE_GRANT_TYPE) return oauthError('unsupported_grant_type')
      const pending = await deviceAuthByCodeHash(store.db, secretDigest(body.device_code))
      if (pending === undefined || pending.client_id !== body.client_id) return oauthError('invalid_grant')
      const now = nowOf(service)
      if (pending.time_expires <= now) return oauthError('expired_token')
      const userId = pending.user_id
      if (userId === null) return oauthError('authorization_pending')
      const token = `${TOKEN_PREFIX}${newSecret(random)}`
      const row: AccessTokenRow = {
        id: random.uuid(),
        token_hash: secretDigest(token),
        user_id: userId,
        client_id: pending.client_id,
        time_created: now,
        time_expires: pending.ttl_s === null ? null : new Date(now.getTime() + pending.ttl_s * 1000),
      }
      const isFirst = await store.transaction(async (tx) => {
        const isTaken = await takeDeviceAuth(tx, pending.user_code)
        if (isTaken) await insertAccessToken(tx, row)
        return isTaken
      })
      if (!isFirst) return oauthError('invalid_grant')
      return {
        access_token: token,
        token_type: 'bearer' as const,
        token_id: row.id,
        time_expires: row.time_expires?.toISOString() ?? null,
      }
    },
  }
}

export function sshKeyFromRow(row: SshKeyRow): SshKey {
  return { ...identityFromRow(row), silo_user_id: row.user_id, public_key: row.public_key }
}

async function selectSshKey(service: Service, actor: Actor, ref: string): Promise<SshKeyRow> {
  const row = await sshKeyByRef(service.store.db, actor.userId, ref)
  if (row === undefined) throw notFound('ssh-key', ref)
  return row
}

function currentUser(actor: Actor): CurrentUser {
  return {
    id: actor.userId,
    display_name: actor.userName,
    silo_id: actor.siloId,
    silo_name: actor.siloName,
    fleet_viewer: actor.fleetRole !== undefined,
    silo_admin: actor.siloRole === 'admin',
    time_created: actor.timeCreated.toISOString(),
    time_modified: actor.timeModified.toISOString(),
  }
}

function unknownCode(): ApiFailure {
  return invalidRequest('the user code is unknown or has expired')
}

function oauthError(error: string): Response {
  return Response.json({ error }, { status: 400 })
}
