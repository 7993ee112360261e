/**
 * From the headers of a request to an actor: a session cookie or a bearer token. Sessions end after 8 idle hours and
 * after 24 hours in any case.
 */
import type { AuthMethod } from '@lodestone/contract-nexus'
import { grantsOfUser, type RoleGrantRow } from '../store/role-grant.ts'
import { siloByRef } from '../store/silo.ts'
import { accessTokenByHash, deleteSession, sessionByHash, touchSession } from '../store/session.ts'
import type { Db } from '../store/store.ts'
import { groupsOfUser, userById } from '../store/user.ts'
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

interface Shown extends Credential {
  readonly userId: string
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
  if (bearer !== undefined) {
    const shown = await tokenShown(db, bearer, now)
    return shown === undefined ? undefined : loadActor(db, shown)
  }
  const cookie = sessionCookie(headers)
  if (cookie === undefined) return undefined
  const shown = await sessionShown(db, cookie, now)
  return shown === undefined ? undefined : loadActor(db, shown)
}

export function sessionCookie(headers: Headers): string | undefined {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const [name, value] = part.trim().split('=')
    if (name === SESSION_COOKIE && value !== undefined && value !== '') return value
  }
  return undefined
}

async function tokenShown(db: Db, bearer: string, now: Date): Promise<Shown | undefined> {
  if (!bearer.startsWith(TOKEN_PREFIX)) return undefined
  const token = await accessTokenByHash(db, secretDigest(bearer))
  if (token === undefined || (token.time_expires !== null && token.time_expires <= now)) return undefined
  return { method: 'access_token', id: token.id, userId: token.user_id }
}

async function sessionShown(db: Db, cookie: string, now: Date): Promise<Shown | undefined> {
  const digest = secretDigest(cookie)
  const session = await sessionByHash(db, digest)
  if (session === undefined) return undefined
  const idleMs = now.getTime() - session.time_last_used.getTime()
  const ageMs = now.getTime() - session.time_created.getTime()
  if (idleMs > SESSION_IDLE_MS || ageMs > SESSION_ABSOLUTE_MS) {
    await deleteSession(db, digest)
    return undefined
  }
  if (idleMs > TOUCH_MS) await touchSession(db, digest, now)
  return { method: 'session_cookie', id: session.id, userId: session.user_id }
}

async function loadActor(db: Db, { userId, ...credential }: Shown): Promise<Actor | undefined> {
  const user = await userById(db, userId)
  if (user === undefined) return undefined
  const silo = await siloByRef(db, user.silo_id)
  if (silo === undefined) return undefined
  const groups = await groupsOfUser(db, userId)
  const grants = await grantsOfUser(
    db,
    userId,
    groups.map((group) => group.id),
  )
  const siloRole = siloRoleOf(grants, silo.id)
  let fleetRole = mappedFleetRole(silo.mapped_fleet_roles, siloRole)
  const projectRoles = new Map<string, ProjectRole>()
  for (const { resource_type, resource_id, role } of grants) {
    // because only values of these unions are ever inserted
    if (resource_type === 'fleet') fleetRole = higherFleetRole(fleetRole, role as FleetRole)
    if (resource_type !== 'project') continue
    const highest = higherSiloRole(projectRoles.get(resource_id), role as ProjectRole)
    if (highest !== undefined) projectRoles.set(resource_id, highest)
  }
  return {
    userId,
    userName: user.external_id,
    siloId: silo.id,
    siloName: silo.name,
    fleetRole,
    siloRole,
    projectRoles,
    credential,
    timeCreated: user.time_created,
    timeModified: user.time_modified,
  }
}

function siloRoleOf(grants: readonly RoleGrantRow[], siloId: string): SiloRole | undefined {
  let highest: SiloRole | undefined
  for (const { resource_type, resource_id, role } of grants) {
    if (resource_type === 'silo' && resource_id === siloId) highest = higherSiloRole(highest, role as SiloRole)
  }
  return highest
}
