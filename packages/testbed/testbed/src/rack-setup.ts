/**
 * What has to be done once on a new rack before people can use it, all through the public API: an access token for the command
 * line, and the pool that external addresses come from.
 */
import { type CallResult, client, type HttpHandler } from '@lodestone/api'
import { DEVICE_GRANT_TYPE, nexusApi } from '@lodestone/contract-nexus'
import type { Random } from '@lodestone/host'
import type { PoolConfig, RackConfig } from './rack-config.ts'
import { DEFAULT_POOL, DEFAULT_POOL6 } from './rack-plan.ts'

export const RECOVERY = { silo: 'test-suite-silo', username: 'test-privileged', password: 'oxide' } as const
export const DEFAULT_POOL_NAME = 'default'
export const POOL6_NAME = 'ipv6'

/** @returns a bearer token of the recovery user. */
export async function obtainToken(
  nexus: HttpHandler,
  random: Random,
  recovery: RackConfig['recovery'] = RECOVERY,
): Promise<string> {
  const api = client(nexusApi, nexus, 'http://nexus')
  const { silo, username, password } = recovery
  const login = done(await api.login_local({ params: { silo_name: silo }, body: { username, password } }), 'log in')
  const cookie = login.headers.get('set-cookie')?.split(';')[0]
  if (cookie === undefined) throw new Error('the API gave no session cookie')
  const clientId = random.uuid()
  const device = done(await api.device_auth_request({ body: { client_id: clientId } }), 'ask for a token').value
  done(
    await api.device_auth_confirm({ headers: { cookie }, body: { user_code: device.user_code } }),
    'confirm the token',
  )
  const grant = done(
    await api.device_access_token({
      body: { grant_type: DEVICE_GRANT_TYPE, device_code: device.device_code, client_id: clientId },
    }),
    'get the token',
  ).value
  return grant.access_token
}

/** Whether a token is of the recovery user, and still good. */
export async function isTokenGood(
  nexus: HttpHandler,
  token: string,
  { username }: RackConfig['recovery'],
): Promise<boolean> {
  const api = client(nexusApi, nexus, 'http://nexus')
  const me = await api.current_user_view({ headers: { authorization: `Bearer ${token}` } })
  return me.ok && me.value.display_name === username && me.value.fleet_viewer
}

/** Makes the default pool of the plan. */
export function ensureDefaultPool(nexus: HttpHandler, token: string): Promise<void> {
  const link = { silo: RECOVERY.silo, isDefault: true }
  return ensurePool(nexus, token, { ...DEFAULT_POOL, name: DEFAULT_POOL_NAME }, link)
}

/**
 * Makes the plan's pool of IPv6 addresses. It is not the silo's default: with a default of each version every request for
 * an address would have to say which one it means.
 */
export function ensurePool6(nexus: HttpHandler, token: string): Promise<void> {
  const link = { silo: RECOVERY.silo, isDefault: false }
  return ensurePool(nexus, token, { ...DEFAULT_POOL6, name: POOL6_NAME }, link)
}

/** Makes a pool with its range and links it to a silo, where that is not so yet. */
export async function ensurePool(
  nexus: HttpHandler,
  token: string,
  { name: pool, first, last }: PoolConfig,
  link: { readonly silo: string; readonly isDefault: boolean },
): Promise<void> {
  const api = client(nexusApi, nexus, 'http://nexus')
  const headers = { authorization: `Bearer ${token}` }
  const existing = await api.system_ip_pool_view({ headers, params: { pool } })
  if (!existing.ok) {
    done(
      await api.system_ip_pool_create({
        headers,
        body: {
          name: pool,
          description: 'External addresses of this rack',
          ip_version: first.family === 4 ? 'v4' : 'v6',
        },
      }),
      'create the pool',
    )
  }
  const ranges = done(await api.system_ip_pool_range_list({ headers, params: { pool } }), 'list the ranges').value
  if (ranges.items.length === 0) {
    const range = { first: first.toString(), last: last.toString() }
    done(await api.system_ip_pool_range_add({ headers, params: { pool }, body: range }), 'add the range')
  }
  const silos = done(await api.system_ip_pool_silo_list({ headers, params: { pool } }), 'list the silos').value
  if (silos.items.length === 0) {
    done(
      await api.system_ip_pool_silo_link({
        headers,
        params: { pool },
        body: { silo: link.silo, is_default: link.isDefault },
      }),
      'link the pool',
    )
  }
}

/** The API is ours and was just started: when it refuses this, nothing can go on. */
function done<T>(result: CallResult<T>, what: string): Extract<CallResult<T>, { ok: true }> {
  if (result.ok) return result
  throw new Error(`rack setup could not ${what}: ${result.message}`)
}
