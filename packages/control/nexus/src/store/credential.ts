/** Who showed a session or an access token, with everything that decides what they may do: one statement, for every request. */
import type { MappedFleetRoles } from '@lodestone/contract-nexus'
import { sql } from 'kysely'
import type { Db } from './store.ts'

export interface Holder {
  readonly user_id: string
  readonly user_name: string
  readonly user_time_created: Date
  readonly user_time_modified: Date
  readonly silo_id: string
  readonly silo_name: string
  readonly mapped_fleet_roles: MappedFleetRoles
  /** What the user has been given, directly and through groups. */
  readonly grants: readonly { readonly resource_type: string; readonly resource_id: string; readonly role: string }[]
}

export interface SessionHolder extends Holder {
  readonly id: string
  readonly time_created: Date
  readonly time_last_used: Date
}

export interface TokenHolder extends Holder {
  readonly id: string
  readonly time_expires: Date | null
}

/** As text, because building this statement would cost more than running it. */
const HOLDER = sql.raw(`silo_user.id as user_id, silo_user.external_id as user_name,
  silo_user.time_created as user_time_created, silo_user.time_modified as user_time_modified, silo.id as silo_id,
  silo.name as silo_name, silo.mapped_fleet_roles, granted.resource_type, granted.resource_id, granted.role`)

/** Two searches of an index each, where one with `or` would read the grants of everybody. */
const JOINS = sql.raw(`join silo_user on silo_user.id = shown.user_id join silo on silo.id = silo_user.silo_id
  left join lateral (
    select resource_type, resource_id, role from role_grant where identity_id = silo_user.id
    union all
    select resource_type, resource_id, role from silo_group_member
      join role_grant on identity_id = group_id where silo_group_member.user_id = silo_user.id
  ) as granted on true`)

type Grant = Holder['grants'][number]
type Nullable<T> = { readonly [K in keyof T]: T[K] | null }

/** One row for each grant, or one without. */
function withGrants<Row extends Nullable<Grant>>(rows: readonly Row[]): (Row & Pick<Holder, 'grants'>) | undefined {
  const [first] = rows
  if (first === undefined) return undefined
  const grants = rows.flatMap(({ resource_type, resource_id, role }) =>
    resource_type === null || resource_id === null || role === null ? [] : [{ resource_type, resource_id, role }],
  )
  return { ...first, grants }
}

type Joined<T> = Omit<T, 'grants'> & Nullable<Grant>

export async function sessionHolder(db: Db, tokenHash: string): Promise<SessionHolder | undefined> {
  const { rows } = await sql<Joined<SessionHolder>>`
    select shown.id, shown.time_created, shown.time_last_used, ${HOLDER} from session as shown ${JOINS}
    where shown.token_hash = ${tokenHash}`.execute(db)
  return withGrants(rows)
}

export async function tokenHolder(db: Db, tokenHash: string): Promise<TokenHolder | undefined> {
  const { rows } = await sql<Joined<TokenHolder>>`
    select shown.id, shown.time_expires, ${HOLDER} from access_token as shown ${JOINS}
    where shown.token_hash = ${tokenHash}`.execute(db)
  return withGrants(rows)
}
