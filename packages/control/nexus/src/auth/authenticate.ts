/**
 * From the headers of a request to an actor: a session cookie or a bearer token. Sessions end after 8 idle hours and
 * after 24 hours in any case.
 */
import type { AuthMethod } from '@lodestone/contract-nexus'
import { type Holder, sessionHolder, tokenHolder } from '../store/credential.ts'
import { deleteSession, touchSession } from '../store/session.ts'
import type { Db } from '../store/store.ts'
import {
  type FleetRole,
  higherFleetRole,
  higherSiloRole,
  mappedFleetRole,
  type ProjectRole,
  type SiloRole,
} from './role.ts'
import { secretDigest } from './secret.ts'

export interface Credential {
  readonly method: AuthMethod
  readonly id: string
}

export interface Actor {
  readonly userId: string
  readonly userName: string
  readonly siloId: string
  readonly siloName: string
  readonly fleetRole: FleetRole | undefined
  readonly siloRole: SiloRole | undefined
  /** What the user has been given on single projects, by the project's id; the silo role comes on top. */
  readonly projectRoles: ReadonlyMap<string, ProjectRole>
  /** What they showed: a session or an access token. */
  readonly credential: Credential
  readonly timeCreated: Date
  readonly timeModified: Date
}

export const SESSION_IDLE_MS = 8 * 3_600_000
export const SESSION_ABSOLUTE_MS = 24 * 3_600_000
/** How old `time_last_used` may get before a request writes it again. */
const TOUCH_MS = 60_000
export const SESSION_COOKIE = 'session'
export const TOKEN_PREFIX = 'oxide-token-'

/** Undefined when there are no credentials or they are not valid; which of the two is for the log only. */
export async function authenticate(db: Db, headers: Headers, now: Date): Promise<Actor | undefined> {
  const bearer = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (bearer !== undefined) return tokenActor(db, bearer, now)
  const cookie = sessionCookie(headers)
  return cookie === undefined ? undefined : sessionActor(db, cookie, now)
}

export function sessionCookie(headers: Headers): string | undefined {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const [name, value] = part.trim().split('=')
    if (name === SESSION_COOKIE && value !== undefined && value !== '') return value
  }
  return undefined
}

async function tokenActor(db: Db, bearer: string, now: Date): Promise<Actor | undefined> {
  if (!bearer.startsWith(TOKEN_PREFIX)) return undefined
  const holder = await tokenHolder(db, secretDigest(bearer))
  if (holder === undefined || (holder.time_expires !== null && holder.time_expires <= now)) return undefined
  return actorFrom(holder, { method: 'access_token', id: holder.id })
}

async function sessionActor(db: Db, cookie: string, now: Date): Promise<Actor | undefined> {
  const digest = secretDigest(cookie)
  const holder = await sessionHolder(db, digest)
  if (holder === undefined) return undefined
  const idleMs = now.getTime() - holder.time_last_used.getTime()
  const ageMs = now.getTime() - holder.time_created.getTime()
  if (idleMs > SESSION_IDLE_MS || ageMs > SESSION_ABSOLUTE_MS) {
    await deleteSession(db, digest)
    return undefined
  }
  if (idleMs > TOUCH_MS) await touchSession(db, digest, now)
  return actorFrom(holder, { method: 'session_cookie', id: holder.id })
}

function actorFrom(holder: Holder, credential: Credential): Actor {
  let siloRole: SiloRole | undefined
  let ownFleetRole: FleetRole | undefined
  const projectRoles = new Map<string, ProjectRole>()
  for (const { resource_type, resource_id, role } of holder.grants) {
    // because only values of these unions are ever inserted
    if (resource_type === 'fleet') ownFleetRole = higherFleetRole(ownFleetRole, role as FleetRole)
    else if (resource_type === 'silo') {
      if (resource_id === holder.silo_id) siloRole = higherSiloRole(siloRole, role as SiloRole)
    } else {
      const highest = higherSiloRole(projectRoles.get(resource_id), role as ProjectRole)
      if (highest !== undefined) projectRoles.set(resource_id, highest)
    }
  }
  return {
    userId: holder.user_id,
    userName: holder.user_name,
    siloId: holder.silo_id,
    siloName: holder.silo_name,
    fleetRole: higherFleetRole(mappedFleetRole(holder.mapped_fleet_roles, siloRole), ownFleetRole),
    siloRole,
    projectRoles,
    credential,
    timeCreated: holder.user_time_created,
    timeModified: holder.user_time_modified,
  }
}
